//! Dates by rule: against published lists, and every slip named with the word.

use chrono::{DateTime, Days, NaiveDate, Utc};
use shipgate::policy::{Action, Facts, Policy, Request, evaluate, times::DateRule};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn dated(keys: &str) -> Result<Policy, String> {
    let text = format!("version: 1\ntimezone: America/New_York\nblocked_dates: [{{{keys}}}]\n");
    Policy::parse(&text, "p.yaml").map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n  => ")
    })
}

/// The days from `first` to `last` on which a policy blocks at noon, as its zone counts days; it must
/// block them from midnight to midnight.
fn blocked_days(policy: &Policy, first: &str, last: &str) -> Vec<NaiveDate> {
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    let zone = policy.zone();
    let days = date(first).iter_days().take_while(|day| *day <= date(last));
    let closed = |day: NaiveDate, hour, minute| {
        let wall = day.and_hms_opt(hour, minute, 0).unwrap();
        !timetable.is_open(zone.instants(wall)[0])
    };
    days.filter(|day| {
        let noon = closed(*day, 12, 0);
        assert_eq!(closed(*day, 0, 0), noon, "{day}");
        assert_eq!(closed(*day, 23, 59), noon, "{day}");
        noon
    })
    .collect()
}

fn rule_dates(rule: &str, years: std::ops::RangeInclusive<i32>) -> String {
    let rule = DateRule::parse(rule).unwrap();
    let shown = |year| match rule.date_for(year) {
        Some(date) => date.format("%a %F").to_string(),
        None => format!("none for {year}"),
    };
    years.map(shown).collect::<Vec<_>>().join(", ")
}

/// <https://www.opm.gov/policy-data-oversight/pay-leave/federal-holidays/>, one row a year of dates as
/// observed. What is observed in the year before is in the row of that year, as on the calendar.
const FEDERAL_HOLIDAYS: [(i32, &str); 7] = [
    (
        2024,
        "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
    ),
    (
        2025,
        "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25",
    ),
    (
        2026,
        "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    ),
    // New Year 2028 is a Saturday.
    (
        2027,
        "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    ),
    (
        2028,
        "01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
    ),
    (
        2029,
        "01-01 01-15 02-19 05-28 06-19 07-04 09-03 10-08 11-12 11-22 12-25",
    ),
    (
        2030,
        "01-01 01-21 02-18 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
    ),
];

#[test]
fn the_federal_holidays_are_those_that_are_published() {
    let text = include_str!("../../policies/holidays/us-federal.yaml");
    let policy = Policy::parse(text, "us-federal.yaml").unwrap();
    for (year, expected) in FEDERAL_HOLIDAYS {
        let found = blocked_days(&policy, &format!("{year}-01-01"), &format!("{year}-12-31"));
        let found: Vec<String> = found
            .iter()
            .map(|day| day.format("%m-%d").to_string())
            .collect();
        assert_eq!(found.join(" "), expected, "{year}");
    }
    let closed = instant("2027-12-31T20:00:00Z");
    let verdict = evaluate(
        &policy,
        &Request::new(Action::Deploy),
        &Facts::default(),
        closed,
    );
    insta::assert_snapshot!(verdict.reasons[0].message, @r#"Friday 2027-12-31 15:00 EST is on the blocked date "New Year's Day" (January 1 observed America/New_York)"#);
    let opens_at = verdict.opens_at.map(|at| at.to_utc());
    assert_eq!(opens_at, Some(instant("2028-01-01T05:00:00Z")));
    let rollback = Request::new(Action::Rollback);
    assert!(evaluate(&policy, &rollback, &Facts::default(), closed).lets_through());
}

/// Days from 21 March to Easter Sunday in the years 2000 to 2199, 25 a row, as dateutil 2.9.0 has
/// them, which computes them in another way (Oudin 1940).
const EASTER: &str = "
    33 25 10 30 21 6 26 18 2 22 14 34 18 10 30 15 6 26 11 31 22 14 27 19 10
    30 15 7 26 11 31 23 7 27 19 4 23 15 35 20 11 31 16 8 27 19 4 24 15 28
    20 12 31 16 8 28 12 32 24 9 28 20 5 25 16 8 21 13 32 24 9 29 20 5 25
    17 29 21 13 33 17 9 29 14 5 25 10 30 21 13 26 18 9 22 14 34 25 10 30 22
    7 27 19 4 23 15 28 20 11 31 16 8 27 12 32 24 8 28 20 5 24 16 8 21 12
    32 24 9 28 20 5 25 16 29 21 13 32 17 9 29 13 5 25 10 29 21 13 26 17 9
    22 14 33 25 10 30 21 6 26 18 2 22 14 34 18 10 30 15 6 26 11 31 22 14 27
    19 10 30 15 7 26 11 31 23 7 27 19 4 23 15 35 20 11 31 16 8 27 19 4 24";

#[test]
fn easter_is_when_the_western_churches_have_it() {
    let rule = DateRule::parse("easter").unwrap();
    let expected: Vec<u64> = EASTER
        .split_whitespace()
        .map(|days| days.parse().unwrap())
        .collect();
    assert_eq!(expected.len(), 200);
    for (year, days) in (2000..).zip(expected) {
        let equinox = NaiveDate::from_ymd_opt(year, 3, 21).unwrap();
        assert_eq!(
            rule.date_for(year),
            Some(equinox + Days::new(days)),
            "{year}"
        );
    }
}

#[test]
fn rules_give_the_dates_that_calendars_show() {
    let rows = [
        "4th Thursday of November + 1 day",
        "fourth thu of nov + 4 days",
        "LAST MONDAY OF MAY",
        "last Sunday of March",
        "first Monday of September",
        "5th Friday of August",
        "fifth Monday of February",
        "December 25",
        "25th of December observed",
        "1st January observed",
        "4th of July observed",
        "Feb 29",
        "February 29 observed",
        "Easter-2days",
        "Easter - 2 days",
        "Easter + 7 weeks",
        "December 31 + 1 day",
        "January 1 - 1 day observed",
    ];
    let shown = rows.map(|rule| match DateRule::parse(rule) {
        Ok(_) => format!("{rule}: {}", rule_dates(rule, 2024..=2029)),
        Err(message) => format!("{rule}: {message}"),
    });
    insta::assert_snapshot!(shown.join("\n"), @r"
    4th Thursday of November + 1 day: Fri 2024-11-29, Fri 2025-11-28, Fri 2026-11-27, Fri 2027-11-26, Fri 2028-11-24, Fri 2029-11-23
    fourth thu of nov + 4 days: Mon 2024-12-02, Mon 2025-12-01, Mon 2026-11-30, Mon 2027-11-29, Mon 2028-11-27, Mon 2029-11-26
    LAST MONDAY OF MAY: Mon 2024-05-27, Mon 2025-05-26, Mon 2026-05-25, Mon 2027-05-31, Mon 2028-05-29, Mon 2029-05-28
    last Sunday of March: Sun 2024-03-31, Sun 2025-03-30, Sun 2026-03-29, Sun 2027-03-28, Sun 2028-03-26, Sun 2029-03-25
    first Monday of September: Mon 2024-09-02, Mon 2025-09-01, Mon 2026-09-07, Mon 2027-09-06, Mon 2028-09-04, Mon 2029-09-03
    5th Friday of August: Fri 2024-08-30, Fri 2025-08-29, none for 2026, none for 2027, none for 2028, Fri 2029-08-31
    fifth Monday of February: none for 2024, none for 2025, none for 2026, none for 2027, none for 2028, none for 2029
    December 25: Wed 2024-12-25, Thu 2025-12-25, Fri 2026-12-25, Sat 2027-12-25, Mon 2028-12-25, Tue 2029-12-25
    25th of December observed: Wed 2024-12-25, Thu 2025-12-25, Fri 2026-12-25, Fri 2027-12-24, Mon 2028-12-25, Tue 2029-12-25
    1st January observed: Mon 2024-01-01, Wed 2025-01-01, Thu 2026-01-01, Fri 2027-01-01, Fri 2027-12-31, Mon 2029-01-01
    4th of July observed: Thu 2024-07-04, Fri 2025-07-04, Fri 2026-07-03, Mon 2027-07-05, Tue 2028-07-04, Wed 2029-07-04
    Feb 29: Thu 2024-02-29, none for 2025, none for 2026, none for 2027, Tue 2028-02-29, none for 2029
    February 29 observed: Thu 2024-02-29, none for 2025, none for 2026, none for 2027, Tue 2028-02-29, none for 2029
    Easter-2days: the rule `Easter-2days`: `2days` is not a number of days; expected such as `4th Thursday of November + 1 day`, `last Monday of May`, `December 25 observed` or `Easter - 2 days`
    Easter - 2 days: Fri 2024-03-29, Fri 2025-04-18, Fri 2026-04-03, Fri 2027-03-26, Fri 2028-04-14, Fri 2029-03-30
    Easter + 7 weeks: Sun 2024-05-19, Sun 2025-06-08, Sun 2026-05-24, Sun 2027-05-16, Sun 2028-06-04, Sun 2029-05-20
    December 31 + 1 day: Wed 2025-01-01, Thu 2026-01-01, Fri 2027-01-01, Sat 2028-01-01, Mon 2029-01-01, Tue 2030-01-01
    January 1 - 1 day observed: Mon 2024-01-01, Tue 2024-12-31, Wed 2025-12-31, Thu 2026-12-31, Fri 2027-12-31, Mon 2029-01-01
    ");
    // The day after Thanksgiving; an article's Monday 24 November 2025 was a slip of the hand.
    let black_friday = dated("rule: 4th Thursday of November + 1 day").unwrap();
    let found = blocked_days(&black_friday, "2024-01-01", "2027-12-31");
    let expected = ["2024-11-29", "2025-11-28", "2026-11-27", "2027-11-26"];
    assert_eq!(found, expected.map(date));
}

#[test]
fn a_rule_blocks_its_hours_in_its_zone_and_over_the_new_year() {
    let blocked = |keys: &str, from: &str, until: &str| {
        let policy = dated(keys).unwrap();
        let timetable = policy.timetable(&Request::new(Action::Deploy));
        let changes = timetable.changes(instant(from), instant(until));
        let shown = changes.iter().map(|change| {
            assert_eq!(timetable.is_open(change.at), change.open);
            let at = policy.zone().at(change.at).to_rfc3339();
            format!("  {}{at}", if change.open { '+' } else { '-' })
        });
        let first = changes.first().map(|change| change.at);
        let reason = first.map(|at| {
            let request = Request::new(Action::Deploy);
            let verdict = evaluate(&policy, &request, &Facts::default(), at);
            format!("  {}", verdict.reasons[0].message)
        });
        let lines: Vec<String> = shown.chain(reason).collect();
        format!("{keys}\n{}", lines.join("\n"))
    };
    let rows = [
        blocked(
            "rule: December 31, hours: '18:00-06:00', name: fireworks",
            "2026-12-01T00:00:00Z",
            "2027-02-01T00:00:00Z",
        ),
        blocked(
            "rule: Easter, timezone: Europe/London",
            "2024-03-01T00:00:00Z",
            "2024-05-01T00:00:00Z",
        ),
        // Moved out of its own year.
        blocked(
            "rule: January 1 observed",
            "2027-12-15T00:00:00Z",
            "2028-02-01T00:00:00Z",
        ),
        // Only in leap years, so the next one is further off than two.
        blocked(
            "rule: February 29",
            "2025-01-01T00:00:00Z",
            "2029-01-01T00:00:00Z",
        ),
        // The day on which the clock is put back lasts 25 hours.
        blocked(
            "rule: 1st Sunday of November",
            "2026-10-01T00:00:00Z",
            "2026-12-01T00:00:00Z",
        ),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r#"
    rule: December 31, hours: '18:00-06:00', name: fireworks
      -2026-12-31T18:00:00-05:00
      +2027-01-01T06:00:00-05:00
      Thursday 2026-12-31 18:00 EST is on the blocked date "fireworks" (December 31 18:00-06:00 America/New_York)
    rule: Easter, timezone: Europe/London
      -2024-03-30T20:00:00-04:00
      +2024-03-31T19:00:00-04:00
      Sunday 2024-03-31 00:00 GMT is on the blocked date Easter Europe/London
    rule: January 1 observed
      -2027-12-31T00:00:00-05:00
      +2028-01-01T00:00:00-05:00
      Friday 2027-12-31 00:00 EST is on the blocked date January 1 observed America/New_York
    rule: February 29
      -2028-02-29T00:00:00-05:00
      +2028-03-01T00:00:00-05:00
      Tuesday 2028-02-29 00:00 EST is on the blocked date February 29 America/New_York
    rule: 1st Sunday of November
      -2026-11-01T00:00:00-04:00
      +2026-11-02T00:00:00-05:00
      Sunday 2026-11-01 00:00 EDT is on the blocked date 1st Sunday of November America/New_York
    "#);
}

#[test]
fn rules_are_refused_with_the_word_that_is_not_understood() {
    let rows = [
        "\"\"",
        "Thanksgiving",
        "Eastern",
        "4th Thursdy of November",
        "4th Donnerstag of November",
        "4th Thursday in November",
        "4th Thursday",
        "4th Thursday of",
        "4th of",
        "4th",
        "6th Monday of May",
        "4rd Monday of May",
        "0th Monday of May",
        "last day of May",
        "lst Monday of May",
        "last Monday of Mai",
        "Monday",
        "Decembre 25",
        "December",
        "December 32",
        "December twentyfifth",
        "February 30",
        "31 April",
        "25.12.",
        "2025-12-25",
        "\"12/25\"",
        "December 25 +",
        "December 25 + day",
        "December 25 + 1",
        "December 25 + 1 month",
        "December 25 + 100 days",
        "December 25 + 15 weeks",
        "December 25 + 1 day + 1 day",
        "December 25 obsrved",
        "December 25 observed + 1 day",
        "December 25 2025",
        "\"Easter \\u001b[31m\"",
    ];
    let shown: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{row}\n  => {}",
                dated(&format!("rule: {row}")).unwrap_err()
            )
        })
        .collect();
    let shown = shown.join("\n").replace(
        "; expected such as `4th Thursday of November + 1 day`, `last Monday of May`, \
         `December 25 observed` or `Easter - 2 days`",
        "; EXAMPLES",
    );
    insta::assert_snapshot!(shown, @r#"
    ""
      => 3:24: the rule ``: there is nothing; EXAMPLES
    Thanksgiving
      => 3:24: the rule `Thanksgiving`: `Thanksgiving` is not understood; EXAMPLES
    Eastern
      => 3:24: the rule `Eastern`: `Eastern` is not understood (did you mean `Easter`?); EXAMPLES
    4th Thursdy of November
      => 3:24: the rule `4th Thursdy of November`: unknown weekday `Thursdy`; did you mean `Thursday`?; EXAMPLES
    4th Donnerstag of November
      => 3:24: the rule `4th Donnerstag of November`: unknown weekday `Donnerstag`; known: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday; EXAMPLES
    4th Thursday in November
      => 3:24: the rule `4th Thursday in November`: there is no `of` and month after `Thursday`; EXAMPLES
    4th Thursday
      => 3:24: the rule `4th Thursday`: there is no `of` and month after `Thursday`; EXAMPLES
    4th Thursday of
      => 3:24: the rule `4th Thursday of`: there is no month after `of`; EXAMPLES
    4th of
      => 3:24: the rule `4th of`: unknown weekday `of`; known: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday; EXAMPLES
    4th
      => 3:24: the rule `4th`: there is no weekday after `4th`; EXAMPLES
    6th Monday of May
      => 3:24: the rule `6th Monday of May`: `6th` is not understood; EXAMPLES
    4rd Monday of May
      => 3:24: the rule `4rd Monday of May`: `4rd` is not understood; EXAMPLES
    0th Monday of May
      => 3:24: the rule `0th Monday of May`: `0th` is not understood; EXAMPLES
    last day of May
      => 3:24: the rule `last day of May`: unknown weekday `day`; known: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday; EXAMPLES
    lst Monday of May
      => 3:24: the rule `lst Monday of May`: `lst` is not understood (did you mean `last`?); EXAMPLES
    last Monday of Mai
      => 3:24: the rule `last Monday of Mai`: `Mai` is not a month (did you mean `May`?); EXAMPLES
    Monday
      => 3:24: the rule `Monday`: `Monday` is not understood; EXAMPLES
    Decembre 25
      => 3:24: the rule `Decembre 25`: `Decembre` is not a month (did you mean `December`?); EXAMPLES
    December
      => 3:24: the rule `December`: there is no day of December; EXAMPLES
    December 32
      => 3:24: the rule `December 32`: `32` is not a day of December; EXAMPLES
    December twentyfifth
      => 3:24: the rule `December twentyfifth`: `twentyfifth` is not a day of December; EXAMPLES
    February 30
      => 3:24: the rule `February 30`: February has no day 30; EXAMPLES
    31 April
      => 3:24: the rule `31 April`: April has no day 31; EXAMPLES
    25.12.
      => 3:24: the rule `25.12.`: `25.12.` is not understood; EXAMPLES
    2025-12-25
      => 3:24: the rule `2025-12-25`: `2025` is not understood; EXAMPLES
    "12/25"
      => 3:24: the rule `12/25`: `12/25` is not understood; EXAMPLES
    December 25 +
      => 3:24: the rule `December 25 +`: `` is not a number of days; EXAMPLES
    December 25 + day
      => 3:24: the rule `December 25 + day`: `day` is not a number of days; EXAMPLES
    December 25 + 1
      => 3:24: the rule `December 25 + 1`: `` is neither `days` nor `weeks`; EXAMPLES
    December 25 + 1 month
      => 3:24: the rule `December 25 + 1 month`: `month` is neither `days` nor `weeks`; EXAMPLES
    December 25 + 100 days
      => 3:24: the rule `December 25 + 100 days`: 100 days are more than 99; EXAMPLES
    December 25 + 15 weeks
      => 3:24: the rule `December 25 + 15 weeks`: 105 days are more than 99; EXAMPLES
    December 25 + 1 day + 1 day
      => 3:24: the rule `December 25 + 1 day + 1 day`: `+` is not understood; EXAMPLES
    December 25 obsrved
      => 3:24: the rule `December 25 obsrved`: `obsrved` is not understood; EXAMPLES
    December 25 observed + 1 day
      => 3:24: the rule `December 25 observed + 1 day`: `+` is not understood; EXAMPLES
    December 25 2025
      => 3:24: the rule `December 25 2025`: `2025` is not understood; EXAMPLES
    "Easter \u001b[31m"
      => 3:24: the rule `Easter \u{1b}[31m`: `\u{1b}[31m` is not understood; EXAMPLES
    "#);
    let mixed = [
        "rule: Easter, date: 2026-04-05",
        "rule: Easter, from: 2026-04-05",
        "rule: 25",
    ];
    let shown = mixed.map(|keys| format!("{keys}\n  => {}", dated(keys).unwrap_err()));
    insta::assert_snapshot!(shown.join("\n"), @r#"
    rule: Easter, date: 2026-04-05
      => 3:24: `rule` and `date` both say when; keep one of them
    rule: Easter, from: 2026-04-05
      => 3:24: `rule` and `from` both say when; keep one of them
    rule: 25
      => 3:24: `blocked_dates.0.rule`: 25 is not of type "string"
    "#);
}

#[test]
fn a_date_rule_far_out_does_not_panic() {
    let rule = DateRule::parse("Easter + 99 days observed").unwrap();
    for year in [i32::MIN, -300_000, 0, 300_000, i32::MAX] {
        rule.date_for(year);
    }
    let policy = dated("rule: January 1 - 99 days observed").unwrap();
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    for far in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        timetable.is_open(far);
        timetable.next_open(far);
    }
}
