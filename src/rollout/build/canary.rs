//! `canary` by an object that splits the traffic: version into the canary workload, weight by weight,
//! then into the stable one.

use super::{Action, Arm, Facts, Stage, Step, Steps, count, replicas_edit, version_edits};
use crate::{
    config::{Canary, CanaryStep, Service},
    units::{Version, Weight},
};

/// Version and weight are never one commit: until the new pods run there is nothing that could
/// take the traffic. The weight goes back to 0 before the canary's replicas do, for the same reason.
pub(super) fn steps(
    service: &Service,
    canary: &Canary,
    version: &Version,
    facts: &Facts,
) -> Vec<Step> {
    let stable = &facts.roles.stable;
    let workload = &canary.canary.object;
    let mut steps = Steps::at(Some(Weight::ZERO));
    let replicas = |replicas| replicas_edit(service, workload, replicas);
    let weight = |weight| canary.traffic.edit(weight).into_iter().collect();
    if facts
        .canary_weight
        .is_some_and(|before| before != Weight::ZERO)
    {
        steps.write(
            "canary weight 0%".to_owned(),
            weight(Weight::ZERO),
            Stage::Start,
        );
    }
    steps.write(
        format!("{workload} to {version} with {}", count(canary.replicas)),
        [
            version_edits(service, workload, version),
            vec![replicas(canary.replicas)],
        ]
        .concat(),
        Stage::Start,
    );
    steps.wait(Arm::Canary, version);
    for step in &canary.steps {
        match step {
            CanaryStep::SetWeight(percent) => {
                steps.weight = Some(*percent);
                steps.write(
                    format!("canary weight {percent}"),
                    weight(*percent),
                    Stage::Advance,
                );
            }
            CanaryStep::Pause {
                duration,
                promote_early,
            } => steps.watch(Arm::Canary, *duration, *promote_early),
            CanaryStep::PauseForApproval => {
                steps.add("hold for an approval".to_owned(), Action::Approval)
            }
        }
    }
    steps.write(
        format!("promote: {stable} to {version}"),
        version_edits(service, stable, version),
        Stage::Promote,
    );
    steps.wait(Arm::Stable, version);
    steps.watch(Arm::Stable, canary.bake_time, false);
    steps.weight = Some(Weight::ZERO);
    steps.write(
        "canary weight 0%".to_owned(),
        weight(Weight::ZERO),
        Stage::Finish,
    );
    let rest = facts
        .canary_replicas
        .filter(|before| *before != canary.replicas)
        .unwrap_or(0);
    steps.write(
        format!("canary to {}", count(rest)),
        vec![replicas(rest)],
        Stage::Finish,
    );
    steps.list
}
