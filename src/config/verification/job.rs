//! `job` of a check: a program whose exit code is the answer.

use schemars::JsonSchema;
use serde::Deserialize;

use super::check::Check as Checking;
use crate::{
    config::{query::Template, schema::without_null},
    units::ProgramName,
};

/// Variables that are nobody else's: shipgate's own credentials.
const OWN: &str = "SHIPGATE_";

/// `job` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawJob {
    /// The program, as `programs` of the policy allows it, and its arguments, which may use
    /// `{{version}}` and the other variables. There is no shell.
    #[schemars(length(min = 1, max = 100))]
    pub command: Vec<String>,
    /// Names of the environment variables that it gets besides `PATH`; none unless given.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub env: Vec<String>,
}

/// A program whose exit code is the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The program.
    pub program: ProgramName,
    /// Its arguments.
    pub arguments: Vec<Template>,
    /// Names of the environment variables that it gets besides `PATH`.
    pub variables: Vec<String>,
}

impl Checking {
    pub(super) fn job(&mut self, at: &str, raw: &RawJob) -> Option<Job> {
        for (index, name) in raw.env.iter().enumerate() {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let is_name = name.bytes().all(legal)
                && name
                    .bytes()
                    .next()
                    .is_some_and(|first| !first.is_ascii_digit());
            let pointer = format!("{at}/env/{index}");
            if !is_name {
                self.problem(
                    pointer,
                    "expected the name of an environment variable, such as SMOKE_TOKEN",
                );
            } else if name.starts_with(OWN) {
                self.problem(
                    pointer,
                    format!("found `{name}`, expected another: what begins with {OWN} is handed to nobody"),
                );
            }
        }
        let Some((program, arguments)) = raw.command.split_first() else {
            self.problem(
                format!("{at}/command"),
                "expected a program and its arguments, such as [k6, run, smoke.js]",
            );
            return None;
        };
        let program = match program.parse::<ProgramName>() {
            Ok(program) => Some(program),
            Err(nonsense) => {
                self.problem(format!("{at}/command/0"), nonsense.to_string());
                None
            }
        };
        let arguments: Option<Vec<Template>> = arguments
            .iter()
            .enumerate()
            .map(|(index, text)| self.template(&format!("{at}/command/{}", index + 1), text))
            .collect();
        Some(Job {
            program: program?,
            arguments: arguments?,
            variables: raw.env.clone(),
        })
    }
}
