//! Are alerts firing that the policy names? Asks for the gate.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, stream};

use super::check::{answers, position};
use crate::{
    clock::Clock,
    event::{Ending, Failure},
    policy::{AlertsFact, Policy, Request},
    probe::{
        CheckReading, Client,
        alertmanager::{self, AlertQuestion, Endpoint},
    },
};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many services are asked about at a time.
const SIDE_BY_SIDE: usize = 16;

/// Asks which alerts are firing: once, or once for each service where the policy asks that. Nothing
/// is asked where the policy does not want to know.
///
/// # Errors
/// As [`answers`]; no Alertmanager is configured that could say, or a service's name could change
/// what a matcher means. That it does not answer is a fact about which the policy decides, not an error.
pub async fn facts(
    policy: &Policy,
    request: &Request,
    services: &[Option<String>],
    configured: Option<&Endpoint>,
    (client, clock): (&Client, &dyn Clock),
) -> Result<BTreeMap<Option<String>, AlertsFact>, Failure> {
    if !policy.asks_alerts(request.action) {
        return Ok(BTreeMap::new());
    }
    let at = position(policy, policy.alerts_position());
    let invalid = |reason: String| Failure::new(Ending::ConfigInvalid, format!("{at}: {reason}"));
    let Some(endpoint) = configured else {
        return Err(invalid(
            "the policy asks whether alerts are firing, and no Alertmanager is named that could say"
                .to_owned(),
        )
        .hint("name it in the configuration: `providers: {alertmanager: {url: …}}`, or for `check` with --alertmanager URL"));
    };
    let all = [None];
    let services = if policy.asks_alerts_by_service() {
        services
    } else {
        &all
    };
    let mut questions = Vec::new();
    for service in services {
        let request = Request {
            service: service.clone().or_else(|| request.service.clone()),
            ..request.clone()
        };
        answers(policy, &request)?;
        if let Some(query) = policy.alert_query(&request).map_err(invalid)? {
            let question = AlertQuestion {
                matchers: query.matchers,
                watchdog: query.watchdog,
            };
            questions.push((service.clone(), question));
        }
    }
    let asked = questions.into_iter().map(|(service, question)| async move {
        let reading = alertmanager::firing(client, clock, endpoint, &question, TIMEOUT).await;
        (service, fact(reading))
    });
    Ok(stream::iter(asked)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await)
}

fn fact(reading: CheckReading) -> AlertsFact {
    match reading {
        CheckReading::Passed(clause) => AlertsFact::Quiet(clause),
        CheckReading::Failed(clause) => AlertsFact::Firing(clause),
        CheckReading::Unanswered(reason) => AlertsFact::Unavailable(reason),
    }
}
