//! From when to when on a day: `HH:MM-HH:MM`, also past midnight.

use std::fmt;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::Span;
use crate::policy::wording::shown;

pub(super) const MINUTES_A_DAY: u32 = 24 * 60;

/// Part of a day in minutes after midnight; where the end comes first it is on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    start: u32,
    end: u32,
}

impl Hours {
    /// The whole day.
    pub const WHOLE_DAY: Self = Self {
        start: 0,
        end: MINUTES_A_DAY,
    };

    /// Reads `HH:MM-HH:MM`. The end may be `24:00`; an end before the start is on the next day.
    ///
    /// # Errors
    /// Another form, a time that no clock shows, or a start that is the end.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = shown(text);
        let Some((start, end)) = text.split_once('-') else {
            return Err(format!(
                "{shown} is not a span of hours; expected HH:MM-HH:MM, such as 02:00-06:00"
            ));
        };
        let start = parse_time(start.trim())?;
        let end = parse_time(end.trim())?;
        if start == MINUTES_A_DAY {
            return Err(format!(
                "{shown} starts at 24:00, which is only an end; write 00:00"
            ));
        }
        if start == end {
            return Err(format!(
                "{shown} starts when it ends; for the whole day write 00:00-24:00 or leave `hours` out"
            ));
        }
        Ok(Self { start, end })
    }

    /// Returns the minutes after midnight of the start and of the end; the end of hours that cross
    /// midnight is on the next day, beyond 24 * 60.
    pub(in crate::policy) fn minutes(self) -> (u32, u32) {
        let next_day = u32::from(self.end < self.start) * MINUTES_A_DAY;
        (self.start, self.end + next_day)
    }

    /// Returns the span that begins on a day; none at the end of the calendar.
    pub(super) fn on(self, day: NaiveDate) -> Option<Span> {
        let (start, end) = self.minutes();
        let midnight = day.and_time(NaiveTime::MIN);
        let wall = |minutes: u32| -> Option<NaiveDateTime> {
            midnight.checked_add_signed(TimeDelta::minutes(i64::from(minutes)))
        };
        Some(Span {
            start: wall(start)?,
            end: wall(end)?,
        })
    }
}

/// Reads `HH:MM` from 00:00 to 24:00 as minutes after midnight.
pub(super) fn parse_time(text: &str) -> Result<u32, String> {
    let shown = shown(text);
    let form = || format!("{shown} is not a time of day; expected HH:MM from 00:00 to 24:00");
    let (hour, minute) = text.split_once(':').ok_or_else(form)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !digits(hour) || !digits(minute) {
        return Err(form());
    }
    let (Ok(hour), Ok(minute)) = (hour.parse::<u32>(), minute.parse::<u32>()) else {
        return Err(form());
    };
    let minutes = hour * 60 + minute;
    if minute > 59 || minutes > MINUTES_A_DAY {
        return Err(form());
    }
    Ok(minutes)
}

impl fmt::Display for Hours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end } = self;
        write!(
            formatter,
            "{:02}:{:02}-{:02}:{:02}",
            start / 60,
            start % 60,
            end / 60,
            end % 60
        )
    }
}
