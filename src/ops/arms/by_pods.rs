//! Numbers of pods behind one Service: does it select both, and can the weights be made of pods?

use super::Arms;
use crate::{
    config::{Canary, CanaryStep},
    manifest::{self, Manifests, ObjectRef, Refusal},
    rollout::Share,
};

pub(super) fn look(canary: &Canary, manifests: &Manifests) -> Result<Arms, Refusal> {
    let (stable, other) = (&canary.stable.object, &canary.canary.object);
    let services = manifest::serving(manifests, stable, other)?;
    let pods = manifest::current_replicas(manifests, stable)?;
    if pods == 0 {
        let reason = format!(
            "{stable} has 0 replicas, so the canary would get all the traffic whatever its weight"
        );
        return Ok(Arms::refused(
            Refusal::new(reason).hint("give stable its pods first, then deploy the new version"),
        ));
    }
    let mut arms = Arms::default();
    match services.first() {
        None => arms.warnings.push(format!(
            "no Service in the files selects the pods of {stable}: whether the canary's pods get requests is not known"
        )),
        Some(first) if !services.iter().any(|service| service.selects_other) => {
            let reason = format!(
                "{} selects the pods of {stable} and not those of {other}, and no other selects both, so the canary would get no requests",
                first.service
            );
            let hint = format!(
                "let the selector of {} have only labels that the pods of both have, or split by an object such as `http_route`",
                first.service
            );
            arms.refusal = Some(Refusal::new(reason).at(&first.path, first.line).hint(hint));
        }
        Some(_) => {}
    }
    let scaled = [(stable, "smaller"), (other, "larger")];
    for (workload, which) in scaled {
        if let Some(scaler) = manifest::scaled_by(manifests, workload)? {
            arms.warnings.push(format!(
                "{scaler} may give {workload} more pods than its minimum: the canary's share is {which} then than planned"
            ));
        }
    }
    arms.warnings.extend(fall_together(canary, (stable, pods)));
    Ok(arms)
}

/// Says which weights come to which shares, where some come to the same one: those are one step.
fn fall_together(canary: &Canary, (stable, pods): (&ObjectRef, u32)) -> Option<String> {
    let mut shares = Vec::new();
    for step in &canary.steps {
        if let CanaryStep::SetWeight(weight) = step {
            shares.push((*weight, Share::of(pods, *weight)));
        }
    }
    let asked = shares.len();
    let mut different: Vec<Share> = shares.iter().map(|(_, share)| *share).collect();
    different.dedup();
    if different.len() == asked {
        return None;
    }
    let list: Vec<String> = shares
        .iter()
        .map(|(weight, share)| format!("{weight} is {share}"))
        .collect();
    Some(format!(
        "the {asked} weights make {} different shares, because {stable} has {pods} pods: {}",
        different.len(),
        list.join(", ")
    ))
}
