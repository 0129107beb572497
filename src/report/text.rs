//! The result for people, on standard output: verdict first, then what explains it, then what to do.

use std::io::{self, Write};

use anstyle::Style;
use comfy_table::{ContentArrangement, Table, presets};

use super::{
    Ended, Sink, cases, comparison, ends, findings, outlook,
    page::Page,
    past,
    phrases::{self, Tone},
    plan, sanitise, services,
    style::{self, BOLD, CYAN, DIM, Line},
    traffic_plan,
};
use crate::{
    event::{Deployment, Ending, MetricRecord},
    manifest::Change,
    policy::{Decision, Effect, Reason, Verdict},
};

/// Columns that a table gets, however narrow the terminal is.
const TABLE: usize = 59;
/// Columns of the labels on the left.
const LABEL: usize = 12;
/// Most lines of a diff that are shown; the JSON output has all.
const DIFF_LINES: usize = 400;

/// Prints the result.
pub struct Text<W> {
    writer: W,
    colour: bool,
    columns: Option<usize>,
}

impl<W: Write> Text<W> {
    /// Prints to `writer`, with colours if `colour`.
    pub fn new(writer: W, colour: bool) -> Self {
        Self {
            writer,
            colour,
            columns: None,
        }
    }

    /// Breaks lines where a terminal of so many columns ends; none = there is no terminal.
    #[must_use]
    pub fn within(mut self, columns: Option<usize>) -> Self {
        self.columns = columns;
        self
    }
}

impl<W: Write> Sink for Text<W> {
    fn name(&self) -> &'static str {
        "the result"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        let mut text = String::new();
        for line in lines(ended, self.columns) {
            text.push_str(&line.render(self.colour));
            text.push('\n');
        }
        self.writer.write_all(text.as_bytes())?;
        self.writer.flush()
    }
}

/// A result of more lines than this does not fit on a usual terminal.
const SCREEN_LINES: usize = 30;

/// Returns the whole result as lines.
fn lines(ended: &Ended<'_>, columns: Option<usize>) -> Vec<Line> {
    let outcome = ended.outcome;
    let mut lines = Page::new(columns);
    if outcome.ending != Ending::Shown || !outcome.reason.is_empty() {
        head(ended, &mut lines);
    }
    services::lines(&outcome.verdicts, &mut lines);
    ends::lines(&outcome.services, &mut lines);
    facts(ended, &mut lines);
    changes(&outcome.changes, &mut lines);
    match &outcome.plan {
        Some(record) => plan::lines(record, &mut lines),
        None => diff(&outcome.diff, &mut lines),
    }
    if let Some(record) = &outcome.traffic_plan {
        traffic_plan::lines(record, &mut lines);
    }
    if let Some(deployment) = &outcome.deployment {
        steps(deployment, &mut lines);
    }
    metrics(&outcome.metrics, &mut lines);
    if let Some(deployment) = &outcome.deployment {
        let commits = deployment
            .commits
            .iter()
            .map(|commit| vec![phrases::short(&commit.sha), commit.subject.clone()]);
        section("commits", &["commit", "subject"], commits, &mut lines);
    }
    past::lines(outcome, &mut lines);
    findings::lines(&outcome.findings, &mut lines);
    cases::lines(&outcome.cases, &mut lines);
    if let Some(record) = &outcome.outlook {
        outlook::lines(record, &mut lines);
    }
    let next = ended.outcome.next_steps();
    if !next.is_empty() {
        lines.push(Line::default());
        for step in next {
            let mut left = "next: ";
            for part in lines.wrap_beside_commands(&step, left.len()) {
                lines.push(Line::styled(DIM, left).and(BOLD, &part));
                left = "      ";
            }
        }
    }
    // On a terminal the beginning of a long result has scrolled away: the verdict is told again.
    if lines.len() > SCREEN_LINES {
        lines.push(Line::default());
        head(ended, &mut lines);
    }
    lines.finish()
}

fn head(ended: &Ended<'_>, lines: &mut Page) {
    let outcome = ended.outcome;
    let word = phrases::headline(ended);
    let style = style::of(phrases::tone(outcome)).bold();
    let indent = word.chars().count() + 2;
    let mut reason = lines.wrap(&outcome.reason, indent).into_iter();
    let first = reason.next().unwrap_or_default();
    lines.push(Line::styled(style, &word).and(BOLD, &format!("  {first}")));
    for more in reason {
        lines.push(Line::styled(BOLD, &format!("{:indent$}{more}", "")));
    }
}

fn facts(ended: &Ended<'_>, lines: &mut Page) {
    let outcome = ended.outcome;
    let begin = lines.len();
    match &outcome.verdict {
        Some(verdict) if outcome.verdicts.is_empty() && outcome.services.is_empty() => {
            gate(verdict, lines);
        }
        Some(verdict) => judged(verdict, lines),
        None => {}
    }
    for refusal in &outcome.refusals {
        fact("refused", &refusal.to_string(), lines);
        if let Some(hint) = &refusal.hint {
            fact("", &format!("hint: {hint}"), lines);
        }
    }
    if let Some(deployment) = &outcome.deployment {
        fact("service", &phrases::deployment(deployment), lines);
        if let Some(weight) = deployment.weight {
            let who = if deployment.strategy == "blue_green" {
                "the new version"
            } else {
                "canary"
            };
            fact("weight", &format!("{who} gets {weight}"), lines);
        }
        if let Some(workload) = &deployment.serves {
            fact("serves", workload, lines);
        }
        if !deployment.run.is_empty() {
            fact("run", &deployment.run, lines);
        }
        fact(
            "took",
            &phrases::between(ended.started_at, ended.finished_at),
            lines,
        );
    }
    if ended.exit_code != 0 {
        let text = format!("{} {}", ended.exit_code, outcome.reason_code);
        fact("exit code", &text, lines);
    }
    if lines.len() > begin && begin > 0 {
        lines.insert(begin, Line::default());
    }
}

fn gate(verdict: &Verdict, lines: &mut Page) {
    if let Some(opens) = phrases::opens(verdict) {
        fact_in(BOLD, "opens", &opens, lines);
    } else if verdict.decision == Decision::Blocked {
        fact("opens", "no known time", lines);
    }
    if let Some(closes) = phrases::closes(verdict) {
        fact("closes", &closes, lines);
    }
    let reasons: Vec<&Reason> = verdict.reasons.iter().collect();
    because(&reasons, lines);
    judged(verdict, lines);
}

/// Says what each of these reasons does.
pub(super) fn because(reasons: &[&Reason], lines: &mut Page) {
    let words = reasons.iter().map(|it| phrases::effect(it.effect));
    let longest = words.map(str::len).max().unwrap_or_default();
    let mut label = "because";
    for reason in reasons {
        let tone = match reason.effect {
            Effect::Blocks => Tone::Bad,
            Effect::Allows => Tone::Good,
            _ => Tone::Caution,
        };
        let word = phrases::effect(reason.effect);
        let text = format!("{} ({})", reason.message, phrases::place(reason));
        let indent = longest + 2;
        let mut wrapped = lines.wrap(&text, 2 + LABEL + indent).into_iter();
        lines.push(
            Line::styled(DIM, &format!("  {label:LABEL$}"))
                .and(style::of(tone), &format!("{word:longest$}"))
                .and(
                    Style::new(),
                    &format!("  {}", wrapped.next().unwrap_or_default()),
                ),
        );
        for more in wrapped {
            let left = 2 + LABEL + indent;
            lines.push(Line::plain(&format!("{:left$}{more}", "")));
        }
        label = "";
    }
}

fn judged(verdict: &Verdict, lines: &mut Page) {
    let judged = phrases::instant(verdict.evaluated_at, &verdict.timezone);
    fact("judged at", &judged, lines);
    if !verdict.policy.path.is_empty() {
        fact("policy", &phrases::policy(&verdict.policy), lines);
    }
}

/// Lists changes under their file and object. A path is never broken, so that it can be copied.
fn changes(changes: &[Change], lines: &mut Page) {
    if changes.is_empty() {
        return;
    }
    lines.push(Line::default());
    lines.push(Line::styled(BOLD, "changes"));
    let mut under = String::new();
    for change in changes {
        let head = format!("  {}  {}", change.path, change.object);
        if head != under {
            lines.push(Line::styled(CYAN, &head));
            under = head;
        }
        let place = format!("    {:<8}", format!("{}:{}", change.line, change.column));
        let target = change.target();
        let value = format!("{} -> {}", change.before(), change.after());
        let left = place.len() + target.chars().count() + 2;
        let line = Line::styled(DIM, &place).and(Style::new(), &target);
        if left + value.chars().count() <= lines.width() {
            lines.push(line.and(BOLD, &format!("  {value}")));
            continue;
        }
        lines.push(line);
        for part in lines.wrap(&value, place.len() + 2) {
            let indent = " ".repeat(place.len() + 2);
            lines.push(Line::plain(&indent).and(BOLD, &part));
        }
    }
}

fn steps(deployment: &Deployment, lines: &mut Page) {
    let rows = deployment.steps.iter().map(|step| {
        vec![
            phrases::step_state(step.state).to_owned(),
            step.index.to_string(),
            step.name.clone(),
            step.weight.map(|it| it.to_string()).unwrap_or_default(),
            step.started_at
                .map(|at| at.format("%H:%M:%S").to_string())
                .unwrap_or_default(),
            phrases::step_length(step),
        ]
    });
    let header = ["state", "#", "step", "weight", "began (UTC)", "took"];
    section("steps", &header, rows, lines);
}

fn metrics(metrics: &[MetricRecord], lines: &mut Page) {
    let single = metrics.iter().filter(|metric| metric.comparison.is_none());
    let rows = single.map(|metric| {
        vec![
            metric.verdict.to_owned(),
            phrases::name(metric),
            phrases::value(metric),
            metric.wanted.clone(),
            format!("{} of {}", metric.failed, metric.measured),
            metric.detail.clone(),
        ]
    });
    let header = ["verdict", "metric", "value", "wanted", "failed", "detail"];
    section("metrics", &header, rows, lines);
    comparison::lines(metrics, lines);
}

fn diff(diff: &str, lines: &mut Page) {
    if diff.is_empty() {
        return;
    }
    lines.push(Line::default());
    lines.push(Line::styled(BOLD, "diff"));
    diff_lines(diff, lines);
}

/// Shows a unified diff.
pub(super) fn diff_lines(diff: &str, lines: &mut Page) {
    let mut all = diff.lines();
    for text in all.by_ref().take(DIFF_LINES) {
        let style = match text.as_bytes().first() {
            _ if text.starts_with("+++ b/") || text.starts_with("--- a/") => BOLD,
            Some(b'+') => style::GREEN,
            Some(b'-') => style::RED,
            Some(b'@') => CYAN,
            _ => Style::new(),
        };
        lines.push(Line::plain("  ").and_file(style, text));
    }
    let hidden = all.count();
    if hidden > 0 {
        let text = format!("  … {hidden} more lines; `--output json` has them all");
        lines.push(Line::styled(DIM, &text));
    }
}

pub(super) fn fact(label: &str, text: &str, lines: &mut Page) {
    fact_in(Style::new(), label, text, lines);
}

fn fact_in(style: Style, label: &str, text: &str, lines: &mut Page) {
    labelled(&format!("  {label:LABEL$}"), 2 + LABEL, text, style, lines);
}

pub(super) fn labelled(label: &str, indent: usize, text: &str, style: Style, lines: &mut Page) {
    let mut left = label.to_owned();
    for part in lines.wrap(text, indent) {
        lines.push(Line::styled(DIM, &left).and(style, &part));
        left = " ".repeat(indent);
    }
}

/// Adds a table under a title, if it has rows. The first cell of a row is coloured by its word.
pub(super) fn section(
    title: &str,
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    lines: &mut Page,
) {
    arranged(ContentArrangement::Dynamic, (title, header), rows, lines);
}

/// Renders a table of numbers: rather longer lines than a number that goes on in the next one.
pub(super) fn unbroken(
    title: &str,
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    lines: &mut Page,
) {
    arranged(ContentArrangement::Disabled, (title, header), rows, lines);
}

fn arranged(
    arrangement: ContentArrangement,
    (title, header): (&str, &[&str]),
    rows: impl Iterator<Item = Vec<String>>,
    lines: &mut Page,
) {
    let rows: Vec<Vec<String>> = rows
        .map(|row| row.iter().map(|cell| sanitise::line(cell)).collect())
        .collect();
    if rows.is_empty() {
        return;
    }
    lines.push(Line::default());
    lines.push(Line::styled(BOLD, title));
    // A cell of a letter a line helps nobody: on a narrower terminal the lines go on below.
    let width = (lines.width() - 1).max(TABLE);
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(arrangement)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(header.iter().copied());
    let mut marks = Vec::new();
    for row in rows {
        marks.push(row.first().cloned().unwrap_or_default());
        table.add_row(row);
    }
    let mut marks = marks.into_iter().peekable();
    for (number, text) in table.lines().enumerate() {
        let text = text.trim_end();
        let begins =
            marks.next_if(|mark| number > 0 && text.trim_start().starts_with(mark.as_str()));
        lines.push(match begins {
            Some(mark) => {
                let (before, after) = text.split_at(text.len() - text.trim_start().len());
                let (word, rest) = after.split_at(mark.len());
                Line::plain(&format!(" {before}"))
                    .and(word_style(word), word)
                    .and(Style::new(), rest)
            }
            None if number == 0 => Line::styled(DIM, &format!(" {text}")),
            None => Line::plain(&format!(" {text}")),
        });
    }
}

pub(super) fn word_style(word: &str) -> Style {
    phrases::word_tone(word).map_or(Style::new(), style::of)
}
