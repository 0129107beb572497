//! `shipgate explain`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {}

/// Runs `explain`.
pub fn run(_arguments: &ExplainArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
