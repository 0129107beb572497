//! `shipgate rollback`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArguments {}

/// Runs `rollback`.
pub async fn run(
    _arguments: RollbackArguments,
    _session: &mut Session,
) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
