//! What comes before everyone is switched back: the colour that they are sent to must have pods.

use super::{BackPart, BackStep, Plan, Replay, back::may_be_switched};
use crate::manifest::{Edit, Manifests, Refusal, current_replicas, locate};

/// Returns the steps that come before a way back whose plan was reached up to `reached`: pods for the
/// colour that served when the run began, where it has none any more, and the wait for them. It may have
/// been cleaned up since, or somebody may have taken them away.
///
/// `base` are the manifests that the run began with, `now` those of the branch. Where the run
/// `is_over`, the colour is waited for in any case: nobody has looked at it since. While a run is
/// under way users are waiting, and its old colour was never left alone.
///
/// # Errors
/// The replicas cannot be read or set.
pub fn revival(
    plan: &Plan,
    replay: &Replay,
    reached: usize,
    is_over: bool,
    base: &Manifests,
    now: &Manifests,
) -> Result<Vec<BackStep>, Vec<Refusal>> {
    let is_due = plan.switches() && (is_over || may_be_switched(plan, replay, reached));
    if !is_due {
        return Ok(Vec::new());
    }
    let workload = &plan.roles.stable;
    let mut steps = Vec::new();
    if current_replicas(now, workload).map_err(|refusal| vec![refusal])? == 0 {
        // What a cleanup writes; taken back, the colour has what it had.
        let edit = Edit::Replicas {
            workload: workload.clone(),
            replicas: 0,
        };
        let put_away = locate(base, &[edit])?;
        if !put_away.is_empty() {
            let part = BackPart::Revive(workload.clone());
            steps.push(BackStep::write(part, put_away.changes, None));
        }
    }
    if is_over || !steps.is_empty() {
        steps.push(BackStep::WaitServing(workload.clone()));
    }
    Ok(steps)
}
