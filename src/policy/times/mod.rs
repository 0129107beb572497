//! Recurring times on the clock of a zone: windows and dates alike.
//!
//! A [`Pattern`] makes [`Span`]s of what a clock on the wall shows, without a zone; [`Times`] puts
//! them on the clock of one zone. [`days`] and [`hours`] are the parts of the commonest pattern.

pub mod days;
pub mod hours;
pub mod recurrence;

use std::fmt;

use chrono::{DateTime, Days, NaiveDateTime, TimeDelta, Timelike, Utc};

pub use days::{DayRule, parse_date, parse_weekday};
pub use hours::Hours;
pub use recurrence::{Length, Moment, Recurrence, Rule};

use super::{intervals::Interval, zone::Zone};

/// From when to when on the clock on the wall; the end is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// What the clock shows first inside.
    pub start: NaiveDateTime,
    /// What it shows first after that.
    pub end: NaiveDateTime,
}

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
    /// What a calendar says.
    Recurrence(Box<Recurrence>),
}

impl Pattern {
    /// Adds every span that has a moment between `from` and `until` (which is outside).
    fn spans(&self, from: NaiveDateTime, until: NaiveDateTime, spans: &mut Vec<Span>) {
        match self {
            Self::Days { days, hours } => days_and_hours(days, *hours, from, until, spans),
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
    let mut first = from.date().checked_sub_days(Days::new(1));
    let mut last = until.date();
    if let DayRule::Dates { from, to } = days {
        first = first.max(Some(*from));
        last = last.min(*to);
    }
    let overlaps = |span: &Span| span.start < until && from < span.end;
    let candidates = first.unwrap_or(from.date()).iter_days();
    let candidates = candidates.take_while(|day| *day <= last);
    let on = candidates.filter(|day| days.contains(*day));
    spans.extend(on.filter_map(|day| hours.on(day)).filter(overlaps));
}

/// A pattern on the clock of one zone.
///
/// An instant is inside if the clock on the wall of that zone says so. Both passes of an hour that
/// is repeated in autumn count; what spring skips opens at the first instant after the gap.
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
        let local = self.zone.local(instant);
        match &self.pattern {
            // The commonest question by far, answered without making spans.
            Pattern::Days { days, hours } => {
                let minute = local.time().num_seconds_from_midnight() / 60;
                let (start, end) = hours.minutes();
                let today = local.date();
                let began_today = || days.contains(today);
                let began_yesterday = || today.pred_opt().is_some_and(|day| days.contains(day));
                let day = hours::MINUTES_A_DAY;
                ((start..end).contains(&minute) && began_today())
                    || ((start..end).contains(&(minute + day)) && began_yesterday())
            }
            Pattern::Recurrence(recurrence) if !recurrence.length().exact.is_zero() => {
                let mut intervals = Vec::new();
                let next = instant
                    .checked_add_signed(TimeDelta::seconds(1))
                    .unwrap_or(instant);
                self.exact(recurrence, instant, next, &mut intervals);
                let inside = |one: &Interval| one.start <= instant && instant < one.end;
                intervals.iter().any(inside)
            }
            pattern => {
                let mut spans = Vec::new();
                let next = local
                    .checked_add_signed(TimeDelta::seconds(1))
                    .unwrap_or(local);
                pattern.spans(local, next, &mut spans);
                let inside = |span: &Span| span.start <= local && local < span.end;
                spans.iter().any(inside)
            }
        }
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
        if let Pattern::Recurrence(recurrence) = &self.pattern
            && !recurrence.length().exact.is_zero()
        {
            self.exact(recurrence, from, until, intervals);
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

impl Times {
    /// Adds when occurrences of an exact length overlap two instants, clipped to them. Each starts
    /// at one instant: of a repeated hour the first, of a skipped one as if it were there.
    fn exact(
        &self,
        recurrence: &Recurrence,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        intervals: &mut Vec<Interval>,
    ) {
        let length = recurrence.length();
        let wall = |instant: DateTime<Utc>, margin: TimeDelta| {
            self.zone.local(instant).checked_add_signed(margin)
        };
        // No change of a clock is larger than a day, as on the date line.
        let margin = TimeDelta::days(2);
        let first = wall(from, -(length.total() + margin)).unwrap_or(NaiveDateTime::MIN);
        let last = wall(until, margin).unwrap_or(NaiveDateTime::MAX);
        let interval = |start: NaiveDateTime| {
            let end = self.zone.instant(start.checked_add_signed(length.wall)?)?;
            Some(Interval {
                start: self.zone.instant(start)?.max(from),
                end: end.checked_add_signed(length.exact)?.min(until),
            })
        };
        let found = recurrence
            .starts(first, last)
            .into_iter()
            .filter_map(interval);
        intervals.extend(found.filter(|interval| interval.start < interval.end));
    }
}

/// Without the zone: `Mon-Thu 02:00-06:00`, `2025-12-25`, `Sat, Sun`.
impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Days { days, hours } if *hours == Hours::WHOLE_DAY => days.fmt(formatter),
            Pattern::Days { days, hours } => write!(formatter, "{days} {hours}"),
            Pattern::Recurrence(recurrence) => recurrence.fmt(formatter),
        }
    }
}
