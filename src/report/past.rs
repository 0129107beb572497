//! The past for people: deployments, their figures, and what on the branch nobody explains.

use super::{
    page::Page,
    phrases,
    style::{BOLD, CYAN, Line},
    text,
};
use crate::{
    event::{Deployment, DoraFigures, Gap, Median, Outcome},
    units::format_duration,
};

/// Where they are defined.
const DEFINED: &str = "what is counted: docs/history.md, after https://dora.dev";
/// What is told of a gap in a row.
pub(super) const GAP_COLUMNS: [&str; 6] = ["gap", "commit", "when (UTC)", "by", "where", "value"];

/// Adds whatever the outcome says about the past.
pub(super) fn lines(outcome: &Outcome, lines: &mut Page) {
    deployments(&outcome.history, lines);
    if let Some(dora) = &outcome.dora {
        let from = dora
            .from
            .map(|from| from.format("%Y-%m-%d %H:%M").to_string());
        let range = format!(
            "figures, {} to {} UTC",
            from.unwrap_or_else(|| "the beginning".to_owned()),
            dora.until.format("%Y-%m-%d %H:%M")
        );
        let rows = figures(dora).into_iter();
        text::section(&range, &["figure", "value", "of"], rows, lines);
        text::fact("", DEFINED, lines);
    }
    let Some(audit) = &outcome.audit else { return };
    for gap in &audit.gaps {
        lines.push(Line::default());
        let head = match &gap.commit {
            Some(commit) => format!("commit {}", phrases::short(commit)),
            None => "no commit".to_owned(),
        };
        let at = gap.at.format("%Y-%m-%d %H:%M UTC");
        let by = gap.author.as_deref().map(|by| format!(" by {by}"));
        let title = format!("  {}{}, {at}", gap.service, by.unwrap_or_default());
        lines.push(Line::styled(CYAN, &head).and(BOLD, &title));
        if gap.change.is_some() {
            text::fact("value", &value(gap), lines);
            text::fact("where", &place(gap), lines);
        }
        let why = format!("{}: {}", gap.kind.word(), gap.message);
        text::fact("gap", &why, lines);
    }
}

fn deployments(history: &[Deployment], lines: &mut Page) {
    let rows = history.iter().map(|past| {
        let at = past.finished_at.or(past.started_at);
        let version = past.version.as_ref().map(ToString::to_string);
        vec![
            past.state.clone(),
            at.map(|at| at.format("%Y-%m-%d %H:%M").to_string())
                .unwrap_or_default(),
            past.service.clone(),
            past.environment.clone(),
            version.unwrap_or_default(),
            past.previous_version.clone().unwrap_or_default(),
            past.commits
                .last()
                .map(|it| phrases::short(&it.sha))
                .unwrap_or_default(),
            past.actor.clone().unwrap_or_default(),
        ]
    });
    let header = [
        "state",
        "when (UTC)",
        "service",
        "environment",
        "version",
        "before",
        "commit",
        "by",
    ];
    text::section("deployments", &header, rows, lines);
}

/// Returns a row for each figure.
pub(super) fn figures(dora: &DoraFigures) -> Vec<Vec<String>> {
    let row = |name: &str, value: String, of: String| vec![name.to_owned(), value, of];
    let of = |median: Median, what: &str| match median {
        Median { known, of, .. } if known == of => counted(of, what),
        Median { known, of, .. } => format!("{known} of {}", counted(of, what)),
    };
    let per_week = dora
        .deployments_per_week
        .map(|it| format!("{it:.1} a week"));
    let rate = dora
        .change_failure_rate()
        .map(|it| format!("{:.0} %", it * 100.0));
    let mut rows = vec![
        row(
            "deployment frequency",
            per_week.unwrap_or_else(not_known),
            counted(dora.deployments, "deployment"),
        ),
        row(
            "time between deployments",
            length(dora.between),
            of(dora.between, "interval"),
        ),
        row(
            "lead time for changes",
            length(dora.lead_time),
            of(dora.lead_time, "deployment"),
        ),
        row(
            "change failure rate",
            rate.unwrap_or_else(not_known),
            format!("{} of {}", dora.failures, counted(dora.changes, "change")),
        ),
        row(
            "time to restore",
            length(dora.time_to_restore),
            of(dora.time_to_restore, "failure"),
        ),
    ];
    if dora.not_counted + dora.drills > 0 {
        let left_out = format!(
            "{}, {}",
            counted(dora.not_counted, "run"),
            counted(dora.drills, "drill")
        );
        rows.push(row("not counted", left_out, String::new()));
    }
    rows
}

/// Returns the row of a gap.
pub(super) fn gap(gap: &Gap) -> Vec<String> {
    let commit = gap.commit.as_deref().map(phrases::short);
    vec![
        gap.kind.word().to_owned(),
        commit.unwrap_or_default(),
        gap.at.format("%Y-%m-%d %H:%M").to_string(),
        gap.author.clone().unwrap_or_default(),
        place(gap),
        match gap.change {
            Some(_) => value(gap),
            None => gap.message.clone(),
        },
    ]
}

fn place(gap: &Gap) -> String {
    let change = gap.change.as_ref();
    change.map_or_else(String::new, |it| format!("{}:{}", it.path, it.line))
}

fn value(gap: &Gap) -> String {
    let Some(change) = &gap.change else {
        return String::new();
    };
    let or_gone = |value: &Option<String>| value.clone().unwrap_or_else(|| "gone".to_owned());
    format!(
        "{} of {}: {} -> {}",
        change.key.target,
        change.key.object,
        or_gone(&change.old),
        or_gone(&change.new)
    )
}

fn length(median: Median) -> String {
    let length = median.median.and_then(|length| length.to_std().ok());
    let median = length.map(|length| format!("{} (median)", format_duration(length)));
    median.unwrap_or_else(not_known)
}

fn counted(count: usize, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

fn not_known() -> String {
    "not known".to_owned()
}
