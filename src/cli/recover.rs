//! `shipgate recover`: finishes or takes back whatever an interrupted run left.

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    repository::{RepositoryArguments, actor},
    services::{PaceArguments, ServicesArguments},
    signals,
};
use crate::{
    event::{Failure, Outcome},
    ops::{
        fleet::{Fleet, Pace},
        recover,
    },
};

/// Flags of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// Of which services.
    #[command(flatten)]
    pub services: ServicesArguments,
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
    let actor = actor(&session.context);
    let dry_run = arguments.dry_run;
    let outside = opened.outside();
    let services = arguments
        .services
        .services(&arguments.repository, session)?;
    if !arguments.services.are_several(&services) {
        let target = arguments.repository.target(&opened).await?;
        if dry_run {
            return recover::show(&outside, &target).await;
        }
        return recover::recover(&outside, &target, actor, stop, session).await;
    }
    let site = arguments.repository.site(&opened).await?;
    let fleet = Fleet::of(&site.config, &services, &site.config_path)?.in_any_order();
    let run = fleet.run(
        Pace::from(&PaceArguments::all()),
        &site.environment_name,
        &outside,
        session,
        async |name, outside, reporter| {
            let target = site.target(&site.config.services[name]);
            let end = if dry_run {
                recover::show(outside, &target).await
            } else {
                let recover =
                    recover::recover(outside, &target, actor.clone(), stop.clone(), reporter);
                Box::pin(recover).await
            };
            end.unwrap_or_else(Outcome::from)
        },
    );
    Ok(Box::pin(run).await)
}
