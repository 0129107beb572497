//! The policy as it is written: keys, types and what an editor shows of them. No meaning yet.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// When may what be deployed? Read from `policies/<environment>.yaml` at a trusted commit.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Version of this format: always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// IANA time zone of everything here that names none, such as `America/New_York`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub timezone: Option<String>,
    /// Environments that this policy is for. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub environments: Option<Vec<String>>,
    /// When deploying is allowed. Absent: always, unless something blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<AllowedWindowDocument>", length(min = 1, max = 100))]
    pub allowed_windows: Option<Vec<AllowedWindowDocument>>,
    /// When deploying is blocked, whatever is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub blocked_windows: Vec<BlockedWindowDocument>,
    /// Dates on which deploying is blocked, whatever is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub blocked_dates: Vec<BlockedDateDocument>,
    /// The most traffic under which deploying is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TrafficThresholdDocument")]
    pub traffic_threshold: Option<TrafficThresholdDocument>,
    /// What this policy applies to. Absent: only `deploy`, so that a freeze never stops a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Action>", length(min = 1))]
    pub actions: Option<Vec<Action>>,
}

/// A weekly window in which deploying is allowed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowedWindowDocument {
    /// A short name for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// Why it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub description: Option<String>,
    /// Weekdays such as `Mon` or `Monday`. Absent: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub days: Option<Vec<String>>,
    /// `HH:MM-HH:MM`; the end is not included and may be `24:00`; past midnight it belongs to the
    /// day it starts on. Absent: the whole day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub hours: Option<String>,
    /// IANA time zone. Absent: the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub timezone: Option<String>,
    /// Must a person approve a deployment in it?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approval_required: bool,
}

/// A weekly window in which deploying is blocked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockedWindowDocument {
    /// A short name for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// Why it is there, and whom to ask; shown when it blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub description: Option<String>,
    /// Weekdays such as `Mon` or `Monday`. Absent: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub days: Option<Vec<String>>,
    /// `HH:MM-HH:MM`; the end is not included and may be `24:00`; past midnight it belongs to the
    /// day it starts on. Absent: the whole day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub hours: Option<String>,
    /// IANA time zone. Absent: the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub timezone: Option<String>,
}

/// A date as a text, or a mapping with `date`, or with `from` and `to`.
#[derive(Debug, Clone)]
pub struct BlockedDateDocument(pub BlockedDateFields);

/// One blocked date or a range of them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockedDateFields {
    /// The date, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub date: Option<String>,
    /// The first date of a range, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub from: Option<String>,
    /// The last date of a range, `YYYY-MM-DD`, included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub to: Option<String>,
    /// A short name for messages, such as `Christmas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// `HH:MM-HH:MM` on each of the dates. Absent: the whole day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub hours: Option<String>,
    /// IANA time zone. Absent: the policy's, else that of the windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub timezone: Option<String>,
}

/// The most traffic under which deploying is allowed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficThresholdDocument {
    /// Requests per second; more than this is too much.
    #[schemars(range(min = 0))]
    pub max_requests_per_second: f64,
    /// What to do above it. Absent: `block_deployment`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub action: TrafficAction,
    /// Prometheus query that gives the current requests per second as one value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1))]
    pub query: Option<String>,
    /// What to do when nobody can say how much traffic there is. Absent: `block`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_unavailable: OnUnavailable,
}

/// What too much traffic does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrafficAction {
    /// It blocks.
    #[default]
    BlockDeployment,
    /// It warns.
    Warn,
}

/// What unknown traffic does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnavailable {
    /// It blocks.
    #[default]
    Block,
    /// It warns.
    Warn,
}

/// What someone wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Bring out a version.
    Deploy,
    /// Go back to an earlier version.
    Rollback,
    /// Finish or take back what an interrupted run left.
    Recover,
    /// Scale the old colour to nothing.
    Cleanup,
}

impl Action {
    /// Returns the word used in policies and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Recover => "recover",
            Self::Cleanup => "cleanup",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl<'de> Deserialize<'de> for BlockedDateDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BlockedDateVisitor)
    }
}

struct BlockedDateVisitor;

impl<'de> Visitor<'de> for BlockedDateVisitor {
    type Value = BlockedDateDocument;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("a date such as 2025-12-25, or a mapping with `date`, or `from` and `to`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(BlockedDateDocument(BlockedDateFields {
            date: Some(text.to_owned()),
            ..BlockedDateFields::default()
        }))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        BlockedDateFields::deserialize(MapAccessDeserializer::new(map)).map(BlockedDateDocument)
    }
}

impl JsonSchema for BlockedDateDocument {
    fn schema_name() -> Cow<'static, str> {
        "BlockedDate".into()
    }

    // One schema for both shapes: of an `anyOf` a reader only learns that nothing fits.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = BlockedDateFields::json_schema(generator);
        schema.insert("type".to_owned(), serde_json::json!(["string", "object"]));
        schema
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
