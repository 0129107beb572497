//! One policy, one instant, many services: those that the same rules are for share one verdict.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::{Facts, PlanFact, Policy, Request, Verdict, evaluate, request::Action, scope::Scope};

/// Judges one service after the other at one instant.
///
/// Two services for which the same rules and the same freeze hold differ in nothing else that a rule
/// asks, unless an approval was presented, which is for one service, or the policy asks what the
/// deployment would do or which alerts of the service are firing: then each is judged by itself.
pub struct ManyServices<'a> {
    policy: &'a Policy,
    facts: &'a Facts,
    now: DateTime<Utc>,
    request: Request,
    actions: &'a [Action],
    /// The scopes that ask for the service's name.
    scopes: Vec<&'a Scope>,
    verdicts: HashMap<Vec<bool>, Arc<Verdict>>,
}

impl<'a> ManyServices<'a> {
    /// Prepares to judge requests that differ from `request` only in the service.
    pub fn new(policy: &'a Policy, request: Request, facts: &'a Facts, now: DateTime<Utc>) -> Self {
        Self {
            scopes: policy
                .scopes()
                .filter(|scope| scope.services.is_some())
                .collect(),
            actions: &policy.actions,
            policy,
            facts,
            now,
            request,
            verdicts: HashMap::new(),
        }
    }

    /// Judges a service; `plan` is what its deployment would do, where that is known.
    pub fn judge(&mut self, service: &str, plan: Option<&PlanFact>) -> Arc<Verdict> {
        self.request.service = Some(service.to_owned());
        let (policy, request, facts) = (self.policy, &self.request, self.facts);
        let by_plan = plan.is_some() && policy.asks_of_plans(request.action);
        let by_alerts = policy.asks_alerts_by_service();
        if by_plan || by_alerts || !facts.presented.is_empty() {
            let facts = Facts {
                plan: plan.cloned(),
                ..facts.clone()
            };
            return Arc::new(evaluate(policy, request, &facts, self.now));
        }
        let covers = |scope: &&Scope| scope.covers(request, self.actions);
        let mut covered: Vec<bool> = self.scopes.iter().map(covers).collect();
        covered.extend(facts.freeze.iter().map(|freeze| freeze.covers(request)));
        let judged = || Arc::new(evaluate(policy, request, facts, self.now));
        self.verdicts.entry(covered).or_insert_with(judged).clone()
    }

    /// Returns the request of the service that was judged last.
    pub fn request(&self) -> &Request {
        &self.request
    }
}
