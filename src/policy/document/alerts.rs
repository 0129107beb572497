//! Alerts that must not be firing, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{OnUnavailable, TrafficAction, is_default};

/// Alerts that must not be firing when something is deployed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertsDocument {
    /// Which alerts count, all together, as Alertmanager writes them: `service="{{service}}"`. May
    /// use `{{service}}` and `{{environment}}`.
    #[schemars(length(min = 1, max = 20))]
    pub matchers: Vec<String>,
    /// Matches an alert that always fires. Where it does not, Alertmanager hears nothing, and its
    /// silence counts as no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub watchdog: Option<String>,
    /// What to do while one is firing. Absent: `block_deployment`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub action: TrafficAction,
    /// What to do when nobody can say whether one is firing. Absent: `block`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_unavailable: OnUnavailable,
}
