//! What the manifests say before a deployment: versions, numbers of pods, weights, and which colour serves.

use crate::{
    config::Traffic,
    event::{Ending, Failure},
    manifest::{self, Manifests, ObjectRef, Refusal},
    ops::{carried, failure, load::Target},
    rollout::{self, Facts, Roles, Share, Switch},
    units::{Version, Weight},
};

/// Reads which version the stable workload has on given manifests.
///
/// # Errors
/// The workload or its image is not there.
pub fn previous_version(target: &Target, manifests: &Manifests) -> Result<String, Failure> {
    let service = &target.service;
    let (Roles { stable, .. }, _) = roles(target, manifests)?;
    carried::version(service, manifests, &stable)
        .map_err(|refusal| failure::refusals(vec![refusal]))
}

/// Finds out which workload plays which part: of a blue/green pair the colour that the Service leads
/// to is stable, the other one gets the new version.
///
/// # Errors
/// The Service leads to neither colour, or to both; it or a workload is not there.
pub fn roles(target: &Target, manifests: &Manifests) -> Result<(Roles, Option<Switch>), Failure> {
    let strategy = &target.service.strategy;
    let Some(pair) = strategy.blue_green() else {
        let roles = Roles::of(strategy).ok_or_else(|| {
            Failure::new(Ending::Internal, "no workload plays a part in the strategy")
        })?;
        return Ok((roles, None));
    };
    let (blue, green) = (&pair.blue.object, &pair.green.object);
    let colours = manifest::colours(
        manifests,
        &pair.service,
        pair.label.as_deref(),
        [blue, green],
    )
    .map_err(|refusal| failure::refusals(vec![refusal]))?;
    let [of_blue, of_green] = colours.values;
    let (stable, canary, value) = if colours.serving == 0 {
        (blue, green, of_green)
    } else {
        (green, blue, of_blue)
    };
    let roles = Roles {
        stable: stable.clone(),
        canary: Some(canary.clone()),
    };
    let switch = Switch {
        label: colours.label,
        canary: value,
    };
    Ok((roles, Some(switch)))
}

/// Reads what a plan needs to know of the manifests.
///
/// # Errors
/// A value is not there; the canary's weight is no whole percent or differs between rules; as [`roles`].
pub fn facts(target: &Target, manifests: &Manifests) -> Result<Facts, Failure> {
    facts_with(target, manifests, manifest::current_weight)
}

/// As [`facts`] for ways that only take users off the canary: where its weight is no whole percent, or differs
/// between rules, it is the largest that it may be.
///
/// # Errors
/// A value is not there; as [`roles`].
pub fn facts_at_most(target: &Target, manifests: &Manifests) -> Result<Facts, Failure> {
    facts_with(target, manifests, |manifests, object, canary| {
        manifest::current_weight(manifests, object, canary).or_else(|refusal| {
            let largest = manifest::largest_share(manifests, object, canary);
            largest.map(|share| share.weight).map_err(|_| refusal)
        })
    })
}

fn facts_with(
    target: &Target,
    manifests: &Manifests,
    weight_of: impl Fn(&Manifests, &ObjectRef, Option<&str>) -> Result<Weight, Refusal>,
) -> Result<Facts, Failure> {
    let refused = |refusal| failure::refusals(vec![refusal]);
    let strategy = &target.service.strategy;
    let (roles, switch) = roles(target, manifests)?;
    let replicas_of =
        |workload| carried::replicas(&target.service, manifests, workload).map_err(refused);
    let Some(canary) = strategy.canary() else {
        let canary = roles.canary.as_ref().map(replicas_of).transpose()?;
        let stable = switch.is_some().then(|| replicas_of(&roles.stable));
        return Ok(Facts {
            stable_replicas: stable.transpose()?,
            canary_replicas: canary,
            canary_weight: None,
            canary_version: None,
            switch,
            roles,
        });
    };
    let canary_replicas = replicas_of(&canary.canary.object)?;
    let (stable_replicas, weight) = match &canary.traffic {
        Traffic::Object { object, canary } => {
            let weight = weight_of(manifests, object, canary.as_deref());
            (None, weight.map_err(refused)?)
        }
        Traffic::Replicas => {
            let stable = replicas_of(&canary.stable.object)?;
            let share = Share {
                canary: canary_replicas,
                all: stable.saturating_add(canary_replicas),
            };
            (Some(stable), share.weight())
        }
    };
    // A version that cannot be told is none that is waited for.
    let image = &target.service.image;
    let canary_version = manifest::current_version(manifests, &canary.canary.object, image).ok();
    Ok(Facts {
        roles,
        stable_replicas,
        canary_version,
        switch,
        canary_replicas: Some(canary_replicas),
        canary_weight: Some(weight),
    })
}

/// Refuses a switch away from a colour without pods: the way back would send everyone to nobody.
pub fn serves_with_pods(target: &Target, manifests: &Manifests) -> Result<(), Failure> {
    let facts = facts_at_most(target, manifests)?;
    if facts.switch.is_none() || facts.stable_replicas != Some(0) {
        return Ok(());
    }
    let stable = &facts.roles.stable;
    Err(Failure::new(
        Ending::EditRefused,
        format!(
            "{stable} serves everyone and has 0 replicas, so a way back would send users to no pods"
        ),
    )
    .hint(format!(
        "give {stable} its pods first, then deploy the new version"
    )))
}

/// Does the workload that serves everyone carry the version in full, with no canary taking traffic?
///
/// # Errors
/// As [`facts`]; what carries the version cannot be edited.
pub fn already_there(
    target: &Target,
    manifests: &Manifests,
    version: &Version,
) -> Result<bool, Failure> {
    let service = &target.service;
    let facts = facts_at_most(target, manifests)?;
    let edits = rollout::version_edits(service, &facts.roles.stable, version);
    let differs = !manifest::locate(manifests, &edits)
        .map_err(failure::refusals)?
        .is_empty();
    let weight = facts.canary_weight.unwrap_or(Weight::ZERO);
    Ok(!differs && weight == Weight::ZERO)
}
