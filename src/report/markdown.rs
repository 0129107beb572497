//! The job summary as Markdown: verdict first, tables, evidence folded; data never becomes markup.

use super::{Ended, comparison, ends, past, phrases, phrases::Tone, plan, sanitise, traffic_plan};
use crate::{event::Outcome, policy::Verdict};

/// Most bytes of a summary. GitHub drops the whole of one above 1 MiB.
pub const LIMIT: usize = 64 * 1024;

/// Most rows of a table.
const ROWS: usize = 50;
/// Most characters of one piece of data.
const CELL: usize = 200;

/// Renders the summary, at most [`LIMIT`] bytes. What does not fit is left out, and said so.
pub fn render(ended: &Ended<'_>) -> String {
    let outcome = ended.outcome;
    let mut body = head(ended);
    let sections = [
        services(outcome),
        outcome.verdict.as_ref().map(gate),
        refusals(outcome),
        steps(outcome),
        plan_steps(outcome),
        ways_back(outcome),
        plan_commits(outcome),
        traffic_plan(outcome),
        metrics(outcome),
        compared(outcome),
        changes(outcome),
        commits(outcome),
        history(outcome),
        figures(outcome),
        gaps(outcome),
    ];
    let mut left_out = false;
    for section in sections.into_iter().flatten() {
        left_out |= !push(&mut body, &section);
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
    let alert = match phrases::tone(outcome) {
        Tone::Good => "NOTE",
        Tone::Caution => "WARNING",
        Tone::Bad => "CAUTION",
    };
    let mut text = format!("> [!{alert}]\n> **{}**", phrases::headline(ended));
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

fn gate(verdict: &Verdict) -> String {
    let rows = verdict.reasons.iter().map(|reason| {
        vec![
            phrases::effect(reason.effect).to_owned(),
            reason.message.clone(),
            phrases::place(reason),
        ]
    });
    let mut text = table("Gate", &["effect", "reason", "rule"], rows).unwrap_or_default();
    let judged = escape(&phrases::instant(verdict.evaluated_at, &verdict.timezone));
    let policy = escape(&phrases::policy(&verdict.policy));
    text.push_str(&format!("\nJudged at {judged} by {policy}\n"));
    text
}

fn services(outcome: &Outcome) -> Option<String> {
    let rows = outcome.services.iter().map(|end| ends::row(end).to_vec());
    table("Services", &ends::COLUMNS, rows)
}

fn refusals(outcome: &Outcome) -> Option<String> {
    let rows = outcome.refusals.iter().map(|refusal| {
        vec![
            refusal.to_string(),
            refusal.hint.clone().unwrap_or_default(),
        ]
    });
    table("Refused", &["why", "hint"], rows)
}

fn steps(outcome: &Outcome) -> Option<String> {
    let steps = outcome.deployment.as_ref()?.steps.iter();
    let rows = steps.map(|step| {
        vec![
            step.index.to_string(),
            step.name.clone(),
            step.weight.map(|it| it.to_string()).unwrap_or_default(),
            step.state.word().to_owned(),
            phrases::step_length(step),
        ]
    });
    table("Steps", &["#", "step", "weight", "state", "took"], rows)
}

fn plan_steps(outcome: &Outcome) -> Option<String> {
    let record = outcome.plan.as_deref()?;
    let rows = record.steps.iter().map(|it| plan::step_row(record, it));
    table("Planned steps", &plan::STEP_COLUMNS, rows)
}

fn ways_back(outcome: &Outcome) -> Option<String> {
    let rows = plan::back_rows(outcome.plan.as_deref()?);
    table("Way back", &plan::BACK_COLUMNS, rows.into_iter())
}

fn plan_commits(outcome: &Outcome) -> Option<String> {
    let commits = outcome.plan.as_deref()?.commits.iter();
    let rows = commits.map(|commit| {
        let values = commit.changes.len().to_string();
        vec![commit.step.to_string(), commit.subject.clone(), values]
    });
    table("Planned commits", &["step", "subject", "values"], rows)
}

fn traffic_plan(outcome: &Outcome) -> Option<String> {
    let record = outcome.traffic_plan.as_deref()?;
    let mut text = String::new();
    for comparison in &record.comparisons {
        let title = escape(&traffic_plan::title(comparison));
        let steps = traffic_plan::step_rows(comparison);
        let proposed = traffic_plan::schedule_rows(comparison);
        for (what, rows) in [("Traffic plan", steps), ("Proposed weights", proposed)] {
            let title = format!("{what} of {title}");
            text.extend(table(&title, &traffic_plan::COLUMNS, rows.into_iter()));
        }
    }
    Some(text)
}

fn metrics(outcome: &Outcome) -> Option<String> {
    let single = outcome.metrics.iter();
    let single: Vec<_> = single.filter(|it| it.comparison.is_none()).collect();
    let rows = single.into_iter().map(|metric| {
        vec![
            phrases::name(metric),
            metric.verdict.to_owned(),
            phrases::value(metric),
            metric.wanted.clone(),
            format!("{} of {}", metric.failed, metric.measured),
            metric.detail.clone(),
        ]
    });
    let header = ["metric", "verdict", "value", "wanted", "failed", "detail"];
    table("Metrics", &header, rows)
}

fn compared(outcome: &Outcome) -> Option<String> {
    let header = ["metric", "verdict", "figures", "judgement"];
    table(
        "Compared",
        &header,
        comparison::summary(&outcome.metrics).into_iter(),
    )
}

fn changes(outcome: &Outcome) -> Option<String> {
    let rows = outcome.changes.iter().map(|change| {
        vec![
            phrases::change_place(change),
            format!("{} {}", change.object, change.target()),
            change.before().to_owned(),
            change.after().to_owned(),
        ]
    });
    table("Changes", &["where", "what", "old", "new"], rows)
}

fn commits(outcome: &Outcome) -> Option<String> {
    let commits = outcome.deployment.as_ref()?.commits.iter();
    let rows = commits.map(|commit| vec![phrases::short(&commit.sha), commit.subject.clone()]);
    table("Commits", &["commit", "subject"], rows)
}

fn history(outcome: &Outcome) -> Option<String> {
    let rows = outcome.history.iter().map(|past| {
        vec![
            past.finished_at
                .map(|at| at.format("%Y-%m-%d %H:%M").to_string())
                .unwrap_or_default(),
            phrases::deployment(past),
            past.state.clone(),
        ]
    });
    table("Deployments", &["when (UTC)", "what", "state"], rows)
}

fn figures(outcome: &Outcome) -> Option<String> {
    let rows = past::figures(outcome.dora.as_ref()?);
    table("Figures", &["figure", "value", "of"], rows.into_iter())
}

fn gaps(outcome: &Outcome) -> Option<String> {
    let gaps = outcome.audit.as_ref()?.gaps.iter();
    table("Gaps", &past::GAP_COLUMNS, gaps.map(past::gap))
}

fn table(
    title: &str,
    header: &[&str],
    rows: impl ExactSizeIterator<Item = Vec<String>>,
) -> Option<String> {
    let more = rows.len().saturating_sub(ROWS);
    if rows.len() == 0 {
        return None;
    }
    let mut text = format!("\n#### {title}\n\n| {} |\n", header.join(" | "));
    text.push_str(&format!("|{}\n", " --- |".repeat(header.len())));
    for row in rows.take(ROWS) {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    if more > 0 {
        text.push_str(&format!("\nand {more} more\n"));
    }
    Some(text)
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
    let longest = body
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let note = if cut {
        "\nThe diff goes on; the JSON report has all of it.\n"
    } else {
        ""
    };
    Some(format!(
        "\n<details><summary>Diff</summary>\n\n{fence}diff\n{body}{fence}\n{note}\n</details>\n"
    ))
}
