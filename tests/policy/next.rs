//! `shipgate next`: openings, calendar, iCalendar and JSON as a user gets them, and the sweep behind
//! them against the timetable's own answers.

use std::{collections::BTreeSet, fs};

use chrono::{DateTime, TimeDelta, Utc};
use icalendar::{Calendar, Component};
use proptest::prelude::*;
use shipgate::policy::{Action, ClockState, Policy, Request};

const PRODUCTION: &str = "policies/production.yaml";

/// Runs `shipgate` in the repository's root; returns exit code, standard output and errors.
fn shipgate(arguments: &[&str]) -> (i32, String, String) {
    let output = assert_cmd::Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn next(policy: &str, from: &str, more: &[&str]) -> String {
    let mut arguments = vec!["next", "--policy", policy, "--from", from];
    arguments.extend(more);
    let (code, stdout, stderr) = shipgate(&arguments);
    assert_eq!(code, 0, "{stdout}{stderr}");
    stdout
}

#[test]
fn openings_tell_when_how_long_and_why() {
    let text = next(PRODUCTION, "2025-12-01T20:00:00Z", &["--days", "8"]);
    insta::assert_snapshot!(text, @r#"
    CLOSED  closed for deploy by "Thanksgiving weekend" until Tue 2025-12-02 02:00 America/New_York
            (2025-12-02T07:00:00Z), when "night" begins

      for         deploy
      range       Mon 2025-12-01 15:00 to Tue 2025-12-09 15:00 America/New_York
      policy      policies/production.yaml, sha256 5f8f5219d559

    openings (America/New_York)
      opens                 closes  length  opens because          closes because        approval
      Tue 2025-12-02 02:00  06:00   4h      "night" begins         "night" ends          no
      Wed 2025-12-03 02:00  06:00   4h      "night" begins         "night" ends          no
      Thu 2025-12-04 02:00  05:00   3h      "night" begins         "payment run" blocks  no
      Fri 2025-12-05 01:00  02:00   1h      "early Friday" begins  "early Friday" ends   needed
      Mon 2025-12-08 02:00  06:00   4h      "night" begins         "night" ends          no
      Tue 2025-12-09 02:00  06:00   4h      "night" begins         "night" ends          no
    "#);
    let text = next(PRODUCTION, "2025-12-02T08:00:00Z", &["--days", "1"]);
    insta::assert_snapshot!(text, @r#"
    OPEN  open for deploy until Tue 2025-12-02 06:00 America/New_York (2025-12-02T11:00:00Z), when
          "night" ends

      for         deploy
      range       Tue 2025-12-02 03:00 to Wed 2025-12-03 03:00 America/New_York
      policy      policies/production.yaml, sha256 5f8f5219d559

    openings (America/New_York)
      opens                 closes  length  opens because   closes because  approval
      Tue 2025-12-02 02:00  06:00   4h      "night" begins  "night" ends    no
      Wed 2025-12-03 02:00  06:00   4h      "night" begins  "night" ends    no
    "#);
}

#[test]
fn a_calendar_names_the_closed_days() {
    let text = next(
        PRODUCTION,
        "2026-11-23T05:00:00Z",
        &["--days", "7", "--calendar"],
    );
    insta::assert_snapshot!(text, @r#"
    CLOSED  closed for deploy until Mon 2026-11-23 02:00 America/New_York (2026-11-23T07:00:00Z), when
            "night" begins

      for         deploy
      range       Mon 2026-11-23 00:00 to Mon 2026-11-30 00:00 America/New_York
      policy      policies/production.yaml, sha256 5f8f5219d559

    calendar (America/New_York)
      day             open                          blocked
      Mon 2026-11-23  02:00-06:00
      Tue 2026-11-24  02:00-06:00
      Wed 2026-11-25  02:00-06:00
      Thu 2026-11-26  closed                        "Thanksgiving"
      Fri 2026-11-27  01:00-02:00 with an approval
      Sat 2026-11-28  closed
      Sun 2026-11-29  closed
    "#);
    // The clock is put back over the end of the window.
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("fold.yaml");
    fs::write(
        &policy,
        "version: 1\ntimezone: Europe/London\nallowed_windows: [{hours: '00:30-01:30'}, {hours: '22:00-23:00', approval_required: true}]\n",
    )
    .unwrap();
    let text = next(
        policy.to_str().unwrap(),
        "2026-10-24T08:00:00Z",
        &["--days", "2", "--calendar"],
    );
    let table = text.split("calendar").nth(1).unwrap();
    insta::assert_snapshot!(table, @r"
    (Europe/London)
     day             open                                                    blocked
     Sat 2026-10-24  22:00-23:00 with an approval
     Sun 2026-10-25  00:30-01:30, 01:00-01:30, 22:00-23:00 with an approval
    ");
}

#[test]
fn where_nothing_opens_it_says_so() {
    let frozen = next(
        "policies/freeze.yaml",
        "2025-12-20T12:00:00Z",
        &["--days", "3"],
    );
    insta::assert_snapshot!(frozen, @r#"
    CLOSED  closed for deploy by "year-end freeze" until Mon 2026-01-05 00:00 Europe/London
            (2026-01-05T00:00:00Z), when "year-end freeze" ends; no opening in these 3 days

      for         deploy
      range       Sat 2025-12-20 12:00 to Tue 2025-12-23 12:00 Europe/London
      policy      policies/freeze.yaml, sha256 f2e2d48140aa
    "#);
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("never.yaml");
    fs::write(
        &policy,
        "version: 1\ntimezone: UTC\nblocked_windows: [{name: stop}]\n",
    )
    .unwrap();
    let never = next(policy.to_str().unwrap(), "2025-12-20T12:00:00Z", &[]);
    assert!(
        never.contains("closed for deploy by \"stop\"; no opening in the next two years"),
        "{never}"
    );
    let rollback = next(
        policy.to_str().unwrap(),
        "2025-12-20T12:00:00Z",
        &["--action", "rollback"],
    );
    assert!(
        rollback.contains("open for rollback; no closing in the next two years"),
        "{rollback}"
    );
}

#[test]
fn a_freeze_is_said_before_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("open.yaml");
    fs::write(
        &policy,
        "version: 1\ntimezone: UTC\nallowed_windows: [{name: day, hours: '08:00-18:00'}]\n",
    )
    .unwrap();
    fs::write(folder.path().join("FREEZE"), "the database moves\n").unwrap();
    let text = next(policy.to_str().unwrap(), "2025-12-01T09:00:00Z", &[]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.starts_with("CLOSED frozen by "), "{text}");
    assert!(
        words.contains("FREEZE: the database moves; by the clock open for deploy until Mon"),
        "{text}"
    );
    let rollback = ["--action", "rollback"];
    let text = next(policy.to_str().unwrap(), "2025-12-01T09:00:00Z", &rollback);
    assert!(text.starts_with("OPEN  open for rollback"), "{text}");
}

#[test]
fn transitions_are_for_machines() {
    let text = next(
        PRODUCTION,
        "2025-12-04T08:00:00Z",
        &["--days", "1", "--output", "json"],
    );
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let picked = serde_json::json!([report["outlook"], report["transitions"]]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&picked).unwrap(), @r#"
    [
      {
        "action": "deploy",
        "from": "2025-12-04T03:00:00-05:00",
        "until": "2025-12-05T03:00:00-05:00",
        "state": "open",
        "approval_required": false,
        "timezone": "America/New_York",
        "policy": {
          "path": "policies/production.yaml",
          "commit": null,
          "sha256": "5f8f5219d559823d644ab0d65db5c7b504c2308acb1982a28247488eca4f4298",
          "files": []
        }
      },
      [
        {
          "at": "2025-12-04T05:00:00-05:00",
          "state": "closed",
          "approval_required": false,
          "reason": "\"payment run\" blocks",
          "rule": "blocked_windows[0]"
        },
        {
          "at": "2025-12-05T01:00:00-05:00",
          "state": "open",
          "approval_required": true,
          "reason": "\"early Friday\" begins",
          "rule": "allowed_windows[1]"
        },
        {
          "at": "2025-12-05T02:00:00-05:00",
          "state": "closed",
          "approval_required": false,
          "reason": "\"early Friday\" ends",
          "rule": "allowed_windows[1]"
        }
      ]
    ]
    "#);
    let schema = shipgate(&["schema", "report"]).1;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let errors: Vec<String> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

fn calendar(from: &str) -> String {
    let service = "b;c\\d which fills more than one line of a calendar: é 老虎";
    let service = ["--days", "14", "--output", "ics", "--service", service];
    next(PRODUCTION, from, &service)
}

#[test]
fn a_calendar_program_can_subscribe() {
    let text = calendar("2025-11-24T12:00:00Z");
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{} octets: {line}", line.len());
        assert!(!line.contains(['\r', '\n']), "{line:?}");
    }
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    let read: Calendar = text.parse().unwrap();
    let entries: Vec<String> = read
        .events()
        .map(|event| {
            let at = |name| event.property_value(name).unwrap();
            format!("{} {} {}", at("DTSTART"), at("DTEND"), at("SUMMARY"))
        })
        .collect();
    insta::assert_snapshot!(entries.join("\n"), @r#"
    20251125T070000Z 20251125T110000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: open
    20251126T050000Z 20251202T050000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: blocked by "Thanksgiving weekend"
    20251202T070000Z 20251202T110000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: open
    20251203T070000Z 20251203T110000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: open
    20251204T070000Z 20251204T100000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: open
    20251204T100000Z 20251204T120000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: blocked by "payment run"
    20251205T060000Z 20251205T070000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: open with an approval
    20251208T070000Z 20251208T110000Z deploy b;c\d which fills more than one line of a calendar: é 老虎: open
    "#);
    assert!(
        read.get_name()
            .unwrap()
            .starts_with("shipgate: deploy b;c\\d")
    );
    assert!(read.get_ttl().is_some());
    assert!(read.events().all(|event| event.get_timestamp().is_some()));
    // A later run finds the same entries under the same ids.
    let ids = |text: &str| -> BTreeSet<String> {
        let calendar: Calendar = text.parse().unwrap();
        let ids = calendar
            .events()
            .map(|event| event.get_uid().unwrap().to_owned());
        ids.collect()
    };
    let (first, second) = (ids(&text), ids(&calendar("2025-12-03T08:30:00Z")));
    assert_eq!(first.len(), entries.len());
    let shared: Vec<&String> = first.intersection(&second).collect();
    assert_eq!(shared.len(), 5, "{shared:#?}");
}

#[test]
fn what_cannot_be_answered_is_refused_as_check_refuses_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let scoped = write(
        "scoped.yaml",
        "version: 1\ntimezone: UTC\nblocked_windows: [{services: [ads]}]\n",
    );
    let broken = write("broken.yaml", "version: 1\nallowed_windows: [{}]\n");
    let rows: [(&[&str], i32, &str); 7] = [
        (&["--policy", &scoped], 2, "name it with --service NAME"),
        (
            &["--policy", &broken],
            3,
            "in which time zone is this window?",
        ),
        (
            &["--policy", PRODUCTION, "--environment", "staging"],
            3,
            "this policy is not for the environment `staging`",
        ),
        (&["--policy", PRODUCTION, "--days", "0"], 2, "--days"),
        (&["--policy", PRODUCTION, "--days", "3651"], 2, "--days"),
        (
            &["--policy", &scoped, "--service", "a,b"],
            2,
            "one service at a time",
        ),
        (&["--policy", &broken, "--output", "ics"], 3, ""),
    ];
    for (arguments, code, sentence) in rows {
        let (found, stdout, stderr) = shipgate(&[&["next"], arguments].concat());
        assert_eq!(found, code, "{arguments:?}: {stdout}{stderr}");
        assert!(
            format!("{stdout}{stderr}").contains(sentence),
            "{arguments:?}: {stdout}{stderr}"
        );
    }
    let (_, stdout, stderr) = shipgate(&["next", "--policy", &broken, "--output", "ics"]);
    assert_eq!(stdout, "", "a calendar program reads this");
    assert!(stderr.contains("CONFIG INVALID"), "{stderr}");
    let (code, stdout, _) = shipgate(&["check", "--policy", PRODUCTION, "--output", "ics"]);
    assert_eq!(code, 2);
    assert!(stdout.contains("`check` makes no calendar"), "{stdout}");
}

/// Windows and dates that overlap, touch, cross midnight and changes of the clock.
fn policies() -> impl Strategy<Value = String> {
    let hours = prop_oneof![
        Just("00:00-24:00"),
        Just("01:15-02:45"),
        Just("02:45-05:00"),
        Just("22:00-03:30"),
        Just("12:00-12:01"),
    ];
    let days = prop_oneof![Just("Mon, Tue"), Just("Sat"), Just("Sun, Mon"), Just("Wed")];
    let zone = prop_oneof![
        Just("America/New_York"),
        Just("Australia/Lord_Howe"),
        Just("UTC")
    ];
    let window = (days, hours.clone(), zone, any::<bool>());
    let windows = proptest::collection::vec(window, 0..4);
    let blocked = proptest::collection::vec((hours, 20_u32..31), 1..4);
    (windows, blocked).prop_map(|(windows, blocked)| {
        let mut text = "version: 1\ntimezone: America/New_York\n".to_owned();
        if !windows.is_empty() {
            text.push_str("allowed_windows:\n");
        }
        for (days, hours, zone, approval) in windows {
            text.push_str(&format!(
                "  - {{days: [{days}], hours: '{hours}', timezone: {zone}, approval_required: {approval}}}\n"
            ));
        }
        text.push_str("blocked_dates:\n");
        for (hours, day) in blocked {
            text.push_str(&format!("  - {{date: 2026-10-{day}, hours: '{hours}'}}\n"));
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_outlook_and_the_timetable_agree(
        text in policies(),
        start in 0_i64..40 * 24 * 60,
        days in 1_i64..20,
        probes in proptest::collection::vec(0.0_f64..1.0, 20),
    ) {
        let policy = Policy::parse(&text, "p.yaml").unwrap();
        let request = Request::new(Action::Deploy);
        let timetable = policy.timetable(&request);
        let from: DateTime<Utc> = "2026-10-10T00:00:00Z".parse().unwrap();
        let from = from + TimeDelta::minutes(start);
        let until = from + TimeDelta::days(days);
        let outlook = timetable.outlook(from, until);
        // The periods fill the range, and no two neighbours say the same.
        prop_assert!(outlook.periods[0].start.is_none_or(|start| start <= from));
        prop_assert!(outlook.periods.last().unwrap().end.is_none_or(|end| end >= until));
        for pair in outlook.periods.windows(2) {
            prop_assert_eq!(pair[0].end, pair[1].start);
            prop_assert_ne!(pair[0].state, pair[1].state);
            prop_assert_eq!(&pair[0].ends, &pair[1].begins);
        }
        let open = |state| state != ClockState::Closed;
        let mut ours: Vec<(DateTime<Utc>, bool)> = Vec::new();
        for pair in outlook.periods.windows(2) {
            if open(pair[0].state) != open(pair[1].state) {
                ours.push((pair[1].start.unwrap(), open(pair[1].state)));
            }
        }
        let theirs = timetable.changes(from, until);
        let theirs: Vec<_> = theirs.iter().map(|change| (change.at, change.open)).collect();
        prop_assert_eq!(ours, theirs);
        for probe in probes {
            let at = from + TimeDelta::seconds((probe * (days * 86_400) as f64) as i64);
            let period = outlook
                .periods
                .iter()
                .find(|period| period.end.is_none_or(|end| at < end))
                .unwrap();
            let expected = match (timetable.is_open(at), timetable.needs_approval(at)) {
                (false, _) => ClockState::Closed,
                (true, true) => ClockState::NeedsApproval,
                (true, false) => ClockState::Open,
            };
            prop_assert_eq!(period.state, expected, "{}", at);
        }
        // What goes on beyond the range goes on as the timetable says.
        let last = outlook.periods.last().unwrap();
        if let (ClockState::Closed, Some(end)) = (last.state, last.end) {
            prop_assert_eq!(timetable.next_open(until - TimeDelta::seconds(1)), Some(end));
        }
    }
}
