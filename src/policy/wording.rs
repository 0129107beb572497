//! Sentences about rules and instants, for a tired person.

use chrono::{DateTime, Utc};

use super::{rules::TimeRule, zone::Zone};
use crate::units::RequestsPerSecond;

/// More windows than this are counted, not listed.
const LISTED: usize = 4;
/// Longest part of someone's text in a message, in characters.
const SHOWN: usize = 60;

/// An instant on the clock of a zone: `Saturday 2025-11-08 03:00 EST`.
pub(super) fn moment(instant: DateTime<Utc>, zone: &Zone) -> String {
    let local = zone.local(instant);
    let abbreviation = zone.abbreviation(instant);
    format!("{} {abbreviation}", local.format("%A %Y-%m-%d %H:%M"))
}

/// An instant to plan with: `Mon 2025-11-10 02:00 America/New_York (2025-11-10T07:00:00Z)`.
pub fn appointment(instant: DateTime<Utc>, zone: &Zone) -> String {
    let local = zone.local(instant).format("%a %Y-%m-%d %H:%M");
    let universal = instant.format("%Y-%m-%dT%H:%M:%SZ");
    format!("{local} {zone} ({universal})")
}

/// One rule with its zone: `"night" (Mon-Thu 02:00-06:00 America/New_York)`; without a name only
/// what is in the parentheses.
pub(super) fn rule(rule: &TimeRule) -> String {
    let times = format!("{} {}", rule.times, rule.times.zone);
    match &rule.name {
        Some(name) => format!("\"{name}\" ({times})"),
        None => times,
    }
}

/// One rule in a word or two: its name in quotes, else its times.
pub(super) fn label(rule: &TimeRule) -> String {
    match &rule.name {
        Some(name) => format!("\"{name}\""),
        None => rule.times.to_string(),
    }
}

/// A rate that must not look like `other`, from which it differs.
pub(super) fn unlike(rate: RequestsPerSecond, other: RequestsPerSecond) -> String {
    let rounded = rate.to_string();
    if rounded == other.to_string() {
        format!("{} requests/s", rate.value())
    } else {
        rounded
    }
}

/// A text from a policy, to show in a message: short, without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(SHOWN).collect();
    let more = if characters.next().is_some() {
        "…"
    } else {
        ""
    };
    format!("`{}{more}`", start.escape_debug())
}

/// Several rules; a zone that several share is said once.
pub(super) fn rules(rules: &[&TimeRule]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let shown = &rules[..rules.len().min(LISTED)];
    for (index, one) in shown.iter().enumerate() {
        let next = shown.get(index + 1);
        let zone_follows = next.is_some_and(|next| next.times.zone == one.times.zone);
        let zone = if zone_follows {
            String::new()
        } else {
            format!(" {}", one.times.zone)
        };
        let name = one.name.as_ref().map(|name| format!("\"{name}\" "));
        parts.push(format!("{}{}{zone}", name.unwrap_or_default(), one.times));
    }
    if rules.len() > LISTED {
        parts.push(format!("{} more", rules.len() - LISTED));
    }
    parts.join("; ")
}
