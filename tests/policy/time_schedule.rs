//! Windows by cron schedule: starts as the library that Argo CD uses has them, and every slip named.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use shipgate::policy::{Action, Policy, Request};

/// What robfig/cron v3.0.1 says; starts.go beside it wrote it.
const STARTS: &str = include_str!("../../fixtures/cron/starts.csv");

fn window(keys: &str, zone: &str) -> Result<Policy, String> {
    let text = format!("version: 1\ntimezone: {zone}\nallowed_windows: [{{{keys}}}]\n");
    Policy::parse(&text, "p.yaml").map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n  => ")
    })
}

fn schedule(cron: &str, duration: &str, zone: &str) -> Result<Policy, String> {
    window(&format!("schedule: '{cron}', duration: {duration}"), zone)
}

fn instant(text: &str) -> DateTime<Utc> {
    let minutes = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ");
    minutes.unwrap().and_utc()
}

/// Every opening between two instants, in the policy's zone.
fn openings(policy: &Policy, from: &str, until: &str) -> String {
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    let local = |at: DateTime<Utc>| policy.zone().at(at).format("%F %H:%M%:z").to_string();
    let open = timetable.open(instant(from), instant(until));
    let lines: Vec<String> = open
        .iter()
        .map(|open| format!("{} to {}", local(open.start), local(open.end)))
        .collect();
    lines.join("\n")
}

#[test]
fn schedules_start_when_argo_cd_would_start_them() {
    let mut compared = 0;
    for row in STARTS.lines().skip(1) {
        let [cron, after, starts] = row.split(';').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        // Shorter than the minute between two starts, so that each of them shows.
        let policy = schedule(cron, "30s", "UTC");
        if starts == "never" {
            let refused = policy.unwrap_err();
            assert!(refused.contains("never comes"), "{row}: {refused}");
            continue;
        }
        let policy = policy.unwrap();
        let timetable = policy.timetable(&Request::new(Action::Deploy));
        let expected: Vec<DateTime<Utc>> = starts.split(' ').map(instant).collect();
        let after = instant(after) + TimeDelta::seconds(30);
        let until = *expected.last().unwrap() + TimeDelta::seconds(1);
        let open = timetable.open(after, until);
        let found: Vec<DateTime<Utc>> = open.iter().map(|open| open.start).collect();
        assert_eq!(found, expected, "{row}");
        for start in expected {
            assert!(!timetable.is_open(start - TimeDelta::seconds(1)), "{row}");
            assert!(timetable.is_open(start), "{row}");
            assert!(timetable.is_open(start + TimeDelta::seconds(29)), "{row}");
            assert!(!timetable.is_open(start + TimeDelta::seconds(30)), "{row}");
            compared += 1;
        }
    }
    assert!(compared > 1_900, "only {compared} starts were compared");
}

#[test]
fn a_window_lasts_its_duration_on_the_clock_on_the_wall() {
    let cases = [
        // Overlapping starts are one opening: the holiday that people write as `0 * 15 JAN *`.
        ("0 * 15 JAN *", "24h", "UTC", "2026-01-01 2026-02-01"),
        // Touching ones too.
        ("*/30 9,10 * * *", "30m", "UTC", "2026-01-01 2026-01-02"),
        // Only leap years have the day.
        ("0 0 29 2 *", "1d", "Europe/London", "2024-01-01 2033-01-01"),
        // 7 is Sunday too, also at the end of a range.
        ("0 1 * * 7", "90m", "UTC", "2026-01-01 2026-01-12"),
        ("0 1 * * 6-7", "1.5h", "UTC", "2026-01-01 2026-01-05"),
        // A start that spring skips opens after the gap; the end is what the clock shows.
        (
            "30 2 * * *",
            "1h",
            "America/New_York",
            "2026-03-07 2026-03-10",
        ),
        // Inside the repeated hour it opens twice, as in Argo CD.
        (
            "15 1 * * *",
            "30m",
            "America/New_York",
            "2026-11-01 2026-11-02",
        ),
        // Days long, over a change of the clock, and over the edge of what is asked.
        (
            "0 18 * * FRI",
            "2d15h",
            "America/New_York",
            "2026-10-31 2026-11-07",
        ),
        // A year that never ends.
        ("0 0 1 1 *", "366d", "UTC", "2026-02-01 2029-02-01"),
        // Every month, for as long as the longest: no hole.
        ("0 0 1 * *", "31d", "UTC", "2026-02-01 2026-06-01"),
    ];
    let rows = cases.map(|(cron, duration, zone, range)| {
        let policy = schedule(cron, duration, zone).unwrap();
        let (from, until) = range.split_once(' ').unwrap();
        let [from, until] = [from, until].map(|date| format!("{date}T00:00Z"));
        format!(
            "{cron} for {duration}\n{}\n",
            openings(&policy, &from, &until)
        )
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    0 * 15 JAN * for 24h
    2026-01-15 00:00+00:00 to 2026-01-16 23:00+00:00

    */30 9,10 * * * for 30m
    2026-01-01 09:00+00:00 to 2026-01-01 11:00+00:00

    0 0 29 2 * for 1d
    2024-02-29 00:00+00:00 to 2024-03-01 00:00+00:00
    2028-02-29 00:00+00:00 to 2028-03-01 00:00+00:00
    2032-02-29 00:00+00:00 to 2032-03-01 00:00+00:00

    0 1 * * 7 for 90m
    2026-01-04 01:00+00:00 to 2026-01-04 02:30+00:00
    2026-01-11 01:00+00:00 to 2026-01-11 02:30+00:00

    0 1 * * 6-7 for 1.5h
    2026-01-03 01:00+00:00 to 2026-01-03 02:30+00:00
    2026-01-04 01:00+00:00 to 2026-01-04 02:30+00:00

    30 2 * * * for 1h
    2026-03-07 02:30-05:00 to 2026-03-07 03:30-05:00
    2026-03-08 03:00-04:00 to 2026-03-08 03:30-04:00
    2026-03-09 02:30-04:00 to 2026-03-09 03:30-04:00

    15 1 * * * for 30m
    2026-11-01 01:15-04:00 to 2026-11-01 01:45-04:00
    2026-11-01 01:15-05:00 to 2026-11-01 01:45-05:00

    0 18 * * FRI for 2d15h
    2026-10-30 20:00-04:00 to 2026-11-02 09:00-05:00
    2026-11-06 18:00-05:00 to 2026-11-06 19:00-05:00

    0 0 1 1 * for 366d
    2026-02-01 00:00+00:00 to 2029-02-01 00:00+00:00

    0 0 1 * * for 31d
    2026-02-01 00:00+00:00 to 2026-06-01 00:00+00:00
    ");
}

#[test]
fn schedules_are_refused_with_the_field_and_its_range() {
    let rows = [
        "",
        "0 2 * *",
        "2",
        "0 0 2 * * *",
        "0 0 2 * * * 2026",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * 0 *",
        "* * * * 8",
        "* * * * Mond",
        "* * * Sept *",
        "Mon * * * *",
        "5-1 * * * *",
        "0 0 * * FRI-MON",
        "1-2-3 * * * *",
        "*/0 * * * *",
        "*/x * * * *",
        "1/2/3 * * * *",
        "*-5 * * * *",
        "1,,2 * * * *",
        ", * * * *",
        "- * * * *",
        "+5 * * * *",
        "-5 * * * *",
        "1.5 * * * *",
        "99999999999 * * * *",
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 * * 5#3",
        "@daily",
        "@Weekly",
        "@every 1h",
        "@reboot",
        "TZ=UTC 0 0 * * *",
        "CRON_TZ=Asia/Tokyo 0 0 * *",
        "0 0 30 2 *",
        "0 0 31 4,6 ?",
        "0 2 * * \u{1b}[31m",
    ];
    let shown: Vec<String> = rows
        .iter()
        .map(|row| {
            let keys = format!("schedule: {}, duration: 4h", serde_json::json!(row));
            format!("{row:?}\n  => {}", window(&keys, "UTC").unwrap_err())
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    ""
      => 3:30: the schedule `` has 0 fields; expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`
    "0 2 * *"
      => 3:30: the schedule `0 2 * *` has 4 fields; expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`
    "2"
      => 3:30: the schedule `2` has 1 field; expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`
    "0 0 2 * * *"
      => 3:30: the schedule `0 0 2 * * *` has 6 fields; expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`; seconds and years are left out
    "0 0 2 * * * 2026"
      => 3:30: the schedule `0 0 2 * * * 2026` has 7 fields; expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`
    "60 * * * *"
      => 3:30: the schedule `60 * * * *`: `60` is not a minute; expected 0-59
    "* 24 * * *"
      => 3:30: the schedule `* 24 * * *`: `24` is not an hour; expected 0-23
    "* * 0 * *"
      => 3:30: the schedule `* * 0 * *`: `0` is not a day of month; expected 1-31
    "* * 32 * *"
      => 3:30: the schedule `* * 32 * *`: `32` is not a day of month; expected 1-31
    "* * * 13 *"
      => 3:30: the schedule `* * * 13 *`: `13` is not a month; expected 1-12 or JAN-DEC
    "* * * 0 *"
      => 3:30: the schedule `* * * 0 *`: `0` is not a month; expected 1-12 or JAN-DEC
    "* * * * 8"
      => 3:30: the schedule `* * * * 8`: `8` is not a day of week; expected 0-6 or SUN-SAT
    "* * * * Mond"
      => 3:30: the schedule `* * * * Mond`: `Mond` is not a day of week; expected 0-6 or SUN-SAT
    "* * * Sept *"
      => 3:30: the schedule `* * * Sept *`: `Sept` is not a month; expected 1-12 or JAN-DEC
    "Mon * * * *"
      => 3:30: the schedule `Mon * * * *`: `Mon` is not a minute; expected 0-59
    "5-1 * * * *"
      => 3:30: the schedule `5-1 * * * *`: `5-1` ends before it starts; write `5-59,0-1`
    "0 0 * * FRI-MON"
      => 3:30: the schedule `0 0 * * FRI-MON`: `FRI-MON` ends before it starts; write `FRI-6,0-MON`
    "1-2-3 * * * *"
      => 3:30: the schedule `1-2-3 * * * *`: `2-3` of `1-2-3` is not a minute; expected 0-59
    "*/0 * * * *"
      => 3:30: the schedule `*/0 * * * *`: the step of `*/0` is not a number from 1 on
    "*/x * * * *"
      => 3:30: the schedule `*/x * * * *`: the step of `*/x` is not a number from 1 on
    "1/2/3 * * * *"
      => 3:30: the schedule `1/2/3 * * * *`: the step of `1/2/3` is not a number from 1 on
    "*-5 * * * *"
      => 3:30: the schedule `*-5 * * * *`: `*` of `*-5` is not a minute; expected 0-59
    "1,,2 * * * *"
      => 3:30: the schedule `1,,2 * * * *`: `` is not a minute; expected 0-59
    ", * * * *"
      => 3:30: the schedule `, * * * *`: `` is not a minute; expected 0-59
    "- * * * *"
      => 3:30: the schedule `- * * * *`: `` of `-` is not a minute; expected 0-59
    "+5 * * * *"
      => 3:30: the schedule `+5 * * * *`: `+5` is not a minute; expected 0-59
    "-5 * * * *"
      => 3:30: the schedule `-5 * * * *`: `` of `-5` is not a minute; expected 0-59
    "1.5 * * * *"
      => 3:30: the schedule `1.5 * * * *`: `1.5` is not a minute; expected 0-59
    "99999999999 * * * *"
      => 3:30: the schedule `99999999999 * * * *`: `99999999999` is not a minute; expected 0-59
    "0 0 L * *"
      => 3:30: the schedule `0 0 L * *`: `L` is not a day of month; expected 1-31
    "0 0 15W * *"
      => 3:30: the schedule `0 0 15W * *`: `15W` is not a day of month; expected 1-31
    "0 0 * * 5#3"
      => 3:30: the schedule `0 0 * * 5#3`: `5#3` is not a day of week; expected 0-6 or SUN-SAT
    "@daily"
      => 3:30: the schedule `@daily` is a short name; for `@daily` write `0 0 * * *`
    "@Weekly"
      => 3:30: the schedule `@Weekly` is a short name; for `@weekly` write `0 0 * * 0`
    "@every 1h"
      => 3:30: the schedule `@every 1h` has 2 fields; expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`
    "@reboot"
      => 3:30: the schedule `@reboot` has 1 field; expected five fields: minute, hour, day of month, month, day of week, such as `0 22 * * 1-5`
    "TZ=UTC 0 0 * * *"
      => 3:30: the schedule `TZ=UTC 0 0 * * *` names a time zone or a variable; write the zone as `timezone`
    "CRON_TZ=Asia/Tokyo 0 0 * *"
      => 3:30: the schedule `CRON_TZ=Asia/Tokyo 0 0 * *` names a time zone or a variable; write the zone as `timezone`
    "0 0 30 2 *"
      => 3:30: the schedule `0 0 30 2 *` never comes: no month of it has such a day
    "0 0 31 4,6 ?"
      => 3:30: the schedule `0 0 31 4,6 ?` never comes: no month of it has such a day
    "0 2 * * \u{1b}[31m"
      => 3:30: the schedule `0 2 * * \u{1b}[31m`: `\u{1b}[31m` is not a day of week; expected 0-6 or SUN-SAT
    "#);
}

#[test]
fn a_window_says_when_in_one_way_and_whole() {
    let rows = [
        "schedule: 0 22 * * *",
        "duration: 4h",
        "schedule: 0 22 * * *, duration: 4h, days: [Mon]",
        "schedule: 0 22 * * *, duration: 4h, hours: 22:00-02:00",
        "schedule: 0 22 * * *, days: [Mon]",
        "schedule: 0 22 * * *, duration: 0",
        "schedule: 0 22 * * *, duration: 0s",
        "schedule: 0 22 * * *, duration: 367d",
        "schedule: 0 22 * * *, duration: -1h",
        "schedule: 0 22 * * *, duration: 4",
        "schedule: 0 22 * * *, duration: \"4\"",
        "schedule: 0 22 * * *, duration: 4 hours",
        "schedule: 0 22 * * *, duration: \"\"",
        "schedule: 0 25 * * *, duration: forever",
        "schedule: 5, duration: 4h",
        "shedule: 0 22 * * *, duration: 4h",
    ];
    let shown: Vec<String> = rows
        .iter()
        .map(|row| format!("{row}\n  => {}", window(row, "UTC").unwrap_err()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    schedule: 0 22 * * *
      => 3:30: `schedule` says when the window starts; add how long it lasts, such as `duration: 4h`
    duration: 4h
      => 3:30: `duration` says how long the window lasts; add when it starts, such as `schedule: 0 22 * * 1-5`
    schedule: 0 22 * * *, duration: 4h, days: [Mon]
      => 3:30: `schedule` and `days` both say when; keep one of them
    schedule: 0 22 * * *, duration: 4h, hours: 22:00-02:00
      => 3:30: `schedule` and `hours` both say when; keep one of them
    schedule: 0 22 * * *, days: [Mon]
      => 3:30: `schedule` and `days` both say when; keep one of them
    schedule: 0 22 * * *, duration: 0
      => 3:52: `allowed_windows.0.duration`: 0 is not of type "string"
    schedule: 0 22 * * *, duration: 0s
      => 3:52: `0s` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    schedule: 0 22 * * *, duration: 367d
      => 3:52: `367d` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    schedule: 0 22 * * *, duration: -1h
      => 3:52: `-1h` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    schedule: 0 22 * * *, duration: 4
      => 3:52: `allowed_windows.0.duration`: 4 is not of type "string"
    schedule: 0 22 * * *, duration: "4"
      => 3:52: `4` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    schedule: 0 22 * * *, duration: 4 hours
      => 3:52: `4 hours` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    schedule: 0 22 * * *, duration: ""
      => 3:52: `` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    schedule: 0 25 * * *, duration: forever
      => 3:30: the schedule `0 25 * * *`: `25` is not an hour; expected 0-23
      => 3:52: `forever` is not how long a window can last; expected a duration with a unit, such as 30m, 1h30m or 2d, of at most 366d
    schedule: 5, duration: 4h
      => 3:30: `allowed_windows.0.schedule`: 5 is not of type "string"
    shedule: 0 22 * * *, duration: 4h
      => 3:20: unknown key `shedule`; did you mean `schedule`?
    "#);
}

#[test]
fn more_rules_than_can_be_judged_quickly_are_refused() {
    let windows = |count: usize, keys: &str| {
        let window = format!("{{{keys}}}");
        let windows = vec![window; count].join(", ");
        let text = format!("version: 1\ntimezone: UTC\nallowed_windows: [{windows}]\n");
        let said = match Policy::parse(&text, "p.yaml") {
            Ok(_) => "accepted".to_owned(),
            Err(findings) => findings[0].to_string(),
        };
        format!("{count} of {keys}: {said}")
    };
    let every_other_minute = "schedule: '*/2 * * * *', duration: 1m";
    let rows = [
        windows(2_000, "hours: 10:00-11:00"),
        windows(2_001, "hours: 10:00-11:00"),
        windows(10_000, "hours: 10:00-11:00"),
        windows(6, every_other_minute),
        windows(7, every_other_minute),
        // Starts that leave no hole between them are one opening.
        windows(1_000, "schedule: '*/2 * * * *', duration: 2m"),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r"
    2000 of hours: 10:00-11:00: accepted
    2001 of hours: 10:00-11:00: 3:18: `allowed_windows` has 2001 entries; at most 2000
    10000 of hours: 10:00-11:00: 3:18: `allowed_windows` has 10000 entries; at most 2000
    6 of schedule: '*/2 * * * *', duration: 1m: accepted
    7 of schedule: '*/2 * * * *', duration: 1m: 3:265: with this the rules begin more often than 5000 times a day in all (a recurrence rule counts as 10), which is more than can be judged quickly; let them start less often and last longer
    1000 of schedule: '*/2 * * * *', duration: 2m: accepted
    ");
    // Two years of them, none of which opens.
    let window = format!("{{{every_other_minute}}}");
    let text = format!(
        "version: 1\ntimezone: UTC\nblocked_windows: [{{}}]\nallowed_windows: [{window}, {window}]\n"
    );
    let policy = Policy::parse(&text, "p.yaml").unwrap();
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    assert_eq!(timetable.next_open(instant("2026-01-01T00:00Z")), None);
}
