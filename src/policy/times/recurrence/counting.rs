//! The occurrences of a rule, by the `rrule` library: from any point on, not only from the start.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use rrule::{Frequency, NWeekday, RRule, RRuleSet, Tz, Unvalidated};

use super::rule::Rule;

impl Rule {
    /// Returns the occurrences from a start on that lie in a range (both ends included), in order.
    ///
    /// The library counts from the start of a rule one by one. Here it begins at the last whole
    /// period before the range, so that a rule from long ago costs no more than one from today;
    /// what a rule takes from its start is said out loud for that.
    pub(super) fn between(
        &self,
        start: NaiveDateTime,
        from: NaiveDateTime,
        until: NaiveDateTime,
    ) -> Vec<NaiveDateTime> {
        let from = from.max(start);
        if until < from {
            return Vec::new();
        }
        self.iterate(start, from, Some(until))
            .skip_while(|occurrence| *occurrence < from)
            .take_while(|occurrence| *occurrence <= until)
            .collect()
    }

    /// Returns the first occurrences from a start on; none where it never happens.
    pub(super) fn first(&self, start: NaiveDateTime, count: u32) -> Vec<NaiveDateTime> {
        self.iterate(start, start, None)
            .skip_while(|occurrence| *occurrence < start)
            .take(count as usize)
            .collect()
    }

    fn iterate(
        &self,
        start: NaiveDateTime,
        from: NaiveDateTime,
        until: Option<NaiveDateTime>,
    ) -> impl Iterator<Item = NaiveDateTime> + use<> {
        let first_period = self.aligned(start.date(), from.date());
        let first_period = first_period
            .unwrap_or(start.date())
            .and_time(NaiveTime::MIN);
        let mut parts = self.with_start(start);
        if let Some(until) = until {
            parts = parts.until(on_the_wall(until));
        }
        // Every part is checked by now. Should the library refuse them all the same, there is no
        // occurrence, and a rule without one is refused where it is read.
        let set: Option<RRuleSet> = parts.build(on_the_wall(first_period)).ok();
        let occurrences = set.map(|set| (&set.limit()).into_iter());
        let occurrences = occurrences.into_iter().flatten();
        occurrences.map(|occurrence| occurrence.naive_utc())
    }

    /// Returns the first day of the last period that the rule counts and that begins by `from`.
    fn aligned(&self, start: NaiveDate, from: NaiveDate) -> Option<NaiveDate> {
        let interval = i64::from(self.interval);
        let whole = |periods: i64| u64::try_from(periods / interval * interval).ok();
        let months = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
        match self.frequency {
            Frequency::Weekly => {
                let first = start.week(self.week_start).first_day();
                let weeks = whole((from - first).num_days() / 7)?;
                first.checked_add_days(Days::new(weeks * 7))
            }
            Frequency::Monthly => {
                let first = start.with_day(1)?;
                let months = whole(months(from) - months(first))?;
                first.checked_add_months(Months::new(u32::try_from(months).ok()?))
            }
            Frequency::Yearly => {
                let years = whole(i64::from(from.year()) - i64::from(start.year()))?;
                NaiveDate::from_ymd_opt(start.year() + i32::try_from(years).ok()?, 1, 1)
            }
            _ => start.checked_add_days(Days::new(whole((from - start).num_days())?)),
        }
    }

    /// Says what the rule leaves to its start: the time of day, and the day where it names none.
    fn with_start(&self, start: NaiveDateTime) -> RRule<Unvalidated> {
        let mut parts = self.parts.clone();
        let number = |number: u32| u8::try_from(number).unwrap_or_default();
        if parts.get_by_hour().is_empty() {
            parts = parts.by_hour(vec![number(start.hour())]);
        }
        if parts.get_by_minute().is_empty() {
            parts = parts.by_minute(vec![number(start.minute())]);
        }
        if parts.get_by_second().is_empty() {
            parts = parts.by_second(vec![number(start.second())]);
        }
        if self.names_day {
            return parts;
        }
        let day = i8::try_from(start.day()).unwrap_or_default();
        match self.frequency {
            Frequency::Weekly => parts.by_weekday(vec![NWeekday::Every(start.weekday())]),
            Frequency::Monthly => parts.by_month_day(vec![day]),
            Frequency::Yearly if self.names_month => parts.by_month_day(vec![day]),
            Frequency::Yearly => {
                let month = chrono::Month::try_from(number(start.month()));
                let month: Vec<chrono::Month> = month.into_iter().collect();
                parts.by_month(&month).by_month_day(vec![day])
            }
            _ => parts,
        }
    }
}

/// What the wall shows, for a library that only counts with zones: its UTC has no gaps.
fn on_the_wall(local: NaiveDateTime) -> DateTime<Tz> {
    local.and_utc().with_timezone(&Tz::UTC)
}
