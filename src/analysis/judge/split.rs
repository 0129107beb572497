//! Does the canary get the traffic that it was given?
//!
//! A comparison does not need the split to be right. But where the canary gets far less than its
//! weight, the new version is not where people think it is: no pod is ready, the route is not live,
//! or the labels of the metric name other pods.

use super::Poll;
use crate::units::Weight;

/// Requests of the canary that must be expected before its share is looked at.
const EXPECTED_REQUESTS: f64 = 30.0;
/// The part of its weight that the canary must at least get.
const LEAST_PART: f64 = 0.5;

/// A canary that gets less than half of the traffic that its weight says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitMismatch {
    /// The canary's share of the requests, from 0 to 1.
    pub share: f64,
    /// The share that its weight says, from 0 to 1.
    pub expected: f64,
}

/// Looks whether the canary got at least half of its weight's share of all requests so far; none
/// where it did, or where fewer than 30 of its requests were to be expected.
///
/// A simple rule of this project, not a test with a known error: at 30 expected, half of them by
/// chance is about one in a thousand.
pub fn split_mismatch(sum: Poll, weight: Weight) -> Option<SplitMismatch> {
    let all = sum.canary.total() + sum.stable.total();
    let expected = weight.ratio();
    if all * expected < EXPECTED_REQUESTS {
        return None;
    }
    let share = sum.canary.total() / all;
    (share < LEAST_PART * expected).then_some(SplitMismatch { share, expected })
}
