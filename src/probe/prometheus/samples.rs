//! What Prometheus answers to a selector of counters -> snapshots, or why it is none.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Endpoint, envelope,
    native::{self, Native},
    number::instant_of,
    request::Useless,
};
use crate::{
    analysis::counters::{Snapshot, series_name},
    probe::text::excerpt,
    units::format_duration,
};

/// Series that one query may match. A service that has more counts by a label that no judge needs.
const MOST_SERIES: usize = 20_000;

/// Which values an answer may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// Finite ones of at least 0; any other makes all of it unusable.
    Counters,
    /// As [`Values::Counters`], or native histograms.
    Buckets,
    /// Finite ones; others are left out.
    Numbers,
}

/// What an answer to a query of counters may be.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum Counted {
    Vector(Vec<One>),
    Matrix(Vec<Many>),
    Scalar(IgnoredAny),
    String(IgnoredAny),
}

type Labels = BTreeMap<String, String>;
/// Seconds and a number as a text.
type Pair = (f64, String);

/// One series at one instant.
#[derive(Clone, Deserialize)]
pub(super) struct One {
    pub(super) metric: Labels,
    value: Option<Pair>,
    histogram: Option<(f64, Native)>,
}

/// One series at many instants.
#[derive(Deserialize)]
pub(super) struct Many {
    metric: Labels,
    values: Option<Vec<Pair>>,
    histograms: Option<Vec<(f64, Native)>>,
}

/// Returns the series of an answer for one instant.
///
/// # Errors
/// What is no counter, or of another time.
pub(super) fn one_instant(
    counted: Counted,
    endpoint: &Endpoint,
    at: DateTime<Utc>,
    wanted: Values,
) -> Result<Snapshot, Useless> {
    let found = match counted {
        Counted::Vector(found) => found,
        other => return Err(wrong_kind(&other)),
    };
    check_number_of_series(found.iter().map(|one| &one.metric))?;
    let mut series = BTreeMap::new();
    for One {
        metric,
        value,
        histogram,
    } in found
    {
        let name = name_of(&metric);
        let (seconds, found) = match (value, histogram) {
            (Some((seconds, text)), None) => (seconds, Found::Number(text)),
            (None, Some((seconds, native))) => (seconds, Found::Native(native)),
            _ => return Err(envelope::no_result(&endpoint.url)),
        };
        let of = instant_of(seconds).ok_or_else(|| envelope::no_result(&endpoint.url))?;
        let off = (of - at).abs();
        if off > TimeDelta::from_std(endpoint.max_age).unwrap_or(TimeDelta::MAX) {
            return Err(Useless::NoData(format!(
                "stale: the sample is of {}, {} from the time asked for",
                of.to_rfc3339(),
                format_duration(off.to_std().unwrap_or_default())
            )));
        }
        match found {
            Found::Number(text) => {
                let value = count(&text, &name, endpoint)?;
                insert(&mut series, name, value)?;
            }
            Found::Native(_) if !matches!(wanted, Values::Buckets) => {
                return Err(no_counter(&name));
            }
            Found::Native(native) => insert_native(&mut series, &metric, &native)?,
        }
    }
    Ok(Snapshot { at, series })
}

/// Returns the series of an answer for many instants: one snapshot for each, also the empty ones.
///
/// # Errors
/// As [`one_instant`]; a sample of an instant that was not asked for.
pub(super) fn many_instants(
    counted: Counted,
    endpoint: &Endpoint,
    instants: &[DateTime<Utc>],
    step: Duration,
    wanted: Values,
) -> Result<Vec<Snapshot>, Useless> {
    let found = match counted {
        Counted::Matrix(found) => found,
        other => return Err(wrong_kind(&other)),
    };
    check_number_of_series(found.iter().map(|many| &many.metric))?;
    let mut snapshots: Vec<Snapshot> = instants
        .iter()
        .map(|at| Snapshot {
            at: *at,
            series: BTreeMap::new(),
        })
        .collect();
    for Many {
        metric,
        values,
        histograms,
    } in found
    {
        let name = name_of(&metric);
        if histograms.is_some() && !matches!(wanted, Values::Buckets) {
            return Err(no_counter(&name));
        }
        if values.is_none() && histograms.is_none() {
            return Err(envelope::no_result(&endpoint.url));
        }
        let values = values.unwrap_or_default().into_iter();
        let values = values.map(|(seconds, text)| (seconds, Found::Number(text)));
        let natives = histograms.unwrap_or_default().into_iter();
        let natives = natives.map(|(seconds, native)| (seconds, Found::Native(native)));
        for (seconds, found) in values.chain(natives) {
            let of = instant_of(seconds).ok_or_else(|| envelope::no_result(&endpoint.url))?;
            let snapshot = position(instants, step, of)
                .and_then(|position| snapshots.get_mut(position))
                .ok_or_else(|| {
                    Useless::NoData(format!(
                        "a sample of {}, which was not asked for: does the server move the times of a range?",
                        of.to_rfc3339()
                    ))
                })?;
            let text = match found {
                Found::Number(text) => text,
                Found::Native(native) => {
                    insert_native(&mut snapshot.series, &metric, &native)?;
                    continue;
                }
            };
            let value = match wanted {
                Values::Counters | Values::Buckets => count(&text, &name, endpoint)?,
                Values::Numbers => match finite(&text, endpoint)? {
                    Some(value) => value,
                    None => continue,
                },
            };
            insert(&mut snapshot.series, name.clone(), value)?;
        }
    }
    Ok(snapshots)
}

/// Returns which of the instants a sample is of; the API knows no fractions of a millisecond.
fn position(instants: &[DateTime<Utc>], step: Duration, of: DateTime<Utc>) -> Option<usize> {
    let first = instants.first()?.timestamp_millis();
    let step = i64::try_from(step.as_millis()).ok()?;
    let since = of.timestamp_millis().checked_sub(first)?;
    (since.checked_rem(step)? == 0)
        .then_some(since.checked_div(step)?)
        .and_then(|position| usize::try_from(position).ok())
}

fn name_of(labels: &Labels) -> String {
    series_name(
        labels
            .iter()
            .filter(|(name, _)| *name != "__name__")
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
}

fn insert(series: &mut BTreeMap<String, f64>, name: String, value: f64) -> Result<(), Useless> {
    match series.entry(name) {
        Entry::Vacant(free) => {
            free.insert(value);
            Ok(())
        }
        Entry::Occupied(taken) => Err(Useless::NoData(format!(
            "several series with the labels {{{}}}: name one metric",
            excerpt(taken.key())
        ))),
    }
}

fn count(text: &str, name: &str, endpoint: &Endpoint) -> Result<f64, Useless> {
    let value: f64 = text
        .parse()
        .map_err(|_| envelope::no_result(&endpoint.url))?;
    if value.is_finite() && value >= 0.0 {
        // Not -0.
        return Ok(value.abs());
    }
    let found = if value.is_nan() {
        "NaN"
    } else if value.is_infinite() {
        "infinite"
    } else {
        "less than 0"
    };
    Err(Useless::NoData(format!(
        "{found}: no counter has that value; series {{{}}}",
        excerpt(name)
    )))
}

fn finite(text: &str, endpoint: &Endpoint) -> Result<Option<f64>, Useless> {
    let value: f64 = text
        .parse()
        .map_err(|_| envelope::no_result(&endpoint.url))?;
    Ok(Some(value).filter(|value| value.is_finite()))
}

/// What one sample is.
enum Found {
    /// A number as a text.
    Number(String),
    /// A native histogram.
    Native(Native),
}

fn no_counter(name: &str) -> Useless {
    Useless::NoData(format!(
        "a native histogram where a counter was wanted; series {{{}}}",
        excerpt(name)
    ))
}

/// Takes a native histogram apart: one series for each of its buckets.
fn insert_native(
    series: &mut BTreeMap<String, f64>,
    labels: &Labels,
    native: &Native,
) -> Result<(), Useless> {
    let wrong = |reason: String| {
        let name = name_of(labels);
        Useless::NoData(format!("{reason}; series {{{}}}", excerpt(&name)))
    };
    let mut labels = labels.clone();
    for (boundary, count) in native::cumulative(native).map_err(wrong)? {
        let boundary = match boundary {
            f64::INFINITY => "+Inf".to_owned(),
            boundary => boundary.to_string(),
        };
        labels.insert("le".to_owned(), boundary);
        insert(series, name_of(&labels), count)?;
    }
    if series.len() > MOST_SERIES {
        labels.remove("le");
        return Err(Useless::NoData(format!(
            "native histograms of {} buckets, more than {MOST_SERIES}; {}",
            series.len(),
            advice(std::iter::once(&labels))
        )));
    }
    Ok(())
}

fn wrong_kind(counted: &Counted) -> Useless {
    let found = match counted {
        Counted::Vector(_) => "one instant where a range was wanted",
        Counted::Matrix(_) => "a range of samples where counters were wanted: take `[…]` away",
        Counted::Scalar(_) => "a number where counters were wanted",
        Counted::String(_) => "a text where counters were wanted",
    };
    Useless::NoData(found.to_owned())
}

fn check_number_of_series<'a>(
    labels: impl ExactSizeIterator<Item = &'a Labels>,
) -> Result<(), Useless> {
    let number = labels.len();
    if number <= MOST_SERIES {
        return Ok(());
    }
    Err(Useless::NoData(format!(
        "{number} series, more than {MOST_SERIES}; {}",
        advice(labels)
    )))
}

/// Says how to get along with fewer series: by the labels that have the most values, but never by
/// those that tell one process from another.
pub(super) fn advice<'a>(series: impl Iterator<Item = &'a Labels>) -> String {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for labels in series {
        for (name, value) in labels {
            values.entry(name).or_default().insert(value);
        }
    }
    let widest = values
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "__name__" | "instance" | "pod" | "le"))
        .max_by_key(|(_, values)| values.len());
    let label = widest.map_or("path", |(name, _)| name);
    format!(
        "aggregate away a label of many values: `sum without ({}) (…)`, but keep `instance` or `pod`",
        excerpt(label)
    )
}
