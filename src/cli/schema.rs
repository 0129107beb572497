//! `shipgate schema`.

use clap::Args;

use super::Session;
use crate::event::{Ending, Failure, Outcome};

/// Flags of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArguments {}

/// Runs `schema`.
pub fn run(_arguments: &SchemaArguments, _session: &mut Session) -> Result<Outcome, Failure> {
    Err(Failure::new(Ending::Internal, "not there yet"))
}
