//! The way back from any position: traffic first, then everything else, then wait until it is live.

use super::{Plan, Replay};
use crate::manifest::Change;

/// One step of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackStep {
    /// Take the weight back, in a commit of its own: the fastest way to get users off a bad version.
    Weight(Vec<Change>),
    /// Take every other value back, in one commit.
    Values(Vec<Change>),
    /// Wait until the stable workload runs the previous version.
    WaitLive,
}

impl BackStep {
    /// Returns what it does, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Weight(_) => "back: canary weight to what it was".to_owned(),
            Self::Values(_) => "back: version and replicas to what they were".to_owned(),
            Self::WaitLive => "back: wait until stable runs the previous version".to_owned(),
        }
    }
}

/// Is this a value of the object that splits the traffic?
fn splits_traffic(change: &Change) -> bool {
    change.object.kind == "Ingress"
}

/// Returns the steps that take a plan back from a position.
///
/// `reached` is the last step that may have been written, from 0; none = nothing was written. The
/// step that failed counts as reached, because a push whose answer was lost may have landed.
pub fn way_back(plan: &Plan, replay: &Replay, reached: Option<usize>) -> Vec<BackStep> {
    let Some(reached) = reached.map(|step| step.min(plan.steps.len().saturating_sub(1))) else {
        return Vec::new();
    };
    let written = replay.until(reached);
    let (weight, values): (Vec<_>, Vec<_>) = written.into_iter().partition(splits_traffic);
    let mut steps = Vec::new();
    if !weight.is_empty() {
        steps.push(BackStep::Weight(weight));
    }
    if !values.is_empty() {
        steps.push(BackStep::Values(values));
    }
    if !steps.is_empty() {
        steps.push(BackStep::WaitLive);
    }
    steps
}
