//! The use of an emergency override, as everyone learns it who is told of it before the first push.

use chrono::{DateTime, Utc};

/// An override that is about to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideUse {
    /// When it is used.
    pub at: DateTime<Utc>,
    /// What is done with it: `deploy`.
    pub action: String,
    /// The service.
    pub service: String,
    /// The version.
    pub version: String,
    /// The environment.
    pub environment: String,
    /// What names the override, and each further one that it needed: the SHA-256 of its bytes in
    /// hexadecimal.
    pub ids: Vec<String>,
    /// Rules that are overridden: reason codes such as `blocked-date`.
    pub rules: Vec<String>,
    /// Incident or change that it is for.
    pub ticket: String,
    /// Why, in the approver's words.
    pub reason: String,
    /// Who stands behind it.
    pub approvers: Vec<String>,
    /// From when on it is not good any more.
    pub until: DateTime<Utc>,
    /// Who uses it.
    pub actor: Option<String>,
    /// Address of the pipeline run.
    pub pipeline: Option<String>,
    /// Policy that allows it, as `path@commit sha256`.
    pub policy: String,
}
