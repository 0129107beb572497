//! `shipgate check`: may this be deployed, here, now, and if not, when?

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use url::Url;

use super::{
    Session,
    circumstances::CircumstanceArguments,
    deploy::{duration, version},
    people::{self, ApprovalArguments},
    policy::{Found, Origin, PolicyArguments},
    repository::{Opened, RepositoryArguments, client, has_regions},
    request::RequestArguments,
    services::ServicesArguments,
    signals,
    traffic::TrafficArguments,
};
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    ops::{
        alerts,
        asker::Asker,
        case::{Case, Circumstances},
        check, check_many,
        command::Flags,
        deploy,
        gate::{self, Question},
        load::Services,
        regions, stopped_before_change,
        window::Patience,
    },
    policy::{Action, Request},
    probe::{Client, alertmanager::Endpoint},
    units::Version,
};

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Which policy.
    #[command(flatten)]
    pub policy: PolicyArguments,
    /// Which repository, service and environment.
    #[command(flatten)]
    repository: RepositoryArguments,
    /// Of which services.
    #[command(flatten)]
    services: ServicesArguments,
    /// What is to be done and where.
    #[command(flatten)]
    request: RequestArguments,
    /// Version to deploy
    #[arg(long, value_parser = version, allow_hyphen_values = true)]
    version: Option<Version>,
    /// How long the deployment takes, such as 45m [default: the shortest time of its own plan]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// What policies may ask besides.
    #[command(flatten)]
    circumstances: CircumstanceArguments,
    /// Where only the time stands in the way, wait this long for an opening, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with_all = ["at", "all", "service_list"])]
    wait_for_window: Option<Duration>,
    /// Judge this instant instead of now, RFC 3339 with an offset, such as 2025-11-04T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<DateTime<Utc>>,
    /// Current traffic.
    #[command(flatten)]
    traffic: TrafficArguments,
    /// Address of the Alertmanager to ask for alerts, when the configuration names none
    #[arg(long, value_name = "URL", value_parser = url)]
    alertmanager: Option<Url>,
    /// What was approved.
    #[command(flatten)]
    approvals: ApprovalArguments,
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

/// Judges where it is asked about: an environment, or each of several regions of one.
async fn judge(mut arguments: CheckArguments, session: &mut Session) -> Result<Outcome, Failure> {
    if arguments.repository.region.len() < 2 {
        let judged = Box::pin(judge_one(&arguments, session)).await;
        if !judged.as_ref().is_err_and(has_regions) {
            return judged;
        }
    }
    let services = arguments
        .services
        .without_versions(&arguments.repository, session)?;
    if arguments.services.are_several(&services) {
        return Err(one_service_at_a_time());
    }
    if arguments.wait_for_window.is_some() {
        let reason = "--wait-for-window waits for one region, and this is about several";
        let failure = Failure::new(Ending::Usage, reason);
        return Err(failure.hint("name one with --region"));
    }
    let opened = arguments.repository.open(session)?;
    let group = arguments.repository.group(&opened).await?;
    let service = arguments.repository.one_service()?.map(str::to_owned);
    let service = service.or(group.only_service.clone()).unwrap_or_default();
    arguments.repository.environment = Some(group.environment.clone());
    let one = async |region: &str| {
        arguments.repository.region = vec![region.to_owned()];
        Box::pin(judge_one(&arguments, session)).await
    };
    Ok(Box::pin(regions::check(&group, &service, one)).await)
}

/// Refuses several services in several regions.
fn one_service_at_a_time() -> Failure {
    let reason =
        "this is about several services and several regions, and one of the two has to be one";
    Failure::new(Ending::Usage, reason)
        .hint("name one region with --region, or one service with --service")
}

async fn judge_one(arguments: &CheckArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let clock = session.context.clock.clone();
    let services = arguments
        .services
        .without_versions(&arguments.repository, session)?;
    let many = arguments.services.are_several(&services);
    let circumstances = Circumstances {
        namespace: arguments.request.namespace.clone(),
        cluster: arguments.request.cluster.clone(),
        duration: arguments.duration,
        ..arguments.circumstances.known(&session.context)?
    };
    let mut asker = people::asker(&session.context, &arguments.approvals, None)?;
    if arguments.at.is_some() {
        // What GitHub knows now says nothing about another time.
        asker.github = None;
    }
    let client = client(arguments.repository.ca_file.clone());
    let mut found = find(arguments, &circumstances, &services, session).await?;
    if let Some(length) = arguments.wait_for_window {
        if many {
            let reason = "--wait-for-window waits for one service, and several are named";
            return Err(Failure::new(Ending::Usage, reason));
        }
        let patience = Patience::new(&*clock, length);
        while waits(&found, patience, &asker, &client, session).await? {
            found = find(arguments, &circumstances, &services, session).await?;
        }
    }
    let mut case = if many {
        found.case.clone()
    } else {
        found.case_of_one()
    };
    let question = arguments.traffic.question();
    let source = check::traffic_source(
        &case.policy,
        case.request.action,
        question.stated,
        question.query.as_deref(),
        arguments.at.is_some(),
    )?;
    case.facts.traffic = gate::traffic_fact(
        source,
        &question,
        found.endpoints.prometheus.clone(),
        &client,
        &*clock,
    )
    .await?;
    if arguments.at.is_none() {
        let names = found.services.iter().map(|it| Some(it.service.clone()));
        let names: Vec<Option<String>> = if found.services.is_empty() {
            vec![None]
        } else {
            names.collect()
        };
        let stated = arguments.alertmanager.clone();
        let stated = stated.map(|url| Endpoint { url, token: None });
        let configured = found.endpoints.alertmanager.clone();
        case.facts.alerts = alerts::facts(
            &case.policy,
            &case.request,
            &names,
            configured.or(stated).as_ref(),
            (&client, &*clock),
        )
        .await?;
    }
    let now = match arguments.at {
        Some(at) => at,
        None => check::plausible(clock.now())?,
    };
    if !many {
        let beside = found.origin.beside(case.policy.source())?;
        let place = found.origin.place(&beside, &client, &*clock, now);
        if let Some(repository) = place.repository {
            case.look_at_past(repository).await?;
        }
        asker.bring(&mut case, &place, session).await?;
    }
    let Case {
        policy,
        request,
        facts,
    } = case;
    let flags = match &found.origin {
        Origin::Repository(opened) => {
            Flags::to(opened.repository(), &arguments.repository.source())
        }
        Origin::Disk(_) => Flags::default(),
    };
    if many {
        return check_many::run(&policy, &request, &found.services, &facts, now, &flags);
    }
    let outcome = check::run(&policy, &request, &facts, now, &flags, session)?;
    match &found.origin {
        Origin::Repository(opened) if arguments.at.is_none() => {
            let place = (&**opened, &arguments.repository);
            beside_others(outcome, place, &request, now, session).await
        }
        _ => Ok(outcome),
    }
}

/// What a policy allows is refused all the same while a run of the service is not finished.
async fn beside_others(
    outcome: Outcome,
    (opened, arguments): (&Opened, &RepositoryArguments),
    request: &Request,
    now: DateTime<Utc>,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let (Some(service), Some(environment)) = (&request.service, &request.environment) else {
        return Ok(outcome);
    };
    if request.action != Action::Deploy || outcome.ending != Ending::Allowed {
        return Ok(outcome);
    }
    let place = (service.as_str(), environment.as_str());
    let version = request.version.as_ref();
    let (outside, source) = (opened.outside(), arguments.source());
    match deploy::foreseen(&outside, &source, place, version, now).await {
        Ok(remark) => {
            if let Some(remark) = remark {
                session.event(&Event::Note(remark));
            }
            Ok(outcome)
        }
        // Without the verdict, which allows it: what to do about the run is what is to be shown.
        Err(failure) if failure.0.ending == Ending::BlockedOther => Err(failure),
        Err(failure) => {
            session.event(&Event::Warning(format!(
                "whether a run of {service} is unfinished is not known: {failure}"
            )));
            Ok(outcome)
        }
    }
}

async fn waits(
    found: &Found,
    patience: Patience,
    asker: &Asker,
    client: &Client,
    session: &mut Session,
) -> Result<bool, Failure> {
    let clock = session.context.clock.clone();
    let mut case = found.case_of_one();
    let beside = found.origin.beside(case.policy.source())?;
    let place = found.origin.place(&beside, client, &*clock, clock.now());
    if let Some(repository) = place.repository {
        case.look_at_past(repository).await?;
    }
    asker.bring_signed(&mut case, &place).await?;
    patience.wait(&case, &*clock, session).await
}

async fn find(
    arguments: &CheckArguments,
    circumstances: &Circumstances,
    services: &Services,
    session: &Session,
) -> Result<Found, Failure> {
    let question = Question {
        action: arguments.request.action,
        version: arguments.version.as_ref(),
        policy: None,
        policy_ref: None,
        traffic: &arguments.traffic.question(),
        asker: &Asker::default(),
        circumstances,
    };
    arguments
        .policy
        .find(question, &arguments.repository, services, session)
        .await
}

fn url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// Reads an instant, RFC 3339 with an offset.
///
/// # Errors
/// Another form; the message shows the right one.
pub fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| {
            "expected RFC 3339 with an offset, such as 2025-11-04T08:00:00Z or \
             2025-11-04T03:00:00-05:00"
                .to_owned()
        })
}
