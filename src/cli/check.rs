//! `shipgate check`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {}

/// Runs `check`.
pub async fn run(_arguments: CheckArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
