//! A date that comes every year by a rule: `4th Thursday of November + 1 day`, `Easter - 2 days`.

use std::fmt;

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};

use super::parse_weekday;
use crate::policy::wording::shown;

/// A rule that gives at most one date for each year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRule {
    base: Base,
    /// Days after the base; before it if negative.
    offset: i64,
    /// Does a Saturday move to the Friday before, and a Sunday to the Monday after?
    observed: bool,
    text: String,
}

/// What a rule counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    /// The same day each year; 29 February only in leap years.
    Fixed { month: u32, day: u32 },
    /// The first to fifth such weekday of a month; some months have no fifth.
    Nth {
        ordinal: u8,
        weekday: Weekday,
        month: u32,
    },
    /// The last such weekday of a month.
    Last { weekday: Weekday, month: u32 },
    /// Easter Sunday of the Western churches.
    Easter,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const ORDINALS: [(&str, &str); 5] = [
    ("1st", "first"),
    ("2nd", "second"),
    ("3rd", "third"),
    ("4th", "fourth"),
    ("5th", "fifth"),
];
/// Longest offset in days: what began in one year ends in the next one at the latest.
const LONGEST_OFFSET: i64 = 99;
const EXPECTED: &str = "expected such as `4th Thursday of November + 1 day`, `last Monday of May`, \
                        `December 25 observed` or `Easter - 2 days`";

impl DateRule {
    /// Reads a rule: `1st` to `5th`, `first` to `fifth` or `last` weekday `of` a month; a month and a
    /// day in either order; or `Easter`. Then, if wanted, `+` or `-` a number of `days` or `weeks`
    /// (at most 99 days), and `observed`, by which a Saturday moves to the Friday before and a Sunday
    /// to the Monday after. Upper and lower case are the same.
    ///
    /// # Errors
    /// A word that is not understood, or a day that the month never has.
    pub fn parse(text: &str) -> Result<Self, String> {
        let spaced = text.replace('+', " + ").replace('-', " - ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let refuse = |why: String| format!("the rule {}: {why}; {EXPECTED}", shown(text));
        let mut reader = Words { words: &words };
        let base = reader.base().map_err(refuse)?;
        let offset = reader.offset().map_err(refuse)?;
        let observed = reader.take("observed");
        if let Some(extra) = reader.words.first() {
            return Err(refuse(format!("{} is not understood", shown(extra))));
        }
        Ok(Self {
            base,
            offset,
            observed,
            text: words.join(" "),
        })
    }

    /// Returns the date for a year: the year is the one of `December 25`, `Easter` and so on, so an
    /// offset or `observed` can move the date into a neighbouring year. None in years that have no
    /// such day, as most have no 29 February.
    pub fn date_for(&self, year: i32) -> Option<NaiveDate> {
        let base = match self.base {
            Base::Fixed { month, day } => NaiveDate::from_ymd_opt(year, month, day),
            Base::Nth {
                ordinal,
                weekday,
                month,
            } => NaiveDate::from_weekday_of_month_opt(year, month, weekday, ordinal),
            Base::Last { weekday, month } => (4..=5).rev().find_map(|ordinal| {
                NaiveDate::from_weekday_of_month_opt(year, month, weekday, ordinal)
            }),
            Base::Easter => easter(year),
        };
        let date = base?.checked_add_signed(TimeDelta::days(self.offset))?;
        match date.weekday() {
            Weekday::Sat if self.observed => date.checked_sub_days(Days::new(1)),
            Weekday::Sun if self.observed => date.checked_add_days(Days::new(1)),
            _ => Some(date),
        }
    }

    pub(super) fn contains(&self, date: NaiveDate) -> bool {
        self.dates(date, date).next().is_some()
    }

    /// Returns its dates from `first` to `last`, both included, in order.
    pub(super) fn dates(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> impl Iterator<Item = NaiveDate> {
        // Moved dates are less than a year away from their own.
        let years = first.year().saturating_sub(1)..=last.year().saturating_add(1);
        years
            .filter_map(|year| self.date_for(year))
            .filter(move |date| (first..=last).contains(date))
    }
}

/// The words of a rule that are still to be read.
struct Words<'a> {
    words: &'a [&'a str],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    /// Takes the next word if it is this one.
    fn take(&mut self, word: &str) -> bool {
        let is_next = self
            .words
            .first()
            .is_some_and(|next| next.eq_ignore_ascii_case(word));
        if is_next {
            self.next();
        }
        is_next
    }

    fn base(&mut self) -> Result<Base, String> {
        let Some(word) = self.next() else {
            return Err("there is nothing".to_owned());
        };
        if word.eq_ignore_ascii_case("Easter") {
            return Ok(Base::Easter);
        }
        if word.eq_ignore_ascii_case("last") {
            let (weekday, month) = self.weekday_of_month(word)?;
            return Ok(Base::Last { weekday, month });
        }
        if let Some(month) = month(word) {
            let number = self.next();
            let Some(day) = number.and_then(day_of_month) else {
                return Err(match number {
                    Some(other) => format!("{} is not a day of {}", shown(other), name(month)),
                    None => format!("there is no day of {}", name(month)),
                });
            };
            return fixed(month, day);
        }
        let next_month = self
            .words
            .iter()
            .find(|word| !word.eq_ignore_ascii_case("of"));
        if let (Some(day), Some(month)) = (day_of_month(word), next_month.and_then(|it| month(it)))
        {
            self.take("of");
            self.next();
            return fixed(month, day);
        }
        if let Some(ordinal) = ordinal(word) {
            let (weekday, month) = self.weekday_of_month(word)?;
            return Ok(Base::Nth {
                ordinal,
                weekday,
                month,
            });
        }
        Err(not_understood(word))
    }

    /// Reads `Thursday of November`.
    fn weekday_of_month(&mut self, after: &str) -> Result<(Weekday, u32), String> {
        let missing =
            |what: &str, after: &str| format!("there is no {what} after {}", shown(after));
        let day = self.next().ok_or_else(|| missing("weekday", after))?;
        let weekday = parse_weekday(day)?;
        if !self.take("of") {
            return Err(missing("`of` and month", day));
        }
        let word = self.next().ok_or_else(|| missing("month", "of"))?;
        let month = month(word).ok_or_else(|| not_a_month(word))?;
        Ok((weekday, month))
    }

    /// Reads `+ 1 day`, `- 2 weeks`; nothing is no offset.
    fn offset(&mut self) -> Result<i64, String> {
        let sign = if self.take("+") {
            1
        } else if self.take("-") {
            -1
        } else {
            return Ok(0);
        };
        let count = self.next().unwrap_or_default();
        let number = count.parse::<u8>().ok().map(i64::from);
        let number = number.ok_or_else(|| format!("{} is not a number of days", shown(count)))?;
        let unit = self.next().unwrap_or_default();
        let days = match unit.to_ascii_lowercase().as_str() {
            "day" | "days" => number,
            "week" | "weeks" => number * 7,
            _ => return Err(format!("{} is neither `days` nor `weeks`", shown(unit))),
        };
        if days > LONGEST_OFFSET {
            return Err(format!("{days} days are more than {LONGEST_OFFSET}"));
        }
        Ok(sign * days)
    }
}

fn fixed(month: u32, day: u32) -> Result<Base, String> {
    // A leap year has every day that any year has.
    match NaiveDate::from_ymd_opt(2024, month, day) {
        Some(_) => Ok(Base::Fixed { month, day }),
        None => Err(format!("{} has no day {day}", name(month))),
    }
}

/// Shortest beginning of a month's name that is read as the month.
const SHORTEST_MONTH: usize = 3;

fn month(word: &str) -> Option<u32> {
    let is = |name: &&str| {
        name.eq_ignore_ascii_case(word) || name[..SHORTEST_MONTH].eq_ignore_ascii_case(word)
    };
    let index = MONTHS.iter().position(is)?;
    u32::try_from(index + 1).ok()
}

fn name(month: u32) -> &'static str {
    MONTHS[(month as usize).clamp(1, MONTHS.len()) - 1]
}

/// `25`, and `25th` as it is spoken.
fn day_of_month(word: &str) -> Option<u32> {
    let digits = word
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(word.len());
    let (number, suffix) = word.split_at(digits);
    let suffix = suffix.to_ascii_lowercase();
    let number: u32 = number.parse().ok()?;
    let right = match (number % 10, number) {
        (1, 1 | 21 | 31) => "st",
        (2, 2 | 22) => "nd",
        (3, 3 | 23) => "rd",
        _ => "th",
    };
    ((1..=31).contains(&number) && (suffix.is_empty() || suffix == right)).then_some(number)
}

fn ordinal(word: &str) -> Option<u8> {
    let index = ORDINALS.iter().position(|(short, long)| {
        [short, long]
            .iter()
            .any(|name| name.eq_ignore_ascii_case(word))
    })?;
    u8::try_from(index + 1).ok()
}

fn not_understood(word: &str) -> String {
    match likest(
        word,
        &[
            "Easter", "last", "first", "second", "third", "fourth", "fifth",
        ],
    ) {
        Some(near) => format!("{} is not understood (did you mean `{near}`?)", shown(word)),
        None => not_a_month(word),
    }
}

fn not_a_month(word: &str) -> String {
    match likest(word, &MONTHS) {
        Some(near) => format!("{} is not a month (did you mean `{near}`?)", shown(word)),
        None => format!("{} is not understood", shown(word)),
    }
}

/// Longer words are like none of ours.
const LONGEST_WORD: usize = 20;

fn likest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    if word.chars().count() > LONGEST_WORD {
        return None;
    }
    let likeness = |name: &str| strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase());
    names
        .iter()
        .map(|name| (likeness(name), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// Returns Easter Sunday of the Western churches (Gregorian computus): the "anonymous" algorithm of
/// Nature, 20 April 1876, as Jean Meeus gives it in Astronomical Algorithms, chapter 8.
fn easter(year: i32) -> Option<NaiveDate> {
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let (leap_centuries, odd_centuries) = (century / 4, century % 4);
    let moon_shift = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - leap_centuries - moon_shift + 15) % 30;
    let (leap_years, odd_years) = (of_century / 4, of_century % 4);
    let to_sunday = (32 + 2 * odd_centuries + 2 * leap_years - epact - odd_years) % 7;
    let correction = (golden + 11 * epact + 22 * to_sunday) / 451;
    let days = epact + to_sunday - 7 * correction + 114;
    let (month, day) = (
        u32::try_from(days / 31).ok()?,
        u32::try_from(days % 31 + 1).ok()?,
    );
    NaiveDate::from_ymd_opt(year, month, day)
}

/// As it was written, with one space between the words.
impl fmt::Display for DateRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
