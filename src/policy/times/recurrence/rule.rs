//! RFC 5545 recurrence rules, read strictly: what two programs would count differently is refused.

use std::fmt;

use chrono::Weekday;
use rrule::{Frequency, NWeekday, RRule, Unvalidated};

use super::moment::{Clock, Moment};
use crate::policy::wording::shown;

/// Longest rule, in bytes.
const LONGEST_RULE: usize = 500;
/// Most periods between two occurrences.
const LARGEST_INTERVAL: u16 = 1_000;
/// Largest COUNT: ten years of days.
const LARGEST_COUNT: u32 = 3_660;
/// Most occurrences on one day.
const MOST_ON_A_DAY: usize = 24;

/// What ends a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Never,
    /// The last occurrence, in the words of the rule.
    Until(Moment),
    Count(u32),
}

/// A recurrence rule without the start it counts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    text: String,
    pub(super) frequency: Frequency,
    pub(super) interval: u16,
    pub(super) week_start: Weekday,
    pub(super) end: End,
    has_time: bool,
    pub(super) names_month: bool,
    pub(super) names_day: bool,
    pub(super) parts: RRule<Unvalidated>,
    times_a_day: usize,
}

impl Rule {
    /// Reads a rule such as `FREQ=WEEKLY;BYDAY=MO,TU`, with or without `RRULE:` before it.
    ///
    /// # Errors
    /// No rule, one that means different things to different programs, or one that is too fine; the
    /// message names the part.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written = text.trim();
        let written = match written.get(..6) {
            Some(prefix) if prefix.eq_ignore_ascii_case("RRULE:") => &written[6..],
            _ => written,
        };
        if written.len() > LONGEST_RULE {
            return Err(format!(
                "the rule is longer than the limit of {LONGEST_RULE} bytes"
            ));
        }
        // Some programs end the list as they separate it.
        let written = written.strip_suffix(';').unwrap_or(written);
        let mut parts: Vec<(String, &str)> = Vec::new();
        for part in written.split(';') {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                format!(
                    "{} is no part of a rule; expected KEY=VALUE, such as FREQ=WEEKLY",
                    shown(part)
                )
            })?;
            let key = key.trim().to_ascii_uppercase();
            if parts.iter().any(|(known, _)| *known == key) {
                return Err(format!("{} is there twice", shown(&key)));
            }
            parts.push((key, value.trim()));
        }
        Self::of_parts(written, &parts)
    }

    fn of_parts(text: &str, parts: &[(String, &str)]) -> Result<Self, String> {
        let value = |wanted: &str| {
            let found = parts.iter().find(|(key, _)| key == wanted);
            found.map(|(_, value)| *value)
        };
        let frequency = frequency(value("FREQ"))?;
        let mut rule = Self {
            text: text.to_ascii_uppercase(),
            frequency,
            interval: 1,
            week_start: Weekday::Mon,
            end: End::Never,
            has_time: false,
            names_month: value("BYMONTH").is_some(),
            names_day: ["BYMONTHDAY", "BYYEARDAY", "BYDAY"]
                .iter()
                .any(|key| value(key).is_some()),
            parts: RRule::new(frequency),
            times_a_day: 1,
        };
        for (key, value) in parts {
            rule.take(key, value)?;
        }
        let by_week = value("BYWEEKNO").is_some();
        let by_day = value("BYDAY").unwrap_or("");
        rule.combinations(value("BYSETPOS").is_some(), by_week, by_day, parts)?;
        rule.parts = rule
            .parts
            .interval(rule.interval)
            .week_start(rule.week_start);
        Ok(rule)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let parts = self.parts.clone();
        let yearly = self.frequency == Frequency::Yearly;
        self.parts = match key {
            "FREQ" => parts,
            "INTERVAL" => {
                self.interval = number(key, value, 1, i64::from(LARGEST_INTERVAL))?;
                parts
            }
            "COUNT" => {
                self.end_once(End::Count(number(key, value, 1, i64::from(LARGEST_COUNT))?))?;
                parts
            }
            "UNTIL" => {
                let moment = Moment::parse(value).map_err(|problem| format!("UNTIL: {problem}"))?;
                if let Clock::Named(zone) = &moment.clock {
                    return Err(format!(
                        "UNTIL: found the zone {}, expected none",
                        shown(zone)
                    ));
                }
                self.end_once(End::Until(moment))?;
                parts
            }
            "WKST" => {
                self.week_start = weekday(value)
                    .ok_or_else(|| format!("WKST: {} is no weekday such as MO", shown(value)))?;
                parts
            }
            "BYMONTH" => {
                let months: Vec<u8> = numbers(key, value, 1, 12, false)?;
                let months: Vec<chrono::Month> = months
                    .into_iter()
                    .filter_map(|month| chrono::Month::try_from(month).ok())
                    .collect();
                parts.by_month(&months)
            }
            "BYMONTHDAY" if self.frequency != Frequency::Weekly => {
                parts.by_month_day(numbers(key, value, 1, 31, true)?)
            }
            "BYYEARDAY" if yearly => parts.by_year_day(numbers(key, value, 1, 366, true)?),
            "BYWEEKNO" if yearly => parts.by_week_no(numbers(key, value, 1, 53, true)?),
            "BYMONTHDAY" | "BYYEARDAY" | "BYWEEKNO" => {
                return Err(format!("{key} does not go with FREQ={}", self.frequency));
            }
            "BYDAY" => parts.by_weekday(self.days(value)?),
            "BYSETPOS" => parts.by_set_pos(numbers(key, value, 1, 366, true)?),
            "BYHOUR" => parts.by_hour(self.time(key, value, 23)?),
            "BYMINUTE" => parts.by_minute(self.time(key, value, 59)?),
            "BYSECOND" => parts.by_second(self.time(key, value, 59)?),
            _ => {
                return Err(format!(
                    "unknown part {}; known: FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, \
                     BYYEARDAY, BYMONTHDAY, BYDAY, BYSETPOS, BYHOUR, BYMINUTE, BYSECOND",
                    shown(key)
                ));
            }
        };
        Ok(())
    }

    fn end_once(&mut self, end: End) -> Result<(), String> {
        if self.end != End::Never {
            return Err("COUNT and UNTIL do not go together; keep one".to_owned());
        }
        self.end = end;
        Ok(())
    }

    fn time(&mut self, key: &str, value: &str, largest: i64) -> Result<Vec<u8>, String> {
        let times: Vec<u8> = numbers(key, value, 0, largest, false)?;
        self.has_time = true;
        self.times_a_day = self.times_a_day.saturating_mul(times.len());
        if self.times_a_day > MOST_ON_A_DAY {
            return Err(format!(
                "{} times a day are more than the limit of {MOST_ON_A_DAY}",
                self.times_a_day
            ));
        }
        Ok(times)
    }

    fn days(&self, value: &str) -> Result<Vec<NWeekday>, String> {
        let largest = match self.frequency {
            Frequency::Monthly => 5,
            Frequency::Yearly if self.names_month => 5,
            Frequency::Yearly => 53,
            _ => 0,
        };
        value
            .split(',')
            .map(|day| {
                let wrong = || format!("BYDAY: {} is no day such as MO, 2TU or -1FR", shown(day));
                let day = day.trim();
                let split = day
                    .len()
                    .checked_sub(2)
                    .filter(|at| day.is_char_boundary(*at));
                let (ordinal, name) = day.split_at(split.ok_or_else(wrong)?);
                let weekday = weekday(name).ok_or_else(wrong)?;
                if ordinal.is_empty() {
                    return Ok(NWeekday::Every(weekday));
                }
                if largest == 0 {
                    return Err(format!(
                        "BYDAY: {} counts days of a month or year, and FREQ={} has none",
                        shown(day),
                        self.frequency
                    ));
                }
                let ordinal = read(ordinal, 1, largest, true).ok_or_else(wrong)?;
                let ordinal = i16::try_from(ordinal).map_err(|_| wrong())?;
                Ok(NWeekday::Nth(ordinal, weekday))
            })
            .collect()
    }

    /// Refuses what the parts by themselves allow and programs read in different ways.
    fn combinations(
        &self,
        picks: bool,
        by_week: bool,
        by_day: &str,
        parts: &[(String, &str)],
    ) -> Result<(), String> {
        let counted = |day: &str| day.trim().len() > 2;
        if by_day.split(',').any(counted) && !by_day.split(',').all(counted) {
            return Err(
                "BYDAY: days with and without a number do not go together; write two rules"
                    .to_owned(),
            );
        }
        if by_week && by_day.split(',').any(counted) {
            return Err("BYDAY: days with a number do not go with BYWEEKNO".to_owned());
        }
        if by_week && by_day.is_empty() {
            return Err(
                "BYWEEKNO needs BYDAY: programs do not agree which days of the week are meant"
                    .to_owned(),
            );
        }
        let other = |(key, _): &(String, &str)| key.starts_with("BY") && key != "BYSETPOS";
        if picks && !parts.iter().any(other) {
            return Err(
                "BYSETPOS picks from another part such as BYDAY, and there is none".to_owned(),
            );
        }
        Ok(())
    }

    /// Says why the rule means nothing without a start, if it does.
    pub fn needs_start(&self) -> Option<&'static str> {
        let no_day = !self.names_day;
        match (&self.end, self.frequency) {
            (End::Count(_), _) => Some("COUNT counts from a start"),
            _ if self.interval > 1 => Some("INTERVAL counts from a start"),
            (_, Frequency::Yearly) if no_day => Some("FREQ=YEARLY without a day repeats its start"),
            (_, Frequency::Monthly) if no_day => {
                Some("FREQ=MONTHLY without a day repeats the day of its start")
            }
            (_, Frequency::Weekly) if no_day => {
                Some("FREQ=WEEKLY without BYDAY repeats the weekday of its start")
            }
            _ => None,
        }
    }

    /// Returns UNTIL, the last moment at which an occurrence may start.
    pub fn until(&self) -> Option<&Moment> {
        match &self.end {
            End::Until(moment) => Some(moment),
            End::Never | End::Count(_) => None,
        }
    }

    /// Does it say at what time of day?
    pub fn has_time(&self) -> bool {
        self.has_time
    }

    /// How many occurrences a day can have at most.
    pub fn times_a_day(&self) -> usize {
        self.times_a_day
    }
}

/// As it is written, in capitals.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn frequency(value: Option<&str>) -> Result<Frequency, String> {
    let value = value.ok_or("the rule has no FREQ; expected one such as FREQ=WEEKLY")?;
    match value.to_ascii_uppercase().as_str() {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        fine @ ("HOURLY" | "MINUTELY" | "SECONDLY") => Err(format!(
            "FREQ={fine} is not supported: across daylight saving it means different things to \
             different programs; write FREQ=DAILY with BYHOUR"
        )),
        _ => Err(format!(
            "unknown FREQ {}; known: DAILY, WEEKLY, MONTHLY, YEARLY",
            shown(value)
        )),
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    match name.to_ascii_uppercase().as_str() {
        "MO" => Some(Weekday::Mon),
        "TU" => Some(Weekday::Tue),
        "WE" => Some(Weekday::Wed),
        "TH" => Some(Weekday::Thu),
        "FR" => Some(Weekday::Fri),
        "SA" => Some(Weekday::Sat),
        "SU" => Some(Weekday::Sun),
        _ => None,
    }
}

/// Reads `12`; where `signed`, `-12` and `+12` too. Zero only where it is the smallest.
fn read(text: &str, smallest: i64, largest: i64, signed: bool) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' if signed => (-1, &text[1..]),
        b'+' if signed => (1, &text[1..]),
        _ => (1, text),
    };
    let plain = (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = digits.parse().ok().filter(|_| plain)?;
    (smallest..=largest)
        .contains(&number)
        .then_some(sign * number)
}

fn number<T: TryFrom<i64>>(
    key: &str,
    text: &str,
    smallest: i64,
    largest: i64,
) -> Result<T, String> {
    let number = read(text, smallest, largest, false);
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| {
        format!(
            "{key}: {} is no number from {smallest} to {largest}",
            shown(text)
        )
    })
}

fn numbers<T: TryFrom<i64>>(
    key: &str,
    list: &str,
    smallest: i64,
    largest: i64,
    signed: bool,
) -> Result<Vec<T>, String> {
    let one = |text: &str| {
        let text = text.trim();
        let number = read(text, smallest, largest, signed);
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| {
            let or_negative = if signed {
                ", or that many from the end"
            } else {
                ""
            };
            format!(
                "{key}: {} is no number from {smallest} to {largest}{or_negative}",
                shown(text)
            )
        })
    };
    list.split(',').map(one).collect()
}
