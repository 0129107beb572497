//! GitLab CI: sections of the log, and the outcome as a dotenv report, whose variables later jobs get.

use std::io;

use chrono::{DateTime, Utc};

use super::{
    Ended, Place, Sink, github,
    log_commands::{Annotation, Dialect, Level, LogCommands},
    sanitise,
};

/// What the names of the variables begin with: not as our own inputs do, which a later job of ours
/// would take for its own.
const PREFIX: &str = "GATE_";

/// Folds progress into sections.
pub type Sections<W> = LogCommands<W, GitLab>;

/// `section_start:1765000000:name`, between the signs that hide it. The log has no marks for findings:
/// GitLab shows those of the JUnit file.
#[derive(Debug, Default)]
pub struct GitLab {
    sections: usize,
    name: String,
}

impl Dialect for GitLab {
    fn begin(&mut self, title: &str, at: Option<DateTime<Utc>>) -> String {
        let second = second(at);
        self.sections += 1;
        // Another process of the same job has names of its own.
        self.name = format!("shipgate_{second}_{}", self.sections);
        let name = &self.name;
        format!(
            "\u{1b}[0Ksection_start:{second}:{name}\r\u{1b}[0K{}",
            sanitise::line(title)
        )
    }

    fn end(&mut self, at: Option<DateTime<Utc>>) -> String {
        let (second, name) = (second(at), &self.name);
        format!("\u{1b}[0Ksection_end:{second}:{name}\r\u{1b}[0K")
    }

    fn issue(&self, _: Level, _: &str, _: &Annotation) -> Option<String> {
        None
    }
}

fn second(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |at| at.timestamp())
}

/// Writes the outcome's variables: every one of them, always.
pub struct Dotenv {
    /// Where to.
    pub place: Place,
}

impl Sink for Dotenv {
    fn name(&self) -> &'static str {
        "the dotenv file"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.place.replace(dotenv(ended).as_bytes())
    }
}

/// Returns the variables: what GitHub's outputs say, as `GATE_EXIT_CODE=10`. GitLab takes a line up to
/// its end as it stands: no quotes, no escapes, no line breaks ("dotenv", GitLab Docs, "CI/CD artifacts
/// reports types").
pub fn dotenv(ended: &Ended<'_>) -> String {
    let lines = variables(ended);
    let lines = lines.map(|(name, value)| format!("{name}={value}\n"));
    lines.collect()
}

/// Returns what GitHub's outputs say by the names that variables have: `GATE_EXIT_CODE`.
pub(super) fn variables(ended: &Ended<'_>) -> impl Iterator<Item = (String, String)> {
    let outputs = github::outputs(ended).into_iter();
    outputs.map(|(name, value)| {
        let name = name.replace('-', "_").to_uppercase();
        (format!("{PREFIX}{name}"), value)
    })
}
