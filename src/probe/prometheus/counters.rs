//! Raw counters from Prometheus: all series of a selector, at one instant or at many.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Endpoint, envelope,
    native::{self, Native},
    number::instant_of,
    request::{self, Useless, When},
};
use crate::{
    analysis::counters::{CounterReading, Snapshot, series_name},
    clock::Clock,
    probe::{Client, text::excerpt},
    units::format_duration,
};

/// Series that one query may match. A service that has more counts by a label that no judge needs.
const MOST_SERIES: usize = 20_000;
/// Instants of one range query: Prometheus refuses more than 11,000.
const MOST_INSTANTS: u64 = 11_000;
/// Instants of all range queries together.
const MOST_SNAPSHOTS: u64 = 100_000;
const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);

/// Asks for all series of a selector of counters at `at`, to the millisecond, or now.
///
/// An empty answer is a snapshot without series. No data is: NaN, infinity, less than 0, a native
/// histogram, anything but a vector, several series of the same labels, an answer that is incomplete
/// by its own account, one for another time, more than 20,000 series or 8 MiB. Everything that is no
/// answer is unavailable.
pub async fn counters(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    at: Option<DateTime<Utc>>,
    timeout: Duration,
) -> CounterReading {
    let asked = (query, at);
    once(client, clock, endpoint, asked, timeout, Values::Counters).await
}

/// Asks as [`counters`] for the buckets of histograms, classic or native: one series for each bucket,
/// with its boundary in the label `le`.
///
/// A native histogram becomes buckets at 114 boundaries, four for each doubling, that all have in
/// common. No data, beside the reasons of [`counters`]: buckets wider than that, numbers below 0, more
/// than 20,000 buckets.
pub async fn buckets(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    at: Option<DateTime<Utc>>,
    timeout: Duration,
) -> CounterReading {
    let asked = (query, at);
    once(client, clock, endpoint, asked, timeout, Values::Buckets).await
}

async fn once(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    (query, at): (&str, Option<DateTime<Utc>>),
    timeout: Duration,
    values: Values,
) -> CounterReading {
    let at = at.unwrap_or_else(|| {
        let now = clock.now();
        // The server's clock may differ a little; that an instant can be asked for again may not.
        now.duration_trunc(MILLISECOND).unwrap_or(now)
    });
    let asked = request::ask(client, clock, endpoint, query, When::At(at), timeout).await;
    match asked.and_then(|result| one_instant(result, endpoint, at, values)) {
        Ok(snapshot) => CounterReading::Snapshot(snapshot),
        Err(useless) => nothing(useless),
    }
}

/// Asks for all series of a selector at `from` and every `step` after it, `to` included: one snapshot
/// for each instant, in order, also the empty ones. At the same instant the values are those of
/// [`counters`], as long as the history behind them is still the same.
///
/// Some servers that speak this API move instants to multiples of the step; what they answer then is
/// refused. Instants that are multiples of the step are moved nowhere.
///
/// # Errors
/// Never a snapshot: the reasons of [`counters`]; a step that is no whole number of milliseconds;
/// more than 100,000 instants. One unusable sample makes all of it unusable.
#[expect(clippy::too_many_arguments, reason = "a range has three numbers")]
pub async fn counters_between(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: Duration,
    timeout: Duration,
) -> Result<Vec<Snapshot>, CounterReading> {
    let range = (from, to, step);
    between(
        client,
        clock,
        endpoint,
        query,
        range,
        timeout,
        Values::Counters,
    )
    .await
}

/// Asks as [`counters_between`] for the buckets of histograms, as [`buckets`] has them.
///
/// # Errors
/// As [`counters_between`] and [`buckets`].
#[expect(clippy::too_many_arguments, reason = "a range has three numbers")]
pub async fn buckets_between(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: Duration,
    timeout: Duration,
) -> Result<Vec<Snapshot>, CounterReading> {
    let range = (from, to, step);
    between(
        client,
        clock,
        endpoint,
        query,
        range,
        timeout,
        Values::Buckets,
    )
    .await
}

/// Asks for one finished number at `from` and every `step` after it, `to` included: one for each
/// instant, in order; none where there is no series or no finite number, as when nothing is divided by
/// nothing.
///
/// # Errors
/// As [`counters_between`]; several series at one instant.
#[expect(clippy::too_many_arguments, reason = "a range has three numbers")]
pub async fn numbers_between(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: Duration,
    timeout: Duration,
) -> Result<Vec<Option<f64>>, CounterReading> {
    let range = (from, to, step);
    let asked = between(
        client,
        clock,
        endpoint,
        query,
        range,
        timeout,
        Values::Numbers,
    );
    let one = |snapshot: Snapshot| {
        let number = snapshot.series.len();
        if number > 1 {
            return Err(CounterReading::NoData(format!(
                "{number} series where one was wanted; aggregate them, for example with max()"
            )));
        }
        Ok(snapshot.series.into_values().next())
    };
    asked.await?.into_iter().map(one).collect()
}

/// Which values an answer may hold.
#[derive(Clone, Copy)]
enum Values {
    /// Finite ones of at least 0; any other makes all of it unusable.
    Counters,
    /// As [`Values::Counters`], or native histograms.
    Buckets,
    /// Finite ones; others are left out.
    Numbers,
}

async fn between(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    (from, to, step): (DateTime<Utc>, DateTime<Utc>, Duration),
    timeout: Duration,
    values: Values,
) -> Result<Vec<Snapshot>, CounterReading> {
    let grid = Grid::new(from, to, step).map_err(CounterReading::NoData)?;
    let mut snapshots = Vec::with_capacity(grid.instants.len());
    let mut rest = grid.instants.as_slice();
    let mut most = usize::try_from(MOST_INSTANTS).unwrap_or(usize::MAX);
    while let (Some(first), Some(part)) = (rest.first(), rest.get(..most.min(rest.len()))) {
        let when = When::Between {
            from: *first,
            until: *part.last().unwrap_or(first),
            step,
        };
        let asked = request::ask(client, clock, endpoint, query, when, timeout).await;
        match asked.and_then(|result| many_instants(result, endpoint, part, step, values)) {
            Ok(more) => {
                rest = rest.get(part.len()..).unwrap_or_default();
                snapshots.extend(more);
            }
            // Many series at many instants: fewer instants at a time.
            Err(Useless::TooLarge) if part.len() > 1 => most = part.len().div_ceil(2),
            Err(useless) => return Err(nothing(useless)),
        }
    }
    Ok(snapshots)
}

/// The instants of a range, each exactly `from + k * step`.
struct Grid {
    instants: Vec<DateTime<Utc>>,
}

impl Grid {
    fn new(from: DateTime<Utc>, to: DateTime<Utc>, step: Duration) -> Result<Self, String> {
        let odd = step.is_zero() || !step.subsec_nanos().is_multiple_of(1_000_000);
        let step = TimeDelta::from_std(step).unwrap_or(TimeDelta::MAX);
        if odd {
            return Err("a step of a range is a whole number of milliseconds".to_owned());
        }
        let mut instants = Vec::new();
        let mut next = Some(from);
        while let Some(at) = next.filter(|at| *at <= to) {
            if u64::try_from(instants.len()).unwrap_or(u64::MAX) >= MOST_SNAPSHOTS {
                return Err(format!(
                    "a range of more than {MOST_SNAPSHOTS} instants; ask for a shorter one or a longer interval"
                ));
            }
            instants.push(at);
            next = at.checked_add_signed(step);
        }
        Ok(Self { instants })
    }
}

fn nothing(useless: Useless) -> CounterReading {
    match useless {
        Useless::NoData(reason) => CounterReading::NoData(reason),
        Useless::Unavailable(reason) => CounterReading::Unavailable(reason),
        Useless::TooLarge => CounterReading::NoData(format!(
            "an answer of more than 8 MiB; {}",
            advice(std::iter::empty())
        )),
    }
}

/// What an answer to a query of counters may be.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Counted {
    Vector(Vec<One>),
    Matrix(Vec<Many>),
    Scalar(IgnoredAny),
    String(IgnoredAny),
}

type Labels = BTreeMap<String, String>;
/// Seconds and a number as a text.
type Pair = (f64, String);

/// One series at one instant.
#[derive(Deserialize)]
struct One {
    metric: Labels,
    value: Option<Pair>,
    histogram: Option<(f64, Native)>,
}

/// One series at many instants.
#[derive(Deserialize)]
struct Many {
    metric: Labels,
    values: Option<Vec<Pair>>,
    histograms: Option<Vec<(f64, Native)>>,
}

fn one_instant(
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

fn many_instants(
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
fn advice<'a>(series: impl Iterator<Item = &'a Labels>) -> String {
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
