//! `canary` with `traffic: {replicas: {}}`: the canary's share is its share of the pods behind one
//! Service.

use super::{Action, Arm, Facts, Share, Stage, Step, Steps, count, version_edits};
use crate::{
    config::{Canary, CanaryStep, Service},
    manifest::{Edit, ObjectRef},
    units::{Version, Weight},
};

/// Version and first number of pods are one commit here, unlike where an object splits the traffic:
/// the Service sends requests to a pod as soon as it is ready, so there is no moment in which the new
/// version runs and gets none. Stable keeps its pods all the while; capacity only ever grows. Pods that
/// the canary has before it begins go first, because nobody knows what share they were meant to have.
///
/// A weight that comes to the same number of pods as the one before is no step of its own.
pub(super) fn steps(
    service: &Service,
    canary: &Canary,
    version: &Version,
    facts: &Facts,
) -> Vec<Step> {
    let stable = &facts.roles.stable;
    let workload = &canary.canary.object;
    let mut steps = Steps::at(Some(Weight::ZERO));
    if facts.canary_replicas.is_some_and(|before| before > 0) {
        away(workload, Stage::Start, &mut steps);
    }
    let mut share: Option<Share> = None;
    for step in &canary.steps {
        match step {
            CanaryStep::SetWeight(weight) => {
                let next = Share::of(facts.stable_replicas.unwrap_or(0), *weight);
                if share == Some(next) {
                    continue;
                }
                steps.weight = Some(next.weight());
                let pods = replicas(workload, next.canary);
                if share.is_none() {
                    let mut edits = version_edits(service, workload, version);
                    edits.push(pods);
                    let name = format!("{workload} to {version} with {next}");
                    steps.write(name, edits, Stage::Start);
                } else {
                    let name = format!("canary to {next}");
                    steps.write(name, vec![pods], Stage::Advance);
                }
                // What is watched is the share that there is, not the one that is on its way.
                steps.wait(Arm::Canary, version);
                share = Some(next);
            }
            CanaryStep::Pause {
                duration,
                promote_early,
            } => steps.watch(Arm::Canary, *duration, *promote_early),
            CanaryStep::PauseForApproval => {
                steps.add("hold for an approval".to_owned(), Action::Approval);
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
    away(workload, Stage::Finish, &mut steps);
    steps.list
}

/// Takes the canary's pods away, and with them its traffic.
pub(super) fn away(workload: &ObjectRef, stage: Stage, steps: &mut Steps) {
    steps.weight = Some(Weight::ZERO);
    let name = format!("canary to {}", count(0));
    steps.write(name, vec![replicas(workload, 0)], stage);
}

fn replicas(workload: &ObjectRef, replicas: u32) -> Edit {
    Edit::Replicas {
        workload: workload.clone(),
        replicas,
    }
}
