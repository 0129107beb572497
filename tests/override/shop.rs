//! A world with a policy of the test's own, and the command line on it.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use shipgate::{
    cli::{self, Context},
    clock::{Clock, ManualClock},
    sim::{Scenario, World, WorldOptions},
};
use tempfile::TempDir;

use crate::hurried::Hurried;

/// A Tuesday morning.
pub const TUESDAY: &str = "2026-03-10T10:00:00Z";
const POLICY: &str = "policies/production.yaml";

/// A world on a clock that stands still, its policy, and a folder to run in.
pub struct Shop {
    pub clock: Arc<ManualClock>,
    pub world: Arc<World>,
    pub home: TempDir,
    pub remote: TempDir,
}

/// How a command ended.
pub struct Ran {
    /// Exit code.
    pub code: u8,
    /// The JSON object on standard output.
    pub result: Value,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// The code and the reason in one line.
    pub fn line(&self) -> String {
        format!("{} {}", self.code, self.result["reason"].as_str().unwrap())
    }
}

impl Ran {
    /// The hints.
    pub fn hints(&self) -> Vec<String> {
        let hints = self.result["hints"].as_array().unwrap().iter();
        hints
            .map(|hint| format!("  hint: {}", hint.as_str().unwrap()))
            .collect()
    }
}

impl Shop {
    /// A shop whose policy is this text.
    pub fn new(scenario: Scenario, policy: &str) -> Self {
        let remote = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(TUESDAY.parse().unwrap()));
        let time: Arc<dyn Clock> = clock.clone();
        let world =
            World::start(WorldOptions::new(scenario, time, remote.path().to_owned())).unwrap();
        let shop = Self {
            clock,
            world: Arc::new(world),
            home: tempfile::tempdir().unwrap(),
            remote,
        };
        shop.write(POLICY, policy);
        shop
    }

    /// Commits a file, as the platform team would.
    pub fn write(&self, path: &str, text: &str) {
        let subject = format!("platform: {path}");
        self.world.write(path, text.as_bytes(), &subject).unwrap();
    }

    /// As [`Self::run`], where a time limit is going to be used up.
    pub fn run_hurried(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let clock = Arc::new(Hurried(self.clock.clone()));
        self.run_on(clock, arguments, variables)
    }

    /// Runs a command with `--output json` and, beside its own variables, the repository's.
    pub fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        self.run_on(self.clock.clone(), arguments, variables)
    }

    /// As [`Self::run`], on another clock.
    pub fn run_on(
        &self,
        clock: Arc<dyn Clock>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Ran {
        let url = self.world.git_url();
        let own = [
            ("SHIPGATE_REPOSITORY", url.as_str()),
            ("SHIPGATE_TOKEN", self.world.token()),
            ("SHIPGATE_OUTPUT", "json"),
        ];
        let environment: BTreeMap<String, String> = own
            .iter()
            .chain(variables)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (stdout, stderr) = (Sink::default(), Sink::default());
        let context = Context {
            environment,
            clock,
            stdout: Box::new(stdout.clone()),
            stderr: Box::new(stderr.clone()),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            listens_to_signals: false,
            folder: self.home.path().to_owned(),
        };
        let arguments = ["shipgate"].iter().chain(arguments);
        let code = cli::run(arguments.map(Into::into), context);
        let (stdout, stderr) = (stdout.text().replace(&url, "SERVER"), stderr.text());
        let result = serde_json::from_str(&stdout)
            .unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
        Ran {
            code,
            result,
            stderr,
        }
    }

    /// Gives the service a canary of 10 % with so many pauses, each of which a person ends. Nothing is
    /// compared: whether that is decided in time is chance.
    pub fn with_pauses(&self, number: usize) {
        let config = self.text("shipgate.yaml");
        let (head, rest) = config.split_once("        # Raw counters").unwrap();
        let (_, tail) = rest.split_once("nobody minds\n").unwrap();
        let config = format!("{head}{tail}");
        let (head, rest) = config.split_once("        steps:\n").unwrap();
        let (_, tail) = rest.split_once("        bake_time:").unwrap();
        let pauses = "          - pause: {}\n          - pause: {duration: 2m}\n".repeat(number);
        let steps = format!("        steps:\n          - set_weight: 10\n{pauses}");
        let config = format!("{head}{steps}        bake_time:{tail}");
        self.write("shipgate.yaml", &config);
    }

    /// Deploys a version.
    pub fn deploy(&self, version: &str, variables: &[(&str, &str)]) -> Ran {
        self.run(&["deploy", "--version", version], variables)
    }

    /// What time it is.
    pub fn clock(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A file of the branch.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.world.read(path).unwrap().unwrap()).unwrap()
    }

    /// Everything that the remote has.
    pub fn references(&self) -> Vec<(String, String)> {
        self.world.references().unwrap()
    }

    /// The trailers with this name in the commits on the branch, newest first, without repetitions.
    pub fn trailers(&self, name: &str) -> Vec<String> {
        let start = format!("Shipgate-{name}: ");
        let mut values: Vec<String> = Vec::new();
        for commit in self.world.log().unwrap() {
            let found = commit
                .body
                .lines()
                .filter_map(|line| line.strip_prefix(&start));
            values.extend(found.map(str::to_owned));
        }
        values.dedup();
        values
    }

    /// A path in the folder that commands run in.
    pub fn path(&self, name: &str) -> String {
        let path: &Path = self.home.path();
        path.join(name).display().to_string()
    }
}

/// What was written.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
