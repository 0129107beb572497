//! `shipgate rollback`: back to the last known good version, or to one that is named.

use std::time::Duration;

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    deploy::{CancelChoice, GateArguments, duration, version},
    gated::{self, Asked, Leave},
    repository::RepositoryArguments,
};
use crate::{
    audit::AuditFile,
    event::{Failure, Outcome},
    ops::{
        deploy::Limits,
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
    let ended = roll_back(arguments, audit.clone(), session).await;
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
    let Leave {
        opened,
        target,
        asker,
        permit,
        stop,
    } = match gated::ask(asked, audit, session).await? {
        Ok(leave) => leave,
        Err(outcome) => return Ok(outcome),
    };
    let outside = opened.outside();
    let progressive = arguments.progressive.then_some(Progressive {
        hold: arguments.hold,
    });
    let why = &arguments.reason;
    match &arguments.to {
        None if arguments.dry_run => rollback::show(progressive, &outside, &target).await,
        None => {
            let request = RollbackLast {
                asker: &asker,
                permit: &permit,
                reason: why,
                drill: arguments.drill,
                progressive,
            };
            rollback::rollback(request, &outside, &target, stop, session).await
        }
        Some(version) => {
            let request = RollbackTo {
                version,
                asker: &asker,
                limits: Limits {
                    on_cancel: arguments.on_cancel.into(),
                    timeout: arguments.timeout,
                },
                permit: &permit,
                dry_run: arguments.dry_run,
                reason: why,
                drill: arguments.drill,
            };
            rollback::rollback_to(request, &outside, &target, stop, session).await
        }
    }
}
