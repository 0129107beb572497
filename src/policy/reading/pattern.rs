//! When a window or a blocked date is: each of the ways to write it, and no two of them at once.

use super::{Reader, recurrence::RuleKeys};
use crate::policy::{
    document::{BlockedDateFields, WindowDocument},
    times::{
        Bound, Cron, DateRule, DayRule, Hours, Once, Pattern, Schedule, parse_date, parse_weekday,
    },
    wording::shown,
    zone::Zone,
};

impl Reader<'_> {
    /// Reads when a window is. A window that says nothing is always.
    pub(super) fn window_pattern(
        &mut self,
        window: &WindowDocument,
        pointer: &str,
        zone: Option<&Zone>,
    ) -> Option<Pattern> {
        let rule = [
            ("rrule", window.rrule.is_some()),
            ("dtstart", window.dtstart.is_some()),
            ("dtend", window.dtend.is_some()),
        ];
        if rule.iter().any(|(_, is_there)| *is_there) {
            let days = [("days", window.days.is_some())];
            let schedule = [("schedule", window.schedule.is_some())];
            let once = [("from", window.from.is_some()), ("to", window.to.is_some())];
            if !self.one_way([&days, &schedule, &once, &rule], pointer) {
                return None;
            }
            let rule = self.recurrence(RuleKeys::from(window), pointer, zone)?;
            return Some(Pattern::Recurrence(Box::new(rule)));
        }
        let recurring = [
            ("days", window.days.is_some()),
            ("hours", window.hours.is_some()),
        ];
        let scheduled = [
            ("schedule", window.schedule.is_some()),
            ("duration", window.duration.is_some()),
        ];
        let once = [("from", window.from.is_some()), ("to", window.to.is_some())];
        if !self.one_way([&recurring, &scheduled, &once], pointer) {
            return None;
        }
        let written = |way: &[(&str, bool)]| way.iter().any(|(_, is_there)| *is_there);
        if written(&scheduled) {
            return self.schedule(window, pointer).map(Pattern::Schedule);
        }
        if written(&once) {
            return self.once(window, pointer).map(Pattern::Once);
        }
        let days = self.days(window.days.as_deref(), pointer);
        let hours = self.hours(window.hours.as_ref(), pointer);
        let (days, hours) = (days?, hours?);
        Some(Pattern::Days { days, hours })
    }

    /// Are the keys of only one way to say when there?
    pub(super) fn one_way<const WAYS: usize>(
        &mut self,
        ways: [&[(&'static str, bool)]; WAYS],
        pointer: &str,
    ) -> bool {
        let first_of = |way: &[(&'static str, bool)]| {
            way.iter()
                .find(|(_, is_there)| *is_there)
                .map(|(key, _)| *key)
        };
        let found: Vec<&str> = ways.into_iter().filter_map(first_of).collect();
        if let [first, second, ..] = found[..] {
            self.wrong(
                &format!("{pointer}/{second}"),
                &format!("`{second}` and `{first}` both say when; keep one of them"),
            );
        }
        found.len() < 2
    }

    fn schedule(&mut self, window: &WindowDocument, pointer: &str) -> Option<Schedule> {
        let (schedule, duration) = (format!("{pointer}/schedule"), format!("{pointer}/duration"));
        match (&window.schedule, &window.duration) {
            (Some(cron), Some(length)) => {
                let cron = self.take(Cron::parse(cron), &schedule);
                let length = self.take(Schedule::length(length), &duration);
                Some(Schedule::new(cron?, length?))
            }
            (Some(_), None) => {
                self.wrong(
                    &schedule,
                    "`schedule` says when the window starts; add how long it lasts, such as \
                     `duration: 4h`",
                );
                None
            }
            _ => {
                self.wrong(
                    &duration,
                    "`duration` says how long the window lasts; add when it starts, such as \
                     `schedule: 0 22 * * 1-5`",
                );
                None
            }
        }
    }

    fn once(&mut self, window: &WindowDocument, pointer: &str) -> Option<Once> {
        let (from, to) = (format!("{pointer}/from"), format!("{pointer}/to"));
        match (&window.from, &window.to) {
            (Some(first), Some(last)) => {
                let start = self.take(Bound::start(first), &from);
                let end = self.take(Bound::end(last), &to);
                let once = Once::new(start?, end?);
                let found = || format!("found {} to {}", shown(first), shown(last));
                self.take(once.map_err(|wrong| format!("{wrong}; {}", found())), &to)
            }
            (Some(_), None) => {
                self.wrong(&from, "`from` goes with `to`; add when the window ends");
                None
            }
            _ => {
                self.wrong(&to, "`to` goes with `from`; add when the window starts");
                None
            }
        }
    }

    pub(super) fn hours(&mut self, hours: Option<&String>, pointer: &str) -> Option<Hours> {
        match hours {
            None => Some(Hours::WHOLE_DAY),
            Some(text) => self.take(Hours::parse(text), &format!("{pointer}/hours")),
        }
    }

    fn days(&mut self, days: Option<&[String]>, pointer: &str) -> Option<DayRule> {
        let Some(names) = days else {
            return Some(DayRule::EVERY_DAY);
        };
        let mut week = [false; 7];
        let mut all = true;
        for (index, name) in names.iter().enumerate() {
            match self.take(parse_weekday(name), &format!("{pointer}/days/{index}")) {
                Some(day) => week[day.num_days_from_monday() as usize] = true,
                None => all = false,
            }
        }
        all.then_some(DayRule::Weekly(week))
    }

    /// Reads when a blocked date is; a calendar is not read here.
    pub(super) fn date_pattern(
        &mut self,
        fields: &BlockedDateFields,
        pointer: &str,
        zone: Option<&Zone>,
    ) -> Option<Pattern> {
        let dates = [
            ("date", fields.date.is_some()),
            ("from", fields.from.is_some()),
            ("to", fields.to.is_some()),
        ];
        let yearly = [("rule", fields.rule.is_some())];
        let rule = [
            ("rrule", fields.rrule.is_some()),
            ("dtstart", fields.dtstart.is_some()),
        ];
        if !self.one_way([&dates, &yearly, &rule], pointer) {
            return None;
        }
        if rule.iter().any(|(_, is_there)| *is_there) {
            let rule = self.recurrence(RuleKeys::from(fields), pointer, zone)?;
            return Some(Pattern::Recurrence(Box::new(rule)));
        }
        let days = self.dates(fields, pointer);
        let hours = self.hours(fields.hours.as_ref(), pointer);
        let (days, hours) = (days?, hours?);
        Some(Pattern::Days { days, hours })
    }

    fn dates(&mut self, fields: &BlockedDateFields, pointer: &str) -> Option<DayRule> {
        let mut date = |text: &str, key: &str| {
            let place = format!("{pointer}{key}");
            self.take(parse_date(text), &place)
        };
        match (&fields.date, &fields.from, &fields.to, &fields.rule) {
            (None, None, None, Some(text)) => {
                let rule = self.take(DateRule::parse(text), &format!("{pointer}/rule"))?;
                Some(DayRule::Rule(rule))
            }
            (Some(text), None, None, None) => {
                let day = date(text, "/date")?;
                Some(DayRule::Dates { from: day, to: day })
            }
            (None, Some(from), Some(to), None) => {
                let (first, last) = (date(from, "/from"), date(to, "/to"));
                let (first, last) = (first?, last?);
                if last < first {
                    self.wrong(
                        &format!("{pointer}/to"),
                        &format!("`to` {last} is before `from` {first}"),
                    );
                    return None;
                }
                Some(DayRule::Dates {
                    from: first,
                    to: last,
                })
            }
            _ => {
                self.wrong(
                    pointer,
                    "expected one of `date`, `from` and `to` (each YYYY-MM-DD), `rule`, `rrule` \
                     or `ics`",
                );
                None
            }
        }
    }
}

/// Is it a window between two instants that need no zone?
pub(super) fn is_exact(window: &WindowDocument) -> bool {
    let exact = |end: Option<Result<Bound, String>>| matches!(end, Some(Ok(Bound::Exact(_))));
    exact(window.from.as_deref().map(Bound::start)) && exact(window.to.as_deref().map(Bound::end))
}
