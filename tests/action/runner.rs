//! A runner's folder, in which the action's scripts are started as its steps.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(60);

/// The node that the runner has, else any that is there.
pub static NODE: LazyLock<&str> = LazyLock::new(|| {
    let is_there = Command::new("node24").arg("--version").output().is_ok();
    if is_there { "node24" } else { "node" }
});

/// Is node there? Without it the action cannot be tried; in CI that is a failure.
pub fn node() -> bool {
    let found = Command::new(*NODE).arg("--version").output().is_ok();
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    assert!(
        found || !in_ci,
        "node is missing, so the action was not tested"
    );
    found
}

/// A runner's folder with a binary that is a script.
pub struct Runner {
    pub folder: tempfile::TempDir,
    /// Where the action is.
    pub action: PathBuf,
    pub variables: BTreeMap<String, String>,
}

impl Runner {
    pub fn new(script: &str) -> Self {
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub fn input(&mut self, name: &str, value: &str) {
        self.set(&format!("INPUT_{}", name.to_uppercase()), value);
    }

    pub fn start(&self, script: &str) -> Child {
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

    pub fn run(&self, script: &str) -> (ExitStatus, String) {
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
    pub fn pass_state(&mut self) {
        for (name, value) in pairs(&self.read("GITHUB_STATE")) {
            self.set(&format!("STATE_{name}"), &value);
        }
    }
}

pub fn wait(child: &mut Child) -> ExitStatus {
    until("the step to end", || child.try_wait().unwrap())
}

pub fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
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
pub fn pairs(file: &str) -> BTreeMap<String, String> {
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
pub fn declared(key: &str) -> Vec<String> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml")).unwrap();
    let action: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let names = action[key].as_mapping().unwrap().keys();
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}
