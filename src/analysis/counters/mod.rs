//! Raw counters, series by series -> how many there were since the last look.
//!
//! Differences are taken here and not by the provider: Prometheus' `increase()` cannot see the first
//! event of a new series, and a canary's errors are the first events of new series.
//!
//! A [`Snapshot`] is all series of one query at one instant; a [`Counter`] adds up what they grew by;
//! [`PollCounters`] makes one [`Poll`](super::judge::Poll) of both queries of both arms, live or from
//! the past alike; [`BucketCounter`] does so for the buckets of a histogram. [`check_selector`] says
//! beforehand why a query is none for raw counters.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

mod absent;
mod buckets;
mod counter;
mod polls;
mod selector;
mod series;

pub use absent::{Absent, Counted};
pub use buckets::{Bucket, BucketCounter};
pub use counter::{Counter, Growth};
pub use polls::{Look, PollCounters};
pub use selector::check_selector;
pub use series::{label_of, series_name, without_label};

/// All series that one query of counters matched at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The instant asked for.
    pub at: DateTime<Utc>,
    /// The counters, by their labels in one text ([`series_name`]); each finite and at least 0. May be
    /// empty: then the query matched nothing, which is not the same as nothing having happened.
    pub series: BTreeMap<String, f64>,
}

/// What a provider answered to a query of counters.
#[derive(Debug, Clone, PartialEq)]
pub enum CounterReading {
    /// An answer, possibly without any series.
    Snapshot(Snapshot),
    /// An answer that cannot be used: NaN, negative, a histogram, a warning that it is incomplete.
    NoData(String),
    /// No answer.
    Unavailable(String),
}
