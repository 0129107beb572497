//! What a deployment's plan must be like, as it is written.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Visitor};

/// What every service's own configuration must at least do.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireDocument {
    /// Strategies of which it must use one, such as `canary`. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub strategies: Option<Vec<String>>,
    /// Names of metrics that must all be judged. Absent: none in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub metrics: Option<Vec<String>>,
    /// Shortest time, such as `10m`, for which the new version is watched with a part of the traffic
    /// before all of it goes there. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub least_hold: Option<String>,
    /// Largest part of the traffic, in percent, that the new version may get first. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64", range(min = 1, max = 100))]
    pub largest_first_weight: Option<u64>,
    /// What must at least be done with a version that was judged worse: `rollback`, or `hold`, which a
    /// service that takes it back keeps, too. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "RequiredOnFailure")]
    pub on_failure: Option<RequiredOnFailure>,
}

/// What must at least be done with a version that was judged worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequiredOnFailure {
    /// It must be taken back.
    Rollback,
    /// It must not go on.
    Hold,
}

impl RequiredOnFailure {
    /// Returns what a service may do under it, as its configuration says it.
    pub fn kept_by(self) -> &'static [&'static str] {
        match self {
            Self::Rollback => &["rollback"],
            Self::Hold => &["rollback", "hold"],
        }
    }
}

/// What a deployment that is under way does when it closes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overrun {
    /// It goes on to its end.
    #[default]
    Finish,
    /// It ends the step that it is in and is held there.
    FinishStep,
    /// It is taken back.
    Abort,
}

/// `true`, `false` or a length of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunwayDocument {
    /// As long as the plan takes, if true.
    Plan(bool),
    /// This long, such as `45m`.
    Length(String),
}

impl<'de> Deserialize<'de> for RunwayDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RunwayVisitor)
    }
}

struct RunwayVisitor;

impl Visitor<'_> for RunwayVisitor {
    type Value = RunwayDocument;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`true`, or a length of time such as `45m`")
    }

    fn visit_bool<E>(self, asked: bool) -> Result<Self::Value, E> {
        Ok(RunwayDocument::Plan(asked))
    }

    fn visit_str<E>(self, length: &str) -> Result<Self::Value, E> {
        Ok(RunwayDocument::Length(length.to_owned()))
    }
}

impl JsonSchema for RunwayDocument {
    fn schema_name() -> Cow<'static, str> {
        "Runway".into()
    }

    // One schema for both shapes: of an `anyOf` a reader only learns that nothing fits.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["boolean", "string"]})
    }
}
