//! `on_failure`: what a deployment does with a bad verdict; the three stages of trust.

use schemars::JsonSchema;
use serde::Deserialize;

/// What a deployment does when its new version was judged worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Take it back.
    #[default]
    Rollback,
    /// Leave it at its weight: a person decides.
    Hold,
    /// Tell of it and go on to the end. A version that does not come up at all is held all the same.
    Alert,
}

impl OnFailure {
    /// Returns the word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Hold => "hold",
            Self::Alert => "alert",
        }
    }
}
