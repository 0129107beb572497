//! `shipgate rollback`: back to the last known good version, or to one that is named.

use std::time::Duration;

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    deploy::{CancelChoice, GateArguments, duration, version},
    gated::{self, Asked, Gated},
    repository::RepositoryArguments,
};
use crate::{
    audit::AuditFile,
    event::{Failure, Outcome, Reporter},
    ops::{
        deploy::{Limits, Outside},
        gate::{self, Answer},
        load::Target,
        notifications, programs,
        rollback::{self, RollbackLast, RollbackTo},
        takeback::Progressive,
    },
    policy::Action,
    units::Version,
};

/// Flags of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// As whom it commits.
    #[command(flatten)]
    pub authorship: AuthorshipArguments,
    /// Where the gate looks and asks: a policy may name `rollback` among its actions.
    #[command(flatten)]
    pub gate: GateArguments,
    /// Version to go to [default: what ran before the last deployment]
    #[arg(long, value_name = "VERSION", value_parser = version, allow_hyphen_values = true)]
    pub to: Option<Version>,
    /// Take the canary's weight down in steps (50, 25, 10) and see at each that stable carries it
    #[arg(long, conflicts_with = "to")]
    pub progressive: bool,
    /// Watch stable for so long at each weight [default: until each check could be over its limits]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "progressive")]
    pub hold: Option<Duration>,
    /// Why, for the commit trailers
    #[arg(long, default_value = "asked for by hand")]
    pub reason: String,
    /// A rehearsal: `history` does not count it as a failure of what it takes back
    #[arg(long)]
    pub drill: bool,
    /// Show what would be changed; push nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Limit of the whole run, such as 50m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// What to do when the run is cancelled after a push
    #[arg(long, value_enum, default_value_t = CancelChoice::Hold)]
    pub on_cancel: CancelChoice,
    /// Where it is written down.
    #[command(flatten)]
    pub audit: AuditArguments,
}

/// Runs `rollback`.
///
/// # Errors
/// As [`rollback::rollback`].
pub async fn run(arguments: RollbackArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let audit = arguments.audit.open(session, arguments.dry_run)?;
    let version = arguments.to.as_ref().map(ToString::to_string);
    let run = audit::run(session, &arguments.repository, version);
    let ended = Box::pin(roll_back(arguments, audit.clone(), session)).await;
    audit::finish(ended, audit.as_ref(), run, session)
}

async fn roll_back(
    arguments: RollbackArguments,
    audit: Option<AuditFile>,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let asked = Asked {
        repository: &arguments.repository,
        authorship: &arguments.authorship,
        gate: &arguments.gate,
        action: Action::Rollback,
        version: arguments.to.as_ref(),
    };
    let (gated, target) = gated::open(asked, audit, session).await?;
    let outside = gated.opened.outside();
    let mut notifier = notifications::listen(&outside, session);
    if !arguments.dry_run {
        let version = arguments.to.as_ref().map(Version::as_str);
        let who = notifications::who(&gated.asker);
        notifications::begin(&mut notifier, &outside, &target, version, who);
    }
    let ended = go_back(&arguments, &gated, &outside, target, &mut notifier).await;
    notifications::end(notifier, &ended, gated.stop.clone()).await;
    ended
}

/// Asks the gate, and goes back where it lets through.
async fn go_back(
    arguments: &RollbackArguments,
    gated: &Gated<'_>,
    outside: &Outside<'_>,
    mut target: Target,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    // What is taken back at once is seen healthy by its health checks alone, and runs no program.
    if arguments.progressive || arguments.to.is_some() {
        programs::allow(&gated.question(), outside, &mut target).await?;
        programs::find(
            &target.service.verification,
            &target.programs,
            outside.secrets,
        )?;
    }
    let permit = match gate::ask(&gated.question(), outside, &target, reporter).await? {
        Answer::Permit(permit) => permit,
        Answer::No(outcome) => return Ok(*outcome),
    };
    let progressive = arguments.progressive.then_some(Progressive {
        hold: arguments.hold,
    });
    let (asker, why, stop) = (&gated.asker, &arguments.reason, gated.stop.clone());
    match &arguments.to {
        None if arguments.dry_run => rollback::show(progressive, outside, &target).await,
        None => {
            let request = RollbackLast {
                asker,
                permit: &permit,
                reason: why,
                drill: arguments.drill,
                progressive,
            };
            rollback::rollback(request, outside, &target, stop, reporter).await
        }
        Some(version) => {
            let request = RollbackTo {
                version,
                asker,
                limits: Limits {
                    on_cancel: arguments.on_cancel.into(),
                    timeout: arguments.timeout,
                },
                permit: &permit,
                dry_run: arguments.dry_run,
                reason: why,
                drill: arguments.drill,
            };
            rollback::rollback_to(request, outside, &target, stop, reporter).await
        }
    }
}
