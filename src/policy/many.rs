//! One policy, one instant, many services: those that the same rules are for share one verdict.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::{Facts, Policy, Request, Verdict, evaluate, request::Action, scope::Scope};

/// Judges one service after the other at one instant.
///
/// Two services for which the same rules hold differ in nothing else that a rule asks, unless an
/// approval was presented, which is for one service: then each is judged by itself.
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

    /// Judges a service.
    pub fn judge(&mut self, service: &str) -> Arc<Verdict> {
        self.request.service = Some(service.to_owned());
        let (request, actions) = (&self.request, self.actions);
        if !self.facts.presented.is_empty() {
            return Arc::new(evaluate(self.policy, request, self.facts, self.now));
        }
        let covers = |scope: &&Scope| scope.covers(request, actions);
        let covered: Vec<bool> = self.scopes.iter().map(covers).collect();
        let judged = || Arc::new(evaluate(self.policy, request, self.facts, self.now));
        self.verdicts.entry(covered).or_insert_with(judged).clone()
    }

    /// Returns the request of the service that was judged last.
    pub fn request(&self) -> &Request {
        &self.request
    }
}
