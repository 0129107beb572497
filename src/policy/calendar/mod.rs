//! iCalendar files (RFC 5545): each event is a time at which something is, such as a freeze.
//!
//! The `icalendar` library reads the lines; what they mean is decided here, strictly: an event that
//! is not understood is a problem and never left out. What is busy or free (`TRANSP`) makes no
//! difference. To-dos, journals, alarms and the rules of `VTIMEZONE` are passed over: zones are the
//! IANA ones of their names.

mod components;
mod event;
mod instance;
mod lines;
mod windows_zones;

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use super::{
    times::{Pattern, Times},
    zone::Zone,
};
use event::Event;

/// Most problems that are told of one file.
const MOST_PROBLEMS: usize = 10;

/// Something wrong with a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// 1-based line of the file.
    pub(super) line: usize,
    /// What is wrong, in words.
    pub(super) message: String,
}

impl Problem {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}

/// One event of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its `SUMMARY`, else its `UID`.
    pub(super) name: Option<String>,
    /// 1-based line of the file on which it begins.
    pub(super) line: usize,
    /// When it is.
    pub(super) times: Times,
}

/// A calendar that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calendar {
    /// Its events, at least one, in the order of the file.
    pub(super) entries: Vec<Entry>,
    /// The zone of its events that name none.
    pub(super) zone: Option<Zone>,
}

/// Does a text begin as an iCalendar file?
pub(super) fn is_calendar(text: &str) -> bool {
    let start = "BEGIN:VCALENDAR";
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.get(..start.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// Reads a calendar. `zone` is the clock of whole days and of times without a zone; without one it
/// is what the calendar names itself (`X-WR-TIMEZONE`).
///
/// # Errors
/// What is wrong with it, at most ten problems: no calendar, cut off, no event that takes place, or
/// an event that is not understood.
pub(super) fn read(bytes: &[u8], zone: Option<&Zone>) -> Result<Calendar, Vec<Problem>> {
    let file = components::components(bytes).map_err(|problem| vec![problem])?;
    let named = file.zone.as_ref();
    let zone = match (zone, named) {
        (Some(zone), _) => Some(zone.clone()),
        // An unknown name is told of where an event needs it.
        (None, Some((name, _))) => Zone::find(name),
        (None, None) => None,
    };
    let mut problems = Vec::new();
    let mut events = Vec::new();
    for component in &file.events {
        match Event::read(component, zone.as_ref()) {
            Ok(event) => events.extend(event),
            Err(problem) => problems.push(problem),
        }
        if problems.len() == MOST_PROBLEMS {
            return Err(problems);
        }
    }
    if problems.is_empty() && !events.iter().any(|event| !event.cancelled) {
        problems.push(Problem::new(
            1,
            "the calendar has no event that takes place",
        ));
    }
    let moved = moved_instances(&events).map_err(|problem| vec![problem])?;
    let mut entries = Vec::new();
    for event in events.iter().filter(|event| !event.cancelled) {
        let excluded = moved
            .get(event.uid.as_str())
            .filter(|_| event.instance.is_none());
        match event.recurrence(excluded.into_iter().flatten()) {
            Ok(recurrence) => entries.push(Entry {
                name: event.name.clone(),
                line: event.line,
                times: Times {
                    pattern: Pattern::Recurrence(Box::new(recurrence)),
                    zone: event.zone.clone(),
                },
            }),
            Err(problem) => problems.push(problem),
        }
        if problems.len() == MOST_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() {
        Ok(Calendar { entries, zone })
    } else {
        Err(problems)
    }
}

/// Returns, by `UID`, which instances of a repeating event are replaced by an event of their own or
/// cancelled, on the clock of the repeating event.
fn moved_instances(events: &[Event]) -> Result<BTreeMap<&str, Vec<NaiveDateTime>>, Problem> {
    let mut masters: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.instance.is_none()) {
        masters.entry(&event.uid).or_default().push(event);
    }
    let mut moved: BTreeMap<&str, Vec<NaiveDateTime>> = BTreeMap::new();
    for event in events {
        let Some(instance) = &event.instance else {
            continue;
        };
        for master in masters.get(event.uid.as_str()).into_iter().flatten() {
            let wall = instance.on_clock_of(master.is_date, &master.zone);
            let wall = wall.map_err(|message| {
                event.problem(event.line, &format!("RECURRENCE-ID: {message}"))
            })?;
            moved.entry(&event.uid).or_default().push(wall);
        }
    }
    Ok(moved)
}
