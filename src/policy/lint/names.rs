//! Names in a policy that nothing in `shipgate.yaml` bears.

use super::{Linter, Neighbours, Severity};
use crate::{
    policy::{rules::TimeRule, scope::Names, wording::shown},
    yaml::typed::nearest,
};

/// Most names that a message lists.
const LISTED: usize = 8;

impl Linter<'_> {
    pub(super) fn names(&mut self, neighbours: &Neighbours) {
        let policy = self.policy;
        if let Some(environments) = &policy.environments {
            for (index, name) in environments.value.iter().enumerate() {
                if !neighbours.environments.contains(name) {
                    let place = self.places.pointer(&format!("/environments/{index}"));
                    let message = nobody("environment", name, &neighbours.environments);
                    let position = place.unwrap_or(environments.position);
                    self.odd(Severity::Warning, "unknown-environment", position, message);
                }
            }
        }
        let windows = policy.allowed.iter().chain(&policy.blocked);
        for rule in windows.chain(&policy.blocked_dates) {
            let scope = &rule.scope;
            self.list(rule, "services", &scope.services, &neighbours.services);
            let environments = &neighbours.environments;
            self.list(rule, "environments", &scope.environments, environments);
        }
    }

    fn list(&mut self, rule: &TimeRule, key: &str, names: &Names, known: &[String]) {
        let (what, code) = match key {
            "services" => ("service", "unknown-service"),
            _ => ("environment", "unknown-environment"),
        };
        for (index, pattern) in names.iter().flatten().enumerate() {
            let borne = |name: &String| pattern.text == *name || pattern.matcher.is_match(name);
            if known.iter().any(borne) {
                continue;
            }
            let position = self.places.rule(rule, &format!("/{key}/{index}"));
            let message = nobody(what, &pattern.text, known);
            self.odd(Severity::Warning, code, position, message);
        }
    }
}

fn nobody(what: &str, name: &str, known: &[String]) -> String {
    let found = format!("no {what} of shipgate.yaml is called {}", shown(name));
    if let Some(near) = nearest(name, known) {
        return format!("{found}; did you mean {}?", shown(near));
    }
    let listed: Vec<&str> = known.iter().take(LISTED).map(String::as_str).collect();
    let more = if known.len() > LISTED { ", …" } else { "" };
    match listed[..] {
        [] => found,
        _ => format!("{found}; known: {}{more}", listed.join(", ")),
    }
}
