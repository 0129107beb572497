//! `shipgate deploy`: the whole job.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    circumstances::CircumstanceArguments,
    people::{self, ApprovalArguments},
    plan_files::PlanFileArguments,
    repository::{RepositoryArguments, Whole, has_regions},
    services::{PaceArguments, ServicesArguments, Versions},
    signals,
    source::SourceArguments,
    traffic::TrafficArguments,
};
use crate::{
    audit::AuditFile,
    event::{Ending, Failure, Outcome},
    ops::{
        case::Circumstances,
        deploy::{self, DeployRequest, Limits, OnCancel},
        fleet::Fleet,
        load::Services,
        plan::PlannedBefore,
        regions, stopped_before_change,
    },
    units::{Version, parse_duration},
};

/// Flags of `deploy`.
#[derive(Debug, Args)]
pub struct DeployArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// As whom it commits.
    #[command(flatten)]
    pub authorship: AuthorshipArguments,
    /// Of which services.
    #[command(flatten)]
    pub services: ServicesArguments,
    /// Version to deploy: an image tag that is a Kubernetes label value too. Of several services
    /// each may have its own: `--service a=1.1,b=2.0`
    #[arg(long, value_parser = version, allow_hyphen_values = true, required_unless_present_any = ["service", "service_list", "plan"])]
    pub version: Option<Version>,
    /// What was planned before.
    #[command(flatten)]
    pub plans: PlanFileArguments,
    /// How several are run.
    #[command(flatten)]
    pub pace: PaceArguments,
    /// Where the gate looks and asks.
    #[command(flatten)]
    pub gate: GateArguments,
    /// What policies may ask besides.
    #[command(flatten)]
    pub circumstances: CircumstanceArguments,
    /// Where only the time stands in the way, wait this long for an opening, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait_for_window: Option<Duration>,
    /// Where another run of the service is under way, wait this long for its end, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait_for_run: Option<Duration>,
    /// Decide and show what `plan` shows; push nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Of a dry run: ask nobody but the git server, no registry, cluster, metrics or health check
    #[arg(long, requires = "dry_run")]
    pub offline: bool,
    /// What to do when the run is cancelled after a push
    #[arg(long, value_enum, default_value_t = CancelChoice::Rollback)]
    pub on_cancel: CancelChoice,
    /// Limit of the whole run, such as 50m [default: the plan's own length with its waits, plus 10 %]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// What the version was built from.
    #[command(flatten)]
    pub source: SourceArguments,
    /// A rehearsal: go to the first users and back, and tell how long that took (`drills: true`)
    #[arg(long)]
    pub drill: bool,
    /// Accept what waits for a person (a pause, a version that was judged worse and left), where the
    /// policy names nobody who approves
    #[arg(long)]
    pub accept: bool,
    /// Where it is written down.
    #[command(flatten)]
    pub audit: AuditArguments,
}

/// Where the policy is and where traffic is asked for.
#[derive(Debug, Clone, Args)]
pub struct GateArguments {
    /// Path of the policy in the repository [default: what the environment names]
    #[arg(long, value_name = "PATH", value_parser = NonEmptyStringValueParser::new())]
    pub policy: Option<String>,
    /// Branch the policy is read from, by commit id [default: the repository's default branch]
    #[arg(long, value_name = "BRANCH", value_parser = NonEmptyStringValueParser::new())]
    pub policy_ref: Option<String>,
    /// Current traffic.
    #[command(flatten)]
    pub traffic: TrafficArguments,
    /// What was approved.
    #[command(flatten)]
    pub approvals: ApprovalArguments,
}

/// What to do when the run is cancelled after a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CancelChoice {
    /// Take the deployment back.
    Rollback,
    /// Leave it for `shipgate recover`.
    Hold,
}

impl From<CancelChoice> for OnCancel {
    fn from(choice: CancelChoice) -> Self {
        match choice {
            CancelChoice::Rollback => Self::Rollback,
            CancelChoice::Hold => Self::Hold,
        }
    }
}

/// Runs `deploy`.
///
/// # Errors
/// As [`deploy::deploy`].
pub async fn run(
    mut arguments: DeployArguments,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let plans = arguments.plans.read(&mut arguments.repository, session)?;
    if let Some(plans) = &plans {
        if plans.is_empty() {
            let text = "the plans have nothing to do: what was planned for runs already";
            return Ok(Outcome::new(Ending::NoChange, text));
        }
        let names = plans.iter().map(|plan| plan.service().to_owned());
        arguments.repository.service = names.collect();
    }
    let audit = arguments.audit.open(session, arguments.dry_run)?;
    let version = arguments.version.as_ref().map(Version::to_string);
    let run = audit::run(session, &arguments.repository, version);
    let plans = plans.unwrap_or_default();
    let ended = Box::pin(deploy(arguments, plans, audit.clone(), session)).await;
    audit::finish(ended, audit.as_ref(), run, session)
}

/// Runs `deploy` with or without a file that it is written down in; a dry run of it is `plan`.
///
/// # Errors
/// As [`deploy::deploy`].
pub async fn deploy(
    arguments: DeployArguments,
    plans: Vec<PlannedBefore>,
    audit: Option<AuditFile>,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    // Who is asked for a passphrase must be able to leave with Ctrl-C.
    let opened = arguments
        .repository
        .open_as(session, &arguments.authorship)
        .await?;
    let stop = signals::listen(&session.context);
    let asker = people::asker(&session.context, &arguments.gate.approvals, audit)?;
    let services = arguments
        .services
        .services(&arguments.repository, session)?;
    let are_several = arguments.services.are_several(&services);
    let (services, mut versions) = if plans.is_empty() {
        Versions::take(services, arguments.version)?
    } else {
        // What a file calls a service is the name of one, and nothing else.
        (services, Versions::default())
    };
    let plans = plans
        .into_iter()
        .map(|plan| (plan.service().to_owned(), Arc::new(plan)));
    let plans: BTreeMap<String, Arc<PlannedBefore>> = plans.collect();
    for (service, plan) in &plans {
        versions.plan(service, &plan.version);
    }
    let circumstances = Circumstances {
        wait_for_window: arguments.wait_for_window,
        wait_for_run: arguments.wait_for_run,
        ..arguments.circumstances.known(&session.context)?
    };
    let source = arguments
        .source
        .trailer(&session.context, &arguments.repository);
    let regions = &arguments.repository.region;
    let environment = match &regions[..] {
        [] | [_] => arguments.repository.environment()?,
        _ => None,
    };
    let request = |service: Option<&str>| {
        Ok(DeployRequest {
            service: service.map(str::to_owned),
            environment: environment.clone(),
            version: versions.of(service)?,
            config: arguments.repository.config.clone(),
            branch: arguments.repository.branch.clone(),
            policy: arguments.gate.policy.clone(),
            policy_ref: arguments.gate.policy_ref.clone(),
            traffic: arguments.gate.traffic.question(),
            circumstances: circumstances.clone(),
            dry_run: arguments.dry_run,
            limits: Limits {
                on_cancel: arguments.on_cancel.into(),
                timeout: arguments.timeout,
            },
            source: source.clone(),
            drill: arguments.drill,
            regions: None,
            accept: arguments.accept,
            offline: arguments.offline,
            planned: service.and_then(|name| plans.get(name)).cloned(),
            asker: asker.clone(),
        })
    };
    let outside = opened.outside();
    if !are_several {
        let named = match &services {
            Services::Named(names) => names.first(),
            Services::All => None,
        };
        let request = request(named.map(|named| named.name.as_str()))?;
        if regions.len() < 2 {
            // Too large for the stack of whoever waits.
            let ended = Box::pin(deploy::deploy(&request, &outside, stop.clone(), session)).await;
            if !ended.as_ref().is_err_and(has_regions) {
                return ended;
            }
        }
        let group = stop.clone().or(arguments.repository.group(&opened)).await;
        let group = group.map_err(stopped_before_change)??;
        let deploy = regions::deploy(&group, &request, &outside, stop, session);
        return Box::pin(deploy).await;
    }
    let whole = stop.clone().or(arguments.repository.whole(&opened)).await;
    let Whole { site, group } = whole.map_err(stopped_before_change)??;
    let pace = arguments
        .pace
        .pace_in(&site, group.as_ref(), arguments.dry_run)?;
    let fleet = Fleet::of(&site.config, &services, &site.config_path)?;
    let wanted = fleet.names().iter().map(|name| {
        let version = versions.of(Some(name))?;
        Ok((name.clone(), version.to_string()))
    });
    let wanted = wanted.collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let fleet = fleet.to(wanted);
    let requests = fleet
        .names()
        .iter()
        .map(|name| Ok((name.clone(), request(Some(name))?)));
    let requests = requests.collect::<Result<BTreeMap<_, _>, Failure>>()?;
    let run = fleet.run(
        pace,
        &site.environment_name,
        &outside,
        session,
        async |name, outside, reporter| {
            let (request, stop) = (&requests[name], stop.clone());
            let ended = match &group {
                None => Box::pin(deploy::deploy(request, outside, stop, reporter)).await,
                Some(group) => {
                    Box::pin(regions::deploy(group, request, outside, stop, reporter)).await
                }
            };
            ended.unwrap_or_else(Outcome::from)
        },
    );
    Ok(Box::pin(run).await)
}

/// Parses a version flag.
pub fn version(text: &str) -> Result<Version, String> {
    text.parse::<Version>().map_err(|error| error.to_string())
}

/// Parses a duration flag.
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}
