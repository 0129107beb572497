//! What carries a service's version besides what carries it usually: `version_in`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Problems;
use crate::manifest::{Segment, parse_path};

/// A value that carries the version: exactly one key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CarrierDocument {
    /// An environment variable of the workload's containers.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub env: Option<String>,
    /// A value of the workload by its path, such as `metadata.annotations["example.com/version"]`.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub path: Option<String>,
}

/// A value of a workload that carries the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    /// An environment variable of its containers.
    Env(String),
    /// A value by its path in the workload.
    Path(Vec<Segment>),
}

impl CarrierDocument {
    pub(super) fn validate(self, pointer: &str, problems: &mut Problems<'_>) -> Option<Carrier> {
        match (self.env, self.path) {
            (Some(name), None) => Some(Carrier::Env(name)),
            (None, Some(path)) => {
                let path = parse_path(&path).map(Carrier::Path).map(Some);
                problems.take(&format!("{pointer}/path"), path, None)
            }
            _ => {
                problems.at(pointer, "expected one of `env: APP_VERSION` and `path: …`");
                None
            }
        }
    }
}
