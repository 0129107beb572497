//! Random rules of every kind: what is listed as open is what each minute says by itself.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use shipgate::policy::{Action, Policy, Request};

/// Half hours, quarters of a day that move, a day that came twice, none at all.
const ZONES: [&str; 8] = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Kolkata",
];
/// Weeks in which the clocks of most of those change, and New Year in a leap year.
const STARTS: [&str; 6] = [
    "2026-03-06",
    "2026-03-27",
    "2026-04-03",
    "2026-09-04",
    "2026-10-23",
    "2027-12-29",
];

fn some_hours() -> impl Strategy<Value = String> {
    (0_u32..96, 1_u32..96).prop_map(|(start, length)| {
        let shown = |quarter: u32| format!("{:02}:{:02}", quarter % 96 / 4, quarter % 4 * 15);
        format!("{}-{}", shown(start), shown(start + length))
    })
}

fn some_field(least: u32, most: u32) -> impl Strategy<Value = String> {
    let number = least..=most;
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => number.clone().prop_map(|number| number.to_string()),
        1 => (number.clone(), number).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1_u32..20).prop_map(|step| format!("*/{step}")),
    ]
}

/// The keys of a window of any kind, and whether it can be a blocked date.
fn some_window() -> impl Strategy<Value = String> {
    let days =
        prop::sample::subsequence(vec!["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], 1..4);
    let weekly = (days, some_hours())
        .prop_map(|(days, hours)| format!("days: [{}], hours: '{hours}'", days.join(", ")));
    let durations = ["1m", "20m", "90m", "1d", "26h30m", "5d", "40d", "366d"];
    let cron = (
        some_field(0, 59),
        some_field(0, 23),
        some_field(1, 31),
        some_field(1, 12),
        some_field(0, 7),
    );
    let schedule = (cron, prop::sample::select(durations.to_vec())).prop_map(
        |((minute, hour, day, month, weekday), duration)| {
            format!("schedule: '{minute} {hour} {day} {month} {weekday}', duration: {duration}")
        },
    );
    let once = (0_i64..20_000, 1_i64..8_000, any::<bool>()).prop_map(|(start, length, exact)| {
        let base: NaiveDate = "2026-03-01".parse().unwrap();
        let start = base.and_hms_opt(0, 0, 0).unwrap() + TimeDelta::minutes(start);
        let end = start + TimeDelta::minutes(length);
        let form = if exact {
            "%Y-%m-%dT%H:%M:%SZ"
        } else {
            "%Y-%m-%d %H:%M"
        };
        format!("from: {}, to: {}", start.format(form), end.format(form))
    });
    prop_oneof![weekly, schedule, once]
}

fn some_date() -> impl Strategy<Value = String> {
    let rules = [
        "last Sunday of March",
        "last Sunday of October",
        "2nd Sunday of March",
        "Easter - 2 days",
        "December 25 observed",
        "January 1 observed",
        "December 31 + 1 day",
        "1st Sunday of April",
        "first Saturday of September + 1 day",
        "February 29",
        "Easter",
    ];
    let rule = prop::sample::select(rules.to_vec()).prop_map(|rule| format!("rule: {rule}"));
    let first: NaiveDate = "2026-03-01".parse().unwrap();
    let range = (0_i64..660, 0_i64..4).prop_map(move |(start, length)| {
        let start = first + TimeDelta::days(start);
        format!("from: {start}, to: {}", start + TimeDelta::days(length))
    });
    let hours = prop::option::of(some_hours());
    (prop_oneof![rule, range], hours).prop_map(|(date, hours)| match hours {
        Some(hours) => format!("{date}, hours: '{hours}'"),
        None => date,
    })
}

fn in_some_zone(keys: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (keys, prop::sample::select(&ZONES[..]))
        .prop_map(|(keys, zone)| format!("{{{keys}, timezone: {zone}}}"))
}

fn midnight(date: &str) -> DateTime<Utc> {
    let date: NaiveDate = date.parse().unwrap();
    date.and_hms_opt(0, 0, 0).unwrap().and_utc()
}

fn compare(text: &str, from: DateTime<Utc>, days: i64) {
    let policy = match Policy::parse(text, "p.yaml") {
        Ok(policy) => policy,
        // The only thing that a random schedule can have wrong.
        Err(findings) => {
            assert!(
                findings.iter().all(|it| it.message.contains("never comes")),
                "{findings:?}"
            );
            return;
        }
    };
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    let until = from + TimeDelta::days(days);
    let open = timetable.open(from, until);
    let mut minutes = (0..days * 1440).map(|minute| from + TimeDelta::minutes(minute));
    let mut listed = open.iter().peekable();
    let wrong = minutes.find(|at| {
        while listed.peek().is_some_and(|open| open.end <= *at) {
            listed.next();
        }
        let inside = listed.peek().is_some_and(|open| open.start <= *at);
        inside != timetable.is_open(*at)
    });
    assert_eq!(wrong, None, "{text}");
    for interval in &open {
        assert!(from <= interval.start && interval.start < interval.end && interval.end <= until);
        let last = interval.end - TimeDelta::nanoseconds(1);
        assert!(
            timetable.is_open(interval.start) && timetable.is_open(last),
            "{text}"
        );
    }
    for (before, next) in open.iter().zip(open.iter().skip(1)) {
        assert!(before.end < next.start, "{text}");
    }
    let changes = timetable.changes(from, until);
    if let Some(first) = changes.first() {
        let next = if first.open {
            timetable.next_open(from)
        } else {
            timetable.next_closed(from)
        };
        assert_eq!(next, Some(first.at), "{text}");
    }
    let mut state = timetable.is_open(from);
    for change in changes {
        assert_ne!(change.open, state, "{text}");
        state = change.open;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_rule_by_itself_is_open_when_every_minute_says_so(
        rule in prop_oneof![
            in_some_zone(some_window()).prop_map(|window| format!("allowed_windows: [{window}]")),
            in_some_zone(some_window()).prop_map(|window| format!("blocked_windows: [{window}]")),
            in_some_zone(some_date()).prop_map(|date| format!("blocked_dates: [{date}]")),
        ],
        start in prop::sample::select(&STARTS[..]),
    ) {
        compare(&format!("version: 1\n{rule}\n"), midnight(start), 4);
    }

    #[test]
    fn many_rules_together_are_open_when_every_minute_says_so(
        allowed in prop::collection::vec(in_some_zone(some_window()), 1..5),
        blocked in prop::collection::vec(in_some_zone(some_window()), 0..3),
        dates in prop::collection::vec(in_some_zone(some_date()), 0..3),
        start in prop::sample::select(&STARTS[..]),
    ) {
        let list = |key: &str, rules: &[String]| format!("{key}: [{}]\n", rules.join(", "));
        let text = format!(
            "version: 1\n{}{}{}",
            list("allowed_windows", &allowed),
            list("blocked_windows", &blocked),
            list("blocked_dates", &dates),
        );
        compare(&text, midnight(start), 4);
    }

    #[test]
    fn parts_of_a_long_time_are_put_together_without_a_seam(
        allowed in prop::collection::vec(in_some_zone(some_window()), 0..3),
        blocked in prop::collection::vec(in_some_zone(some_window()), 1..3),
        start in 0_i64..400,
        days in 1_i64..400,
    ) {
        let allowed = match &allowed[..] {
            [] => String::new(),
            allowed => format!("allowed_windows: [{}]\n", allowed.join(", ")),
        };
        let text = format!("version: 1\n{allowed}blocked_windows: [{}]\n", blocked.join(", "));
        let Ok(policy) = Policy::parse(&text, "p.yaml") else {
            return Ok(());
        };
        let timetable = policy.timetable(&Request::new(Action::Deploy));
        let from = midnight("2026-01-01") + TimeDelta::days(start);
        let until = from + TimeDelta::days(days);
        let open = timetable.open(from, until);
        // Cut at another place, each opening is one or, over the cut, two.
        let cut = from + (until - from) / 3;
        let mut parts = timetable.open(from, cut);
        for interval in timetable.open(cut, until) {
            match parts.last_mut() {
                Some(last) if last.end == interval.start => last.end = interval.end,
                _ => parts.push(interval),
            }
        }
        prop_assert_eq!(&open, &parts);
        let next = open.iter().find(|open| open.start > from);
        if let Some(next) = next {
            prop_assert_eq!(timetable.next_open(from), Some(next.start));
            let enough = timetable.next_open_for(from, TimeDelta::hours(3));
            let long = |open: &&shipgate::policy::Interval| {
                open.start > from && open.end < until && open.end - open.start >= TimeDelta::hours(3)
            };
            if let Some(long) = open.iter().find(long) {
                prop_assert!(enough <= Some(long.start));
            }
        }
    }
}
