//! What a version's own past means, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::is_default;

/// What a version's own past means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionsDocument {
    /// What to do with a version that failed verification in this environment and was taken back.
    /// Absent: `block`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub known_bad: KnownBad,
    /// How long that counts, such as `90d`. Absent: until the version is verified here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub known_bad_for: Option<String>,
}

/// What a version that failed before does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownBad {
    /// It blocks, unless somebody forces it with an approval that was given after the failure.
    #[default]
    Block,
    /// It warns.
    Warn,
}
