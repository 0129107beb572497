//! The job summary as Markdown: verdict first, tables, evidence folded; data never becomes markup.

use super::{
    Ended, Timeline,
    phrases::{self, Tone},
    plan, sanitise, sparkline,
    tables::{self, Table},
};
use crate::event::{Ending, Outcome};

/// Most bytes of a summary. GitHub drops the whole of one above 1 MiB.
pub const LIMIT: usize = 64 * 1024;

/// Most rows of a table.
const ROWS: usize = 50;
/// Most characters of one piece of data.
const CELL: usize = 200;

/// Renders the summary with a small chart of the run, at most [`LIMIT`] bytes. What does not fit is left out, and said so.
pub fn render(ended: &Ended<'_>, timeline: &Timeline) -> String {
    let alert = match phrases::tone(ended.outcome) {
        Tone::Good => "NOTE",
        Tone::Caution => "WARNING",
        Tone::Bad => "CAUTION",
    };
    format!("> [!{alert}]\n{}", render_without_alerts(ended, timeline))
}

/// Does an outcome say more than the log does?
pub(super) fn is_worth_a_summary(outcome: &Outcome) -> bool {
    outcome.ending != Ending::Shown || outcome.traffic_plan.is_some()
}

/// As [`render`], for places that do not know GitHub's alerts.
pub fn render_without_alerts(ended: &Ended<'_>, timeline: &Timeline) -> String {
    let outcome = ended.outcome;
    let mut body = head(ended);
    let weight = outcome.deployment.as_ref().and_then(|it| it.weight);
    let drawn = sparkline::lines(timeline, weight);
    if !drawn.is_empty() {
        let drawn = fenced("text", &(drawn.join("\n") + "\n"));
        body.push_str(&format!("\n#### Over time\n\n{drawn}"));
    }
    let mut left_out = false;
    for table in tables::of(outcome) {
        left_out |= !push(&mut body, &section(&table));
    }
    if !outcome.diff.is_empty() {
        let room = LIMIT.saturating_sub(body.len() + 1_000);
        match diff(&outcome.diff, room) {
            Some(section) => left_out |= !push(&mut body, &section),
            None => left_out = true,
        }
    }
    if left_out {
        body.push_str("\nMore than fits here; the JSON report has all of it.\n");
    }
    body
}

/// Escapes data for Markdown: one line in which nothing is markup, a link or a mention.
pub fn escape(text: &str) -> String {
    let line = sanitise::shorten(&sanitise::line(text), CELL);
    let mut safe = String::with_capacity(line.len() + 8);
    for (position, character) in line.char_indices() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '@' | '#' | '$' | '!' => {
                safe.push('\\');
                safe.push(character);
            }
            ':' if line[position..].starts_with("://") => safe.push_str("\\:"),
            '.' if line[..position].to_ascii_lowercase().ends_with("www") => {
                safe.push_str("\\.");
            }
            '-' | '+' | '=' | ':' if position == 0 => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    safe
}

fn push(body: &mut String, section: &str) -> bool {
    let fits = body.len() + section.len() + 500 <= LIMIT;
    if fits {
        body.push_str(section);
    }
    fits
}

fn head(ended: &Ended<'_>) -> String {
    let outcome = ended.outcome;
    let mut text = format!("> **{}**", phrases::headline(ended));
    if !outcome.reason.is_empty() {
        text.push_str(&format!(" {}", escape(&outcome.reason)));
    }
    if let Some(opens) = outcome.verdict.as_ref().and_then(phrases::opens) {
        // A backslash at the end of a line breaks it.
        let opens = escape(&opens);
        text.push_str(&format!("\\\n> Opens {opens}"));
    }
    text.push_str("\n\n");
    if let Some(deployment) = &outcome.deployment {
        let length = phrases::between(ended.started_at, ended.finished_at);
        let what = escape(&phrases::deployment(deployment));
        text.push_str(&format!("{what}, {length}\n\n"));
    }
    if let Some(record) = &outcome.plan {
        for (label, fact) in plan::facts(record) {
            let label = if label.is_empty() { "preflight" } else { label };
            text.push_str(&format!("- {label}: {}\n", escape(&fact)));
        }
        text.push('\n');
    }
    let code = escape(&outcome.reason_code);
    text.push_str(&format!(
        "`{}` ended with exit code {}, {code}\n",
        ended.command, ended.exit_code
    ));
    for step in ended.outcome.next_steps().iter().take(ROWS) {
        text.push_str(&format!("- next: {}\n", escape(step)));
    }
    text
}

fn section(table: &Table) -> String {
    let columns = &table.columns;
    let title = escape(&table.title);
    let mut text = format!("\n#### {title}\n\n| {} |\n", columns.join(" | "));
    text.push_str(&format!("|{}\n", " --- |".repeat(columns.len())));
    for row in table.rows.iter().take(ROWS) {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let more = table.rows.len().saturating_sub(ROWS);
    if more > 0 {
        text.push_str(&format!("\nand {more} more\n"));
    }
    if let Some(note) = &table.note {
        text.push_str(&format!("\n{}\n", escape(note)));
    }
    text
}

/// Returns the folded diff, cut at a line's end to about `room` bytes.
fn diff(diff: &str, room: usize) -> Option<String> {
    let mut body = String::new();
    let mut cut = false;
    for line in sanitise::lines(diff) {
        if body.len() + line.len() + 1 > room {
            cut = true;
            break;
        }
        body.push_str(&line);
        body.push('\n');
    }
    if body.is_empty() {
        return None;
    }
    let note = if cut {
        "\nThe diff goes on; the JSON report has all of it.\n"
    } else {
        ""
    };
    Some(format!(
        "\n<details><summary>Diff</summary>\n\n{}{note}\n</details>\n",
        fenced("diff", &body)
    ))
}

/// Returns lines between fences that nothing in them closes.
fn fenced(language: &str, body: &str) -> String {
    let runs = body.split(|character| character != '`');
    let longest = runs.map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{body}{fence}\n")
}
