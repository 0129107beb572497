//! A command line made of variables, and all at once that is missing or wrong with it.

use std::ffi::OsString;

use clap::{
    ArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{inputs, refused, variable};
use crate::event::{Ending, Failure};

/// A command line made of variables.
#[derive(Debug)]
pub(super) struct Request {
    /// The program and its command.
    pub(super) begin: [OsString; 2],
    /// Each variable with the words that it becomes.
    pub(super) flags: Vec<(String, Vec<OsString>)>,
    pub(super) positional: Vec<(String, Vec<OsString>)>,
    /// Variables that are missing.
    pub(super) missing: Vec<String>,
    /// What is no value.
    pub(super) wrong: Vec<String>,
}

impl Request {
    /// Returns its words.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let words = |of: &[(String, Vec<OsString>)]| -> Vec<OsString> {
            of.iter().flat_map(|(_, words)| words.clone()).collect()
        };
        let mut arguments = self.begin.to_vec();
        arguments.extend(words(&self.flags));
        if !self.positional.is_empty() {
            arguments.push("--".into());
            arguments.extend(words(&self.positional));
        }
        arguments
    }

    /// Takes out the words of a variable; were there any?
    fn drop(&mut self, variable: &str) -> bool {
        let before = self.flags.len() + self.positional.len();
        self.flags.retain(|(name, _)| name != variable);
        self.positional.retain(|(name, _)| name != variable);
        self.flags.len() + self.positional.len() < before
    }

    /// Lets the parser read the command line as often as it finds something else that is wrong. `besides` is
    /// missing, too, which alone is told of where it is needed.
    ///
    /// # Errors
    /// All that is missing or wrong.
    pub(super) fn parse(
        mut self,
        program: &clap::Command,
        besides: Option<&str>,
    ) -> Result<ArgMatches, Failure> {
        let name = self.begin[1].to_string_lossy().into_owned();
        // Before that no argument knows what its values look like.
        let mut program = program.clone();
        program.build();
        let target = program.find_subcommand(&name);
        let mut taken_out: Vec<String> = Vec::new();
        loop {
            let error = match program.clone().try_get_matches_from(self.arguments()) {
                Ok(matches) if self.wrong.is_empty() && self.missing.is_empty() => {
                    return Ok(matches);
                }
                Ok(_) => break,
                Err(error) => error,
            };
            if error.kind() == ErrorKind::MissingRequiredArgument {
                for variable in target.into_iter().flat_map(|it| missing(&error, it)) {
                    // What was taken out is only missing for that.
                    if !taken_out.contains(&variable) && !self.missing.contains(&variable) {
                        self.missing.push(variable);
                    }
                }
                if !(self.missing.is_empty() && self.wrong.is_empty()) {
                    break;
                }
            }
            let culprit = error.get(ContextKind::InvalidArg).map(ToString::to_string);
            let culprit =
                target.and_then(|it| inputs(it).find(|it| Some(it.to_string()) == culprit));
            let reason = refused(&error).0.reason;
            match culprit.map(variable) {
                Some(variable) => {
                    self.wrong.push(format!("{variable}: {reason}"));
                    if !self.drop(&variable) {
                        break;
                    }
                    taken_out.push(variable);
                }
                None => {
                    self.wrong.push(reason);
                    break;
                }
            }
        }
        self.missing.extend(besides.map(str::to_owned));
        if !self.missing.is_empty() {
            let missing = format!("missing: {}", self.missing.join(", "));
            self.wrong.insert(0, missing);
        }
        let reason = format!("inputs of `{name}`: {}", self.wrong.join("; "));
        let failure = Failure::new(Ending::Usage, reason);
        Err(failure
            .hint("each flag `--some-flag` is the variable SHIPGATE_SOME_FLAG; in a workflow of GitHub Actions these are the inputs of the action"))
    }
}

/// Returns the variables of the arguments that the parser says are missing.
fn missing(error: &clap::Error, target: &clap::Command) -> Vec<String> {
    let Some(ContextValue::Strings(names)) = error.get(ContextKind::InvalidArg) else {
        return Vec::new();
    };
    let missing = inputs(target).filter(|it| names.contains(&it.to_string()));
    missing.map(variable).collect()
}
