//! `shipgate history`: past deployments.

use clap::Args;

use super::{Session, repository::RepositoryArguments};
use crate::{
    event::{Failure, Outcome},
    ops::history,
};

/// Flags of `history`.
#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// How many at most
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}

/// Runs `history`.
///
/// # Errors
/// As [`history::history`].
pub async fn run(arguments: HistoryArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let opened = arguments.repository.open(session)?;
    let target = arguments.repository.target(&opened).await?;
    history::history(&opened.outside(), &target, arguments.limit).await
}
