//! What is known of a service before a step: its traffic, its usual share of bad requests, and from
//! that the rates that a comparison tolerates and the one it promises to find.

use std::{fmt, time::Duration};

use crate::{
    analysis::judge::{Against, Counts, Parameters, Poll},
    units::RequestsPerSecond,
};

/// The traffic of a service and how often it is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    requests_per_second: f64,
    baseline: f64,
    poll: Duration,
}

/// What nothing can be planned from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficProblem {
    /// No requests.
    NoRequests,
    /// A share of bad requests that is not from 0 to below 1.
    Baseline,
    /// No time between two polls.
    NoPoll,
}

impl fmt::Display for TrafficProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoRequests => "without requests nothing can be compared",
            Self::Baseline => "the usual share of bad requests must be from 0 to below 1",
            Self::NoPoll => "the time between two polls must be above 0",
        })
    }
}

impl std::error::Error for TrafficProblem {}

impl Traffic {
    /// Takes the requests a second of both arms together, the usual share of bad ones (0.01 for 1 %)
    /// and the time between two polls.
    ///
    /// # Errors
    /// No requests, a share that is none or all, no time between polls.
    pub fn new(
        requests: RequestsPerSecond,
        baseline: f64,
        poll: Duration,
    ) -> Result<Self, TrafficProblem> {
        if requests.value() <= 0.0 {
            return Err(TrafficProblem::NoRequests);
        }
        if !(0.0..1.0).contains(&baseline) {
            return Err(TrafficProblem::Baseline);
        }
        if poll.is_zero() {
            return Err(TrafficProblem::NoPoll);
        }
        Ok(Self {
            requests_per_second: requests.value(),
            baseline,
            poll,
        })
    }

    /// Returns the usual share of bad requests, from 0 to below 1.
    pub fn baseline(&self) -> f64 {
        self.baseline
    }

    /// Returns the requests of both arms in so many minutes.
    pub fn requests_in(&self, minutes: f64) -> f64 {
        60.0 * self.requests_per_second * minutes
    }

    /// Returns the minutes that so many requests of both arms take.
    pub fn minutes_for(&self, requests: f64) -> f64 {
        requests / (60.0 * self.requests_per_second)
    }

    /// Returns the minutes of so many polls.
    pub fn minutes_of_polls(&self, polls: u32) -> f64 {
        self.poll.as_secs_f64() * f64::from(polls) / 60.0
    }

    /// Returns a rate as a multiple of the usual one; none where nothing is usually bad.
    pub fn multiple_of(&self, rate: f64) -> Option<f64> {
        (self.baseline > 0.0).then(|| rate / self.baseline)
    }
}

/// The share of bad requests of each arm, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of the old version.
    pub stable: f64,
    /// Of the new one.
    pub canary: f64,
}

impl Rates {
    /// What one request brings on average where the canary gets this share of them; none where the
    /// share or a rate is no share.
    pub(super) fn mean_request(self, share: f64) -> Option<Poll> {
        let is_share = |number: f64| (0.0..=1.0).contains(&number);
        let fine = share > 0.0 && is_share(share) && is_share(self.stable) && is_share(self.canary);
        fine.then(|| Poll {
            canary: Counts::expected(share, self.canary),
            stable: Counts::expected(1.0 - share, self.stable),
        })
    }
}

/// Returns the highest rate of the canary that is within what is tolerated, where stable has this one.
pub fn tolerated_rate(parameters: &Parameters, stable: f64) -> f64 {
    match parameters.against {
        Against::Stable => {
            let beside = parameters.tolerated_ratio * stable + parameters.tolerated_margin;
            beside.max(parameters.negligible_rate)
        }
        Against::Rate(rate) => rate,
    }
}

/// Returns the rate that a comparison promises to find: as many times what is tolerated as
/// `unacceptable_ratio` is of `tolerated_ratio`, at most 1.
///
/// Where neither the negligible rate nor a margin is in the way that is `unacceptable_ratio` times
/// stable's rate. Against an absolute limit it is `unacceptable_ratio` times the limit.
pub fn promised_rate(parameters: &Parameters, stable: f64) -> f64 {
    let times = match parameters.against {
        Against::Stable => parameters.unacceptable_ratio / parameters.tolerated_ratio,
        Against::Rate(_) => parameters.unacceptable_ratio,
    };
    (tolerated_rate(parameters, stable) * times).min(1.0)
}
