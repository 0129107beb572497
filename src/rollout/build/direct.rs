//! The way to a version that is named, whatever the strategy: to everyone at once.

use super::{
    Arm, Facts, Plan, Stage, Steps, blue_green, by_pods, checks_health, replicas_edit,
    version_edits,
};
use crate::{
    config::{Service, Traffic},
    units::{Version, Weight},
};

/// Name of the strategy of `rollback --to`.
pub const DIRECT: &str = "direct";

/// Makes the plan that brings `version` to everyone at once, whatever the strategy: the way to a
/// version that is known to be good. Traffic leaves the canary first.
pub fn direct(service: &Service, version: &Version, facts: &Facts) -> Plan {
    if let Some(pair) = service.strategy.blue_green() {
        return Plan {
            strategy: DIRECT,
            version: version.clone(),
            roles: facts.roles.clone(),
            traffic: Some(pair.service.clone()),
            before: facts.before(),
            checks_health: checks_health(service),
            steps: blue_green::direct(service, pair, version, facts),
        };
    }
    let stable = &facts.roles.stable;
    let canary = service.strategy.canary();
    let mut steps = Steps::at(facts.canary_weight);
    let by_pods = canary.is_some_and(|canary| canary.traffic == Traffic::Replicas);
    let pods_of = facts.roles.canary.as_ref();
    let pods_of = pods_of.filter(|_| facts.canary_replicas.is_some_and(|before| before > 0));
    if let Some(workload) = pods_of.filter(|_| by_pods) {
        by_pods::away(workload, Stage::Start, &mut steps);
    } else if let Some(canary) = canary
        && facts
            .canary_weight
            .is_some_and(|before| before != Weight::ZERO)
    {
        steps.weight = Some(Weight::ZERO);
        let edits = canary.traffic.edit(Weight::ZERO).into_iter().collect();
        steps.write("canary weight 0%".to_owned(), edits, Stage::Start);
    }
    steps.write(
        format!("{stable} to {version}"),
        version_edits(service, stable, version),
        Stage::Start,
    );
    match service.strategy.argo_rollouts() {
        // Its controller takes every version through its steps.
        Some(argo) => steps.follow(argo, version),
        None => steps.wait(Arm::Stable, version),
    }
    // Its pods have no users any more, and the watch must not see what they break.
    if let Some(workload) = pods_of.filter(|_| !by_pods) {
        let edit = replicas_edit(service, workload, 0);
        steps.write("canary to 0 replicas".to_owned(), vec![edit], Stage::Start);
    }
    steps.watch(Arm::Stable, service.strategy.bake_time(), false);
    Plan {
        strategy: DIRECT,
        version: version.clone(),
        roles: facts.roles.clone(),
        traffic: service.strategy.traffic_object().cloned(),
        before: facts.before(),
        checks_health: checks_health(service),
        steps: steps.list,
    }
}
