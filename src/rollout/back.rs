//! The way back from any position: traffic first, then everything else, then wait until it is live.

use super::{Action, Arm, Plan, Replay};
use crate::manifest::{Change, Edit, ObjectRef};

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
}

impl BackStep {
    /// Returns what it does, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Weight(_) => "back: canary weight to what it was",
            Self::Values(_) => "back: version and replicas to what they were",
            Self::WaitLive(_) => "back: wait until stable runs the previous version",
            Self::WaitGone(_) => "back: wait until the canary no longer runs the new version",
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
/// A workload is waited for only where the plan changed it: what somebody else runs in the other
/// one says nothing about this way back.
pub fn way_back(plan: &Plan, replay: &Replay, reached: Option<usize>) -> Vec<BackStep> {
    let Some(reached) = reached.map(|step| step.min(plan.steps.len().saturating_sub(1))) else {
        return Vec::new();
    };
    let splits_traffic = |change: &Change| plan.traffic.as_ref() == Some(&change.object);
    let mut weight = replay.until(plan.steps.len());
    weight.retain(splits_traffic);
    let mut values = replay.until(reached);
    values.retain(|change| !splits_traffic(change));
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

/// Finds the step that brings the new version to a workload: the last write of a version before
/// the wait for it. None where that changes nothing.
fn brings_version_to(plan: &Plan, replay: &Replay, arm: Arm) -> Option<usize> {
    let wait = plan.steps.iter().position(|step| step.action.brings(arm))?;
    plan.steps[..wait]
        .iter()
        .rposition(|step| match &step.action {
            Action::Write { edits, .. } => edits
                .iter()
                .any(|edit| matches!(edit, Edit::Version { .. })),
            Action::WaitLive { .. }
            | Action::Follow { .. }
            | Action::Watch { .. }
            | Action::Approval => false,
        })
        .filter(|step| !replay.at(*step).is_empty())
}
