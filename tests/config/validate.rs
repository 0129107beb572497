//! `shipgate validate` as a process: what it says of good, odd and wrong files, and how it ends.

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
fn services_that_name_the_same_workload_are_warned_of() {
    let rows = [
        (r#""{root}/ads.yaml""#, "Deployment/ads"),
        (r#""{root}/*.yaml""#, "Deployment/ads"),
        (r#""{root}/ads/**""#, "Deployment/ads"),
        (r#""{root}/ads.yaml""#, "Deployment/cart"),
    ];
    let mut lines = Vec::new();
    for (manifests, workload) in rows {
        let text = SERVICE.replace("STEPS", "{set_weight: 10}, {pause: {duration: 10m}}");
        let other = format!(
            "  cart:
    manifests: [{manifests}]
    image: registry.example/shop/cart
    workloads: {{stable: {workload}}}
    live: {{stable: {{http: \"https://cart.example\"}}}}
    strategy: {{rolling: {{bake_time: 1m}}}}
    verification: {{interval: 30s, health: [{{http: \"https://cart.example/health\"}}]}}
"
        );
        let text = text.replace("MORE", "") + &other;
        let folder = folder(&[("shipgate.yaml", &text)]);
        let (code, out) = shipgate(folder.path(), &["validate", "--output", "json"]);
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let findings = findings.filter(|it| it["code"] == "shared-workload");
        let findings = findings.map(|it| format!("\n    {} {}", it["line"], it["message"]));
        let findings: String = findings.collect();
        lines.push(format!("{manifests} {workload}: {code}{findings}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "{root}/ads.yaml" Deployment/ads: 0
        23 "Deployment/ads is a workload of `ads`, too, so each deployment would write its version over the other's; expected workloads of its own"
    "{root}/*.yaml" Deployment/ads: 0
        23 "Deployment/ads is a workload of `ads`, too, so each deployment would write its version over the other's; expected workloads of its own"
    "{root}/ads/**" Deployment/ads: 0
    "{root}/ads.yaml" Deployment/cart: 0
    "#);
}

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

/// A service whose traffic, strategy and `live` are given, with manifests beside it.
const PAIR: &str = r#"version: 1
environments: {production: {branch: main, root: prod}}
providers: {prometheus: {url: "https://prometheus.example"}}
services:
  ads:
    manifests: ["{root}/ads*.yaml"]
    image: registry.example/shop/ads
    workloads: WORKLOADS
    TRAFFIC
    live: LIVE
    strategy: STRATEGY
    verification:
      interval: 30s
      metrics:
        - {name: errors, provider: prometheus, bad: 'b{v="{{version}}"}', total: 't{v="{{version}}"}'}
"#;

const ARMS: &str = "{stable: Deployment/ads, canary: Deployment/ads-canary}";
const ADDRESSES: &str =
    r#"{stable: {http: "https://ads.example"}, canary: {http: "https://canary.ads.example"}}"#;
const HALF: &str =
    "{canary: {canary_replicas: 5, steps: [{set_weight: 50}, {pause: {duration: 10m}}]}}";
const COLOURS: &str = "{blue: Deployment/ads, green: Deployment/ads-canary}";
const OF_COLOURS: &str =
    r#"{blue: {http: "https://blue.ads.example"}, green: {http: "https://green.ads.example"}}"#;
const SWITCH: &str = "traffic: {service: Service/ads}";

fn pair(workloads: &str, traffic: &str, live: &str, strategy: &str) -> String {
    PAIR.replace("WORKLOADS", workloads)
        .replace("TRAFFIC", traffic)
        .replace("LIVE", live)
        .replace("STRATEGY", strategy)
}

/// A canary by an object.
fn by(traffic: &str) -> String {
    pair(ARMS, &format!("traffic: {traffic}"), ADDRESSES, HALF)
}

fn deployment(name: &str, track: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: ads, track: {track}}}}}\n  template:\n    metadata: {{labels: {{app: ads, track: {track}}}}}\n    spec: {{containers: [{{name: ads, image: \"registry.example/shop/ads:1.0\"}}]}}\n---\n"
    )
}

fn service(name: &str, selector: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {selector}}}\n---\n"
    )
}

fn route(backends: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: ads}}\nspec:\n  rules:\n    - backendRefs: {backends}\n---\n"
    )
}

/// Ten pods of stable, none of the canary.
fn halves() -> String {
    deployment("ads", "stable", 10) + &deployment("ads-canary", "canary", 0)
}

/// What `validate` finds in a configuration with these manifests: exit code and findings.
fn found(config: &str, files: &[(&str, String)]) -> String {
    let mut all = vec![("shipgate.yaml", config)];
    all.extend(files.iter().map(|(path, text)| (*path, text.as_str())));
    let folder = folder(&all);
    let (code, out) = shipgate(folder.path(), &["validate", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.map(|it| {
        let text = |key: &str| it[key].as_str().unwrap();
        format!(
            "\n  {} {}:{} {}: {}",
            text("severity"),
            it["line"],
            it["column"],
            text("code"),
            text("message")
        )
    });
    format!("{code}{}", findings.collect::<String>())
}

#[test]
fn backends_that_lead_to_the_wrong_pods_are_refused() {
    let of = |track: &str| format!("{{app: ads, track: {track}}}");
    let services =
        |stable: &str, canary: &str| service("ads", stable) + &service("ads-canary", canary);
    let both = "[{name: ads, port: 80, weight: 100}, {name: ads-canary, port: 80, weight: 0}]";
    let by_route = by("{http_route: HTTPRoute/ads}");
    let named = by("{http_route: HTTPRoute/ads, canary: ads}");
    let right = services(&of("stable"), &of("canary"));
    let mesh = |subset: &str, labels: &str| {
        format!(
            "kind: VirtualService\napiVersion: networking.istio.io/v1\nmetadata: {{name: ads}}\nspec:\n  http:\n    - route:\n        - {{destination: {{host: ads{subset}}}, weight: 100}}\n        - {{destination: {{host: ads, subset: canary}}, weight: 0}}\n---\nkind: DestinationRule\napiVersion: networking.istio.io/v1\nmetadata: {{name: ads}}\nspec:\n  host: ads\n  subsets:\n    - {{name: stable, labels: {{track: stable}}}}\n    - {{name: canary, labels: {labels}}}\n---\n"
        )
    };
    let by_mesh = by("{virtual_service: VirtualService/ads}");
    let everyone = service("ads", "{app: ads}");
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: ads\n  annotations: {nginx.ingress.kubernetes.io/canary: \"true\", nginx.ingress.kubernetes.io/canary-weight: \"0\"}\nspec: {rules: [{http: {paths: [{backend: {service: {name: ads-canary}}}]}}]}\n---\n";
    let by_ingress = by("{ingress_nginx: Ingress/ads}");
    let rows = [
        ("all is right", &by_route, route(both) + &right),
        (
            "the canary's selects nobody",
            &by_route,
            route(both) + &services(&of("stable"), &of("canarry")),
        ),
        (
            "the canary's has no selector",
            &by_route,
            route(both) + &services(&of("stable"), "{}"),
        ),
        (
            "the canary's selects stable's pods",
            &by_route,
            route(both) + &services(&of("stable"), &of("stable")),
        ),
        (
            "the canary's selects both",
            &by_route,
            route(both) + &services(&of("stable"), "{app: ads}"),
        ),
        (
            "stable's selects nobody",
            &by_route,
            route(both) + &services(&of("stabel"), &of("canary")),
        ),
        (
            "the two are the wrong way round",
            &by_route,
            route(both) + &services(&of("canary"), &of("stable")),
        ),
        (
            "stable's backend is named as the canary",
            &named,
            route(&both.replace("100", "1").replace("weight: 0", "weight: 1")) + &right,
        ),
        (
            "the canary's is in no file",
            &by_route,
            route(both) + &service("ads", &of("stable")),
        ),
        (
            "the canary's is to be added",
            &by("{http_route: HTTPRoute/ads, canary: ads-canary}"),
            route("[{name: ads, port: 80}]") + &services(&of("stable"), &of("stable")),
        ),
        (
            "something else than a Service",
            &by_route,
            route(&both.replace(
                "{name: ads-canary",
                "{kind: ServiceImport, name: ads-canary",
            )) + &right,
        ),
        (
            "another one for both",
            &by_route,
            route(both) + &right + &service("all", "{app: ads}"),
        ),
        (
            "subsets are right",
            &by_mesh,
            mesh(", subset: stable", "{track: canary}") + &everyone,
        ),
        (
            "the canary's subset is stable's",
            &by_mesh,
            mesh(", subset: stable", "{track: stable}") + &everyone,
        ),
        (
            "stable has no subset",
            &by_mesh,
            mesh("", "{track: canary}") + &everyone,
        ),
        (
            "no such subset",
            &by_mesh,
            mesh(", subset: old", "{track: canary}") + &everyone,
        ),
        (
            "an Ingress is right",
            &by_ingress,
            ingress.to_owned() + &right,
        ),
        (
            "the canary Ingress leads to nobody",
            &by_ingress,
            ingress.to_owned() + &services(&of("stable"), &of("canarry")),
        ),
    ];
    let told = rows.map(|(name, config, manifests)| {
        let files = [("prod/ads.yaml", halves() + &manifests)];
        format!("{name}: {}", found(config, &files))
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    all is right: 0
    the canary's selects nobody: 3
      error 9:14 arms: prod/ads.yaml:33: Service/ads-canary selects `app: ads`, `track: canarry`, which the pods of Deployment/ads-canary do not have, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector the labels of the pods of Deployment/ads-canary, or name another backend
    the canary's has no selector: 3
      error 9:14 arms: prod/ads.yaml:33: Service/ads-canary has no selector, so there are no pods behind it, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector the labels of the pods of Deployment/ads-canary, or name another backend
    the canary's selects stable's pods: 3
      error 9:14 arms: prod/ads.yaml:33: Service/ads-canary selects `app: ads`, `track: stable`, which are the pods of Deployment/ads and not those of Deployment/ads-canary, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector a label that only the pods of Deployment/ads-canary have; does `traffic.canary` name the right backend?
    the canary's selects both: 3
      error 9:14 arms: prod/ads.yaml:33: Service/ads-canary selects `app: ads`, which the pods of Deployment/ads have as well as those of Deployment/ads-canary, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector a label that only the pods of Deployment/ads-canary have; does `traffic.canary` name the right backend?
    stable's selects nobody: 3
      error 9:14 arms: prod/ads.yaml:28: Service/ads selects `app: ads`, `track: stabel`, which the pods of Deployment/ads do not have, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of stable; give its selector the labels of the pods of Deployment/ads, or name another backend
    the two are the wrong way round: 3
      error 9:14 arms: prod/ads.yaml:28: Service/ads selects `app: ads`, `track: canary`, which are the pods of Deployment/ads-canary and not those of Deployment/ads, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of stable; give its selector a label that only the pods of Deployment/ads have; does `traffic.canary` name the right backend?
    stable's backend is named as the canary: 3
      error 9:14 arms: prod/ads.yaml:28: Service/ads selects `app: ads`, `track: stable`, which are the pods of Deployment/ads and not those of Deployment/ads-canary, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector a label that only the pods of Deployment/ads-canary have; does `traffic.canary` name the right backend?
    the canary's is in no file: 0
      warning 9:14 arms: whether the backend `ads-canary` of HTTPRoute/ads (prod/ads.yaml:26) leads to the pods of Deployment/ads-canary alone is not known: no file of the environment holds Service/ads-canary
    the canary's is to be added: 3
      error 9:14 arms: prod/ads.yaml:33: Service/ads-canary selects `app: ads`, `track: stable`, which are the pods of Deployment/ads and not those of Deployment/ads-canary, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector a label that only the pods of Deployment/ads-canary have; does `traffic.canary` name the right backend?
    something else than a Service: 0
      warning 9:14 arms: whether the backend `ads-canary` of HTTPRoute/ads (prod/ads.yaml:26) leads to the pods of Deployment/ads-canary alone is not known: it is a ServiceImport
    another one for both: 0
      warning 9:14 arms: Service/all (prod/ads.yaml:38) selects the pods of stable and of the canary: what comes through it is shared by the numbers of pods, whatever weight HTTPRoute/ads has
    subsets are right: 0
    the canary's subset is stable's: 3
      error 9:14 arms: prod/ads.yaml:30: subset `canary` of DestinationRule/ads selects `app: ads`, `track: stable`, which are the pods of Deployment/ads and not those of Deployment/ads-canary, and VirtualService/ads (prod/ads.yaml:28) has it as the backend of canary; give its selector a label that only the pods of Deployment/ads-canary have; does `traffic.canary` name the right backend?
    stable has no subset: 3
      error 9:14 arms: prod/ads.yaml:39: Service/ads selects `app: ads`, which the pods of Deployment/ads-canary have as well as those of Deployment/ads, and VirtualService/ads (prod/ads.yaml:27) has it as the backend of stable; give its selector a label that only the pods of Deployment/ads have; does `traffic.canary` name the right backend?
    no such subset: 0
      warning 9:14 arms: whether the backend `ads/old` of VirtualService/ads (prod/ads.yaml:27) leads to the pods of Deployment/ads alone is not known: no file of the environment holds subset `old` in a DestinationRule of `ads`
    an Ingress is right: 0
    the canary Ingress leads to nobody: 3
      error 9:14 arms: prod/ads.yaml:33: Service/ads-canary selects `app: ads`, `track: canarry`, which the pods of Deployment/ads-canary do not have, and Ingress/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector the labels of the pods of Deployment/ads-canary, or name another backend
    ");
    // Services that are edited by nobody are looked at as well.
    let files = [
        ("prod/ads.yaml", halves() + &route(both)),
        (
            "prod/net/services.yml",
            services(&of("stable"), &of("other")),
        ),
    ];
    insta::assert_snapshot!(found(&by_route, &files), @r"
    3
      error 9:14 arms: prod/net/services.yml:6: Service/ads-canary selects `app: ads`, `track: other`, which the pods of Deployment/ads-canary do not have, and HTTPRoute/ads (prod/ads.yaml:26) has it as the backend of canary; give its selector the labels of the pods of Deployment/ads-canary, or name another backend
    ");
    // A patch does not say all labels of the pods, nor does a template.
    let patch = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    metadata: {{labels: {{version: \"1.0\"}}}}\n    spec: {{containers: [{{name: ads, image: \"registry.example/shop/ads:1.0\"}}]}}\n---\n"
        )
    };
    let files = [(
        "prod/ads.yaml",
        patch("ads") + &patch("ads-canary") + &route(both) + &right,
    )];
    insta::assert_snapshot!(found(&by_route, &files), @r"
    0
      warning 9:14 arms: whether the backend `ads` of HTTPRoute/ads (prod/ads.yaml:22) leads to the pods of Deployment/ads alone is not known: the labels of the pods of Deployment/ads are not written out where its version is
      warning 9:14 arms: whether the backend `ads-canary` of HTTPRoute/ads (prod/ads.yaml:22) leads to the pods of Deployment/ads-canary alone is not known: the labels of the pods of Deployment/ads are not written out where its version is
    ");
    // Nor do the templates where a kustomization gives them more.
    let more = services("{team: ads, app: ads, track: stable}", &of("canary"));
    let kustomization = "commonLabels: {team: ads}\nresources: [ads.yaml]\n";
    let files = [
        ("prod/ads.yaml", halves() + &route(both) + &more),
        ("prod/kustomization.yaml", kustomization.to_owned()),
    ];
    let by_kustomization = by_route.replace("ads*.yaml", "*.yaml");
    insta::assert_snapshot!(found(&by_kustomization, &files), @r"
    0
      warning 9:14 arms: whether the backend `ads` of HTTPRoute/ads (prod/ads.yaml:26) leads to the pods of Deployment/ads alone is not known: Service/ads (prod/ads.yaml:28) selects `app: ads`, `team: ads`, `track: stable`, and a kustomization (prod/kustomization.yaml:1) gives pods more labels
    ");
    // What cannot be found is said, for nobody has looked at it.
    let files = [(
        "prod/ads.yaml",
        deployment("ads", "stable", 1) + &route(both),
    )];
    insta::assert_snapshot!(found(&by_route, &files), @r"
    0
      warning 6:16 arms: not looked at: there is no Deployment/ads-canary in 1 file; found Deployment/ads; check kind and name, and that the files to edit include the one that holds it
    ");
}

#[test]
fn keys_of_a_chart_that_are_not_there_are_told() {
    let chart = "image: registry.example/shop/ads\n    helm: {file: \"{root}/values.yaml\", image_tag: image.tag, canary: {image_tag: canary.tag, replicas: canary.replicas}}\n";
    let config = by("{http_route: HTTPRoute/ads}");
    let config = config.replace("image: registry.example/shop/ads\n", chart);
    let manifests = route("[{name: ads, weight: 100}, {name: ads-canary, weight: 0}]");
    let told = [
        "image: {tag: '1.0'}\ncanary: {tag: '1.0', replicas: 0}\n",
        "image: {tag: ''}\ncanary: {tags: '1.0', replicas: none}\n",
    ];
    let told = told.map(|values| {
        let files = [
            ("prod/ads.yaml", manifests.clone()),
            ("prod/values.yaml", values.to_owned()),
        ];
        found(&config, &files)
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    0
      warning 10:14 arms: a chart writes the workloads: whose pods the backends of HTTPRoute/ads lead to is not known
    3
      error 8:11 arms: prod/values.yaml:1: `image.tag` is empty, expected a value; write the value that counts now there
      error 8:11 arms: prod/values.yaml:1: there is no `canary.tag` here, and a key that the chart does not know would change nothing; check the key; where only the chart's own values have it, write the value that counts now here
      error 8:11 arms: prod/values.yaml:2: `canary.replicas` of prod/values.yaml is `none`, expected a whole number; write a number there
      warning 10:14 arms: a chart writes the workloads: whose pods the backends of HTTPRoute/ads lead to is not known
    ");
}

#[test]
fn pairs_that_do_not_fit_are_warned_of() {
    let of = |track: &str| format!("{{app: ads, track: {track}}}");
    let steps = |steps: &str| {
        let strategy = format!("{{canary: {{canary_replicas: 1, steps: [{steps}]}}}}");
        let traffic = "traffic: {http_route: HTTPRoute/ads}";
        pair(ARMS, traffic, ADDRESSES, &strategy)
    };
    let by_route = halves()
        + &route("[{name: ads, weight: 100}, {name: ads-canary, weight: 0}]")
        + &service("ads", &of("stable"))
        + &service("ads-canary", &of("canary"));
    let colours = halves() + &service("ads", &of("stable"));
    let scaler = |kind: &str, name: &str| {
        let (group, more) = match kind {
            "ScaledObject" => ("keda.sh/v1alpha1", ""),
            _ => ("autoscaling/v2", ", maxReplicas: 20, minReplicas: 2"),
        };
        format!(
            "apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}{more}}}\n---\n"
        )
    };
    let (hpa, keda) = ("HorizontalPodAutoscaler", "ScaledObject");
    let blue_green = |more: &str| {
        let strategy = format!("{{blue_green: {{bake_time: 10m{more}}}}}");
        pair(COLOURS, SWITCH, OF_COLOURS, &strategy)
    };
    let same = |live: &str| {
        let live = format!("{{blue: {live}, green: {live}}}");
        pair(COLOURS, SWITCH, &live, "{blue_green: {bake_time: 10m}}")
    };
    let rolling = |workload: &str, live: &str| {
        let workloads = format!("{{stable: {workload}}}");
        let live = format!("{{stable: {live}}}");
        pair(&workloads, "", &live, "{rolling: {bake_time: 10m}}")
    };
    let pods = |steps: &str| {
        let strategy = format!("{{canary: {{steps: [{steps}]}}}}");
        pair(ARMS, "traffic: {replicas: {}}", ADDRESSES, &strategy)
    };
    let pause = "{pause: {duration: 10m}}";
    let few = deployment("ads", "stable", 3)
        + &deployment("ads-canary", "canary", 0)
        + &service("ads", "{app: ads}");
    let http = r#"{http: "https://ads.example"}"#;
    let rows = [
        (
            "weights that the pods can bear",
            steps(&format!("{{set_weight: 20}}, {pause}")),
            by_route.clone(),
        ),
        (
            "everything to one pod",
            steps(&format!(
                "{{set_weight: 20}}, {pause}, {{set_weight: 100}}, {pause}"
            )),
            by_route.clone(),
        ),
        (
            "a scaler of the canary alone",
            steps(&format!("{{set_weight: 20}}, {pause}")),
            by_route.clone() + &scaler(keda, "ads-canary"),
        ),
        ("colours", blue_green(""), colours.clone()),
        (
            "as many replicas as serve",
            blue_green(", replicas: 10"),
            colours.clone(),
        ),
        (
            "one replica for ten",
            blue_green(", replicas: 1"),
            colours.clone(),
        ),
        (
            "a scaler of one colour",
            blue_green(""),
            colours.clone() + &scaler(hpa, "ads"),
        ),
        (
            "a scaler of the other colour",
            blue_green(""),
            colours.clone() + &scaler(keda, "ads-canary"),
        ),
        (
            "scalers of both",
            blue_green(""),
            colours.clone() + &scaler(hpa, "ads") + &scaler(keda, "ads-canary"),
        ),
        (
            "a second Service for both colours",
            blue_green(""),
            colours.clone() + &service("ads-internal", "{app: ads}"),
        ),
        ("one address", same(http), colours.clone()),
        (
            "one workload in the cluster",
            same("{kubernetes: {workload: Deployment/ads}}"),
            colours.clone(),
        ),
        (
            "each its own workload",
            same("{kubernetes: {}}"),
            colours.clone(),
        ),
        (
            "a metric of each",
            same("{metric: {query: 'up{app=\"{{arm}}\"}'}}"),
            colours.clone(),
        ),
        ("rolling", rolling("Deployment/ads", http), halves()),
        ("rolling a Rollout", rolling("Rollout/ads", http), halves()),
        (
            "rolling a Rollout that is asked",
            rolling("Rollout/ads", "{kubernetes: {}}"),
            halves(),
        ),
        (
            "shares that differ",
            pods(&format!(
                "{{set_weight: 10}}, {pause}, {{set_weight: 50}}, {pause}"
            )),
            few.clone(),
        ),
        (
            "shares that fall together",
            pods(&format!(
                "{{set_weight: 5}}, {pause}, {{set_weight: 10}}, {pause}, {{set_weight: 40}}, {pause}"
            )),
            few.clone(),
        ),
    ];
    let told = rows.map(|(name, config, manifests)| {
        let files = [("prod/ads.yaml", manifests)];
        format!("{name}: {}", found(&config, &files))
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    weights that the pods can bear: 0
    everything to one pod: 0
      warning 9:14 arms: weight 100% goes to 1 pod of Deployment/ads-canary, and Deployment/ads has 10 for everything: each would get 10 times the requests of one of stable's; `canary_replicas: 10` would be as many as for stable
    a scaler of the canary alone: 0
      warning 9:14 arms: ScaledObject/ads-canary (prod/ads.yaml:38) scales Deployment/ads-canary, and nothing scales Deployment/ads: should it not be stable that is scaled?
    colours: 0
    as many replicas as serve: 0
    one replica for ten: 0
      warning 9:14 arms: `replicas: 1` of `blue_green` is fewer than the 10 of Deployment/ads, which serves everyone now: after the switch Deployment/ads-canary has that many for all of it
    a scaler of one colour: 0
      warning 9:14 arms: HorizontalPodAutoscaler/ads (prod/ads.yaml:26) scales Deployment/ads, and nothing scales Deployment/ads-canary: which colour serves decides whether the number of pods follows the traffic
    a scaler of the other colour: 0
      warning 9:14 arms: ScaledObject/ads-canary (prod/ads.yaml:26) scales Deployment/ads-canary, and nothing scales Deployment/ads: which colour serves decides whether the number of pods follows the traffic
    scalers of both: 0
    a second Service for both colours: 0
      warning 9:14 arms: Service/ads-internal (prod/ads.yaml:26) selects the pods of Deployment/ads and of Deployment/ads-canary: what comes through it is not switched
    one address: 0
      warning 10:11 arms: `live.blue` and `live.green` look at the same place, so what Deployment/ads runs is taken for what Deployment/ads-canary runs; give each its own
    one workload in the cluster: 0
      warning 10:11 arms: `live.blue` and `live.green` look at the same place, so what Deployment/ads runs is taken for what Deployment/ads-canary runs; give each its own
    each its own workload: 0
    a metric of each: 0
    rolling: 0
    rolling a Rollout: 0
      warning 10:20 arms: Rollout/ads is brought out by the steps of its own controller, and the first pod with the new version makes this say that it is live; write `live: {stable: {kubernetes: {}}}`, with `strategy: {argo_rollouts: {}}` to follow the steps
    rolling a Rollout that is asked: 0
    shares that differ: 0
    shares that fall together: 0
      warning 9:14 arms: the 3 weights make 2 different shares, because Deployment/ads has 3 pods: 5% is 1 pod of 4 (25%), 10% is 1 pod of 4 (25%), 40% is 2 pods of 5 (40%)
    ");
}
