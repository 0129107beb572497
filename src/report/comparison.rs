//! Comparisons of two arms for people: the sentences of each, and a table where there are several.

use anstyle::Style;

use super::{
    page::Page,
    phrases,
    style::{BOLD, Line},
    text,
};
use crate::{
    analysis::judge::{Counts, Interval, figures},
    event::{ComparedFigures, ComparisonRecord, MetricRecord},
};

/// Columns that the figures of one comparison may fill: they are read best in one line.
const FIGURES: usize = 120;

/// Adds the metrics that compare two arms. Those that do not are left to others.
pub(super) fn lines(metrics: &[MetricRecord], lines: &mut Page) {
    let compared: Vec<(&MetricRecord, &ComparisonRecord)> = metrics
        .iter()
        .filter_map(|metric| Some((metric, metric.comparison.as_deref()?)))
        .collect();
    if compared.len() > 1 {
        let rows = compared
            .iter()
            .flat_map(|(metric, record)| rows(metric, record));
        text::section("compared", &HEADER, rows, lines);
    }
    for (metric, record) in compared {
        lines.push(Line::default());
        told(metric, record, lines);
    }
}

const HEADER: [&str; 8] = [
    "verdict",
    "metric",
    "arm",
    "requests",
    "bad",
    "rate",
    "95 % range",
    "ratio, range",
];

/// Two rows, one for each arm; one where the canary is held against a limit.
fn rows(metric: &MetricRecord, record: &ComparisonRecord) -> Vec<Vec<String>> {
    let ranges = record.rates;
    let mut canary = vec![metric.verdict.to_owned(), phrases::name(metric)];
    canary.push("canary".to_owned());
    canary.extend(arm(
        record,
        record.sum.canary,
        ranges.map(|[canary, _]| canary),
    ));
    canary.push(ratio(record));
    let mut rows = vec![canary];
    if let Some(range) = record.ratio_interval {
        let mut stable = stable_row(record, ranges.map(|[_, stable]| stable));
        stable.push(figures::ratio_range(range, &[]));
        rows.push(stable);
    } else if record.figures == ComparedFigures::Percentiles {
        rows.push(stable_row(record, None));
    }
    rows
}

fn stable_row(record: &ComparisonRecord, range: Option<Interval>) -> Vec<String> {
    let mut row = vec![String::new(), String::new(), "stable".to_owned()];
    row.extend(arm(record, record.sum.stable, range));
    row
}

fn arm(record: &ComparisonRecord, counts: Counts, range: Option<Interval>) -> [String; 4] {
    let nothing = String::new;
    match record.figures {
        ComparedFigures::Shares => {}
        ComparedFigures::Percentiles => {
            let requests = figures::count(counts.total());
            return [requests, nothing(), nothing(), nothing()];
        }
        ComparedFigures::Numbers => return [nothing(), nothing(), nothing(), nothing()],
    }
    let rate = counts.rate();
    [
        figures::count(counts.total()),
        figures::count(counts.bad()),
        rate.map(|rate| figures::rate(rate, &[]))
            .unwrap_or_default(),
        range
            .filter(|_| rate.is_some())
            .map(figures::rate_range)
            .unwrap_or_default(),
    ]
}

fn ratio(record: &ComparisonRecord) -> String {
    let ratio = record.ratio.map(|ratio| figures::ratio(ratio, &[]));
    ratio.unwrap_or_default()
}

/// Rows of the job summary: metric, verdict, figures, judgement.
pub(super) fn summary(metrics: &[MetricRecord]) -> Vec<Vec<String>> {
    let compared = metrics.iter().filter_map(|metric| {
        let record = metric.comparison.as_deref()?;
        let mut sentences = record.sentence.lines();
        let figures = sentences.next().unwrap_or_default();
        let judgement: Vec<&str> = sentences.collect();
        Some(vec![
            phrases::name(metric),
            metric.verdict.to_owned(),
            bare(figures, &metric.name).replace("  ", ", "),
            judgement.join("; "),
        ])
    });
    compared.collect()
}

/// The figures without the name before them.
fn bare<'a>(figures: &'a str, name: &str) -> &'a str {
    figures.strip_prefix(name).unwrap_or(figures).trim_start()
}

/// The sentences, the second and later ones below the beginning of the first one's figures.
fn told(metric: &MetricRecord, record: &ComparisonRecord, lines: &mut Page) {
    let name = phrases::name(metric);
    let indent = 2 + name.chars().count() + 2;
    let mut sentences = record.sentence.lines();
    let figures = sentences.next().unwrap_or_default();
    let figures = bare(figures, &metric.name);
    let mut left = format!("  {name}  ");
    for part in parts(figures, FIGURES.saturating_sub(indent)) {
        lines.push(Line::styled(BOLD, &left).and(Style::new(), &part));
        left = " ".repeat(indent);
    }
    let mut style = text::word_style(metric.verdict);
    for sentence in sentences {
        for part in lines.wrap(sentence, indent) {
            lines.push(Line::plain(&" ".repeat(indent)).and(style, &part));
        }
        style = Style::new();
    }
}

/// The figures in one line, or a line for each arm and the ratio where that is too long.
fn parts(figures: &str, width: usize) -> Vec<String> {
    if figures.chars().count() <= width {
        return vec![figures.to_owned()];
    }
    figures.split("  ").map(str::to_owned).collect()
}
