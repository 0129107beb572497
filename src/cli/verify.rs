//! `shipgate verify`: polls health and metrics of what runs, judges, exits; changes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::{
    Session,
    deploy::{duration, version},
    repository::{RepositoryArguments, client},
    signals, versions,
};
use crate::{
    config::{
        Service,
        query::Variables,
        verification::{Measure, Verification},
    },
    event::{Ending, Event, Failure, Outcome, Reporter},
    manifest::ObjectRef,
    ops::{
        load::{self, Subject},
        programs::{self, PolicyAt},
        stopped_before_change, verify,
        watch::{Endpoints, Extent, Reference, Subject as Watched, Watcher},
    },
    units::{ProgramName, Version, Weight},
};

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Which repository, service and environment; without a repository the configuration is read
    /// from the folder.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// Version that is judged, which queries ask for as {{version}}
    #[arg(long, value_parser = version, allow_hyphen_values = true)]
    pub version: Option<Version>,
    /// Version that comparisons hold it against
    #[arg(long, value_name = "VERSION", value_parser = version, allow_hyphen_values = true)]
    pub stable_version: Option<Version>,
    /// Workload that is judged, which queries ask for as {{arm}} and {{workload}}: the canary is
    /// compared with stable, every other with the time before [default: stable; canary where it is
    /// compared]
    #[arg(long, value_enum)]
    pub arm: Option<ArmChoice>,
    /// Weight that queries ask for as {{weight}}, in percent
    #[arg(long, value_parser = weight, default_value = "100")]
    pub weight: Weight,
    /// Measurements of every criterion [default: `count` in the configuration]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: Option<u32>,
    /// Branch the policy is read from that allows programs of checks (`job`), by commit id [default: the
    /// repository's default branch]
    #[arg(long, value_name = "BRANCH")]
    pub policy_ref: Option<String>,
    /// Length instead of a number of measurements, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "count")]
    pub duration: Option<Duration>,
}

/// One of the workloads of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArmChoice {
    /// The workload that serves everyone.
    Stable,
    /// The workload that gets a new version first.
    Canary,
    /// The one colour.
    Blue,
    /// The other colour.
    Green,
}

impl ArmChoice {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }

    /// Returns the workload of a service that it names.
    ///
    /// # Errors
    /// [`Ending::Usage`]: the service has no such workload.
    pub(super) fn workload(self, service: &Service) -> Result<&ObjectRef, Failure> {
        service.named(self.word()).ok_or_else(|| {
            let workloads = service.strategy.workloads();
            let words: Vec<&str> = workloads.iter().map(|(word, _)| *word).collect();
            Failure::new(
                Ending::Usage,
                format!(
                    "--arm {}: the service `{}` has no {}; its strategy is `{}`, expected {}",
                    self.word(),
                    service.name,
                    self.word(),
                    service.strategy.name(),
                    words.join(" or ")
                ),
            )
        })
    }
}

/// Runs `verify`.
///
/// # Errors
/// The configuration cannot be read or does not fit the flags.
pub async fn run(arguments: VerifyArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let mut stop = signals::listen(&session.context);
    let subject = match stop.or(subject(&arguments.repository, session)).await {
        Ok(subject) => subject?,
        Err(reason) => return Err(stopped_before_change(reason)),
    };
    let clock = session.context.clock.clone();
    session.event(&Event::Started {
        at: clock.now(),
        title: format!(
            "verify {} in {}",
            subject.service.name, subject.environment_name
        ),
    });
    let context = &session.context;
    let mut endpoints = Endpoints::new(&subject.config.providers, |name| context.secret(name))?;
    let verification = &subject.service.verification;
    let allowed = match stop.or(allowed(&arguments, verification, session)).await {
        Ok(allowed) => allowed?,
        Err(reason) => return Err(stopped_before_change(reason)),
    };
    endpoints.programs = programs::find(verification, &allowed, |name| context.secret(name))?;
    let client = client(arguments.repository.ca_file.clone());
    let extent = match arguments.duration {
        Some(duration) => Extent::For(duration),
        None => Extent::Polls(arguments.count.unwrap_or(verification.count)),
    };
    let watched = watched(&arguments, &subject, extent, clock.now())?;
    versions_are_named(verification, &watched)?;
    let mut watcher = Watcher::new(verification, &endpoints, &watched, client, clock)?;
    let asked = async { stopped_before_change(stop.wait().await).0.ending };
    Ok(verify::run(&mut watcher, extent, asked, session).await)
}

/// Asks the policy which programs the checks may run, where one does.
async fn allowed(
    arguments: &VerifyArguments,
    verification: &Verification,
    session: &Session,
) -> Result<Vec<ProgramName>, Failure> {
    let repository = &arguments.repository;
    // Without a repository there is no policy that this configuration could not have brought along.
    if !verification.runs_programs() || !repository.is_remote(&session.context) {
        return Ok(Vec::new());
    }
    let opened = repository.open(session)?;
    let target = repository.target(&opened).await?;
    let policy = PolicyAt {
        path: None,
        branch: arguments.policy_ref.as_deref(),
    };
    programs::allowed(verification, opened.repository(), policy, (&target).into()).await
}

/// Says who is judged and against whom. The canary is held against stable, stable against what it was
/// before now.
fn watched(
    arguments: &VerifyArguments,
    subject: &Subject,
    extent: Extent,
    now: DateTime<Utc>,
) -> Result<Watched, Failure> {
    let service = &subject.service;
    let has_canary = service.strategy.canary().is_some();
    let default = match service.strategy.workloads().first() {
        _ if has_canary && service.verification.compares() => Some(ArmChoice::Canary),
        Some(("stable", _)) => Some(ArmChoice::Stable),
        // Only the branch says which colour serves; a query that must know it is refused.
        _ => None,
    };
    let arm = arguments.arm.or(default);
    let variables = |arm: Option<ArmChoice>, version: Option<&Version>| {
        Ok(Variables {
            service: Some(service.name.clone()),
            version: version.map(Version::to_string),
            arm: arm.map(|arm| arm.word().to_owned()),
            workload: match arm {
                Some(arm) => Some(arm.workload(service)?.name.clone()),
                None => None,
            },
            weight: Some(arguments.weight),
            ..subject.environment.variables(&subject.environment_name)
        })
    };
    let reference_arm = match arm {
        Some(ArmChoice::Canary) => Some(ArmChoice::Stable),
        // The colour that served before is the other one.
        Some(ArmChoice::Blue) => Some(ArmChoice::Green),
        Some(ArmChoice::Green) => Some(ArmChoice::Blue),
        Some(ArmChoice::Stable) | None => arm,
    };
    let other = variables(reference_arm, arguments.stable_version.as_ref())?;
    Ok(Watched {
        judged: variables(arm, arguments.version.as_ref())?,
        reference: match arm {
            Some(ArmChoice::Canary) => Reference::Beside(other),
            _ => Reference::Before {
                variables: other,
                until: now,
            },
        },
        extent,
        began: None,
        weight: Some(arguments.weight).filter(|weight| *weight < Weight::FULL),
    })
}

/// Sees that every version that the metrics ask for is named by a flag.
fn versions_are_named(verification: &Verification, watched: &Watched) -> Result<(), Failure> {
    for metric in &verification.metrics {
        versions::is_named(metric, metric.queries(), &watched.judged, "--version")?;
        let other = match &watched.reference {
            Reference::Nobody => continue,
            Reference::Beside(variables) | Reference::Before { variables, .. } => variables,
        };
        if let Measure::Comparison(comparison) = &metric.measure
            && comparison.needs_stable()
        {
            versions::is_named(metric, comparison.queries(), other, "--stable-version")?;
        }
    }
    Ok(())
}

/// Finds the service: in the repository that is named, else in the configuration on disk.
pub(super) async fn subject(
    arguments: &RepositoryArguments,
    session: &Session,
) -> Result<Subject, Failure> {
    if arguments.is_remote(&session.context) {
        let opened = arguments.open(session)?;
        let target = arguments.target(&opened).await?;
        return Ok(target.into());
    }
    let path = session.context.folder.join(&arguments.config);
    load::subject_on_disk(
        &path,
        &arguments.config,
        arguments.one_service()?,
        arguments.environment()?.as_deref(),
    )
}

fn weight(text: &str) -> Result<Weight, String> {
    text.parse::<Weight>().map_err(|error| error.to_string())
}
