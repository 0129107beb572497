//! What comes before users are sent back to the workload that they came from: it must have pods.

use super::{
    BackPart, BackStep, Plan, Replay,
    back::{brings_version_to, may_be_switched},
};
use crate::{
    manifest::{Change, Edit, Manifests, ObjectRef, Refusal, current_replicas, locate},
    rollout::Arm,
};

/// Returns the steps that come before a way back whose plan was reached up to `reached`: pods for the
/// workload that served when the run began, where it has none any more, and the wait for them. It may have
/// been cleaned up since, or somebody may have taken them away.
///
/// `base` are the manifests that the run began with, `now` those of the branch. Where the run
/// `is_over`, a colour is waited for in any case: nobody has looked at it since. While a run is
/// under way users are waiting, and its old colour was never left alone.
///
/// Beside a canary the stable workload gets its pods back only while the run is under way: afterwards
/// nobody is sent anywhere, and whoever has taken a whole service down wants it down. It is not waited
/// for once it was to have the new version itself, because the values that follow are what it waits for.
///
/// # Errors
/// The replicas of a colour cannot be read or set.
pub fn revival(
    plan: &Plan,
    replay: &Replay,
    reached: usize,
    is_over: bool,
    base: &Manifests,
    now: &Manifests,
) -> Result<Vec<BackStep>, Vec<Refusal>> {
    if !may_need_pods(plan, replay, reached, is_over) {
        return Ok(Vec::new());
    }
    let workload = &plan.roles.stable;
    let lost = match lost(workload, base, now) {
        // Its replicas are no business of a canary: what cannot be read there stops no way back.
        Err(_) if !plan.switches() => Vec::new(),
        lost => lost?,
    };
    let mut steps = Vec::new();
    if !lost.is_empty() {
        let part = BackPart::Revive(workload.clone());
        steps.push(BackStep::write(part, lost, None));
    }
    if plan.switches() {
        if is_over || !steps.is_empty() {
            steps.push(BackStep::WaitServing(workload.clone()));
        }
    } else if !steps.is_empty() && !is_new(plan, replay, reached) {
        steps.push(BackStep::WaitLive(workload.clone()));
    }
    Ok(steps)
}

/// Returns what has taken a workload's pods away since, as a run would have done it.
fn lost(
    workload: &ObjectRef,
    base: &Manifests,
    now: &Manifests,
) -> Result<Vec<Change>, Vec<Refusal>> {
    if current_replicas(now, workload).map_err(|refusal| vec![refusal])? > 0 {
        return Ok(Vec::new());
    }
    // What a cleanup writes; taken back, the workload has what it had.
    let edit = Edit::Replicas {
        workload: workload.clone(),
        replicas: 0,
    };
    Ok(locate(base, &[edit])?.changes)
}

/// Are users sent back to a workload that may have lost its pods? Only then the branch has to be asked.
pub fn may_need_pods(plan: &Plan, replay: &Replay, reached: usize, is_over: bool) -> bool {
    if plan.switches() {
        return is_over || may_be_switched(plan, replay, reached);
    }
    let writes = replay.writes.iter();
    let mut written = writes.filter(|write| write.step <= reached && !write.changes.is_empty());
    plan.roles.canary.is_some() && !is_over && written.next().is_some()
}

/// May the stable workload have the new version?
fn is_new(plan: &Plan, replay: &Replay, reached: usize) -> bool {
    brings_version_to(plan, replay, Arm::Stable).is_some_and(|step| step <= reached)
}
