//! The coming openings as an iCalendar (RFC 5545) that a calendar program can subscribe to.

use chrono::{DateTime, TimeDelta, Utc};
use icalendar::{Calendar, Component, Event, EventLike};

use crate::{
    event::OutlookRecord,
    policy::{ClockState, Period},
};

/// How often a calendar program asks again.
const REFRESH: TimeDelta = TimeDelta::hours(6);

/// Renders one entry for each opening and for each time that a rule blocks. The same opening has
/// the same id in every run, so that a calendar program moves its entry and does not add another.
pub fn render(record: &OutlookRecord, now: DateTime<Utc>) -> String {
    let outlook = &record.outlook;
    let mut calendar = Calendar::empty();
    calendar
        .append_property(("VERSION", "2.0"))
        .append_property(("PRODID", "-//shipgate//next//EN"))
        .append_property(("CALSCALE", "GREGORIAN"))
        .append_property(("METHOD", "PUBLISH"))
        .name(&format!("shipgate: {}", record.subject))
        .timezone(outlook.zone.name())
        .ttl(&REFRESH);
    for period in &outlook.periods {
        let times = (
            period.start.unwrap_or(outlook.from),
            period.end.unwrap_or(outlook.until),
        );
        if period.state != ClockState::Closed {
            let title = match period.state {
                ClockState::NeedsApproval => format!("{}: open with an approval", record.subject),
                _ => format!("{}: open", record.subject),
            };
            let known = period.start.is_some();
            let why = opening(record, period);
            calendar.push(entry(record, now, times, known, ("open", &title, &why)));
            continue;
        }
        for part in &period.parts {
            let Some(rule) = outlook.rule(part) else {
                continue;
            };
            let known = period.start.is_some_and(|start| start <= part.start);
            let start = if known {
                part.start
            } else {
                part.start.max(times.0)
            };
            let end = part.end.min(period.end.unwrap_or(part.end));
            if end <= outlook.from || outlook.until <= start {
                continue;
            }
            let title = format!("{}: blocked by {}", record.subject, rule.label);
            let place = format!("{}:{}: {}", record.policy.path, rule.line, rule.rule);
            let entry = entry(
                record,
                now,
                (start, end),
                known,
                ("blocked", &title, &place),
            );
            calendar.push(entry);
        }
    }
    calendar.to_string()
}

fn opening(record: &OutlookRecord, period: &Period) -> String {
    let causes = [&period.begins, &period.ends];
    let texts: Vec<&str> = causes
        .into_iter()
        .flatten()
        .map(|cause| cause.text.as_str())
        .collect();
    format!("{}: {}", record.policy.path, texts.join("; "))
}

/// Makes an entry of kind, title and description. Without a known start the id does not hold one.
fn entry(
    record: &OutlookRecord,
    now: DateTime<Utc>,
    (start, end): (DateTime<Utc>, DateTime<Utc>),
    start_is_known: bool,
    (kind, title, description): (&str, &str, &str),
) -> Event {
    let begin = if start_is_known {
        start.format("%Y%m%dT%H%M%SZ").to_string()
    } else {
        "always".to_owned()
    };
    Event::new()
        .uid(&format!("{begin}-{kind}-{}@shipgate", record.id))
        .timestamp(now)
        .starts(start)
        .ends(end)
        .summary(title)
        .description(description)
        .add_property("CATEGORIES", kind.to_uppercase())
        // Nobody is busy because deployments may go.
        .add_property("TRANSP", "TRANSPARENT")
        .done()
}
