//! `shipgate ci`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `ci`.
#[derive(Debug, Args)]
pub struct CiArguments {}

/// Runs `ci`.
pub async fn run(_arguments: CiArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
