//! How long policies with many rules take: `cargo bench --bench policy_time`. Each row is the best of
//! five runs. A word of a row's name after `--` runs that row alone, to see its peak memory.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a stopwatch with a table on the terminal; a surprise ends it"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use shipgate::policy::{Action, Facts, Policy, Request, evaluate};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = arguments.iter().find(|argument| !argument.starts_with('-'));
    // `cargo bench` says so; anything else only looks whether it runs.
    let measured = arguments.iter().any(|argument| argument == "--bench");
    let runs = if measured { 5 } else { 1 };
    for (name, job) in JOBS {
        if named.is_none_or(|wanted| name.contains(wanted.as_str())) {
            let best = (0..runs).map(|_| job()).min().unwrap();
            println!("{:>8.1} ms  {name}", best.as_secs_f64() * 1000.0);
        }
    }
}

type Job = (&'static str, fn() -> Duration);

/// Each makes its text, then measures.
const JOBS: [Job; 6] = [
    ("verdict: the example policy", || {
        verdict(include_str!("../policies/production.yaml"))
    }),
    ("verdict: 2,000 windows, one opens today", || {
        verdict(&windows(2_000, ""))
    }),
    ("verdict: 2,000 windows, none opens in two years", || {
        verdict(&windows(2_000, "blocked_windows: [{}]\n"))
    }),
    ("verdict: 4,998 openings a day, none in two years", || {
        verdict(&schedules(1_999))
    }),
    ("refusal: 10,000 windows", || refusal(&windows(10_000, ""))),
    ("changes: ten years of 50 windows and 200 dates", changes),
];

fn now() -> DateTime<Utc> {
    "2026-01-01T17:00:00Z".parse().unwrap()
}

fn verdict(text: &str) -> Duration {
    let begin = Instant::now();
    let policy = Policy::parse(text, "p.yaml").unwrap();
    let request = Request {
        service: Some("advertisements".to_owned()),
        environment: Some("production".to_owned()),
        ..Request::new(Action::Deploy)
    };
    black_box(evaluate(&policy, &request, &Facts::default(), now()));
    begin.elapsed()
}

fn windows(count: usize, more: &str) -> String {
    let zones = ["America/New_York", "Europe/London", "Asia/Kolkata"];
    let mut text = format!("version: 1\ntimezone: UTC\n{more}allowed_windows:\n");
    for index in 0..count {
        let zone = zones[index % zones.len()];
        text += &format!("  - {{name: window {index}, hours: 01:00-02:00, timezone: {zone}}}\n");
    }
    text
}

/// Two or three starts a day each.
fn schedules(count: usize) -> String {
    let zone = "America/New_York";
    let mut text =
        format!("version: 1\ntimezone: {zone}\nblocked_windows: [{{}}]\nallowed_windows:\n");
    for index in 0..count {
        let hours = if index % 2 == 0 { "3,13" } else { "1,9,17" };
        text += &format!(
            "  - {{schedule: '{} {hours} * * *', duration: 30m}}\n",
            index % 60
        );
    }
    text
}

fn changes() -> Duration {
    let day = |index: u64| NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(index * 18);
    let mut text = "version: 1\ntimezone: America/New_York\nallowed_windows:\n".to_owned();
    for index in 0..50 {
        text += &format!(
            "  - {{days: [Mon, Wed, Fri], hours: '{:02}:{:02}-{:02}:45'}}\n",
            index % 20,
            index % 30,
            index % 20 + 2
        );
    }
    text += "blocked_dates:\n";
    for index in 0..190 {
        text += &format!("  - {}\n", day(index));
    }
    for month in ["January", "March", "May", "July", "September"] {
        text += &format!("  - rule: last Monday of {month}\n  - rule: {month} 4 observed\n");
    }
    let policy = Policy::parse(&text, "p.yaml").unwrap();
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    let begin = Instant::now();
    black_box(timetable.changes(now(), now() + TimeDelta::days(3652)));
    begin.elapsed()
}

fn refusal(text: &str) -> Duration {
    let begin = Instant::now();
    assert!(Policy::parse(text, "p.yaml").is_err());
    begin.elapsed()
}
