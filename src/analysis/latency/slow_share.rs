//! The share of slow requests: latency as errors, where "error" is "slower than so much".
//!
//! The boundary is fixed before the step, from stable alone, so that nothing the canary does can move
//! it; it must be one that the buckets have, because between two of them nobody knows. Measured with
//! Prometheus' default buckets and 5 % of 100 requests a second: 1.5 times as slow is found in two
//! minutes, unchanged latency never takes a canary back. Compare it with a `negligible_rate` of 0:
//! some share is always slow.
//!
//! Cannot see what happens on one side of the boundary only: a slowest percent that gets ten times
//! slower while the share above the boundary stays the same.

use std::fmt;

use super::Buckets;
use crate::analysis::judge::Counts;

/// The share of stable's requests that are taken for fast: about one in twenty is slow before
/// anything happened, enough to compare and few enough to grow.
const FAST: f64 = 0.95;
/// Requests below which there is no one in twenty.
const LEAST_HISTORY: f64 = 20.0;

/// Requests are slow above this boundary, in the unit of the histogram (seconds, mostly).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowAbove(f64);

/// Why a history gives no boundary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoSlowBoundary {
    /// So few requests that there is no 95th percentile.
    NoHistory {
        /// How many there were.
        requests: f64,
    },
    /// More than one in twenty is above the largest finite bucket.
    AboveAllBuckets {
        /// The boundary of that bucket.
        largest: f64,
    },
}

impl fmt::Display for NoSlowBoundary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHistory { requests } => write!(
                formatter,
                "stable had {requests:.0} requests in the time before, too few for a 95th percentile \
                 ({LEAST_HISTORY:.0} needed)"
            ),
            Self::AboveAllBuckets { largest } => write!(
                formatter,
                "stable's 95th percentile is above the largest bucket, {largest}"
            ),
        }
    }
}

impl std::error::Error for NoSlowBoundary {}

/// A histogram without the boundary that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoBucketEndsHere {
    /// The boundary asked for.
    pub wanted: f64,
    /// The next one below, if there is one.
    pub below: Option<f64>,
    /// The next one above, if there is one.
    pub above: Option<f64>,
}

impl fmt::Display for NoBucketEndsHere {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no bucket ends at {}", self.wanted)?;
        match (self.below, self.above) {
            (Some(below), Some(above)) => {
                write!(formatter, "; the nearest end at {below} and {above}")
            }
            (Some(nearest), None) | (None, Some(nearest)) => {
                write!(formatter, "; the nearest ends at {nearest}")
            }
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for NoBucketEndsHere {}

impl SlowAbove {
    /// Takes a boundary that someone chose. Whether the histogram has it shows with the first
    /// [`SlowAbove::counts`].
    pub fn new(boundary: f64) -> Self {
        Self(boundary)
    }

    /// Chooses the lowest boundary at or above the 95th percentile of stable's requests in the time
    /// before the step: an hour, say.
    ///
    /// # Errors
    /// Fewer than 20 requests, or a percentile above the largest finite bucket.
    pub fn of_history(stable: &Buckets) -> Result<Self, NoSlowBoundary> {
        let requests = stable.total();
        if requests < LEAST_HISTORY {
            return Err(NoSlowBoundary::NoHistory { requests });
        }
        let largest = stable.boundaries().fold(0.0, f64::max);
        stable
            .boundary_of(FAST)
            .map(Self)
            .ok_or(NoSlowBoundary::AboveAllBuckets { largest })
    }

    /// Returns the boundary.
    pub fn boundary(self) -> f64 {
        self.0
    }

    /// Returns the requests of one arm in one poll, the slow ones as the bad ones.
    ///
    /// # Errors
    /// A histogram that has no such boundary: a share of something else would be compared.
    pub fn counts(self, buckets: &Buckets) -> Result<Counts, NoBucketEndsHere> {
        let missing = || NoBucketEndsHere {
            wanted: self.0,
            below: buckets.boundaries().filter(|end| *end < self.0).last(),
            above: buckets.boundaries().find(|end| *end > self.0),
        };
        buckets
            .boundaries()
            .zip(buckets.slower())
            .find(|(boundary, _)| boundary.total_cmp(&self.0).is_eq())
            .and_then(|(_, slower)| Counts::measured(buckets.total(), slower).ok())
            .ok_or_else(missing)
    }
}
