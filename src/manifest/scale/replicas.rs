//! The number of pods of a workload: its own `spec.replicas`, or the minimum of what scales it.

use crate::manifest::{
    Allowances, Manifests, ObjectRef, Refusal, ScalarType, Segment, autoscaler,
    backend::check_group, cursor::Cursor, findings::Findings, kustomization, object::View,
    target::Target,
};

/// Kinds with `spec.replicas`, with their API groups.
const SCALED: &[(&str, &[&str])] = &[
    ("Deployment", &["apps", "extensions"]),
    ("StatefulSet", &["apps"]),
    ("ReplicaSet", &["apps", "extensions"]),
    ("ReplicationController", &[""]),
    ("Rollout", &["argoproj.io"]),
];

/// What counts where a workload says nothing.
/// Source: Kubernetes API reference, `DeploymentSpec.replicas` and its likes.
const DEFAULT: u32 = 1;

/// Finds the replicas of a workload. Where something scales it, that one's minimum is what counts,
/// and the workload stays as it is.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    workload: &ObjectRef,
    replicas: u32,
    findings: &mut Findings,
) {
    let Some(view) = findings.take(scaled(manifests, workload)) else {
        return;
    };
    match findings.take(autoscaler::of(manifests, view)) {
        Some(None) if kustomization::locate_replicas(manifests, workload, replicas, findings) => {}
        Some(None) => own(view, replicas, findings),
        Some(Some(scaler)) => scaler.locate_minimum(view, replicas, findings),
        None => {}
    }
}

/// Returns the least number of replicas that a workload has: its own, or the minimum of what scales
/// it.
///
/// # Errors
/// The workload is not there exactly once, has no replicas, says something that is no number, or is
/// scaled by several.
pub fn current_replicas(manifests: &Manifests, workload: &ObjectRef) -> Result<u32, Refusal> {
    let view = scaled(manifests, workload)?;
    let own = Cursor::new(view).keys(&["spec", "replicas"])?;
    match autoscaler::of(manifests, view)? {
        Some(scaler) if !scaler.is_switched_off(view)? => scaler.minimum(),
        _ => {
            let path = Segment::keys(&["spec", "replicas"]);
            let decided = kustomization::decider_of(manifests, view, &path)?;
            decided.or(own).map_or(Ok(DEFAULT), |place| number(&place))
        }
    }
}

/// Reads a whole number.
///
/// # Errors
/// It is none.
pub(in crate::manifest) fn number(place: &Cursor<'_>) -> Result<u32, Refusal> {
    let target = Target::at(place, Allowances::default())?;
    target.value.parse().map_err(|_| {
        place
            .refusal(format!(
                "`{}` of {} is `{}`, expected a whole number",
                place.target(),
                place.view.reference(),
                target.value
            ))
            .hint("write a number there")
    })
}

fn scaled<'a>(manifests: &'a Manifests, workload: &ObjectRef) -> Result<View<'a>, Refusal> {
    let view = manifests.one(workload)?;
    let mut kinds = SCALED.iter();
    let Some((_, groups)) = kinds.find(|(kind, _)| *kind == workload.kind) else {
        let kinds: Vec<&str> = SCALED.iter().map(|(kind, _)| *kind).collect();
        let reason = format!(
            "{workload} has no replicas, expected one of {}",
            kinds.join(", ")
        );
        return Err(Refusal::new(reason)
            .at(view.path(), view.object.line)
            .hint("name the workload that runs the pods"));
    };
    check_group(view, groups)?;
    Ok(view)
}

fn own(view: View<'_>, replicas: u32, findings: &mut Findings) {
    let object = Cursor::new(view);
    let path = ["spec", "replicas"];
    let is_missing = findings
        .take(object.keys(&path))
        .is_some_and(|it| it.is_none());
    let refused = findings.refusals.len();
    findings.put(
        &object,
        &Segment::keys(&path),
        &replicas.to_string(),
        ScalarType::Integer,
    );
    if is_missing && findings.refusals.len() == refused {
        findings.notes.push(format!(
            "{}: {} had no spec.replicas, which counts as {DEFAULT}",
            view.place(),
            view.reference()
        ));
    }
}
