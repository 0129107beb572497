//! Recurring times on the clock of a zone: windows and dates alike.
//!
//! A [`Pattern`] makes [`Span`]s of what a clock on the wall shows, without a zone; [`Times`] puts
//! them on the clock of one zone. [`days`] and [`hours`] are the parts of the commonest pattern,
//! [`schedule`] is a [`cron`] schedule with a duration, [`recurrence`] what calendars say.

pub mod cron;
pub mod date_rule;
pub mod days;
pub mod holidays;
pub mod hours;
pub mod once;
pub mod recurrence;
pub mod schedule;

use std::fmt;

use chrono::{DateTime, Days, NaiveDateTime, TimeDelta, Timelike, Utc};

pub use cron::Cron;
pub use date_rule::DateRule;
pub use days::{DayRule, parse_date, parse_weekday};
pub use holidays::{RuleSuggestion, suggest_rule};
pub use hours::Hours;
pub use once::{Bound, Once};
pub use recurrence::{Length, Moment, Recurrence, Rule};
pub use schedule::Schedule;

use super::{intervals::Interval, zone::Zone};

/// From when to when on the clock on the wall; the end is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// What the clock shows first inside.
    pub start: NaiveDateTime,
    /// What it shows first after that.
    pub end: NaiveDateTime,
}

impl Span {
    /// Has it a moment between `from` and `until` (which is outside)?
    fn overlaps(self, from: NaiveDateTime, until: NaiveDateTime) -> bool {
        self.start < until && from < self.end
    }
}

/// How many times as long as another pattern a recurrence rule takes.
const RECURRENCE_COST: usize = 10;

/// When, on the clock on the wall of any zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Hours on certain days.
    Days {
        /// The days on which it starts.
        days: DayRule,
        /// From when to when.
        hours: Hours,
    },
    /// A while from each start that a cron schedule gives.
    Schedule(Schedule),
    /// Once.
    Once(Once),
    /// What a calendar says.
    Recurrence(Box<Recurrence>),
}

impl Pattern {
    /// Returns how often it opens a day at most: how much work it is to list its spans.
    pub(super) fn openings_a_day(&self) -> usize {
        match self {
            Self::Schedule(schedule) => schedule.openings_a_day(),
            Self::Recurrence(recurrence) => RECURRENCE_COST * recurrence.times_a_day(),
            Self::Days { .. } => 1,
            Self::Once(_) => 0,
        }
    }

    /// Is what the clock on the wall shows inside? Makes no spans: it is asked for every rule.
    fn contains(&self, wall: NaiveDateTime) -> bool {
        match self {
            Self::Days { days, hours } => {
                let minute = wall.time().num_seconds_from_midnight() / 60;
                let (start, end) = hours.minutes();
                let today = wall.date();
                let began_today = || days.contains(today);
                let began_yesterday = || today.pred_opt().is_some_and(|day| days.contains(day));
                let day = hours::MINUTES_A_DAY;
                ((start..end).contains(&minute) && began_today())
                    || ((start..end).contains(&(minute + day)) && began_yesterday())
            }
            Self::Schedule(schedule) => schedule.contains(wall),
            // It has instants of its own; see `Times::contains`.
            Self::Once(_) => false,
            Self::Recurrence(recurrence) => recurrence.contains(wall),
        }
    }

    /// Returns the recurrence, if it is one that makes no spans of what a clock on the wall shows.
    fn in_pieces(&self) -> Option<&Recurrence> {
        match self {
            Self::Recurrence(recurrence) if recurrence.needs_zone() => Some(recurrence),
            _ => None,
        }
    }

    /// Adds every span that has a moment between `from` and `until` (which is outside).
    fn spans(&self, from: NaiveDateTime, until: NaiveDateTime, spans: &mut Vec<Span>) {
        match self {
            Self::Days { days, hours } => days_and_hours(days, *hours, from, until, spans),
            Self::Schedule(schedule) => schedule.spans(from, until, spans),
            // It has instants of its own; see `Times::intervals`.
            Self::Once(_) => {}
            Self::Recurrence(recurrence) => recurrence.spans(from, until, spans),
        }
    }
}

fn days_and_hours(
    days: &DayRule,
    hours: Hours,
    from: NaiveDateTime,
    until: NaiveDateTime,
    spans: &mut Vec<Span>,
) {
    // What began yesterday may go on today.
    let first = from.date().checked_sub_days(Days::new(1));
    let on = days.dates(first.unwrap_or(from.date()), until.date());
    spans.extend(
        on.filter_map(|day| hours.on(day))
            .filter(|span| span.overlaps(from, until)),
    );
}

/// A pattern on the clock of one zone.
///
/// An instant is inside if the clock on the wall of that zone says so. Both passes of an hour that
/// is repeated in autumn count; what spring skips opens at the first instant after the gap. Events of
/// calendars are each one piece of time instead: [`Recurrence::in_one_piece`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// When.
    pub pattern: Pattern,
    /// Whose clock.
    pub zone: Zone,
}

impl Times {
    /// Is the instant inside? The start is, the end is not.
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        if let Some(recurrence) = self.pattern.in_pieces() {
            let mut intervals = Vec::new();
            let next = instant.checked_add_signed(TimeDelta::seconds(1));
            recurrence.intervals(&self.zone, instant, next.unwrap_or(instant), &mut intervals);
            // A second is looked at, and the instant is its beginning.
            return intervals.iter().any(|found| found.start <= instant);
        }
        if let Pattern::Once(once) = &self.pattern {
            let interval = once.interval(&self.zone);
            return interval.is_some_and(|found| found.start <= instant && instant < found.end);
        }
        self.pattern.contains(self.zone.local(instant))
    }

    /// Adds when it is inside between two instants, clipped to them, in no order.
    ///
    /// Between two changes of the zone's rules the clock on the wall is a fixed distance from
    /// universal time, so each such stretch is plain subtraction, and gaps and repeated hours need
    /// no rule of their own.
    pub(super) fn intervals(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        intervals: &mut Vec<Interval>,
    ) {
        if let Some(recurrence) = self.pattern.in_pieces() {
            recurrence.intervals(&self.zone, from, until, intervals);
            return;
        }
        if let Pattern::Once(once) = &self.pattern {
            let clipped = once.interval(&self.zone).map(|found| Interval {
                start: found.start.max(from),
                end: found.end.min(until),
            });
            intervals.extend(clipped.filter(|found| found.start < found.end));
            return;
        }
        let mut spans = Vec::new();
        for stretch in self.zone.stretches(from, until) {
            spans.clear();
            let wall =
                |instant: DateTime<Utc>| instant.naive_utc().checked_add_signed(stretch.offset);
            let (Some(first), Some(last)) = (wall(stretch.start), wall(stretch.end)) else {
                continue;
            };
            self.pattern.spans(first, last, &mut spans);
            intervals.extend(spans.iter().map(|span| Interval {
                start: (span.start.max(first) - stretch.offset).and_utc(),
                end: (span.end.min(last) - stretch.offset).and_utc(),
            }));
        }
    }
}

/// Without the zone: `Mon-Thu 02:00-06:00`, `2025-12-25`, `0 22 * * 1-5 for 8h`.
impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Days { days, hours } if *hours == Hours::WHOLE_DAY => days.fmt(formatter),
            Pattern::Days { days, hours } => write!(formatter, "{days} {hours}"),
            Pattern::Schedule(schedule) => schedule.fmt(formatter),
            Pattern::Once(once) => once.write(formatter, &self.zone),
            Pattern::Recurrence(recurrence) => recurrence.fmt(formatter),
        }
    }
}
