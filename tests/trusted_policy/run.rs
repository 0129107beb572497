//! Runs a command line in a folder, and tells which policy decided.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use shipgate::{
    cli::{self, Context},
    clock::{Clock, ManualClock},
};

/// A Tuesday morning on which the base branch's policy blocks.
pub const NOW: &str = "2026-03-10T10:00:00Z";

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: u8,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    #[expect(dead_code, reason = "shown where a test fails")]
    pub stderr: String,
}

impl Ran {
    /// Returns the object of machine output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the policy that decided, as machine output tells it: path, commit and digest.
    pub fn policy(&self) -> Option<[String; 3]> {
        let json = self.json();
        let policy = json.get("verdict")?.get("policy")?;
        let text = |key: &str| Some(policy.get(key)?.as_str()?.to_owned());
        Some([text("path")?, text("commit")?, text("sha256")?])
    }

    /// Returns the reason, as machine output tells it.
    pub fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap().to_owned()
    }
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

/// Runs a command line in a folder.
pub fn shipgate(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW.parse().unwrap()));
    run_at(&clock, folder, environment, arguments)
}

/// As [`shipgate`], on the clock of somebody else.
pub fn run_at(
    clock: &Arc<dyn Clock>,
    folder: &Path,
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> Ran {
    // Git is found by its path.
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs of this machine are found by it"
    )]
    let path = std::env::var("PATH").unwrap();
    let environment: BTreeMap<String, String> = environment
        .iter()
        .chain(&[("PATH", path.as_str())])
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let (stdout, stderr) = (Sink::default(), Sink::default());
    let context = Context {
        environment,
        clock: clock.clone(),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: folder.to_owned(),
    };
    let arguments = ["shipgate"].iter().chain(arguments);
    Ran {
        code: cli::run(arguments.map(Into::into), context),
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}
