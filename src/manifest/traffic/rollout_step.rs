//! The weights of the canary steps of an Argo Rollout.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment, backend::check_group, cursor::Cursor,
    findings::Findings, replicas::number, shares::part, target::check_written_out,
};
use crate::units::Weight;

/// The API group of the kind.
const GROUPS: &[&str] = &["argoproj.io"];

/// What weights are parts of where nothing says it.
const WHOLE: u32 = 100;

/// Finds the weight of a step, counted among those that set one. The step behind the last is added at
/// the end of all steps.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    rollout: &ObjectRef,
    step: usize,
    weight: Weight,
    findings: &mut Findings,
) {
    let Some(canary) = findings.take(canary_of(manifests, rollout)) else {
        return;
    };
    let Some(share) = findings.take(share(&canary, weight)) else {
        return;
    };
    let path = findings.take(path_of_step(&canary, step));
    if let Some(path) = path {
        findings.put(&canary, &path, &share.to_string(), ScalarType::Integer);
    }
}

/// Returns the weight in the units of the Rollout.
/// Source: Argo Rollouts documentation, "Traffic Management", `maxTrafficWeight`.
fn share(canary: &Cursor<'_>, weight: Weight) -> Result<u32, Refusal> {
    let share = u32::from(weight.percent());
    let Some(total) = canary.keys(&["trafficRouting", "maxTrafficWeight"])? else {
        return Ok(share);
    };
    part(number(&total)?, share, WHOLE).ok_or_else(|| {
        total
            .refusal(format!(
                "`{}` of {} is `{}`, of which {weight} is no whole number",
                total.target(),
                total.view.reference(),
                total.text().unwrap_or_default()
            ))
            .hint("give a weight that divides it")
    })
}

fn canary_of<'a>(manifests: &'a Manifests, rollout: &ObjectRef) -> Result<Cursor<'a>, Refusal> {
    let view = manifests.one(rollout)?;
    let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
    if rollout.kind != "Rollout" {
        let reason = format!("{rollout} has no canary steps, expected a Rollout of Argo");
        return Err(refuse(reason).hint("name the Rollout"));
    }
    check_group(view, GROUPS)?;
    let canary = Cursor::new(view).keys(&["spec", "strategy", "canary"])?;
    canary.ok_or_else(|| {
        refuse(format!("{rollout} has no `spec.strategy.canary`"))
            .hint("name a Rollout whose strategy is canary")
    })
}

fn path_of_step(canary: &Cursor<'_>, step: usize) -> Result<Vec<Segment>, Refusal> {
    let steps = canary.key("steps")?;
    if let Some(steps) = &steps {
        // A step that only rendering shows would be counted too.
        let target = format!("{} of {}", steps.target(), canary.view.reference());
        check_written_out(steps, &target)?;
    }
    let items: Vec<Cursor<'_>> = steps.iter().flat_map(Cursor::items).collect();
    let mut weights = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Some(weight) = item.key("setWeight")? {
            weights.push((index, weight));
        }
    }
    let path = |index: usize| {
        vec![
            Segment::from("steps"),
            Segment::Index(index),
            Segment::from("setWeight"),
        ]
    };
    if let Some((index, _)) = weights.get(step) {
        return Ok(path(*index));
    }
    if step == weights.len() {
        return Ok(path(items.len()));
    }
    let found: Vec<String> = weights
        .iter()
        .enumerate()
        .map(|(step, (_, weight))| {
            let text = weight.text().unwrap_or("not readable");
            format!("{step} (weight {text}, line {})", weight.line())
        })
        .collect();
    let found = if found.is_empty() {
        "none".to_owned()
    } else {
        found.join(", ")
    };
    let place = steps.as_ref().unwrap_or(canary);
    Err(place
        .refusal(format!(
            "{} has no weight step {step}; found {found}",
            canary.view.reference()
        ))
        .hint(format!(
            "steps that set a weight are counted from 0; the next one is {}",
            weights.len()
        )))
}
