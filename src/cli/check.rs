//! `shipgate check`: may this be deployed, here, now, and if not, when?

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    Session,
    circumstances::{CircumstanceArguments, actions},
    deploy::{duration, version},
    people::{self, ApprovalArguments},
    repository::{Opened, RepositoryArguments, client},
    signals,
    traffic::TrafficArguments,
};
use crate::{
    clock::Clock,
    event::{Failure, Outcome},
    ops::{
        asker::{Asker, Place},
        beside::Beside,
        case::{Case, Circumstances},
        check,
        gate::{self, Question},
        stopped_before_change,
        watch::Endpoints,
        window::Patience,
    },
    policy::{Action, PolicySource, Request},
    probe::{Client, prometheus::Endpoint},
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
    /// What is to be done
    #[arg(long, value_name = "ACTION", value_parser = actions(), default_value = "deploy")]
    action: Action,
    /// Kubernetes namespace, for rules that name namespaces [default: the environment's]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    namespace: Option<String>,
    /// Name or address of the cluster, for rules that name clusters [default: the environment's]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    cluster: Option<String>,
    /// How long the deployment takes, such as 45m [default: the shortest time of its own plan]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// What policies may ask besides.
    #[command(flatten)]
    circumstances: CircumstanceArguments,
    /// Where only the time stands in the way, wait this long for an opening, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "at")]
    wait_for_window: Option<Duration>,
    /// Judge this instant instead of now, RFC 3339 with an offset, such as 2025-11-04T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<DateTime<Utc>>,
    /// Current traffic.
    #[command(flatten)]
    traffic: TrafficArguments,
    /// What was approved.
    #[command(flatten)]
    approvals: ApprovalArguments,
}

/// What is judged, the configuration's Prometheus, and where the policy comes from.
struct Found {
    case: Case,
    prometheus: Option<Endpoint>,
    origin: Origin,
}

/// Where a policy comes from.
enum Origin {
    Disk(PathBuf),
    Repository(Box<Opened>),
}

impl Found {
    async fn waits(
        &mut self,
        patience: Patience,
        asker: &Asker,
        client: &Client,
        session: &mut Session,
    ) -> Result<bool, Failure> {
        let clock = session.context.clock.clone();
        let beside = self.origin.beside(self.case.policy.source())?;
        let place = self.origin.place(&beside, client, &*clock, clock.now());
        asker.bring_signed(&mut self.case, &place).await?;
        patience.wait(&self.case, &*clock, session).await
    }
}

impl Origin {
    fn beside(&self, source: &PolicySource) -> Result<Beside<'_>, Failure> {
        match self {
            Self::Disk(path) => Ok(Beside::on_disk(path, source)),
            Self::Repository(opened) => Beside::at_source(opened.repository(), source),
        }
    }

    fn place<'a>(
        &'a self,
        beside: &'a Beside<'a>,
        client: &'a Client,
        clock: &'a dyn Clock,
        at: DateTime<Utc>,
    ) -> Place<'a> {
        Place {
            beside,
            repository: match self {
                Self::Disk(_) => None,
                Self::Repository(opened) => Some(opened.repository()),
            },
            client,
            clock,
            at,
        }
    }
}

/// Runs `check`.
///
/// # Errors
/// The policy cannot be read or is invalid; it asks for traffic and nobody said where to ask.
pub async fn run(arguments: CheckArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let mut stop = signals::listen(&session.context);
    match Box::pin(stop.or(judge(arguments, session))).await {
        Ok(outcome) => outcome,
        Err(reason) => Err(stopped_before_change(reason)),
    }
}

async fn judge(arguments: CheckArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let clock = session.context.clock.clone();
    let circumstances = Circumstances {
        namespace: arguments.namespace.clone(),
        cluster: arguments.cluster.clone(),
        duration: arguments.duration,
        ..arguments.circumstances.known(&session.context)?
    };
    let mut asker = people::asker(&session.context, &arguments.approvals, None)?;
    if arguments.at.is_some() {
        // What GitHub knows now says nothing about another time.
        asker.github = None;
    }
    let client = client(arguments.repository.ca_file.clone());
    let mut found = find(&arguments, &circumstances, session).await?;
    if let Some(length) = arguments.wait_for_window {
        let patience = Patience::new(&*clock, length);
        while found.waits(patience, &asker, &client, session).await? {
            found = find(&arguments, &circumstances, session).await?;
        }
    }
    let Found {
        mut case,
        prometheus,
        origin,
    } = found;
    let question = arguments.traffic.question();
    let source = check::traffic_source(
        &case.policy,
        case.request.action,
        question.stated,
        question.query.as_deref(),
        arguments.at.is_some(),
    )?;
    case.facts.traffic =
        gate::traffic_fact(source, &question, prometheus, &client, &*clock).await?;
    let now = arguments.at.unwrap_or_else(|| clock.now());
    let beside = origin.beside(case.policy.source())?;
    let place = origin.place(&beside, &client, &*clock, now);
    asker.bring(&mut case, &place, session).await?;
    check::run(&case.policy, &case.request, &case.facts, now, session)
}

async fn find(
    arguments: &CheckArguments,
    circumstances: &Circumstances,
    session: &Session,
) -> Result<Found, Failure> {
    let in_repository = arguments.in_repository || arguments.repository.repository.is_some();
    match &arguments.policy {
        Some(file) if !in_repository => {
            let path = session.context.folder.join(file);
            let (source, text) = check::read_file(&path, &file.display().to_string())?;
            let beside = Beside::on_disk(&path, &source);
            let policy = check::load(source, &text)?;
            let request = Request {
                environment: arguments.repository.environment.clone(),
                service: arguments.repository.service.clone(),
                version: arguments.version.clone(),
                ..Request::new(arguments.action)
            };
            Ok(Found {
                case: Case::new(policy, request, circumstances, &beside).await?,
                prometheus: None,
                origin: Origin::Disk(path),
            })
        }
        _ => from_repository(arguments, circumstances, session).await,
    }
}

async fn from_repository(
    arguments: &CheckArguments,
    circumstances: &Circumstances,
    session: &Session,
) -> Result<Found, Failure> {
    let opened = arguments
        .repository
        .open(session)
        .map_err(|failure| failure.hint("or name a policy on disk: --policy FILE"))?;
    let target = arguments.repository.target(&opened).await?;
    let named = arguments
        .policy
        .as_ref()
        .map(|path| path.display().to_string());
    let question = Question {
        action: arguments.action,
        version: arguments.version.as_ref(),
        policy: named.as_deref(),
        policy_ref: arguments.policy_ref.as_deref(),
        traffic: &arguments.traffic.question(),
        circumstances,
        asker: &Asker::default(),
    };
    let case = Case::read(&question, opened.repository(), &target).await?;
    let context = &session.context;
    let prometheus = if case.policy.wants_traffic() {
        Endpoints::new(&target.config.providers, |name| context.secret(name))?.prometheus
    } else {
        None
    };
    Ok(Found {
        case,
        prometheus,
        origin: Origin::Repository(Box::new(opened)),
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
