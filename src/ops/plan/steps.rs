//! The steps of a deployment with their times and their way back, and how it ends.

use std::time::Duration;

use crate::{
    config::OnFailure,
    event::{Ending, PlannedEnd, PlannedStep},
    ops::{deploy::Ready, load::Target, pull_request},
    rollout::{Action, Arm, BackStep, Stage, Step, foreseen, way_back},
    units::format_duration,
};

/// Tells what each step takes, counted from the first one that is still to be done.
pub(super) fn steps(ready: &Ready, target: &Target) -> Vec<PlannedStep> {
    let first_that_tidies = ready.plan.steps.iter().position(|step| {
        let stage = Stage::Finish;
        matches!(step.action, Action::Write { stage: it, .. } if it == stage)
    });
    let mut begins_after = Duration::ZERO;
    let mut steps = Vec::new();
    for (index, step) in ready.plan.steps.iter().enumerate() {
        let is_done = ready.landed.is_some_and(|landed| index <= landed)
            || matches!(step.action, Action::Approval) && ready.held.is_let_past(index);
        let (kind, shortest, longest) = times(step, target);
        let shortest = if is_done { Duration::ZERO } else { shortest };
        let only_tidies = first_that_tidies.is_some_and(|first| index >= first);
        let back = if only_tidies {
            Vec::new()
        } else {
            let back = way_back(&ready.plan, &ready.replay, Some(index));
            foreseen(back, &ready.replay, index)
        };
        steps.push(PlannedStep {
            index: index + 1,
            name: step.name.clone(),
            kind,
            watched: watched(step).map(|(arm, _)| arm),
            watched_for: watched(step).map(|(_, length)| length).unwrap_or_default(),
            weight: step.weight,
            begins_after,
            shortest,
            longest: if is_done { Some(shortest) } else { longest },
            is_done,
            way_back: back.iter().map(BackStep::name).collect(),
            only_tidies,
        });
        begins_after += shortest;
    }
    steps
}

/// Tells how it ends where everything goes well: at the first step that waits for a person, or at
/// the last one.
pub(super) fn end(ready: &Ready, steps: &[PlannedStep], target: &Target) -> PlannedEnd {
    let identity = &ready.identity;
    let what = format!(
        "{} {} in {}",
        identity.service, identity.version, identity.environment
    );
    let turn = identity.drill.then(|| ready.plan.drill_turn());
    if let Some(last) = turn.and_then(|turn| steps.get(turn.checked_sub(1)?)) {
        return PlannedEnd {
            ending: Ending::TakenBack,
            step: last.index,
            after: last.begins_after + last.shortest,
            sentence: format!(
                "{what} is taken back after step {}: it is a drill",
                last.index
            ),
        };
    }
    let held = steps.iter().find(|step| step.longest.is_none());
    if let Some(step) = held {
        let weight = step.weight.filter(|_| !ready.plan.switches());
        let weight = weight.map_or_else(String::new, |weight| {
            format!(" with {weight} of the traffic on the canary")
        });
        return PlannedEnd {
            ending: Ending::Held,
            step: step.index,
            after: step.begins_after,
            sentence: format!(
                "{what} is held at step {} of {}{weight}, until a person has approved it",
                step.index,
                steps.len()
            ),
        };
    }
    PlannedEnd {
        ending: Ending::Deployed,
        step: steps.len(),
        after: steps.iter().map(|step| step.shortest).sum(),
        sentence: format!("{what} is live and verified on `{}`", target.branch),
    }
}

/// Tells what becomes of a version that is not judged good.
pub(super) fn otherwise(ready: &Ready, longest: Duration, target: &Target) -> String {
    let longest = format_duration(longest);
    match target.service.on_failure {
        // A drill shows the way back, whatever it is trusted with.
        on_failure if ready.identity.drill || on_failure == OnFailure::Rollback => {
            format!("what is not judged good after {longest} is taken back")
        }
        OnFailure::Alert => format!(
            "what is judged worse is only told of, and what has not come to its end after {longest} is held (`on_failure: alert`)"
        ),
        _ => format!(
            "what is judged worse, or not good after {longest}, is held (`on_failure: hold`)"
        ),
    }
}

fn watched(step: &Step) -> Option<(Arm, Duration)> {
    match step.action {
        Action::Watch { arm, duration, .. } => Some((arm, duration)),
        _ => None,
    }
}

/// Returns which kind a step is, how long it takes at least and at most.
fn times(step: &Step, target: &Target) -> (&'static str, Duration, Option<Duration>) {
    let service = &target.service;
    match &step.action {
        Action::Write { .. } => (
            "write",
            Duration::ZERO,
            Some(pull_request::patience(target)),
        ),
        Action::WaitLive { .. } => ("wait", Duration::ZERO, Some(service.progress_deadline)),
        // A pause that only a person ends may hold it, but need not come.
        Action::Follow { limit, .. } => ("follow", Duration::ZERO, Some(*limit)),
        Action::Watch { duration, .. } => (
            "watch",
            *duration,
            Some(*duration + service.on_unavailable_after),
        ),
        Action::Preview { duration } => (
            "preview",
            *duration,
            Some(*duration + service.on_unavailable_after),
        ),
        Action::Approval => ("approval", Duration::ZERO, None),
    }
}
