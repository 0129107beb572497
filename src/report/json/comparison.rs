//! A comparison of two arms as machines read it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    analysis::judge::{Counts, Evaluation, Forecast, Interval, Poll},
    event::ComparisonRecord,
};

/// What a metric that compares two arms adds; all of it is null or empty of any other metric.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct ComparisonReport {
    /// The new version.
    canary: Option<ArmReport>,
    /// The old version; null where the canary is held against a limit.
    stable: Option<ArmReport>,
    /// How many times the stable rate the canary's is; null where stable had no bad ones.
    ratio: Option<f64>,
    /// Lower end of the ratio's 95 % range.
    ratio_low: Option<f64>,
    /// Upper end of the ratio's 95 % range; null where nothing limits it.
    ratio_high: Option<f64>,
    /// Natural logarithm of the evidence that the canary is worse than tolerated.
    ln_e_worse: Option<f64>,
    /// Natural logarithm of the evidence that the canary is not unacceptable.
    ln_e_good: Option<f64>,
    /// How sure "worse than tolerated" is, in percent; honest however often one looks.
    sure_worse_percent: Option<f64>,
    /// How much bad requests cluster, at least 1; the evidence was divided by it.
    phi: Option<f64>,
    /// What it will take until it is decided, if rates stay as they are; good for its size only.
    forecast: Option<ForecastReport>,
    /// Every poll with how it stood after it, in order.
    polls: Vec<PollReport>,
}

/// One arm.
#[derive(Debug, Serialize, JsonSchema)]
struct ArmReport {
    /// Bad requests.
    bad: f64,
    /// All requests.
    total: f64,
    /// Share of the bad ones, from 0 to 1; null where there were no requests.
    rate: Option<f64>,
    /// Lower end of the rate's 95 % range.
    rate_low: Option<f64>,
    /// Upper end of the rate's 95 % range.
    rate_high: Option<f64>,
}

/// What it will take.
#[derive(Debug, Serialize, JsonSchema)]
struct ForecastReport {
    /// Requests of both arms together that are still to come.
    requests: f64,
    /// The verdict that they lead to.
    #[schemars(extend("enum" = ["worse", "good", "hold", "not-yet"]))]
    towards: &'static str,
}

/// One poll.
#[derive(Debug, Serialize, JsonSchema)]
struct PollReport {
    n_canary: f64,
    bad_canary: f64,
    /// Null where the canary is held against a limit.
    n_stable: Option<f64>,
    /// Null where the canary is held against a limit.
    bad_stable: Option<f64>,
    phi: f64,
    ln_e_worse: f64,
    ln_e_good: f64,
    /// How it stood after this poll.
    #[schemars(extend("enum" = ["worse", "good", "hold", "not-yet"]))]
    verdict: &'static str,
}

impl ComparisonReport {
    pub(super) fn of(record: &ComparisonRecord) -> Self {
        let [canary, stable] = match record.rates {
            Some(rates) => rates.map(Some),
            None => [None, None],
        };
        let range = record.ratio_interval;
        let against_stable = range.is_some();
        Self {
            canary: Some(ArmReport::of(record.sum.canary, canary)),
            stable: against_stable.then(|| ArmReport::of(record.sum.stable, stable)),
            ratio: record.ratio.and_then(finite),
            ratio_low: range.and_then(|range| finite(range.low)),
            ratio_high: range.and_then(|range| finite(range.high)),
            ln_e_worse: finite(record.evaluation.ln_e_worse),
            ln_e_good: finite(record.evaluation.ln_e_good),
            sure_worse_percent: Some(record.evaluation.sure_worse_percent()),
            phi: Some(record.evaluation.phi),
            forecast: record.forecast.as_ref().map(ForecastReport::of),
            polls: record
                .polls
                .iter()
                .map(|(poll, evaluation)| PollReport::of(*poll, evaluation, against_stable))
                .collect(),
        }
    }
}

impl ArmReport {
    fn of(counts: Counts, range: Option<Interval>) -> Self {
        let range = range.filter(|_| counts.rate().is_some());
        Self {
            bad: counts.bad(),
            total: counts.total(),
            rate: counts.rate(),
            rate_low: range.and_then(|range| finite(range.low)),
            rate_high: range.and_then(|range| finite(range.high)),
        }
    }
}

impl ForecastReport {
    fn of(forecast: &Forecast) -> Self {
        Self {
            requests: forecast.requests,
            towards: forecast.towards.word(),
        }
    }
}

impl PollReport {
    fn of(poll: Poll, evaluation: &Evaluation, against_stable: bool) -> Self {
        Self {
            n_canary: poll.canary.total(),
            bad_canary: poll.canary.bad(),
            n_stable: against_stable.then(|| poll.stable.total()),
            bad_stable: against_stable.then(|| poll.stable.bad()),
            phi: evaluation.phi,
            ln_e_worse: evaluation.ln_e_worse,
            ln_e_good: evaluation.ln_e_good,
            verdict: evaluation.verdict.word(),
        }
    }
}

/// A number that JSON can hold.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
