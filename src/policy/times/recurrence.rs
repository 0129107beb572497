//! Times that a calendar writes: a rule, single dates, and how long each lasts.
//!
//! Everything is counted on the clock on the wall, without a zone, by the `rrule` library: what the
//! zone does to an occurrence is said by [`Times`](super::Times), as for every other pattern.

mod counting;
mod length;
mod moment;
mod rule;

use std::fmt;

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc};

pub use length::Length;
pub use moment::{Clock, Moment};
pub use rule::Rule;

use super::Span;
use crate::policy::{intervals::Interval, zone::Zone};
use rule::End;

/// Longest occurrence of a rule, in days: each question looks that far back.
const LONGEST_OF_A_RULE: i64 = 366;

/// When, as a calendar says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    start: NaiveDateTime,
    length: Length,
    in_one_piece: bool,
    rule: Option<Repeats>,
    /// Single occurrences beside the rule, in order.
    added: Vec<NaiveDateTime>,
    /// Occurrences that do not take place, in order.
    excluded: Vec<NaiveDateTime>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Repeats {
    rule: Rule,
    /// The last moment at which an occurrence may start; none where it never ends.
    last: Option<NaiveDateTime>,
}

impl Recurrence {
    /// One occurrence.
    pub fn once(start: NaiveDateTime, length: Length) -> Self {
        Self {
            start,
            length,
            in_one_piece: false,
            rule: None,
            added: vec![start],
            excluded: Vec::new(),
        }
    }

    /// The occurrences of a rule. `start` is what it counts from and is an occurrence only where the
    /// rule says so; `is_date` where the start is a whole day. UNTIL is read on the clock of `zone`.
    ///
    /// # Errors
    /// A time of day for whole days, an end before the first occurrence, a rule that never happens,
    /// or occurrences longer than a year.
    pub fn repeated(
        rule: Rule,
        start: NaiveDateTime,
        is_date: bool,
        length: Length,
        zone: &Zone,
    ) -> Result<Self, String> {
        if is_date && rule.has_time() {
            return Err(
                "BYHOUR, BYMINUTE and BYSECOND do not go with whole days; name a time of day in the start"
                    .to_owned(),
            );
        }
        if length.total() > TimeDelta::days(LONGEST_OF_A_RULE) {
            return Err(format!(
                "each occurrence is longer than the limit of {LONGEST_OF_A_RULE} days"
            ));
        }
        let last = match &rule.end {
            End::Never => None,
            End::Until(moment) if is_date || moment.is_date() => {
                // The whole of the last day counts, in whichever zone it is later.
                let day = moment.shown.date().max(moment.on_the_wall(zone).date());
                day.and_hms_opt(23, 59, 59)
            }
            End::Until(moment) => Some(moment.on_the_wall(zone)),
            End::Count(count) => rule.first(start, *count).last().copied(),
        };
        let first = rule.first(start, 1).first().copied();
        let never = || format!("the rule {rule} never happens after its start");
        let first = first.ok_or_else(never)?;
        if last.is_some_and(|last| last < first) {
            return Err(format!(
                "UNTIL is before the first occurrence on {}",
                first.format("%Y-%m-%d")
            ));
        }
        Ok(Self {
            start,
            length,
            in_one_piece: false,
            rule: Some(Repeats { rule, last }),
            added: Vec::new(),
            excluded: Vec::new(),
        })
    }

    /// Adds single occurrences.
    #[must_use]
    pub fn with(mut self, added: impl IntoIterator<Item = NaiveDateTime>) -> Self {
        self.added.extend(added);
        self.added.sort_unstable();
        self
    }

    /// Takes occurrences away, of the rule and of the single ones.
    #[must_use]
    pub fn without(mut self, excluded: impl IntoIterator<Item = NaiveDateTime>) -> Self {
        self.excluded.extend(excluded);
        self.excluded.sort_unstable();
        self
    }

    /// How many occurrences a day can have at most; nothing without a rule.
    pub fn times_a_day(&self) -> usize {
        self.rule
            .as_ref()
            .map_or(0, |repeats| repeats.rule.times_a_day())
    }

    /// Makes each occurrence one piece of time, as calendars have it: from its start to its end
    /// without a hole, also where the clock is changed meanwhile. A time that the clock shows twice
    /// or skips is read so that the piece is longer.
    #[must_use]
    pub fn in_one_piece(mut self) -> Self {
        self.in_one_piece = true;
        self
    }

    /// Does it take a zone to say when an occurrence ends?
    pub(super) fn needs_zone(&self) -> bool {
        self.in_one_piece || !self.length.exact.is_zero()
    }

    /// Is what the clock shows inside? Only where no zone is needed.
    pub(super) fn contains(&self, wall: NaiveDateTime) -> bool {
        let after = wall.checked_sub_signed(self.length.wall);
        let starts = self.starts(after.unwrap_or(NaiveDateTime::MIN), wall);
        starts
            .into_iter()
            .any(|start| after.is_none_or(|after| start > after))
    }

    /// Adds when occurrences overlap two instants, clipped to them, each in one piece.
    pub(super) fn intervals(
        &self,
        zone: &Zone,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        intervals: &mut Vec<Interval>,
    ) {
        let wall = |instant, margin| zone.local(instant).checked_add_signed(margin);
        // No zone puts its clock forward or back by more than a day.
        let margin = TimeDelta::days(2);
        let first = wall(from, -(self.length.total() + margin)).unwrap_or(NaiveDateTime::MIN);
        let last = wall(until, margin).unwrap_or(NaiveDateTime::MAX);
        let Length { wall, exact } = self.length;
        let interval = |start: NaiveDateTime| {
            let end = start.checked_add_signed(wall)?;
            let end = if exact.is_zero() {
                zone.widest(end)?.1
            } else {
                zone.instant(end)?.checked_add_signed(exact)?
            };
            Some(Interval {
                start: zone.widest(start)?.0.max(from),
                end: end.min(until),
            })
        };
        let found = self.starts(first, last).into_iter().filter_map(interval);
        intervals.extend(found.filter(|interval| interval.start < interval.end));
    }

    /// Adds every span that has a moment between `from` and `until` (which is outside); only
    /// where no zone is needed.
    pub(super) fn spans(&self, from: NaiveDateTime, until: NaiveDateTime, spans: &mut Vec<Span>) {
        let wall = self.length.wall;
        let span = |start: NaiveDateTime| {
            let end = start.checked_add_signed(wall)?;
            Some(Span { start, end })
        };
        let overlaps = |span: &Span| span.start < until && from < span.end;
        let earliest = from.checked_sub_signed(wall).unwrap_or(NaiveDateTime::MIN);
        let starts = self.starts(earliest, until);
        spans.extend(starts.into_iter().filter_map(span).filter(overlaps));
    }

    /// Returns the starts of occurrences in a range, both ends included.
    pub(super) fn starts(&self, from: NaiveDateTime, until: NaiveDateTime) -> Vec<NaiveDateTime> {
        let first = self.added.partition_point(|start| *start < from);
        let single = self.added[first..].iter().copied();
        let mut starts: Vec<NaiveDateTime> = single.take_while(|start| *start <= until).collect();
        if let Some(Repeats { rule, last }) = &self.rule {
            let until = last.map_or(until, |last| last.min(until));
            starts.extend(rule.between(self.start, from, until));
        }
        starts.retain(|start| self.excluded.binary_search(start).is_err());
        starts
    }
}

/// `2025-12-24 to 2026-01-01`, `2025-12-24 18:00 to 2025-12-24 20:00`, `FREQ=WEEKLY;BYDAY=MO at
/// 09:00 for 9h`; both ends are included where they are days.
impl fmt::Display for Recurrence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = self.start.time() == NaiveTime::MIN;
        let days = self.length.exact.is_zero() && self.length.wall.num_seconds() % 86_400 == 0;
        let whole = self.length.wall.num_days();
        if let Some(repeats) = &self.rule {
            repeats.rule.fmt(formatter)?;
            return match (midnight && days, repeats.rule.has_time()) {
                (true, false) if whole == 1 => Ok(()),
                (true, false) => write!(formatter, " for {whole} days"),
                (_, true) => write!(formatter, " for {}", self.length),
                (false, false) => {
                    let time = self.start.format("%H:%M");
                    write!(formatter, " at {time} for {}", self.length)
                }
            };
        }
        let end = self.start + self.length.total();
        match (midnight && days, whole) {
            (true, 1) => write!(formatter, "{}", self.start.date())?,
            (true, _) => {
                let last = end - TimeDelta::days(1);
                write!(formatter, "{} to {}", self.start.date(), last.date())?;
            }
            (false, _) => {
                let form = "%Y-%m-%d %H:%M";
                write!(
                    formatter,
                    "{} to {}",
                    self.start.format(form),
                    end.format(form)
                )?;
            }
        }
        match self.added.len() {
            0 | 1 => Ok(()),
            several => write!(formatter, " and {} more", several - 1),
        }
    }
}
