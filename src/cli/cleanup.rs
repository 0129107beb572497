//! `shipgate cleanup`: takes the pods of the old colour away once it was kept for long enough.

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    deploy::GateArguments,
    gated::{self, Asked},
    repository::RepositoryArguments,
};
use crate::{
    audit::AuditFile,
    event::{Failure, Outcome},
    ops::{
        cleanup::{self, CleanupRequest},
        gate::{self, Answer},
    },
    policy::Action,
};

/// Flags of `cleanup`.
#[derive(Debug, Args)]
pub struct CleanupArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// As whom it commits.
    #[command(flatten)]
    pub authorship: AuthorshipArguments,
    /// Where the gate looks and asks: a policy may name `cleanup` among its actions.
    #[command(flatten)]
    pub gate: GateArguments,
    /// Do not wait until `keep_for` is over
    #[arg(long, requires = "reason")]
    pub now: bool,
    /// Why, for the commit trailers
    #[arg(long)]
    pub reason: Option<String>,
    /// Show what would be changed; push nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where it is written down.
    #[command(flatten)]
    pub audit: AuditArguments,
}

/// Runs `cleanup`.
///
/// # Errors
/// As [`cleanup::cleanup`].
pub async fn run(arguments: CleanupArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let audit = arguments.audit.open(session, arguments.dry_run)?;
    let run = audit::run(session, &arguments.repository, None);
    let ended = clean_up(arguments, audit.clone(), session).await;
    audit::finish(ended, audit.as_ref(), run, session)
}

async fn clean_up(
    arguments: CleanupArguments,
    audit: Option<AuditFile>,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let asked = Asked {
        repository: &arguments.repository,
        authorship: &arguments.authorship,
        gate: &arguments.gate,
        action: Action::Cleanup,
        version: None,
    };
    let (gated, target) = gated::open(asked, audit, session).await?;
    let outside = gated.opened.outside();
    let permit = match gate::ask(&gated.question(), &outside, &target, session).await? {
        Answer::Permit(permit) => permit,
        Answer::No(outcome) => return Ok(*outcome),
    };
    let request = CleanupRequest {
        asker: &gated.asker,
        permit: &permit,
        now: arguments.now,
        reason: arguments.reason.as_deref(),
        dry_run: arguments.dry_run,
    };
    cleanup::cleanup(request, &outside, &target, gated.stop.clone(), session).await
}
