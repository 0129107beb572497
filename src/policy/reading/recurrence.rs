//! Recurrence rules of windows and blocked dates: a rule, what it counts from, how long it lasts.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::{Reader, SUGGESTIONS};
use crate::policy::{
    document::{BlockedDateFields, WindowDocument},
    times::{
        Hours, Length, Recurrence, Rule, Schedule,
        recurrence::{Clock, Moment},
    },
    wording::shown,
    zone::Zone,
};

/// The keys of a rule, wherever they are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuleKeys<'a> {
    rrule: Option<&'a String>,
    dtstart: Option<&'a String>,
    dtend: Option<&'a String>,
    duration: Option<&'a String>,
    hours: Option<&'a String>,
}

impl<'a> From<&'a WindowDocument> for RuleKeys<'a> {
    fn from(window: &'a WindowDocument) -> Self {
        Self {
            rrule: window.rrule.as_ref(),
            dtstart: window.dtstart.as_ref(),
            dtend: window.dtend.as_ref(),
            duration: window.duration.as_ref(),
            hours: window.hours.as_ref(),
        }
    }
}

impl<'a> From<&'a BlockedDateFields> for RuleKeys<'a> {
    fn from(date: &'a BlockedDateFields) -> Self {
        Self {
            rrule: date.rrule.as_ref(),
            dtstart: date.dtstart.as_ref(),
            dtend: None,
            duration: None,
            hours: date.hours.as_ref(),
        }
    }
}

/// The first occurrence: what a rule counts from, and how long each is.
struct First {
    start: NaiveDateTime,
    is_date: bool,
    length: Length,
}

impl Reader<'_> {
    /// Returns the zone that `dtstart` itself names, if it does; `own` is the one beside it.
    pub(super) fn zone_of_start(
        &mut self,
        keys: RuleKeys<'_>,
        own: Option<&str>,
        pointer: &str,
    ) -> Option<Zone> {
        let start = Moment::parse(keys.dtstart?).ok()?;
        let place = format!("{pointer}/dtstart");
        let zone = match start.clock {
            Clock::Utc => Some(Zone::utc()),
            Clock::Named(name) => self.zone_of(Some(&name), &place),
            Clock::Date | Clock::Floating => None,
        }?;
        if own.is_some_and(|own| Zone::find(own).as_ref() != Some(&zone)) {
            self.wrong(
                &place,
                &format!("`dtstart` is in {zone} and `timezone` is another; keep one of them"),
            );
        }
        Some(zone)
    }

    /// Reads a rule on the clock of a zone. Without a zone, which is a finding of its own, only what
    /// else is wrong is found.
    pub(super) fn recurrence(
        &mut self,
        keys: RuleKeys<'_>,
        pointer: &str,
        zone: Option<&Zone>,
    ) -> Option<Recurrence> {
        // Some rules take a while before it is clear that they never happen.
        if self.findings.len() >= SUGGESTIONS {
            return None;
        }
        let place = format!("{pointer}/rrule");
        let Some(rule) = keys.rrule else {
            let key = if keys.dtstart.is_some() {
                "dtstart"
            } else {
                "dtend"
            };
            self.wrong(
                &format!("{pointer}/{key}"),
                &format!("`{key}` goes with `rrule`, and there is none"),
            );
            return None;
        };
        let rule = self.take(Rule::parse(rule), &place);
        let utc = Zone::utc();
        let clock = zone.unwrap_or(&utc);
        let first = match keys.dtstart {
            Some(_) => self.first(keys, pointer, clock),
            None => self.without_start(rule.as_ref(), keys, pointer),
        };
        let (rule, first) = (rule?, first?);
        if first.is_date && rule.until().is_some_and(|until| !until.is_date()) {
            self.wrong(
                &place,
                "UNTIL is a time, and the rule is for days; write a date",
            );
            return None;
        }
        let recurrence =
            Recurrence::repeated(rule, first.start, first.is_date, first.length, clock);
        self.take(recurrence, &place).filter(|_| zone.is_some())
    }

    /// Where a rule says everything, any start will do: it counts from 2000-01-01.
    fn without_start(
        &mut self,
        rule: Option<&Rule>,
        keys: RuleKeys<'_>,
        pointer: &str,
    ) -> Option<First> {
        if let Some(why) = rule.and_then(Rule::needs_start) {
            self.wrong(
                &format!("{pointer}/rrule"),
                &format!("{why}; add `dtstart`, such as `dtstart: 2026-01-01`"),
            );
            return None;
        }
        for (key, value) in [("dtend", keys.dtend), ("duration", keys.duration)] {
            if value.is_some() {
                self.wrong(
                    &format!("{pointer}/{key}"),
                    &format!("`{key}` needs `dtstart`; or write `hours` instead"),
                );
                return None;
            }
        }
        let day = NaiveDate::from_ymd_opt(2000, 1, 1)?;
        self.on_days(day, keys.hours, pointer)
    }

    /// Whole days, or certain hours of them.
    fn on_days(&mut self, day: NaiveDate, hours: Option<&String>, pointer: &str) -> Option<First> {
        let (start, end) = match hours {
            Some(_) => self.hours(hours, pointer)?.minutes(),
            None => Hours::WHOLE_DAY.minutes(),
        };
        let minutes = |minutes: u32| TimeDelta::minutes(i64::from(minutes));
        Some(First {
            start: day.and_time(NaiveTime::MIN) + minutes(start),
            is_date: true,
            length: Length::on_the_wall(minutes(end - start)),
        })
    }

    fn first(&mut self, keys: RuleKeys<'_>, pointer: &str, zone: &Zone) -> Option<First> {
        let place = |key: &str| format!("{pointer}/{key}");
        let start = keys.dtstart?;
        let start = self.take(Moment::parse(start), &place("dtstart"))?;
        let from = start.on_the_wall(zone);
        let ends = [
            ("hours", keys.hours),
            ("dtend", keys.dtend),
            ("duration", keys.duration),
        ];
        let ends: Vec<(&str, &String)> = ends
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        let length = match ends[..] {
            [] if start.is_date() => Length::on_the_wall(TimeDelta::days(1)),
            [] => {
                self.wrong(
                    &place("dtstart"),
                    "`dtstart` says when it starts; add when it ends, as `dtend` or such as \
                     `duration: 4h`",
                );
                return None;
            }
            [("hours", _)] if start.is_date() => {
                return self.on_days(from.date(), keys.hours, pointer);
            }
            [("dtend", end)] => self.until(end, &start, from, &place("dtend"), zone)?,
            [("duration", length)] => {
                let length = self.take(Schedule::length(length), &place("duration"))?;
                Length::on_the_wall(length)
            }
            [("hours", _), ..] => {
                self.wrong(
                    &place("hours"),
                    "`hours` goes with a `dtstart` that is a date, and with no other end",
                );
                return None;
            }
            [(first, _), (second, _), ..] => {
                self.wrong(
                    &place(second),
                    &format!("`{second}` and `{first}` both say when it ends; keep one of them"),
                );
                return None;
            }
            [_] => return None,
        };
        Some(First {
            start: from,
            is_date: start.is_date(),
            length,
        })
    }

    fn until(
        &mut self,
        end: &str,
        start: &Moment,
        from: NaiveDateTime,
        place: &str,
        zone: &Zone,
    ) -> Option<Length> {
        let moment = self.take(Moment::parse(end), place)?;
        let same_clock = match (&moment.clock, &start.clock) {
            (Clock::Named(end), _) => Zone::find(end).as_ref() == Some(zone),
            (Clock::Date, other) | (other, Clock::Date) => {
                *other == Clock::Date && moment.is_date()
            }
            _ => true,
        };
        if !same_clock {
            self.wrong(
                place,
                &format!("{} is not on the same clock as `dtstart`", shown(end)),
            );
            return None;
        }
        let length = Length::on_the_wall(moment.on_the_wall(zone) - from);
        if length.is_nothing() {
            self.wrong(place, "`dtend` is not after `dtstart`");
            return None;
        }
        Some(length)
    }
}
