//! The `verification` section of a service: what is measured, how often, and what is good.

mod check;
mod checks;
mod form;
mod job;
mod judge;
mod metric;
mod offline;
mod preset;
mod summed;
mod threshold;
mod vendor_checks;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{provider::Named, query::Template, schema::without_null};
use crate::analysis::Limits;

pub use checks::{Check, CheckKind, RawAlerts, RawCheck, RawWebCheck};
pub use job::{Job, RawJob};
pub use judge::RawJudge;
pub use metric::{Compared, Comparison, Measure, Metric, RawMetric, RawRange, SlowAbove};
pub use preset::{Preset, PresetPart, RawWith};
pub use vendor_checks::{DeploymentGate, Monitors, RawDeploymentGate, RawMonitors};

/// `verification` as it is written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawVerification {
    /// Time between two measurements; 30s unless given, at least 1s.
    pub interval: Option<String>,
    /// Measurements that `verify` makes; 5 unless given.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: Option<u32>,
    /// Time to wait before the first measurement; none unless given.
    pub initial_delay: Option<String>,
    /// Addresses that must answer as wanted.
    #[serde(default)]
    pub health: Vec<RawHealth>,
    /// Other questions that are answered with yes or no, such as whether alerts are firing.
    #[serde(default)]
    pub checks: Vec<RawCheck>,
    /// What every comparison tolerates and how sure it must be, where the metric does not say.
    #[serde(default)]
    #[schemars(with = "RawJudge")]
    pub judge: RawJudge,
    /// What `deploy` does when time is up and a comparison is undecided: `hold` unless given.
    pub on_inconclusive: Option<OnInconclusive>,
    /// Numbers that must stay in a range, and counts of the new version that are compared with
    /// those of the old one.
    #[serde(default)]
    pub metrics: Vec<RawMetric>,
}

/// One entry of `verification.health` as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawHealth {
    /// Name in the output; `health`, `health-2` and so on unless given.
    pub name: Option<String>,
    /// Address to ask with GET; may use `{{version}}` and the other variables.
    pub http: String,
    /// The one status that is good; any of 200 to 299 unless given.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// JSON pointer (RFC 6901) of the value that `equals` is held against; the whole text unless
    /// given.
    pub pointer: Option<String>,
    /// The text, number or truth value wanted; a text may use `{{version}}` and the other variables.
    #[schemars(extend("type" = ["string", "number", "boolean"]))]
    pub equals: Option<Value>,
    /// How long an answer may take; 5s unless given.
    pub timeout: Option<String>,
    /// A slower answer is a failure.
    pub max_latency: Option<String>,
    /// Failures tolerated in all; fails at one more. 0 unless given, any number where
    /// `consecutive_failure_limit` is.
    pub failure_limit: Option<u32>,
    /// Failures tolerated in a row; fails at one more.
    pub consecutive_failure_limit: Option<u32>,
    /// Times in a row without an answer that are tolerated; 4 unless given.
    pub consecutive_error_limit: Option<u32>,
    /// Judged and shown, but decides nothing; false unless given.
    pub dry_run: Option<bool>,
}

/// Who answers a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// The Prometheus of `providers.prometheus`.
    Prometheus,
    /// The region of `providers.cloudwatch`: its `query` is an expression, or a JSON list of
    /// `MetricDataQueries`.
    Cloudwatch,
    /// The JSON API of `providers.web`: its `query` is a request.
    Web,
    /// The Datadog of `providers.datadog`.
    Datadog,
    /// The New Relic of `providers.newrelic`.
    #[serde(rename = "newrelic")]
    NewRelic,
}

impl From<ProviderKind> for Named {
    fn from(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::Prometheus => Self::Prometheus,
            ProviderKind::Cloudwatch => Self::Cloudwatch,
            ProviderKind::Web => Self::Web,
            ProviderKind::Datadog => Self::Datadog,
            ProviderKind::NewRelic => Self::NewRelic,
        }
    }
}

/// What a deployment does when time is up and a comparison is undecided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnInconclusive {
    /// Leave it at its weight: a person decides.
    #[default]
    Hold,
    /// Go on, and say how large a change could not have been seen. Never where the numbers lean
    /// towards worse, or where there are none.
    Promote,
    /// Take it back.
    Rollback,
}

/// What is measured of a service, checked: at least one criterion, names unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// Measurements that `verify` makes, at least 1.
    pub count: u32,
    /// Health checks, in the order of the file.
    pub health: Vec<Health>,
    /// Other checks, in the order of the file.
    pub checks: Vec<Check>,
    /// Metrics, in the order of the file.
    pub metrics: Vec<Metric>,
    /// What is done when a comparison is undecided at the end.
    pub on_inconclusive: OnInconclusive,
}

/// When something is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Time before the first measurement.
    pub initial_delay: Duration,
    /// Time from the start of one measurement to the start of the next; at least 1 s.
    pub interval: Duration,
    /// How long an answer may take; above zero.
    pub timeout: Duration,
}

/// One health check.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Name, unique within the service.
    pub name: String,
    /// Address; an http or https one once filled in.
    pub http: Template,
    /// The one good status; 200 to 299 where none is given.
    pub status: Option<u16>,
    /// JSON pointer of the value wanted; the whole text where none is given.
    pub pointer: Option<String>,
    /// The value wanted, if the answer's text matters.
    pub equals: Option<Wanted>,
    /// A slower answer is a failure.
    pub max_latency: Option<Duration>,
    /// How much is tolerated.
    pub limits: Limits,
    /// When it is checked.
    pub schedule: Schedule,
    /// Is it judged and shown, and decides nothing?
    pub dry_run: bool,
}

/// A value that an answer must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// A text, with variables filled in.
    Text(Template),
    /// A number or a truth value, compared as JSON does.
    Scalar(Value),
}

impl Verification {
    /// Measurements that `verify` makes where the file does not say.
    pub const DEFAULT_COUNT: u32 = 5;

    /// Does a check run a program?
    pub fn runs_programs(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|check| matches!(check.kind, CheckKind::Job(_)))
    }

    /// Is there anything that decides, and is not only shown?
    pub fn decides(&self) -> bool {
        self.health.iter().any(|health| !health.dry_run)
            || self.checks.iter().any(|check| !check.dry_run)
            || self.metrics.iter().any(|metric| !metric.dry_run)
    }

    /// Returns the health checks that decide, and nothing else; none where there are none.
    pub fn only_health(&self) -> Option<Self> {
        let mut health = self.clone();
        health.metrics.clear();
        health.checks.clear();
        health.health.retain(|check| !check.dry_run);
        (!health.health.is_empty()).then_some(health)
    }

    /// Returns what asks for something else for canary and stable, and nothing else.
    #[must_use]
    pub fn telling_arms_apart(&self) -> Self {
        let mut part = self.clone();
        part.health.retain(|check| check.http.tells_arms_apart());
        part.checks.retain(|check| match &check.kind {
            CheckKind::Alerts { matchers, .. } => matchers.iter().any(Template::tells_arms_apart),
            CheckKind::Web { request, .. } => request.tells_arms_apart(),
            CheckKind::Job(job) => job.arguments.iter().any(Template::tells_arms_apart),
            CheckKind::Monitors { .. } | CheckKind::DeploymentGate(_) => false,
        });
        part.metrics.retain(|metric| match &metric.measure {
            Measure::Threshold { query, .. } => query.tells_arms_apart(),
            Measure::Comparison(_) => true,
        });
        part
    }

    /// Is the new version compared with the old one?
    pub fn compares(&self) -> bool {
        self.metrics.iter().any(|metric| match &metric.measure {
            Measure::Comparison(comparison) => comparison.needs_stable(),
            Measure::Threshold { .. } => false,
        })
    }

    /// Returns who is asked, each once for the key of `verification` that asks.
    pub fn asked(&self) -> Vec<(&'static str, Named)> {
        let checks = self.checks.iter().filter_map(|check| check.kind.asks());
        let metrics = self.metrics.iter().map(|metric| metric.provider.into());
        let all = checks
            .map(|named| ("checks", named))
            .chain(metrics.map(|named| ("metrics", named)));
        let mut asked = Vec::new();
        for one in all {
            if !asked.contains(&one) {
                asked.push(one);
            }
        }
        asked
    }
}
