//! One entry of `verification.metrics`: a number in a range, or counts of two versions compared.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    ProviderKind, Schedule,
    check::{Check, Common},
    judge::RawJudge,
};
use crate::{
    analysis::{
        Limits, Range,
        counters::{Counted, check_selector},
        judge::{Against, Parameters},
    },
    config::{query::Template, schema::without_null},
};

const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// One entry of `verification.metrics` as it is written: `query` with `threshold_range`,
/// `bad` or `good` with `total`, or `histogram`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawMetric {
    /// Name in the output, unique within the service.
    pub name: String,
    /// Who is asked.
    pub provider: ProviderKind,
    /// Query for one number; may use `{{service}}`, `{{environment}}`, `{{version}}`, `{{arm}}` and
    /// `{{weight}}`.
    pub query: Option<String>,
    /// The numbers that are good, bounds included.
    pub threshold_range: Option<RawRange>,
    /// Counter of the bad requests: a selector without `rate()` or `increase()`, asked once for each
    /// version.
    pub bad: Option<String>,
    /// Counter of the good requests, instead of `bad`.
    pub good: Option<String>,
    /// Counter of all requests.
    pub total: Option<String>,
    /// The share of bad requests that the new version must stay below, whatever the old one does.
    pub max_rate: Option<f64>,
    /// Is it healthy that the counter of `bad` (or `good`) has never been there?
    pub absent_bad_is_zero: Option<bool>,
    /// Counter of the buckets of a histogram, with their label `le`.
    pub histogram: Option<String>,
    /// What counts as slow: a number in the histogram's unit, or `auto` for what 95 of 100 requests
    /// to the old version stayed below in the hour before.
    #[schemars(extend("type" = ["string", "number"]))]
    pub slow_above: Option<Value>,
    /// See `judge`.
    pub tolerated_ratio: Option<f64>,
    /// See `judge`.
    pub unacceptable_ratio: Option<f64>,
    /// See `judge`.
    pub negligible_rate: Option<f64>,
    /// See `judge`.
    pub tolerated_margin: Option<f64>,
    /// See `judge`.
    pub alpha_worse: Option<f64>,
    /// See `judge`.
    pub alpha_good: Option<f64>,
    /// See `judge`.
    #[schemars(extend("type" = ["string", "number"]))]
    pub dispersion: Option<Value>,
    /// See `judge`.
    pub restart_polls: Option<u32>,
    /// See `judge`.
    pub soak_polls: Option<u32>,
    /// See `judge`.
    pub before: Option<String>,
    /// Failures tolerated in all; fails at one more. 0 unless given. Only with `threshold_range`.
    pub failure_limit: Option<u32>,
    /// Errors tolerated in a row; 4 unless given.
    pub consecutive_error_limit: Option<u32>,
    /// Answers without a usable number tolerated in all; 4 unless given.
    pub inconclusive_limit: Option<u32>,
    /// Time to wait before the first measurement of this metric, if other than for all.
    pub initial_delay: Option<String>,
    /// Time between two measurements of this metric, if other than for all.
    pub interval: Option<String>,
    /// How long an answer may take; 10s unless given.
    pub timeout: Option<String>,
}

/// `threshold_range` as it is written: one bound or both, included.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawRange {
    /// Lowest good number.
    pub min: Option<f64>,
    /// Highest good number.
    pub max: Option<f64>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Name, unique within the service.
    pub name: String,
    /// Who is asked.
    pub provider: ProviderKind,
    /// What is asked, and what is wanted of it.
    pub measure: Measure,
    /// How much is tolerated.
    pub limits: Limits,
    /// When it is measured.
    pub schedule: Schedule,
}

/// What is asked, and what is wanted of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// One number that must stay in a range.
    Threshold {
        /// The query.
        query: Template,
        /// The numbers that are good.
        range: Range,
    },
    /// The new version against the old one, or against a limit.
    Comparison(Box<Comparison>),
}

/// The new version against the old one, or against a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub compared: Compared,
    /// What is tolerated, and how sure it must be. `metrics` is the number of the service's
    /// comparisons; `max_polls` is for whoever knows how long it is watched.
    pub parameters: Parameters,
    /// Length of the history that stands for the old version where that no longer runs; none = by
    /// the length of the watch.
    pub before: Option<Duration>,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Compared {
    /// The share of bad requests, from raw counters.
    Requests {
        /// Which of the requests are counted.
        counted: Counted,
        /// Selector of their counter.
        query: Template,
        /// Selector of the counter of all requests.
        total: Template,
        /// May a counter of theirs that was never there stand for zero?
        absent_is_zero: bool,
    },
    /// The share of requests that are slower than a boundary of a histogram.
    SlowShare {
        /// Selector of the buckets.
        histogram: Template,
        /// What is slow.
        above: SlowAbove,
    },
}

/// From which time on a request is slow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SlowAbove {
    /// The bucket boundary at or above the old version's 95th percentile of the hour before.
    Auto,
    /// A time in the histogram's unit, above 0.
    Limit(f64),
}

impl Comparison {
    /// Returns the queries with the keys that they are written under.
    pub fn queries(&self) -> Vec<(&'static str, &Template)> {
        match &self.compared {
            Compared::Requests {
                counted,
                query,
                total,
                ..
            } => vec![(counted.key(), query), ("total", total)],
            Compared::SlowShare { histogram, .. } => vec![("histogram", histogram)],
        }
    }

    /// Is the new version held against the old one, and not against a limit?
    pub fn needs_stable(&self) -> bool {
        self.parameters.against == Against::Stable
    }
}

/// The keys that make the form of a metric.
const FORM_KEYS: [&str; 9] = [
    "query",
    "threshold_range",
    "bad",
    "good",
    "total",
    "max_rate",
    "absent_bad_is_zero",
    "histogram",
    "slow_above",
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

impl RawMetric {
    fn judge(&self) -> RawJudge {
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

    fn has(&self, key: &str) -> bool {
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
            "failure_limit" => self.failure_limit.is_some(),
            key => self.judge().given().contains(&key),
        }
    }

    /// Returns what else may stand beside the form's own keys.
    fn form(&self) -> Result<Form, String> {
        let counted = self.bad.is_some() || self.good.is_some();
        match (self.query.is_some(), counted, self.histogram.is_some()) {
            (true, false, false) => Ok(Form::Threshold),
            (false, true, false) if self.max_rate.is_some() => Ok(Form::Limit),
            (false, true, false) => Ok(Form::Requests),
            (false, false, true) => Ok(Form::SlowShare),
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

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Threshold,
    Requests,
    Limit,
    SlowShare,
}

impl Form {
    fn keys(self) -> Vec<&'static str> {
        match self {
            Self::Threshold => vec!["query", "threshold_range", "failure_limit"],
            Self::Requests => [
                &["bad", "good", "total", "absent_bad_is_zero"],
                &HOW_SURE[..],
                &HOW_MUCH,
            ]
            .concat(),
            Self::Limit => {
                let own = ["bad", "good", "total", "absent_bad_is_zero", "max_rate"];
                [&own[..], &HOW_SURE].concat()
            }
            Self::SlowShare => [&["histogram", "slow_above"], &HOW_SURE[..], &HOW_MUCH].concat(),
        }
    }

    fn needs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Threshold => &[("threshold_range", "`threshold_range: {max: 0.5}`")],
            Self::Requests | Self::Limit => &[("total", "`total`, the counter of all requests")],
            Self::SlowShare => &[("slow_above", "`slow_above: auto`, or a number")],
        }
    }

    /// Returns the key by which a message names it.
    fn name(self) -> &'static str {
        match self {
            Self::Threshold => "threshold_range",
            Self::Requests => "bad",
            Self::Limit => "max_rate",
            Self::SlowShare => "slow_above",
        }
    }
}

impl Check {
    pub(super) fn metric(
        &mut self,
        index: usize,
        raw: RawMetric,
        common: &Common,
    ) -> Option<Metric> {
        let at = format!("/metrics/{index}");
        let name = self.name(&at, raw.name.clone());
        let measure = match raw.form() {
            Ok(form) => self.measure(&at, &raw, form, common),
            Err(message) => {
                self.problem(at.clone(), message);
                None
            }
        };
        let schedule = Schedule {
            initial_delay: self.duration(
                &format!("{at}/initial_delay"),
                raw.initial_delay.as_deref(),
                common.initial_delay,
            ),
            interval: self.interval(
                &format!("{at}/interval"),
                raw.interval.as_deref(),
                common.interval,
            ),
            timeout: self.timeout(&at, raw.timeout.as_deref(), QUERY_TIMEOUT),
        };
        let limits = self.limits(
            &at,
            raw.failure_limit,
            raw.consecutive_error_limit,
            raw.inconclusive_limit,
            common,
        );
        Some(Metric {
            name,
            provider: raw.provider,
            measure: measure?,
            limits,
            schedule,
        })
    }

    fn measure(
        &mut self,
        at: &str,
        raw: &RawMetric,
        form: Form,
        common: &Common,
    ) -> Option<Measure> {
        let problems = self.problems.len();
        let allowed = form.keys();
        let all = FORM_KEYS.iter().chain(&HOW_SURE).chain(&HOW_MUCH);
        for key in all.chain(&["failure_limit"]) {
            if raw.has(key) && !allowed.contains(key) {
                let message = format!("`{key}` does not go with `{}`", form.name());
                self.problem(format!("{at}/{key}"), message);
            }
        }
        for (key, wanted) in form.needs() {
            if !raw.has(key) {
                self.problem(at, format!("expected {wanted}"));
            }
        }
        if raw.bad.is_some() && raw.good.is_some() {
            self.problem(
                format!("{at}/good"),
                "found `bad` as well, expected one of them",
            );
        }
        let query = raw
            .query
            .as_deref()
            .and_then(|text| self.template(&format!("{at}/query"), text));
        let mut counter = |key: &str, text: &Option<String>| {
            let pointer = format!("{at}/{key}");
            let text = text.as_deref()?;
            if let Err(reason) = check_selector(text) {
                self.problem(pointer.as_str(), reason);
            }
            self.template(&pointer, text)
        };
        let bad = counter("bad", &raw.bad);
        let good = counter("good", &raw.good);
        let total = counter("total", &raw.total);
        let histogram = counter("histogram", &raw.histogram);
        if form == Form::Threshold {
            let range = raw.threshold_range?;
            let range = Range::new(range.min, range.max)
                .map_err(|error| self.problem(format!("{at}/threshold_range"), error.to_string()));
            return Some(Measure::Threshold {
                query: query?,
                range: range.ok()?,
            });
        }
        let base = Parameters {
            against: raw.max_rate.map_or(Against::Stable, Against::Rate),
            negligible_rate: match form {
                Form::Requests | Form::Limit => Parameters::default().negligible_rate,
                Form::Threshold | Form::SlowShare => 0.0,
            },
            ..Parameters::default()
        };
        let (parameters, before) = self.settle(at, raw.judge(), &common.judge, base);
        let compared = match form {
            Form::Requests | Form::Limit => Compared::Requests {
                counted: if good.is_some() {
                    Counted::Good
                } else {
                    Counted::Bad
                },
                query: good.or(bad)?,
                total: total?,
                absent_is_zero: raw.absent_bad_is_zero.unwrap_or(false),
            },
            Form::SlowShare => Compared::SlowShare {
                histogram: histogram?,
                above: self.slow_above(at, raw.slow_above.as_ref()?)?,
            },
            Form::Threshold => return None,
        };
        let comparison = Comparison {
            compared,
            parameters,
            before,
        };
        (self.problems.len() == problems).then(|| Measure::Comparison(Box::new(comparison)))
    }

    fn slow_above(&mut self, at: &str, written: &Value) -> Option<SlowAbove> {
        match (written.as_str(), written.as_f64()) {
            (Some("auto"), _) => Some(SlowAbove::Auto),
            (_, Some(limit)) if limit > 0.0 && limit.is_finite() => Some(SlowAbove::Limit(limit)),
            _ => {
                let message = format!("found {written}, expected `auto` or a number above 0");
                self.problem(format!("{at}/slow_above"), message);
                None
            }
        }
    }
}
