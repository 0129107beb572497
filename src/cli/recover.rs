//! `shipgate recover`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArguments {}

/// Runs `recover`.
pub async fn run(_arguments: RecoverArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
