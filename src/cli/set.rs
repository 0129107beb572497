//! `shipgate set`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `set`.
#[derive(Debug, Args)]
pub struct SetArguments {}

/// Runs `set`.
pub async fn run(_arguments: SetArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
