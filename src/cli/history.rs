//! `shipgate history`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `history`.
#[derive(Debug, Args)]
pub struct HistoryArguments {}

/// Runs `history`.
pub async fn run(_arguments: HistoryArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
