//! The cases of policies for people: a table, and below it what each failing one expected.

use anstyle::Style;

use super::{
    page::Page,
    sanitise,
    style::{BOLD, CYAN, Line},
    text,
};
use crate::{event::CaseRecord, policy::Mismatch};

/// Adds the cases, one table for each file.
pub(super) fn lines(records: &[CaseRecord], lines: &mut Page) {
    for file in records.chunk_by(|left, right| left.path == right.path) {
        let rows = file.iter().map(|record| {
            let word = if record.passed() { "holds" } else { "fails" };
            vec![
                word.to_owned(),
                record.line.to_string(),
                record.name.clone(),
                record.at.format("%a %Y-%m-%d %H:%M").to_string(),
                record.verdict.decision.word().to_owned(),
            ]
        });
        let first = file.first();
        let path = first.map(|record| record.path.as_str()).unwrap_or_default();
        let zone = first.map(|record| record.verdict.timezone.as_str());
        let at = format!("at ({})", zone.unwrap_or_default());
        let header = ["result", "line", "case", &at, "decision"];
        text::section(path, &header, rows, lines);
    }
    for record in records.iter().filter(|record| !record.passed()) {
        lines.push(Line::default());
        let place = format!("{}:{}", record.path, record.line);
        lines.push(Line::styled(CYAN, &place).and(BOLD, &format!("  {}", record.name)));
        for expectation in expectations(record) {
            text::labelled("  ", 2, &expectation, Style::new(), lines);
        }
        text::labelled("  because ", 10, &reason(record), Style::new(), lines);
    }
}

/// Returns one line for each thing that was expected and not found.
pub(super) fn expectations(record: &CaseRecord) -> Vec<String> {
    let line = |it: &Mismatch| {
        let text = format!("{}: expected {}, found {}", it.what, it.expected, it.found);
        sanitise::line(&text)
    };
    record.mismatches.iter().map(line).collect()
}

/// Returns why the policy decides as it does.
pub(super) fn reason(record: &CaseRecord) -> String {
    let deciding = record.verdict.deciding();
    deciding.map_or_else(String::new, |reason| sanitise::line(&reason.message))
}
