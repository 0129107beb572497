//! A window that starts by a cron schedule and lasts a while, as Argo CD's sync windows do.

use std::{fmt, time::Duration};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::{Span, cron::Cron};
use crate::{
    policy::wording::shown,
    units::{format_duration, parse_duration},
};

/// Longest time that a window may last.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// Starts of a schedule, each of which opens for the same time; those that overlap are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    cron: Cron,
    length: TimeDelta,
    /// First and last start, in minutes after midnight, of each run of starts of a day that leave no
    /// hole between them.
    runs: Vec<(u32, u32)>,
}

impl Schedule {
    /// Reads how long each opening lasts.
    ///
    /// # Errors
    /// Not a duration, zero, or longer than 366 days.
    pub fn length(duration: &str) -> Result<TimeDelta, String> {
        let length = parse_duration(duration).ok();
        length
            .and_then(|length| TimeDelta::from_std(length).ok())
            .filter(|length| *length > TimeDelta::zero() && *length <= LONGEST)
            .ok_or_else(|| {
                format!(
                    "{} is not how long a window can last; expected a duration with a unit, such \
                     as 30m, 1h30m or 2d, of at most 366d",
                    shown(duration)
                )
            })
    }

    /// Puts a schedule and a length, as [`Schedule::length`] gives it, together.
    pub fn new(cron: Cron, length: TimeDelta) -> Self {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for minute in cron.minutes() {
            match runs.last_mut() {
                Some((_, last)) if minutes(minute - *last) <= length => *last = minute,
                _ => runs.push((minute, minute)),
            }
        }
        Self { cron, length, runs }
    }

    /// Returns how often it opens on each of its days; what lasts for months counts for more, for
    /// every day of that has to be looked at.
    pub(super) fn openings_a_day(&self) -> usize {
        let months = usize::try_from(self.length.num_days() / 30).unwrap_or_default();
        self.runs.len() * (1 + months)
    }

    /// Is what the clock shows inside? It is if the last start is less than the duration ago.
    pub(super) fn contains(&self, wall: NaiveDateTime) -> bool {
        let today = wall.date();
        let minute = wall.time().num_seconds_from_midnight() / 60;
        let start = match self.cron.last_minute(minute) {
            Some(start) if self.cron.has_day(today) => Some((today, start)),
            _ => self.last_start_before(wall),
        };
        start.is_some_and(|(day, minute)| wall - start_of(day, minute) < self.length)
    }

    /// Returns the last start on an earlier day that can still be going on.
    fn last_start_before(&self, wall: NaiveDateTime) -> Option<(NaiveDate, u32)> {
        let (_, last) = *self.runs.last()?;
        let first = wall.checked_sub_signed(self.length)?.date();
        let day = self.cron.last_day(first, wall.date().pred_opt()?)?;
        Some((day, last))
    }

    /// Adds every span that has a moment between `from` and `until` (which is outside).
    pub(super) fn spans(&self, from: NaiveDateTime, until: NaiveDateTime, spans: &mut Vec<Span>) {
        let first = from.checked_sub_signed(self.length);
        let days = self.cron.days(first.unwrap_or(from).date(), until.date());
        for day in days {
            let overlapping = self.runs.iter().filter_map(|(first, last)| {
                let start = start_of(day, *first);
                let end = start_of(day, *last).checked_add_signed(self.length)?;
                Some(Span { start, end }).filter(|span| span.overlaps(from, until))
            });
            for span in overlapping {
                match spans.last_mut() {
                    Some(last) if last.start <= span.start && span.start <= last.end => {
                        last.end = last.end.max(span.end)
                    }
                    _ => spans.push(span),
                }
            }
        }
    }
}

fn minutes(count: u32) -> TimeDelta {
    TimeDelta::minutes(i64::from(count))
}

/// The minute is one of the day, so the sum is on the same day.
fn start_of(day: NaiveDate, minute: u32) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + minutes(minute)
}

/// `0 22 * * 1-5 for 8h`.
impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.length.to_std().unwrap_or(Duration::ZERO);
        write!(formatter, "{} for {}", self.cron, format_duration(length))
    }
}
