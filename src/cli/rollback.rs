//! `shipgate rollback`: back to the last known good version, or to one that is named.

use std::time::Duration;

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    deploy::{CancelChoice, GateArguments, duration, version},
    gated::{self, Asked, Gated},
    repository::{RepositoryArguments, Whole, has_regions},
    services::{PaceArguments, ServicesArguments, Versions},
};
use crate::{
    audit::AuditFile,
    event::{Ending, Failure, Outcome, Reporter},
    ops::{
        deploy::{Limits, Outside},
        fleet::Fleet,
        gate::{self, Answer},
        load::{self, Services, Target},
        notifications, programs,
        regions::{self, Group},
        rollback::{self, RollbackLast, RollbackTo},
        stopped_before_change,
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
    /// Of which services.
    #[command(flatten)]
    pub services: ServicesArguments,
    /// How several are run.
    #[command(flatten)]
    pub pace: PaceArguments,
    /// As whom it commits.
    #[command(flatten)]
    pub authorship: AuthorshipArguments,
    /// Where the gate looks and asks: a policy may name `rollback` among its actions.
    #[command(flatten)]
    pub gate: GateArguments,
    /// Version to go to [default: what ran before the last deployment]. Of several services each may
    /// have its own: `--service a=1.0,b=1.4`
    #[arg(long, value_name = "VERSION", value_parser = version, allow_hyphen_values = true)]
    pub to: Option<Version>,
    /// Take the canary's weight down in steps (50, 25, 10) and see at each that stable carries it
    #[arg(long, conflicts_with_all = ["to", "one_commit"])]
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
    mut arguments: RollbackArguments,
    audit: Option<AuditFile>,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let services = arguments
        .services
        .services(&arguments.repository, session)?;
    let are_several = arguments.services.are_several(&services);
    let (services, versions) = Versions::take(services, arguments.to.take())?;
    if let Services::Named(names) = &services {
        arguments.repository.service = names.iter().map(|named| named.name.clone()).collect();
    }
    if arguments.progressive && versions.are_said() {
        let reason = "--progressive goes back to what ran before, and a version is named";
        return Err(Failure::new(Ending::Usage, reason).hint("give one of the two"));
    }
    let asked = Asked {
        repository: &arguments.repository,
        authorship: &arguments.authorship,
        gate: &arguments.gate,
        action: Action::Rollback,
        version: None,
    };
    let gated = gated::prepare(asked, audit, session).await?;
    let outside = gated.opened.outside();
    let back = Back {
        arguments: &arguments,
        versions: &versions,
        gated: &gated,
    };
    let (repository, mut stop) = (&arguments.repository, gated.stop.clone());
    if !are_several {
        let name = repository.one_service()?;
        if repository.region.len() < 2 {
            let environment = repository.environment()?;
            let ended = back.of(name, environment.as_deref(), &outside, session);
            let ended = Box::pin(ended).await;
            if !ended.as_ref().is_err_and(has_regions) {
                return ended;
            }
        }
        let group = stop.or(repository.group(&gated.opened)).await;
        let group = group.map_err(stopped_before_change)??;
        return Box::pin(back.of_regions(name, &group, &outside, session)).await;
    }
    let whole = stop.or(repository.whole(&gated.opened)).await;
    let Whole { site, group } = whole.map_err(stopped_before_change)??;
    let dry_run = arguments.dry_run;
    let pace = arguments.pace.pace_in(&site, group.as_ref(), dry_run)?;
    let fleet = Fleet::of(&site.config, &services, &site.config_path)?.in_reverse();
    let environment = match group {
        None => repository.environment()?,
        Some(_) => None,
    };
    let run = fleet.run(
        pace,
        &site.environment_name,
        &outside,
        session,
        async |name, outside, reporter| {
            let ended = match &group {
                None => {
                    Box::pin(back.of(Some(name), environment.as_deref(), outside, reporter)).await
                }
                Some(group) => {
                    Box::pin(back.of_regions(Some(name), group, outside, reporter)).await
                }
            };
            ended.unwrap_or_else(Outcome::from)
        },
    );
    Ok(Box::pin(run).await)
}

/// What is asked for, of one service or of each of several.
struct Back<'a> {
    arguments: &'a RollbackArguments,
    versions: &'a Versions,
    gated: &'a Gated<'a>,
}

impl Back<'_> {
    /// Takes one service back in the regions of an environment.
    async fn of_regions(
        &self,
        service: Option<&str>,
        group: &Group,
        outside: &Outside<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<Outcome, Failure> {
        let asker = &self.gated.asker;
        let asked = regions::Asked {
            service: service.map(str::to_owned),
            config: self.arguments.repository.config.clone(),
            branch: self.arguments.repository.branch.clone(),
            actor: asker.actor.clone(),
            pipeline: asker.pipeline.clone(),
        };
        let to = self
            .versions
            .said_of(service.or(group.only_service.as_deref()));
        let one = async |environment: &str, outside: &Outside<'_>, reporter: &mut dyn Reporter| {
            let went = self.of(service, Some(environment), outside, reporter);
            Box::pin(went).await
        };
        regions::roll_back(group, &asked, to, outside, reporter, one).await
    }

    /// Takes one service back, and notifies of it.
    async fn of(
        &self,
        service: Option<&str>,
        environment: Option<&str>,
        outside: &Outside<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<Outcome, Failure> {
        let repository = &self.arguments.repository;
        let source = repository.source();
        let target = load::target(outside.repository, &source, service, environment).await?;
        let version = self.versions.said_of(Some(&target.service.name));
        let mut notifier = notifications::listen(outside, reporter);
        if !self.arguments.dry_run {
            let who = notifications::who(&self.gated.asker);
            let version = version.map(Version::as_str);
            notifications::begin(&mut notifier, outside, &target, version, who);
        }
        let ended = self.go(outside, target, version, &mut notifier).await;
        notifications::end(notifier, &ended, self.gated.stop.clone()).await;
        ended
    }

    /// Asks the gate, and goes back where it lets through.
    async fn go(
        &self,
        outside: &Outside<'_>,
        mut target: Target,
        version: Option<&Version>,
        reporter: &mut dyn Reporter,
    ) -> Result<Outcome, Failure> {
        let Self {
            arguments, gated, ..
        } = self;
        let question = gated.question_of(version);
        // What is taken back at once is seen healthy by its health checks alone, and runs no program.
        if arguments.progressive || version.is_some() {
            programs::allow(&question, outside, &mut target).await?;
            programs::find(
                &target.service.verification,
                &target.programs,
                outside.secrets,
            )?;
        }
        let permit = match gate::ask(&question, outside, &target, reporter).await? {
            Answer::Permit(permit) => permit,
            Answer::No(outcome) => return Ok(*outcome),
        };
        let progressive = arguments.progressive.then_some(Progressive {
            hold: arguments.hold,
        });
        let (asker, why, stop) = (&gated.asker, &arguments.reason, gated.stop.clone());
        match version {
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
}
