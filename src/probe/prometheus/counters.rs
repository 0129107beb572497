//! Raw counters from Prometheus: all series of a selector, at one instant or at many.

use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::{
    Endpoint,
    request::{self, Useless, When},
    samples::{Values, advice, many_instants, one_instant},
};
use crate::{
    analysis::counters::{CounterReading, Snapshot},
    clock::Clock,
    probe::Client,
};

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

/// Asks once, for one selector by itself.
pub(super) async fn once(
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

/// Says of an answer that is of no use why.
pub(super) fn nothing(useless: Useless) -> CounterReading {
    match useless {
        Useless::NoData(reason) => CounterReading::NoData(reason),
        Useless::Unavailable(reason) => CounterReading::Unavailable(reason),
        Useless::TooLarge => CounterReading::NoData(format!(
            "an answer of more than 8 MiB; {}",
            advice(std::iter::empty())
        )),
    }
}
