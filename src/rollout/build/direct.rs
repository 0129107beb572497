//! The way to a version that is named, whatever the strategy: to everyone at once.

use super::{Arm, Facts, Plan, Stage, Steps, version_edits};
use crate::{
    config::Service,
    manifest::Edit,
    units::{Version, Weight},
};

/// Makes the plan that brings `version` to everyone at once, whatever the strategy: the way to a
/// version that is known to be good. Traffic leaves the canary first.
pub fn direct(service: &Service, version: &Version, facts: &Facts) -> Plan {
    let stable = &facts.roles.stable;
    let canary = service.strategy.canary();
    let mut steps = Steps::at(facts.canary_weight);
    if let Some(canary) = canary
        && facts
            .canary_weight
            .is_some_and(|before| before != Weight::ZERO)
    {
        steps.weight = Some(Weight::ZERO);
        let edit = canary.traffic.edit(Weight::ZERO);
        steps.write("canary weight 0%".to_owned(), vec![edit], Stage::Start);
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
    steps.watch(Arm::Stable, service.strategy.bake_time(), false);
    if let Some(workload) = &facts.roles.canary
        && facts.canary_replicas.is_some_and(|before| before > 0)
    {
        let edit = Edit::Replicas {
            workload: workload.clone(),
            replicas: 0,
        };
        steps.write("canary to 0 replicas".to_owned(), vec![edit], Stage::Finish);
    }
    Plan {
        strategy: "direct",
        version: version.clone(),
        roles: facts.roles.clone(),
        traffic: service.strategy.traffic_object().cloned(),
        steps: steps.list,
    }
}
