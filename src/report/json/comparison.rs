//! A comparison of two arms as machines read it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    analysis::judge::{Counts, Evaluation, Forecast, Interval, Poll},
    event::{ComparedFigures, ComparisonRecord},
};

/// What a metric that compares two arms adds; all of it is null or empty of any other metric.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct ComparisonReport {
    /// The new version; null where finished numbers are compared.
    canary: Option<ArmReport>,
    /// The old version; null where the canary is held against a limit, or finished numbers are
    /// compared.
    stable: Option<ArmReport>,
    /// How many times the stable rate, or number, the canary's is; null where stable had no bad ones,
    /// and of percentiles.
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
    /// Bad requests; null where percentiles are compared.
    bad: Option<f64>,
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
    /// Null where finished numbers are compared.
    n_canary: Option<f64>,
    /// Null where percentiles or finished numbers are compared.
    bad_canary: Option<f64>,
    /// Null where the canary is held against a limit, or finished numbers are compared.
    n_stable: Option<f64>,
    /// Null where the canary is held against a limit, or percentiles or finished numbers are compared.
    bad_stable: Option<f64>,
    phi: f64,
    ln_e_worse: f64,
    ln_e_good: f64,
    /// How it stood after this poll.
    #[schemars(extend("enum" = ["worse", "good", "hold", "not-yet"]))]
    verdict: &'static str,
}

impl ComparisonReport {
    /// Reports a comparison with so many of its polls, the last ones.
    pub(super) fn of(record: &ComparisonRecord, polls: usize) -> Self {
        let left_out = record.polls.len().saturating_sub(polls);
        let [canary, stable] = match record.rates {
            Some(rates) => rates.map(Some),
            None => [None, None],
        };
        let range = record.ratio_interval;
        let told = Told::of(record);
        Self {
            canary: told
                .counts
                .then(|| ArmReport::of(record.sum.canary, canary, told)),
            stable: (told.counts && told.stable)
                .then(|| ArmReport::of(record.sum.stable, stable, told)),
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
                .skip(left_out)
                .map(|(poll, evaluation)| PollReport::of(*poll, evaluation, told))
                .collect(),
        }
    }
}

/// Which counts there are.
#[derive(Clone, Copy)]
struct Told {
    counts: bool,
    bad: bool,
    stable: bool,
}

impl Told {
    fn of(record: &ComparisonRecord) -> Self {
        let is_of_shares = record.figures == ComparedFigures::Shares;
        Self {
            counts: record.figures != ComparedFigures::Numbers,
            bad: is_of_shares,
            stable: !is_of_shares || record.ratio_interval.is_some(),
        }
    }
}

impl ArmReport {
    fn of(counts: Counts, range: Option<Interval>, told: Told) -> Self {
        let range = range.filter(|_| counts.rate().is_some());
        Self {
            bad: told.bad.then(|| counts.bad()),
            total: counts.total(),
            rate: counts.rate().filter(|_| told.bad),
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
    fn of(poll: Poll, evaluation: &Evaluation, told: Told) -> Self {
        let Told {
            counts,
            bad,
            stable,
        } = told;
        Self {
            n_canary: counts.then(|| poll.canary.total()),
            bad_canary: bad.then(|| poll.canary.bad()),
            n_stable: (counts && stable).then(|| poll.stable.total()),
            bad_stable: (bad && stable).then(|| poll.stable.bad()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::judge::ComparisonVerdict;

    #[test]
    fn what_does_not_exist_is_null() {
        let evaluation = Evaluation {
            verdict: ComparisonVerdict::NotYet,
            polls: 1,
            phi: 1.0,
            ln_e_worse: 0.5,
            ln_e_good: -0.5,
        };
        let counts = |total| Counts::new(total, 0.0).unwrap();
        let poll = Poll {
            canary: counts(10.0),
            stable: counts(90.0),
        };
        let rows = [
            (ComparedFigures::Percentiles, None, poll),
            (ComparedFigures::Numbers, Some(1.25), Poll::default()),
        ];
        let texts = rows.map(|(figures, ratio, poll)| {
            let polls = vec![(poll, evaluation)];
            let record = ComparisonRecord::of_times(figures, ratio, evaluation, polls, &[]);
            serde_json::to_string(&ComparisonReport::of(&record, usize::MAX)).unwrap()
        });
        insta::assert_snapshot!(texts.join("\n"), @r#"
        {"canary":{"bad":null,"total":10.0,"rate":null,"rate_low":null,"rate_high":null},"stable":{"bad":null,"total":90.0,"rate":null,"rate_low":null,"rate_high":null},"ratio":null,"ratio_low":null,"ratio_high":null,"ln_e_worse":0.5,"ln_e_good":-0.5,"sure_worse_percent":39.346934028736655,"phi":1.0,"forecast":null,"polls":[{"n_canary":10.0,"bad_canary":null,"n_stable":90.0,"bad_stable":null,"phi":1.0,"ln_e_worse":0.5,"ln_e_good":-0.5,"verdict":"not-yet"}]}
        {"canary":null,"stable":null,"ratio":1.25,"ratio_low":null,"ratio_high":null,"ln_e_worse":0.5,"ln_e_good":-0.5,"sure_worse_percent":39.346934028736655,"phi":1.0,"forecast":null,"polls":[{"n_canary":null,"bad_canary":null,"n_stable":null,"bad_stable":null,"phi":1.0,"ln_e_worse":0.5,"ln_e_good":-0.5,"verdict":"not-yet"}]}
        "#);
    }
}
