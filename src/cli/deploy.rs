//! `shipgate deploy`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `deploy`.
#[derive(Debug, Args)]
pub struct DeployArguments {}

/// Runs `deploy`.
pub async fn run(_arguments: DeployArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
