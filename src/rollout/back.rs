//! The way back from any position: traffic first, then everything else, then wait until it is live.

use super::{
    Action, Arm, DIRECT, Plan, Replay, Roles, WrittenStep, build::brings_version, takes_pods_away,
};
use crate::{
    manifest::{Change, Manifests, ObjectRef, ScalarType, restore},
    units::Weight,
};

/// One step of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackStep {
    /// One commit.
    Write(BackWrite),
    /// Wait until the stable workload runs the previous version.
    WaitLive(ObjectRef),
    /// Wait until the canary no longer runs the new version.
    WaitGone(ObjectRef),
    /// Wait until the canary, which had users of its own before the run began, runs what it ran then.
    WaitBefore(ObjectRef, String),
    /// Leave the canary without the share that it had before: the new version had that already, or the
    /// version that is named, which failed here before.
    KeepOff(Weight, Option<String>),
    /// Wait until the colour that served before runs the previous version.
    WaitServing(ObjectRef),
    /// Wait until the other colour no longer runs the new version.
    WaitIdle(ObjectRef),
    /// Wait until the service's own health checks pass with the previous version.
    Healthy(Roles),
}

/// One commit of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackWrite {
    /// What it takes back.
    pub part: BackPart,
    /// The values, each as the run changed it.
    pub changes: Vec<Change>,
    /// The canary's weight once it is on the branch; none = as before it.
    pub weight: Option<Weight>,
}

/// What a commit of the way back takes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackPart {
    /// The weight, to what it was: the fastest way to get users off a bad version.
    Weight,
    /// The weight, to 0, where the canary had users before the run began: they come back last.
    Empty,
    /// Every other value.
    Values,
    /// The share that the canary had before the run began, once it runs what it ran then.
    Share,
    /// The pods of the workload that served before, before anyone is sent there.
    Revive(ObjectRef),
    /// The colour that serves: everyone at once.
    Switch,
}

impl BackPart {
    /// Does it send users elsewhere, and change nothing besides?
    pub fn takes_users_off(&self) -> bool {
        matches!(self, Self::Weight | Self::Empty | Self::Switch)
    }
}

impl BackStep {
    /// Returns what it does, for people.
    pub fn name(&self) -> String {
        match self {
            Self::Write(BackWrite { part, weight, .. }) => match (part, weight) {
                (BackPart::Weight, _) => "back: canary weight to what it was",
                (BackPart::Empty, _) => "back: canary weight 0%",
                (BackPart::Values, _) => "back: version and replicas to what they were",
                (BackPart::Share, Some(weight)) => {
                    return format!("back: canary to the {weight} that it had before");
                }
                (BackPart::Share, None) => "back: canary to the share that it had before",
                (BackPart::Revive(workload), _) => {
                    return format!("back: pods for {workload}, which served before");
                }
                (BackPart::Switch, _) => "back: switch to the colour that served before",
            },
            Self::WaitLive(_) => "back: wait until stable runs the previous version",
            Self::WaitGone(_) => "back: wait until the canary no longer runs the new version",
            Self::WaitBefore(_, version) => {
                return format!("back: wait until the canary runs {version} as before");
            }
            Self::KeepOff(weight, known_bad) => {
                let why = match known_bad {
                    None => "which were of the new version".to_owned(),
                    Some(version) => format!("because {version} failed here before"),
                };
                return format!(
                    "back: the canary stays without the {weight} that it had before, {why}"
                );
            }
            Self::WaitServing(_) => {
                "back: wait until the colour that served before runs the previous version"
            }
            Self::WaitIdle(_) => "back: wait until the other colour no longer runs the new version",
            Self::Healthy(_) => "back: wait until the previous version is healthy",
        }
        .to_owned()
    }

    pub(super) fn write(part: BackPart, changes: Vec<Change>, weight: Option<Weight>) -> Self {
        Self::Write(BackWrite {
            part,
            changes,
            weight,
        })
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
/// commit. That is as fast and as safe: the canary's number goes to 0, with which Kubernetes takes its
/// pods whatever version they have, and stable has kept all its pods, so that nobody is without one. Two
/// commits would only let the bad version run until the second.
///
/// Where the canary had users before the run began, the plan has taken them off it first, and the way
/// back gives them back last, once the canary runs again what it ran then: with its old share at once
/// the bad version would get more users than it has, or pods that are about to go. By numbers of pods
/// this is a commit of its own as well, because Kubernetes scales the pods that are there before it
/// replaces them.
///
/// A workload is waited for only where the plan changed it: what somebody else runs in the other
/// one says nothing about this way back. Where the service has health checks, the last step is that
/// they pass: that the old version runs again is not yet that it serves anyone.
pub fn way_back(plan: &Plan, replay: &Replay, reached: Option<usize>) -> Vec<BackStep> {
    let Some(reached) = reached.map(|step| step.min(plan.steps.len().saturating_sub(1))) else {
        return Vec::new();
    };
    let mut steps = if plan.switches() {
        switched_back(plan, replay, reached)
    } else {
        stepped_back(plan, replay, reached)
    };
    if plan.checks_health && !steps.is_empty() {
        steps.push(BackStep::Healthy(plan.roles.clone()));
    }
    steps
}

/// Returns what steps of a way back take back together: the later ones know best where a value ends. A
/// push of the run that was under way can have landed meanwhile, and a canary that has a weight must not
/// lose its pods, so each commit takes back once more what the ones before it did.
pub fn taken_back(steps: &[BackStep]) -> Vec<Change> {
    let changes = |step: &BackStep| match step {
        BackStep::Write(write) => write.changes.clone(),
        _ => Vec::new(),
    };
    steps.iter().rev().flat_map(changes).collect()
}

/// Leaves out what a way back would do over again: a share that the canary had before is taken off it
/// first and comes back last, so where everything is back by `now` and only the record of it is missing,
/// nothing is written but what is there.
pub fn unless_done(mut steps: Vec<BackStep>, now: &Manifests) -> Vec<BackStep> {
    let is_share = |step: &BackStep| {
        matches!(
            step,
            BackStep::Write(BackWrite {
                part: BackPart::Share,
                ..
            })
        )
    };
    let is_done = || restore(now, &taken_back(&steps)).is_ok_and(|left| left.is_empty());
    if steps.iter().any(is_share) && is_done() {
        steps.retain(|step| !matches!(step, BackStep::Write(_)) || is_share(step));
    }
    steps
}

/// The way back of weights and pods: users first.
fn stepped_back(plan: &Plan, replay: &Replay, reached: usize) -> Vec<BackStep> {
    let before = plan.before.as_ref();
    // Before the second step there is no new version anywhere, so the canary's users may come back, unless
    // what it runs is known to be bad.
    let emptied = before
        .filter(|before| before.weight != Weight::ZERO && (reached > 0 || before.is_known_bad));
    let only_emptied = emptied.is_some() && reached == 0;
    let first = replay.writes.first().filter(|_| emptied.is_some());
    let emptying = first.map_or(&[][..], |write| &write.changes);
    let splits_traffic = |change: &Change| plan.traffic.as_ref() == Some(&change.object);
    let by_pods = plan.traffic.is_none();

    let mut weight = replay.until(usize::MAX);
    weight.retain(splits_traffic);
    let mut values = replay.until(reached);
    let stays = bad_put_away(plan, replay);
    let stays_so = |change: &Change| stays.iter().any(|it| it.same_place(change));
    values.retain(|change| !splits_traffic(change) && !stays_so(change));
    let mut share = replay.until(usize::MAX);
    share.retain(|change| emptying.iter().any(|it| it.same_place(change)));
    let from_empty = |changes: Vec<Change>| {
        let rest = changes.into_iter().skip(emptying.len());
        emptying.iter().map(reversed).chain(rest).collect()
    };

    let mut steps = Vec::new();
    let old_weight = before.map(|before| before.weight);
    if emptied.is_none() && !weight.is_empty() {
        steps.push(BackStep::write(BackPart::Weight, weight, old_weight));
    } else if weight.len() > emptying.len() || (only_emptied && !by_pods) {
        let weight = from_empty(weight);
        steps.push(BackStep::write(BackPart::Empty, weight, Some(Weight::ZERO)));
    }
    let weight = old_weight.filter(|_| by_pods);
    if emptied.is_none() && !values.is_empty() {
        steps.push(BackStep::write(BackPart::Values, values, weight));
    } else if by_pods && (values.len() > emptying.len() || only_emptied) {
        let values = from_empty(values);
        let weight = weight.map(|_| Weight::ZERO);
        steps.push(BackStep::write(BackPart::Values, values, weight));
    } else if !by_pods && !values.is_empty() {
        steps.push(BackStep::write(BackPart::Values, values, None));
    }

    let brought = |arm| brings_version_to(plan, replay, arm).is_some_and(|step| step <= reached);
    if brought(Arm::Stable) {
        steps.push(BackStep::WaitLive(plan.roles.stable.clone()));
    }
    let Some(canary) = &plan.roles.canary else {
        return steps;
    };
    let had = before.filter(|before| before.pods > 0);
    let had = had.and_then(|before| before.version.clone());
    let had_it = had.as_deref() == Some(plan.version.as_str());
    let stays_off = had_it || before.is_some_and(|before| before.is_known_bad);
    let runs_as_before = had
        .filter(|_| emptied.is_some() && !stays_off)
        .map(|version| BackStep::WaitBefore(canary.clone(), version));
    if brought(Arm::Canary) && !had_it && (by_pods || runs_as_before.is_none()) {
        steps.push(BackStep::WaitGone(canary.clone()));
    }
    let Some(emptied) = emptied else {
        return steps;
    };
    if stays_off {
        let known_bad = emptied.version.clone().filter(|_| !had_it);
        steps.push(BackStep::KeepOff(emptied.weight, known_bad));
        return steps;
    }
    let share = BackStep::write(BackPart::Share, share, Some(emptied.weight));
    let wait = runs_as_before.into_iter();
    if by_pods {
        steps.push(share);
        steps.extend(wait);
    } else {
        steps.extend(wait);
        steps.push(share);
    }
    steps
}

/// Returns what puts away a canary whose version is known to be bad, on the way to a named version. That is
/// not undone: its pods have no users by then, and what they break they would break again. Where pods are
/// the users, they stay away with them.
fn bad_put_away<'a>(plan: &Plan, replay: &'a Replay) -> &'a [Change] {
    let is_known_bad = plan
        .before
        .as_ref()
        .is_some_and(|before| before.is_known_bad);
    if plan.strategy != DIRECT || !is_known_bad || plan.traffic.is_none() {
        return &[];
    }
    let puts_away = |action: &Action| match action {
        Action::Write { edits, .. } => edits.iter().any(takes_pods_away),
        _ => false,
    };
    let step = plan.steps.iter().position(|step| puts_away(&step.action));
    step.map_or(&[], |step| replay.at(step))
}

/// Turns a change round.
fn reversed(change: &Change) -> Change {
    Change {
        old: change.new.clone(),
        old_text: change.text.clone(),
        new: change.old.clone(),
        text: change.old_text.clone(),
        ..change.clone()
    }
}

/// May everyone have been switched over once a step was reached?
pub fn may_be_switched(plan: &Plan, replay: &Replay, reached: usize) -> bool {
    let switches = |write: &&WrittenStep| {
        let mut objects = write.changes.iter().map(|change| Some(&change.object));
        objects.any(|object| object == plan.traffic.as_ref())
    };
    let switch = replay.writes.iter().find(switches);
    plan.switches() && switch.is_some_and(|write| write.step <= reached)
}

/// The way back of a switch: users first, then what the idle colour was. That the colour that served
/// before is live is looked at only where anyone may have been sent away from it.
fn switched_back(plan: &Plan, replay: &Replay, reached: usize) -> Vec<BackStep> {
    let is_switch = |change: &Change| plan.traffic.as_ref() == Some(&change.object);
    let mut switch = replay.until(usize::MAX);
    switch.retain(is_switch);
    let mut values = replay.until(reached);
    values.retain(|change| !is_switch(change));
    let leaves = values.iter().any(|change| leaves(plan, change));
    let mut steps = Vec::new();
    if !switch.is_empty() {
        let weight = Some(Weight::ZERO);
        steps.push(BackStep::write(BackPart::Switch, switch, weight));
    }
    if !values.is_empty() {
        steps.push(BackStep::write(BackPart::Values, values, None));
    }
    if may_be_switched(plan, replay, reached) {
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
pub(super) fn brings_version_to(plan: &Plan, replay: &Replay, arm: Arm) -> Option<usize> {
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
