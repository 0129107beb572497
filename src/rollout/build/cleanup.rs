//! Puts the colour away that does not serve: its replicas to 0, nothing else.

use super::{Facts, Plan, Stage, Steps};
use crate::{manifest::Edit, units::Version};

/// Name of the plan, as its commit and records say it in place of a strategy.
pub const CLEANUP: &str = "cleanup";

/// Makes the plan that takes the pods of the colour away that does not serve. `version` is the one
/// that serves. No steps where there is no such colour, or it has no pods.
pub fn cleanup(version: &Version, facts: &Facts) -> Plan {
    let mut steps = Steps::at(None);
    if let Some(idle) = &facts.roles.canary
        && facts.canary_replicas.is_some_and(|replicas| replicas > 0)
    {
        let edit = Edit::Replicas {
            workload: idle.clone(),
            replicas: 0,
        };
        steps.write(format!("{idle} to 0 replicas"), vec![edit], Stage::Finish);
    }
    Plan {
        strategy: CLEANUP,
        version: version.clone(),
        roles: facts.roles.clone(),
        traffic: None,
        before: None,
        // Nobody is served by what it changes.
        checks_health: false,
        steps: steps.list,
    }
}
