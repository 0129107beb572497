//! `shipgate validate` as a process: what it says of good, odd and bad files, how it ends, what it costs.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path};

use assert_cmd::Command;
use proptest::prelude::*;
use shipgate::{
    event::{Ending, Event, Outcome, Reporter},
    ops::{
        check,
        validate::{self, Subject},
    },
    policy::{Action, Facts, Policy, Request, Severity},
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
    let outcome = validate::run(&subjects, AT.parse().unwrap(), false);
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
"), @r"
4:5 info weekday: 2025-11-24 is a Monday
5:5 info weekday: 2025-12-25 is a Thursday
6:5 warning name-twice: `christmas` is 2025-12-26 here and 2025-12-25 in blocked_dates[1] (line 5); which one is it?
6:5 info weekday: 2025-12-26 is a Friday
7:5 info weekday: 2026-12-25 is a Friday
8:5 warning past-date: 2025-10-31 is past; this blocks nothing any more
8:5 info weekday: 2025-10-30 is a Thursday, 2025-10-31 is a Friday
9:5 info weekday: 2025-12-31 is a Wednesday, 2026-01-01 is a Thursday
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
                    allowed_windows, blocked_windows, blocked_dates, traffic_threshold, actions (and 1
                    more)

      exit code   3 config-invalid

    config.yaml
      error    2:1: unknown key `services`; known: version, timezone, environments, allowed_windows,
               blocked_windows, blocked_dates, traffic_threshold, actions [invalid]
               2 | services: {}
                 | ^
      error    3:1: unknown key `providrs`; known: version, timezone, environments, allowed_windows,
               blocked_windows, blocked_dates, traffic_threshold, actions [invalid]

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

/// Files that are no policy, by name.
fn bad_files() -> Vec<(&'static str, Vec<u8>)> {
    let native = "version: 1\ntimezone: UTC\nallowed_windows: [{}]\n";
    let text = |text: &str| text.as_bytes().to_vec();
    let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        let units = native.encode_utf16().flat_map(bytes);
        mark.into_iter().chain(units).collect()
    };
    let mut laughs =
        "version: 1\ntimezone: UTC\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let many = vec![format!("*a{before}"); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{many}]\n"));
    }
    let windows = |count| {
        let window = "  - {days: [Mon], hours: 02:00-06:00}\n";
        format!(
            "version: 1\ntimezone: UTC\nallowed_windows:\n{}",
            window.repeat(count)
        )
    };
    vec![
        ("empty", Vec::new()),
        ("blank", text(" \n\n")),
        ("nul bytes", text("version: 1\n\0\0\n")),
        ("utf-16 little", utf16([0xFF, 0xFE], u16::to_le_bytes)),
        ("utf-16 big", utf16([0xFE, 0xFF], u16::to_be_bytes)),
        ("latin-1", b"version: 1\n# caf\xE9\n".to_vec()),
        ("binary", (0..=255).cycle().take(100_000).collect()),
        (
            "over 2 MiB",
            text(&format!("{native}#{}\n", "x".repeat(2 << 20))),
        ),
        ("alias bomb", text(&laughs)),
        ("self alias", text("version: 1\nallowed_windows: &a [*a]\n")),
        (
            "deep flow",
            text(&format!("version: 1\nx: {}", "[".repeat(500_000))),
        ),
        (
            "deep block",
            text(
                &(0..900)
                    .map(|depth| " ".repeat(depth) + "a:\n")
                    .collect::<String>(),
            ),
        ),
        ("deep json", text(&"{\"a\":".repeat(200_000))),
        ("10,000 windows", text(&windows(10_000))),
        (
            "40,000 unknown keys",
            text(
                &(0..40_000)
                    .map(|key| format!("k{key}: 1\n"))
                    .collect::<String>(),
            ),
        ),
        (
            "40,000 wrong dates",
            text(&format!(
                "version: 1\ntimezone: UTC\nblocked_dates:\n{}",
                "  - 2025-02-30\n".repeat(40_000)
            )),
        ),
        (
            "1,000 wrong zones",
            text(&format!(
                "version: 1\nblocked_dates:\n{}",
                "  - {date: 2025-02-03, timezone: Amerika/NewYork}\n".repeat(1_000)
            )),
        ),
        (
            "long line",
            text(&format!("version: 1\ntimezone: {}\n", "x".repeat(1 << 20))),
        ),
        (
            "duplicate keys",
            text("version: 1\nversion: 1\ntimezone: UTC\nallowed_windows: [{}]\n"),
        ),
        (
            "unknown zone",
            text("version: 1\ntimezone: Europe/Berln\nallowed_windows: [{}]\n"),
        ),
        (
            "25 o'clock",
            text("version: 1\ntimezone: UTC\nallowed_windows: [{hours: 02:00-25:00}]\n"),
        ),
        (
            "end is start",
            text("version: 1\ntimezone: UTC\nallowed_windows: [{hours: 02:00-02:00}]\n"),
        ),
        (
            "empty days",
            text("version: 1\ntimezone: UTC\nallowed_windows: [{days: []}]\n"),
        ),
        (
            "misspelt weekday",
            text("version: 1\ntimezone: UTC\nallowed_windows: [{days: [Wendesday]}]\n"),
        ),
        (
            "no such date",
            text("version: 1\ntimezone: UTC\nblocked_dates: [2025-02-30]\n"),
        ),
        (
            "a project of 10,000",
            text(&format!(
                "kind: AppProject\nspec:\n  syncWindows:\n{}",
                "  - {kind: deny, schedule: '* * * * *', duration: 1h, applications: ['*']}\n"
                    .repeat(10_000)
            )),
        ),
        (
            "a configmap of nothing",
            text("kind: ConfigMap\ndata: {a: b}\n"),
        ),
        (
            "deep configmap",
            text(&format!(
                "kind: ConfigMap\ndata:\n  p.json: |\n    {{\"allowed_windows\": {}",
                "[".repeat(300_000)
            )),
        ),
    ]
}

/// Runs a command under a limit of memory and time; returns exit code and first line.
#[cfg(target_os = "linux")]
fn within_limits(folder: &Path, arguments: &[&str]) -> (i32, String) {
    // 200 MB of memory of its own, and one second of processor time, of which a build without
    // optimisation needs several.
    let program = assert_cmd::cargo::cargo_bin("shipgate");
    let output = std::process::Command::new("sh")
        .current_dir(folder)
        .env_clear()
        .args([
            "-c",
            "ulimit -d 200000 && ulimit -t 10 && exec \"$0\" \"$@\"",
        ])
        .arg(program)
        .args(arguments)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = stdout.lines().next().unwrap_or_default().to_owned();
    (output.status.code().unwrap_or(-1), line)
}

#[cfg(target_os = "linux")]
#[test]
fn bad_files_are_refused_by_both_commands_at_little_cost() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("a folder")).unwrap();
    let mut names = vec!["a folder".to_owned(), "missing".to_owned()];
    for (name, bytes) in bad_files() {
        fs::write(folder.path().join(name), bytes).unwrap();
        names.push(name.to_owned());
    }
    let mut rows = Vec::new();
    for name in names {
        let (code, line) = within_limits(folder.path(), &["check", "--policy", &name, "--at", AT]);
        assert_eq!(code, 3, "{name}: {line}");
        let (code, _) = within_limits(folder.path(), &["validate", "--policy", &name, "--at", AT]);
        assert_eq!(code, 3, "{name}");
        rows.push(line);
    }
    insta::assert_snapshot!(rows.join("\n"), @r#"
    CONFIG INVALID  a folder: cannot be read: Is a directory (os error 21)
    CONFIG INVALID  missing: cannot be read: No such file or directory (os error 2)
    CONFIG INVALID  empty:1:1: the file is empty
    CONFIG INVALID  blank:1:1: the file is empty
    CONFIG INVALID  nul bytes: is no text: it has bytes that are zero
    CONFIG INVALID  utf-16 little: is UTF-16 text; save it as UTF-8
    CONFIG INVALID  utf-16 big: is UTF-16 text; save it as UTF-8
    CONFIG INVALID  latin-1: is not UTF-8 text
    CONFIG INVALID  binary: is no text: it has bytes that are zero
    CONFIG INVALID  over 2 MiB: is larger than the limit of 2097152 bytes
    CONFIG INVALID  alias bomb:4:15: more than 100 aliases are followed
    CONFIG INVALID  self alias:2:22: this alias stands for the collection it is in
    CONFIG INVALID  deep flow:2:68: recursion limit exceeded
    CONFIG INVALID  deep block:64:64: nested deeper than 64 levels
    CONFIG INVALID  deep json:1:321: recursion limit exceeded
    CONFIG INVALID  10,000 windows:4:3: `allowed_windows`:
    CONFIG INVALID  40,000 unknown keys:1:1: the key `version` is missing in the file
    CONFIG INVALID  40,000 wrong dates:4:3: `blocked_dates`:
    CONFIG INVALID  1,000 wrong zones:3:34: unknown time zone `Amerika/NewYork`; did you mean
    CONFIG INVALID  long line:1:1: the policy allows everything; write at least one of
    CONFIG INVALID  duplicate keys:2:1: the key `version` is already in this mapping, on line 1
    CONFIG INVALID  unknown zone:2:11: unknown time zone `Europe/Berln`; did you mean `Europe/Berlin`?
    CONFIG INVALID  25 o'clock:3:27: `25:00` is not a time of day; expected HH:MM from 00:00 to 24:00
    CONFIG INVALID  end is start:3:27: `02:00-02:00` starts when it ends; for the whole day write
    CONFIG INVALID  empty days:3:26: `allowed_windows.0.days`: [] has less than 1 item
    CONFIG INVALID  misspelt weekday:3:27: unknown weekday `Wendesday`; did you mean `Wednesday`?
    CONFIG INVALID  no such date:3:17: `2025-02-30` does not exist: February 2025 has 28 days
    CONFIG INVALID  a project of 10,000:4:5: `spec.syncWindows`: [{"kind":"deny","schedule":"* * * *
    CONFIG INVALID  a configmap of nothing:2:7: no key of `data` holds a policy; expected a JSON object
    CONFIG INVALID  deep configmap:4:88: recursion limit exceeded
    "#);
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

/// Valid policies of every form.
const VALID: [&str; 5] = [
    include_str!("../policies/production.yaml"),
    include_str!("../policies/freeze.yaml"),
    include_str!("../policies/configmap.yaml"),
    "{\"allowed_windows\": [{\"days\": [\"Mon\"], \"hours\": \"02:00-06:00\", \"timezone\": \"UTC\"}],\n\"blocked_dates\": [\"2025-12-25\"]}\n",
    "kind: AppProject\nspec:\n  syncWindows:\n    - kind: allow\n      schedule: '0 22 * * *'\n      duration: 8h\n      \
     applications: ['*']\n    - kind: deny\n      schedule: '0 0 24 12 *'\n      duration: 72h\n      timeZone: Asia/Tokyo\n      \
     namespaces: [prod-*]\n      applications: ['*']\n",
];

/// What goes wrong with lines when people edit them.
#[derive(Debug, Clone)]
enum Slip {
    Flip(prop::sample::Index, u8),
    Write(prop::sample::Index, String),
    Delete(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
}

fn slip() -> impl Strategy<Value = Slip> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, bits)| Slip::Flip(at, bits)),
        (place(), "[ -~\n\t]{0,3}|[{}:,&*|>#'\"-]|é|\u{1}")
            .prop_map(|(at, text)| Slip::Write(at, text)),
        place().prop_map(Slip::Delete),
        place().prop_map(Slip::Double),
        (place(), place()).prop_map(|(one, other)| Slip::Swap(one, other)),
    ]
}

fn slipped(text: &str, slips: &[Slip]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for slip in slips {
        if bytes.is_empty() {
            break;
        }
        if let Slip::Flip(at, _) | Slip::Write(at, _) = slip {
            let at = at.index(bytes.len());
            match slip {
                Slip::Flip(_, bits) => bytes[at] ^= bits,
                Slip::Write(_, text) => drop(bytes.splice(at..=at, text.bytes())),
                _ => {}
            }
            continue;
        }
        let mut lines: Vec<Vec<u8>> = bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        let value = |line: &[u8]| {
            line.iter()
                .position(|byte| *byte == b':')
                .map_or(0, |at| at + 1)
        };
        match slip {
            Slip::Flip(..) | Slip::Write(..) => {}
            Slip::Delete(at) => {
                lines.remove(at.index(lines.len()));
            }
            Slip::Double(at) => {
                let at = at.index(lines.len());
                lines.insert(at, lines[at].clone());
            }
            Slip::Swap(one, other) => {
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                let (from_one, from_other) = (value(&lines[one]), value(&lines[other]));
                let (of_one, of_other) = (
                    lines[one].split_off(from_one),
                    lines[other].split_off(from_other),
                );
                lines[one].extend(of_other);
                lines[other].extend(of_one);
            }
        }
        bytes = lines.join(&b'\n');
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_validate_refuses_check_refuses(
        which in 0..VALID.len(),
        slips in prop::collection::vec(slip(), 1..4),
        hours in 0_i64..20_000,
    ) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, slipped(VALID[which], &slips)).unwrap();
        let now = AT.parse::<chrono::DateTime<chrono::Utc>>().unwrap() + chrono::TimeDelta::hours(hours);
        let subject = Subject { path: path.clone(), shown: "p.yaml".to_owned(), policy: true };
        let outcome = validate::run(&[subject], now, true);
        let refused = outcome.findings.iter().any(|finding| finding.severity == Severity::Error);
        prop_assert_eq!(refused, outcome.ending == Ending::ConfigInvalid);
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let checked = check::read_file(&path, "p.yaml").and_then(|(source, text)| check::load(source, &text));
        match checked {
            Err(failure) => {
                prop_assert_eq!(failure.0.ending, Ending::ConfigInvalid);
                prop_assert!(refused, "validate takes what check refuses: {}", failure);
                let place = failure.0.reason.strip_prefix("p.yaml:").unwrap();
                let line = place.split(':').next().unwrap();
                // What is no text at all has no line.
                let line = line.parse::<usize>().unwrap_or(usize::from(line.starts_with(" is ")));
                prop_assert!((1..=text.split('\n').count() + 1).contains(&line), "{}", failure);
            }
            Ok(policy) => {
                prop_assert!(!refused, "check takes what validate refuses: {:?}", outcome.findings);
                let request = Request {
                    service: Some("shop".to_owned()),
                    namespace: Some("prod-1".to_owned()),
                    cluster: Some("east".to_owned()),
                    ..Request::new(Action::Deploy)
                };
                let outcome = check::run(&policy, &request, &Facts::default(), now, &mut Silent).unwrap();
                let timetable = policy.timetable(&request);
                let open = timetable.is_open(now) && !timetable.needs_approval(now);
                prop_assert!(!outcome.reason.is_empty() && !outcome.reason.contains('\n'));
                prop_assert_eq!(outcome.ending.code().number == 0, open);
            }
        }
    }
}

struct Silent;

impl Reporter for Silent {
    fn event(&mut self, _event: &Event) {}

    fn finish(&mut self, _outcome: &Outcome) {}
}

#[test]
fn every_example_of_ours_is_valid() {
    for text in VALID {
        Policy::parse(text, "p.yaml").unwrap();
    }
}
