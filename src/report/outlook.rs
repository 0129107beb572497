//! The coming openings for people: a table of openings, or a calendar with one line for each day.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use super::{page::Page, phrases, style::Line, text};
use crate::{
    event::OutlookRecord,
    policy::{Cause, ClockState, Outlook, zone::Zone},
    units::format_duration,
};

/// Adds the openings, or the calendar, and where they come from.
pub(super) fn lines(record: &OutlookRecord, lines: &mut Page) {
    let outlook = &record.outlook;
    lines.push(Line::default());
    text::fact("for", &record.subject, lines);
    let from = moment(outlook.from, &outlook.zone);
    let until = moment(outlook.until, &outlook.zone);
    text::fact(
        "range",
        &format!("{from} to {until} {}", outlook.zone),
        lines,
    );
    if !record.policy.path.is_empty() {
        text::fact("policy", &phrases::policy(&record.policy), lines);
    }
    let title = if record.as_calendar {
        "calendar"
    } else {
        "openings"
    };
    let title = format!("{title} ({})", outlook.zone);
    if record.as_calendar {
        let header = ["day", "open", "blocked"];
        text::section(&title, &header, days(outlook).into_iter(), lines);
    } else {
        let header = [
            "opens",
            "closes",
            "length",
            "opens because",
            "closes because",
            "approval",
        ];
        text::section(&title, &header, openings(record), lines);
    }
}

fn openings(record: &OutlookRecord) -> impl Iterator<Item = Vec<String>> {
    let zone = &record.outlook.zone;
    let why = |cause: &Option<Cause>| cause.as_ref().map(|it| it.text.clone()).unwrap_or_default();
    record.openings().map(move |period| {
        let day = |at: DateTime<Utc>| zone.local(at).date();
        let closes = match (period.start, period.end) {
            (_, None) => "not in two years".to_owned(),
            (Some(start), Some(end)) if day(start) == day(end) => {
                zone.local(end).format("%H:%M").to_string()
            }
            (_, Some(end)) => moment(end, zone),
        };
        let length = period.length().and_then(|length| length.to_std().ok());
        vec![
            period
                .start
                .map_or_else(|| "long ago".to_owned(), |start| moment(start, zone)),
            closes,
            length.map(format_duration).unwrap_or_default(),
            why(&period.begins),
            why(&period.ends),
            match period.state {
                ClockState::NeedsApproval => "needed".to_owned(),
                _ => "no".to_owned(),
            },
        ]
    })
}

/// What a calendar says of one day.
#[derive(Default)]
struct Day {
    open: Vec<String>,
    blocked: Vec<String>,
}

/// One row for each day, the first one without what is over.
fn days(outlook: &Outlook) -> Vec<Vec<String>> {
    let zone = &outlook.zone;
    let first = zone.local(outlook.from).date();
    let last = zone.local(outlook.until).date();
    let mut days: BTreeMap<NaiveDate, Day> = first
        .iter_days()
        .take_while(|day| *day < last)
        .map(|day| (day, Day::default()))
        .collect();
    let clip = |at: Option<DateTime<Utc>>, edge| at.unwrap_or(edge);
    for period in &outlook.periods {
        if period.state != ClockState::Closed {
            let start = clip(period.start, outlook.from);
            let end = clip(period.end, outlook.until);
            let approval = match period.state {
                ClockState::NeedsApproval => " with an approval",
                _ => "",
            };
            on_days(zone, start, end, &mut days, |day, hours| {
                day.open
                    .push(format!("{}{approval}", hours.unwrap_or("00:00-24:00")));
            });
            continue;
        }
        for part in &period.parts {
            let Some(rule) = outlook.rule(part) else {
                continue;
            };
            let (start, end) = (part.start.max(outlook.from), part.end.min(outlook.until));
            on_days(zone, start, end, &mut days, |day, hours| {
                let hours = hours.map(|hours| format!(" {hours}")).unwrap_or_default();
                day.blocked.push(format!("{}{hours}", rule.label));
            });
        }
    }
    let row = |(date, day): (NaiveDate, Day)| {
        let open = if day.open.is_empty() {
            "closed".to_owned()
        } else {
            day.open.join(", ")
        };
        vec![
            date.format("%a %Y-%m-%d").to_string(),
            open,
            day.blocked.join(", "),
        ]
    };
    days.into_iter().map(row).collect()
}

/// Cuts a time into days and tells the hours of each; none where it is the whole day.
fn on_days(
    zone: &Zone,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    days: &mut BTreeMap<NaiveDate, Day>,
    mut add: impl FnMut(&mut Day, Option<&str>),
) {
    if start >= end {
        return;
    }
    let (first, last) = (zone.local(start), zone.local(end));
    // Where the clock is put back in between, the hours alone would mislead.
    let same_clock = zone.at(start).offset() == zone.at(end).offset();
    let hour = |at: NaiveTime, instant: DateTime<Utc>| {
        let text = at.format("%H:%M");
        if same_clock {
            text.to_string()
        } else {
            format!("{text} {}", zone.abbreviation(instant))
        }
    };
    let mut date = first.date();
    while date <= last.date() {
        let from = (date == first.date() && first.time() != NaiveTime::MIN)
            .then(|| hour(first.time(), start));
        let to = (date == last.date()).then(|| hour(last.time(), end));
        let empty = date == last.date() && last.time() == NaiveTime::MIN && date != first.date();
        if let Some(day) = days.get_mut(&date).filter(|_| !empty) {
            match (from, to) {
                (None, None) => add(day, None),
                (from, to) => {
                    let from = from.unwrap_or_else(|| "00:00".to_owned());
                    let to = to.unwrap_or_else(|| "24:00".to_owned());
                    add(day, Some(&format!("{from}-{to}")));
                }
            }
        }
        let Some(next) = date.checked_add_days(Days::new(1)) else {
            return;
        };
        date = next;
    }
}

fn moment(at: DateTime<Utc>, zone: &Zone) -> String {
    zone.local(at).format("%a %Y-%m-%d %H:%M").to_string()
}
