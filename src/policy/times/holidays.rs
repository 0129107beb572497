//! Days that people type in by name and get wrong: which rule gives them.

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::DateRule;

/// What a typed date may have meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleSuggestion {
    /// The day's usual name, such as `Black Friday`.
    pub name: &'static str,
    /// What to write as `rule`, such as `4th Thursday of November + 1 day`.
    pub rule: &'static str,
    /// Its date in the year of the typed date.
    pub date: NaiveDate,
}

/// Names in the form that [`plain`] makes, the usual name, and the rule. A name that means two days
/// in two countries is there twice.
const HOLIDAYS: [(&[&str], &str, &str); 25] = [
    (&["new years", "new year"], "New Year's Day", "January 1"),
    (
        &["martin luther king", "martin luther king jr", "mlk"],
        "Martin Luther King Jr. Day",
        "3rd Monday of January",
    ),
    (&["valentines"], "Valentine's Day", "February 14"),
    (
        &["presidents", "washingtons birthday"],
        "Washington's Birthday",
        "3rd Monday of February",
    ),
    (&["good friday"], "Good Friday", "Easter - 2 days"),
    (&["easter", "easter sunday"], "Easter Sunday", "Easter"),
    (&["easter monday"], "Easter Monday", "Easter + 1 day"),
    (&["ascension"], "Ascension Day", "Easter + 39 days"),
    (
        &["whit monday", "pentecost monday"],
        "Whit Monday",
        "Easter + 50 days",
    ),
    (&["memorial"], "Memorial Day", "last Monday of May"),
    (&["juneteenth"], "Juneteenth", "June 19"),
    (&["canada"], "Canada Day", "July 1"),
    (
        &["independence", "fourth of july", "4th of july"],
        "Independence Day",
        "July 4",
    ),
    (&["labor", "labour"], "Labor Day", "1st Monday of September"),
    (
        &["columbus", "indigenous peoples"],
        "Columbus Day",
        "2nd Monday of October",
    ),
    (
        &["thanksgiving", "canadian thanksgiving"],
        "Canadian Thanksgiving",
        "2nd Monday of October",
    ),
    (&["halloween"], "Halloween", "October 31"),
    (&["veterans"], "Veterans Day", "November 11"),
    (
        &["thanksgiving"],
        "Thanksgiving",
        "4th Thursday of November",
    ),
    (
        &["black friday"],
        "Black Friday",
        "4th Thursday of November + 1 day",
    ),
    (
        &["cyber monday"],
        "Cyber Monday",
        "4th Thursday of November + 4 days",
    ),
    (&["christmas eve"], "Christmas Eve", "December 24"),
    (&["christmas", "xmas"], "Christmas Day", "December 25"),
    (&["boxing"], "Boxing Day", "December 26"),
    (
        &["new years eve", "new year eve"],
        "New Year's Eve",
        "December 31",
    ),
];

/// A day with the right name that is further away is another country's.
const FURTHEST: TimeDelta = TimeDelta::days(31);

/// Returns the rule for a day with a known name that was typed in as a date: `Black Friday` with
/// 2025-11-24 gives `4th Thursday of November + 1 day` and 2025-11-28. It is right if the date of
/// the answer is the typed one.
///
/// Names are compared without case, punctuation, `day` and a year. None where the name is not
/// known, or where the day is more than a month from the typed date: then another country's day of
/// that name is meant.
pub fn suggest_rule(name: &str, typed: NaiveDate) -> Option<RuleSuggestion> {
    let wanted = plain(name);
    HOLIDAYS
        .iter()
        .filter(|(names, _, _)| names.contains(&wanted.as_str()))
        .filter_map(|(_, name, rule)| {
            let date = DateRule::parse(rule).ok()?.date_for(typed.year())?;
            Some(RuleSuggestion { name, rule, date })
        })
        .filter(|suggestion| (suggestion.date - typed).abs() <= FURTHEST)
        .min_by_key(|suggestion| (suggestion.date - typed).abs())
}

/// `New Year's Day 2026` becomes `new years`.
fn plain(name: &str) -> String {
    let kept = |character: &char| character.is_alphanumeric() || character.is_whitespace();
    let lower = name.to_lowercase().replace('-', " ");
    let letters: String = lower.chars().filter(kept).collect();
    let is_year = |word: &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let telling = |word: &&str| !["day", "the", "us", "holiday"].contains(word) && !is_year(word);
    let words: Vec<&str> = letters.split_whitespace().filter(telling).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_table_is_one() {
        for (names, name, rule) in HOLIDAYS {
            assert!(DateRule::parse(rule).is_ok(), "{rule}");
            assert!(
                names.contains(&plain(name).as_str()) || names.len() > 1,
                "{name}"
            );
            for name in names {
                assert_eq!(plain(name), *name);
            }
        }
    }

    #[test]
    fn a_typed_date_is_told_what_its_name_means() {
        let suggested = |name, date: &str| {
            let found = suggest_rule(name, date.parse().unwrap());
            found.map(|it| format!("{} is {}: {}", it.name, it.date, it.rule))
        };
        let rows = [
            (
                "Black Friday",
                "2025-11-24",
                Some("Black Friday is 2025-11-28: 4th Thursday of November + 1 day"),
            ),
            (
                "BLACK-FRIDAY 2024",
                "2024-11-29",
                Some("Black Friday is 2024-11-29: 4th Thursday of November + 1 day"),
            ),
            (
                "Cyber Monday",
                "2025-12-01",
                Some("Cyber Monday is 2025-12-01: 4th Thursday of November + 4 days"),
            ),
            (
                "Thanksgiving Day",
                "2026-11-25",
                Some("Thanksgiving is 2026-11-26: 4th Thursday of November"),
            ),
            (
                "Thanksgiving",
                "2026-10-12",
                Some("Canadian Thanksgiving is 2026-10-12: 2nd Monday of October"),
            ),
            (
                "Good Friday",
                "2026-04-02",
                Some("Good Friday is 2026-04-03: Easter - 2 days"),
            ),
            (
                "New Year's Day",
                "2026-01-01",
                Some("New Year's Day is 2026-01-01: January 1"),
            ),
            (
                "the Memorial Day",
                "2026-05-26",
                Some("Memorial Day is 2026-05-25: last Monday of May"),
            ),
            (
                "Labor Day",
                "2026-09-07",
                Some("Labor Day is 2026-09-07: 1st Monday of September"),
            ),
            (
                "christmas",
                "2026-12-24",
                Some("Christmas Day is 2026-12-25: December 25"),
            ),
            // Other countries' days, and other days.
            ("Labour Day", "2026-05-01", None),
            ("Independence Day", "2026-08-15", None),
            ("Black Friday weekend", "2026-11-27", None),
            ("release", "2026-11-27", None),
            ("", "2026-11-27", None),
        ];
        for (name, date, expected) in rows {
            assert_eq!(suggested(name, date).as_deref(), expected, "{name} {date}");
        }
    }
}
