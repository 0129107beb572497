//! The GitHub action, called the way the runner calls it: node, INPUT_ variables, signals, files.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test of real processes polls the real clock and passes PATH on"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

#[path = "support/bare.rs"]
mod bare;
#[expect(dead_code, reason = "each test program uses another part of it")]
#[path = "probe/server.rs"]
mod server;

use server::{Server, answer};
use shipgate::clock::{Clock, SystemClock};

const LIMIT: Duration = Duration::from_secs(60);

/// The node that the runner has, else any that is there.
static NODE: LazyLock<&str> = LazyLock::new(|| {
    let is_there = Command::new("node24").arg("--version").output().is_ok();
    if is_there { "node24" } else { "node" }
});

/// Is node there? Without it the action cannot be tried; in CI that is a failure.
fn node() -> bool {
    let found = Command::new(*NODE).arg("--version").output().is_ok();
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    assert!(
        found || !in_ci,
        "node is missing, so the action was not tested"
    );
    found
}

/// A runner's folder with a binary that is a script.
struct Runner {
    folder: tempfile::TempDir,
    /// Where the action is.
    action: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Runner {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("shipgate");
        fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let mut runner = Self {
            folder,
            action: Path::new(env!("CARGO_MANIFEST_DIR")).join("action"),
            variables: BTreeMap::new(),
        };
        // The runner passes every declared input, one that nobody gave as an empty text.
        for name in declared("inputs") {
            runner.input(&name, "");
        }
        runner.input("command", "deploy");
        for name in ["GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_ENV", "GITHUB_PATH"] {
            let path = runner.path(name).display().to_string();
            fs::write(&path, "").unwrap();
            runner.set(name, &path);
        }
        let binary = binary.display().to_string();
        runner.input("binary", &binary);
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    fn input(&mut self, name: &str, value: &str) {
        self.set(&format!("INPUT_{}", name.to_uppercase()), value);
    }

    fn start(&self, script: &str) -> Child {
        Command::new(*NODE)
            .arg(self.action.join(script))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FOLDER", self.folder.path())
            .envs(&self.variables)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, script: &str) -> (ExitStatus, String) {
        let mut child = self.start(script);
        let status = wait(&mut child);
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        (status, stderr)
    }

    /// Passes what the main step saved to the last one, as the runner does.
    fn pass_state(&mut self) {
        for (name, value) in pairs(&self.read("GITHUB_STATE")) {
            self.set(&format!("STATE_{name}"), &value);
        }
    }
}

fn wait(child: &mut Child) -> ExitStatus {
    until("the step to end", || child.try_wait().unwrap())
}

fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads `name<<END` blocks.
fn pairs(file: &str) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    let mut lines = file.lines();
    while let Some(line) = lines.next() {
        let (name, end) = line.split_once("<<").unwrap();
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        pairs.insert(name.to_owned(), value.join("\n"));
    }
    pairs
}

/// Returns the names under a key of action.yml.
fn declared(key: &str) -> Vec<String> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    let action: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let names = action[key].as_mapping().unwrap().keys();
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn inputs_reach_the_binary_and_its_status_is_kept() {
    if !node() {
        return;
    }
    let mut runner =
        Runner::new("echo \"$@\" > $FOLDER/arguments; env > $FOLDER/environment; exit 14");
    runner.input("service", "  advertisements ");
    runner.input("policy-ref", "main; touch $FOLDER/evil");
    runner.input("token", "t0ken");
    runner.set("SHIPGATE_BRANCH", "from-env");
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(14), "{stderr}");
    assert_eq!(runner.read("arguments").trim(), "ci");
    let environment = runner.read("environment");
    let has = |line: &str| environment.lines().any(|it| it == line);
    assert!(has("SHIPGATE_SERVICE=advertisements"), "{environment}");
    assert!(has("SHIPGATE_POLICY_REF=main; touch $FOLDER/evil"));
    assert!(has("SHIPGATE_TOKEN=t0ken") && has("SHIPGATE_COMMAND=deploy"));
    assert!(
        has("SHIPGATE_BRANCH=from-env"),
        "an empty input must not hide a variable"
    );
    assert!(!environment.contains("INPUT_") && !environment.contains("SHIPGATE_BUILD"));
    assert!(
        !environment.contains("SHIPGATE_VERSION"),
        "an empty input is an unset one"
    );
    assert!(!runner.path("evil").exists());
    assert_eq!(
        (runner.read("GITHUB_ENV"), runner.read("GITHUB_PATH")),
        (String::new(), String::new())
    );
    let state = pairs(&runner.read("GITHUB_STATE"));
    assert_eq!(
        (state["started"].as_str(), state["status"].as_str()),
        ("deploy", "14")
    );
}

#[test]
fn signals_reach_the_binary() {
    if !node() {
        return;
    }
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let runner = Runner::new(
            "trap 'echo INT > $FOLDER/seen; exit 130' INT\n\
             trap 'echo TERM > $FOLDER/seen; exit 143' TERM\n\
             echo $$ > $FOLDER/ready\nwhile :; do sleep 0.05; done",
        );
        let mut child = runner.start("main.js");
        let binary = until("the binary", || {
            runner.read("ready").trim().parse::<i32>().ok()
        });
        // As the runner does: to the step's own process alone, not to its group.
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        assert_eq!(wait(&mut child).code(), Some(code));
        assert_eq!(runner.read("seen").trim(), &signal.as_str()[3..]);
        assert!(
            kill(Pid::from_raw(binary), None).is_err(),
            "the binary lives on"
        );
    }
}

/// As a runner cancels (actions/runner, `ProcessInvoker.cs`): SIGINT and SIGTERM to the step's own process
/// alone, then the end of all of it; then the last step, which always runs.
#[test]
fn a_cancel_that_is_sat_out_ends_in_a_recovery() {
    if !node() {
        return;
    }
    let mut runner = Runner::new(
        "[ \"$SHIPGATE_COMMAND\" = recover ] && { echo $SHIPGATE_IF_UNFINISHED > $FOLDER/recovered; exit 0; }\n\
         trap 'echo INT >> $FOLDER/seen' INT\ntrap 'echo TERM >> $FOLDER/seen' TERM\n\
         echo $$ > $FOLDER/ready\nwhile :; do sleep 0.05; done",
    );
    let mut child = runner.start("main.js");
    let step = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let binary = until("the binary", || {
        runner.read("ready").trim().parse::<i32>().ok()
    });
    for (signal, seen) in [(Signal::SIGINT, "INT"), (Signal::SIGTERM, "INT TERM")] {
        kill(step, signal).unwrap();
        until(seen, || {
            let words = runner.read("seen");
            (words.split_whitespace().collect::<Vec<_>>().join(" ") == seen).then_some(())
        });
        assert!(
            child.try_wait().unwrap().is_none(),
            "the step waits for the binary"
        );
    }
    for process in [step, Pid::from_raw(binary)] {
        kill(process, Signal::SIGKILL).unwrap();
    }
    wait(&mut child);
    runner.pass_state();
    let (status, stderr) = runner.run("post.js");
    assert_eq!(
        (status.code(), runner.read("recovered").trim()),
        (Some(0), "true"),
        "{stderr}"
    );
}

#[test]
fn a_binary_that_is_killed_is_no_success() {
    if !node() {
        return;
    }
    let runner = Runner::new("kill -9 $$");
    let (status, _) = runner.run("main.js");
    assert_eq!((status.code(), status.signal()), (Some(137), None));
}

#[test]
fn without_a_binary_every_output_is_set_and_the_error_says_how() {
    if !node() {
        return;
    }
    let mut runner = Runner::new("exit 0");
    for (binary, words) in [
        ("", "names no released binary"),
        ("/no/such/file", "does not exist"),
    ] {
        runner.input("binary", binary);
        fs::write(runner.path("GITHUB_OUTPUT"), "").unwrap();
        let (status, stderr) = runner.run("main.js");
        assert_eq!(status.code(), Some(2));
        assert!(
            stderr.starts_with("::error title=shipgate::") && stderr.contains(words),
            "{stderr}"
        );
        let outputs = pairs(&runner.read("GITHUB_OUTPUT"));
        let mut wanted = declared("outputs");
        wanted.sort();
        assert_eq!(outputs.keys().cloned().collect::<Vec<_>>(), wanted);
        assert_eq!(
            (outputs["result"].as_str(), outputs["exit-code"].as_str()),
            ("error", "2")
        );
        assert_eq!(runner.read("GITHUB_STATE"), "", "nothing was started");
    }
}

#[test]
fn the_last_step_recovers_only_what_may_be_unfinished() {
    if !node() {
        return;
    }
    // (command, dry run, on cancel, how the binary ends, is recover called?)
    let rows = [
        ("deploy", "", "", "exit 0", false),
        ("deploy", "", "", "exit 40", false),
        ("deploy", "", "", "exit 42", false),
        ("deploy", "", "", "exit 130", false),
        ("deploy", "", "", "exit 1", true),
        ("deploy", "", "", "exit 44", true),
        ("deploy", "", "", "exit 52", true),
        ("deploy", "", "hold", "exit 52", false),
        ("rollback", "", "", "exit 41", true),
        ("deploy", "", "", "kill -9 $$", true),
        ("deploy", "true", "", "exit 1", false),
        ("check", "", "", "exit 1", false),
    ];
    for row in rows {
        let (command, dry_run, on_cancel, end, recovers) = row;
        let mut runner = Runner::new(&format!(
            "[ \"$SHIPGATE_COMMAND\" = recover ] || {{ {end}; }}\n\
             echo \"$@ $SHIPGATE_IF_UNFINISHED\" > $FOLDER/recovered; exit 52"
        ));
        runner.input("command", command);
        runner.input("dry-run", dry_run);
        runner.input("on-cancel", on_cancel);
        runner.run("main.js");
        runner.pass_state();
        let (status, stderr) = runner.run("post.js");
        assert_eq!(
            status.code(),
            Some(if recovers { 52 } else { 0 }),
            "{row:?} {stderr}"
        );
        let called = runner.read("recovered");
        assert_eq!(
            called.trim(),
            if recovers { "ci true" } else { "" },
            "{row:?}"
        );
    }
}

#[test]
fn a_main_step_that_was_killed_leaves_its_start_behind() {
    if !node() {
        return;
    }
    let mut runner = Runner::new(
        "[ \"$SHIPGATE_COMMAND\" = recover ] && { echo yes > $FOLDER/recovered; exit 0; }\n\
         echo $$ > $FOLDER/ready; while :; do sleep 0.05; done",
    );
    let mut child = runner.start("main.js");
    let binary = until("the binary", || {
        runner.read("ready").trim().parse::<i32>().ok()
    });
    child.kill().unwrap();
    wait(&mut child);
    kill(Pid::from_raw(binary), Signal::SIGKILL).unwrap();
    runner.pass_state();
    let (status, stderr) = runner.run("post.js");
    assert_eq!(
        (status.code(), runner.read("recovered").trim()),
        (Some(0), "yes"),
        "{stderr}"
    );
}

/// The digest that `binaries.json` holds.
fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hexadecimal = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    hexadecimal.collect()
}

/// A runner that gets version 9.9.9 of the binary from a mirror.
fn fetching(released: &str, served: Option<String>) -> (Runner, Server) {
    let server = Server::with(move |_, request| {
        assert!(
            request.starts_with("GET /mirror/v9.9.9/shipgate-release "),
            "{request}"
        );
        match &served {
            Some(text) => answer(200, "", text.clone()),
            None => answer(404, "", "there is nothing".to_owned()),
        }
    });
    let mut runner = Runner::new("exit 1");
    runner.input("binary", "");
    runner.set(
        "RUNNER_TOOL_CACHE",
        &runner.path("cache").display().to_string(),
    );
    runner.set("SHIPGATE_DOWNLOAD_URL", &format!("{}/mirror/", server.url));
    let copy = runner.path("action");
    fs::create_dir(&copy).unwrap();
    let own = std::mem::replace(&mut runner.action, copy);
    for file in ["main.js", "post.js", "run.js", "fetch.js"] {
        fs::copy(own.join(file), runner.action.join(file)).unwrap();
    }
    let entry =
        serde_json::json!({"file": "shipgate-release", "sha256": sha256(released.as_bytes())});
    let places = ["linux-x64", "linux-arm64", "darwin-arm64", "darwin-x64"];
    let binaries: BTreeMap<_, _> = places.map(|place| (place, entry.clone())).into();
    let table = serde_json::json!({"version": "9.9.9", "binaries": binaries});
    fs::write(runner.action.join("binaries.json"), table.to_string()).unwrap();
    (runner, server)
}

const RELEASED: &str = "#!/bin/sh\necho fetched > $FOLDER/ran; exit 14\n";

#[test]
fn the_released_binary_is_fetched_once_and_looked_at_each_time() {
    if !node() {
        return;
    }
    let (runner, server) = fetching(RELEASED, Some(RELEASED.to_owned()));
    for requests in [1, 1] {
        let (status, stderr) = runner.run("main.js");
        assert_eq!(status.code(), Some(14), "{stderr}");
        assert_eq!(runner.read("ran").trim(), "fetched");
        assert_eq!(server.requests().len(), requests);
    }
    // Somebody else who may write to the cache puts another one there.
    let cached = fs::read_dir(runner.path("cache/shipgate/9.9.9"))
        .unwrap()
        .next();
    let cached = cached.unwrap().unwrap().path().join("shipgate-release");
    fs::write(&cached, "#!/bin/sh\ntouch $FOLDER/evil\n").unwrap();
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(14), "{stderr}");
    assert_eq!(server.requests().len(), 2);
    assert!(!runner.path("evil").exists());
    assert_eq!(fs::read_to_string(&cached).unwrap(), RELEASED);
}

#[test]
fn a_binary_with_one_other_byte_is_never_started() {
    if !node() {
        return;
    }
    for at in (0..RELEASED.len()).step_by(9) {
        let mut bytes = RELEASED.as_bytes().to_vec();
        bytes[at] ^= 1;
        let tampered = String::from_utf8(bytes).unwrap();
        let (runner, _server) = fetching(RELEASED, Some(tampered));
        let (status, stderr) = runner.run("main.js");
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("shipgate-release: expected SHA-256 "),
            "{stderr}"
        );
        assert!(!runner.path("ran").exists() && !runner.path("cache").exists());
        let outputs = pairs(&runner.read("GITHUB_OUTPUT"));
        assert_eq!(outputs["result"], "error");
    }
}

#[test]
fn a_release_that_is_not_there_is_an_error_after_three_tries() {
    if !node() {
        return;
    }
    let (runner, server) = fetching(RELEASED, None);
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("/mirror/v9.9.9/shipgate-release: status 404"),
        "{stderr}"
    );
    assert_eq!(server.requests().len(), 3);
}

/// Makes a repository that is closed for three weeks. Returns the day on which it opens, too.
fn closed() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("shop.git");
    bare::seed(&repository);
    let opens = SystemClock.now().date_naive() + chrono::TimeDelta::days(21);
    let last = opens - chrono::TimeDelta::days(1);
    let policy = format!(
        "version: 1\ntimezone: UTC\nblocked_dates:\n  - {{from: 2020-01-01, to: {last}, name: a freeze}}\n"
    );
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let config = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop/shipgate.yaml"),
    );
    let files = [
        file("policies/production.yaml", &policy),
        file("shipgate.yaml", &config.unwrap()),
    ];
    bare::others_commit_all(&repository, "main", &files);
    (folder, opens.to_string())
}

#[test]
fn a_blocked_check_says_the_same_everywhere() {
    if !node() {
        return;
    }
    let (repository, day) = closed();
    let mut runner = Runner::new("exit 1");
    runner.input("binary", env!("CARGO_BIN_EXE_shipgate"));
    runner.input("command", "check");
    runner.input("service", "advertisements");
    runner.input("policy", "policies/production.yaml");
    let path = repository.path().join("shop.git").display().to_string();
    runner.input("repository", &path);
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("HOME", "/nonexistent"),
    ] {
        runner.set(name, value);
    }
    for name in [
        "GITHUB_STEP_SUMMARY",
        "SHIPGATE_REPORT",
        "SHIPGATE_JUNIT",
        "SHIPGATE_DOTENV",
    ] {
        let path = runner.path(name).display().to_string();
        runner.set(name, &path);
    }
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(10), "{stderr}");

    let report: serde_json::Value = serde_json::from_str(&runner.read("SHIPGATE_REPORT")).unwrap();
    let reason = report["reason"].as_str().unwrap();
    let code = report["reason_code"].as_str().unwrap();
    let opens = report["verdict"]["opens_at"].as_str().unwrap();
    assert_eq!((&report["exit_code"], code), (&10.into(), "blocked-date"));
    assert!(
        reason.contains("a freeze") && opens.starts_with(&format!("{day}T00:00:00")),
        "{report}"
    );

    let outputs = pairs(&runner.read("GITHUB_OUTPUT"));
    let told = [
        ("result", "blocked"),
        ("exit-code", "10"),
        ("reason", reason),
        ("reason-code", code),
        ("next-window", opens),
    ];
    for (name, value) in told {
        assert_eq!(outputs[name], value, "{name}");
    }
    let dotenv = runner.read("SHIPGATE_DOTENV");
    let variables: Vec<(&str, &str)> = dotenv
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .collect();
    assert_eq!(variables.len(), outputs.len());
    for (name, value) in variables {
        let name = name
            .strip_prefix("GATE_")
            .unwrap()
            .to_lowercase()
            .replace('_', "-");
        assert_eq!(outputs[&name], value, "{name}");
    }
    let junit = quick_junit::Report::deserialize_from_str(&runner.read("SHIPGATE_JUNIT")).unwrap();
    let cases = &junit.test_suites[0].test_cases;
    let quick_junit::TestCaseStatus::NonSuccess { message, ty, .. } = &cases.last().unwrap().status
    else {
        panic!("{junit:?}");
    };
    let message = message.as_ref().unwrap().as_str();
    assert!(
        message.starts_with(&format!("{reason} (exit code 10); opens ")),
        "{message}"
    );
    assert!(message.contains(&format!("{day} 00:00")), "{message}");
    assert_eq!(ty.as_ref().unwrap().as_str(), code);
    let plain = |text: String| text.replace('\\', "");
    let summary = plain(runner.read("GITHUB_STEP_SUMMARY"));
    assert!(
        summary.contains("ended with exit code 10") && summary.contains(reason),
        "{summary}"
    );
    assert!(summary.contains(&format!("{day} 00:00")), "{summary}");
    let annotation = stderr
        .lines()
        .find(|line| line.starts_with("::error "))
        .unwrap();
    assert!(
        annotation.contains(&format!("shipgate%3A {code}")) && annotation.ends_with(reason),
        "{stderr}"
    );
}

#[test]
fn the_wrapper_stays_small_enough_to_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("action");
    let lines = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            !text.contains("GITHUB_ENV") && !text.contains("GITHUB_PATH"),
            "{name}"
        );
        let is_code = |line: &&str| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with("//") && !line.starts_with("/*")
        };
        text.lines().filter(is_code).count()
    };
    assert!(lines("main.js") + lines("post.js") + lines("run.js") <= 200);
    assert!(lines("fetch.js") <= 100);
}

#[test]
fn action_yml_keeps_its_promises() {
    let inputs = declared("inputs");
    assert!(inputs.len() <= 21, "{}", inputs.len());
    let outputs = declared("outputs");
    let outcome = shipgate::event::Outcome::new(shipgate::event::Ending::Allowed, "");
    let now = "2025-12-02T14:00:00Z".parse().unwrap();
    let ended = shipgate::report::Ended {
        command: "check",
        outcome: &outcome,
        exit_code: 0,
        started_at: now,
        finished_at: now,
        report: "",
    };
    let written: Vec<String> = shipgate::report::github::outputs(&ended)
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(
        outputs, written,
        "action.yml declares what the binary writes"
    );
}
