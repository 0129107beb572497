//! Once: from one moment to another, on the clock on the wall or as exact instants.

use std::fmt;

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::{
    Span,
    hours::{MINUTES_A_DAY, parse_time},
    parse_date,
};
use crate::policy::{intervals::Interval, wording::shown, zone::Zone};

const EXPECTED: &str = "expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact \
                        instant such as `2026-11-25T18:00:00-05:00`";

/// A moment as it is written in a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// What the clock on the wall shows.
    Wall(NaiveDateTime),
    /// An instant, whatever clock hangs there.
    Exact(DateTime<Utc>),
}

/// A span that comes once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    span: Span,
    /// Is the span in universal time, and not on the clock of a zone?
    exact: bool,
}

impl Bound {
    /// Reads a start: `YYYY-MM-DD HH:MM` (also with `T`, and with seconds) on the clock of the zone,
    /// `YYYY-MM-DD` as the midnight that begins it, or RFC 3339 with an offset.
    ///
    /// # Errors
    /// Another form, or a date or time that does not exist.
    pub fn start(text: &str) -> Result<Self, String> {
        let moment = Self::parse(text)?;
        if let Self::Wall(_) = moment
            && text.trim().get(11..13) == Some("24")
        {
            return Err(format!(
                "{} starts at 24:00, which is only an end; write 00:00 of the next day",
                shown(text)
            ));
        }
        Ok(moment)
    }

    /// Reads an end: as [`Bound::start`], but `24:00` is the end of the day, and a date alone is the
    /// end of that date, which is therefore included.
    ///
    /// # Errors
    /// As [`Bound::start`].
    pub fn end(text: &str) -> Result<Self, String> {
        let moment = Self::parse(text)?;
        match moment {
            Self::Wall(midnight) if date_alone(text) => Ok(Self::Wall(midnight + Days::new(1))),
            _ => Ok(moment),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let form = || format!("{} is not a moment; {EXPECTED}", shown(text));
        let date = text.get(..10).ok_or_else(form)?;
        let date = parse_date(date).map_err(|message| match date.parse::<f64>() {
            Err(_) if date.bytes().filter(|byte| *byte == b'-').count() == 2 => message,
            _ => form(),
        })?;
        if date_alone(text) {
            return Ok(Self::Wall(date.and_time(NaiveTime::MIN)));
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Exact(instant.to_utc()));
        }
        let time = text[10..].strip_prefix(['T', 't', ' ']).ok_or_else(form)?;
        let (minutes, seconds) = match time.match_indices(':').nth(1) {
            Some((second_colon, _)) => (&time[..second_colon], Some(&time[second_colon + 1..])),
            None => (time, None),
        };
        let minutes = parse_time(minutes).map_err(|_| form())?;
        let seconds = seconds.map_or(Some(0), two_digits).ok_or_else(form)?;
        if minutes == MINUTES_A_DAY && seconds > 0 {
            return Err(form());
        }
        let since_midnight = i64::from(minutes) * 60 + i64::from(seconds);
        Ok(Self::Wall(
            date.and_time(NaiveTime::MIN) + TimeDelta::seconds(since_midnight),
        ))
    }
}

fn date_alone(text: &str) -> bool {
    text.trim().len() == 10
}

fn two_digits(text: &str) -> Option<u32> {
    let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| plain && *seconds < 60)
}

impl Once {
    /// Puts a start and an end together.
    ///
    /// # Errors
    /// The end is not after the start, or only one of them is an exact instant.
    pub fn new(start: Bound, end: Bound) -> Result<Self, String> {
        let (span, exact) = match (start, end) {
            (Bound::Wall(start), Bound::Wall(end)) => (Span { start, end }, false),
            (Bound::Exact(start), Bound::Exact(end)) => {
                let (start, end) = (start.naive_utc(), end.naive_utc());
                (Span { start, end }, true)
            }
            _ => {
                return Err(
                    "one of `from` and `to` has an offset and the other has none; write \
                            both in the same way"
                        .to_owned(),
                );
            }
        };
        if span.end <= span.start {
            return Err("`to` is not after `from`".to_owned());
        }
        Ok(Self { span, exact })
    }

    /// Is it made of exact instants, so that no clock has a say?
    pub fn is_exact(self) -> bool {
        self.exact
    }

    /// Returns it as one piece of time, from the first instant that its start can mean on the clock
    /// of a zone to the last that its end can: what goes on over a change of the clock has no hole
    /// where an hour is repeated. None if a change skips all of it.
    pub(super) fn interval(self, zone: &Zone) -> Option<Interval> {
        let Span { start, end } = self.span;
        if self.exact {
            return Some(Interval {
                start: start.and_utc(),
                end: end.and_utc(),
            });
        }
        let (start, _) = zone.widest(start)?;
        // The end itself is outside: what counts is the last second before it.
        let second = TimeDelta::seconds(1);
        let inside = end - second;
        let skipped = zone.instants(inside).is_empty();
        let (change, last) = zone.widest(inside)?;
        let end = if skipped { change } else { last + second };
        (start < end).then_some(Interval { start, end })
    }

    /// Writes it as the clock of a zone shows it: `2026-11-25 18:00 to 2026-11-26 06:00`, and whole
    /// days by their dates.
    pub(super) fn write(self, formatter: &mut fmt::Formatter<'_>, zone: &Zone) -> fmt::Result {
        let wall = |moment: NaiveDateTime| {
            if self.exact {
                zone.local(moment.and_utc())
            } else {
                moment
            }
        };
        let (start, end) = (wall(self.span.start), wall(self.span.end));
        let midnight = |moment: NaiveDateTime| moment.time() == NaiveTime::MIN;
        if midnight(start) && midnight(end) {
            let (first, last) = (start.date(), (end - TimeDelta::seconds(1)).date());
            return if first == last {
                write!(formatter, "{first}")
            } else {
                write!(formatter, "{first} to {last}")
            };
        }
        let offset = |moment: NaiveDateTime| zone.at(moment.and_utc()).format("%:z").to_string();
        let offsets = self
            .exact
            .then(|| (offset(self.span.start), offset(self.span.end)));
        // Only then can the same time on the clock be two instants.
        let (from, to) = offsets.filter(|(from, to)| from != to).unwrap_or_default();
        write!(formatter, "{}{from} to {}{to}", minute(start), minute(end))
    }
}

/// Seconds only where there are any.
fn minute(moment: NaiveDateTime) -> String {
    let form = if moment.and_utc().timestamp() % 60 == 0 {
        "%Y-%m-%d %H:%M"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    moment.format(form).to_string()
}
