//! The gate as a user calls it: freezes beside the policy, waiting for a window, what the service's
//! own configuration does, and who asks.

use crate::bare;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use bare::{git, others_commit};
use chrono::{DateTime, Utc};
use shipgate::{
    cli::{self, Context},
    clock::{Clock, ManualClock, Sleep},
};
use tempfile::TempDir;

const CONFIG: &str = r#"version: 1
environments:
  production: {root: clusters/prod, namespace: shop-production, cluster: "https://eu-1.example"}
providers:
  prometheus: {url: "http://127.0.0.1:9"}
services:
  shop:
    manifests: ["{root}/shop*.yaml"]
    image: registry.example/shop
    workloads: {stable: Deployment/shop, canary: Deployment/shop-canary}
    traffic: {ingress_nginx: Ingress/shop-canary}
    live:
      stable: {http: "http://127.0.0.1:9/version"}
      canary: {http: "http://127.0.0.1:9/version"}
    strategy:
      canary:
        steps:
          - set_weight: 20
          - pause: {duration: 10m}
          - set_weight: 50
          - pause: {duration: 15m}
          - pause: {}
        bake_time: 5m
    verification:
      metrics:
        - {name: error_ratio, provider: prometheus, query: up, threshold_range: {max: 1}}
"#;

/// Open from 09:00 to 16:00.
const DAY: &str = "version: 1\ntimezone: UTC\nallowed_windows: [{hours: '09:00-16:00'}]\n";

/// A clock that does something whenever somebody sleeps on it.
struct Hooked {
    clock: ManualClock,
    hook: Mutex<Box<dyn FnMut(u32) + Send>>,
    sleeps: Mutex<u32>,
}

impl Clock for Hooked {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        let mut sleeps = self.sleeps.lock().unwrap();
        *sleeps += 1;
        (self.hook.lock().unwrap())(*sleeps);
        self.clock.sleep(duration)
    }
}

/// A repository with a configuration and a policy, and a folder to start in.
struct Stage {
    folder: TempDir,
    clock: Arc<Hooked>,
}

/// What a run came to.
struct Answer {
    code: u8,
    report: serde_json::Value,
    errors: String,
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Stage {
    fn new(policy: &str, now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir_all(work.join("policies")).unwrap();
        fs::write(work.join("shipgate.yaml"), CONFIG).unwrap();
        fs::write(work.join("policies/production.yaml"), policy).unwrap();
        git(&work, &["init", "--quiet", "--initial-branch=main", "."]);
        git(&work, &["add", "."]);
        git(&work, &["commit", "--quiet", "-m", "first"]);
        git(
            folder.path(),
            &["clone", "--quiet", "--bare", "work", "bare.git"],
        );
        let clock = Arc::new(Hooked {
            clock: ManualClock::at(now.parse().unwrap()),
            hook: Mutex::new(Box::new(|_| {})),
            sleeps: Mutex::new(0),
        });
        Self { folder, clock }
    }

    fn bare(&self) -> PathBuf {
        self.folder.path().join("bare.git")
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn hook(&self, hook: impl FnMut(u32) + Send + 'static) {
        *self.clock.hook.lock().unwrap() = Box::new(hook);
    }

    /// Runs `check` against the repository.
    fn check(&self, arguments: &[&str]) -> Answer {
        let bare = self.bare();
        let repository = ["--repository", bare.to_str().unwrap()];
        self.run(&[], &[&["check"], &repository[..], arguments].concat())
    }

    /// Runs `check` with the policy on disk.
    fn check_on_disk(&self, arguments: &[&str]) -> Answer {
        let policy = ["check", "--policy", "policies/production.yaml"];
        self.run(&[], &[&policy[..], arguments].concat())
    }

    fn run(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Answer {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>();
        let (stdout, stderr) = (Sink::default(), Sink::default());
        let context = Context {
            environment,
            clock: self.clock.clone(),
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            listens_to_signals: false,
            folder: self.work(),
        };
        let arguments = ["shipgate", "--output", "json"].iter().chain(arguments);
        let code = cli::run(arguments.map(Into::into), context);
        Answer {
            code,
            report: serde_json::from_str(&stdout.text()).unwrap_or_default(),
            errors: stderr.text(),
        }
    }

    fn now(&self) -> String {
        self.clock.now().format("%H:%M").to_string()
    }
}

impl Answer {
    fn line(&self) -> String {
        let text = |name: &str| self.report[name].as_str().unwrap_or("-").to_owned();
        format!("{} {}: {}", self.code, text("reason_code"), text("reason"))
    }
}

fn file(path: &Path, text: &str) -> String {
    fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_freeze_beside_the_policy_stops_it_wherever_the_policy_is() {
    let stage = Stage::new(DAY, "2026-03-10T10:00:00Z");
    assert_eq!(stage.check(&[]).code, 0);
    assert_eq!(stage.check_on_disk(&[]).code, 0);
    let mut lines = Vec::new();
    let freeze = stage.work().join("policies/FREEZE");
    for text in [
        "checkout is down\ncontact: #sre\n",
        "",
        "reason: audit\nuntil: 2026-03-10T12:00:00Z\n",
        "reason: audit\nuntil: 2026-03-10T09:00:00Z\n",
    ] {
        others_commit(&stage.bare(), "main", "policies/FREEZE", text);
        fs::write(&freeze, text).unwrap();
        let committed = stage.check(&[]).line();
        assert_eq!(committed, stage.check_on_disk(&[]).line());
        lines.push(committed);
    }
    let rollback = ["--action", "rollback"];
    assert_eq!(stage.check(&rollback).code, 0);
    fs::remove_file(&freeze).unwrap();
    std::os::unix::fs::symlink("production.yaml", &freeze).unwrap();
    lines.push(stage.check_on_disk(&[]).line());
    fs::remove_file(&freeze).unwrap();
    fs::write(stage.work().join("policies/Freeze"), "x").unwrap();
    lines.push(stage.check_on_disk(&[]).line());
    insta::assert_snapshot!(lines.join("\n"), @r#"
    14 freeze: frozen by policies/FREEZE: checkout is down (contact: #sre)
    14 freeze: frozen by policies/FREEZE, which cannot be understood and so stops everything: it is empty
    14 freeze: frozen until Tuesday 2026-03-10 12:00 UTC by policies/FREEZE: audit; opens Tue 2026-03-10 12:00 UTC (2026-03-10T12:00:00Z)
    0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    14 freeze: frozen by policies/FREEZE, which cannot be understood and so stops everything: policies/FREEZE is or lies behind a symbolic link, expected a file
    14 freeze: frozen by policies/FREEZE, which cannot be understood and so stops everything: policies/FREEZE: there is "policies/Freeze", which differs in upper and lower case only
    "#);
}

#[test]
fn waiting_ends_when_it_opens_or_does_not_begin() {
    let later = "version: 1\ntimezone: UTC\nallowed_windows: [{hours: '12:00-16:00'}]\n";
    let mut lines = Vec::new();
    let mut tell = |what: &str, stage: &Stage, answer: &Answer| {
        let sleeps = stage.clock.sleeps.lock().unwrap();
        lines.push(format!(
            "{what}: {} at {} after {sleeps} sleeps",
            answer.line(),
            stage.now()
        ));
    };
    let at = "2026-03-10T08:30:00Z";
    let stage = Stage::new(DAY, at);
    let answer = stage.check(&["--wait-for-window", "30m"]);
    assert!(
        answer
            .errors
            .contains("waiting until Tue 2026-03-10 09:00 UTC"),
        "{}",
        answer.errors
    );
    tell("opens within the limit", &stage, &answer);
    let stage = Stage::new(DAY, at);
    tell(
        "on disk",
        &stage,
        &stage.check_on_disk(&["--wait-for-window", "2h"]),
    );
    let stage = Stage::new(DAY, at);
    tell(
        "opens later",
        &stage,
        &stage.check(&["--wait-for-window", "29m"]),
    );
    let stage = Stage::new(DAY, "2026-03-10T10:00:00Z");
    tell(
        "is open",
        &stage,
        &stage.check(&["--wait-for-window", "2h"]),
    );
    let stage = Stage::new(DAY, at);
    let bare = stage.bare();
    stage.hook(move |sleeps| {
        if sleeps == 3 {
            others_commit(&bare, "main", "policies/FREEZE", "checkout is down\n");
        }
    });
    tell(
        "frozen meanwhile",
        &stage,
        &stage.check(&["--wait-for-window", "2h"]),
    );
    let stage = Stage::new(DAY, at);
    let bare = stage.bare();
    stage.hook(move |sleeps| {
        if sleeps == 3 {
            others_commit(&bare, "main", "policies/production.yaml", later);
        }
    });
    tell(
        "moved beyond the limit",
        &stage,
        &stage.check(&["--wait-for-window", "2h"]),
    );
    let stage = Stage::new(DAY, at);
    let bare = stage.bare();
    stage.hook(move |sleeps| {
        if sleeps == 3 {
            others_commit(&bare, "main", "policies/production.yaml", later);
        }
    });
    tell(
        "moved within the limit",
        &stage,
        &stage.check(&["--wait-for-window", "4h"]),
    );
    let stage = Stage::new(DAY, at);
    others_commit(
        &stage.bare(),
        "main",
        "policies/FREEZE",
        "reason: x\nuntil: 2026-03-10T09:00:00Z\n",
    );
    tell(
        "frozen from the start",
        &stage,
        &stage.check(&["--wait-for-window", "2h"]),
    );
    let traffic = format!("{DAY}traffic_threshold: {{max_requests_per_second: 5}}\n");
    let stage = Stage::new(&traffic, at);
    let busy = ["--wait-for-window", "2h", "--traffic", "6"];
    tell(
        "traffic is looked at after the waiting",
        &stage,
        &stage.check(&busy),
    );
    insta::assert_snapshot!(lines.join("\n"), @r"
    opens within the limit: 0 ok: Tuesday 2026-03-10 09:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z) at 09:00 after 30 sleeps
    on disk: 0 ok: Tuesday 2026-03-10 09:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z) at 09:00 after 30 sleeps
    opens later: 10 blocked-window: Tuesday 2026-03-10 08:30 UTC is outside the allowed windows (every day 09:00-16:00 UTC); opens Tue 2026-03-10 09:00 UTC (2026-03-10T09:00:00Z) at 08:30 after 0 sleeps
    is open: 0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z) at 10:00 after 0 sleeps
    frozen meanwhile: 14 freeze: frozen by policies/FREEZE: checkout is down at 09:00 after 30 sleeps
    moved beyond the limit: 10 blocked-window: Tuesday 2026-03-10 09:00 UTC is outside the allowed windows (every day 12:00-16:00 UTC); opens Tue 2026-03-10 12:00 UTC (2026-03-10T12:00:00Z) at 09:00 after 30 sleeps
    moved within the limit: 0 ok: Tuesday 2026-03-10 12:00 UTC is in the allowed window every day 12:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z) at 12:00 after 210 sleeps
    frozen from the start: 10 blocked-window: Tuesday 2026-03-10 08:30 UTC is outside the allowed windows (every day 09:00-16:00 UTC); also frozen until Tuesday 2026-03-10 09:00 UTC by policies/FREEZE: x; opens Tue 2026-03-10 09:00 UTC (2026-03-10T09:00:00Z) at 08:30 after 0 sleeps
    traffic is looked at after the waiting: 12 blocked-traffic: traffic is 6 requests/s, above the maximum of 5 requests/s; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z) at 09:00 after 30 sleeps
    ");
    let usage = stage.check(&["--wait-for-window", "2h", "--at", at]);
    assert_eq!(usage.code, 2);
}

#[test]
fn what_the_configuration_does_is_held_against_the_policy() {
    let rows = [
        (
            "require: {largest_first_weight: 20, least_hold: 25m, metrics: [error_ratio], strategies: [canary]}",
            "10:00",
        ),
        ("require: {largest_first_weight: 19}", "10:00"),
        ("require: {least_hold: 26m}", "10:00"),
        ("require: {metrics: [p95]}", "10:00"),
        ("require: {strategies: [blue_green]}", "10:00"),
        ("runway: true", "15:30"),
        ("runway: true", "15:31"),
    ];
    let rows = rows.map(|(rule, at)| {
        let stage = Stage::new(&format!("{DAY}{rule}\n"), &format!("2026-03-10T{at}:00Z"));
        format!(
            "{rule} {at}\n  {}\n  {}",
            stage.check(&[]).line(),
            stage.check_on_disk(&[]).line()
        )
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    require: {largest_first_weight: 20, least_hold: 25m, metrics: [error_ratio], strategies: [canary]} 10:00
      0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
      0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    require: {largest_first_weight: 19} 10:00
      14 require: shipgate.yaml: the new version gets 20% of the traffic first; the policy requires at most 19%; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
      0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    require: {least_hold: 26m} 10:00
      14 require: shipgate.yaml: the new version is watched for 25m before it gets all of the traffic; the policy requires at least 26m; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
      0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    require: {metrics: [p95]} 10:00
      14 require: shipgate.yaml: only `error_ratio` is judged; the policy requires `p95` too; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
      0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    require: {strategies: [blue_green]} 10:00
      14 require: shipgate.yaml: the strategy is `canary`; the policy requires `blue_green`; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
      0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    runway: true 15:30
      0 ok: Tuesday 2026-03-10 15:30 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
      0 ok: Tuesday 2026-03-10 15:30 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    runway: true 15:31
      10 runway: the deployment takes at least 30m, but it closes in 29m, at Tuesday 2026-03-10 16:00 UTC; opens Wed 2026-03-11 09:00 UTC (2026-03-11T09:00:00Z)
      0 ok: Tuesday 2026-03-10 15:31 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    ");
    let stage = Stage::new(&format!("{DAY}runway: true\n"), "2026-03-10T15:30:00Z");
    assert_eq!(stage.check(&["--duration", "31m"]).code, 10);
    assert_eq!(stage.check_on_disk(&["--duration", "31m"]).code, 10);
    assert_eq!(stage.check_on_disk(&["--duration", "30m"]).code, 0);
}

#[test]
fn changed_files_come_from_a_list() {
    let policy = format!("{DAY}approval_when: [{{paths: ['migrations/**']}}]\n");
    let stage = Stage::new(&policy, "2026-03-10T10:00:00Z");
    let list = stage.folder.path().join("list");
    let mut lines = vec![stage.check(&[]).line()];
    for text in ["", "src/a.rs\n", "src/a.rs\0migrations/1.sql\0", "../x\n"] {
        let list = file(&list, text);
        let answer = stage.check(&["--changed-files", &list]);
        lines.push(answer.line().replace(&list, "LIST"));
    }
    let missing = stage.check(&["--changed-files", "none/at/all"]);
    lines.push(missing.line());
    let list = file(&list, "migrations/1.sql\n");
    let bare = stage.bare();
    let inputs = [
        ("SHIPGATE_COMMAND", "check"),
        ("SHIPGATE_REPOSITORY", bare.to_str().unwrap()),
        ("SHIPGATE_CHANGED_FILES", list.as_str()),
    ];
    lines.push(stage.run(&inputs, &["ci"]).line());
    insta::assert_snapshot!(lines.join("\n"), @r"
    11 approval-required: some changes need an approval, and nobody said which files are changed (--changed-files); closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    11 approval-required: some changes need an approval, and nobody said which files are changed (--changed-files); closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    0 ok: Tuesday 2026-03-10 10:00 UTC is in the allowed window every day 09:00-16:00 UTC; closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    11 approval-required: a change of `migrations/1.sql` needs an approval (`migrations/**`); closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    2 usage: --changed-files LIST: entry 1: found `../x`, expected a path from the repository's root with /, without . and ..
    2 usage: --changed-files none/at/all: cannot be read: No such file or directory (os error 2)
    11 approval-required: a change of `migrations/1.sql` needs an approval (`migrations/**`); closes Tue 2026-03-10 16:00 UTC (2026-03-10T16:00:00Z)
    ");
}

#[test]
fn who_asks_and_where_it_runs_decide_which_rules_count() {
    let policy = "version: 1
timezone: UTC
blocked_windows: [{name: robots sleep, invokers: [automation]}]
";
    let stage = Stage::new(policy, "2026-03-10T10:00:00Z");
    let pipeline = [("CI", "true")];
    let check = ["check", "--policy", "policies/production.yaml"];
    let by = |environment: &[(&str, &str)], invoker: &[&str]| {
        stage.run(environment, &[&check[..], invoker].concat()).code
    };
    assert_eq!(by(&[], &[]), 0);
    assert_eq!(by(&pipeline, &[]), 10);
    assert_eq!(by(&pipeline, &["--invoker", "user"]), 0);
    assert_eq!(by(&[], &["--invoker", "automation"]), 10);
    assert_eq!(by(&[], &["--invoker", "robot"]), 2);
    assert_eq!(
        by(&[], &["--invoker", "automation", "--action", "recover"]),
        0
    );
    assert_eq!(by(&[], &["--action", "sing"]), 2);
}

#[test]
fn a_report_carries_the_policy_and_what_it_would_have_said() {
    let policy = format!("{DAY}dry_run: true\n");
    let stage = Stage::new(&policy, "2026-03-10T17:00:00Z");
    let answer = stage.check(&[]);
    let verdict = &answer.report["verdict"];
    let commit = git(&stage.bare(), &["rev-parse", "main"]);
    assert_eq!(verdict["policy"]["commit"], commit.as_str());
    assert_eq!(verdict["policy"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(answer.code, 0);
    let shown = [
        "decision",
        "would_be",
        "opens_at",
        "opens_reason",
        "closes_at",
        "closes_reason",
    ]
    .map(|key| format!("{key}: {}", verdict[key]));
    insta::assert_snapshot!(shown.join("\n"), @r#"
    decision: "warned"
    would_be: "blocked"
    opens_at: "2026-03-11T09:00:00Z"
    opens_reason: "the window every day 09:00-16:00 UTC begins"
    closes_at: null
    closes_reason: null
    "#);
    let bare = stage.bare();
    let text = stage_text(&stage, &["check", "--repository", bare.to_str().unwrap()]);
    assert!(
        text.contains(&format!(
            "policies/production.yaml @ {}, sha256 ",
            &commit[..12]
        )),
        "{text}"
    );
    insta::assert_snapshot!(text.lines().take(6).collect::<Vec<_>>().join("\n"), @r"
    WARNED  dry run of the policy: it would be blocked (Tuesday 2026-03-10 17:00 UTC is outside the
            allowed windows (every day 09:00-16:00 UTC)); opens Wed 2026-03-11 09:00 UTC
            (2026-03-11T09:00:00Z)

      opens       Wednesday 2026-03-11 09:00 UTC, in 16h: the window every day 09:00-16:00 UTC begins
      because     warns   dry run of the policy: it would be blocked (Tuesday 2026-03-10 17:00 UTC is
    ");
}

/// What a person sees.
fn stage_text(stage: &Stage, arguments: &[&str]) -> String {
    let stdout = Sink::default();
    let context = Context {
        environment: BTreeMap::new(),
        clock: stage.clock.clone(),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(io::sink()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: stage.work(),
    };
    cli::run(
        ["shipgate"].iter().chain(arguments).map(Into::into),
        context,
    );
    stdout.text()
}
