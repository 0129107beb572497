//! What the traffic of a service is: what its own comparisons counted of the old version in the last hour.

use std::time::Duration;

use chrono::TimeDelta;

use super::traffic::KnownTraffic;
use crate::{
    config::{
        query::Variables,
        verification::{Comparison, Measure, Metric},
    },
    event::{Ending, Failure},
    ops::{
        deploy::{Outside, previous_version, roles},
        load::{self, Target},
        watch::{Endpoints, PastPolls, PastRange, PastTrouble, past_counts},
    },
    rollout::Arm,
    units::{RequestsPerSecond, Weight},
};

/// How far back is looked.
const HOUR: TimeDelta = TimeDelta::hours(1);
/// The longest time between two looks: a pod that lives for less is not counted.
const LONGEST_STEP: Duration = Duration::from_secs(60);

/// What one comparison counted of the old version.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveTraffic {
    /// Its name.
    pub name: String,
    /// What it counted.
    pub known: KnownTraffic,
    /// What is to be known of it besides: gaps, what a share of none rests on.
    pub remarks: Vec<String>,
}

/// Asks for what every comparison of shares of requests counted of the version that is live, in the
/// last hour: all requests, because no canary has any, and which of them were bad.
///
/// # Errors
/// The manifests do not say which version is live; a provider does not answer, or has no usable
/// counts.
pub async fn live_traffic(
    target: &Target,
    outside: &Outside<'_>,
) -> Result<Vec<LiveTraffic>, Failure> {
    let manifests = load::manifests(outside.repository, &target.tip, target).await?;
    let version = previous_version(target, &manifests)?;
    let (roles, _) = roles(target, &manifests)?;
    let word = target.service.word(&roles.stable);
    let variables = Variables {
        service: Some(target.service.name.clone()),
        version: Some(version),
        arm: Some(word.unwrap_or(Arm::Stable.word()).to_owned()),
        workload: Some(roles.stable.name),
        weight: Some(Weight::FULL),
        ..target.variables()
    };
    let endpoints = Endpoints::new(&target.config.providers, outside.secrets)?;
    let mut found = Vec::new();
    for metric in &target.service.verification.metrics {
        let Measure::Comparison(comparison) = &metric.measure else {
            continue;
        };
        if comparison.is_of_shares() {
            let asked = (metric, &**comparison);
            found.push(of_comparison(asked, &variables, &endpoints, outside).await?);
        }
    }
    Ok(found)
}

async fn of_comparison(
    (metric, comparison): (&Metric, &Comparison),
    variables: &Variables,
    endpoints: &Endpoints,
    outside: &Outside<'_>,
) -> Result<LiveTraffic, Failure> {
    let name = &metric.name;
    let now = outside.clock.now();
    let step = metric.schedule.interval.min(LONGEST_STEP);
    let range = PastRange::new(now - HOUR, now, step, now)?;
    let asked = past_counts(
        (metric, comparison),
        variables,
        range,
        endpoints,
        outside.client,
        &*outside.clock,
    );
    let counted = match asked.await {
        Ok(counted) => counted,
        Err(PastTrouble::Refused(failure)) => return Err(failure),
        Err(PastTrouble::NoData(reason)) => {
            return Err(unknown(name, Ending::InsufficientData, &reason));
        }
        Err(PastTrouble::Unavailable(reason)) => {
            return Err(unknown(name, Ending::Unavailable, &reason));
        }
    };
    let (known, remarks) = known(&counted, range.step())
        .map_err(|reason| unknown(name, Ending::InsufficientData, &reason))?;
    let remarks = remarks.into_iter().map(|it| format!("`{name}`: {it}"));
    Ok(LiveTraffic {
        name: name.clone(),
        known,
        remarks: remarks.collect(),
    })
}

fn unknown(name: &str, ending: Ending, reason: &str) -> Failure {
    let reason = format!("what traffic `{name}` counts is not known: {reason}");
    Failure::new(ending, reason)
        .hint("state it with --requests-per-second and --baseline, for example 100 and 0.01")
}

/// Makes rates of counts.
fn known(counted: &PastPolls, step: Duration) -> Result<(KnownTraffic, Vec<String>), String> {
    let polls = counted.polls.len();
    let seconds = step.as_secs_f64() * f64::from(u32::try_from(polls).unwrap_or(u32::MAX));
    let all = counted.polls.iter().map(|poll| poll.canary);
    let (mut total, mut bad) = (0.0, 0.0);
    for counts in all {
        total += counts.total();
        bad += counts.bad();
    }
    if total <= 0.0 {
        let gap = counted.first_gap.as_deref();
        return Err(gap
            .unwrap_or("there was no request in the last hour")
            .to_owned());
    }
    let requests = RequestsPerSecond::new(total / seconds).map_err(|error| error.to_string())?;
    let wanted = usize::try_from(counted.wanted).unwrap_or(usize::MAX);
    let gap = counted.first_gap.as_ref().filter(|_| polls < wanted);
    let gap = gap.map(|gap| format!("no data for {} of {wanted} polls: {gap}", wanted - polls));
    let remarks = gap.into_iter().chain(counted.doubt.map(str::to_owned));
    let known = KnownTraffic {
        requests,
        baseline: bad / total,
    };
    Ok((known, remarks.collect()))
}
