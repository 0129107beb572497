//! Where the numbers of one version come from: raw counters, or a finished number, at one instant or
//! at many.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;

use super::arms::Glance;
use crate::{
    analysis::{
        Reading,
        counters::{BucketCounter, Counted, CounterReading, Look, Snapshot},
        latency::{Buckets, SlowAbove},
    },
    clock::Clock,
    probe::{
        Client,
        prometheus::{self, Batch, Endpoint},
    },
};

/// What is looked back on before a change, and how often in it.
const HOUR: TimeDelta = TimeDelta::hours(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Why there is nothing to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// An answer that cannot be used, or one that matches nothing.
    NoData(String),
    /// No answer.
    Unavailable(String),
}

impl From<CounterReading> for Trouble {
    fn from(reading: CounterReading) -> Self {
        match reading {
            CounterReading::Unavailable(reason) => Self::Unavailable(reason),
            CounterReading::NoData(reason) => Self::NoData(reason),
            CounterReading::Snapshot(_) => Self::NoData("a snapshot of nothing".to_owned()),
        }
    }
}

/// Who answers, and how it is asked.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) client: &'a Client,
    pub(super) clock: &'a dyn Clock,
    /// Puts what is asked at the same instant together.
    pub(super) batch: &'a Batch,
}

/// The counters of one version.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) endpoint: Endpoint,
    pub(super) timeout: Duration,
    /// Whose they are, for people: `canary`.
    pub(super) arm: String,
    /// What is asked.
    pub(super) queries: Queries,
}

/// What is asked of one version.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Queries {
    /// Two counters.
    Requests {
        /// Which requests the first one counts.
        counted: Counted,
        /// The counter of the bad or of the good ones.
        query: String,
        /// The counter of all.
        total: String,
    },
    /// A histogram: what is not slower than a boundary is good.
    Histogram {
        /// The counter of its buckets.
        histogram: String,
        /// The boundary, once it is known.
        boundary: Option<f64>,
    },
    /// All buckets of a histogram.
    Buckets {
        /// The counter of the buckets.
        histogram: String,
    },
    /// A finished number.
    Gauge {
        /// The query for it.
        query: String,
    },
}

impl Queries {
    /// Returns which requests are counted beside all of them; none where all are in one answer.
    pub(super) fn counted(&self) -> Option<Counted> {
        match self {
            Self::Requests { counted, .. } => Some(*counted),
            Self::Histogram { .. } => Some(Counted::Good),
            Self::Buckets { .. } | Self::Gauge { .. } => None,
        }
    }

    /// Names the keys that the configuration has, where a reason is about two counters.
    pub(super) fn in_words(&self, reason: String) -> String {
        match self {
            Self::Histogram { .. } => reason
                .replace(
                    "neither `good` nor `total` matches",
                    "`histogram` does not match",
                )
                .replace("are the queries right", "is the query right")
                .replace("`good`", "`histogram`")
                .replace("`total`", "`histogram`"),
            Self::Requests { .. } | Self::Buckets { .. } | Self::Gauge { .. } => reason,
        }
    }
}

/// A range of instants: the first, the last, and what is between two of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instants {
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    pub(super) step: Duration,
}

impl Instants {
    /// Returns how many steps there are from the first to the last.
    pub(super) fn steps(&self) -> usize {
        let length = (self.to - self.from).to_std().unwrap_or_default();
        let steps = length.as_millis() / self.step.as_millis().max(1);
        usize::try_from(steps).unwrap_or(usize::MAX)
    }

    /// The hour before an instant, minute by minute.
    fn hour_before(until: DateTime<Utc>) -> Self {
        Self {
            from: until.checked_sub_signed(HOUR).unwrap_or(until),
            to: until,
            step: MINUTE,
        }
    }
}

impl Source {
    /// Asks for everything at one instant, side by side.
    pub(super) async fn look(
        &self,
        probe: Probe<'_>,
        at: DateTime<Utc>,
    ) -> Result<Glance, Trouble> {
        match &self.queries {
            Queries::Requests {
                counted,
                query,
                total,
            } => {
                let (first, second) =
                    join(self.once(probe, query, at), self.once(probe, total, at)).await;
                Ok(Glance::Requests(Look {
                    counted: first.map_err(|it| self.named(counted.key(), it))?,
                    total: second.map_err(|it| self.named("total", it))?,
                }))
            }
            Queries::Histogram {
                histogram,
                boundary,
            } => {
                let snapshot = self.once(probe, histogram, at).await;
                self.fast_and_all(
                    snapshot.map_err(|it| self.named("histogram", it))?,
                    *boundary,
                )
            }
            Queries::Buckets { histogram } => {
                let snapshot = self.once(probe, histogram, at).await;
                let snapshot = snapshot.map_err(|it| self.named("histogram", it))?;
                Ok(Glance::Buckets(snapshot))
            }
            Queries::Gauge { query } => {
                let Probe { client, clock, .. } = probe;
                let (endpoint, timeout) = (&self.endpoint, self.timeout);
                let asked = prometheus::instant(client, clock, endpoint, query, Some(at), timeout);
                match asked.await {
                    Reading::Value(sample) => Ok(Glance::Number(Ok(sample.value))),
                    Reading::NoData(reason) => Ok(Glance::Number(Err(reason))),
                    Reading::Unavailable(reason) => {
                        Err(self.named("query", Trouble::Unavailable(reason)))
                    }
                }
            }
        }
    }

    /// Asks for everything at many instants, in order.
    pub(super) async fn looks(
        &self,
        probe: Probe<'_>,
        instants: Instants,
    ) -> Result<Vec<Glance>, Trouble> {
        match &self.queries {
            Queries::Requests {
                counted,
                query,
                total,
            } => {
                let first = self.between(probe, query, instants);
                let second = self.between(probe, total, instants);
                let (first, second) = join(first, second).await;
                let first = first.map_err(|it| self.named(counted.key(), it))?;
                let second = second.map_err(|it| self.named("total", it))?;
                let pairs = first.into_iter().zip(second);
                Ok(pairs
                    .map(|(counted, total)| Glance::Requests(Look { counted, total }))
                    .collect())
            }
            Queries::Histogram {
                histogram,
                boundary,
            } => {
                let found = self.between(probe, histogram, instants).await;
                let found = found.map_err(|it| self.named("histogram", it))?;
                found
                    .into_iter()
                    .map(|snapshot| self.fast_and_all(snapshot, *boundary))
                    .collect()
            }
            Queries::Buckets { histogram } => {
                let found = self.between(probe, histogram, instants).await;
                let found = found.map_err(|it| self.named("histogram", it))?;
                Ok(found.into_iter().map(Glance::Buckets).collect())
            }
            Queries::Gauge { query } => {
                let Probe { client, clock, .. } = probe;
                let Instants { from, to, step } = instants;
                let (endpoint, timeout) = (&self.endpoint, self.timeout);
                let asked = prometheus::numbers_between(
                    client, clock, endpoint, query, from, to, step, timeout,
                );
                let found = asked.await.map_err(Trouble::from);
                let found = found.map_err(|it| self.named("query", it))?;
                let number = |number: Option<f64>| {
                    Glance::Number(number.ok_or_else(|| "no number at that time".to_owned()))
                };
                Ok(found.into_iter().map(number).collect())
            }
        }
    }

    /// Did the counter of bad (or good) requests match anything in the hour before?
    pub(super) async fn was_counted(
        &self,
        probe: Probe<'_>,
        until: DateTime<Utc>,
    ) -> Result<bool, Trouble> {
        let (key, query) = match &self.queries {
            Queries::Requests { counted, query, .. } => (counted.key(), query),
            Queries::Histogram { histogram, .. } => ("histogram", histogram),
            Queries::Buckets { .. } | Queries::Gauge { .. } => return Ok(true),
        };
        let found = self.between(probe, query, Instants::hour_before(until));
        let found = found.await.map_err(|it| self.named(key, it))?;
        Ok(found.iter().any(|snapshot| !snapshot.series.is_empty()))
    }

    /// Finds the boundary that 95 of 100 requests of the hour before stayed below; none where it is
    /// given, or where nothing is slow here.
    pub(super) async fn slow_boundary(
        &self,
        probe: Probe<'_>,
        until: DateTime<Utc>,
    ) -> Result<Option<f64>, Trouble> {
        let Queries::Histogram {
            histogram,
            boundary: None,
        } = &self.queries
        else {
            return Ok(None);
        };
        let found = self.between(probe, histogram, Instants::hour_before(until));
        let found = found.await.map_err(|it| self.named("histogram", it))?;
        let useless = |reason: String| self.named("histogram", Trouble::NoData(reason));
        let mut looks = found
            .into_iter()
            .filter(|snapshot| !snapshot.series.is_empty());
        let first = looks
            .next()
            .ok_or_else(|| useless("matches nothing in the hour before".to_owned()))?;
        let mut counter = BucketCounter::new(first).map_err(useless)?;
        let mut sums: Vec<(f64, f64)> = Vec::new();
        for look in looks {
            for bucket in counter.advance(&look).map_err(useless)? {
                match sums.iter_mut().find(|(up_to, _)| *up_to == bucket.up_to) {
                    Some((_, sum)) => *sum += bucket.count,
                    None => sums.push((bucket.up_to, bucket.count)),
                }
            }
        }
        if sums.is_empty() {
            return Err(useless(
                "was seen only once in the hour before, which tells nothing of what is slow; `slow_above` may be a number"
                    .to_owned(),
            ));
        }
        let buckets = Buckets::new(sums).map_err(|error| useless(error.to_string()))?;
        let above = SlowAbove::of_history(&buckets).map_err(|error| useless(error.to_string()))?;
        Ok(Some(above.boundary()))
    }

    /// Takes the boundary that slow requests are told by.
    pub(super) fn slow_above(&mut self, found: f64) {
        if let Queries::Histogram { boundary, .. } = &mut self.queries {
            *boundary = Some(found);
        }
    }

    fn fast_and_all(&self, snapshot: Snapshot, boundary: Option<f64>) -> Result<Glance, Trouble> {
        // Without a boundary nothing would be slow, and everything good.
        let Some(boundary) = boundary else {
            let reason = "what is slow is not known: `slow_above: auto` needs the old version";
            return Err(self.named("histogram", Trouble::NoData(reason.to_owned())));
        };
        let bucket = |up_to: f64| {
            let found = snapshot.bucket(up_to);
            found.map_err(|reason| self.named("histogram", Trouble::NoData(reason)))
        };
        Ok(Glance::Requests(Look {
            counted: bucket(boundary)?,
            total: bucket(f64::INFINITY)?,
        }))
    }

    async fn once(
        &self,
        probe: Probe<'_>,
        query: &str,
        at: DateTime<Utc>,
    ) -> Result<Snapshot, Trouble> {
        let Probe {
            client,
            clock,
            batch,
        } = probe;
        let (endpoint, timeout) = (&self.endpoint, self.timeout);
        let asked = (query, at);
        let reading = if self.asks_for_buckets() {
            batch.buckets(client, clock, endpoint, asked, timeout).await
        } else {
            batch
                .counters(client, clock, endpoint, asked, timeout)
                .await
        };
        match reading {
            CounterReading::Snapshot(snapshot) => Ok(snapshot),
            other => Err(other.into()),
        }
    }

    async fn between(
        &self,
        probe: Probe<'_>,
        query: &str,
        instants: Instants,
    ) -> Result<Vec<Snapshot>, Trouble> {
        let Probe { client, clock, .. } = probe;
        let Instants { from, to, step } = instants;
        let (endpoint, timeout) = (&self.endpoint, self.timeout);
        let found = if self.asks_for_buckets() {
            prometheus::buckets_between(client, clock, endpoint, query, from, to, step, timeout)
                .await
        } else {
            prometheus::counters_between(client, clock, endpoint, query, from, to, step, timeout)
                .await
        };
        found.map_err(Trouble::from)
    }

    fn asks_for_buckets(&self) -> bool {
        match self.queries {
            Queries::Histogram { .. } | Queries::Buckets { .. } => true,
            Queries::Requests { .. } | Queries::Gauge { .. } => false,
        }
    }

    fn named(&self, key: &str, trouble: Trouble) -> Trouble {
        let of = |reason| format!("`{key}` of {}: {reason}", self.arm);
        match trouble {
            Trouble::NoData(reason) => Trouble::NoData(of(reason)),
            Trouble::Unavailable(reason) => Trouble::Unavailable(of(reason)),
        }
    }
}
