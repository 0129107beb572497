//! What was found in files, for people: one line each and the line of the file it is about.

use anstyle::Style;

use super::{
    page::Page,
    sanitise,
    style::{CYAN, DIM, GREEN, Line, RED, YELLOW},
};
use crate::{event::FileFinding, policy::Severity};

/// Most findings that are shown; the JSON output has all.
const SHOWN: usize = 200;
/// Columns of the word of the severity.
const WORD: usize = 9;
/// Columns of the line of a file.
const EXCERPT: usize = 84;
/// How far from the left the place is that a long line is cut for.
const BEFORE: usize = 40;

/// Renders findings, file by file in the order given.
pub(super) fn lines(findings: &[FileFinding], lines: &mut Page) {
    let mut file = None;
    for finding in findings.iter().take(SHOWN) {
        if file != Some(&finding.path) {
            lines.push(Line::default());
            lines.push(Line::styled(CYAN, &finding.path));
            file = Some(&finding.path);
        }
        one(finding, lines);
    }
    if findings.len() > SHOWN {
        let more = findings.len() - SHOWN;
        let text = format!("  … {more} more; `--output json` has them all");
        lines.push(Line::styled(DIM, &text));
    }
}

fn one(finding: &FileFinding, lines: &mut Page) {
    let place = match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!("{line}:{column}: "),
        _ => String::new(),
    };
    let text = format!("{place}{} [{}]", finding.message, finding.code);
    let mut wrapped = lines.wrap(&text, 2 + WORD).into_iter();
    let word = finding.severity.word();
    let first = wrapped.next().unwrap_or_default();
    lines.push(
        Line::styled(severity(finding.severity), &format!("  {word:WORD$}"))
            .and(Style::new(), &first),
    );
    let indent = " ".repeat(2 + WORD);
    lines.extend(wrapped.map(|more| Line::plain(&format!("{indent}{more}"))));
    if let (Some(line), Some(column), Some(text)) = (finding.line, finding.column, &finding.excerpt)
        && finding.severity != Severity::Info
    {
        let (text, before) = excerpt(text, column);
        let number = line.to_string();
        let blank = " ".repeat(number.len());
        lines.push(Line::styled(DIM, &format!("{indent}{number} | ")).and(Style::new(), &text));
        let marker = format!("{indent}{blank} | {}", " ".repeat(before));
        lines.push(Line::styled(DIM, &marker).and(severity(finding.severity), "^"));
    }
}

fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => RED,
        Severity::Warning => YELLOW,
        Severity::Info => GREEN,
    }
}

/// Returns the part of a line around a column, and how many characters of it stand before that.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    // What is removed from a line when it is shown would move the place.
    let characters: Vec<char> = line
        .chars()
        .map(|character| match character {
            '\t' => ' ',
            other
                if sanitise::fragment(other.encode_utf8(&mut [0; 4]))
                    .chars()
                    .count()
                    == 1 =>
            {
                other
            }
            _ => '?',
        })
        .collect();
    let at = column.saturating_sub(1).min(characters.len());
    let cut = if characters.len() > EXCERPT {
        at.saturating_sub(BEFORE)
    } else {
        0
    };
    let shown: String = characters.iter().skip(cut).take(EXCERPT).collect();
    (shown, at - cut)
}
