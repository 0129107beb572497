//! What a deployment would do, for people: facts, steps with their times, the way back, the commits.

use std::{collections::HashSet, time::Duration};

use super::{
    page::Page,
    phrases,
    style::{self, BOLD, DIM, Line},
    text::{self, diff_lines, fact, section},
};
use crate::{
    event::{PlanRecord, PlannedCommit, PlannedStep},
    units::format_duration,
};

/// Columns of the table of steps.
pub(super) const STEP_COLUMNS: [&str; 6] = ["#", "step", "weight", "begins", "takes", "way back"];
/// Columns of the table of ways back.
pub(super) const BACK_COLUMNS: [&str; 2] = ["", "from there it goes back by"];
/// What the way back is called where the version is judged good already.
const TIDIES: &str =
    "nothing is taken back: it is judged good by then, and the same deploy again does what is left";
/// What it is called before anything is written.
const NOTHING: &str = "there is nothing to take back";

/// Renders a plan.
pub(super) fn lines(record: &PlanRecord, lines: &mut Page) {
    lines.push(Line::default());
    for (label, text) in facts(record) {
        fact(label, &text, lines);
    }
    let rows = record.steps.iter().map(|step| step_row(record, step));
    section("steps", &STEP_COLUMNS, rows, lines);
    way_back(record, lines);
    let mut said = HashSet::new();
    for (index, commit) in record.commits.iter().enumerate() {
        self::commit(index + 1, record, commit, &mut said, lines);
    }
}

/// Returns what there is to say of the plan as a whole, with a label each.
pub(super) fn facts(record: &PlanRecord) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("service", what(record)),
        (
            "branch",
            format!("{}, on {}", record.branch, phrases::short(&record.base)),
        ),
        ("run", record.run.clone()),
    ];
    if record.through_pull_request {
        facts.push(("lands", "through pull requests, not by pushes".to_owned()));
    }
    let mut label = "preflight";
    for row in &record.preflight {
        let state = if row.passed { "passed" } else { "not asked" };
        facts.push((label, format!("{state}: {} ({})", row.detail, row.name)));
        label = "";
    }
    facts.push((
        "takes",
        format!(
            "at least {}; {}",
            format_duration(record.shortest),
            record.otherwise
        ),
    ));
    let code = record.end.ending.code();
    facts.push((
        "ends",
        format!(
            "{} (exit code {} {})",
            record.end.sentence, code.number, code.name
        ),
    ));
    facts
}

fn what(record: &PlanRecord) -> String {
    format!(
        "{} in {}, {} -> {}, {}",
        record.service,
        record.environment,
        record.previous_version,
        record.version,
        record.strategy
    )
}

/// Returns a row of the table of steps.
pub(super) fn step_row(record: &PlanRecord, step: &PlannedStep) -> Vec<String> {
    vec![
        step.index.to_string(),
        step.name.clone(),
        step.weight.map(|it| it.to_string()).unwrap_or_default(),
        if step.is_done {
            "done".to_owned()
        } else {
            format!("+{}", format_duration(step.begins_after))
        },
        takes(step),
        ways_back(record)
            .iter()
            .position(|way| way.first <= step.index && step.index <= way.last)
            .map(letter)
            .unwrap_or_default(),
    ]
}

fn takes(step: &PlannedStep) -> String {
    match step.longest {
        _ if step.is_done => String::new(),
        None => "until a person has approved it".to_owned(),
        Some(longest) if step.shortest == Duration::ZERO => {
            format!("up to {}", format_duration(longest))
        }
        Some(_) => format_duration(step.shortest),
    }
}

/// A way back that several steps in a row share.
struct SharedWay {
    first: usize,
    last: usize,
    text: String,
}

fn ways_back(record: &PlanRecord) -> Vec<SharedWay> {
    let mut ways: Vec<SharedWay> = Vec::new();
    for step in &record.steps {
        let text = if step.only_tidies {
            TIDIES.to_owned()
        } else if step.way_back.is_empty() {
            NOTHING.to_owned()
        } else {
            let names = step.way_back.iter();
            let bare = names.map(|name| name.strip_prefix("back: ").unwrap_or(name));
            bare.collect::<Vec<_>>().join("; then ")
        };
        match ways.last_mut() {
            Some(way) if way.text == text => way.last = step.index,
            _ => ways.push(SharedWay {
                first: step.index,
                last: step.index,
                text,
            }),
        }
    }
    ways
}

/// Returns the ways back with the letter by which the steps name them.
pub(super) fn back_rows(record: &PlanRecord) -> Vec<Vec<String>> {
    let ways = ways_back(record).into_iter().enumerate();
    ways.map(|(index, way)| vec![letter(index), way.text])
        .collect()
}

fn letter(index: usize) -> String {
    let letters = ('A'..='Z').map(String::from);
    letters
        .into_iter()
        .nth(index)
        .unwrap_or_else(|| (index + 1).to_string())
}

fn way_back(record: &PlanRecord, lines: &mut Page) {
    lines.push(Line::default());
    lines.push(Line::styled(BOLD, "way back"));
    for row in back_rows(record) {
        let [letter, text] = &row[..] else { continue };
        text::labelled(&format!("  {letter}  "), 5, text, style::PLAIN, lines);
    }
}

/// Shows a commit. What the message of an earlier one says as well is told once.
fn commit(
    number: usize,
    record: &PlanRecord,
    commit: &PlannedCommit,
    said: &mut HashSet<String>,
    lines: &mut Page,
) {
    lines.push(Line::default());
    let place = format!("  step {} of {}", commit.step, record.steps.len());
    let head = format!("commit {number} of {}", record.commits.len());
    lines.push(Line::styled(BOLD, &head).and(DIM, &place));
    let mut left_out = 0;
    let mut blank = true;
    for line in commit.message.lines() {
        if line.is_empty() {
            if !blank {
                lines.push(Line::default());
            }
            blank = true;
        } else if said.insert(line.to_owned()) {
            lines.push(Line::plain(&format!("  {line}")));
            blank = false;
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let text = format!("  … and {left_out} lines as in the commits before");
        lines.push(Line::styled(DIM, &text));
    }
    lines.push(Line::default());
    diff_lines(&commit.diff, lines);
}
