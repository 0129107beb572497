//! The gate in front of everything that changes something: policy, facts and clock -> a permit.

use std::time::Duration;

use futures_util::future::try_join;

use super::{
    acceptance::{Accepted, Approvers},
    alerts,
    asker::{Asker, Place},
    beside::Beside,
    case::{Case, Circumstances},
    check::{self, TrafficQuery, TrafficSource},
    deploy::{DeployRequest, Outside},
    journal::RunIdentity,
    load::Target,
    watch::Endpoints,
    window::Patience,
};
use crate::{
    analysis::Reading,
    clock::Clock,
    event::{Ending, Event, Failure, Outcome, Reporter},
    policy::{Action, TrafficFact, Verdict, document::Aggregate},
    probe::{
        Client,
        prometheus::{self, Combine, Endpoint},
    },
    units::{RequestsPerSecond, Version},
};

/// How long the answer about traffic may take.
const TRAFFIC_TIMEOUT: Duration = Duration::from_secs(10);

/// Where current traffic is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TrafficQuestion {
    /// Stated by hand; nobody is asked.
    pub stated: Option<RequestsPerSecond>,
    /// Address of a Prometheus; none = the configuration's.
    pub prometheus: Option<String>,
    /// Query; none = the policy's.
    pub query: Option<String>,
}

/// Leave to push. Only the gate makes one.
#[derive(Debug)]
pub struct Permit {
    verdict: Verdict,
    announced_at: Option<String>,
    approvers: Approvers,
    accepted: Option<String>,
}

impl Permit {
    /// Returns the policy that let it through, as trailers hold it: `path@commit sha256`.
    pub fn policy(&self) -> String {
        self.verdict.policy.trailer()
    }

    /// Writes into a run's identity what let it through: every commit and record of the run names
    /// it, and by that it is used up.
    pub fn mark(&self, identity: &mut RunIdentity) {
        identity.policy = Some(self.policy());
        let approvals = self.verdict.approvals.iter();
        identity.approvals = approvals.map(|approved| approved.id.clone()).collect();
        identity.overridden.clone_from(&self.verdict.overridden);
    }

    /// Returns who may accept what waits for a person.
    pub fn approvers(&self) -> &Approvers {
        &self.approvers
    }

    /// Adds what has accepted that the deployment waited for a person, in words and as approvals,
    /// which the run uses up.
    pub fn accept(&mut self, accepted: Accepted) {
        for approved in accepted.approvals {
            if !self.verdict.approvals.contains(&approved) {
                self.verdict.approvals.push(approved);
            }
        }
        self.accepted = Some(accepted.sentence);
    }

    /// Says who has accepted that it waited for a person; none where it did not wait.
    pub fn accepted(&self) -> Option<&str> {
        self.accepted.as_deref()
    }

    /// Returns the variable with the Slack webhook that has to be told of an override before
    /// anything is pushed; none where the policy names none.
    pub fn announced_at(&self) -> Option<&str> {
        self.announced_at.as_deref()
    }

    /// Returns the verdict behind it.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Returns the verdict behind it.
    pub fn into_verdict(self) -> Verdict {
        self.verdict
    }
}

/// The gate's answer.
#[derive(Debug)]
pub enum Answer {
    /// Go.
    Permit(Box<Permit>),
    /// Do not, for now.
    No(Box<Outcome>),
}

/// What the gate is asked.
pub struct Question<'a> {
    /// What is to be done.
    pub action: Action,
    /// The version, where there is one.
    pub version: Option<&'a Version>,
    /// Path of the policy; none = what the environment names where policies are read.
    pub policy: Option<&'a str>,
    /// Branch to read the policy from; none = the repository's default branch.
    pub policy_ref: Option<&'a str>,
    /// Where traffic is asked for.
    pub traffic: &'a TrafficQuestion,
    /// Who asks.
    pub asker: &'a Asker,
    /// What is known besides.
    pub circumstances: &'a Circumstances,
}

impl<'a> From<&'a DeployRequest> for Question<'a> {
    fn from(request: &'a DeployRequest) -> Self {
        Self {
            action: Action::Deploy,
            version: Some(&request.version),
            policy: request.policy.as_deref(),
            policy_ref: request.policy_ref.as_deref(),
            traffic: &request.traffic,
            asker: &request.asker,
            circumstances: &request.circumstances,
        }
    }
}

/// Asks the policy of the target's environment, read by commit id from a branch that a pull request
/// cannot change.
///
/// # Errors
/// The policy cannot be read or is invalid; it asks for traffic and nobody said where to ask.
pub async fn ask(
    question: &Question<'_>,
    outside: &Outside<'_>,
    target: &Target,
    reporter: &mut dyn Reporter,
) -> Result<Answer, Failure> {
    check::plausible(outside.clock.now())?;
    let case = Case::read(question, outside.repository, target).await;
    let mut case = case.map_err(|failure| without_policy(failure, question.action, target))?;
    case.look_at_past(outside.repository).await?;
    let source = check::traffic_source(
        &case.policy,
        question.action,
        question.traffic.stated,
        question.traffic.query.as_deref(),
        false,
    )?;
    let configured = Endpoints::new(&target.config.providers, outside.secrets)?;
    let traffic = traffic_fact(
        source,
        question.traffic,
        configured.prometheus,
        outside.client,
        &*outside.clock,
    );
    let services = [case.request.service.clone()];
    let alerts = alerts::facts(
        &case.policy,
        &case.request,
        &services,
        configured.alertmanager.as_ref(),
        (outside.client, &*outside.clock),
    );
    (case.facts.traffic, case.facts.alerts) = try_join(traffic, alerts).await?;
    let beside = Beside::at_source(outside.repository, case.policy.source())?;
    let place = place(outside, &beside);
    question.asker.bring(&mut case, &place, reporter).await?;
    let Case {
        policy,
        request,
        facts,
    } = case;
    let verdict = check::judge(&policy, &request, &facts, outside.clock.now())?;
    reporter.event(&Event::Gate(Box::new(verdict.clone())));
    if verdict.lets_through() {
        let announced_at = policy.override_slack_webhook_env().map(str::to_owned);
        return Ok(Answer::Permit(Box::new(Permit {
            verdict,
            announced_at,
            approvers: Approvers::of(&policy, &beside).await,
            accepted: None,
        })));
    }
    Ok(Answer::No(Box::new(check::outcome(
        &policy,
        &request,
        verdict,
        &target.flags,
    ))))
}

/// Adds what a person who goes back can do without the policy.
fn without_policy(failure: Failure, action: Action, target: &Target) -> Failure {
    if action != Action::Rollback || failure.0.ending != Ending::ConfigInvalid {
        return failure;
    }
    failure.hint(format!(
        "a run that is not finished goes back without the policy: {}",
        target.command("recover")
    ))
}

/// Waits for an opening where only the time stands in the way, and nobody has lifted that.
///
/// # Errors
/// As [`ask`].
pub async fn wait(
    patience: Patience,
    question: &Question<'_>,
    outside: &Outside<'_>,
    target: &Target,
    reporter: &mut dyn Reporter,
) -> Result<bool, Failure> {
    let mut case = Case::read(question, outside.repository, target).await?;
    case.look_at_past(outside.repository).await?;
    let beside = Beside::at_source(outside.repository, case.policy.source())?;
    let place = place(outside, &beside);
    question.asker.bring_signed(&mut case, &place).await?;
    patience.wait(&case, &*outside.clock, reporter).await
}

/// Returns where what is brought along may be, and when it has to be good.
pub(super) fn place<'a>(outside: &'a Outside<'a>, beside: &'a Beside<'a>) -> Place<'a> {
    Place {
        beside,
        repository: Some(outside.repository),
        client: outside.client,
        clock: &*outside.clock,
        at: outside.clock.now(),
    }
}

/// Finds out how much traffic there is, where that has to be asked.
///
/// # Errors
/// Nobody said which Prometheus to ask, or its address is none. That it does not answer is a fact
/// about which the policy decides, not an error.
pub async fn traffic_fact(
    source: TrafficSource,
    question: &TrafficQuestion,
    configured: Option<Endpoint>,
    client: &Client,
    clock: &dyn Clock,
) -> Result<TrafficFact, Failure> {
    let TrafficQuery {
        query,
        aggregate,
        max_age,
    } = match source {
        TrafficSource::Known(fact) => return Ok(fact),
        TrafficSource::Query(query) => query,
    };
    let endpoint = match &question.prometheus {
        Some(address) => Some(Endpoint::open(address.parse().map_err(|error| {
            Failure::new(
                Ending::Usage,
                format!("--prometheus is not an address: {error}"),
            )
        })?)),
        None => configured,
    };
    let Some(mut endpoint) = endpoint else {
        return Err(Failure::new(
            Ending::ConfigInvalid,
            "the policy asks how much traffic there is, and no Prometheus is named that could say",
        )
        .hint("name it with --prometheus URL, or state the traffic with --traffic RPS"));
    };
    endpoint.max_age = max_age.unwrap_or(endpoint.max_age);
    let reading = match aggregate {
        None => prometheus::instant(client, clock, &endpoint, &query, None, TRAFFIC_TIMEOUT).await,
        Some(aggregate) => {
            let combine = combine(aggregate);
            prometheus::combined(client, clock, &endpoint, &query, combine, TRAFFIC_TIMEOUT).await
        }
    };
    Ok(match reading {
        Reading::Value(sample) => match RequestsPerSecond::new(sample.value) {
            Ok(rate) => TrafficFact::Measured(rate),
            Err(nonsense) => TrafficFact::Unavailable(nonsense.to_string()),
        },
        // No data is not zero: a dead scrape target must not look like a quiet night.
        Reading::NoData(reason) | Reading::Unavailable(reason) => TrafficFact::Unavailable(reason),
    })
}

fn combine(aggregate: Aggregate) -> Combine {
    match aggregate {
        Aggregate::Sum => |values| values.iter().sum(),
        Aggregate::Avg => |values| values.iter().sum::<f64>() / values.len() as f64,
        Aggregate::Max => |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Aggregate::Min => |values| values.iter().copied().fold(f64::INFINITY, f64::min),
    }
}
