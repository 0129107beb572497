//! `shipgate recover`: finishes or takes back whatever an interrupted run left.

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    repository::{RepositoryArguments, actor, pipeline},
    signals,
};
use crate::{
    event::{Failure, Outcome},
    ops::{notifications, recover},
};

/// Flags of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// As whom it commits.
    #[command(flatten)]
    pub authorship: AuthorshipArguments,
    /// Show what would be changed; push nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do nothing, successfully, when no run is unfinished; the default already does so
    #[arg(long, hide = true)]
    pub if_unfinished: bool,
    /// Where it is written down.
    #[command(flatten)]
    pub audit: AuditArguments,
}

/// Runs `recover`.
///
/// # Errors
/// As [`recover::recover`].
pub async fn run(arguments: RecoverArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let audit = arguments.audit.open(session, arguments.dry_run)?;
    let run = audit::run(session, &arguments.repository, None);
    let ended = recover(arguments, session).await;
    audit::finish(ended, audit.as_ref(), run, session)
}

async fn recover(arguments: RecoverArguments, session: &mut Session) -> Result<Outcome, Failure> {
    // Who is asked for a passphrase must be able to leave with Ctrl-C.
    let opened = arguments
        .repository
        .open_as(session, &arguments.authorship)
        .await?;
    let stop = signals::listen(&session.context);
    let target = arguments.repository.target(&opened).await?;
    let actor = actor(&session.context);
    if arguments.dry_run {
        return recover::show(&opened.outside(), &target).await;
    }
    let outside = opened.outside();
    let pipeline = pipeline(&session.context);
    let mut notifier = notifications::listen(&outside, session);
    let who = (actor.as_deref(), pipeline.as_deref());
    notifications::begin(&mut notifier, &outside, &target, None, who);
    let recovered = recover::recover(
        &outside,
        &target,
        actor.clone(),
        stop.clone(),
        &mut notifier,
    )
    .await;
    notifications::end(notifier, &recovered, stop).await;
    recovered
}
