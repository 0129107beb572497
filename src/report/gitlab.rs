//! GitLab CI: the outcome as a dotenv report, whose variables later jobs get.

use std::{fs, io, path::PathBuf};

use super::{Ended, Sink, github};

/// What the names of the variables begin with: not as our own inputs do, which a later job of ours
/// would take for its own.
const PREFIX: &str = "GATE_";

/// Writes the outcome's variables: every one of them, always.
pub struct Dotenv {
    /// Where to.
    pub path: PathBuf,
}

impl Sink for Dotenv {
    fn name(&self) -> &'static str {
        "the dotenv file"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        fs::write(&self.path, dotenv(ended))
    }
}

/// Returns the variables: what GitHub's outputs say, as `GATE_EXIT_CODE=10`. GitLab takes a line up to
/// its end as it stands: no quotes, no escapes, no line breaks ("dotenv", GitLab Docs, "CI/CD artifacts
/// reports types").
pub fn dotenv(ended: &Ended<'_>) -> String {
    github::outputs(ended)
        .into_iter()
        .map(|(name, value)| {
            let name = name.replace('-', "_").to_uppercase();
            format!("{PREFIX}{name}={value}\n")
        })
        .collect()
}
