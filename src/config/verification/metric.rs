//! One entry of `verification.metrics`: a number held against a threshold, or counts of two versions
//! compared.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    ProviderKind, Schedule,
    check::{Check, Common},
    form::Form,
    judge::RawJudge,
    preset::{Preset, PresetPart, RawWith},
};
use crate::{
    analysis::{
        Limits, Threshold,
        counters::Counted,
        judge::{Against, Parameters},
    },
    config::{query::Template, schema::without_null},
};

const QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Whoever tolerates more has no limit.
const MOST_FACTOR: f64 = 100.0;
/// How far above a tolerated factor the unacceptable one is at least, where none is given.
const LEAST_ROOM: f64 = 1.25;

/// One entry of `verification.metrics` as it is written: `query` with `threshold_range`, conditions or
/// `tolerated_factor`, `bad` or `good` with `total`, `histogram` with `slow_above` or `quantile`, or
/// `preset`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawMetric {
    /// Name in the output, unique within the service. A preset needs none.
    pub name: Option<String>,
    /// Who is asked. A preset needs none.
    pub provider: Option<ProviderKind>,
    /// Requests, errors and duration by version, as a well known exporter counts them: the whole
    /// query.
    pub preset: Option<Preset>,
    /// What the preset cannot know.
    pub with: Option<RawWith>,
    /// What of the preset is compared; both unless given.
    pub parts: Option<Vec<PresetPart>>,
    /// The preset that it was made of.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) applied: Option<Preset>,
    /// Query for one number; may use `{{service}}`, `{{environment}}`, `{{version}}`, `{{arm}}` and
    /// `{{weight}}`.
    pub query: Option<String>,
    /// The numbers that are good, bounds included.
    pub threshold_range: Option<RawRange>,
    /// Condition over `result` for a good number, as Argo Rollouts has it: `result < 0.05`. With
    /// `failure_condition` too, a number for which neither holds is inconclusive.
    pub success_condition: Option<String>,
    /// Condition over `result` for a bad number.
    pub failure_condition: Option<String>,
    /// Query for the number of requests that `query` is made of; needs `min_requests`.
    pub requests: Option<String>,
    /// Requests below which a number is no value, or a comparison cannot be good.
    #[schemars(range(min = 1))]
    pub min_requests: Option<u32>,
    /// Counter of the bad requests: a selector without `rate()` or `increase()`, asked once for each
    /// version. Of a provider that keeps sums, a query for their number.
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
    /// The percentile of a histogram that is compared, as a share: 0.99.
    pub quantile: Option<f64>,
    /// The percentile, or the number of a `query`, may be this many times that of the old version.
    pub tolerated_factor: Option<f64>,
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
    /// Judged and shown, but decides nothing; false unless given.
    pub dry_run: Option<bool>,
    /// Usable measurements wanted of this metric, which is then done; as many as are made unless given.
    /// Only with a threshold.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: Option<u32>,
    /// Failures tolerated in all; fails at one more. 0 unless given, any number where
    /// `consecutive_failure_limit` is. Only with a threshold.
    pub failure_limit: Option<u32>,
    /// Failures tolerated in a row; fails at one more. Only with a threshold.
    pub consecutive_failure_limit: Option<u32>,
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
    /// Is it judged and shown, and decides nothing?
    pub dry_run: bool,
    /// Requests below which a number is no value, or a comparison cannot be good; none = any number.
    pub min_requests: Option<f64>,
    /// Position of its entry in the file, counted from 0; a preset makes several metrics of one.
    pub entry: usize,
    /// The preset that it was made of.
    pub preset: Option<Preset>,
}

/// What is asked, and what is wanted of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// One number that is held against a range or conditions.
    Threshold {
        /// The query.
        query: Template,
        /// The numbers that are good.
        threshold: Threshold,
        /// Query for the requests that the number is made of, where there must be enough.
        requests: Option<Template>,
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
    /// A percentile, from the buckets of a histogram.
    Quantile {
        /// Selector of the buckets.
        histogram: Template,
        /// The share of requests that do not exceed it, such as 0.99.
        quantile: f64,
    },
    /// A finished number, one for each version at the same instant.
    Gauge {
        /// The query.
        query: Template,
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

impl Metric {
    /// Says what it is made of, where a preset made it: `errors by preset istio: bad …, total …`.
    pub fn expansion(&self) -> Option<String> {
        let preset = self.preset?;
        let Measure::Comparison(comparison) = &self.measure else {
            return None;
        };
        let queries = comparison.queries().into_iter();
        let queries: Vec<String> = queries
            .map(|(key, query)| format!("{key} {query}"))
            .collect();
        Some(format!(
            "`{}` by preset {}: {}",
            self.name,
            preset.word(),
            queries.join(", ")
        ))
    }
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
            Compared::SlowShare { histogram, .. } | Compared::Quantile { histogram, .. } => {
                vec![("histogram", histogram)]
            }
            Compared::Gauge { query } => vec![("query", query)],
        }
    }

    /// Is the new version held against the old one, and not against a limit?
    pub fn needs_stable(&self) -> bool {
        self.parameters.against == Against::Stable
    }

    /// Is a share of requests compared, whose size can be planned for?
    pub fn is_of_shares(&self) -> bool {
        match self.compared {
            Compared::Requests { .. } | Compared::SlowShare { .. } => true,
            Compared::Quantile { .. } | Compared::Gauge { .. } => false,
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
        let name = match raw.name.clone() {
            Some(name) => self.name(&at, name),
            None => {
                self.problem(at.clone(), "expected `name`, by which it is told of");
                String::new()
            }
        };
        if raw.provider.is_none() {
            self.problem(at.clone(), "expected `provider`: nobody is asked");
        }
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
        let limits = self.metric_limits(&at, &raw, common);
        Some(Metric {
            name,
            provider: raw.provider?,
            measure: measure?,
            limits,
            schedule,
            dry_run: raw.dry_run.unwrap_or(false),
            min_requests: raw.min_requests.map(f64::from),
            entry: index,
            preset: raw.applied,
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
        for key in Form::all_keys() {
            if raw.has(key) && !allowed.contains(&key) {
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
        let provider = raw.provider.unwrap_or(ProviderKind::Prometheus);
        if provider.keeps_sums() && matches!(form, Form::SlowShare | Form::Quantile | Form::Gauge) {
            let message = format!(
                "`{}` is asked of `prometheus` only; others compare `bad` with `total`",
                form.name()
            );
            self.problem(format!("{at}/provider"), message);
            return None;
        }
        let query = raw
            .query
            .as_deref()
            .and_then(|text| self.query(&format!("{at}/query"), text, provider));
        let mut counter = |key: &str, text: &Option<String>| {
            let pointer = format!("{at}/{key}");
            let text = text.as_deref()?;
            if let Err(reason) = provider.check_counter(text) {
                self.problem(pointer.as_str(), reason);
                return self.template(&pointer, text);
            }
            self.query(&pointer, text, provider)
        };
        let bad = counter("bad", &raw.bad);
        let good = counter("good", &raw.good);
        let total = counter("total", &raw.total);
        let histogram = counter("histogram", &raw.histogram);
        if total.is_some() && (total == bad || total == good) {
            let reason = "is the query of `total` too: every request would be one of these, in both versions";
            let key = if bad.is_some() { "bad" } else { "good" };
            self.problem(format!("{at}/{key}"), reason);
        }
        if form == Form::Threshold {
            let requests = self.requests(at, raw);
            let threshold = self.threshold(at, raw);
            return Some(Measure::Threshold {
                query: query?,
                threshold: threshold?,
                requests,
            });
        }
        let usual = Parameters::default().unacceptable_ratio;
        let base = Parameters {
            against: raw.max_rate.map_or(Against::Stable, Against::Rate),
            negligible_rate: match form {
                Form::Requests | Form::Limit => Parameters::default().negligible_rate,
                Form::Threshold | Form::SlowShare | Form::Quantile | Form::Gauge => 0.0,
            },
            unacceptable_ratio: raw
                .tolerated_factor
                .map_or(usual, |factor| usual.max(LEAST_ROOM * factor)),
            ..Parameters::default()
        };
        let own = match form {
            Form::Quantile | Form::Gauge => self.of_factor(at, raw, form)?,
            Form::Threshold | Form::Requests | Form::Limit | Form::SlowShare => raw.judge(),
        };
        let (parameters, before) = self.settle(at, own, &common.judge, base);
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
            Form::Quantile => Compared::Quantile {
                histogram: histogram?,
                quantile: raw.quantile?,
            },
            Form::Gauge => Compared::Gauge { query: query? },
            Form::Threshold => return None,
        };
        let comparison = Comparison {
            compared,
            parameters,
            before,
        };
        (self.problems.len() == problems).then(|| Measure::Comparison(Box::new(comparison)))
    }

    /// Returns what a comparison by a factor tolerates, as the judge's own keys say it.
    fn of_factor(&mut self, at: &str, raw: &RawMetric, form: Form) -> Option<RawJudge> {
        let factor = raw.tolerated_factor?;
        let mut fine = true;
        if !(1.0..=MOST_FACTOR).contains(&factor) {
            fine = false;
            self.problem(
                format!("{at}/tolerated_factor"),
                format!("found {factor}, expected a number from 1 to {MOST_FACTOR}"),
            );
        }
        if let Some(quantile) = raw.quantile
            && !(quantile > 0.0 && quantile < 1.0)
        {
            fine = false;
            self.problem(
                format!("{at}/quantile"),
                format!("found {quantile}, expected a share above 0 and below 1, such as 0.99"),
            );
        }
        let mut own = RawJudge {
            tolerated_ratio: Some(factor),
            // The limits of shares of requests say nothing of times.
            negligible_rate: Some(0.0),
            tolerated_margin: Some(0.0),
            ..raw.judge()
        };
        if form == Form::Gauge {
            // Only the side of the factor counts; this one is never asked for.
            own.unacceptable_ratio = Some(2.0 * factor);
        } else if let Some(unacceptable) = raw.unacceptable_ratio
            && unacceptable <= factor
        {
            fine = false;
            self.problem(
                format!("{at}/unacceptable_ratio"),
                format!("found {unacceptable}, expected a number above `tolerated_factor`"),
            );
        }
        fine.then_some(own)
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
