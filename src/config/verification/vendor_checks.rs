//! The entries of `verification.checks` that ask Datadog: monitors, and a deployment gate.

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Check as Checking;
use crate::config::{query::Template, schema::without_null};

/// How many monitors one check may name.
const MOST_MONITORS: usize = 50;

/// `monitors` as it is written: `ids` or `tags`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawMonitors {
    /// Numbers of the monitors, all of which must be OK.
    #[serde(default)]
    pub ids: Vec<u64>,
    /// Tags that a monitor must have, all together: `service:{{service}}`. At least one monitor must.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Is a monitor in the state Warn good enough? No unless given.
    pub allow_warn: Option<bool>,
}

/// `deployment_gate` as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawDeploymentGate {
    /// The service's name at Datadog; `{{service}}` unless given.
    pub service: Option<String>,
    /// The environment's name at Datadog; `{{environment}}` unless given.
    pub env: Option<String>,
    /// Which of the service's gates; `default` at Datadog unless given.
    pub identifier: Option<String>,
    /// The version, which rules that find faulty deployments need: `{{version}}`.
    pub version: Option<String>,
    /// Primary tag of APM, such as `region:eu`.
    pub apm_primary_tag: Option<String>,
}

/// Which monitors are asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Monitors {
    /// These; at least one.
    Ids(Vec<u64>),
    /// Those with all of these tags; at least one tag.
    Tags(Vec<Template>),
}

/// Which gate is evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentGate {
    /// The service's name.
    pub service: Template,
    /// The environment's name.
    pub env: Template,
    /// Which of the gates; Datadog's default where none is given.
    pub identifier: Option<Template>,
    /// The version.
    pub version: Option<Template>,
    /// Primary tag of APM.
    pub apm_primary_tag: Option<Template>,
}

impl Checking {
    pub(super) fn monitors(&mut self, at: &str, raw: &RawMonitors) -> Option<Monitors> {
        match (raw.ids.is_empty(), raw.tags.is_empty()) {
            (false, true) if raw.ids.len() <= MOST_MONITORS => Some(Monitors::Ids(raw.ids.clone())),
            (false, true) => {
                self.problem(
                    format!("{at}/ids"),
                    format!("expected at most {MOST_MONITORS} monitors; a tag names them all"),
                );
                None
            }
            (true, false) => {
                let tags = raw.tags.iter().enumerate();
                let tags: Option<Vec<Template>> = tags
                    .map(|(number, text)| {
                        let pointer = format!("{at}/tags/{number}");
                        if text.contains(',') {
                            self.problem(pointer.as_str(), "found `,`, expected one tag");
                        }
                        self.template(&pointer, text)
                    })
                    .collect();
                tags.map(Monitors::Tags)
            }
            _ => {
                self.problem(
                    at,
                    "expected either `ids: [12345]` or `tags: [\"service:{{service}}\"]`",
                );
                None
            }
        }
    }

    pub(super) fn deployment_gate(
        &mut self,
        at: &str,
        raw: &RawDeploymentGate,
    ) -> Option<DeploymentGate> {
        let mut read = |key: &str, text: &Option<String>| match text {
            None => Some(None),
            Some(text) => self.template(&format!("{at}/{key}"), text).map(Some),
        };
        let service = read("service", &raw.service);
        let env = read("env", &raw.env);
        let identifier = read("identifier", &raw.identifier);
        let version = read("version", &raw.version);
        let apm_primary_tag = read("apm_primary_tag", &raw.apm_primary_tag);
        let usual = |text: &str| Template::parse(text).ok();
        Some(DeploymentGate {
            service: service?.or_else(|| usual("{{service}}"))?,
            env: env?.or_else(|| usual("{{environment}}"))?,
            identifier: identifier?,
            version: version?,
            apm_primary_tag: apm_primary_tag?,
        })
    }
}
