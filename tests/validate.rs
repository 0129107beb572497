//! `shipgate validate` as a process: what it says of good, odd and wrong files, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path};

use assert_cmd::Command;
use shipgate::{
    event::Ending,
    ops::{
        check,
        validate::{self, Subject},
    },
};
use tempfile::TempDir;

const AT: &str = "2025-11-01T12:00:00Z";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Runs shipgate in a folder; returns the exit code and standard output.
fn shipgate(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

fn at(folder: &Path, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["validate", "--at", AT]
        .iter()
        .chain(arguments)
        .copied()
        .collect();
    let (code, stdout) = shipgate(folder, &all);
    format!("exit {code}\n{stdout}")
}

/// What is found in one policy beside one configuration.
fn findings(policy: &str) -> String {
    let folder = folder(&[("p.yaml", policy), ("shipgate.yaml", CONFIG)]);
    let subject = |name: &str| Subject {
        path: folder.path().join(name),
        shown: name.to_owned(),
        policy: false,
    };
    let subjects = [subject("p.yaml"), subject("shipgate.yaml")];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let outcome = runtime.block_on(validate::run(
        &subjects,
        AT.parse().unwrap(),
        false,
        None,
        &|_| false,
    ));
    let lines = outcome.findings.iter().map(|finding| {
        let (line, column) = (finding.line.unwrap(), finding.column.unwrap());
        let word = finding.severity.word();
        format!(
            "{line}:{column} {word} {}: {}",
            finding.code, finding.message
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

const CONFIG: &str = "version: 1
environments:
  production: {root: clusters/prod}
  staging: {root: clusters/staging}
services:
  shop-api:
    manifests: [\"{root}/shop-api.yaml\"]
    image: registry.example/shop/api
    workloads: {stable: Deployment/shop-api}
    live: {stable: {http: \"https://shop.example/version\"}}
    strategy: {rolling: {}}
    verification:
      interval: 30s
      health: [{http: \"https://shop.example/health\"}]
";

#[test]
fn windows_that_are_hardly_meant_so_are_told() {
    insta::assert_snapshot!(findings("version: 1
timezone: America/New_York
allowed_windows:
  - {name: night, days: [Mon, Tue], hours: 02:00-06:00}
  - {name: inside, days: [Mon], hours: 03:00-04:00}
  - {name: quiet, days: [Tue], hours: 03:00-04:00, approval_required: true}
  - {name: late, days: [Tue], hours: 05:00-08:00, approval_required: true}
  - {name: more, days: [Mon], hours: 05:00-08:00}
  - {name: never, days: [Sun], hours: 10:00-12:00}
  - {name: one service, days: [Mon], hours: 03:00-04:00, services: [shop-api]}
  - {name: two parts, days: [Sat], hours: 10:00-12:00}
blocked_windows:
  - {name: sundays, days: [Sun], hours: 09:00-17:00}
  - {days: [Sat], hours: 09:00-11:00}
  - {days: [Sat], hours: 11:00-13:00}
  - {days: [Mon], hours: 00:00-24:00, services: [shop-web]}
"), @r"
1:1 warning no-key: somebody has to sign, and there is no file `allowed_signers` beside the policy, so nobody can
5:5 warning window-inside: this window is inside allowed_windows[0] (`night`) and changes nothing
6:5 warning approval-never-asked: this window is inside allowed_windows[0] (`night`), which needs no approval, so none is ever asked for
7:5 warning approval-overlap: this window overlaps allowed_windows[0] (`night`), next from Tuesday 2025-11-04 05:00 EST to Tuesday 2025-11-04 06:00 EST; where both are open, no approval is asked for
8:5 info window-overlap: this window overlaps allowed_windows[0] (`night`), next from Monday 2025-11-03 05:00 EST to Monday 2025-11-03 06:00 EST; together they are one
9:5 warning never-opens: this window never opens: blocked_windows[0] (`sundays`) covers all of it in the next two years, and blocked beats allowed
10:5 warning window-inside: this window is inside allowed_windows[0] (`night`) and changes nothing
11:5 warning never-opens: this window never opens: the blocked windows and dates together cover all of it in the next two years, and blocked beats allowed
16:50 warning unknown-service: no service of shipgate.yaml is called `shop-web`; did you mean `shop-api`?
");
}

#[test]
fn dates_are_looked_at_as_a_person_would() {
    insta::assert_snapshot!(findings("version: 1
timezone: America/New_York
blocked_dates:
  - 2025-11-24
  - {date: 2025-12-25, name: Christmas}
  - {date: 2025-12-26, name: christmas}
  - {date: 2026-12-25, name: Christmas}
  - {from: 2025-10-30, to: 2025-10-31, name: closing}
  - {from: 2025-12-31, to: 2026-01-01, name: New Year}
  - {date: 2025-11-24, name: Black Friday}
  - {date: 2026-11-27, name: Black Friday}
  - {rule: 4th Thursday of November + 1 day, name: Black Friday}
  - 2025-11-25  # Thanksgiving
"), @r"
4:5 info weekday: 2025-11-24 is a Monday
5:5 info weekday: 2025-12-25 is a Thursday
6:5 warning holiday-date: Christmas Day is on Thursday 2025-12-25, not on Friday 2025-12-26; write `rule: December 25`
6:5 warning name-twice: `christmas` is 2025-12-26 here and 2025-12-25 in blocked_dates[1] (line 5); which one is it?
6:5 info weekday: 2025-12-26 is a Friday
7:5 info weekday: 2026-12-25 is a Friday
8:5 warning past-date: 2025-10-31 is past; this blocks nothing any more
8:5 info weekday: 2025-10-30 is a Thursday, 2025-10-31 is a Friday
9:5 info weekday: 2025-12-31 is a Wednesday, 2026-01-01 is a Thursday
10:5 warning holiday-date: Black Friday is on Friday 2025-11-28, not on Monday 2025-11-24; write `rule: 4th Thursday of November + 1 day`
10:5 info weekday: 2025-11-24 is a Monday
11:5 info weekday: 2026-11-27 is a Friday
13:5 warning holiday-date: Thanksgiving is on Thursday 2025-11-27, not on Tuesday 2025-11-25; write `rule: 4th Thursday of November`
13:5 info weekday: 2025-11-25 is a Tuesday
");
}

#[test]
fn names_that_nobody_bears_are_told() {
    insta::assert_snapshot!(findings("version: 1
timezone: UTC
environments: [production, prodution]
allowed_windows:
  - {services: [shop-api, shop-*, shop-app, web], environments: [prod*, live]}
"), @r"
3:28 warning unknown-environment: no environment of shipgate.yaml is called `prodution`; did you mean `production`?
5:35 warning unknown-service: no service of shipgate.yaml is called `shop-app`; did you mean `shop-api`?
5:45 warning unknown-service: no service of shipgate.yaml is called `web`; known: shop-api
5:73 warning unknown-environment: no environment of shipgate.yaml is called `live`; known: production, staging
");
}

#[test]
fn changes_of_clocks_are_told_before_they_come() {
    insta::assert_snapshot!(findings("version: 1
timezone: America/New_York
allowed_windows:
  - {days: [Sun], hours: 02:30-06:00}
  - {days: [Sat, Sun], hours: 22:00-02:30}
  - {days: [Sun], hours: 02:15-02:45}
  - {days: [Sun], hours: 01:30-01:45}
  - {days: [Sun], hours: 03:00-04:00}
  - {days: [Mon], hours: 02:30-06:00}
  - {days: [Sun], hours: 02:30-06:00, timezone: Asia/Tokyo}
"), @r"
4:5 info clock-forward: 02:30 does not exist on 2026-03-08 in America/New_York; the window opens at 03:00 that day
5:5 info clock-forward: 02:30 does not exist on 2026-03-08 in America/New_York; the window closes at 03:00 that day
6:5 info clock-forward: 02:15 does not exist on 2026-03-08 in America/New_York; the window does not open that day
6:5 info window-overlap: this window overlaps allowed_windows[0], next from Sunday 2025-11-02 02:30 EST to Sunday 2025-11-02 02:45 EST; together they are one
6:5 info window-overlap: this window overlaps allowed_windows[1], next from Sunday 2025-11-02 02:15 EST to Sunday 2025-11-02 02:30 EST; together they are one
7:5 warning window-inside: this window is inside allowed_windows[1] and changes nothing
7:5 info clock-back: 01:30 comes twice on 2025-11-02 in America/New_York; the window opens both times
8:5 warning window-inside: this window is inside allowed_windows[0] and changes nothing
");
}

#[test]
fn the_command_shows_the_line_and_ends_as_it_should() {
    let good = "version: 1\ntimezone: UTC\nallowed_windows:\n  - days: [Mon]\n";
    let odd = "version: 1\ntimezone: UTC\nblocked_dates: [2025-10-01]\n";
    let bad =
        "version: 1\ntimezone: UTC\nallowed_windows:\n  - dais: [Mon]\n    hours: 25:00-26:00\n";
    let folder = folder(&[
        ("good.yaml", good),
        ("odd.yaml", odd),
        ("bad.yaml", bad),
        ("all/shipgate.yaml", CONFIG),
        ("all/policies/b.yaml", good),
        ("all/policies/a.yml", odd),
        ("none/readme.md", ""),
        (
            "config.yaml",
            "version: 1\nservices: {}\nprovidrs: {token: s3cr3t}\n",
        ),
    ]);
    let folder = folder.path();
    insta::assert_snapshot!([
        at(folder, &["good.yaml"]),
        at(folder, &["odd.yaml"]),
        at(folder, &["odd.yaml", "--strict"]),
        at(folder, &["good.yaml", "bad.yaml", "missing.yaml", "--strict"]),
        at(folder, &["config.yaml"]),
        at(folder, &["--policy", "config.yaml"]),
        at(&folder.join("all"), &[]),
        at(&folder.join("none"), &[]),
    ].join("\n"), @r"
    exit 0
    OK  good.yaml is valid

    exit 0
    OK  odd.yaml is valid; 1 warning

    odd.yaml
      warning  3:17: 2025-10-01 is past; this blocks nothing any more [past-date]
               3 | blocked_dates: [2025-10-01]
                 |                 ^
      info     3:17: 2025-10-01 is a Wednesday [weekday]

    exit 4
    FINDINGS  odd.yaml is valid, but there are findings: 1 warning

      exit code   4 findings

    odd.yaml
      warning  3:17: 2025-10-01 is past; this blocks nothing any more [past-date]
               3 | blocked_dates: [2025-10-01]
                 |                 ^
      info     3:17: 2025-10-01 is a Wednesday [weekday]

    next: read the findings

    exit 3
    CONFIG INVALID  bad.yaml:4:5: unknown key `dais`; did you mean `days`? (and 1 more)

      exit code   3 config-invalid

    bad.yaml
      error    4:5: unknown key `dais`; did you mean `days`? [invalid]
               4 |   - dais: [Mon]
                 |     ^

    missing.yaml
      error    cannot be read: No such file or directory (os error 2) [unreadable]

    next: mend the line that the message names

    exit 3
    CONFIG INVALID  config.yaml:1:1: the key `environments` is missing in the file (and 2 more)

      exit code   3 config-invalid

    config.yaml
      error    1:1: the key `environments` is missing in the file [invalid]
               1 | version: 1
                 | ^
      error    2:11: `services`: {} has less than 1 property [invalid]
               2 | services: {}
                 |           ^
      error    3:1: unknown key `providrs`; did you mean `providers`? [invalid]

    next: mend the line that the message names

    exit 3
    CONFIG INVALID  config.yaml:2:1: unknown key `services`; known: version, timezone, environments,
                    allowed_windows, blocked_windows, blocked_dates, traffic_threshold, alerts,
                    programs, actions, people, versions, approvals, override, approval_when, require,
                    runway, overrun, behavior, dry_run (and 1 more)

      exit code   3 config-invalid

    config.yaml
      error    2:1: unknown key `services`; known: version, timezone, environments, allowed_windows,
               blocked_windows, blocked_dates, traffic_threshold, alerts, programs, actions, people,
               versions, approvals, override, approval_when, require, runway, overrun, behavior, dry_run
               [invalid]
               2 | services: {}
                 | ^
      error    3:1: unknown key `providrs`; did you mean `programs`? [invalid]

    next: mend the line that the message names

    exit 0
    OK  3 files are valid; 1 warning

    policies/a.yml
      warning  3:17: 2025-10-01 is past; this blocks nothing any more [past-date]
               3 | blocked_dates: [2025-10-01]
                 |                 ^
      info     3:17: 2025-10-01 is a Wednesday [weekday]

    exit 2
    ERROR  there is no shipgate.yaml and no policies/*.yaml here

      exit code   2 usage

    next: name the files: shipgate validate FILE...
    ");
    let (code, stdout) = shipgate(
        folder,
        &["validate", "bad.yaml", "--output", "json", "--at", AT],
    );
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["result"]), (3, &serde_json::json!("error")));
    insta::assert_json_snapshot!(report["findings"], @r#"
    [
      {
        "path": "bad.yaml",
        "line": 4,
        "column": 5,
        "severity": "error",
        "code": "invalid",
        "message": "unknown key `dais`; did you mean `days`?"
      }
    ]
    "#);
}

#[test]
fn pipelines_get_an_annotation_for_each_finding() {
    let bad =
        "version: 1\ntimezone: UTC\nblocked_dates: [2025-02-30]\nallowed_windows: [{hours: 9-5}]\n";
    let odd = "version: 1\ntimezone: UTC\nblocked_dates: [2025-10-01]\n";
    let folder = folder(&[("bad.yaml", bad), ("odd.yaml", odd)]);
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder.path())
        .env_clear()
        .env("GITHUB_ACTIONS", "true")
        .args(["validate", "--at", AT, "bad.yaml", "odd.yaml"])
        .output()
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r"
    ::error title=shipgate%3A config-invalid,file=bad.yaml,line=3::bad.yaml:3:17: `2025-02-30` does not exist: February 2025 has 28 days (and 1 more)
    ::warning title=shipgate,file=bad.yaml,line=4::`9` is not a time of day; expected HH:MM from 00:00 to 24:00 (invalid)
    ::warning title=shipgate,file=odd.yaml,line=3::2025-10-01 is past; this blocks nothing any more (past-date)
    ");
}

#[test]
fn a_clock_that_cannot_be_right_decides_nothing() {
    let refused = check::plausible("1970-01-01T00:00:07Z".parse().unwrap()).unwrap_err();
    assert_eq!(refused.0.ending, Ending::Unavailable);
    insta::assert_snapshot!(refused, @"the clock of this machine says 1970-01-01T00:00:07Z, which cannot be");
    check::plausible("2020-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let policy = "version: 1\ntimezone: UTC\nallowed_windows: [{days: [Thu]}]\n";
    let folder = folder(&[("p.yaml", policy)]);
    let arguments = [
        "check",
        "--policy",
        "p.yaml",
        "--at",
        "1970-01-01T00:00:00Z",
    ];
    assert_eq!(shipgate(folder.path(), &arguments).0, 0);
}

#[test]
fn approvals_that_nobody_could_give_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDt/5FF4OjIS2XY6PckbIc5BGshBd6QfVbWOsEWp9jyK";
    write(
        "p.yaml",
        "version: 1\ntimezone: UTC\nallowed_windows: [{hours: '09:00-10:00', approval_required: true}]\n\
         approvals: {minimum: 2}\nrunway: 2h\n\
         override: {ticket: 'INC-[0-9]+', rules: [blocked-window], approvers: ['yan@x.example']}\n",
    );
    let validate = || {
        let output = Command::cargo_bin("shipgate")
            .unwrap()
            .current_dir(folder.path())
            .args(["validate", "p.yaml", "--at", "2026-11-24T12:00:00Z"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let without = validate();
    write("allowed_signers", &format!("alice@x.example {key}\n"));
    let with = validate();
    write("allowed_signers", "alice@x.example nonsense\n");
    let broken = validate();
    insta::assert_snapshot!(format!("{without}\n{with}\n{broken}"), @r"
    OK  p.yaml is valid; 2 warnings

    p.yaml
      warning  1:1: somebody has to sign, and there is no file `allowed_signers` beside the policy, so
               nobody can [no-key]
               1 | version: 1
                 | ^
      warning  5:9: no opening in the next two years is as long as the runway of 2h [runway-never-fits]
               5 | runway: 2h
                 |         ^

    OK  p.yaml is valid; 4 warnings

    p.yaml
      warning  1:1: approvals take 2 people, and `allowed_signers` has keys of 1 [no-key]
               1 | version: 1
                 | ^
      warning  5:9: no opening in the next two years is as long as the runway of 2h [runway-never-fits]
               5 | runway: 2h
                 |         ^
      warning  6:1: overrides take 1 people, and 0 of the signers may [no-key]
               6 | override: {ticket: 'INC-[0-9]+', rules: [blocked-window], approvers: ['yan@x.example
                 | ^
      warning  6:1: the approver `yan@x.example` has no key in `allowed_signers` [no-key]
               6 | override: {ticket: 'INC-[0-9]+', rules: [blocked-window], approvers: ['yan@x.example
                 | ^

    CONFIG INVALID  p.yaml:1:1: allowed_signers:1: unknown option `nonsense`; known: namespaces,
                    valid-after, valid-before

      exit code   3 config-invalid

    p.yaml
      error    1:1: allowed_signers:1: unknown option `nonsense`; known: namespaces, valid-after,
               valid-before [invalid]
               1 | version: 1
                 | ^

    next: mend the line that the message names
    ");
}

const SERVICE: &str = r#"version: 1
environments: {production: {branch: main, root: clusters/prod}}
providers: {prometheus: {url: "https://prometheus.example"}}
services:
  ads:
    manifests: ["{root}/ads.yaml"]
    image: registry.example/shop/ads
    workloads: {stable: Deployment/ads, canary: Deployment/ads-canary}
    traffic: {ingress_nginx: Ingress/ads-canary}
    live: {canary: {http: "https://ads-canary.example"}, stable: {http: "https://ads.example"}}
    strategy:
      canary:
        canary_replicas: 1
        steps: [STEPS]
        bake_time: 10m
    verification:
      interval: 30s
      metrics:
        - {name: errors, provider: prometheus, bad: 'b{v="{{version}}"}', total: 't{v="{{version}}"}'MORE}
"#;

#[test]
fn watches_that_are_too_short_for_any_verdict_are_told() {
    let rows = [
        ("{set_weight: 10}, {pause: {duration: 10m}}", ""),
        ("{set_weight: 10}, {pause: {duration: 20s}}", ""),
        ("{set_weight: 10}, {pause: {duration: 1m}}", ""),
        (
            "{set_weight: 10}, {pause: {duration: 2m}}",
            ", initial_delay: 90s",
        ),
        (
            "{set_weight: 10}, {pause: {duration: 5m, promote_early: true}}",
            "",
        ),
        (
            "{set_weight: 10}, {pause: {duration: 10m, promote_early: true}}",
            ", soak_polls: 100",
        ),
        (
            "{set_weight: 10}, {pause: {duration: 10m}}",
            ", interval: 5m",
        ),
    ];
    let mut lines = Vec::new();
    for (steps, more) in rows {
        let text = SERVICE.replace("STEPS", steps).replace("MORE", more);
        let folder = folder(&[("shipgate.yaml", &text)]);
        let (code, out) = shipgate(folder.path(), &["validate", "--strict", "--output", "json"]);
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let findings = findings.map(|it| {
            format!(
                "{} {}:{} {}",
                it["code"], it["line"], it["column"], it["message"]
            )
        });
        lines.push(format!("{steps}{more}: {code}"));
        lines.extend(findings.map(|it| format!("    {it}")));
    }
    let gauge = SERVICE.replace("STEPS", "{set_weight: 10}, {pause: {duration: 4m}}");
    let (head, _) = gauge.split_once("        - {name: errors").unwrap();
    let gauge = format!(
        "{head}        - {{name: p99, provider: prometheus, query: 'p99{{v=\"{{{{version}}}}\"}}', tolerated_factor: 1.2}}\n"
    );
    let folder = folder(&[("shipgate.yaml", &gauge)]);
    let (_, out) = shipgate(folder.path(), &["validate"]);
    lines.push(out);
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {set_weight: 10}, {pause: {duration: 10m}}: 0
    {set_weight: 10}, {pause: {duration: 20s}}: 4
        "short-watch" 14:16 "the pause of 20s at weight 10% has 1 poll every 30s of `errors`: nothing is called worse in fewer than 3, or good in fewer than 2"
    {set_weight: 10}, {pause: {duration: 1m}}: 4
        "short-watch" 14:16 "the pause of 1m at weight 10% has 2 polls every 30s of `errors`: nothing is called worse in fewer than 3, or good in fewer than 2"
    {set_weight: 10}, {pause: {duration: 2m}}, initial_delay: 90s: 4
        "short-watch" 14:16 "the pause of 2m at weight 10% has 1 poll every 30s of `errors`: nothing is called worse in fewer than 3, or good in fewer than 2"
    {set_weight: 10}, {pause: {duration: 5m, promote_early: true}}: 4
        "short-watch" 14:16 "`promote_early` cannot end the pause of 5m at weight 10%: it has 10 polls every 30s of `errors`, which is called good from poll 10 on (`soak_polls`)"
    {set_weight: 10}, {pause: {duration: 10m, promote_early: true}}, soak_polls: 100: 4
        "short-watch" 14:16 "`promote_early` cannot end the pause of 10m at weight 10%: it has 20 polls every 30s of `errors`, which is called good from poll 100 on (`soak_polls`)"
    {set_weight: 10}, {pause: {duration: 10m}}, interval: 5m: 4
        "short-watch" 14:16 "the pause of 10m at weight 10% has 2 polls every 5m of `errors`: nothing is called worse in fewer than 3, or good in fewer than 2"
        "short-watch" 14:16 "the `bake_time` of 10m has 2 polls every 5m of `errors`: nothing is called worse in fewer than 3, or good in fewer than 2"
    OK  shipgate.yaml is valid; 1 warning

    shipgate.yaml
      warning  14:16: the pause of 4m at weight 10% has 8 polls every 30s of `p99`: nothing is called
               worse in fewer than 9, or good in fewer than 6 [short-watch]
               14 |         steps: [{set_weight: 10}, {pause: {duration: 4m}}]
                  |                ^
    "#);
}
