//! `shipgate rollback`: back to the last known good version, or to one that is named.

use std::time::Duration;

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    circumstances::CircumstanceArguments,
    deploy::{CancelChoice, GateArguments, duration, version},
    people,
    repository::RepositoryArguments,
    signals,
};
use crate::{
    audit::AuditFile,
    event::{Failure, Outcome, Reporter},
    ops::{
        asker::Asker,
        case::Circumstances,
        deploy::{Limits, Outside},
        gate::{self, Answer, Question},
        load::Target,
        notifications, programs,
        rollback::{self, RollbackLast, RollbackTo},
        stop::Stop,
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
    // Who is asked for a passphrase must be able to leave with Ctrl-C.
    let opened = arguments
        .repository
        .open_as(session, &arguments.authorship)
        .await?;
    let stop = signals::listen(&session.context);
    let outside = opened.outside();
    let mut target = arguments.repository.target(&opened).await?;
    let asker = people::asker(&session.context, &arguments.gate.approvals, audit)?;
    let circumstances = CircumstanceArguments::default().known(&session.context)?;
    let mut notifier = notifications::listen(&outside, session);
    if !arguments.dry_run {
        let version = arguments.to.as_ref().map(Version::as_str);
        let who = notifications::who(&asker);
        notifications::begin(&mut notifier, &outside, &target, version, who);
    }
    let asked = Asked {
        arguments: &arguments,
        asker: &asker,
        circumstances: &circumstances,
    };
    let ended = asked
        .and_done(&outside, &target, stop.clone(), &mut notifier)
        .await;
    notifications::end(notifier, &ended, stop).await;
    ended
}

/// A way back that is asked for.
struct Asked<'a> {
    arguments: &'a RollbackArguments,
    asker: &'a Asker,
    circumstances: &'a Circumstances,
}

impl Asked<'_> {
    /// Asks the gate, and goes back where it lets through.
    async fn and_done(
        self,
        outside: &Outside<'_>,
        target: &Target,
        stop: Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Outcome, Failure> {
        let Self {
            arguments,
            asker,
            circumstances,
        } = self;
        let question = Question {
            action: Action::Rollback,
            version: arguments.to.as_ref(),
            policy: arguments.gate.policy.as_deref(),
            policy_ref: arguments.gate.policy_ref.as_deref(),
            traffic: &arguments.gate.traffic.question(),
            asker,
            circumstances,
        };
        let permit = match gate::ask(&question, outside, target, reporter).await? {
            Answer::Permit(permit) => permit,
            Answer::No(outcome) => return Ok(*outcome),
        };
        let why = &arguments.reason;
        match &arguments.to {
            None if arguments.dry_run => rollback::show(outside, target).await,
            None => {
                let request = RollbackLast {
                    asker,
                    permit: &permit,
                    reason: why,
                    drill: arguments.drill,
                    progressive: arguments.progressive,
                };
                rollback::rollback(request, outside, target, stop, reporter).await
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
                rollback::rollback_to(request, outside, target, stop, reporter).await
            }
        }
    }
}
