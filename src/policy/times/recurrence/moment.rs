//! Dates and times as calendars write them: `20260101T090000`, `20260101T090000Z`, `20260101`.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use crate::policy::{wording::shown, zone::Zone};

/// Whose clock a moment is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clock {
    /// The moment is a whole day.
    Date,
    /// The reader's own clock: the moment names no zone.
    Floating,
    /// Universal time.
    Utc,
    /// The zone of that name; nobody has looked yet whether there is one.
    Named(String),
}

/// A date or a time of day on a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// What that clock shows; midnight for a date.
    pub shown: NaiveDateTime,
    /// Whose clock.
    pub clock: Clock,
}

impl Moment {
    /// Reads `20260101T090000`, the same with `Z`, `2026-01-01T09:00`, a date in either form, and
    /// each time with `TZID=America/New_York:` before it.
    ///
    /// # Errors
    /// Another form, a moment that no calendar has, or a year that can only be a slip.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let Some(zoned) = text.strip_prefix("TZID=") else {
            return read(text);
        };
        let (zone, time) = zoned
            .rsplit_once(':')
            .ok_or_else(|| format!("{} has no time after the zone", shown(text)))?;
        // An ISO time has colons of its own.
        let (zone, time) = match zone.split_once(':') {
            Some((zone, _)) => (zone, &zoned[zone.len() + 1..]),
            None => (zone, time),
        };
        if zone.contains('"') {
            return Err(format!(
                "{}: the zone is in quotes; write TZID=America/New_York:20260101T090000",
                shown(text)
            ));
        }
        read(time)?.in_zone(zone)
    }

    /// Puts a time without a zone on the clock of a zone.
    ///
    /// # Errors
    /// The moment is a date, or says its zone itself.
    pub fn in_zone(self, zone: &str) -> Result<Self, String> {
        match self.clock {
            Clock::Floating => Ok(Self {
                clock: Clock::Named(zone.to_owned()),
                ..self
            }),
            Clock::Date => Err(format!(
                "a date has no time zone, and {} is named",
                shown(zone)
            )),
            Clock::Utc | Clock::Named(_) => Err(format!(
                "the time is in UTC already, and {} is named too",
                shown(zone)
            )),
        }
    }

    /// Is it a whole day?
    pub fn is_date(&self) -> bool {
        self.clock == Clock::Date
    }

    /// Returns what a clock in `zone` shows at a moment that is not in a named zone; of a date its
    /// midnight.
    pub fn on_the_wall(&self, zone: &Zone) -> NaiveDateTime {
        match self.clock {
            Clock::Utc => zone.local(self.shown.and_utc()),
            Clock::Date | Clock::Floating | Clock::Named(_) => self.shown,
        }
    }
}

fn read(text: &str) -> Result<Moment, String> {
    let form = || {
        format!(
            "{} is no date or time; expected one such as 20260101T090000, 20260101T140000Z or 20260101",
            shown(text)
        )
    };
    let text = text.trim();
    let (text, utc) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let digits: Vec<u32> = match date.len() {
        8 => split(date, &[4, 2, 2], None),
        10 => split(date, &[4, 2, 2], Some('-')),
        _ => None,
    }
    .ok_or_else(form)?;
    let year = i32::try_from(digits[0]).map_err(|_| form())?;
    if !(1900..=9999).contains(&year) {
        return Err(format!("{} is not in the years 1900 to 9999", shown(text)));
    }
    let date = NaiveDate::from_ymd_opt(year, digits[1], digits[2])
        .ok_or_else(|| format!("{} does not exist", shown(date)))?;
    let Some(time) = time else {
        if utc {
            return Err(form());
        }
        return Ok(Moment {
            shown: date.and_time(NaiveTime::MIN),
            clock: Clock::Date,
        });
    };
    let digits: Vec<u32> = match time.len() {
        6 => split(time, &[2, 2, 2], None),
        5 => split(time, &[2, 2], Some(':')),
        8 => split(time, &[2, 2, 2], Some(':')),
        _ => None,
    }
    .ok_or_else(form)?;
    let seconds = digits.get(2).copied().unwrap_or_default();
    let time = NaiveTime::from_hms_opt(digits[0], digits[1], seconds)
        .ok_or_else(|| format!("{} is no time of day", shown(time)))?;
    let clock = if utc { Clock::Utc } else { Clock::Floating };
    Ok(Moment {
        shown: date.and_time(time),
        clock,
    })
}

/// Splits digits into numbers of these lengths, with a separator between them or none.
fn split(text: &str, lengths: &[usize], separator: Option<char>) -> Option<Vec<u32>> {
    let mut rest = text;
    let mut numbers = Vec::new();
    for (index, length) in lengths.iter().enumerate() {
        if let Some(separator) = separator.filter(|_| index > 0) {
            rest = rest.strip_prefix(separator)?;
        }
        let digits = rest.get(..*length)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        numbers.push(digits.parse().ok()?);
        rest = &rest[*length..];
    }
    rest.is_empty().then_some(numbers)
}
