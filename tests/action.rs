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
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const LIMIT: Duration = Duration::from_secs(60);

/// Is node there? Without it the action cannot be tried; in CI that is a failure.
fn node() -> bool {
    let found = Command::new("node").arg("--version").output().is_ok();
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
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("action")
            .join(script);
        Command::new("node")
            .arg(path)
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
        ("", "set SHIPGATE_BINARY"),
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
