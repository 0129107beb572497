//! A Rollout of Argo Rollouts: at which step its controller is, whether it waits for a person, and
//! whether it has given up.
//!
//! What the fields mean is what the published schema of `argoproj.io/v1alpha1` and the documentation
//! of the controller say (<https://argo-rollouts.readthedocs.io/en/stable/features/specification/>);
//! what counts as done is what `kubectl argo rollouts status` waits for.

use serde_json::Value;

use super::{
    Standing, Trouble,
    cluster::Name,
    object::{Object, said},
};
use crate::probe::text::excerpt;

/// How far the controller of a Rollout is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Has the controller taken up what the Rollout is told?
    pub is_taken_up: bool,
    /// Steps that are done, and how many there are; none where it has no steps.
    pub step: Option<(u64, usize)>,
    /// Share of the traffic that the new version gets in percent, where a router is told.
    pub weight: Option<u64>,
    /// Why it waits for a person; none where it goes on by itself.
    pub waits_for_person: Option<String>,
    /// Why it has taken the traffic off the new version for good; none where it has not.
    pub aborted: Option<String>,
}

impl Progress {
    /// Says where it is, for people: `step 2 of 5, weight 20%`; empty where there is nothing to say.
    pub fn place(&self) -> String {
        let step = self.step.map(|(done, all)| match done {
            done if usize::try_from(done).is_ok_and(|done| done >= all) => {
                format!("all {all} steps done")
            }
            done => format!("step {} of {all}", done.saturating_add(1)),
        });
        let weight = self.weight.map(|weight| format!("weight {weight}%"));
        let parts: Vec<String> = step.into_iter().chain(weight).collect();
        parts.join(", ")
    }
}

/// Reads how far a Rollout is. Without its controller's own word on what it is told, nothing of its
/// status counts.
pub(super) fn progress(object: Object<'_>, is_taken_up: bool) -> Result<Progress, Trouble> {
    let steps = object.list("/spec/strategy/canary/steps")?;
    let done = object.number("/status/currentStepIndex")?;
    let step = done
        .map(|done| (done, steps.len()))
        .filter(|(_, all)| *all > 0);
    let mut progress = Progress {
        is_taken_up,
        step,
        weight: object.number("/status/canary/weights/canary/weight")?,
        ..Progress::default()
    };
    if !is_taken_up {
        return Ok(progress);
    }
    if object.is("/status/abort")? {
        let message = object.text("/status/message")?.unwrap_or_default();
        progress.aborted = Some(excerpt(message));
        return Ok(progress);
    }
    let current = done
        .and_then(|done| usize::try_from(done).ok())
        .and_then(|done| steps.get(done));
    progress.waits_for_person = person(object, current)?;
    Ok(progress)
}

/// Says why it waits for a person. A pause with a length ends by itself, and so does that of a
/// preview that is promoted after a time; whatever else is a pause is taken for one that does not.
fn person(object: Object<'_>, step: Option<&Value>) -> Result<Option<String>, Trouble> {
    for pause in object.list("/status/pauseConditions")? {
        let reason = pause.get("reason").and_then(Value::as_str);
        let reason = reason.unwrap_or("a pause without a reason");
        let ends_by_itself = match reason {
            "CanaryPauseStep" => step
                .and_then(|step| step.pointer("/pause/duration"))
                .is_some_and(has_length),
            "BlueGreenPause" => object
                .number("/spec/strategy/blueGreen/autoPromotionSeconds")?
                .is_some_and(|seconds| seconds > 0),
            _ => false,
        };
        if !ends_by_itself {
            return Ok(Some(excerpt(reason)));
        }
    }
    if object.is("/spec/paused")? {
        return Ok(Some("it is paused by `spec.paused`".to_owned()));
    }
    Ok(None)
}

/// Seconds as a number, or a text such as `10m`; 0 is no end.
fn has_length(duration: &Value) -> bool {
    match duration {
        Value::Number(number) => number.as_u64() != Some(0),
        Value::String(text) => text != "0",
        _ => false,
    }
}

/// Says how a Rollout stands. `counted` says how far its pods are.
pub(super) fn standing(
    object: Object<'_>,
    name: Name<'_>,
    (wanted, pods): (u64, u64),
    counted: impl Fn(u64, u64, u64, u64) -> Standing,
) -> Result<Standing, Trouble> {
    let phase = object.text("/status/phase")?.unwrap_or_default();
    let message = object.text("/status/message")?.unwrap_or_default();
    let progress = progress(object, true)?;
    let at = |text: String| match progress.place() {
        place if place.is_empty() => text,
        place => format!("{place}; {text}"),
    };
    match phase {
        "Healthy" if object.is("/status/abort")? => {
            return Ok(Standing::Moving("it was aborted".to_owned()));
        }
        "Healthy" => {}
        "Degraded" | "Error" => return Ok(Standing::Failing(said(phase, message))),
        "" => return Ok(Standing::Moving("it has no status yet".to_owned())),
        _ => {
            let text = match &progress.waits_for_person {
                None => said(phase, message),
                Some(reason) => format!(
                    "it waits for a person ({reason}): `kubectl argo rollouts promote {} -n {}` lets it go on",
                    name.name, name.namespace
                ),
            };
            return Ok(Standing::Moving(at(text)));
        }
    }
    let updated = object.number("/status/updatedReplicas")?.unwrap_or(0);
    let available = object.number("/status/availableReplicas")?.unwrap_or(0);
    let stable = object.text("/status/stableRS")?;
    if wanted > 0 && (stable.is_none() || stable != object.text("/status/currentPodHash")?) {
        return Ok(Standing::Moving(at("it is not promoted yet".to_owned())));
    }
    Ok(counted(wanted, pods, updated, available))
}
