//! A date or time of an event with the zone that it is in.

use chrono::NaiveDateTime;

use super::{lines::ContentLine, windows_zones::iana_name};
use crate::policy::{
    times::recurrence::{Clock, Moment},
    wording::shown,
    zone::{Zone, near},
};

const NO_ZONE: &str = "and neither does the calendar; name the file as `ics` in a policy that has \
                       `timezone`";

/// A moment whose zone is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    /// What the clock of `zone` shows; midnight for a date.
    pub(super) wall: NaiveDateTime,
    pub(super) is_date: bool,
    pub(super) zone: Zone,
}

impl Instance {
    /// Reads one value of a line; `default` is the zone of values that name none.
    ///
    /// # Errors
    /// No date or time, not the kind that the line announces, or a zone that is not known.
    pub(super) fn read(
        line: &ContentLine,
        value: &str,
        default: Option<&Zone>,
    ) -> Result<Self, String> {
        let kind = line.parameter("VALUE");
        if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("PERIOD")) {
            return Err("VALUE=PERIOD is not supported; write an event for each period".to_owned());
        }
        // The forms of a policy (`2026-01-01`, `TZID=…:`) are not those of a calendar.
        let digits = |character: char| character.is_ascii_digit() || "TZ".contains(character);
        if !value.trim().chars().all(digits) {
            return Err(format!(
                "{} is no date or time; expected one such as 20260101T090000 or 20260101",
                shown(value)
            ));
        }
        let moment = Moment::parse(value)?;
        match kind {
            None => {}
            Some(kind) if kind.eq_ignore_ascii_case("DATE") && moment.is_date() => {}
            Some(kind) if kind.eq_ignore_ascii_case("DATE-TIME") && !moment.is_date() => {}
            Some(kind) => {
                return Err(format!(
                    "{} is not of the kind {}",
                    shown(value),
                    shown(kind)
                ));
            }
        }
        let zone = match (&moment.clock, line.parameter("TZID")) {
            (Clock::Utc, _) => Zone::utc(),
            (Clock::Floating | Clock::Named(_), Some(name)) => find(name)?,
            (Clock::Floating | Clock::Named(_), None) => default
                .cloned()
                .ok_or_else(|| format!("{} names no time zone, {NO_ZONE}", shown(value)))?,
            (Clock::Date, _) => default
                .cloned()
                .ok_or_else(|| format!("a whole day names no time zone, {NO_ZONE}"))?,
        };
        Ok(Self {
            wall: moment.shown,
            is_date: moment.is_date(),
            zone,
        })
    }

    /// Returns what the clock of another event shows at it.
    ///
    /// # Errors
    /// One is a whole day and the other is not, or beyond the calendar.
    pub(super) fn on_clock_of(&self, is_date: bool, zone: &Zone) -> Result<NaiveDateTime, String> {
        if self.is_date != is_date {
            let kind = |is_date| if is_date { "a whole day" } else { "a time" };
            return Err(format!(
                "it is {} where the event starts at {}",
                kind(self.is_date),
                kind(is_date)
            ));
        }
        if self.is_date || self.zone == *zone {
            return Ok(self.wall);
        }
        let instant = self.zone.instant(self.wall);
        let instant = instant.ok_or_else(|| "it is beyond the calendar".to_owned())?;
        Ok(zone.local(instant))
    }
}

/// Finds a zone by the name that a calendar gives it: IANA's, or that of Microsoft Windows.
fn find(name: &str) -> Result<Zone, String> {
    let found = Zone::find(name).or_else(|| Zone::find(iana_name(name)?));
    found.ok_or_else(|| {
        let near: Vec<String> = near(name).iter().map(|near| format!("`{near}`")).collect();
        let advice = if near.is_empty() {
            "expected an IANA name such as Europe/Berlin, or one of Windows".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        format!("unknown time zone {}; {advice}", shown(name))
    })
}
