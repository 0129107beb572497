//! Dates that somebody typed: their weekdays, which ones are past, and names that they contradict.

use std::collections::{HashMap, hash_map::Entry};

use chrono::{Datelike, NaiveDate};

use super::{Linter, Severity};
use crate::policy::{
    rules::TimeRule,
    times::{DayRule, Pattern, suggest_rule},
    wording::shown,
};

/// First and last day.
type Range = (NaiveDate, NaiveDate);

impl Linter<'_> {
    pub(super) fn dates(&mut self) {
        let policy = self.policy;
        let mut named: HashMap<(String, i32), (&TimeRule, Range)> = HashMap::new();
        let mut on_line: HashMap<usize, usize> = HashMap::new();
        for rule in &policy.blocked_dates {
            *on_line.entry(rule.line).or_default() += 1;
        }
        for rule in &policy.blocked_dates {
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
            // JSON has no names, so people write them behind the date.
            let alone = on_line.get(&rule.line) == Some(&1);
            let comment = self.places.comment(rule).filter(|_| alone);
            let name = rule.name.as_deref().or(comment);
            if let Some(name) = name.filter(|_| from == to) {
                self.holiday(rule, name, from);
            }
            let Some(name) = &rule.name else {
                continue;
            };
            match named.entry((alike(name), from.year())) {
                Entry::Vacant(entry) => {
                    entry.insert((rule, (from, to)));
                }
                Entry::Occupied(entry) => {
                    let (other, dates) = entry.get();
                    if *dates != (from, to) {
                        let message = format!(
                            "{} is {from} here and {} in {} (line {}); which one is it?",
                            shown(name),
                            dates.0,
                            other.rule,
                            other.line
                        );
                        self.odd_rule(Severity::Warning, "name-twice", rule, message);
                    }
                }
            }
        }
    }

    fn holiday(&mut self, rule: &TimeRule, name: &str, typed: NaiveDate) {
        let Some(meant) = suggest_rule(name, typed).filter(|meant| meant.date != typed) else {
            return;
        };
        let message = format!(
            "{} is on {} {}, not on {} {typed}; write `rule: {}`",
            meant.name,
            meant.date.format("%A"),
            meant.date,
            typed.format("%A"),
            meant.rule
        );
        self.odd_rule(Severity::Warning, "holiday-date", rule, message);
    }
}

/// Returns the first and the last day of a rule that is dates.
fn typed(rule: &TimeRule) -> Option<Range> {
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
