//! iCalendar files: an oracle's table of real exports, what is refused, and files that policies name.

use std::fs;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use proptest::prelude::*;
use shipgate::policy::{Action, Facts, Files, Policy, Request, evaluate, files_named};

/// What recurring-ical-events says; blocked.py beside it wrote it.
const BLOCKED: &str = include_str!("../../fixtures/calendars/blocked.csv");

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!(
        "{}/fixtures/calendars/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// A policy that blocks by one calendar.
fn blocked_by(zone: &str, name: &str, bytes: &[u8]) -> Result<Policy, String> {
    let text = format!("version: 1\n{zone}blocked_dates:\n  - ics: {name}\n");
    let files = Files::from([(name.to_owned(), bytes.to_vec())]);
    Policy::parse_with(&text, "p.yaml", &files).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n  => ")
    })
}

fn london(name: &str) -> Policy {
    blocked_by("timezone: Europe/London\n", name, &fixture(name)).unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// When it is blocked between two instants.
fn blocked(policy: &Policy, from: &str, until: &str) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let (from, until) = (instant(from), instant(until));
    let timetable = policy.timetable(&Request::new(Action::Deploy));
    let open = timetable.open(from, until);
    let ends = open.iter().map(|open| open.start).chain([until]);
    let starts = [from].into_iter().chain(open.iter().map(|open| open.end));
    starts
        .zip(ends)
        .filter(|(start, end)| start < end)
        .collect()
}

fn reason(policy: &Policy, at: &str) -> String {
    let verdict = evaluate(
        policy,
        &Request::new(Action::Deploy),
        &Facts::default(),
        instant(at),
    );
    let reason = verdict.deciding().unwrap();
    format!(
        "{}:{} {}",
        reason.rule,
        reason.line.unwrap_or_default(),
        reason.message
    )
}

#[test]
fn calendars_block_when_the_oracle_says() {
    for name in ["apple.ics", "google.ics", "outlook.ics"] {
        let minute = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ")
                .unwrap()
                .and_utc()
        };
        let rows = BLOCKED.lines().filter(|row| row.starts_with(name));
        let expected: Vec<_> = rows
            .map(|row| {
                let ends: Vec<&str> = row.split(';').collect();
                (minute(ends[1]), minute(ends[2]))
            })
            .collect();
        let policy = london(name);
        let found = blocked(&policy, "2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z");
        assert_eq!(found, expected, "{name}");
        let timetable = policy.timetable(&Request::new(Action::Deploy));
        for (start, end) in expected {
            assert!(!timetable.is_open(start), "{name} {start}");
            assert!(
                !timetable.is_open(end - TimeDelta::seconds(1)),
                "{name} {end}"
            );
            assert!(
                timetable.is_open(start - TimeDelta::seconds(1)),
                "{name} {start}"
            );
            assert!(timetable.is_open(end), "{name} {end}");
        }
    }
}

#[test]
fn a_verdict_names_the_event_and_where_it_is_written() {
    let rows = [
        ("google.ics", "2026-01-05T08:00:00Z"),
        ("google.ics", "2026-03-06T13:00:00Z"),
        ("google.ics", "2026-04-16T00:00:00Z"),
        ("google.ics", "2026-12-24T00:00:00Z"),
        ("outlook.ics", "2026-02-11T00:00:00Z"),
        ("outlook.ics", "2026-07-03T12:00:00Z"),
        ("apple.ics", "2026-12-26T12:00:00Z"),
        ("apple.ics", "2026-09-17T12:00:00Z"),
        ("stopwatch.ics", "2026-03-08T09:59:59Z"),
    ];
    let shown: Vec<String> = rows
        .iter()
        .map(|(name, at)| reason(&london(name), at))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    blocked_dates[0]:4 Monday 2026-01-05 09:00 CET is on the blocked date "Payment close, both weeks; ask finance" (FREQ=WEEKLY;WKST=MO;UNTIL=20261231T225959Z;INTERVAL=2;BYDAY=FR,MO at 09:00 for 3h Europe/Berlin): google.ics line 26
    blocked_dates[0]:4 Friday 2026-03-06 14:00 CET is on the blocked date "Payment close, moved" (2026-03-06 14:00 to 2026-03-06 18:30 Europe/Berlin): google.ics line 48
    blocked_dates[0]:4 Thursday 2026-04-16 00:00 UTC is on the blocked date "Audit" (2026-04-15 22:00 to 2026-04-16 02:00 UTC): google.ics line 74
    blocked_dates[0]:4 Thursday 2026-12-24 00:00 GMT is on the blocked date "Holidays 🎄" (2026-12-20 to 2027-01-03 Europe/London): google.ics line 66
    blocked_dates[0]:4 Tuesday 2026-02-10 19:00 EST is on the blocked date "Patch Tuesday" (FREQ=MONTHLY;COUNT=10;BYDAY=2TU at 19:00 for 4h30m America/New_York): outlook.ics line 21
    blocked_dates[0]:4 Friday 2026-07-03 13:00 BST is on the blocked date "Independence Day" (FREQ=YEARLY;COUNT=2;BYMONTHDAY=3;BYMONTH=7 for 3 days Europe/London): outlook.ics line 42
    blocked_dates[0]:4 Saturday 2026-12-26 12:00 GMT is on the blocked date "Christmas" (FREQ=YEARLY;INTERVAL=1;BYMONTH=12;BYMONTHDAY=25,26 Europe/London): apple.ics line 9
    blocked_dates[0]:4 Thursday 2026-09-17 13:00 BST is on the blocked date "Board day" (2026-06-10 08:00 to 2026-06-10 18:00 and 2 more Europe/London): apple.ics line 30
    blocked_dates[0]:4 Sunday 2026-03-08 05:59 EDT is on the blocked date "Nine hours of the stopwatch" (FREQ=DAILY;COUNT=2 at 20:00 for 9h America/New_York): stopwatch.ics line 4
    "#);
}

#[test]
fn hours_of_a_duration_are_those_of_a_stopwatch() {
    let policy = blocked_by(
        "timezone: America/New_York\n",
        "stopwatch.ics",
        &fixture("stopwatch.ics"),
    );
    let policy = policy.unwrap();
    let spans = blocked(&policy, "2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z");
    let shown: Vec<String> = spans
        .iter()
        .map(|(start, end)| {
            let local = |at| policy.zone().at(at).format("%F %R%:z").to_string();
            let hours = (*end - *start).num_minutes();
            format!("{} to {}: {hours} minutes", local(*start), local(*end))
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    2026-03-07 20:00-05:00 to 2026-03-08 06:00-04:00: 540 minutes
    2026-03-08 20:00-04:00 to 2026-03-09 05:00-04:00: 540 minutes
    2026-03-28 08:00-04:00 to 2026-03-29 09:00-04:00: 1500 minutes
    2026-10-31 20:00-04:00 to 2026-11-01 04:00-05:00: 540 minutes
    2026-11-01 20:00-05:00 to 2026-11-02 05:00-05:00: 540 minutes
    2028-03-12 03:00-04:00 to 2028-03-12 04:30-04:00: 90 minutes
    2028-11-05 01:30-04:00 to 2028-11-05 02:30-05:00: 120 minutes
    ");
}

/// What ends by DTEND follows the clock on the wall, without a hole, and is rather longer.
#[test]
fn an_event_with_an_end_is_one_piece_of_time() {
    let rows = [
        // Spring skips 02:00 to 03:00, autumn has 01:00 to 02:00 twice.
        ("20260308T013000", "20260308T040000"),
        ("20260308T023000", "20260308T040000"),
        ("20260308T013000", "20260308T023000"),
        ("20260308T021000", "20260308T025000"),
        ("20261101T003000", "20261101T030000"),
        ("20261101T011500", "20261101T014500"),
        ("20261101T003000", "20261101T013000"),
        ("20261101T013000", "20261101T030000"),
    ];
    let mut shown = Vec::new();
    for (start, end) in rows {
        let zone = "TZID=America/New_York";
        let text = one(&format!("DTSTART;{zone}:{start}|DTEND;{zone}:{end}"));
        let policy = blocked_by("timezone: America/New_York\n", "f.ics", text.as_bytes()).unwrap();
        let spans = blocked(&policy, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        let local = |at| policy.zone().at(at).format("%R%:z").to_string();
        let spans = spans
            .iter()
            .map(|(start, end)| format!("{} to {}", local(*start), local(*end)));
        let spans: Vec<String> = spans.collect();
        shown.push(format!("{start} {end}: {}", spans.join(", ")));
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    20260308T013000 20260308T040000: 01:30-05:00 to 04:00-04:00
    20260308T023000 20260308T040000: 03:00-04:00 to 04:00-04:00
    20260308T013000 20260308T023000: 01:30-05:00 to 03:30-04:00
    20260308T021000 20260308T025000: 03:00-04:00 to 03:50-04:00
    20261101T003000 20261101T030000: 00:30-04:00 to 03:00-05:00
    20261101T011500 20261101T014500: 01:15-04:00 to 01:45-05:00
    20261101T003000 20261101T013000: 00:30-04:00 to 01:30-05:00
    20261101T013000 20261101T030000: 01:30-04:00 to 03:00-05:00
    ");
}

/// A calendar of one event with these lines.
fn one(lines: &str) -> String {
    let lines = lines.replace('|', "\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Freeze\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

#[test]
fn an_event_that_is_not_understood_is_refused() {
    let timed = "DTSTART:20260101T090000Z|DTEND:20260101T100000Z|";
    let rows = [
        "DTEND:20260101T100000Z".to_owned(),
        "DTSTART:garbage".to_owned(),
        "DTSTART:".to_owned(),
        "DTSTART:2026-01-01".to_owned(),
        "DTSTART:20260230".to_owned(),
        "DTSTART:20260101T090000Z".to_owned(),
        "DTSTART:20260101T090000Z|DTEND:20260101T090000Z".to_owned(),
        "DTSTART:20260101T090000Z|DTEND:20260101".to_owned(),
        "DTSTART;VALUE=DATE:20260102|DTEND;VALUE=DATE:20260101".to_owned(),
        "DTSTART;VALUE=DATE:20260102T100000".to_owned(),
        "DTSTART;VALUE=DATE:20260102|DURATION:PT9H".to_owned(),
        "DTSTART:20260101T090000Z|DURATION:-PT1H".to_owned(),
        "DTSTART:20260101T090000Z|DURATION:PT".to_owned(),
        "DTSTART:20260101T090000Z|DURATION:P1M".to_owned(),
        "DTSTART:20260101T090000Z|DURATION:P99999D".to_owned(),
        "DTSTART:20260101T090000Z|DTEND:20260101T100000Z|DURATION:PT1H".to_owned(),
        "DTSTART;TZID=Custom Zone 1:20260101T090000|DURATION:PT1H".to_owned(),
        "DTSTART;TZID=Europe/Lodon:20260101T090000|DURATION:PT1H".to_owned(),
        format!("{timed}DTSTART:20260102T090000Z"),
        format!("{timed}RRULE:FREQ=HOURLY"),
        format!("{timed}RRULE:FREQ=DAILY;UNTIL=20250101T000000Z"),
        format!("{timed}RRULE:FREQ=DAILY|RRULE:FREQ=WEEKLY"),
        format!("{timed}EXRULE:FREQ=DAILY"),
        format!("{timed}RDATE;VALUE=PERIOD:20260201T090000Z/PT1H"),
        format!("{timed}RDATE;VALUE=DATE:20260201"),
        format!("{timed}RRULE:FREQ=DAILY|EXDATE;VALUE=DATE:20260201"),
        format!("{timed}RRULE:FREQ=DAILY|EXDATE:20260201T090000Z,later"),
        format!("{timed}RECURRENCE-ID;RANGE=THISANDFUTURE:20260101T090000Z"),
        format!("{timed}BEGIN:VFREEBUSY|END:VFREEBUSY"),
        format!("{timed}BEGIN:VEVENT|END:VEVENT"),
        format!("{timed}no line at all"),
        format!("{timed}STATUS:CANCELLED"),
    ];
    let mut shown = Vec::new();
    for row in rows {
        let found = blocked_by("timezone: UTC\n", "f.ics", one(&row).as_bytes());
        shown.push(format!(
            "{row}\n  => {}",
            found.map(|_| "fine").unwrap_err()
        ));
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    DTEND:20260101T100000Z
      => 4:10: f.ics:3: event `Freeze`: it has no DTSTART
    DTSTART:garbage
      => 4:10: f.ics:6: event `Freeze`: DTSTART: `garbage` is no date or time; expected one such as 20260101T090000 or 20260101
    DTSTART:
      => 4:10: f.ics:6: event `Freeze`: DTSTART: `` is no date or time; expected one such as 20260101T090000, 20260101T140000Z or 20260101
    DTSTART:2026-01-01
      => 4:10: f.ics:6: event `Freeze`: DTSTART: `2026-01-01` is no date or time; expected one such as 20260101T090000 or 20260101
    DTSTART:20260230
      => 4:10: f.ics:6: event `Freeze`: DTSTART: `20260230` does not exist
    DTSTART:20260101T090000Z
      => 4:10: f.ics:6: event `Freeze`: DTSTART: the event has no end; expected DTEND or DURATION
    DTSTART:20260101T090000Z|DTEND:20260101T090000Z
      => 4:10: f.ics:7: event `Freeze`: DTEND: the event does not end after its start
    DTSTART:20260101T090000Z|DTEND:20260101
      => 4:10: f.ics:7: event `Freeze`: DTEND: it is a whole day where the event starts at a time
    DTSTART;VALUE=DATE:20260102|DTEND;VALUE=DATE:20260101
      => 4:10: f.ics:7: event `Freeze`: DTEND: the event does not end after its start
    DTSTART;VALUE=DATE:20260102T100000
      => 4:10: f.ics:6: event `Freeze`: DTSTART: `20260102T100000` is not of the kind `DATE`
    DTSTART;VALUE=DATE:20260102|DURATION:PT9H
      => 4:10: f.ics:7: event `Freeze`: DURATION: an event of whole days lasts days, such as P1D
    DTSTART:20260101T090000Z|DURATION:-PT1H
      => 4:10: f.ics:7: event `Freeze`: DURATION: `-PT1H` is no duration longer than nothing; expected one such as P1D or PT9H30M
    DTSTART:20260101T090000Z|DURATION:PT
      => 4:10: f.ics:7: event `Freeze`: DURATION: `PT` is no duration longer than nothing; expected one such as P1D or PT9H30M
    DTSTART:20260101T090000Z|DURATION:P1M
      => 4:10: f.ics:7: event `Freeze`: DURATION: `P1M` is no duration longer than nothing; expected one such as P1D or PT9H30M
    DTSTART:20260101T090000Z|DURATION:P99999D
      => 4:10: f.ics:7: event `Freeze`: DURATION: it is longer than the limit of 3660 days
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|DURATION:PT1H
      => 4:10: f.ics:8: event `Freeze`: DURATION: the event has a DTEND too; keep one
    DTSTART;TZID=Custom Zone 1:20260101T090000|DURATION:PT1H
      => 4:10: f.ics:6: event `Freeze`: DTSTART: unknown time zone `Custom Zone 1`; expected an IANA name such as Europe/Berlin, or one of Windows
    DTSTART;TZID=Europe/Lodon:20260101T090000|DURATION:PT1H
      => 4:10: f.ics:6: event `Freeze`: DTSTART: unknown time zone `Europe/Lodon`; did you mean `Europe/London`?
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|DTSTART:20260102T090000Z
      => 4:10: f.ics:8: event `Freeze`: DTSTART: the event has it twice
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RRULE:FREQ=HOURLY
      => 4:10: f.ics:8: event `Freeze`: RRULE: FREQ=HOURLY is not supported: across daylight saving it means different things to different programs; write FREQ=DAILY with BYHOUR
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RRULE:FREQ=DAILY;UNTIL=20250101T000000Z
      => 4:10: f.ics:8: event `Freeze`: RRULE: UNTIL is before the first occurrence on 2026-01-01
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RRULE:FREQ=DAILY|RRULE:FREQ=WEEKLY
      => 4:10: f.ics:9: event `Freeze`: RRULE: the event has it twice
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|EXRULE:FREQ=DAILY
      => 4:10: f.ics:8: event `Freeze`: EXRULE: it is not supported any more; write EXDATE
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RDATE;VALUE=PERIOD:20260201T090000Z/PT1H
      => 4:10: f.ics:8: event `Freeze`: RDATE: VALUE=PERIOD is not supported; write an event for each period
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RDATE;VALUE=DATE:20260201
      => 4:10: f.ics:8: event `Freeze`: RDATE: it is a whole day where the event starts at a time
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RRULE:FREQ=DAILY|EXDATE;VALUE=DATE:20260201
      => 4:10: f.ics:9: event `Freeze`: EXDATE: it is a whole day where the event starts at a time
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RRULE:FREQ=DAILY|EXDATE:20260201T090000Z,later
      => 4:10: f.ics:9: event `Freeze`: EXDATE: `later` is no date or time; expected one such as 20260101T090000 or 20260101
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|RECURRENCE-ID;RANGE=THISANDFUTURE:20260101T090000Z
      => 4:10: f.ics:8: event `Freeze`: RECURRENCE-ID: RANGE=THISANDFUTURE is not supported; end the rule and add another event
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|BEGIN:VFREEBUSY|END:VFREEBUSY
      => 4:10: f.ics:8: VFREEBUSY says when somebody is busy and not what for; expected events
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|BEGIN:VEVENT|END:VEVENT
      => 4:10: f.ics:8: BEGIN:VEVENT is not understood here; expected events (VEVENT)
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|no line at all
      => 4:10: f.ics:8: `no line at all` is no line of an iCalendar file; expected NAME:VALUE
    DTSTART:20260101T090000Z|DTEND:20260101T100000Z|STATUS:CANCELLED
      => 4:10: f.ics:1: the calendar has no event that takes place
    ");
}

#[test]
fn what_is_no_whole_calendar_is_refused() {
    let event = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\n";
    let rows = [
        "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n".to_owned(),
        String::new(),
        "\n\n".to_owned(),
        "{\"error\": \"not found\"}\n".to_owned(),
        event.to_owned(),
        "BEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned(),
        "BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nDUE:20260101\nEND:VTODO\nEND:VCALENDAR\n".to_owned(),
        format!("BEGIN:VCALENDAR\n{event}"),
        format!("BEGIN:VCALENDAR\n{event}BEGIN:VEVENT\nUID:2\nDTSTA"),
        format!("BEGIN:VCALENDAR\n{event}END:VEVENT\n"),
        format!("BEGIN:VCALENDAR\n{event}END:VCALENDAR\nDTSTART:20260101\n"),
        format!("BEGIN:VCALENDAR\n{event}BEGIN:VAVAILABILITY\nEND:VAVAILABILITY\nEND:VCALENDAR\n"),
        format!("BEGIN:VCALENDAR\n{}", "BEGIN:X-A\n".repeat(200_000)),
        format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", event.repeat(5_001)),
        format!(
            "BEGIN:VCALENDAR\nX-A:{}\nEND:VCALENDAR\n",
            "a".repeat(2 * 1024 * 1024)
        ),
    ];
    let mut shown = Vec::new();
    for row in rows {
        let found = blocked_by("timezone: UTC\n", "f.ics", row.as_bytes()).unwrap_err();
        let row = row.escape_debug().to_string();
        let start: String = row.chars().take(90).collect();
        shown.push(format!("{start}\n  => {found}"));
    }
    let latin = blocked_by(
        "timezone: UTC\n",
        "f.ics",
        b"BEGIN:VCALENDAR\r\nX-A:\xe9\r\n",
    )
    .unwrap_err();
    shown.push(format!("latin-1\n  => {latin}"));
    insta::assert_snapshot!(shown.join("\n"), @r#"
    <!DOCTYPE html>\n<html><body>Sign in</body></html>\n
      => 4:10: f.ics:1: `<!DOCTYPE html>` is no line of an iCalendar file; expected NAME:VALUE

      => 4:10: f.ics:1: the calendar has no event that takes place
    \n\n
      => 4:10: f.ics:1: the calendar has no event that takes place
    {\"error\": \"not found\"}\n
      => 4:10: f.ics:1: `{\"error\": \"not found\"}` is no line of an iCalendar file; expected NAME:VALUE
    BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\n
      => 4:10: f.ics:1: expected BEGIN:VCALENDAR, found BEGIN:VEVENT
    BEGIN:VCALENDAR\nEND:VCALENDAR\n
      => 4:10: f.ics:1: the calendar has no event that takes place
    BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nDUE:20260101\nEND:VTODO\nEND:VCALENDAR\n
      => 4:10: f.ics:1: the calendar has no event that takes place
    BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\n
      => 4:10: f.ics:5: the file is cut off: VCALENDAR of line 1 has no END
    BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\nBEGIN:VEVEN
      => 4:10: f.ics:8: `DTSTA` is no line of an iCalendar file; expected NAME:VALUE
    BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\nEND:VEVENT\
      => 4:10: f.ics:6: END:VEVENT ends nothing that began
    BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\nEND:VCALEND
      => 4:10: f.ics:7: `DTSTART` is outside of BEGIN:VCALENDAR and END:VCALENDAR
    BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\nBEGIN:VAVAI
      => 4:10: f.ics:6: BEGIN:VAVAILABILITY is not understood here; expected events (VEVENT)
    BEGIN:VCALENDAR\nBEGIN:X-A\nBEGIN:X-A\nBEGIN:X-A\nBEGIN:X-A\nBEGIN:X-A\nBEGIN:X-A\nBEGIN:X
      => 4:10: f.ics:9: components are nested deeper than 8 levels
    BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nEND:VEVENT\nBEGIN:VEVEN
      => 4:10: f.ics:20002: there are more than 5000 events
    BEGIN:VCALENDAR\nX-A:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      => 4:10: f.ics:1: the file is larger than the limit of 2097152 bytes
    latin-1
      => 4:10: f.ics:2: it is not UTF-8 text
    "#);
}

#[test]
fn many_problems_are_told_at_once_and_then_no_more() {
    let event = "BEGIN:VEVENT\nUID:1\nSUMMARY:A\\, b\nDTSTART:soon\nEND:VEVENT\n";
    let text = format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", event.repeat(5_000));
    let found = blocked_by("timezone: UTC\n", "f.ics", text.as_bytes()).unwrap_err();
    assert_eq!(found.lines().count(), 10, "{found}");
}

#[test]
fn a_policy_says_which_files_it_needs() {
    let cases: [(&str, &[&str]); 7] = [
        (
            "version: 1\nblocked_dates: [{ics: b.ics}, 2026-01-01, {ics: a/b-c.ics}, {ics: b.ics}]",
            &["a/b-c.ics", "b.ics"],
        ),
        ("{\"blocked_dates\": [{\"ics\": \"b.ics\"}]}", &["b.ics"]),
        (
            "kind: ConfigMap\ndata:\n  p.json: |\n    {\"blocked_dates\": [{\"ics\": \"b.ics\"}]}",
            &["b.ics"],
        ),
        (
            "version: 1\nblocked_dates: [{ics: ../b.ics}, {ics: /b.ics}, {ics: 'a\\b.ics'}, {ics: b.yaml}, {ics: 'C:b.ics'}, {ics: a//b.ics}]",
            &[],
        ),
        (
            "version: 1\nblocked_dates: [{ics: 1}, {ics: null}, ics]",
            &[],
        ),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", &[]),
        ("][", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(files_named(text), expected, "{text}");
    }
}

#[test]
fn names_of_files_are_refused_with_what_was_expected() {
    let rows = [
        "ics: missing.ics",
        "ics: ../b.ics",
        "ics: /b.ics",
        "ics: 'a\\b.ics'",
        "ics: b.yaml",
        "ics: ''",
        "ics: b.ics, date: 2026-01-01",
        "ics: b.ics, rrule: FREQ=DAILY",
        "ics: b.ics, hours: '09:00-17:00'",
        "ics: b.ics, timezone: Europe/Lodon",
    ];
    let files = Files::from([("b.ics".to_owned(), fixture("apple.ics"))]);
    let mut shown = Vec::new();
    for row in rows {
        let text = format!("version: 1\ntimezone: UTC\nblocked_dates: [{{{row}}}]\n");
        for finding in Policy::parse_with(&text, "p.yaml", &files).unwrap_err() {
            shown.push(format!("{row}\n  => {finding}"));
        }
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    ics: missing.ics
      => 3:23: there is no file `missing.ics` beside the policy
    ics: ../b.ics
      => 3:23: `../b.ics` is no path of a calendar beside the policy; expected one such as `holidays.ics` or `calendars/holidays.ics`
    ics: /b.ics
      => 3:23: `/b.ics` is no path of a calendar beside the policy; expected one such as `holidays.ics` or `calendars/holidays.ics`
    ics: 'a\b.ics'
      => 3:23: `a\\b.ics` is no path of a calendar beside the policy; expected one such as `holidays.ics` or `calendars/holidays.ics`
    ics: b.yaml
      => 3:23: `b.yaml` is no path of a calendar beside the policy; expected one such as `holidays.ics` or `calendars/holidays.ics`
    ics: ''
      => 3:23: `` is no path of a calendar beside the policy; expected one such as `holidays.ics` or `calendars/holidays.ics`
    ics: b.ics, date: 2026-01-01
      => 3:36: `date` and `ics` both say when; keep one of them
    ics: b.ics, rrule: FREQ=DAILY
      => 3:37: `rrule` and `ics` both say when; keep one of them
    ics: b.ics, hours: '09:00-17:00'
      => 3:37: `hours` and `ics` both say when; keep one of them
    ics: b.ics, timezone: Europe/Lodon
      => 3:40: unknown time zone `Europe/Lodon`; did you mean `Europe/London`?
    ");
}

#[test]
fn zones_of_days_are_the_policys_or_the_calendars() {
    let day = one("DTSTART;VALUE=DATE:20260701");
    let zoned = day.replace("VERSION:2.0", "VERSION:2.0\r\nX-WR-TIMEZONE:Asia/Tokyo");
    let lost = day.replace("VERSION:2.0", "VERSION:2.0\r\nX-WR-TIMEZONE:Nowhere");
    let rows = [
        ("timezone: America/New_York\n", &day),
        ("timezone: America/New_York\n", &zoned),
        ("", &zoned),
        ("", &day),
        ("", &lost),
    ];
    let mut shown = Vec::new();
    for (zone, text) in rows {
        shown.push(match blocked_by(zone, "f.ics", text.as_bytes()) {
            Ok(policy) => {
                let spans = blocked(&policy, "2026-06-01T00:00:00Z", "2026-08-01T00:00:00Z");
                format!("{} {}", spans[0].0, policy.zone())
            }
            Err(found) => found,
        });
    }
    insta::assert_snapshot!(shown.join("\n"), @r"
    2026-07-01 04:00:00 UTC America/New_York
    2026-07-01 04:00:00 UTC America/New_York
    2026-06-30 15:00:00 UTC Asia/Tokyo
    3:10: f.ics:6: event `Freeze`: DTSTART: a whole day names no time zone, and neither does the calendar; name the file as `ics` in a policy that has `timezone`
    3:10: f.ics:7: event `Freeze`: DTSTART: a whole day names no time zone, and neither does the calendar; name the file as `ics` in a policy that has `timezone`
    ");
}

#[test]
fn a_calendar_can_be_the_policy() {
    let text = String::from_utf8(fixture("apple.ics")).unwrap();
    let policy = Policy::parse(&text, "policies/production.ics").unwrap();
    insta::assert_snapshot!(reason(&policy, "2026-12-26T12:00:00Z"), @r#"events[0]:9 Saturday 2026-12-26 12:00 GMT is on the blocked date "Christmas" (FREQ=YEARLY;INTERVAL=1;BYMONTH=12;BYMONTHDAY=25,26 Europe/London)"#);
    insta::assert_snapshot!(reason(&policy, "2026-12-01T12:00:00Z"), @"allowed_windows:0 there are no allowed windows, so any time that is not blocked is open");
    for text in [
        one("DTSTART;VALUE=DATE:20260701"),
        one("DTSTART:20260101T090000|DURATION:PT1H"),
        "BEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned(),
    ] {
        let findings = Policy::parse(&text, "p.ics").unwrap_err();
        assert_eq!(findings.len(), 1);
    }
    let floating = Policy::parse(&one("DTSTART:20260101T090000|DURATION:PT1H"), "p.ics");
    insta::assert_snapshot!(floating.unwrap_err()[0].to_string(), @"6:1: event `Freeze`: DTSTART: `20260101T090000` names no time zone, and neither does the calendar; name the file as `ics` in a policy that has `timezone`");
}

#[test]
fn so_many_rules_are_a_slip() {
    let event = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY\nEND:VEVENT\n";
    let text = format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", event.repeat(501));
    let found = blocked_by("timezone: UTC\n", "f.ics", text.as_bytes()).unwrap_err();
    insta::assert_snapshot!(found, @"4:5: with this the rules begin more often than 5000 times a day in all (a recurrence rule counts as 10), which is more than can be judged quickly; let them start less often and last longer");
    let dates = "  - {rrule: FREQ=DAILY}\n".repeat(500);
    let text = format!(
        "version: 1\ntimezone: UTC\nblocked_windows: [{{rrule: FREQ=DAILY}}]\nblocked_dates:\n{dates}"
    );
    let found = Policy::parse(&text, "p.yaml").unwrap_err();
    insta::assert_snapshot!(found[0].to_string(), @"504:5: with this the rules begin more often than 5000 times a day in all (a recurrence rule counts as 10), which is more than can be judged quickly; let them start less often and last longer");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_broken_calendar_is_refused_or_read_and_nothing_else(
        which in 0_usize..4,
        slips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6),
    ) {
        let name = ["google.ics", "outlook.ics", "apple.ics", "stopwatch.ics"][which];
        let mut bytes = fixture(name);
        for (at, byte, kind) in slips {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                _ => bytes.truncate(at.max(10)),
            }
        }
        if let Ok(policy) = blocked_by("timezone: UTC\n", "f.ics", &bytes) {
            let now = instant("2026-06-01T00:00:00Z");
            evaluate(&policy, &Request::new(Action::Deploy), &Facts::default(), now);
        }
    }
}
