//! How much weight for how long, for people: a row for each step of each comparison.

use std::time::Duration;

use super::{
    page::Page,
    style::{BOLD, DIM, Line, PLAIN},
    text::{self, unbroken},
};
use crate::{
    analysis::traffic_plan::{Advice, Outlook, Step},
    event::{
        ComparisonPlan, TrafficPlanRecord,
        quantity::{length, number, percent, thousands},
    },
    units::format_duration,
};

/// Columns of the table.
pub(super) const COLUMNS: [&str; 11] = [
    "enough", "weight", "for", "requests", "canary", "sees", "promises", "found in", "one look",
    "good in", "would do",
];

/// What the columns mean.
pub(super) const LEGEND: [(&str, &str); 7] = [
    (
        "enough",
        "`no` and `larger`: only larger faults are found; a proposal may do that before its last \
         weight, where fewer people are hit",
    ),
    (
        "sees",
        "the smallest share of bad requests, as a multiple of the usual one, that is called worse \
         before the step ends in 4 of 5 runs",
    ),
    (
        "promises",
        "what the comparison must find: unacceptable_ratio times stable, where that is above the \
         negligible",
    ),
    (
        "found in",
        "how long that takes in 4 of 5 runs, however often it is looked at (off by -34 to +45 %)",
    ),
    (
        "one look",
        "how long a textbook test of two proportions would take: right only if nobody looks before",
    ),
    (
        "good in",
        "how long a healthy canary takes to be called good in 4 of 5 runs; where that is longer than \
         the step, it mostly ends undecided",
    ),
    (
        "would do",
        "a weight for this time, or a time for this weight",
    ),
];

/// Renders a traffic plan.
pub(super) fn lines(record: &TrafficPlanRecord, lines: &mut Page) {
    for comparison in &record.comparisons {
        lines.push(Line::default());
        lines.push(Line::styled(BOLD, &title(comparison)));
        if !comparison.steps.is_empty() {
            let title = format!("steps of {}", record.steps_from);
            let rows = step_rows(comparison).into_iter();
            unbroken(&title, &COLUMNS, rows, lines);
        }
        if let Some(schedule) = &comparison.schedule {
            let title = format!("proposed for {}", format_duration(schedule.total));
            match &schedule.steps {
                Ok(steps) => {
                    let rows = schedule_rows(comparison).into_iter();
                    unbroken(&title, &COLUMNS, rows, lines);
                    lines.push(Line::default());
                    let written = written_steps(steps);
                    lines.extend(written.iter().map(|line| Line::styled(PLAIN, line)));
                }
                Err(too_short) => {
                    lines.push(Line::default());
                    lines.push(Line::styled(BOLD, &title));
                    text::labelled("  ", 2, &too_short.to_string(), PLAIN, lines);
                }
            }
        }
    }
    lines.push(Line::default());
    for (column, meaning) in LEGEND {
        text::labelled(&format!("  {column:<10}"), 12, meaning, DIM, lines);
    }
}

/// Returns what a comparison is and on what its plan rests.
pub(super) fn title(comparison: &ComparisonPlan) -> String {
    format!(
        "{}: {} requests/s, usually {} of them bad, a poll every {}",
        comparison.name,
        number(comparison.requests_per_second),
        percent(comparison.baseline),
        format_duration(comparison.interval)
    )
}

/// Returns the rows of the steps that are there.
pub(super) fn step_rows(comparison: &ComparisonPlan) -> Vec<Vec<String>> {
    let steps = comparison.steps.iter();
    steps
        .map(|step| row(comparison, &step.outlook, step.advice.as_ref()))
        .collect()
}

/// Returns the rows of the steps that are proposed.
pub(super) fn schedule_rows(comparison: &ComparisonPlan) -> Vec<Vec<String>> {
    let schedule = comparison.schedule.as_ref();
    let steps = schedule.and_then(|schedule| schedule.steps.as_ref().ok());
    let steps = steps.into_iter().flatten();
    steps
        .map(|outlook| {
            let mut row = row(comparison, outlook, None);
            if let Some(enough) = row.first_mut() {
                let sees = outlook.sees_what_is_promised() && !comparison.is_exceeded_already();
                *enough = if sees { "yes" } else { "larger" }.to_owned();
            }
            row
        })
        .collect()
}

/// Returns proposed steps as the configuration has them, one line each, where its `canary` has them.
fn written_steps(steps: &[Outlook]) -> Vec<String> {
    let mut lines = vec!["        steps:".to_owned()];
    for outlook in steps {
        let Step { weight, minutes } = outlook.step;
        // To the second: nobody writes a pause more finely, and it is never shorter than proposed.
        let time = Duration::try_from_secs_f64((minutes * 60.0).ceil()).unwrap_or_default();
        lines.push(format!("          - set_weight: {}", weight.percent()));
        lines.push(format!(
            "          - pause: {{duration: {}}}",
            format_duration(time)
        ));
    }
    lines
}

fn row(comparison: &ComparisonPlan, outlook: &Outlook, advice: Option<&Advice>) -> Vec<String> {
    let rate = |rate: Option<f64>| match rate {
        None => "nothing".to_owned(),
        Some(rate) if comparison.baseline > 0.0 => {
            format!("{}x", number(rate / comparison.baseline))
        }
        Some(rate) => percent(rate),
    };
    let time = |minutes: Option<f64>| minutes.map_or_else(|| "never".to_owned(), length);
    let would_do = advice.map(|advice| {
        let weight = advice.weight.map(|weight| weight.to_string());
        let minutes = advice.minutes.map(length);
        match (weight, minutes) {
            (Some(weight), Some(minutes)) => format!("{weight} or {minutes}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "neither".to_owned(),
        }
    });
    vec![
        if advice.is_some() || comparison.is_exceeded_already() {
            "no"
        } else {
            "yes"
        }
        .to_owned(),
        outlook.step.weight.to_string(),
        length(outlook.step.minutes),
        thousands(outlook.requests),
        thousands(outlook.canary_requests),
        rate(outlook.smallest_rate),
        rate(Some(outlook.promised_rate)),
        time(outlook.minutes_to_worse),
        time(outlook.one_look_minutes),
        time(outlook.minutes_to_good),
        would_do.unwrap_or_default(),
    ]
}
