//! `shipgate demo`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {}

/// Runs `demo`.
pub async fn run(_arguments: DemoArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
