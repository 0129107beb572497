//! Approvals, overrides and who is who, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::approval::ApprovalSource;

/// One person, as several systems know them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonDocument {
    /// Principal of the person's key in `allowed_signers`, such as `alice@example.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub principal: Option<String>,
    /// Login at GitHub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub github: Option<String>,
    /// Login at GitLab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub gitlab: Option<String>,
}

/// What makes an approval good.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalsDocument {
    /// How many different people have to approve; whoever deploys is not one of them.
    #[schemars(range(min = 1, max = 20))]
    pub minimum: u32,
    /// Path of the list of keys whose signatures count, in the format of ssh-keygen(1), counted
    /// from the policy's own folder.
    pub allowed_signers: String,
    /// Where approvals may come from.
    #[schemars(length(min = 1))]
    pub sources: Vec<ApprovalSource>,
    /// Longest time for which an approval may be given, such as `24h`.
    pub max_age: String,
}

impl Default for ApprovalsDocument {
    fn default() -> Self {
        Self {
            minimum: 1,
            allowed_signers: "allowed_signers".to_owned(),
            sources: vec![ApprovalSource::Signature],
            max_age: "24h".to_owned(),
        }
    }
}

/// What makes an emergency override good.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideDocument {
    /// Regular expression that the whole ticket must match, such as `INC-[0-9]+`.
    pub ticket: String,
    /// Reason codes that may be overridden, such as `blocked-date`.
    #[schemars(length(min = 1))]
    pub rules: Vec<String>,
    /// How many different people have to stand behind it. Absent: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 20))]
    pub minimum: u32,
    /// Longest time for which an override may be given. Absent: `4h`.
    #[serde(default = "four_hours")]
    pub max_age: String,
    /// Principals who may, by name or with `*` and `?`. Absent: whoever is in `allowed_signers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub approvers: Option<Vec<String>>,
    /// Who is told before anything is pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AnnounceDocument")]
    pub announce: Option<AnnounceDocument>,
}

/// Who is told of an override before anything is pushed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnounceDocument {
    /// Name of the environment variable that holds the address of a Slack webhook.
    #[schemars(length(min = 1))]
    pub slack_webhook_env: String,
}

fn one() -> u32 {
    1
}

fn four_hours() -> String {
    "4h".to_owned()
}
