//! What the commit of a step says and how the run stands with it: the same in a plan and in a run.

use std::time::Duration;

use crate::{
    manifest::Change,
    ops::{
        journal::{RunIdentity, State},
        land::{Direction, FORWARD_PATIENCE, Write},
    },
    rollout::{Action, Plan, Stage},
};

/// Returns the commit of a step of the way forward. How long the journal is held for it and how
/// long it is tried is the run's own affair.
pub fn write<'a>(
    plan: &Plan,
    identity: &RunIdentity,
    index: usize,
    changes: &'a [Change],
) -> Write<'a> {
    let step = plan.steps.get(index);
    Write {
        changes,
        direction: Direction::Forward,
        stands: &[],
        serves: None,
        state: state(plan, index),
        step: number(plan, index),
        subject: format!(
            "{} {}: {} ({})",
            identity.service,
            identity.version,
            step.map_or("", |step| step.name.as_str()),
            identity.environment
        ),
        weight: step.and_then(|step| step.weight),
        reason: None,
        hold: Duration::ZERO,
        patience: FORWARD_PATIENCE,
    }
}

/// Returns the number of a step as trailers hold it: `2/9`.
pub fn number(plan: &Plan, index: usize) -> String {
    format!("{}/{}", index + 1, plan.steps.len())
}

/// Was the new version written into the stable workload of a canary before this step?
pub fn is_promoted(plan: &Plan, index: usize) -> bool {
    let is_promotion = |action: &Action| {
        matches!(
            action,
            Action::Write {
                stage: Stage::Promote,
                ..
            }
        )
    };
    let mut before = plan.steps.iter().take(index);
    before.any(|step| is_promotion(&step.action))
}

/// Returns how the run stands once the commit of a step is on the branch.
pub fn state(plan: &Plan, index: usize) -> State {
    match plan.steps.get(index).map(|step| &step.action) {
        Some(Action::Write {
            stage: Stage::Start,
            ..
        }) => State::Started,
        Some(Action::Write {
            stage: Stage::Promote | Stage::Finish,
            ..
        }) => State::Promoted,
        _ => State::Advanced,
    }
}
