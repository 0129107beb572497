//! Changes that always need a person, as they are written.

use schemars::JsonSchema;
use serde::Deserialize;

/// Changed files that ask for an approval at any time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalWhenDocument {
    /// Globs of paths from the root of the application's repository: `migrations/**`; `*` stays in
    /// a folder, `**` does not.
    #[schemars(length(min = 1, max = 100))]
    pub paths: Vec<String>,
    /// Why; shown when it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
}
