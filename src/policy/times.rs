//! Recurring times on the clock of a zone: which days, from when to when. Windows and dates alike.

use std::fmt;

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc,
    Weekday,
};

use super::{wording::shown, zone::Zone};

const MINUTES_A_DAY: u32 = 24 * 60;
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
}

impl DayRule {
    /// Every day.
    pub const EVERY_DAY: Self = Self::Weekly([true; 7]);

    fn contains(&self, date: NaiveDate) -> bool {
        match self {
            Self::Weekly(days) => days[date.weekday().num_days_from_monday() as usize],
            Self::Dates { from, to } => (*from..=*to).contains(&date),
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

    fn crosses_midnight(self) -> bool {
        self.end < self.start
    }
}

fn parse_time(text: &str) -> Result<u32, String> {
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

/// Days and hours on the clock of one zone.
///
/// An instant is inside if the clock on the wall of that zone says so. Both passes of an hour that
/// is repeated in autumn count; what spring skips opens at the first instant after the gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// The days on which it starts.
    pub days: DayRule,
    /// From when to when; the end is outside.
    pub hours: Hours,
    /// Whose clock.
    pub zone: Zone,
}

impl Times {
    /// Is the instant inside? The start is, the end is not.
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        let local = self.zone.local(instant);
        let today = local.date();
        let minute = local.time().num_seconds_from_midnight() / 60;
        let Hours { start, end } = self.hours;
        if !self.hours.crosses_midnight() {
            return (start..end).contains(&minute) && self.days.contains(today);
        }
        let since_today = minute >= start && self.days.contains(today);
        let since_yesterday = minute < end
            && today
                .pred_opt()
                .is_some_and(|yesterday| self.days.contains(yesterday));
        since_today || since_yesterday
    }

    /// Can an instant after `after` and up to `until` be inside?
    pub(super) fn touches(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let DayRule::Dates { from, to } = self.days else {
            return true;
        };
        let next_day = to.succ_opt().unwrap_or(to);
        self.zone.local(after).date() <= next_day && from <= self.zone.local(until).date()
    }

    /// Adds every instant after `after` and up to `until` at which [`Times::contains`] can change:
    /// starts and ends on the wall, both where the clock is put back over them, and every change of
    /// the zone's rules, which covers those that the clock is put forward over.
    pub(super) fn edges(
        &self,
        after: DateTime<Utc>,
        until: DateTime<Utc>,
        edges: &mut Vec<DateTime<Utc>>,
    ) {
        edges.extend(self.zone.transitions(after, until));
        let around = |instant| self.zone.local(instant).date();
        let mut first = around(after).checked_sub_days(Days::new(2));
        let mut last = around(until);
        if let DayRule::Dates { from, to } = self.days {
            first = first.max(Some(from));
            last = last.min(to);
        }
        let days = first.unwrap_or(NaiveDate::MIN).iter_days();
        for day in days.take_while(|day| *day <= last) {
            if self.days.contains(day) {
                let ends = self.walls(day).into_iter().flatten();
                let instants = ends.flat_map(|wall| self.zone.instants(wall));
                edges.extend(instants.filter(|edge| *edge > after && *edge <= until));
            }
        }
    }

    /// Returns what the clock on the wall shows at the start and the end of the span of one day.
    fn walls(&self, day: NaiveDate) -> [Option<NaiveDateTime>; 2] {
        let next_day = u32::from(self.hours.crosses_midnight()) * MINUTES_A_DAY;
        [self.hours.start, self.hours.end + next_day].map(|minutes| {
            let midnight = day.and_time(NaiveTime::MIN);
            midnight.checked_add_signed(TimeDelta::minutes(i64::from(minutes)))
        })
    }
}

/// Days and hours without the zone: `Mon-Thu 02:00-06:00`, `2025-12-25`, `Sat, Sun`.
impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.days {
            DayRule::Weekly(days) => formatter.write_str(&weekdays(days))?,
            DayRule::Dates { from, to } if from == to => write!(formatter, "{from}")?,
            DayRule::Dates { from, to } => write!(formatter, "{from} to {to}")?,
        }
        if self.hours == Hours::WHOLE_DAY {
            return Ok(());
        }
        write!(formatter, " {}", self.hours)
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
