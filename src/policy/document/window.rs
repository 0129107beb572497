//! Allowed and blocked windows, as they are written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::policy::request::{Action, Invoker};

/// A window, allowed or blocked: when, for whom, and what it says.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowDocument {
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
    /// When it starts, as five cron fields: minute, hour, day of month, month, day of week. Instead
    /// of `days` and `hours`; goes with `duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub schedule: Option<String>,
    /// How long it lasts from each start of `schedule` or `rrule`, such as `4h` or `1h30m`; at most
    /// 366 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub duration: Option<String>,
    /// When it starts, once: `2026-11-25 18:00` on the clock of the zone, a date, which is its
    /// midnight, or an exact instant such as `2026-11-25T18:00:00-05:00`. Goes with `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub from: Option<String>,
    /// When it ends, written as `from`; a date is included to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub to: Option<String>,
    /// When it is, as an RFC 5545 recurrence rule such as `FREQ=MONTHLY;BYDAY=-1FR`. Instead of `days`
    /// and `schedule`; goes with `hours`, or with `dtstart` and `dtend` or `duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub rrule: Option<String>,
    /// What `rrule` counts from, such as `20260101T090000`, `TZID=America/New_York:20260101T090000`
    /// or a date; it is in the window only if the rule says so. Absent: 2000-01-01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub dtstart: Option<String>,
    /// When what starts at `dtstart` ends, in the same form; not included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub dtend: Option<String>,
    /// IANA time zone. Absent: the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub timezone: Option<String>,
    /// Services that it is for, by name or with `*` and `?`. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub services: Option<Vec<String>>,
    /// Environments that it is for, by name or with `*` and `?`. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub environments: Option<Vec<String>>,
    /// Actions that it is for. Absent: those of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Action>", length(min = 1))]
    pub actions: Option<Vec<Action>>,
    /// Who it is for: `user`, `automation`. Absent: both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Invoker>", length(min = 1))]
    pub invokers: Option<Vec<Invoker>>,
    /// Must a person approve a deployment in it? Only for allowed windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub approval_required: Option<bool>,
}

/// A window in which deploying is blocked: all that [`WindowDocument`] has but an approval.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct BlockedWindowDocument(pub WindowDocument);

impl JsonSchema for BlockedWindowDocument {
    fn schema_name() -> Cow<'static, str> {
        "BlockedWindow".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = WindowDocument::json_schema(generator);
        if let Some(properties) = schema
            .get_mut("properties")
            .and_then(|it| it.as_object_mut())
        {
            properties.remove("approval_required");
        }
        schema
    }
}
