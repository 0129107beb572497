//! The sums of one version, window by window, of a provider that keeps no raw counters.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;

use super::source::{Probe, Trouble};
use crate::{
    analysis::counters::Counted,
    probe::{SumSource, WindowReading},
};

/// What tells whether there are bad requests at all.
const HOUR: TimeDelta = TimeDelta::hours(1);

/// Who keeps the sums of one version, and what is asked.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub(super) source: SumSource,
    pub(super) timeout: Duration,
    /// Whose they are, for people: `canary`.
    pub(super) arm: String,
    /// Which requests the query counts.
    pub(super) counted: Counted,
    /// For the number of the bad or of the good ones.
    pub(super) query: String,
    /// For the number of all.
    pub(super) total: String,
}

/// What was counted in one window, or in several that follow each other; none = nothing was, which
/// is not a zero by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Window {
    /// The bad or the good requests.
    pub(super) counted: Option<f64>,
    /// All requests.
    pub(super) total: Option<f64>,
}

impl Window {
    /// Returns both together.
    pub(super) fn and(self, next: Self) -> Self {
        let sum = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        Self {
            counted: sum(self.counted, next.counted),
            total: sum(self.total, next.total),
        }
    }
}

impl Sums {
    /// Asks for the sums between each bound and the next one, both queries side by side. One result
    /// for each window.
    pub(super) async fn windows(
        &self,
        probe: Probe<'_>,
        bounds: &[DateTime<Utc>],
    ) -> Vec<Result<Window, Trouble>> {
        let (counted, total) = join(
            self.asked(probe, &self.query, bounds),
            self.asked(probe, &self.total, bounds),
        )
        .await;
        let pairs = counted.into_iter().zip(total);
        pairs
            .map(|(counted, total)| {
                Ok(Window {
                    counted: self.sum(self.counted.key(), counted)?,
                    total: self.sum("total", total)?,
                })
            })
            .collect()
    }

    /// Were bad (or good) requests counted in the hour before?
    pub(super) async fn was_counted(
        &self,
        probe: Probe<'_>,
        until: DateTime<Utc>,
    ) -> Result<bool, Trouble> {
        let until = self.floor(until);
        let from = self.floor(until.checked_sub_signed(HOUR).unwrap_or(until));
        let found = self.asked(probe, &self.query, &[from, until]).await;
        let mut was_counted = false;
        for reading in found {
            was_counted |= self.sum(self.counted.key(), reading)?.is_some();
        }
        Ok(was_counted)
    }

    /// Returns the last bound that is not after an instant.
    pub(super) fn floor(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let at = at.timestamp_millis();
        let floor = at - at.rem_euclid(self.bucket());
        DateTime::from_timestamp_millis(floor).unwrap_or_default()
    }

    /// Returns the first bound that is not before an instant.
    pub(super) fn ceiling(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let last = TimeDelta::milliseconds(self.bucket() - 1);
        // Finer than what the bounds are made of is nothing.
        let at = at + TimeDelta::microseconds(999);
        let at = DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at);
        self.floor(at.checked_add_signed(last).unwrap_or(at))
    }

    /// Width of a bucket in milliseconds.
    pub(super) fn bucket(&self) -> i64 {
        i64::try_from(self.source.bucket().as_millis())
            .unwrap_or(i64::MAX)
            .max(1)
    }

    /// How long after its end a window may still grow.
    pub(super) fn settle(&self) -> TimeDelta {
        TimeDelta::from_std(self.source.settle()).unwrap_or(TimeDelta::zero())
    }

    async fn asked(
        &self,
        Probe { client, clock, .. }: Probe<'_>,
        query: &str,
        bounds: &[DateTime<Utc>],
    ) -> Vec<WindowReading> {
        let asked = self.source.sums(client, clock, query, bounds, self.timeout);
        asked.await
    }

    fn sum(&self, key: &str, reading: WindowReading) -> Result<Option<f64>, Trouble> {
        let of = |reason| format!("`{key}` of {}: {reason}", self.arm);
        match reading {
            WindowReading::Sum(sum) => Ok(Some(sum)),
            WindowReading::Nothing(_) => Ok(None),
            WindowReading::NoData(reason) => Err(Trouble::NoData(of(reason))),
            WindowReading::Unavailable(reason) => Err(Trouble::Unavailable(of(reason))),
        }
    }
}
