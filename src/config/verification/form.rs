//! Which of its forms an entry of `verification.metrics` has, and which keys go with it.

use super::{judge::RawJudge, metric::RawMetric};

/// The keys that make the form of a metric.
const FORM_KEYS: [&str; 15] = [
    "query",
    "threshold_range",
    "success_condition",
    "failure_condition",
    "requests",
    "min_requests",
    "bad",
    "good",
    "total",
    "max_rate",
    "absent_bad_is_zero",
    "histogram",
    "slow_above",
    "quantile",
    "tolerated_factor",
];
const HOW_SURE: [&str; 5] = [
    "alpha_worse",
    "alpha_good",
    "dispersion",
    "restart_polls",
    "soak_polls",
];
const HOW_MUCH: [&str; 5] = [
    "tolerated_ratio",
    "unacceptable_ratio",
    "negligible_rate",
    "tolerated_margin",
    "before",
];

/// The keys that say how often a threshold may be exceeded.
const HOW_OFTEN: [&str; 3] = ["failure_limit", "consecutive_failure_limit", "count"];

impl RawMetric {
    /// Returns the judge's keys that stand in it.
    pub(super) fn judge(&self) -> RawJudge {
        RawJudge {
            tolerated_ratio: self.tolerated_ratio,
            unacceptable_ratio: self.unacceptable_ratio,
            negligible_rate: self.negligible_rate,
            tolerated_margin: self.tolerated_margin,
            alpha_worse: self.alpha_worse,
            alpha_good: self.alpha_good,
            dispersion: self.dispersion.clone(),
            restart_polls: self.restart_polls,
            soak_polls: self.soak_polls,
            before: self.before.clone(),
        }
    }

    /// Is the key given?
    pub(super) fn has(&self, key: &str) -> bool {
        match key {
            "query" => self.query.is_some(),
            "threshold_range" => self.threshold_range.is_some(),
            "bad" => self.bad.is_some(),
            "good" => self.good.is_some(),
            "total" => self.total.is_some(),
            "max_rate" => self.max_rate.is_some(),
            "absent_bad_is_zero" => self.absent_bad_is_zero.is_some(),
            "histogram" => self.histogram.is_some(),
            "slow_above" => self.slow_above.is_some(),
            "quantile" => self.quantile.is_some(),
            "tolerated_factor" => self.tolerated_factor.is_some(),
            "success_condition" => self.success_condition.is_some(),
            "failure_condition" => self.failure_condition.is_some(),
            "requests" => self.requests.is_some(),
            "min_requests" => self.min_requests.is_some(),
            "failure_limit" => self.failure_limit.is_some(),
            "consecutive_failure_limit" => self.consecutive_failure_limit.is_some(),
            "count" => self.count.is_some(),
            key => self.judge().given().contains(&key),
        }
    }

    /// Does it hold a number against something that does not change?
    pub(super) fn has_threshold(&self) -> bool {
        self.threshold_range.is_some() || self.has_conditions()
    }

    pub(super) fn has_conditions(&self) -> bool {
        self.success_condition.is_some() || self.failure_condition.is_some()
    }

    /// Returns what else may stand beside the form's own keys.
    pub(super) fn form(&self) -> Result<Form, String> {
        let counted = self.bad.is_some() || self.good.is_some();
        match (self.query.is_some(), counted, self.histogram.is_some()) {
            (true, false, false) if self.has_threshold() => Ok(Form::Threshold),
            (true, false, false) if self.tolerated_factor.is_some() => Ok(Form::Gauge),
            (true, false, false) => Ok(Form::Threshold),
            (false, true, false) if self.max_rate.is_some() => Ok(Form::Limit),
            (false, true, false) => Ok(Form::Requests),
            (false, false, true) if self.slow_above.is_some() => Ok(Form::SlowShare),
            (false, false, true) if self.quantile.is_some() => Ok(Form::Quantile),
            (false, false, true) => Err(
                "expected `slow_above: auto`, or a number, or `quantile: 0.99` with `tolerated_factor`: nothing says what of the histogram is compared"
                    .to_owned(),
            ),
            (false, false, false) if self.total.is_some() => Err(
                "`total` has neither `bad` nor `good` beside it, so there is nothing to compare"
                    .to_owned(),
            ),
            (false, false, false) => Err(
                "expected `query`, `bad` with `total`, or `histogram`: nothing is asked".to_owned(),
            ),
            _ => {
                let found = ["query", "bad", "good", "histogram"].into_iter();
                let found: Vec<String> = found
                    .filter(|key| self.has(key))
                    .map(|key| format!("`{key}`"))
                    .collect();
                Err(format!(
                    "found {}, expected one of them",
                    found.join(" and ")
                ))
            }
        }
    }
}

/// What an entry asks for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    Threshold,
    Requests,
    Limit,
    SlowShare,
    Quantile,
    Gauge,
}

impl Form {
    /// Returns every key that goes with some form only.
    pub(super) fn all_keys() -> impl Iterator<Item = &'static str> {
        let all = FORM_KEYS.iter().chain(&HOW_SURE).chain(&HOW_MUCH);
        all.chain(&HOW_OFTEN).copied()
    }

    /// Returns the keys that go with it.
    pub(super) fn keys(self) -> Vec<&'static str> {
        match self {
            Self::Threshold => {
                let own = [
                    "query",
                    "threshold_range",
                    "success_condition",
                    "failure_condition",
                    "requests",
                    "min_requests",
                ];
                [&own[..], &HOW_OFTEN].concat()
            }
            Self::Requests => [
                &["bad", "good", "total", "absent_bad_is_zero", "min_requests"],
                &HOW_SURE[..],
                &HOW_MUCH,
            ]
            .concat(),
            Self::Limit => {
                let own = [
                    "bad",
                    "good",
                    "total",
                    "absent_bad_is_zero",
                    "max_rate",
                    "min_requests",
                ];
                [&own[..], &HOW_SURE].concat()
            }
            Self::SlowShare => {
                let own = ["histogram", "slow_above", "min_requests"];
                [&own[..], &HOW_SURE, &HOW_MUCH].concat()
            }
            // One beginning, which is not begun anew.
            Self::Quantile => vec![
                "histogram",
                "quantile",
                "min_requests",
                "tolerated_factor",
                "unacceptable_ratio",
                "alpha_worse",
                "alpha_good",
                "dispersion",
                "soak_polls",
                "before",
            ],
            Self::Gauge => vec![
                "query",
                "tolerated_factor",
                "alpha_worse",
                "alpha_good",
                "soak_polls",
                "before",
            ],
        }
    }

    /// Returns the keys that it cannot do without, with what to write.
    pub(super) fn needs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Which of its thresholds it has is checked with them.
            Self::Threshold => &[],
            Self::Requests | Self::Limit => &[("total", "`total`, the counter of all requests")],
            Self::SlowShare => &[("slow_above", "`slow_above: auto`, or a number")],
            Self::Quantile => &[("tolerated_factor", "`tolerated_factor: 1.2`")],
            Self::Gauge => &[],
        }
    }

    /// Returns the key by which a message names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Threshold => "threshold_range",
            Self::Requests => "bad",
            Self::Limit => "max_rate",
            Self::SlowShare => "slow_above",
            Self::Quantile => "quantile",
            Self::Gauge => "tolerated_factor",
        }
    }
}
