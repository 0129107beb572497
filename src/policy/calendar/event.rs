//! One event of a calendar: when it starts, how long it is, how it repeats.

use chrono::{NaiveDateTime, TimeDelta};

use super::{Problem, components::Component, instance::Instance, lines::ContentLine};
use crate::policy::{
    times::{Length, Recurrence, Rule},
    wording::shown,
    zone::Zone,
};

/// Longest name, in characters: it is printed in messages.
const LONGEST_NAME: usize = 100;

/// An event whose parts are understood.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) uid: String,
    pub(super) name: Option<String>,
    /// 1-based line of the file on which it begins.
    pub(super) line: usize,
    pub(super) cancelled: bool,
    /// Which instance of the repeating event with the same UID this replaces.
    pub(super) instance: Option<Instance>,
    pub(super) start: NaiveDateTime,
    pub(super) is_date: bool,
    pub(super) zone: Zone,
    length: Length,
    rule: Option<(Rule, usize)>,
    added: Vec<NaiveDateTime>,
    excluded: Vec<NaiveDateTime>,
}

/// The lines of one event, found by name.
struct Lines<'a> {
    component: &'a Component,
    label: String,
    zone: Option<&'a Zone>,
}

impl Event {
    /// Reads an event; none where it is cancelled as a whole.
    ///
    /// # Errors
    /// The first part that is not understood.
    pub(super) fn read(
        component: &Component,
        zone: Option<&Zone>,
    ) -> Result<Option<Self>, Problem> {
        let lines = Lines::new(component, zone);
        let status = lines.one("STATUS")?.map(|line| line.value.trim());
        let cancelled = status.is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED"));
        let instance = lines.one("RECURRENCE-ID")?;
        if cancelled && instance.is_none() {
            return Ok(None);
        }
        if let Some(line) = instance.filter(|line| line.parameter("RANGE").is_some()) {
            return Err(lines.problem(
                line,
                "RANGE=THISANDFUTURE is not supported; end the rule and add another event",
            ));
        }
        let instance = instance.map(|line| lines.instance(line)).transpose()?;
        let name = lines.name()?;
        let uid = lines.one("UID")?.map(|line| line.value.clone());
        if uid.is_none() && instance.is_some() {
            return Err(lines.missing("it has a RECURRENCE-ID and no UID to say of which event"));
        }
        let (start, length) = match lines.one("DTSTART")? {
            Some(line) => {
                let start = lines.instance(line)?;
                let length = if cancelled {
                    Length::default()
                } else {
                    lines.length(line, &start)?
                };
                (start, length)
            }
            // Only which instance it is matters of one that is cancelled.
            None if cancelled => match &instance {
                Some(instance) => (instance.clone(), Length::default()),
                None => return Ok(None),
            },
            None => return Err(lines.missing("it has no DTSTART")),
        };
        if let Some(line) = lines.all("EXRULE").next() {
            return Err(lines.problem(line, "it is not supported any more; write EXDATE"));
        }
        Ok(Some(Self {
            uid: uid.unwrap_or_default(),
            name,
            line: component.line,
            cancelled,
            instance,
            length,
            rule: lines.rule()?,
            added: lines.dates("RDATE", &start)?,
            excluded: lines.dates("EXDATE", &start)?,
            start: start.wall,
            is_date: start.is_date,
            zone: start.zone,
        }))
    }

    /// Returns when it is, without the instances that are replaced.
    ///
    /// # Errors
    /// The rule contradicts the start or the length.
    pub(super) fn recurrence<'m>(
        &'m self,
        moved: impl Iterator<Item = &'m NaiveDateTime>,
    ) -> Result<Recurrence, Problem> {
        let recurrence = match &self.rule {
            None => Recurrence::once(self.start, self.length),
            Some((rule, line)) => {
                let (rule, zone) = (rule.clone(), &self.zone);
                let repeated =
                    Recurrence::repeated(rule, self.start, self.is_date, self.length, zone);
                let repeated = repeated
                    .map_err(|message| self.problem(*line, &format!("RRULE: {message}")))?;
                // The start of an event takes place, whatever its rule says.
                repeated.with([self.start])
            }
        };
        let excluded = self.excluded.iter().chain(moved).copied();
        let recurrence = recurrence.with(self.added.iter().copied());
        Ok(recurrence.without(excluded).in_one_piece())
    }

    /// A problem of this event, which it names.
    pub(super) fn problem(&self, line: usize, message: &str) -> Problem {
        let label = label(self.name.as_deref());
        Problem::new(line, format!("{label}{message}"))
    }
}

impl<'a> Lines<'a> {
    fn new(component: &'a Component, zone: Option<&'a Zone>) -> Self {
        let mut lines = Self {
            component,
            label: String::new(),
            zone,
        };
        lines.label = label(lines.name().ok().flatten().as_deref());
        lines
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a ContentLine> {
        let lines = self.component.lines.iter();
        lines.filter(move |line| line.name == name)
    }

    /// Returns the only line of that name.
    fn one(&self, name: &str) -> Result<Option<&'a ContentLine>, Problem> {
        let mut found = self.all(name);
        let first = found.next();
        match found.next() {
            Some(second) => Err(self.problem(second, "the event has it twice")),
            None => Ok(first),
        }
    }

    /// Its summary, as one short line; else its UID.
    fn name(&self) -> Result<Option<String>, Problem> {
        let clean = |line: &ContentLine| {
            let plain = |character: char| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            };
            let text: String = line.value.chars().map(plain).collect();
            let words: Vec<&str> = text.split_whitespace().collect();
            let text = words.join(" ");
            let mut short: String = text.chars().take(LONGEST_NAME).collect();
            if short.len() < text.len() {
                short.pop();
                short.push('…');
            }
            (!short.is_empty()).then_some(short)
        };
        let summary = self.one("SUMMARY")?.and_then(clean);
        let uid = self.one("UID")?.and_then(clean);
        Ok(summary.or(uid))
    }

    fn problem(&self, line: &ContentLine, message: &str) -> Problem {
        Problem::new(line.line, format!("{}{}: {message}", self.label, line.name))
    }

    fn missing(&self, message: &str) -> Problem {
        Problem::new(self.component.line, format!("{}{message}", self.label))
    }

    fn instance(&self, line: &ContentLine) -> Result<Instance, Problem> {
        let read = Instance::read(line, &line.value, self.zone);
        read.map_err(|message| self.problem(line, &message))
    }

    fn length(&self, at: &ContentLine, start: &Instance) -> Result<Length, Problem> {
        let (line, length) = match (self.one("DTEND")?, self.one("DURATION")?) {
            (Some(_), Some(line)) => {
                return Err(self.problem(line, "the event has a DTEND too; keep one"));
            }
            (Some(line), None) => {
                let end = self.instance(line)?;
                let end = end.on_clock_of(start.is_date, &start.zone);
                let end = end.map_err(|message| self.problem(line, &message))?;
                (line, Length::on_the_wall(end - start.wall))
            }
            (None, Some(line)) => {
                let length = Length::parse(&line.value);
                let length = length.map_err(|message| self.problem(line, &message))?;
                if start.is_date && length.exact != TimeDelta::zero() {
                    return Err(
                        self.problem(line, "an event of whole days lasts days, such as P1D")
                    );
                }
                (line, length)
            }
            (None, None) if start.is_date => (at, Length::on_the_wall(TimeDelta::days(1))),
            (None, None) => {
                return Err(self.problem(at, "the event has no end; expected DTEND or DURATION"));
            }
        };
        if length.is_nothing() {
            return Err(self.problem(line, "the event does not end after its start"));
        }
        length
            .check()
            .map_err(|message| self.problem(line, &message))
    }

    fn rule(&self) -> Result<Option<(Rule, usize)>, Problem> {
        let Some(line) = self.one("RRULE")? else {
            return Ok(None);
        };
        let wrong = |message: String| self.problem(line, &message);
        let rule = Rule::parse(&line.value).map_err(wrong)?;
        Ok(Some((rule, line.line)))
    }

    fn dates(&self, name: &str, start: &Instance) -> Result<Vec<NaiveDateTime>, Problem> {
        let mut dates = Vec::new();
        for line in self.all(name) {
            for value in line.value.split(',') {
                let wall = Instance::read(line, value, self.zone)
                    .and_then(|date| date.on_clock_of(start.is_date, &start.zone));
                dates.push(wall.map_err(|message| self.problem(line, &message))?);
            }
        }
        Ok(dates)
    }
}

fn label(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("event {}: ", shown(name)),
        None => "event: ".to_owned(),
    }
}
