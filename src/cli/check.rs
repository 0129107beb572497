//! `shipgate check`: may this be deployed, here, now, and if not, when?

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    Session,
    deploy::version,
    people,
    repository::{RepositoryArguments, client},
    signals,
    traffic::TrafficArguments,
};
use crate::{
    event::{Failure, Outcome},
    ops::{
        check, gate,
        github_approvals::{self, Asking},
        load, stopped_before_change,
        watch::Endpoints,
    },
    policy::{Action, Facts, Policy, Request},
    probe::prometheus::Endpoint,
    units::Version,
};

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Policy file on disk; with --repository a path in the repository [default: the environment's]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Is the policy a path in the repository, not on disk? So it is with --repository, and for
    /// pipelines: a checkout must not bring the policy that judges it.
    #[arg(skip)]
    pub in_repository: bool,
    /// Branch the policy is read from, by commit id [default: the repository's default branch]
    #[arg(long, value_name = "BRANCH")]
    policy_ref: Option<String>,
    /// Which repository, service and environment.
    #[command(flatten)]
    repository: RepositoryArguments,
    /// Version to deploy
    #[arg(long, value_parser = version, allow_hyphen_values = true)]
    version: Option<Version>,
    /// Judge this instant instead of now, RFC 3339 with an offset, such as 2025-11-04T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<DateTime<Utc>>,
    /// Current traffic.
    #[command(flatten)]
    traffic: TrafficArguments,
}

/// A policy with what the configuration says besides.
struct Found {
    policy: Policy,
    environment: Option<String>,
    service: Option<String>,
    prometheus: Option<Endpoint>,
}

/// Runs `check`.
///
/// # Errors
/// The policy cannot be read or is invalid; it asks for traffic and nobody said where to ask.
pub async fn run(arguments: CheckArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let mut stop = signals::listen(&session.context);
    match stop.or(judge(arguments, session)).await {
        Ok(outcome) => outcome,
        Err(reason) => Err(stopped_before_change(reason)),
    }
}

async fn judge(arguments: CheckArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let in_repository = arguments.in_repository || arguments.repository.repository.is_some();
    let found = match &arguments.policy {
        Some(file) if !in_repository => {
            let path = session.context.folder.join(file);
            let (source, text) = check::read_file(&path, &file.display().to_string())?;
            Found {
                policy: check::load(source, &text)?,
                environment: arguments.repository.environment.clone(),
                service: arguments.repository.service.clone(),
                prometheus: None,
            }
        }
        _ => from_repository(&arguments, session).await?,
    };
    let request = Request {
        environment: found.environment,
        service: found.service,
        version: arguments.version,
        ..Request::new(Action::Deploy)
    };
    let question = arguments.traffic.question();
    let source = check::traffic_source(
        &found.policy,
        request.action,
        question.stated,
        question.query.as_deref(),
        arguments.at.is_some(),
    )?;
    let clock = session.context.clock.clone();
    let client = client(arguments.repository.ca_file.clone());
    let traffic = gate::traffic_fact(source, &question, found.prometheus, &client, &*clock).await?;
    let now = arguments.at.unwrap_or_else(|| clock.now());
    let asker = people::asker(&session.context, None)?;
    let mut facts = Facts {
        traffic,
        deployer: asker.deployer,
        restarted_by: asker.restarted_by,
        ..Facts::default()
    };
    // What GitHub knows now says nothing about another time.
    if arguments.at.is_none() {
        let asking = Asking {
            policy: &found.policy,
            request: &request,
            client: &client,
            clock: &*clock,
        };
        github_approvals::add(&mut facts, asker.github.as_ref(), asking, session).await?;
    }
    check::run(&found.policy, &request, &facts, now, session)
}

async fn from_repository(arguments: &CheckArguments, session: &Session) -> Result<Found, Failure> {
    let opened = arguments
        .repository
        .open(session)
        .map_err(|failure| failure.hint("or name a policy on disk: --policy FILE"))?;
    let target = arguments.repository.target(&opened).await?;
    let named = arguments
        .policy
        .as_ref()
        .map(|path| path.display().to_string());
    let path = named.as_deref().unwrap_or(&target.environment.policy);
    let (text, source) =
        load::policy(opened.repository(), arguments.policy_ref.as_deref(), path).await?;
    let policy = check::load(source, &text)?;
    let context = &session.context;
    let prometheus = if policy.wants_traffic() {
        Endpoints::new(&target.config.providers, |name| context.secret(name))?.prometheus
    } else {
        None
    };
    Ok(Found {
        policy,
        environment: Some(target.environment_name),
        service: Some(target.service.name),
        prometheus,
    })
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| {
            "expected RFC 3339 with an offset, such as 2025-11-04T08:00:00Z or \
             2025-11-04T03:00:00-05:00"
                .to_owned()
        })
}
