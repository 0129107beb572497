//! The course of a run in a few lines of block characters, for places that show only text.

use chrono::{DateTime, Utc};

use super::{
    phrases, sanitise,
    timeline::{Point, Series, Timeline},
};
use crate::{event::ComparedFigures, units::Weight};

/// Characters that the whole time fills.
const COLUMNS: usize = 48;
/// Most characters of a name on the left.
const NAME: usize = 24;
const BLOCKS: [char; 8] = [
    '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}', '\u{2588}',
];

/// Draws the weight and the worst metric over time, at most some 110 characters wide; nothing where
/// nothing was measured. `last` is the weight at the end.
pub(super) fn lines(timeline: &Timeline, last: Option<Weight>) -> Vec<String> {
    let drawn = timeline.range.zip(worst(timeline));
    let Some(([from, until], (series, verdict))) = drawn else {
        return Vec::new();
    };
    let slice = ((until - from) / COLUMNS as i32).max(chrono::TimeDelta::milliseconds(1));
    let end = |column: usize| from + slice * (column as i32 + 1);
    let mut rows = Vec::new();
    let weights = timeline.weights_as_shares(last);
    if !weights.is_empty() {
        let at = |column: usize| {
            let known = weights.iter().take_while(|(at, _)| *at < end(column));
            known.last().map(|(_, weight)| *weight)
        };
        let values: Vec<Option<f64>> = (0..COLUMNS).map(at).collect();
        rows.push(("weight".to_owned(), row(&values, true)));
    }
    let are_shares = series.figures == Some(ComparedFigures::Shares);
    let value = |column: usize| measured(series, end(column) - slice, end(column));
    let values: Vec<Option<f64>> = (0..COLUMNS).map(value).collect();
    let name = sanitise::shorten(&sanitise::line(&series.name), NAME);
    rows.push((name, format!("{}, {verdict}", row(&values, are_shares))));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or_default();
    let lines = rows
        .into_iter()
        .map(|(name, row)| format!("{name:width$}  {row}"));
    let mut lines: Vec<String> = lines.collect();
    let [from, until] = [from, until].map(|at| at.format("%H:%M:%S").to_string());
    let right = COLUMNS - from.len();
    lines.push(format!("{:width$}  {from}{until:>right$} UTC", ""));
    lines
}

/// Returns the metric whose last verdict is worst, of those that have numbers, and that verdict.
fn worst(timeline: &Timeline) -> Option<(&Series, &'static str)> {
    let rank = |verdict: &str| match verdict {
        "worse" | "fail" => 0,
        "error" => 1,
        "hold" => 2,
        "inconclusive" => 3,
        "not-yet" => 4,
        _ => 5,
    };
    let with_numbers = timeline.series.iter().filter(|series| {
        let mut points = series.points.iter();
        points.any(|point| number(series, point).is_some())
    });
    let last = |series: &Series| series.points.last().map(|point| point.verdict);
    let judged = with_numbers.filter_map(|series| Some((series, last(series)?)));
    judged.min_by_key(|(_, verdict)| rank(verdict))
}

/// The number of a measurement that is drawn.
fn number(series: &Series, point: &Point) -> Option<f64> {
    match series.figures {
        Some(ComparedFigures::Shares) => point.canary.map(|share| share.rate),
        _ => point.value,
    }
}

/// The largest number of a slice of time; between two measurements of a step the one before.
fn measured(series: &Series, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<f64> {
    let points = &series.points;
    let inside = points.iter().filter(|it| (from..until).contains(&it.at));
    let found = inside.filter_map(|it| number(series, it)).reduce(f64::max);
    found.or_else(|| {
        let next = points.iter().position(|it| it.at >= until)?;
        let before = points.get(next.checked_sub(1)?)?;
        let between = before.step == points[next].step && before.at < from;
        number(series, before).filter(|_| between)
    })
}

fn row(values: &[Option<f64>], are_shares: bool) -> String {
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let block = |value: &Option<f64>| match value {
        // A number that is there is seen, also where all are 0.
        Some(value) if most > 0.0 => {
            let level = (value / most * 7.0).round().clamp(0.0, 7.0);
            BLOCKS[level as usize]
        }
        Some(_) => BLOCKS[0],
        None => ' ',
    };
    let blocks: String = values.iter().map(block).collect();
    format!("{blocks}  at most {}", phrases::measured(most, are_shares))
}
