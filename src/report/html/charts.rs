//! The charts of a run: its weight, what was measured, how sure the judge was, every verdict.

use chrono::{DateTime, Utc};

use super::{
    super::{
        phrases::{self, Tone},
        timeline::{Point, Series, Share, Timeline},
    },
    chart::{Band, Chart, ChartLine, ChartPoint, Ground, Stretch, Strip, StripRow},
    markup::Markup,
};
use crate::{event::ComparedFigures, units::Weight};

/// Most metrics that are drawn; the tables have all.
const METRICS: usize = 12;
/// How far above the largest value an axis goes, so that a range around it is seen.
const HEADROOM: f64 = 1.4;

/// Draws the charts of a run, if there is anything to draw. `last_weight` is the weight at its end.
pub(super) fn draw(
    timeline: &Timeline,
    last_weight: Option<Weight>,
    id: &str,
    page: &mut Markup,
) -> bool {
    let Some(range) = timeline.range.filter(|_| !timeline.series.is_empty()) else {
        return false;
    };
    let ground = Ground {
        range,
        bands: bands(timeline, range),
    };
    let mut charts = Vec::new();
    charts.extend(weight(timeline, last_weight, range));
    let drawn = timeline.series.iter().take(METRICS);
    for series in drawn.clone() {
        charts.extend(measured(series));
    }
    for series in drawn {
        charts.extend(evidence(series));
    }
    page.element("div", &[("class", "charts")], |page| {
        for (index, chart) in charts.iter().enumerate() {
            chart.draw(&format!("{id}-{index}"), &ground, page);
        }
        verdicts(timeline, range).draw(&format!("{id}-verdicts"), &ground, page);
    });
    true
}

fn bands(timeline: &Timeline, range: [DateTime<Utc>; 2]) -> Vec<Band> {
    let band = |span: &super::super::timeline::Span| Band {
        from: span.from,
        until: span.until.unwrap_or(range[1]),
        label: span.label.clone(),
        name: span.name.clone(),
        tone: phrases::word_tone(span.state.word()),
    };
    timeline.spans.iter().map(band).collect()
}

/// The share of users that the new version was given.
fn weight(timeline: &Timeline, last: Option<Weight>, range: [DateTime<Utc>; 2]) -> Option<Chart> {
    let steps = timeline.weights_as_shares(last);
    let (_, end) = *steps.last()?;
    let most = steps.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
    let point = |at, value| ChartPoint {
        at,
        value,
        range: None,
        verdict: None,
    };
    let mut piece: Vec<ChartPoint> = Vec::new();
    for (at, weight) in steps {
        piece.extend(piece.last().map(|before| point(at, before.value)));
        piece.push(point(at, weight));
    }
    piece.push(point(range[1], end));
    Some(Chart {
        title: "Weight of the new version".to_owned(),
        wanted: String::new(),
        description: format!(
            "It was given at most {} of the requests, and {} at the end.",
            phrases::measured(most, true),
            phrases::measured(end, true)
        ),
        are_shares: true,
        most: if most > 0.5 { 1.0 } else { most },
        lines: vec![ChartLine {
            label: String::new(),
            class: "canary",
            is_filled: true,
            pieces: vec![piece],
        }],
    })
}

/// What a metric measured, where that has numbers.
fn measured(series: &Series) -> Option<Chart> {
    let are_shares = series.figures == Some(ComparedFigures::Shares);
    let lines = if are_shares {
        let canary = line(series, "new version", "canary", true, |point| point.canary);
        let stable = line(series, "old version", "stable", false, |point| point.stable);
        vec![canary, stable]
    } else {
        let value = |point: &Point| {
            Some(Share {
                rate: point.value?,
                range: None,
            })
        };
        vec![line(series, "", "canary", true, value)]
    };
    let lines: Vec<ChartLine> = lines.into_iter().filter(has_points).collect();
    let points = || lines.iter().flat_map(|line| line.pieces.iter().flatten());
    let most = points().map(|point| point.value).fold(0.0, f64::max);
    points().next()?;
    let ends: Vec<String> = lines
        .iter()
        .filter_map(|line| end(line, are_shares))
        .collect();
    let last = series.points.last().map(|point| point.verdict);
    let what = if are_shares {
        ", share of bad requests"
    } else {
        ""
    };
    Some(Chart {
        title: format!("{}{what}", series.name),
        wanted: series.wanted.clone(),
        description: format!(
            "{}. Last verdict: {}.",
            ends.join(", "),
            last.unwrap_or_default()
        ),
        are_shares,
        most: most * HEADROOM,
        lines,
    })
}

/// How sure the judge of a comparison was.
fn evidence(series: &Series) -> Option<Chart> {
    let sure = |which: usize| {
        move |point: &Point| {
            let sure = point.sure?;
            Some(Share {
                rate: sure[which] / 100.0,
                range: None,
            })
        }
    };
    let lines = vec![
        line(series, "sure it is worse", "worse", true, sure(0)),
        line(series, "sure it is good enough", "better", false, sure(1)),
    ];
    let lines: Vec<ChartLine> = lines.into_iter().filter(has_points).collect();
    let ends: Vec<String> = lines.iter().filter_map(|line| end(line, true)).collect();
    (!lines.is_empty()).then(|| Chart {
        title: format!("{}, evidence", series.name),
        wanted: String::new(),
        description: format!("{}.", ends.join(", ")),
        are_shares: true,
        most: 1.0,
        lines,
    })
}

fn line(
    series: &Series,
    label: &str,
    class: &'static str,
    is_marked: bool,
    of: impl Fn(&Point) -> Option<Share>,
) -> ChartLine {
    let point = |point: &Point| {
        let share = of(point)?;
        let tone = phrases::word_tone(point.verdict);
        Some(ChartPoint {
            at: point.at,
            value: share.rate,
            range: share.range.filter(|_| is_marked),
            verdict: is_marked.then_some((point.verdict, tone)),
        })
    };
    let pieces = series.points.chunk_by(|one, next| one.step == next.step);
    ChartLine {
        label: label.to_owned(),
        class,
        is_filled: false,
        pieces: pieces
            .map(|piece| piece.iter().filter_map(point).collect())
            .collect(),
    }
}

fn has_points(line: &ChartLine) -> bool {
    line.pieces.iter().any(|piece| !piece.is_empty())
}

/// Says where a line ends.
fn end(line: &ChartLine, are_shares: bool) -> Option<String> {
    let last = line.pieces.iter().flatten().next_back()?;
    let value = phrases::measured(last.value, are_shares);
    Some(match line.label.as_str() {
        "" => format!("at the end {value}"),
        label => format!("{label}: {value} at the end"),
    })
}

/// Every verdict of every metric.
fn verdicts(timeline: &Timeline, range: [DateTime<Utc>; 2]) -> Strip {
    let rows: Vec<StripRow> = timeline
        .series
        .iter()
        .take(METRICS)
        .map(|series| StripRow {
            label: series.name.clone(),
            verdicts: stretches(series, timeline, range),
        })
        .collect();
    let told = |row: &StripRow| {
        let last = row.verdicts.last().map(|it| it.verdict);
        format!("{}: {} at the end", row.label, last.unwrap_or_default())
    };
    let told: Vec<String> = rows.iter().map(told).collect();
    Strip {
        title: "Verdicts".to_owned(),
        description: format!("{}.", told.join(", ")),
        rows,
    }
}

fn stretches(series: &Series, timeline: &Timeline, range: [DateTime<Utc>; 2]) -> Vec<Stretch> {
    let same = |one: &Point, next: &Point| one.step == next.step && one.verdict == next.verdict;
    let pieces: Vec<&[Point]> = series.points.chunk_by(same).collect();
    let mut found = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let (Some(first), Some(last)) = (piece.first(), piece.last()) else {
            continue;
        };
        // A verdict stands until the next one of the step, or until the step ends.
        let next = pieces.get(index + 1).and_then(|piece| piece.first());
        let next = next
            .filter(|next| next.step == first.step)
            .map(|next| next.at);
        let span = first.step.checked_sub(1);
        let span = span.and_then(|span| timeline.spans.get(span));
        let end = span.map_or(last.at, |span| span.until.unwrap_or(range[1]));
        found.push(Stretch {
            from: first.at,
            until: next.unwrap_or(end.max(last.at)),
            verdict: first.verdict,
            tone: phrases::word_tone(first.verdict).or(Some(Tone::Caution)),
        });
    }
    found
}
