//! How long an occurrence is: days on the clock on the wall, or hours on a stopwatch.

use std::fmt;

use chrono::TimeDelta;

use crate::{policy::wording::shown, units::format_duration};

/// Longest length, in days.
const LONGEST_DAYS: i64 = 3_660;

/// A length: first along the clock on the wall, then along the stopwatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Length {
    /// What the clock on the wall moves on: nine hours from 22:00 are over at 07:00, whatever the
    /// night does.
    pub wall: TimeDelta,
    /// What passes after that, also where the clock is changed meanwhile.
    pub exact: TimeDelta,
}

impl Length {
    /// So much along the clock on the wall.
    pub fn on_the_wall(wall: TimeDelta) -> Self {
        Self {
            wall,
            exact: TimeDelta::zero(),
        }
    }

    /// Reads an iCalendar duration such as `P1D` or `PT9H30M` (RFC 5545 section 3.3.6): weeks and
    /// days follow the clock on the wall, hours, minutes and seconds are exact.
    ///
    /// # Errors
    /// Another form, negative, nothing at all, or longer than ten years.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{} is no duration longer than nothing; expected one such as P1D or PT9H30M",
                shown(text)
            )
        };
        let body = text.trim().strip_prefix('+').unwrap_or(text.trim());
        let body = body.strip_prefix(['P', 'p']).ok_or_else(wrong)?;
        let (days, time) = match body.split_once(['T', 't']) {
            Some((days, time)) => (days, Some(time)),
            None => (body, None),
        };
        let days = seconds(days, &[('W', 604_800), ('D', 86_400)]).ok_or_else(wrong)?;
        let exact = match time {
            Some("") => None,
            Some(time) => seconds(time, &[('H', 3_600), ('M', 60), ('S', 1)]),
            None => Some(0),
        };
        let exact = exact.ok_or_else(wrong)?;
        let length = Self {
            wall: TimeDelta::seconds(days),
            exact: TimeDelta::seconds(exact),
        };
        if length.is_nothing() {
            return Err(wrong());
        }
        length.check()
    }

    /// Is it too long to be meant?
    ///
    /// # Errors
    /// Longer than ten years.
    pub fn check(self) -> Result<Self, String> {
        if self.total() > TimeDelta::days(LONGEST_DAYS) {
            return Err(format!(
                "it is longer than the limit of {LONGEST_DAYS} days"
            ));
        }
        Ok(self)
    }

    /// Is it no time at all?
    pub fn is_nothing(self) -> bool {
        self.total() <= TimeDelta::zero()
    }

    /// Returns both parts together.
    pub fn total(self) -> TimeDelta {
        self.wall + self.exact
    }
}

/// `1d`, `9h30m`.
impl fmt::Display for Length {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total().to_std().unwrap_or_default();
        formatter.write_str(&format_duration(total))
    }
}

/// Reads numbers with these units in this order, each at most once, as seconds.
fn seconds(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut rest = text;
    let mut seconds = 0;
    for (unit, worth) in units {
        let digits = rest.find(|character: char| !character.is_ascii_digit());
        let digits = digits.unwrap_or(rest.len());
        let mut after = rest[digits..].chars();
        if after
            .next()
            .is_none_or(|found| !found.eq_ignore_ascii_case(unit))
        {
            continue;
        }
        let number = rest[..digits].parse::<u32>().ok()?;
        seconds += i64::from(number) * worth;
        rest = after.as_str();
    }
    rest.is_empty().then_some(seconds)
}
