//! The policy as it is written: keys, types and what an editor shows of them. No meaning yet.

mod alerts;
mod approvals;
mod changes;
mod date;
mod plan;
mod versions;
mod window;

use schemars::JsonSchema;
use serde::Deserialize;

pub use alerts::AlertsDocument;
pub use approvals::{AnnounceDocument, ApprovalsDocument, OverrideDocument, PersonDocument};
pub use changes::ApprovalWhenDocument;
pub use date::{BlockedDateDocument, BlockedDateFields};
pub use plan::{Overrun, RequireDocument, RequiredOnFailure, RunwayDocument};
pub use versions::{KnownBad, VersionsDocument};
pub use window::{BlockedWindowDocument, WindowDocument};

use super::request::Action;

/// When may what be deployed? Read from `policies/<environment>.yaml` at a trusted commit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Version of this format: always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// IANA time zone of everything here that names none, such as `America/New_York`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub timezone: Option<String>,
    /// Environments that this policy is for. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub environments: Option<Vec<String>>,
    /// When deploying is allowed. Absent: always, unless something blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<WindowDocument>", length(min = 1, max = 2_000))]
    pub allowed_windows: Option<Vec<WindowDocument>>,
    /// When deploying is blocked, whatever is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2_000))]
    pub blocked_windows: Vec<BlockedWindowDocument>,
    /// Dates on which deploying is blocked, whatever is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2_000))]
    pub blocked_dates: Vec<BlockedDateDocument>,
    /// The most traffic under which deploying is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TrafficThresholdDocument")]
    pub traffic_threshold: Option<TrafficThresholdDocument>,
    /// Alerts that must not be firing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AlertsDocument")]
    pub alerts: Option<AlertsDocument>,
    /// Programs that checks of a configuration (`job`) may run: names that are looked for in `PATH`, or
    /// absolute paths. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub programs: Vec<String>,
    /// What this policy applies to. Absent: `deploy` and `promote`, so that a freeze never stops a
    /// rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Action>", length(min = 1))]
    pub actions: Option<Vec<Action>>,
    /// Who is who: the same person at GitHub, at GitLab and in the list of keys. Whoever deploys
    /// must be known here before somebody else's approval counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub people: Vec<PersonDocument>,
    /// What a version's own past means. Absent: one that failed here before is blocked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub versions: VersionsDocument,
    /// What makes an approval good. Absent: one person's signature, good for a day.
    #[serde(default, skip_serializing_if = "is_default")]
    pub approvals: ApprovalsDocument,
    /// What makes an emergency override good. Absent: there are no overrides.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "OverrideDocument")]
    pub overriding: Option<OverrideDocument>,
    /// Changes that always need a person. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub approval_when: Vec<ApprovalWhenDocument>,
    /// What every service's own configuration must at least do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RequireDocument")]
    pub require: Option<RequireDocument>,
    /// Must a deployment be able to end before it closes? `true`: as long as its own plan takes at
    /// the least; or a length such as `45m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RunwayDocument")]
    pub runway: Option<RunwayDocument>,
    /// What a deployment that is under way does when it closes. Absent: `finish`. The way back is never
    /// stopped.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overrun: Overrun,
    /// What rules that are not kept do. Absent: `block`. A file `FREEZE` blocks all the same.
    #[serde(default, skip_serializing_if = "is_default")]
    pub behavior: Behavior,
    /// Say the true verdict and let everything but a `FREEZE` through: for a policy that is being tried out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dry_run: bool,
}

/// What rules that are not kept do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Behavior {
    /// They block, or ask for an approval.
    #[default]
    Block,
    /// They warn.
    Warn,
}

/// The most traffic under which deploying is allowed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficThresholdDocument {
    /// Requests per second; more than this is too much.
    #[schemars(range(min = 0))]
    pub max_requests_per_second: f64,
    /// What to do above it. Absent: `block_deployment`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub action: TrafficAction,
    /// Prometheus query that gives the current requests per second as one value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub query: Option<String>,
    /// What to do when nobody can say how much traffic there is. Absent: `block`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_unavailable: OnUnavailable,
    /// What several series of the answer mean. Absent: several series are an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Aggregate")]
    pub aggregate: Option<Aggregate>,
    /// How old the answer may be, such as `5m`; an older one counts as none. Absent: 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub max_age: Option<String>,
}

/// What several series mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// All of them together.
    Sum,
    /// The largest.
    Max,
    /// Their mean.
    Avg,
    /// The smallest.
    Min,
}

/// What too much traffic, or a firing alert, does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrafficAction {
    /// It blocks.
    #[default]
    BlockDeployment,
    /// It warns.
    Warn,
}

/// What it does that nobody can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnavailable {
    /// It blocks.
    #[default]
    Block,
    /// It warns.
    Warn,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
