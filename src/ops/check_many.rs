//! `check` for many services: one policy, one question about traffic, one verdict for each.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{check, command::Flags, fleet::few};
use crate::{
    event::{Ending, Failure, Outcome, ServiceVerdict},
    policy::{Facts, ManyServices, PlanFact, Policy, Request, Verdict},
};

/// A service that is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its name.
    pub service: String,
    /// What its deployment would do, where that is known.
    pub plan: Option<PlanFact>,
}

impl Asked {
    /// A service of which nothing but the name is known.
    pub fn by_name(service: String) -> Self {
        Self {
            service,
            plan: None,
        }
    }
}

/// Judges a request for each of the services at an instant. The outcome is that of the worst, in the
/// order of exit codes; among equals the first.
///
/// # Errors
/// As [`check::judge`]; [`Ending::Usage`] without any service.
pub fn run(
    policy: &Policy,
    request: &Request,
    services: &[Asked],
    facts: &Facts,
    now: DateTime<Utc>,
    flags: &Flags,
) -> Result<Outcome, Failure> {
    let Some(first) = services.first() else {
        return Err(Failure::new(Ending::Usage, "no service is named")
            .hint("name them with --service a,b, --service-list FILE or --all"));
    };
    check::answers(
        policy,
        &Request {
            service: Some(first.service.clone()),
            ..request.clone()
        },
    )?;
    let mut many = ManyServices::new(policy, request.clone(), facts, now);
    let mut verdicts = Vec::with_capacity(services.len());
    let mut worst: Option<(usize, Ending, Request)> = None;
    let mut refused = Vec::new();
    for asked in services {
        let verdict = many.judge(&asked.service, asked.plan.as_ref());
        let ending = Ending::from(&*verdict);
        if !verdict.lets_through() {
            refused.push(asked.service.as_str());
        }
        let is_worse = |(_, known, _): &(usize, Ending, Request)| ending.is_worse_than(*known);
        if worst.as_ref().is_none_or(is_worse) {
            worst = Some((verdicts.len(), ending, many.request().clone()));
        }
        verdicts.push(ServiceVerdict {
            service: asked.service.clone(),
            verdict,
        });
    }
    let Some((index, _, request)) = worst else {
        return Err(Failure::new(Ending::Usage, "no service is named"));
    };
    let verdict = Arc::clone(&verdicts[index].verdict);
    let mut outcome = check::outcome(policy, &request, Verdict::clone(&verdict), flags);
    outcome.reason = summary(
        &refused,
        services.len(),
        &verdicts[index].service,
        &outcome.reason,
    );
    outcome.verdicts = verdicts;
    Ok(outcome)
}

fn summary(refused: &[&str], all: usize, worst: &str, reason: &str) -> String {
    if refused.is_empty() {
        return format!("all {all} services may go; {worst}: {reason}");
    }
    format!(
        "{} of {all} services may not go ({}); {worst}: {reason}",
        refused.len(),
        few(refused)
    )
}
