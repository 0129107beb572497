//! An object that splits the traffic: do its backends lead to the right pods, and are there enough?

use super::Arms;
use crate::{
    config::{Canary, CanaryStep},
    event::quantity::number,
    manifest::{self, Leading, LeadsTo, Manifests, ObjectRef, Refusal, Serving},
    units::Weight,
};

/// A canary's pod may get so many times the requests of one of stable's without a warning.
const BEARABLE: u64 = 2;

pub(super) fn look(
    canary: &Canary,
    (object, backend): (&ObjectRef, Option<&str>),
    manifests: &Manifests,
) -> Result<Arms, Refusal> {
    let workloads = [&canary.stable.object, &canary.canary.object];
    let [stable, other] = workloads;
    let services = manifest::serving(manifests, stable, other)?;
    let given_before = match given_before((object, backend), manifests)? {
        Ok(warning) => warning,
        Err(refusal) => return Ok(Arms::refused(refusal)),
    };
    let backends = manifest::leading(manifests, object, backend, workloads)?;
    let told_apart = services.is_empty()
        || services.iter().any(|service| !service.selects_other)
        || manifest::splits_by_subsets(manifests, object)?;
    let wrong = if told_apart {
        wrong_backend(object, &backends, workloads)
    } else {
        Some(not_apart(&services, workloads))
    };
    if let Some(refusal) = wrong {
        return Ok(Arms::refused(refusal));
    }
    let mut arms = Arms::default();
    arms.warnings.extend(given_before);
    let unknown = backends.iter();
    arms.warnings
        .extend(unknown.filter_map(|it| not_known(object, it, workloads)));
    arms.warnings.extend(past_it(object, &services, &backends));
    arms.warnings.extend(capacity(canary, manifests));
    if let Some(scaler) = manifest::scaled_by(manifests, other)?
        && matches!(manifest::scaled_by(manifests, stable), Ok(None))
    {
        arms.warnings.push(format!(
            "{scaler} scales {other}, and nothing scales {stable}: should it not be stable that is scaled?"
        ));
    }
    Ok(arms)
}

/// What can be said where a chart writes the workloads, with the labels of their pods.
pub(super) fn of_a_chart(
    (object, backend): (&ObjectRef, Option<&str>),
    manifests: &Manifests,
) -> Result<Arms, Refusal> {
    let given_before = match given_before((object, backend), manifests)? {
        Ok(warning) => warning,
        Err(refusal) => return Ok(Arms::refused(refusal)),
    };
    let mut arms = Arms::default();
    arms.warnings.extend(given_before);
    arms.warnings.push(format!(
        "a chart writes the workloads: whose pods the backends of {object} lead to is not known"
    ));
    Ok(arms)
}

/// Says that the canary has a share before anything is deployed, and refuses where it has all of it.
fn given_before(
    (object, backend): (&ObjectRef, Option<&str>),
    manifests: &Manifests,
) -> Result<Result<Option<String>, Refusal>, Refusal> {
    let before = manifest::current_weight(manifests, object, backend)?;
    if before == Weight::FULL {
        let reason = format!(
            "{object} gives the canary {before} before anything is deployed, so a weight of 0 would take everyone from stable"
        );
        return Ok(Err(Refusal::new(reason).hint(
            "does `traffic.canary` name stable's backend? else set the weight to 0 first: `shipgate set --weight 0`",
        )));
    }
    Ok(Ok((before != Weight::ZERO).then(|| {
        format!(
            "{object} gives the canary {before} before anything is deployed: a way back gives it that again"
        )
    })))
}

fn not_apart(services: &[Serving], [stable, canary]: [&ObjectRef; 2]) -> Refusal {
    let Some(first) = services.first() else {
        return Refusal::new(format!("no Service selects the pods of {stable}"));
    };
    let service = &first.service;
    Refusal::new(format!(
        "{service} selects the pods of {canary} as well as those of {stable}, and none selects stable's alone, so the canary would get stable's requests at every weight"
    ))
    .at(&first.path, first.line)
    .hint(format!(
        "give the selector of {service} a label that only the pods of {stable} have, or split by their numbers: `traffic: {{replicas: {{}}}}`"
    ))
}

/// Refuses a backend that leads to the other workload's pods, or to nobody's.
fn wrong_backend(
    object: &ObjectRef,
    backends: &[Leading],
    workloads: [&ObjectRef; 2],
) -> Option<Refusal> {
    // Beside stable and canary a rule may have backends of others.
    let leads_to_stable = backends.iter().any(|it| {
        let known = matches!(it.to, LeadsTo::Pods { stable, .. } if stable);
        !it.is_canary && (known || !matches!(it.to, LeadsTo::Pods { .. }))
    });
    backends.iter().find_map(|backend| {
        let LeadsTo::Pods {
            by,
            path,
            line,
            selector,
            stable,
            canary,
        } = &backend.to
        else {
            return None;
        };
        let (word, own, other, [selects_own, selects_other]) = if backend.is_canary {
            let [other, own] = workloads;
            ("canary", own, other, [*canary, *stable])
        } else {
            let [own, other] = workloads;
            ("stable", own, other, [*stable, *canary])
        };
        let is_others = !backend.is_canary && leads_to_stable;
        let what = match (selector, selects_own, selects_other) {
            (_, true, false) => return None,
            (_, false, false) if is_others => return None,
            (None, ..) => "has no selector, so there are no pods behind it".to_owned(),
            (Some(selector), true, true) => format!(
                "selects {selector}, which the pods of {other} have as well as those of {own}"
            ),
            (Some(selector), false, true) => {
                format!("selects {selector}, which are the pods of {other} and not those of {own}")
            }
            (Some(selector), false, false) => {
                format!("selects {selector}, which the pods of {own} do not have")
            }
        };
        let reason = format!(
            "{by} {what}, and {object} ({}:{}) has it as the backend of {word}",
            backend.path, backend.line
        );
        let hint = if selects_other {
            format!(
                "give its selector a label that only the pods of {own} have; does `traffic.canary` name the right backend?"
            )
        } else {
            format!("give its selector the labels of the pods of {own}, or name another backend")
        };
        Some(Refusal::new(reason).at(path, *line).hint(hint))
    })
}

/// Says whose pods get a backend's requests is not known, where the files do not tell.
fn not_known(
    object: &ObjectRef,
    backend: &Leading,
    [stable, canary]: [&ObjectRef; 2],
) -> Option<String> {
    let why = match &backend.to {
        LeadsTo::Pods { .. } => return None,
        LeadsTo::Missing(what) => format!("no file of the environment holds {what}"),
        LeadsTo::NotKnown(why) => why.clone(),
    };
    let (name, path, line) = (&backend.backend, &backend.path, backend.line);
    let whose = if backend.is_canary { canary } else { stable };
    Some(format!(
        "whether the backend `{name}` of {object} ({path}:{line}) leads to the pods of {whose} alone is not known: {why}"
    ))
}

/// Says which Services lead to the pods of both without being a backend: no weight splits what comes
/// through them.
fn past_it<'s>(
    object: &'s ObjectRef,
    services: &'s [Serving],
    backends: &'s [Leading],
) -> impl Iterator<Item = String> + 's {
    let is_backend =
        |service: &Serving| backends.iter().any(|it| it.service == service.service.name);
    let both = services
        .iter()
        .filter(move |it| it.selects_other && !is_backend(it));
    both.map(move |it| {
        format!(
            "{} ({}:{}) selects the pods of stable and of the canary: what comes through it is shared by the numbers of pods, whatever weight {object} has",
            it.service, it.path, it.line
        )
    })
}

/// Says that a weight is far above what the canary's pods are of all: each would have to bear many
/// times what one of stable's does. A stable workload without a number of pods, a DaemonSet, is not
/// compared.
fn capacity(canary: &Canary, manifests: &Manifests) -> Option<String> {
    let stable = &canary.stable.object;
    let pods = u64::from(manifest::current_replicas(manifests, stable).ok()?);
    let replicas = u64::from(canary.replicas.max(1));
    // Of one pod, in per cents of what one of stable's has: weight / replicas to 100 / pods.
    let too_much = |weight: u64| weight * pods > BEARABLE * 100 * replicas;
    let weight = canary.steps.iter().rev().find_map(|step| match step {
        CanaryStep::SetWeight(weight) => Some(*weight),
        CanaryStep::Pause { .. } | CanaryStep::PauseForApproval => None,
    })?;
    let percent = u64::from(weight.percent());
    if !too_much(percent) {
        return None;
    }
    let times = f64::from(weight.percent()) * f64::from(u32::try_from(pods).ok()?)
        / (100.0 * f64::from(canary.replicas.max(1)));
    let enough = (percent * pods).div_ceil(100);
    let of_canary = if replicas == 1 {
        "1 pod".to_owned()
    } else {
        format!("{replicas} pods")
    };
    Some(format!(
        "weight {weight} goes to {of_canary} of {}, and {stable} has {pods} for everything: each would get {} times the requests of one of stable's; `canary_replicas: {enough}` would be as many as for stable",
        canary.canary.object,
        number(times)
    ))
}
