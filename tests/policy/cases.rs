//! `shipgate test`: cases beside a policy as a user writes them, and what their file may not say.

use std::{fs, path::Path};

use assert_cmd::Command;
use quick_junit::Report;
use shipgate::policy::{Policy, cases};

/// Runs `shipgate` in a folder; returns exit code and standard output.
fn shipgate(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), stdout)
}

/// A folder with `policies/shop.yaml` and the cases beside it.
fn shop(cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let policy = "version: 1\ntimezone: Europe/London\nenvironments: [production]\nallowed_windows:\n  - {name: day, days: [Mon, Tue], hours: '09:00-16:00'}\n  - {days: [Wed], approval_required: true}\nblocked_windows: [{name: ads only, services: [ads], days: [Tue]}]\nblocked_dates: [{date: 2026-11-23, name: stock-taking}]\ntraffic_threshold: {max_requests_per_second: 10, action: warn}\n";
    fs::write(policies.join("shop.yaml"), policy).unwrap();
    fs::write(
        policies.join("shop.test.yaml"),
        format!("version: 1\ncases:\n{cases}"),
    )
    .unwrap();
    folder
}

#[test]
fn our_own_cases_hold() {
    let (code, stdout) = shipgate(Path::new(env!("CARGO_MANIFEST_DIR")), &["test"]);
    assert_eq!(code, 0, "{stdout}");
    insta::assert_snapshot!(stdout, @r"
    OK  11 cases hold

    policies/production.test.yaml
      result  line  case                                       at (America/New_York)  decision
      holds   4     a quiet night                              Tue 2025-11-04 03:00   allowed
      holds   8     the end of the window is outside           Tue 2025-11-04 06:00   blocked
      holds   11    early Friday wants a person                Fri 2025-11-07 01:30   approval-required
      holds   14    the weekend                                Sat 2025-11-08 03:00   blocked
      holds   17    the payment run beats the window           Thu 2025-11-06 05:30   blocked
      holds   20    Thanksgiving                               Thu 2026-11-26 03:00   blocked
      holds   23    a rollback on Thanksgiving                 Thu 2026-11-26 03:00   allowed
      holds   27    too much traffic                           Tue 2025-11-04 03:00   blocked
      holds   32    nobody knows the traffic                   Tue 2025-11-04 03:00   blocked
      holds   36    the night after the clock goes back, in    Mon 2025-11-03 02:00   allowed
                    winter time
      holds   39    the hour before it opens                   Mon 2025-11-03 01:59   blocked
    ");
}

const FAILING: &str = "  - {name: open, service: web, at: 2026-11-24T10:00:00Z, traffic: 11, expect: {decision: warned, rule: traffic_threshold}}
  - {name: wrong in all, service: ads, at: 2026-11-23T10:00:00Z, expect: {decision: allowed, code: freeze, opens_at: none, closes_at: 2026-11-23T16:00:00Z, rule: day}}
  - {name: frozen, service: web, at: 2026-11-24T10:00:00Z, freeze: the database moves, expect: {decision: blocked, code: freeze, opens_at: none}}
  - {service: ads, at: 2026-11-24T10:00:00Z, duration: 45m, expect: {decision: blocked, opens_at: 2026-11-25T01:00:00+01:00, rule: 'blocked_windows[0]'}}
";

#[test]
fn a_failing_case_tells_what_was_expected_and_found() {
    let folder = shop(FAILING);
    let (code, stdout) = shipgate(folder.path(), &["test", "--junit", "junit.xml"]);
    assert_eq!(code, 4, "{stdout}");
    insta::assert_snapshot!(stdout, @r#"
    FINDINGS  1 of 4 cases failed; first policies/shop.test.yaml:4: wrong in all

      exit code   4 findings

    policies/shop.test.yaml
      result  line  case                  at (Europe/London)    decision
      holds   3     open                  Tue 2026-11-24 10:00  warned
      fails   4     wrong in all          Mon 2026-11-23 10:00  blocked
      holds   5     frozen                Tue 2026-11-24 10:00  blocked
      holds   6     2026-11-24T10:00:00Z  Tue 2026-11-24 10:00  blocked

    policies/shop.test.yaml:4  wrong in all
      decision: expected allowed, found blocked
      code: expected freeze, found blocked-date
      opens_at: expected none, found 2026-11-25T00:00:00+00:00
      closes_at: expected 2026-11-23T16:00:00+00:00, found none
      rule: expected day, found stock-taking (blocked_dates[0])
      because Monday 2026-11-23 10:00 GMT is on the blocked date "stock-taking" (2026-11-23
              Europe/London)

    next: mend the policy or the case; `shipgate check --at TIME` shows every reason
    "#);
    let junit = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    insta::assert_snapshot!(junit, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="shipgate test" tests="4" skipped="0" failures="1" errors="0">
        <testsuite name="policies/shop.test.yaml" tests="4" skipped="0" errors="0" failures="1">
            <testcase name="open" classname="policies/shop.yaml" file="policies/shop.test.yaml" line="3"/>
            <testcase name="wrong in all" classname="policies/shop.yaml" file="policies/shop.test.yaml" line="4">
                <failure message="decision: expected allowed, found blocked; code: expected freeze, found blocked-date; opens_at: expected none, found 2026-11-25T00:00:00+00:00; closes_at: expected 2026-11-23T16:00:00+00:00, found none; rule: expected day, found stock-taking (blocked_dates[0])" type="verdict">Monday 2026-11-23 10:00 GMT is on the blocked date &quot;stock-taking&quot; (2026-11-23 Europe/London)</failure>
            </testcase>
            <testcase name="frozen" classname="policies/shop.yaml" file="policies/shop.test.yaml" line="5"/>
            <testcase name="2026-11-24T10:00:00Z" classname="policies/shop.yaml" file="policies/shop.test.yaml" line="6"/>
        </testsuite>
    </testsuites>
    "#);
    let read = Report::deserialize_from_str(&junit).unwrap();
    assert_eq!((read.tests, read.failures), (4, 1));
    let arguments = ["test", "--policy", "policies/shop.yaml", "--output", "json"];
    let (code, stdout) = shipgate(folder.path(), &arguments);
    assert_eq!(code, 4);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let second = &report["cases"][1];
    let picked = serde_json::json!([
        second["name"],
        second["source"],
        second["passed"],
        second["mismatches"]
    ]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&picked).unwrap(), @r#"
    [
      "wrong in all",
      {
        "path": "policies/shop.test.yaml",
        "line": 4
      },
      false,
      [
        {
          "what": "decision",
          "expected": "allowed",
          "found": "blocked"
        },
        {
          "what": "code",
          "expected": "freeze",
          "found": "blocked-date"
        },
        {
          "what": "opens_at",
          "expected": "none",
          "found": "2026-11-25T00:00:00+00:00"
        },
        {
          "what": "closes_at",
          "expected": "2026-11-23T16:00:00+00:00",
          "found": "none"
        },
        {
          "what": "rule",
          "expected": "day",
          "found": "stock-taking (blocked_dates[0])"
        }
      ]
    ]
    "#);
    let schema = shipgate(folder.path(), &["schema", "report"]).1;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert!(jsonschema::is_valid(&schema, &report));
}

#[test]
fn what_is_wrong_in_a_file_of_cases_is_named_with_its_place() {
    let folder = shop("");
    let text = fs::read_to_string(folder.path().join("policies/shop.yaml")).unwrap();
    let policy = Policy::parse(&text, "shop.yaml").unwrap();
    let case = |more: &str| {
        format!("version: 1\ncases:\n  - {{at: 2026-11-24T10:00:00Z, service: a, {more}}}\n")
    };
    let texts = [
        String::new(),
        "version: 1\ncases: []\n".to_owned(),
        "version: 1\ncases:\n".to_owned(),
        "version: 1\ncases:\n  - {at: 2026-11-24, service: a, expect: {decision: allowed}}\n"
            .to_owned(),
        case("expect: {decision: alowed}"),
        case("expected: {decision: allowed}"),
        case("traffic: -1, expect: {decision: allowed, opens_at: soon}"),
        case("traffic: lots, environment: staging, expect: {decision: allowed}"),
        case("duration: soon, expect: {decision: allowed}"),
        case("traffic: [1], expect: {decision: allowed}"),
        "version: 1\ncases:\n  - {at: 2026-11-24T10:00:00Z, expect: {decision: allowed}}\n"
            .to_owned(),
    ];
    let mut found = Vec::new();
    for text in texts {
        let findings = cases::parse(&text, &policy).unwrap_err();
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        found.push(lines.join("\n"));
    }
    insta::assert_snapshot!(found.join("\n--\n"), @r#"
    1:1: the file is empty
    --
    2:8: `cases`: [] has less than 1 item
    --
    2:6: `cases`: null is not of type "array"
    --
    3:10: `2026-11-24` is no instant; expected RFC 3339 with an offset, such as 2026-11-26T09:00:00-05:00
    --
    3:63: unknown value `alowed`; did you mean `allowed`?
    --
    3:44: unknown key `expected`; did you mean `expect`?
    --
    3:53: found `-1`, expected requests per second, 0 or more, or `unavailable`
    3:95: `soon` is no instant; expected RFC 3339 with an offset, such as 2026-11-26T09:00:00-05:00
    --
    3:53: found `lots`, expected requests per second, 0 or more, or `unavailable`
    --
    3:54: found "soon", expected a duration with a unit, such as 30s, 10m or 1h30m
    --
    3:53: `cases.0.traffic`: [1] is not of types "number", "string"
    --
    3:5: some rules are for one service and not for another; add `service` to the case
    "#);
}

#[test]
fn a_test_that_tests_nothing_does_not_pass() {
    let broken = "version: 1\nallowed_windows: [{}]\n";
    let good = "version: 1\ntimezone: UTC\nblocked_windows: [{days: [Sun]}]\n";
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], i32, &'a str);
    let rows: [Row<'_>; 7] = [
        (&[], &[], 3, "policies: cannot be read"),
        (
            &[("policies/a.yaml", good)],
            &[],
            3,
            "policies: has no policy with a .test.yaml beside it",
        ),
        (
            &[("policies/a.test.yaml", "")],
            &[],
            3,
            "a.test.yaml has no policy a.yaml beside it",
        ),
        (
            &[("policies/a.yaml", good), ("policies/a.test.yaml", "")],
            &[],
            3,
            "policies/a.test.yaml:1:1: the file is empty",
        ),
        (
            &[("policies/a.yaml", broken), ("policies/a.test.yaml", "")],
            &[],
            3,
            "policies/a.yaml:2:19: in which time zone is this window?",
        ),
        (
            &[("a.yaml", good)],
            &["--policy", "a.yaml"],
            3,
            "a.yaml has no cases: there is no a.test.yaml",
        ),
        (&[], &["--cases", "a.test.yaml"], 2, ""),
    ];
    for (files, arguments, code, sentence) in rows {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let (found, stdout) = shipgate(folder.path(), &[&["test"], arguments].concat());
        assert_eq!(found, code, "{files:?}: {stdout}");
        let words: Vec<&str> = stdout.split_whitespace().collect();
        assert!(words.join(" ").contains(sentence), "{files:?}: {stdout}");
    }
}

#[test]
fn a_calendar_beside_the_policy_counts() {
    let folder = shop(
        "  - {name: retreat, at: '2026-03-03T10:00:00Z', service: web, expect: {decision: blocked}}\n  - {name: a week later, at: '2026-03-10T10:00:00Z', service: web, expect: {decision: allowed}}\n",
    );
    let policies = folder.path().join("policies");
    fs::write(
        policies.join("shop.yaml"),
        "version: 1\ntimezone: Europe/London\nenvironments: [production]\nblocked_dates: [{ics: retreat.ics}]\n",
    )
    .unwrap();
    fs::write(
        policies.join("retreat.ics"),
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//shop//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260303\r\nSUMMARY:retreat\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    )
    .unwrap();
    let (code, stdout) = shipgate(folder.path(), &["test"]);
    assert_eq!(code, 0, "{stdout}");
}
