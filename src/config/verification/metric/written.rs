//! One entry of `verification.metrics` as it is written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::config::{
    schema::without_null,
    verification::{
        ProviderKind,
        preset::{Preset, PresetPart, RawWith},
    },
};

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
    pub(in crate::config::verification) applied: Option<Preset>,
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
