//! One-off windows: on the clock on the wall, by date, and as exact instants.

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::policy::{Action, Facts, Policy, Request, evaluate};

fn window(keys: &str, zone: &str) -> Result<Policy, String> {
    let zone = match zone {
        "" => String::new(),
        zone => format!("timezone: {zone}\n"),
    };
    let text = format!("version: 1\n{zone}blocked_windows: [{{{keys}}}]\n");
    Policy::parse(&text, "p.yaml").map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n  => ")
    })
}

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// When the window blocks in 2026, and what a verdict says of it then.
fn blocked(keys: &str, zone: &str) -> String {
    let policy = window(keys, zone).unwrap();
    let request = Request::new(Action::Deploy);
    let timetable = policy.timetable(&request);
    let changes = timetable.changes(
        instant("2026-01-01T00:00:00Z"),
        instant("2027-01-01T00:00:00Z"),
    );
    let mut lines = vec![keys.to_owned()];
    for change in &changes {
        assert_eq!(timetable.is_open(change.at), change.open);
        let before = change.at - TimeDelta::milliseconds(1);
        assert_eq!(timetable.is_open(before), !change.open);
        let at = policy.zone().at(change.at).to_rfc3339();
        lines.push(format!("  {}{at}", if change.open { '+' } else { '-' }));
    }
    if let Some(closing) = changes.first() {
        let verdict = evaluate(&policy, &request, &Facts::default(), closing.at);
        lines.push(format!("  {}", verdict.reasons[0].message));
    }
    lines.join("\n")
}

#[test]
fn a_window_comes_once() {
    let new_york = "America/New_York";
    let rows = [
        blocked("from: 2026-11-25 18:00, to: 2026-11-30 06:00", new_york),
        blocked("from: 2026-11-25T18:00, to: 2026-11-25T18:00:30", new_york),
        blocked("from: 2026-11-25, to: 2026-11-27", new_york),
        blocked("from: 2026-11-25, to: 2026-11-25", new_york),
        blocked("from: 2026-11-25 00:00, to: 2026-11-25 24:00", new_york),
        blocked("from: 2026-11-25, to: 2026-11-26 09:00", new_york),
        // The clock is put forward over both ends, over the start, over the end.
        blocked("from: 2026-03-08 02:10, to: 2026-03-08 02:50", new_york),
        blocked("from: 2026-03-08 02:10, to: 2026-03-08 04:00", new_york),
        blocked("from: 2026-03-08 01:00, to: 2026-03-08 02:50", new_york),
        // The hour that autumn repeats.
        blocked("from: 2026-11-01 01:15, to: 2026-11-01 01:45", new_york),
        blocked("from: 2026-11-01 00:30, to: 2026-11-01 03:00", new_york),
        // Exact instants: each pass of that hour can be meant, and the zone only shows them.
        blocked(
            "from: 2026-11-01T01:15:00-04:00, to: 2026-11-01T01:15:00-05:00",
            new_york,
        ),
        blocked(
            "from: 2026-11-25T23:00:00Z, to: 2026-11-26T11:00:00.000Z",
            new_york,
        ),
        blocked(
            "from: 2026-11-25T23:00:00Z, to: 2026-11-26T11:00:00+00:00",
            "",
        ),
        blocked(
            "from: 2026-11-25T23:00:00Z, to: 2026-11-26T11:00:00Z, timezone: Asia/Kolkata",
            "",
        ),
        // Long ago.
        blocked("from: 2025-11-25, to: 2025-12-31", new_york),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r"
    from: 2026-11-25 18:00, to: 2026-11-30 06:00
      -2026-11-25T18:00:00-05:00
      +2026-11-30T06:00:00-05:00
      Wednesday 2026-11-25 18:00 EST is in the blocked window 2026-11-25 18:00 to 2026-11-30 06:00 America/New_York
    from: 2026-11-25T18:00, to: 2026-11-25T18:00:30
      -2026-11-25T18:00:00-05:00
      +2026-11-25T18:00:30-05:00
      Wednesday 2026-11-25 18:00 EST is in the blocked window 2026-11-25 18:00 to 2026-11-25 18:00:30 America/New_York
    from: 2026-11-25, to: 2026-11-27
      -2026-11-25T00:00:00-05:00
      +2026-11-28T00:00:00-05:00
      Wednesday 2026-11-25 00:00 EST is in the blocked window 2026-11-25 to 2026-11-27 America/New_York
    from: 2026-11-25, to: 2026-11-25
      -2026-11-25T00:00:00-05:00
      +2026-11-26T00:00:00-05:00
      Wednesday 2026-11-25 00:00 EST is in the blocked window 2026-11-25 America/New_York
    from: 2026-11-25 00:00, to: 2026-11-25 24:00
      -2026-11-25T00:00:00-05:00
      +2026-11-26T00:00:00-05:00
      Wednesday 2026-11-25 00:00 EST is in the blocked window 2026-11-25 America/New_York
    from: 2026-11-25, to: 2026-11-26 09:00
      -2026-11-25T00:00:00-05:00
      +2026-11-26T09:00:00-05:00
      Wednesday 2026-11-25 00:00 EST is in the blocked window 2026-11-25 00:00 to 2026-11-26 09:00 America/New_York
    from: 2026-03-08 02:10, to: 2026-03-08 02:50
    from: 2026-03-08 02:10, to: 2026-03-08 04:00
      -2026-03-08T03:00:00-04:00
      +2026-03-08T04:00:00-04:00
      Sunday 2026-03-08 03:00 EDT is in the blocked window 2026-03-08 02:10 to 2026-03-08 04:00 America/New_York
    from: 2026-03-08 01:00, to: 2026-03-08 02:50
      -2026-03-08T01:00:00-05:00
      +2026-03-08T03:00:00-04:00
      Sunday 2026-03-08 01:00 EST is in the blocked window 2026-03-08 01:00 to 2026-03-08 02:50 America/New_York
    from: 2026-11-01 01:15, to: 2026-11-01 01:45
      -2026-11-01T01:15:00-04:00
      +2026-11-01T01:45:00-05:00
      Sunday 2026-11-01 01:15 EDT is in the blocked window 2026-11-01 01:15 to 2026-11-01 01:45 America/New_York
    from: 2026-11-01 00:30, to: 2026-11-01 03:00
      -2026-11-01T00:30:00-04:00
      +2026-11-01T03:00:00-05:00
      Sunday 2026-11-01 00:30 EDT is in the blocked window 2026-11-01 00:30 to 2026-11-01 03:00 America/New_York
    from: 2026-11-01T01:15:00-04:00, to: 2026-11-01T01:15:00-05:00
      -2026-11-01T01:15:00-04:00
      +2026-11-01T01:15:00-05:00
      Sunday 2026-11-01 01:15 EDT is in the blocked window 2026-11-01 01:15-04:00 to 2026-11-01 01:15-05:00 America/New_York
    from: 2026-11-25T23:00:00Z, to: 2026-11-26T11:00:00.000Z
      -2026-11-25T18:00:00-05:00
      +2026-11-26T06:00:00-05:00
      Wednesday 2026-11-25 18:00 EST is in the blocked window 2026-11-25 18:00 to 2026-11-26 06:00 America/New_York
    from: 2026-11-25T23:00:00Z, to: 2026-11-26T11:00:00+00:00
      -2026-11-25T23:00:00+00:00
      +2026-11-26T11:00:00+00:00
      Wednesday 2026-11-25 23:00 UTC is in the blocked window 2026-11-25 23:00 to 2026-11-26 11:00 UTC
    from: 2026-11-25T23:00:00Z, to: 2026-11-26T11:00:00Z, timezone: Asia/Kolkata
      -2026-11-26T04:30:00+05:30
      +2026-11-26T16:30:00+05:30
      Thursday 2026-11-26 04:30 IST is in the blocked window 2026-11-26 04:30 to 2026-11-26 16:30 Asia/Kolkata
    from: 2025-11-25, to: 2025-12-31
      +2026-01-01T00:00:00-05:00
      there are no allowed windows, so any time that is not blocked is open
    ");
}

#[test]
fn moments_are_refused_with_what_was_expected() {
    let rows = [
        "from: 2026-11-25",
        "to: 2026-11-25",
        "from: 2026-11-25, to: 2026-11-24",
        "from: 2026-11-25 18:00, to: 2026-11-25 18:00",
        "from: 2026-11-25 18:00, to: 2026-11-25 06:00",
        "from: 2026-11-25T18:00:00+01:00, to: 2026-11-25T17:00:00Z",
        "from: 2026-11-25T18:00:00Z, to: 2026-11-26 06:00",
        "from: 2026-11-25 24:00, to: 2026-11-27",
        "from: 2026-11-25 12:24:00, to: 2026-11-27 24:00:01",
        "from: 2026-02-30, to: 2026-03-01",
        "from: 2026-13-01 10:00, to: 2027-01-01",
        "from: 1999-01-01 10:00, to: 2027-01-01",
        "from: 2026-11-25 25:00, to: 2026-11-27",
        "from: 2026-11-25 18:60, to: 2026-11-27",
        "from: 2026-11-25 18, to: 2026-11-27",
        "from: 2026-11-25  18:00, to: 2026-11-27",
        "from: 25.11.2026 18:00, to: 2026-11-27",
        "from: 2026-11-25 18:00 EST, to: 2026-11-27",
        "from: 2026-11-25 6pm, to: 2026-11-27",
        "from: 2026-11-25T18:00Z, to: 2026-11-27",
        "from: 18:00, to: 19:00",
        "from: tomorrow, to: \"\"",
        "from: \"2026-11-2é 18:00\", to: 2026-11-27",
        "from: 20261125, to: 2026-11-27",
        "from: 2026-11-25, to: 2026-11-27, days: [Mon]",
        "from: 2026-11-25, to: 2026-11-27, hours: 10:00-12:00",
        "from: 2026-11-25, schedule: 0 0 * * *, duration: 4h",
    ];
    let shown: Vec<String> = rows
        .iter()
        .map(|row| format!("{row}\n  => {}", window(row, "UTC").unwrap_err()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    from: 2026-11-25
      => 3:26: `from` goes with `to`; add when the window ends
    to: 2026-11-25
      => 3:24: `to` goes with `from`; add when the window starts
    from: 2026-11-25, to: 2026-11-24
      => 3:42: `to` is not after `from`; found `2026-11-25` to `2026-11-24`
    from: 2026-11-25 18:00, to: 2026-11-25 18:00
      => 3:48: `to` is not after `from`; found `2026-11-25 18:00` to `2026-11-25 18:00`
    from: 2026-11-25 18:00, to: 2026-11-25 06:00
      => 3:48: `to` is not after `from`; found `2026-11-25 18:00` to `2026-11-25 06:00`
    from: 2026-11-25T18:00:00+01:00, to: 2026-11-25T17:00:00Z
      => 3:57: `to` is not after `from`; found `2026-11-25T18:00:00+01:00` to `2026-11-25T17:00:00Z`
    from: 2026-11-25T18:00:00Z, to: 2026-11-26 06:00
      => 3:52: one of `from` and `to` has an offset and the other has none; write both in the same way; found `2026-11-25T18:00:00Z` to `2026-11-26 06:00`
    from: 2026-11-25 24:00, to: 2026-11-27
      => 3:26: `2026-11-25 24:00` starts at 24:00, which is only an end; write 00:00 of the next day
    from: 2026-11-25 12:24:00, to: 2026-11-27 24:00:01
      => 3:51: `2026-11-27 24:00:01` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 2026-02-30, to: 2026-03-01
      => 3:26: `2026-02-30` does not exist: February 2026 has 28 days
    from: 2026-13-01 10:00, to: 2027-01-01
      => 3:26: `2026-13-01` does not exist: there is no month 13
    from: 1999-01-01 10:00, to: 2027-01-01
      => 3:26: `1999-01-01` is not in the years 2000 to 2199
    from: 2026-11-25 25:00, to: 2026-11-27
      => 3:26: `2026-11-25 25:00` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 2026-11-25 18:60, to: 2026-11-27
      => 3:26: `2026-11-25 18:60` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 2026-11-25 18, to: 2026-11-27
      => 3:26: `2026-11-25 18` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 2026-11-25  18:00, to: 2026-11-27
      => 3:26: `2026-11-25  18:00` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 25.11.2026 18:00, to: 2026-11-27
      => 3:26: `25.11.2026 18:00` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 2026-11-25 18:00 EST, to: 2026-11-27
      => 3:26: `2026-11-25 18:00 EST` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 2026-11-25 6pm, to: 2026-11-27
      => 3:26: `2026-11-25 6pm` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 2026-11-25T18:00Z, to: 2026-11-27
      => 3:26: `2026-11-25T18:00Z` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 18:00, to: 19:00
      => 3:26: `18:00` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
      => 3:37: `19:00` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: tomorrow, to: ""
      => 3:26: `tomorrow` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
      => 3:40: `` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: "2026-11-2é 18:00", to: 2026-11-27
      => 3:26: `2026-11-2é 18:00` is not a moment; expected a date and time such as `2026-11-25 18:00`, a date alone, or an exact instant such as `2026-11-25T18:00:00-05:00`
    from: 20261125, to: 2026-11-27
      => 3:26: `blocked_windows.0.from`: 20261125 is not of type "string"
    from: 2026-11-25, to: 2026-11-27, days: [Mon]
      => 3:26: `from` and `days` both say when; keep one of them
    from: 2026-11-25, to: 2026-11-27, hours: 10:00-12:00
      => 3:26: `from` and `hours` both say when; keep one of them
    from: 2026-11-25, schedule: 0 0 * * *, duration: 4h
      => 3:26: `from` and `schedule` both say when; keep one of them
    "#);
    let no_zone = window("from: 2026-11-25, to: 2026-11-27", "").unwrap_err();
    insta::assert_snapshot!(no_zone, @"2:19: in which time zone is this window? Add `timezone` to it or to the policy, such as `timezone: America/New_York`");
}
