//! Dates that somebody typed: their weekdays, which ones are past, and names that they contradict.

use chrono::{Datelike, NaiveDate};

use super::{Linter, Severity};
use crate::policy::{
    rules::TimeRule,
    times::{DayRule, Pattern},
    wording::shown,
};

impl Linter<'_> {
    pub(super) fn dates(&mut self) {
        let rules = &self.policy.blocked_dates;
        for (index, rule) in rules.iter().enumerate() {
            let Some((from, to)) = typed(rule) else {
                continue;
            };
            let message = if from == to {
                weekday(from)
            } else {
                format!("{}, {}", weekday(from), weekday(to))
            };
            self.odd_rule(Severity::Info, "weekday", rule, message);
            if to < rule.times.zone.local(self.now).date() {
                let message = format!("{to} is past; this blocks nothing any more");
                self.odd_rule(Severity::Warning, "past-date", rule, message);
            }
            let earlier = rules[..index].iter().find_map(|other| {
                let dates = typed(other)?;
                let same_name = alike(rule.name.as_deref()?) == alike(other.name.as_deref()?);
                let same_year = dates.0.year() == from.year();
                (same_name && same_year && dates != (from, to)).then_some((other, dates.0))
            });
            if let Some((other, date)) = earlier {
                let name = shown(rule.name.as_deref().unwrap_or_default());
                let message = format!(
                    "{name} is {from} here and {date} in {} (line {}); which one is it?",
                    other.rule, other.line
                );
                self.odd_rule(Severity::Warning, "name-twice", rule, message);
            }
        }
    }
}

/// Returns the first and the last day of a rule that is dates.
fn typed(rule: &TimeRule) -> Option<(NaiveDate, NaiveDate)> {
    match &rule.times.pattern {
        Pattern::Days {
            days: DayRule::Dates { from, to },
            ..
        } => Some((*from, *to)),
        _ => None,
    }
}

fn weekday(date: NaiveDate) -> String {
    format!("{date} is a {}", date.format("%A"))
}

/// A name without what people write differently: case and blanks.
fn alike(name: &str) -> String {
    let characters = name.chars().filter(|character| character.is_alphanumeric());
    characters.flat_map(char::to_lowercase).collect()
}
