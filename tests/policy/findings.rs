//! Every slip in a policy is refused with its place and what was expected. Whole messages, as rows.

use shipgate::policy::Policy;

/// Reads each text as a policy that must be refused; returns text and findings to look at.
fn findings(rows: &[&str]) -> String {
    let mut shown = Vec::new();
    for text in rows {
        shown.push(text.trim_end().replace('\t', "\\t").replace('\r', "\\r"));
        for finding in Policy::parse(text, "policies/p.yaml").unwrap_err() {
            shown.push(format!("  => {finding}"));
        }
    }
    shown.join("\n")
}

/// Rows of one window each.
fn windows(rows: &[&str]) -> String {
    let texts: Vec<String> = rows
        .iter()
        .map(|row| format!("version: 1\ntimezone: UTC\nallowed_windows: [{{{row}}}]\n"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    findings(&texts).replace("version: 1\ntimezone: UTC\n", "")
}

#[test]
fn days_and_hours_are_refused_with_what_was_expected() {
    insta::assert_snapshot!(windows(&[
        "days: [Mun]",
        "days: [Donnerstag]",
        "days: [Mon-Thu]",
        "days: [Mon, Tuesdy, wedn]",
        "days: []",
        "days: Monday",
        "days: [1]",
        "days:",
        "hours: 25:00-26:00",
        "hours: 02:60-03:00",
        "hours: 24:01-03:00",
        "hours: 24:00-06:00",
        "hours: 06:00-06:00",
        "hours: 06:00",
        "hours: 6-8",
        "hours: 02:00–06:00",
        "hours: 2am-6am",
        "hours: \"\"",
        "hours: 600",
        "hours: 02:00-06:00-08:00",
        "approval_required: yes",
        "approval_required: \"true\"",
        "name: \"\"",
        "name: \"a\\nb\"",
    ]), @r#"
    allowed_windows: [{days: [Mun]}]
      => 3:27: unknown weekday `Mun`; did you mean `Mon`?
    allowed_windows: [{days: [Donnerstag]}]
      => 3:27: unknown weekday `Donnerstag`; known: Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday
    allowed_windows: [{days: [Mon-Thu]}]
      => 3:27: `Mon-Thu` is not one weekday; list each day by itself: [Mon, Tue, Wed]
    allowed_windows: [{days: [Mon, Tuesdy, wedn]}]
      => 3:32: unknown weekday `Tuesdy`; did you mean `Tuesday`?
      => 3:40: unknown weekday `wedn`; did you mean `Wed`?
    allowed_windows: [{days: []}]
      => 3:26: `allowed_windows.0.days`: [] has less than 1 item
    allowed_windows: [{days: Monday}]
      => 3:26: `allowed_windows.0.days`: "Monday" is not of type "array"
    allowed_windows: [{days: [1]}]
      => 3:27: `allowed_windows.0.days.0`: 1 is not of type "string"
    allowed_windows: [{days:}]
      => 3:24: `allowed_windows.0.days`: null is not of type "array"
    allowed_windows: [{hours: 25:00-26:00}]
      => 3:27: `25:00` is not a time of day; expected HH:MM from 00:00 to 24:00
    allowed_windows: [{hours: 02:60-03:00}]
      => 3:27: `02:60` is not a time of day; expected HH:MM from 00:00 to 24:00
    allowed_windows: [{hours: 24:01-03:00}]
      => 3:27: `24:01` is not a time of day; expected HH:MM from 00:00 to 24:00
    allowed_windows: [{hours: 24:00-06:00}]
      => 3:27: `24:00-06:00` starts at 24:00, which is only an end; write 00:00
    allowed_windows: [{hours: 06:00-06:00}]
      => 3:27: `06:00-06:00` starts when it ends; for the whole day write 00:00-24:00 or leave `hours` out
    allowed_windows: [{hours: 06:00}]
      => 3:27: `06:00` is not a span of hours; expected HH:MM-HH:MM, such as 02:00-06:00
    allowed_windows: [{hours: 6-8}]
      => 3:27: `6` is not a time of day; expected HH:MM from 00:00 to 24:00
    allowed_windows: [{hours: 02:00–06:00}]
      => 3:27: `02:00–06:00` is not a span of hours; expected HH:MM-HH:MM, such as 02:00-06:00
    allowed_windows: [{hours: 2am-6am}]
      => 3:27: `2am` is not a time of day; expected HH:MM from 00:00 to 24:00
    allowed_windows: [{hours: ""}]
      => 3:27: `` is not a span of hours; expected HH:MM-HH:MM, such as 02:00-06:00
    allowed_windows: [{hours: 600}]
      => 3:27: `allowed_windows.0.hours`: 600 is not of type "string"
    allowed_windows: [{hours: 02:00-06:00-08:00}]
      => 3:27: `06:00-08:00` is not a time of day; expected HH:MM from 00:00 to 24:00
    allowed_windows: [{approval_required: yes}]
      => 3:39: `allowed_windows.0.approval_required`: "yes" is not of type "boolean"
    allowed_windows: [{approval_required: "true"}]
      => 3:39: `allowed_windows.0.approval_required`: "true" is not of type "boolean"
    allowed_windows: [{name: ""}]
      => 3:26: expected a text that is not empty
    allowed_windows: [{name: "a\nb"}]
      => 3:26: expected one line of text without control characters
    "#);
}

#[test]
fn time_zones_are_never_guessed() {
    insta::assert_snapshot!(windows(&[
        "timezone: America/NewYork",
        "timezone: Nowhere",
        "timezone: Etc/Unknown",
        "timezone: EST5EDT4",
        "timezone: \"\"",
        "timezone: +02:00",
        "timezone: Local",
    ]), @r#"
    allowed_windows: [{timezone: America/NewYork}]
      => 3:30: unknown time zone `America/NewYork`; did you mean `America/New_York`?
    allowed_windows: [{timezone: Nowhere}]
      => 3:30: unknown time zone `Nowhere`; expected an IANA name such as America/New_York
    allowed_windows: [{timezone: Etc/Unknown}]
      => 3:30: unknown time zone `Etc/Unknown`; expected an IANA name such as America/New_York
    allowed_windows: [{timezone: EST5EDT4}]
      => 3:30: unknown time zone `EST5EDT4`; did you mean `EST5EDT`?
    allowed_windows: [{timezone: ""}]
      => 3:30: unknown time zone ``; expected an IANA name such as America/New_York
    allowed_windows: [{timezone: +02:00}]
      => 3:30: unknown time zone `+02:00`; expected an IANA name such as America/New_York
    allowed_windows: [{timezone: Local}]
      => 3:30: unknown time zone `Local`; expected an IANA name such as America/New_York
    "#);
    insta::assert_snapshot!(findings(&[
        "version: 1\nallowed_windows:\n  - days: [Mon]\n",
        "version: 1\nblocked_windows:\n  - days: [Mon]\n",
        "version: 1\nblocked_dates: [2025-12-25]\n",
        "version: 1\nallowed_windows:\n  - timezone: Europe/London\n  - timezone: Asia/Tokyo\nblocked_dates:\n  - 2025-12-25\n",
        "version: 1\ntimezone: Europe/Lundon\nallowed_windows: [{}]\nblocked_dates: [2025-12-25]\n",
    ]), @r#"
    version: 1
    allowed_windows:
      - days: [Mon]
      => 3:5: in which time zone is this window? Add `timezone` to it or to the policy, such as `timezone: America/New_York`
    version: 1
    blocked_windows:
      - days: [Mon]
      => 3:5: in which time zone is this window? Add `timezone` to it or to the policy, such as `timezone: America/New_York`
    version: 1
    blocked_dates: [2025-12-25]
      => 2:17: in which time zone is this date? Add `timezone` to it or to the policy, such as `timezone: America/New_York`
    version: 1
    allowed_windows:
      - timezone: Europe/London
      - timezone: Asia/Tokyo
    blocked_dates:
      - 2025-12-25
      => 6:5: in which time zone is this date? Add `timezone` to it or to the policy, such as `timezone: America/New_York`
    version: 1
    timezone: Europe/Lundon
    allowed_windows: [{}]
    blocked_dates: [2025-12-25]
      => 2:11: unknown time zone `Europe/Lundon`; did you mean `Europe/London`?
    "#);
}

#[test]
fn dates_that_no_calendar_has_are_refused() {
    let rows = [
        "2025-02-30",
        "2025-13-01",
        "2025-12-00",
        "2025-12-32",
        "0225-12-25",
        "25.12.2025",
        "2025-12-5",
        "20251225",
        "2025-12-25T00:00:00Z",
        "{date: 2025-12-25, from: 2025-12-25}",
        "{from: 2025-12-25}",
        "{from: 2025-12-25, to: 2025-12-24}",
        "{name: Christmas}",
        "{dat: 2025-12-25}",
        "{date: 2025-12-25, hours: 12:00}",
        "{date: 2025-12-25, timezone: Europe/Lodnon}",
        "[2025-12-25]",
        "null",
    ];
    let texts: Vec<String> = rows
        .iter()
        .map(|row| format!("version: 1\ntimezone: UTC\nblocked_dates: [{row}]\n"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    insta::assert_snapshot!(findings(&texts).replace("version: 1\ntimezone: UTC\n", ""), @r#"
    blocked_dates: [2025-02-30]
      => 3:17: `2025-02-30` does not exist: February 2025 has 28 days
    blocked_dates: [2025-13-01]
      => 3:17: `2025-13-01` does not exist: there is no month 13
    blocked_dates: [2025-12-00]
      => 3:17: `2025-12-00` is not a date; expected YYYY-MM-DD, such as 2025-12-25
    blocked_dates: [2025-12-32]
      => 3:17: `2025-12-32` does not exist: December 2025 has 31 days
    blocked_dates: [0225-12-25]
      => 3:17: `0225-12-25` is not in the years 2000 to 2199
    blocked_dates: [25.12.2025]
      => 3:17: `25.12.2025` is not a date; expected YYYY-MM-DD, such as 2025-12-25
    blocked_dates: [2025-12-5]
      => 3:17: `2025-12-5` is not a date; expected YYYY-MM-DD, such as 2025-12-25
    blocked_dates: [20251225]
      => 3:17: `blocked_dates.0`: 20251225 is not of types "string", "object"
    blocked_dates: [2025-12-25T00:00:00Z]
      => 3:17: `2025-12-25T00:00:00Z` is not a date; expected YYYY-MM-DD, such as 2025-12-25
    blocked_dates: [{date: 2025-12-25, from: 2025-12-25}]
      => 3:17: expected one of `date`, `from` and `to` (each YYYY-MM-DD), `rule`, `rrule` or `ics`
    blocked_dates: [{from: 2025-12-25}]
      => 3:17: expected one of `date`, `from` and `to` (each YYYY-MM-DD), `rule`, `rrule` or `ics`
    blocked_dates: [{from: 2025-12-25, to: 2025-12-24}]
      => 3:40: `to` 2025-12-24 is before `from` 2025-12-25
    blocked_dates: [{name: Christmas}]
      => 3:17: expected one of `date`, `from` and `to` (each YYYY-MM-DD), `rule`, `rrule` or `ics`
    blocked_dates: [{dat: 2025-12-25}]
      => 3:18: unknown key `dat`; did you mean `date`?
    blocked_dates: [{date: 2025-12-25, hours: 12:00}]
      => 3:43: `12:00` is not a span of hours; expected HH:MM-HH:MM, such as 02:00-06:00
    blocked_dates: [{date: 2025-12-25, timezone: Europe/Lodnon}]
      => 3:46: unknown time zone `Europe/Lodnon`; did you mean `Europe/London`?
    blocked_dates: [[2025-12-25]]
      => 3:17: `blocked_dates.0`: ["2025-12-25"] is not of types "string", "object"
    blocked_dates: [null]
      => 3:17: `blocked_dates.0`: null is not of types "string", "object"
    "#);
}

#[test]
fn traffic_thresholds_are_refused_with_what_was_expected() {
    let rows = [
        "{}",
        "{max_requests_per_second: -1}",
        "{max_requests_per_second: many}",
        "{max_requests_per_second: 1e999}",
        "{max_requests_per_second: .nan}",
        "{max_requests_per_second: \"1000\"}",
        "{max_requests_per_second: 1000, action: block}",
        "{max_requests_per_second: 1000, on_unavailable: allow}",
        "{max_requests_per_second: 1000, query: \"\"}",
        "{max_request_per_second: 1000}",
        "1000",
    ];
    let texts: Vec<String> = rows
        .iter()
        .map(|row| format!("version: 1\ntraffic_threshold: {row}\n"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    insta::assert_snapshot!(findings(&texts).replace("version: 1\n", ""), @r#"
    traffic_threshold: {}
      => 2:20: the key `max_requests_per_second` is missing in `traffic_threshold`
    traffic_threshold: {max_requests_per_second: -1}
      => 2:46: `traffic_threshold.max_requests_per_second`: -1 is less than the minimum of 0
    traffic_threshold: {max_requests_per_second: many}
      => 2:46: `traffic_threshold.max_requests_per_second`: "many" is not of type "number"
    traffic_threshold: {max_requests_per_second: 1e999}
      => 2:46: `traffic_threshold.max_requests_per_second`: "1e999" is not of type "number"
    traffic_threshold: {max_requests_per_second: .nan}
      => 2:46: `traffic_threshold.max_requests_per_second`: ".nan" is not of type "number"
    traffic_threshold: {max_requests_per_second: "1000"}
      => 2:46: `traffic_threshold.max_requests_per_second`: "1000" is not of type "number"
    traffic_threshold: {max_requests_per_second: 1000, action: block}
      => 2:60: unknown value `block`; did you mean `block_deployment`?
    traffic_threshold: {max_requests_per_second: 1000, on_unavailable: allow}
      => 2:68: unknown value `allow`; known: block, warn
    traffic_threshold: {max_requests_per_second: 1000, query: ""}
      => 2:59: `traffic_threshold.query`: "" is shorter than 1 character
    traffic_threshold: {max_request_per_second: 1000}
      => 2:21: unknown key `max_request_per_second`; did you mean `max_requests_per_second`?
    traffic_threshold: 1000
      => 2:20: `traffic_threshold`: 1000 is not of type "object"
    "#);
}
