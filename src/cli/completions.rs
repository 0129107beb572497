//! `shipgate completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Session};
use crate::event::{Ending, Failure, Outcome};

/// Flags of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// For which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs `completions`.
///
/// # Errors
/// The script cannot be printed.
pub fn run(arguments: &CompletionsArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Cli::command(),
        "shipgate",
        &mut script,
    );
    session.context.print(&String::from_utf8_lossy(&script));
    Ok(Outcome::new(Ending::Shown, ""))
}
