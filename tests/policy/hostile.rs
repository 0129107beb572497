//! Files that are hostile, broken or too large: `check` and `validate` refuse the same ones, at little cost.

use std::{fs, path::Path};

use proptest::prelude::*;
use shipgate::{
    event::{Ending, Event, Outcome, Reporter},
    ops::{
        check,
        command::Flags,
        validate::{self, Subject},
    },
    policy::{Action, Facts, Policy, Request, Severity},
};
use tempfile::TempDir;

const AT: &str = "2025-11-01T12:00:00Z";

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
            "5,000 unknown keys",
            text(
                &(0..5_000)
                    .map(|key| format!("k{key}: 1\n"))
                    .collect::<String>(),
            ),
        ),
        (
            "2,000 wrong dates",
            text(&format!(
                "version: 1\ntimezone: UTC\nblocked_dates:\n{}",
                "  - 2025-02-30\n".repeat(2_000)
            )),
        ),
        (
            "300 wrong zones",
            text(&format!(
                "version: 1\nblocked_dates:\n{}",
                "  - {date: 2025-02-03, timezone: Amerika/NewYork}\n".repeat(300)
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
            "a project of 1,000",
            text(&format!(
                "kind: AppProject\nspec:\n  syncWindows:\n{}",
                "  - {kind: deny, schedule: '*/5 * * * *', duration: 1m, applications: ['*']}\n"
                    .repeat(1_000)
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
    insta::assert_snapshot!(rows.join("\n"), @r"
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
    CONFIG INVALID  10,000 windows:4:3: `allowed_windows` has 10000 entries; at most 2000
    CONFIG INVALID  5,000 unknown keys:1:1: the key `version` is missing in the file
    CONFIG INVALID  2,000 wrong dates:4:5: `2025-02-30` does not exist: February 2025 has 28 days
    CONFIG INVALID  300 wrong zones:3:34: unknown time zone `Amerika/NewYork`; did you mean
    CONFIG INVALID  long line:1:1: the policy allows everything; write at least one of
    CONFIG INVALID  duplicate keys:2:1: the key `version` is already in this mapping, on line 1
    CONFIG INVALID  unknown zone:2:11: unknown time zone `Europe/Berln`; did you mean `Europe/Berlin`?
    CONFIG INVALID  25 o'clock:3:27: `25:00` is not a time of day; expected HH:MM from 00:00 to 24:00
    CONFIG INVALID  end is start:3:27: `02:00-02:00` starts when it ends; for the whole day write
    CONFIG INVALID  empty days:3:26: `allowed_windows.0.days`: [] has less than 1 item
    CONFIG INVALID  misspelt weekday:3:27: unknown weekday `Wendesday`; did you mean `Wednesday`?
    CONFIG INVALID  no such date:3:17: `2025-02-30` does not exist: February 2025 has 28 days
    CONFIG INVALID  a project of 1,000:1:1: with this the rules begin more often than 5000 times a day
    CONFIG INVALID  a configmap of nothing:2:7: no key of `data` holds a policy; expected a JSON object
    CONFIG INVALID  deep configmap:4:88: recursion limit exceeded
    ");
}

/// Valid policies that are hard to judge, by name, with the exit code of `check`.
fn costly_files() -> Vec<(&'static str, i32, String)> {
    let head = "version: 1\ntimezone: America/New_York\n";
    let list = |key: &str, entry: &str, count| format!("{key}:\n{}", entry.repeat(count));
    let windows = "  - {days: [Mon], hours: 02:00-06:00}\n";
    let dates = "  - {date: 2026-02-03, name: n}\n";
    let often = "  - {schedule: '*/2 * * * *', duration: 30s}\n";
    let argo = |kind: &str, schedule: &str, duration: &str| {
        format!(
            "    - {{kind: {kind}, schedule: '{schedule}', duration: {duration}, applications: ['*']}}\n"
        )
    };
    let often = list("allowed_windows", often, 1);
    let project = format!(
        "kind: AppProject\nspec:\n  syncWindows:\n{}{}",
        argo("allow", "*/9 * * * *", "1m").repeat(3),
        argo("deny", "0 0 * * *", "24h").repeat(20)
    );
    vec![
        (
            "2,000 windows",
            10,
            format!("{head}{}", list("allowed_windows", windows, 2_000)),
        ),
        (
            "2,000 dates",
            0,
            format!("{head}{}", list("blocked_dates", dates, 2_000)),
        ),
        (
            "100 windows alike",
            10,
            format!("{head}{}", list("allowed_windows", windows, 100)),
        ),
        (
            "a window every other minute that never opens",
            10,
            format!("{head}blocked_windows: [{{}}]\n{often}"),
        ),
        ("a project that never opens", 10, project),
    ]
}

#[cfg(target_os = "linux")]
#[test]
fn policies_that_are_hard_to_judge_are_judged_at_little_cost() {
    let folder = TempDir::new().unwrap();
    for (name, expected, text) in costly_files() {
        fs::write(folder.path().join(name), text).unwrap();
        let check = ["check", "--policy", name, "--service", "shop", "--at", AT];
        let (code, line) = within_limits(folder.path(), &check);
        assert_eq!(code, expected, "{name}: {line}");
        let (code, line) = within_limits(folder.path(), &["validate", name, "--at", AT]);
        assert_eq!(code, 0, "{name}: {line}");
    }
}

/// Valid policies of every form.
const VALID: [&str; 5] = [
    include_str!("../../policies/production.yaml"),
    include_str!("../../policies/freeze.yaml"),
    include_str!("../../policies/configmap.yaml"),
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
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(validate::run(&[subject], now, true, None, &|_| false));
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
                let outcome = check::run(&policy, &request, &Facts::default(), now, &Flags::default(), &mut Silent).unwrap();
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
