//! The number of pods of a workload.

use super::{
    Allowances, Manifests, ObjectRef, Refusal, ScalarType, Segment, cursor::Cursor,
    findings::Findings, kustomization, target::Target,
};

/// Kinds with `spec.replicas`.
const SCALED: &[&str] = &["Deployment", "StatefulSet", "ReplicaSet", "Rollout"];

/// Finds the replicas of a workload.
pub(super) fn locate(
    manifests: &Manifests,
    workload: &ObjectRef,
    replicas: u32,
    findings: &mut Findings,
) {
    findings.take(check_no_autoscaler(manifests, workload));
    if kustomization::locate_replicas(manifests, workload, replicas, findings) {
        return;
    }
    if let Some(place) = findings.take(place_of(manifests, workload)) {
        findings.want_as(&place, &replicas.to_string(), ScalarType::Integer);
    }
}

/// Returns the number of replicas that a workload asks for.
///
/// # Errors
/// The workload is not there exactly once, does not say it, or says something that is no number.
pub fn current_replicas(manifests: &Manifests, workload: &ObjectRef) -> Result<u32, Refusal> {
    let place = place_of(manifests, workload)?;
    let target = Target::at(&place, Allowances::default())?;
    target.value.parse().map_err(|_| {
        place.refusal(format!(
            "`spec.replicas` of {workload} is `{}`, expected a whole number",
            target.value
        ))
    })
}

fn place_of<'a>(manifests: &'a Manifests, workload: &ObjectRef) -> Result<Cursor<'a>, Refusal> {
    let view = manifests.one(workload)?;
    let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
    if !SCALED.contains(&workload.kind.as_str()) {
        let kinds = SCALED.join(", ");
        return Err(refuse(format!(
            "{workload} has no replicas, expected one of {kinds}"
        )));
    }
    let path = Segment::keys(&["spec", "replicas"]);
    if let Some(place) = kustomization::decider_of(manifests, view, &path)? {
        return Ok(place);
    }
    Cursor::new(view)
        .keys(&["spec", "replicas"])?
        .ok_or_else(|| {
            refuse(format!("{workload} has no `spec.replicas`"))
                .hint("write `replicas: 1` below its `spec`")
        })
}

/// Refuses where an autoscaler owns the number: it would set its own again.
fn check_no_autoscaler(manifests: &Manifests, workload: &ObjectRef) -> Result<(), Refusal> {
    let named = [workload.name.as_str()];
    for view in manifests.views_with(&named) {
        // KEDA's ScaledObject makes a HorizontalPodAutoscaler; its target is a Deployment unless
        // it says otherwise (keda.sh, "Scaling Deployments").
        let (default_kind, key) = match view.reference().kind.as_str() {
            "HorizontalPodAutoscaler" => ("", "minReplicas"),
            "ScaledObject" => ("Deployment", "minReplicaCount"),
            _ => continue,
        };
        let Some(target) = Cursor::new(view).keys(&["spec", "scaleTargetRef"])? else {
            continue;
        };
        let texts = target.texts();
        let kind = texts.get("kind").copied().unwrap_or(default_kind);
        if kind == workload.kind && texts.get("name").copied() == Some(workload.name.as_str()) {
            return Err(target
                .refusal(format!(
                    "{} decides over the replicas of {workload}",
                    view.reference()
                ))
                .hint(format!(
                    "change `{key}` there by hand, or take the workload out of it"
                )));
        }
    }
    Ok(())
}
