//! Flags that say who starts a deployment and which files it changes, for policies that ask.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};

use super::Context;
use crate::{
    event::{Ending, Failure},
    ops::case::Circumstances,
    policy::{Action, Invoker, changed_paths},
};

/// Largest list of changed files, in bytes.
const LARGEST_LIST: u64 = 16 << 20;

/// Who starts it.
#[derive(Debug, Clone, Default, Args)]
pub struct InvokerArguments {
    /// Who starts it: user | automation [default: automation in a pipeline, else user]
    #[arg(long, value_name = "WHO", value_parser = invokers())]
    pub invoker: Option<Invoker>,
}

impl InvokerArguments {
    /// Returns who starts it: the flag, else whoever the place suggests.
    pub fn invoker(&self, context: &Context) -> Invoker {
        let default = if context.in_pipeline() {
            Invoker::Automation
        } else {
            Invoker::User
        };
        self.invoker.unwrap_or(default)
    }
}

/// Who starts it and what it changes.
#[derive(Debug, Clone, Default, Args)]
pub struct CircumstanceArguments {
    /// Who starts it.
    #[command(flatten)]
    pub invoker: InvokerArguments,
    /// List of the files that the version changes, as `git diff --name-only` prints it (with -z
    /// too); `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub changed_files: Option<PathBuf>,
    /// Bring a version that failed here before; takes an approval signed after that
    #[arg(long)]
    pub force_version: bool,
}

impl CircumstanceArguments {
    /// Returns what is known.
    ///
    /// # Errors
    /// [`Ending::Usage`]: the list of changed files cannot be read.
    pub fn known(&self, context: &Context) -> Result<Circumstances, Failure> {
        Ok(Circumstances {
            invoker: self.invoker.invoker(context),
            changed_paths: self.changed(context)?,
            force_version: self.force_version,
            ..Circumstances::default()
        })
    }

    fn changed(&self, context: &Context) -> Result<Option<Vec<String>>, Failure> {
        let Some(path) = &self.changed_files else {
            return Ok(None);
        };
        let refuse = |problem: String| {
            let shown = path.display();
            Failure::new(Ending::Usage, format!("--changed-files {shown}: {problem}"))
        };
        let mut list = Vec::new();
        let read = if path.as_os_str() == "-" {
            let input = io::stdin().lock();
            input.take(LARGEST_LIST + 1).read_to_end(&mut list)
        } else {
            File::open(context.folder.join(path))
                .and_then(|file| file.take(LARGEST_LIST + 1).read_to_end(&mut list))
        };
        let length = read.map_err(|error| refuse(format!("cannot be read: {error}")))?;
        if length as u64 > LARGEST_LIST {
            return Err(refuse(format!(
                "is larger than the limit of {LARGEST_LIST} bytes"
            )));
        }
        changed_paths(&list).map_err(refuse)
    }
}

fn invokers() -> impl TypedValueParser<Value = Invoker> {
    let all = [Invoker::User, Invoker::Automation];
    words(all, Invoker::word)
}

/// Parses an action by its word in policies.
pub fn actions() -> impl TypedValueParser<Value = Action> {
    words(Action::ALL, Action::word)
}

fn words<T, const N: usize>(
    all: [T; N],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(word)).map(move |text| {
        let wanted = all.into_iter().find(|it| word(*it) == text);
        wanted.expect("the parser lets through nothing but these words")
    })
}
