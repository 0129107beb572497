//! Which days: weekdays and dates, read as people write them.

use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};

use super::DateRule;
use crate::policy::wording::shown;

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];
const DAY_NAMES: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Days on a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayRule {
    /// Weekdays, Monday first.
    Weekly([bool; 7]),
    /// A range of dates, both ends included.
    Dates {
        /// First date.
        from: NaiveDate,
        /// Last date.
        to: NaiveDate,
    },
    /// A date of each year.
    Rule(DateRule),
}

impl DayRule {
    /// Every day.
    pub const EVERY_DAY: Self = Self::Weekly([true; 7]);

    pub(super) fn contains(&self, date: NaiveDate) -> bool {
        match self {
            Self::Weekly(days) => days[date.weekday().num_days_from_monday() as usize],
            Self::Dates { from, to } => (*from..=*to).contains(&date),
            Self::Rule(rule) => rule.contains(date),
        }
    }

    /// Returns the days from `first` to `last`, both included, in order.
    pub(super) fn dates(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Box<dyn Iterator<Item = NaiveDate> + '_> {
        let between = |first: NaiveDate, last: NaiveDate| {
            let days = first.iter_days();
            days.take_while(move |day| *day <= last)
        };
        match self {
            Self::Weekly(_) => Box::new(between(first, last).filter(|day| self.contains(*day))),
            Self::Dates { from, to } => Box::new(between(first.max(*from), last.min(*to))),
            Self::Rule(rule) => Box::new(rule.dates(first, last)),
        }
    }
}

/// Longer texts are like no weekday's name.
const LONGEST_DAY_NAME: usize = 20;

/// Reads a weekday: `Mon` or `Monday`, in any case.
///
/// # Errors
/// Not a weekday; the message names the nearest.
pub fn parse_weekday(text: &str) -> Result<Weekday, String> {
    let wanted = text.trim();
    let found = DAY_NAMES.iter().position(|name| {
        name.eq_ignore_ascii_case(wanted) || name[..3].eq_ignore_ascii_case(wanted)
    });
    if let Some(index) = found {
        return Ok(WEEK[index]);
    }
    let shown = shown(text);
    if wanted.contains(['-', ',', ' ', '–']) {
        return Err(format!(
            "{shown} is not one weekday; list each day by itself: [Mon, Tue, Wed]"
        ));
    }
    Err(match nearest_day(wanted) {
        Some(near) => format!("unknown weekday {shown}; did you mean `{near}`?"),
        None => format!("unknown weekday {shown}; known: {}", DAY_NAMES.join(", ")),
    })
}

fn nearest_day(wanted: &str) -> Option<&'static str> {
    let wanted = wanted.to_lowercase();
    if wanted.chars().count() > LONGEST_DAY_NAME {
        return None;
    }
    DAY_NAMES
        .iter()
        .flat_map(|name| [*name, &name[..3]])
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// Reads a calendar date, `YYYY-MM-DD`, in the years 2000 to 2199.
///
/// # Errors
/// Another form, a date that no calendar has, or a year that can only be a slip.
pub fn parse_date(text: &str) -> Result<NaiveDate, String> {
    let shown = shown(text);
    let form = || format!("{shown} is not a date; expected YYYY-MM-DD, such as 2025-12-25");
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return Err(form());
    };
    let number = |text: &str, digits: usize| {
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| plain)
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return Err(form());
    };
    if !(2000..=2199).contains(&year) {
        return Err(format!("{shown} is not in the years 2000 to 2199"));
    }
    let date = |day| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day);
    date(day).ok_or_else(|| match (28..=31).rev().find_map(date) {
        Some(last) if day > 0 => format!(
            "{shown} does not exist: {} has {} days",
            last.format("%B %Y"),
            last.day()
        ),
        None if day > 0 => format!("{shown} does not exist: there is no month {month:02}"),
        _ => form(),
    })
}

/// `Mon-Thu`, `2025-12-25`, `2025-12-20 to 2026-01-02`, `last Monday of May`.
impl fmt::Display for DayRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weekly(days) => formatter.write_str(&weekdays(days)),
            Self::Dates { from, to } if from == to => write!(formatter, "{from}"),
            Self::Dates { from, to } => write!(formatter, "{from} to {to}"),
            Self::Rule(rule) => rule.fmt(formatter),
        }
    }
}

fn weekdays(days: &[bool; 7]) -> String {
    if days.iter().all(|day| *day) {
        return "every day".to_owned();
    }
    let short = |index: usize| &DAY_NAMES[index][..3];
    let mut runs = Vec::new();
    let mut first = 0;
    while first < 7 {
        let length = days[first..].iter().take_while(|day| **day).count();
        let last = first + length.saturating_sub(1);
        match length {
            0 => {}
            1 => runs.push(short(first).to_owned()),
            2 => runs.push(format!("{}, {}", short(first), short(last))),
            _ => runs.push(format!("{}-{}", short(first), short(last))),
        }
        first += length.max(1);
    }
    runs.join(", ")
}
