//! Blocked dates, as they are written: a text, or a mapping.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A date as a text, or a mapping with `date`, `from` and `to`, `rule`, `rrule` or `ics`.
#[derive(Debug, Clone)]
pub struct BlockedDateDocument(pub BlockedDateFields);

/// One blocked date, a range of them, a rule that gives more, or a calendar.
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
    /// A date of each year: `4th Thursday of November + 1 day`, `last Monday of May`,
    /// `December 25 observed`, `Easter - 2 days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub rule: Option<String>,
    /// An RFC 5545 recurrence rule such as `FREQ=YEARLY;BYMONTH=11;BYDAY=4TH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub rrule: Option<String>,
    /// The date that `rrule` counts from. Absent: 2000-01-01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub dtstart: Option<String>,
    /// Path of an iCalendar file beside the policy, each event of which blocks, such as
    /// `holidays.ics`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub ics: Option<String>,
    /// A short name for messages, such as `Christmas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// `HH:MM-HH:MM` on each of the dates. Absent: the whole day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub hours: Option<String>,
    /// IANA time zone; of a calendar, that of its events that name none. Absent: the policy's, else
    /// that of the windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub timezone: Option<String>,
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
        formatter.write_str(
            "a date such as 2025-12-25, or a mapping with `date`, `from` and `to`, `rule`, `rrule` \
             or `ics`",
        )
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
