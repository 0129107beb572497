//! The way back from any position: traffic first, then everything else, then wait until it is live.

use super::{Action, Arm, Plan, Replay, Roles, WrittenStep, build::brings_version};
use crate::manifest::{Change, ObjectRef, ScalarType};

/// One step of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackStep {
    /// Take the weight back, in a commit of its own: the fastest way to get users off a bad version.
    Weight(Vec<Change>),
    /// Take every other value back, in one commit.
    Values(Vec<Change>),
    /// Wait until the stable workload runs the previous version.
    WaitLive(ObjectRef),
    /// Wait until the canary no longer runs the new version.
    WaitGone(ObjectRef),
    /// Give the colour that served before its pods back, before anyone is sent there.
    Revive(Vec<Change>),
    /// Switch everyone back to it, in a commit of its own.
    Switch(Vec<Change>),
    /// Wait until it runs the previous version.
    WaitServing(ObjectRef),
    /// Wait until the other colour no longer runs the new version.
    WaitIdle(ObjectRef),
    /// Wait until the service's own health checks pass with the previous version.
    Healthy(Roles),
}

impl BackStep {
    /// Returns what it does, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Weight(_) => "back: canary weight to what it was",
            Self::Values(_) => "back: version and replicas to what they were",
            Self::WaitLive(_) => "back: wait until stable runs the previous version",
            Self::WaitGone(_) => "back: wait until the canary no longer runs the new version",
            Self::Revive(_) => "back: pods for the colour that served before",
            Self::Switch(_) => "back: switch to the colour that served before",
            Self::WaitServing(_) => {
                "back: wait until the colour that served before runs the previous version"
            }
            Self::WaitIdle(_) => "back: wait until the other colour no longer runs the new version",
            Self::Healthy(_) => "back: wait until the previous version is healthy",
        }
        .to_owned()
    }
}

/// Returns the steps that take a plan back from a position.
///
/// `reached` is the last step that may have been written, from 0; none = nothing was written. The
/// step that failed counts as reached, because a push whose answer was lost may have landed.
///
/// The traffic is taken back whether the plan had reached it or not: a canary to which somebody
/// else sends users must not lose its pods, and setting the weight back notices that.
///
/// Where the numbers of pods split the traffic there is no such object, and everything goes back in one
/// commit. That is as fast and as safe: the canary's number goes to what it was, mostly 0, with which
/// Kubernetes takes its pods whatever version they have, and stable has kept all its pods, so that
/// nobody is without one. Two commits would only let the bad version run until the second.
///
/// A workload is waited for only where the plan changed it: what somebody else runs in the other
/// one says nothing about this way back. Where the service has health checks, the last step is that
/// they pass: that the old version runs again is not yet that it serves anyone.
pub fn way_back(plan: &Plan, replay: &Replay, reached: Option<usize>) -> Vec<BackStep> {
    let Some(reached) = reached.map(|step| step.min(plan.steps.len().saturating_sub(1))) else {
        return Vec::new();
    };
    let splits_traffic = |change: &Change| plan.traffic.as_ref() == Some(&change.object);
    let mut weight = replay.until(plan.steps.len());
    weight.retain(splits_traffic);
    let mut values = replay.until(reached);
    values.retain(|change| !splits_traffic(change));
    let mut steps = if plan.switches() {
        switched_back(plan, replay, reached, weight, values)
    } else {
        stepped_back(plan, replay, reached, weight, values)
    };
    if plan.checks_health && !steps.is_empty() {
        steps.push(BackStep::Healthy(plan.roles.clone()));
    }
    steps
}

/// The way back of weights and pods: users first.
fn stepped_back(
    plan: &Plan,
    replay: &Replay,
    reached: usize,
    weight: Vec<Change>,
    values: Vec<Change>,
) -> Vec<BackStep> {
    let mut steps = Vec::new();
    if !weight.is_empty() {
        steps.push(BackStep::Weight(weight));
    }
    if !values.is_empty() {
        steps.push(BackStep::Values(values));
    }
    for arm in [Arm::Stable, Arm::Canary] {
        let Some(workload) = plan.roles.workload(arm) else {
            continue;
        };
        if brings_version_to(plan, replay, arm).is_some_and(|step| step <= reached) {
            steps.push(match arm {
                Arm::Stable => BackStep::WaitLive(workload.clone()),
                Arm::Canary => BackStep::WaitGone(workload.clone()),
            });
        }
    }
    steps
}

/// The way back of a switch: users first, then what the idle colour was. That the colour that served
/// before is live is looked at only where anyone may have been sent away from it.
fn switched_back(
    plan: &Plan,
    replay: &Replay,
    reached: usize,
    switch: Vec<Change>,
    values: Vec<Change>,
) -> Vec<BackStep> {
    let is_switch = |write: &&WrittenStep| {
        let changes = write.changes.iter();
        let mut objects = changes.map(|change| Some(&change.object));
        objects.any(|object| object == plan.traffic.as_ref())
    };
    let may_be_switched = replay
        .writes
        .iter()
        .find(is_switch)
        .is_some_and(|write| write.step <= reached);
    let leaves = values.iter().any(|change| leaves(plan, change));
    let mut steps = Vec::new();
    if !switch.is_empty() {
        steps.push(BackStep::Switch(switch));
    }
    if !values.is_empty() {
        steps.push(BackStep::Values(values));
    }
    if may_be_switched {
        steps.push(BackStep::WaitServing(plan.roles.stable.clone()));
    }
    if let Some(idle) = plan.roles.canary.as_ref().filter(|_| leaves) {
        steps.push(BackStep::WaitIdle(idle.clone()));
    }
    steps
}

/// Does the idle colour no longer run the new version once this change is taken back? It may have had
/// that version all along, from an earlier deployment.
fn leaves(plan: &Plan, change: &Change) -> bool {
    let had_no_pods =
        change.scalar_type == ScalarType::Integer && change.old.as_deref() == Some("0");
    let new = change.new.as_deref().unwrap_or_default();
    let brings_version = change.scalar_type == ScalarType::Text
        && change.object.kind != "Service"
        && new.contains(plan.version.as_str());
    had_no_pods || brings_version
}

/// Finds the step that brings the new version to a workload: the last write of a version before
/// the wait for it. None where that changes nothing.
fn brings_version_to(plan: &Plan, replay: &Replay, arm: Arm) -> Option<usize> {
    let wait = plan.steps.iter().position(|step| step.action.brings(arm))?;
    plan.steps[..wait]
        .iter()
        .rposition(|step| match &step.action {
            Action::Write { edits, .. } => edits.iter().any(brings_version),
            Action::WaitLive { .. }
            | Action::Preview { .. }
            | Action::Follow { .. }
            | Action::Watch { .. }
            | Action::Approval => false,
        })
        .filter(|step| !replay.at(*step).is_empty())
}
