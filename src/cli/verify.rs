//! `shipgate verify`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {}

/// Runs `verify`.
pub async fn run(_arguments: VerifyArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
