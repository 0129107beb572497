//! `shipgate schema`: the JSON Schemas that files are checked against, for editors and other tools.

use clap::{Args, ValueEnum};
use schemars::schema_for;

use super::Session;
use crate::{
    config::ConfigDocument,
    event::{Ending, Failure, Outcome},
    policy::{PolicyDocument, cases::CasesDocument},
    report,
};

/// Flags of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// Which file format
    #[arg(value_enum, default_value_t = Kind::Config)]
    pub kind: Kind,
}

/// A file format with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// `shipgate.yaml`.
    Config,
    /// A native policy.
    Policy,
    /// Test cases of a policy.
    Cases,
    /// What `--output json` prints.
    Report,
    /// A line of `--output jsonl`.
    Events,
}

/// Runs `schema`.
///
/// # Errors
/// The schema cannot be printed.
pub fn run(arguments: &SchemaArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let schema = match arguments.kind {
        Kind::Config => schema_for!(ConfigDocument).to_value(),
        Kind::Policy => schema_for!(PolicyDocument).to_value(),
        Kind::Cases => schema_for!(CasesDocument).to_value(),
        Kind::Report => report::json::schema(),
        Kind::Events => report::json::events::schema(),
    };
    session.context.print(&format!("{schema:#}\n"));
    Ok(Outcome::new(Ending::Shown, ""))
}
