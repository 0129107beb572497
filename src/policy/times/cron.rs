//! Five cron fields as a predicate on the clock on the wall: which minutes of which days.
//!
//! Read as Argo CD reads `schedule`: the standard fields of robfig/cron v3 without descriptors and
//! without a zone (<https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format>). Two
//! things are read more kindly: 7 is Sunday too, and every slip is named with its field.

use std::{fmt, ops::RangeInclusive};

use chrono::{Datelike, Months, NaiveDate};

use super::hours::MINUTES_A_DAY;
use crate::policy::wording::shown;

/// A cron schedule of five fields: minute, hour, day of month, month, day of week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// Bit n of each is n on the clock or in the calendar; Sunday is 0.
    minutes: u64,
    hours: u64,
    days_of_month: u64,
    months: u64,
    days_of_week: u64,
    /// Are days of the month and days of the week both chosen? Then one of them is enough.
    either_day: bool,
    text: String,
}

/// One of the five fields.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
    /// What may be written, for messages.
    expected: &'static str,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field::new("a minute", 0..=59, &[], "0-59"),
    Field::new("an hour", 0..=23, &[], "0-23"),
    Field::new("a day of month", 1..=31, &[], "1-31"),
    Field::new("a month", 1..=12, &MONTHS, "1-12 or JAN-DEC"),
    Field::new("a day of week", 0..=6, &WEEKDAYS, "0-6 or SUN-SAT"),
];

/// Sunday, in a field whose 0 is Sunday as well.
const SUNDAY_AGAIN: u32 = 7;
const EXPECTED: &str =
    "expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`";
/// Names that other tools know, and what they stand for.
const DESCRIPTORS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Cron {
    /// Reads `minute hour day-of-month month day-of-week`: each `*`, `?`, a number, a name, a range
    /// `1-5`, a step `*/15`, `10-30/5` or `10/5` (from 10 on), or a list of those with commas.
    ///
    /// Where day of month and day of week are both chosen, a day that is one of them counts; `*`,
    /// `?` and `*/1` do not choose, `*/2` does.
    ///
    /// # Errors
    /// Not five fields, a field that is not understood or out of its range, or a day that no month
    /// of the schedule has.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
            return Err(not_five(text, &fields));
        };
        if fields.iter().any(|field| field.contains('=')) {
            return Err(not_five(text, &fields));
        }
        let whole = |message: String| format!("the schedule {}: {message}", shown(text));
        let read = |index: usize, field: &str| FIELDS[index].parse(field).map_err(whole);
        let (minutes, _) = read(0, minute)?;
        let (hours, _) = read(1, hour)?;
        let (days_of_month, any_day_of_month) = read(2, day_of_month)?;
        let (months, _) = read(3, month)?;
        let (days_of_week, any_day_of_week) = read(4, day_of_week)?;
        let either_day = !any_day_of_month && !any_day_of_week;
        let cron = Self {
            minutes,
            hours,
            days_of_month,
            months,
            days_of_week,
            either_day,
            text: fields.join(" "),
        };
        if !either_day && !cron.has_a_day() {
            return Err(format!(
                "the schedule {} never comes: no month of it has such a day",
                shown(text)
            ));
        }
        Ok(cron)
    }

    /// Is there a day of the month that a month of the schedule has? February has 29 at times.
    fn has_a_day(&self) -> bool {
        (1..=12)
            .filter(|month| has(self.months, *month))
            .any(|month| {
                let longest = match month {
                    2 => 29,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                (1..=longest).any(|day| has(self.days_of_month, day))
            })
    }

    /// Is it a day of the schedule?
    pub(super) fn has_day(&self, date: NaiveDate) -> bool {
        let of_month = has(self.days_of_month, date.day());
        let of_week = has(self.days_of_week, date.weekday().num_days_from_sunday());
        let day = if self.either_day {
            of_month || of_week
        } else {
            of_month && of_week
        };
        has(self.months, date.month()) && day
    }

    /// Returns the days of the schedule from `first` to `last`, both included, in order.
    pub(super) fn days(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> impl Iterator<Item = NaiveDate> {
        let mut next = Some(first);
        std::iter::from_fn(move || {
            loop {
                let day = next.filter(|day| *day <= last)?;
                if !has(self.months, day.month()) {
                    next = day
                        .with_day(1)
                        .and_then(|first| first.checked_add_months(Months::new(1)));
                    continue;
                }
                next = day.succ_opt();
                if self.has_day(day) {
                    return Some(day);
                }
            }
        })
    }

    /// Returns the last day of the schedule from `first` to `last`, both included.
    pub(super) fn last_day(&self, first: NaiveDate, last: NaiveDate) -> Option<NaiveDate> {
        let mut day = last;
        while day >= first {
            if has(self.months, day.month()) {
                if self.has_day(day) {
                    return Some(day);
                }
                day = day.pred_opt()?;
            } else {
                day = day.with_day(1)?.pred_opt()?;
            }
        }
        None
    }

    /// Returns the minutes after midnight at which it comes on each of its days, in order.
    pub(super) fn minutes(&self) -> impl Iterator<Item = u32> + '_ {
        (0..MINUTES_A_DAY)
            .filter(|minute| has(self.hours, minute / 60) && has(self.minutes, minute % 60))
    }

    /// Returns the last minute of its days that is `minute` or earlier.
    pub(super) fn last_minute(&self, minute: u32) -> Option<u32> {
        let last = |bits: u64, up_to: u32| {
            let below = bits & (u64::MAX >> (63 - up_to.min(63)));
            below.checked_ilog2()
        };
        let hour = minute / 60;
        if has(self.hours, hour)
            && let Some(found) = last(self.minutes, minute % 60)
        {
            return Some(hour * 60 + found);
        }
        let hour = last(self.hours, hour.checked_sub(1)?)?;
        Some(hour * 60 + last(self.minutes, 59)?)
    }
}

impl Field {
    const fn new(
        name: &'static str,
        range: RangeInclusive<u32>,
        names: &'static [&'static str],
        expected: &'static str,
    ) -> Self {
        Self {
            name,
            least: *range.start(),
            most: *range.end(),
            names,
            expected,
        }
    }

    /// Returns the numbers, and whether the field leaves the choice to others.
    fn parse(&self, text: &str) -> Result<(u64, bool), String> {
        let mut bits = 0;
        let mut any = false;
        for part in text.split(',') {
            let (more, all) = self.part(part)?;
            bits |= more;
            any |= all;
        }
        Ok((bits, any))
    }

    /// Reads one entry of a list.
    fn part(&self, part: &str) -> Result<(u64, bool), String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (first, last, all) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (self.least, self.most, true),
            Some((first, last)) => (self.number(first, part)?, self.number(last, part)?, false),
            None => {
                let first = self.number(range, part)?;
                let last = if step.is_some() {
                    first.max(self.most)
                } else {
                    first
                };
                (first, last, false)
            }
        };
        if last < first {
            let (start, end) = range.split_once('-').unwrap_or((range, range));
            return Err(format!(
                "{} ends before it starts; write {}",
                shown(part),
                shown(&format!("{start}-{},{}-{end}", self.most, self.least))
            ));
        }
        let step = match step {
            None => 1,
            Some(text) => plain_number(text)
                .filter(|step| *step > 0)
                .ok_or_else(|| format!("the step of {} is not a number from 1 on", shown(part)))?,
        };
        let numbers = (first..=last).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        let bits = numbers.fold(0, |bits, number| bits | 1_u64 << self.canonical(number));
        Ok((bits, all && step == 1))
    }

    fn number(&self, text: &str, part: &str) -> Result<u32, String> {
        let wanted = text.to_ascii_lowercase();
        let named = self.names.iter().zip(self.least..);
        let mut named = named.filter(|(name, _)| **name == wanted);
        let most = self
            .most
            .max(if self.is_weekday() { SUNDAY_AGAIN } else { 0 });
        named
            .next()
            .map(|(_, number)| number)
            .or_else(|| plain_number(text).filter(|number| (self.least..=most).contains(number)))
            .ok_or_else(|| {
                let whole = if text == part {
                    String::new()
                } else {
                    format!(" of {}", shown(part))
                };
                format!(
                    "{}{whole} is not {}; expected {}",
                    shown(text),
                    self.name,
                    self.expected
                )
            })
    }

    fn is_weekday(&self) -> bool {
        self.names.len() == WEEKDAYS.len()
    }

    fn canonical(&self, number: u32) -> u32 {
        if self.is_weekday() {
            number % SUNDAY_AGAIN
        } else {
            number
        }
    }
}

fn has(bits: u64, number: u32) -> bool {
    bits >> number & 1 == 1
}

/// A number of one to four digits, without a sign.
fn plain_number(text: &str) -> Option<u32> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn not_five(text: &str, fields: &[&str]) -> String {
    let written = shown(text);
    let first = fields.first().copied().unwrap_or_default();
    if let Some((name, meaning)) = DESCRIPTORS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(first))
    {
        return format!("the schedule {written} is a short name; for `{name}` write `{meaning}`");
    }
    if fields.iter().any(|field| field.contains('=')) {
        return format!(
            "the schedule {written} names a time zone or a variable; write the zone as `timezone`"
        );
    }
    match fields.len() {
        6 => format!(
            "the schedule {written} has 6 fields; {EXPECTED}; seconds and years are left out"
        ),
        1 => format!("the schedule {written} has 1 field; {EXPECTED}"),
        count => format!("the schedule {written} has {count} fields; {EXPECTED}"),
    }
}

/// As it was written, with one space between the fields.
impl fmt::Display for Cron {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
