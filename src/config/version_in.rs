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
                let at = format!("{pointer}/path");
                let path = problems.take(&at, parse_path(&path).map(Some), None)?;
                if let Some(problem) = identity(&path) {
                    problems.at(&at, problem);
                }
                Some(Carrier::Path(path))
            }
            _ => {
                problems.at(pointer, "expected one of `env: APP_VERSION` and `path: …`");
                None
            }
        }
    }
}

/// Where a workload keeps what says who its pods are, and what to write instead.
const IDENTITY: [(&[&str], &str); 3] = [
    (
        &["spec", "selector"],
        "is the selector of a workload, which Kubernetes lets nobody change; put the version into an annotation or a variable",
    ),
    (
        &["spec", "template", "metadata", "labels"],
        "is a label of pods, which selectors find them by; the version labels are found by themselves, others belong into an annotation",
    ),
    (
        &["metadata", "name"],
        "says which object it is, and another name is another object; put the version into an annotation or a variable",
    ),
];

/// Says why a path carries no version: it says who a workload or its pods are.
fn identity(path: &[Segment]) -> Option<String> {
    let is_below = |keys: &&[&str]| {
        let mut beginning = path.iter().zip(keys.iter());
        path.len() >= keys.len()
            && beginning.all(|(segment, key)| matches!(segment, Segment::Key(name) if name == key))
    };
    let mut all = IDENTITY.iter();
    let (keys, why) = all.find(|(keys, _)| is_below(keys))?;
    Some(format!("`{}` {why}", keys.join(".")))
}
