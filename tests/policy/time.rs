//! Membership and next opening: rows at the edges of the clock, and two oracles that count minutes.

use chrono::{DateTime, Datelike, Days, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use proptest::prelude::*;
use shipgate::policy::{Action, Facts, Policy, Request, Timetable, Verdict, evaluate};

fn policy(rules: &str) -> Policy {
    Policy::parse(&format!("version: 1\n{rules}\n"), "p.yaml").unwrap()
}

fn window(days: &str, hours: &str, zone: &str) -> Policy {
    let days = match days {
        "" => String::new(),
        days => format!("days: [{days}], "),
    };
    policy(&format!(
        "allowed_windows: [{{{days}hours: '{hours}', timezone: {zone}}}]"
    ))
}

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn times(policy: &Policy) -> Timetable<'_> {
    policy.timetable(&Request::new(Action::Deploy))
}

fn judged(policy: &Policy, at: DateTime<Utc>) -> Verdict {
    evaluate(policy, &Request::new(Action::Deploy), &Facts::default(), at)
}

/// Every change from `from` on, as RFC 3339 in the policy's zone: `+` opens, `-` closes.
fn changes(policy: &Policy, from: &str, count: usize) -> String {
    let mut at = instant(from);
    let mut shown = Vec::new();
    for _ in 0..count {
        let open = times(policy).is_open(at);
        let next = if open {
            times(policy).next_closed(at)
        } else {
            times(policy).next_open(at)
        };
        let Some(next) = next else {
            shown.push("never".to_owned());
            break;
        };
        assert_ne!(
            times(policy).is_open(next),
            open,
            "{next} does not change it"
        );
        assert_eq!(times(policy).is_open(next - TimeDelta::seconds(1)), open);
        let sign = if open { '-' } else { '+' };
        shown.push(format!("{sign}{}", policy.zone().at(next).to_rfc3339()));
        at = next;
    }
    shown.join("\n")
}

#[test]
fn a_window_opens_after_the_hour_that_spring_skips() {
    let gap = window("Sun", "02:30-04:00", "America/New_York");
    insta::assert_snapshot!(changes(&gap, "2026-03-08T00:00:00Z", 2), @r"
    +2026-03-08T03:00:00-04:00
    -2026-03-08T04:00:00-04:00
    ");
    let swallowed = window("Sun", "01:10-01:50", "Europe/London");
    insta::assert_snapshot!(changes(&swallowed, "2026-03-29T00:00:00Z", 2), @r"
    +2026-04-05T01:10:00+01:00
    -2026-04-05T01:50:00+01:00
    ");
    let half_hour = window("Sun", "02:10-02:45", "Australia/Lord_Howe");
    insta::assert_snapshot!(changes(&half_hour, "2026-10-03T12:00:00Z", 2), @r"
    +2026-10-04T02:30:00+11:00
    -2026-10-04T02:45:00+11:00
    ");
    let midnight = policy("timezone: America/Santiago\nblocked_dates: [2026-09-06]");
    insta::assert_snapshot!(changes(&midnight, "2026-09-05T12:00:00Z", 2), @r"
    -2026-09-06T01:00:00-03:00
    +2026-09-07T00:00:00-03:00
    ");
}

#[test]
fn both_passes_of_the_hour_that_autumn_repeats_count() {
    let fold = window("Sun", "01:15-01:45", "America/New_York");
    insta::assert_snapshot!(changes(&fold, "2026-11-01T00:00:00Z", 4), @r"
    +2026-11-01T01:15:00-04:00
    -2026-11-01T01:45:00-04:00
    +2026-11-01T01:15:00-05:00
    -2026-11-01T01:45:00-05:00
    ");
    let reopened = window("Sun", "00:00-01:30", "Europe/London");
    insta::assert_snapshot!(changes(&reopened, "2026-10-24T12:00:00Z", 4), @r"
    +2026-10-25T00:00:00+01:00
    -2026-10-25T01:30:00+01:00
    +2026-10-25T01:00:00+00:00
    -2026-10-25T01:30:00+00:00
    ");
    let half_hour = window("Sun", "01:40-02:10", "Australia/Lord_Howe");
    insta::assert_snapshot!(changes(&half_hour, "2026-04-04T12:00:00Z", 4), @r"
    +2026-04-05T01:40:00+11:00
    -2026-04-05T01:30:00+10:30
    +2026-04-05T01:40:00+10:30
    -2026-04-05T02:10:00+10:30
    ");
    let day_again = policy("timezone: America/Santiago\nblocked_dates: [2026-04-04]");
    insta::assert_snapshot!(changes(&day_again, "2026-04-03T12:00:00Z", 2), @r"
    -2026-04-04T00:00:00-03:00
    +2026-04-05T00:00:00-04:00
    ");
}

#[test]
fn hours_past_midnight_belong_to_the_day_they_start_on() {
    let late = window("Fri", "22:00-04:00", "America/New_York");
    insta::assert_snapshot!(changes(&late, "2025-11-03T00:00:00Z", 2), @r"
    +2025-11-07T22:00:00-05:00
    -2025-11-08T04:00:00-05:00
    ");
    let cases = [
        ("2025-11-07T01:00:00-05:00", false),
        ("2025-11-07T21:59:59-05:00", false),
        ("2025-11-07T22:00:00-05:00", true),
        ("2025-11-08T00:00:00-05:00", true),
        ("2025-11-08T03:59:59-05:00", true),
        ("2025-11-08T04:00:00-05:00", false),
        ("2025-11-08T22:00:00-05:00", false),
    ];
    for (at, open) in cases {
        assert_eq!(times(&late).is_open(instant(at)), open, "{at}");
    }
    let date = policy("timezone: UTC\nblocked_dates: [{date: 2025-11-10, hours: '22:00-04:00'}]");
    insta::assert_snapshot!(changes(&date, "2025-11-11T01:00:00Z", 2), @r"
    +2025-11-11T04:00:00+00:00
    never
    ");
    let to_midnight = window("Fri", "22:00-24:00", "UTC");
    let the_same = window("Fri", "22:00-00:00", "UTC");
    for policy in [&to_midnight, &the_same] {
        assert!(times(policy).is_open(instant("2025-11-07T23:59:59Z")));
        assert!(!times(policy).is_open(instant("2025-11-08T00:00:00Z")));
    }
    let whole_days = policy("timezone: UTC\nallowed_windows: [{days: [Sat]}, {days: [sunday]}]");
    insta::assert_snapshot!(changes(&whole_days, "2025-11-03T00:00:00Z", 2), @r"
    +2025-11-08T00:00:00+00:00
    -2025-11-10T00:00:00+00:00
    ");
}

#[test]
fn several_windows_of_a_day_all_count_and_blocked_beats_allowed() {
    let rules = policy(
        "timezone: Europe/London
allowed_windows:
  - {days: [Mon], hours: 09:00-11:00}
  - {days: [Mon], hours: 10:00-12:00}
  - {days: [Mon], hours: 14:00-16:00}
blocked_windows: [{hours: 15:00-15:30}]
blocked_dates: [2025-11-10, {date: 2025-11-17, hours: 08:00-14:30}]",
    );
    insta::assert_snapshot!(changes(&rules, "2025-11-09T00:00:00Z", 6), @r"
    +2025-11-17T14:30:00+00:00
    -2025-11-17T15:00:00+00:00
    +2025-11-17T15:30:00+00:00
    -2025-11-17T16:00:00+00:00
    +2025-11-24T09:00:00+00:00
    -2025-11-24T12:00:00+00:00
    ");
}

#[test]
fn what_never_opens_or_closes_says_so() {
    let shut = policy("timezone: UTC\nblocked_windows: [{}]");
    assert_eq!(changes(&shut, "2025-11-09T00:00:00Z", 1), "never");
    let open = policy("timezone: UTC\nallowed_windows: [{}]");
    assert_eq!(changes(&open, "2025-11-09T00:00:00Z", 1), "never");
    let long = policy("timezone: UTC\nblocked_dates: [{from: 2025-01-01, to: 2026-10-01}]");
    assert_eq!(
        changes(&long, "2025-11-09T00:00:00Z", 1),
        "+2026-10-02T00:00:00+00:00"
    );
    for far in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        judged(&window("Mon", "22:00-04:00", "America/New_York"), far);
    }
}

#[test]
fn a_policy_as_large_as_allowed_is_judged_in_time() {
    let windows = |hours: &str| {
        let window = |index| format!("{{hours: '{hours}:{:02}-23:59'}}", index % 60);
        (0..100).map(window).collect::<Vec<_>>().join(", ")
    };
    let dates = (0..1000)
        .map(|day| {
            let date = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(day);
            date.to_string()
        })
        .collect::<Vec<_>>()
        .join(", ");
    let never = policy(&format!(
        "timezone: America/New_York\nallowed_windows: [{}]\nblocked_windows: [{}]\nblocked_dates: [{dates}]",
        windows("12"),
        windows("11"),
    ));
    assert_eq!(changes(&never, "2026-01-01T00:00:00Z", 1), "never");
}

/// One policy, and the same rules written as plain arithmetic on a wall clock.
struct Oracle {
    rules: String,
    open: fn(NaiveDateTime) -> bool,
}

fn minute(wall: NaiveDateTime) -> u32 {
    wall.hour() * 60 + wall.minute()
}

/// Minutes since Monday 00:00.
fn minute_of_week(wall: NaiveDateTime) -> u32 {
    wall.weekday().num_days_from_monday() * 1440 + minute(wall)
}

fn oracles() -> Vec<Oracle> {
    let window = |hours: &str| format!("allowed_windows: [{{hours: '{hours}'}}]");
    vec![
        Oracle {
            rules: window("01:30-02:30"),
            open: |wall| (90..150).contains(&minute(wall)),
        },
        Oracle {
            rules: window("02:15-02:45"),
            open: |wall| (135..165).contains(&minute(wall)),
        },
        Oracle {
            rules: window("22:00-02:15"),
            open: |wall| !(135..1320).contains(&minute(wall)),
        },
        Oracle {
            rules: window("03:00-02:00"),
            open: |wall| !(120..180).contains(&minute(wall)),
        },
        Oracle {
            rules: "allowed_windows: [{days: [Sat], hours: '23:30-02:30'}]".to_owned(),
            open: |wall| (5 * 1440 + 1410..6 * 1440 + 150).contains(&minute_of_week(wall)),
        },
        Oracle {
            rules: "allowed_windows: [{days: [Sun], hours: '23:30-02:30'}]".to_owned(),
            open: |wall| !(150..6 * 1440 + 1410).contains(&minute_of_week(wall)),
        },
        Oracle {
            rules:
                "allowed_windows: [{days: [Sun, Sat]}]\nblocked_windows: [{hours: '01:00-03:00'}]"
                    .to_owned(),
            open: |wall| minute_of_week(wall) >= 5 * 1440 && !(60..180).contains(&minute(wall)),
        },
        Oracle {
            rules: "blocked_windows: [{days: [Sun], hours: '00:00-24:00'}]".to_owned(),
            open: |wall| minute_of_week(wall) < 6 * 1440,
        },
    ]
}

/// Zones whose rules in chrono-tz are those of today until 2028.
const ZONES: [chrono_tz::Tz; 11] = [
    chrono_tz::America::New_York,
    chrono_tz::Europe::London,
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::America::Santiago,
    chrono_tz::America::St_Johns,
    chrono_tz::America::Havana,
    chrono_tz::America::Nuuk,
    chrono_tz::Asia::Gaza,
    chrono_tz::Asia::Kolkata,
    chrono_tz::Antarctica::Troll,
    chrono_tz::Pacific::Apia,
];

fn wall(zone: chrono_tz::Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// The hours in 2026 and 2027 in which the zone's offset changes; one ordinary hour if none does.
fn turns(zone: chrono_tz::Tz) -> Vec<DateTime<Utc>> {
    let start = instant("2026-01-01T00:00:00Z");
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let hours = (0..2 * 365 * 24).map(|hour| start + TimeDelta::hours(hour));
    let mut found: Vec<_> = hours
        .filter(|at| offset(*at) != offset(*at + TimeDelta::hours(1)))
        .collect();
    if found.is_empty() {
        found.push(start);
    }
    found
}

#[test]
fn openings_around_every_turn_of_the_clock_are_those_that_counting_minutes_finds() {
    let mut compared = 0;
    for zone in ZONES {
        let turns = turns(zone);
        for oracle in oracles() {
            let policy = policy(&format!("timezone: {zone}\n{}", oracle.rules));
            for turn in &turns {
                let start = *turn - TimeDelta::hours(50);
                let minutes: Vec<DateTime<Utc>> = (0..100 * 60)
                    .map(|minute| start + TimeDelta::minutes(minute))
                    .collect();
                let mut asked_from = start - TimeDelta::seconds(1);
                let mut was = (oracle.open)(wall(zone, start - TimeDelta::minutes(1)));
                for at in minutes {
                    let open = (oracle.open)(wall(zone, at));
                    if (at - *turn).abs() < TimeDelta::hours(4) {
                        assert_eq!(
                            times(&policy).is_open(at),
                            open,
                            "{zone} {at} {}",
                            oracle.rules
                        );
                    }
                    if open != was {
                        let found = if open {
                            times(&policy).next_open(asked_from)
                        } else {
                            times(&policy).next_closed(asked_from)
                        };
                        assert_eq!(found, Some(at), "{zone} {asked_from} {}", oracle.rules);
                        compared += 1;
                        asked_from = at;
                    }
                    was = open;
                }
            }
        }
    }
    assert!(compared > 1_500, "only {compared} changes were compared");
}

#[test]
fn the_rules_are_newer_than_those_of_the_second_opinion() {
    // British Columbia stays on daylight saving time from November 2026 on; Morocco's rules for
    // 2026 changed too.
    let vancouver = window("", "09:00-17:00", "America/Vancouver");
    insta::assert_snapshot!(changes(&vancouver, "2026-12-01T12:00:00Z", 1), @"+2026-12-01T09:00:00-07:00");
}

prop_compose! {
    fn some_times(date: bool)(
        days in prop::collection::vec(prop::sample::select(vec!["mon", "TUE", "Wednesday", "thu", "Friday", "sat", "Sun"]), 1..4),
        day in 0_u64..800,
        length in 0_u64..4,
        start in 0_u32..1440,
        minutes in 1_u32..1440,
        zone in prop::sample::select(&ZONES[..]),
        whole in any::<bool>(),
    ) -> String {
        let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(day);
        let days = if date {
            format!("from: {first}, to: {}", first + Days::new(length))
        } else {
            format!("days: [{}]", days.join(", "))
        };
        let end = (start + minutes) % 1440;
        let hours = format!(", hours: '{:02}:{:02}-{:02}:{:02}'", start / 60, start % 60, end / 60, end % 60);
        format!("{{{days}{}, timezone: {zone}}}", if whole { "" } else { &hours })
    }
}

prop_compose! {
    fn some_policy()(
        allowed in prop::collection::vec(some_times(false), 0..3),
        blocked in prop::collection::vec(some_times(false), 0..2),
        dates in prop::collection::vec(some_times(true), 1..4),
    ) -> String {
        let mut text = "version: 1\n".to_owned();
        if !allowed.is_empty() {
            text += &format!("allowed_windows: [{}]\n", allowed.join(", "));
        }
        text + &format!("blocked_windows: [{}]\nblocked_dates: [{}]\n", blocked.join(", "), dates.join(", "))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_next_change_is_the_first_one(text in some_policy(), seconds in 0_i64..63_000_000, nanoseconds in 0_i64..1_000_000_000) {
        let policy = Policy::parse(&text, "p.yaml").unwrap();
        let now = instant("2026-01-01T00:00:00Z") + TimeDelta::seconds(seconds) + TimeDelta::nanoseconds(nanoseconds);
        let verdict = judged(&policy, now);
        let open = times(&policy).is_open(now);
        let wrong_side = if open { verdict.opens_at } else { verdict.closes_at };
        prop_assert_eq!(wrong_side, None);
        prop_assert_eq!(verdict.lets_through(), open);
        if let Some(next) = verdict.opens_at.or(verdict.closes_at) {
            let next = next.to_utc();
            prop_assert!(next > now);
            prop_assert_eq!(times(&policy).is_open(next), !open);
            prop_assert_eq!(times(&policy).is_open(next - TimeDelta::seconds(1)), open);
            let mut between = now;
            while between < next && between - now < TimeDelta::days(20) {
                prop_assert_eq!(times(&policy).is_open(between), open, "{}", between);
                between += TimeDelta::minutes(7);
            }
        }
    }
}
