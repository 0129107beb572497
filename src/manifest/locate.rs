//! Edits in, changes out: all of them, or the reasons why not.

use super::{
    Allowances, Change, ChangeSet, Edit, Manifests, Refusal, Segment, annotation, any_path, env,
    findings::Findings, helm, image, kustomization, label, list_item, replicas, rollout_step,
    selector, subset, version, weight,
};

/// Finds the values that some edits change. A value that is right already is not changed.
///
/// # Errors
/// Every reason why one of the edits cannot be made safely; then none is made.
pub fn locate(manifests: &Manifests, edits: &[Edit]) -> Result<ChangeSet, Vec<Refusal>> {
    locate_allowing(manifests, edits, Allowances::default())
}

/// As [`locate()`], where a person has allowed more than is always safe.
///
/// # Errors
/// As [`locate()`].
pub fn locate_allowing(
    manifests: &Manifests,
    edits: &[Edit],
    allowed: Allowances,
) -> Result<ChangeSet, Vec<Refusal>> {
    let mut findings = Findings::new(allowed).kustomized(manifests);
    for edit in edits {
        match edit {
            Edit::Version {
                workload,
                image,
                version,
            } => version::locate(manifests, workload.as_ref(), image, version, &mut findings),
            Edit::Replicas { workload, replicas } => {
                replicas::locate(manifests, workload, *replicas, &mut findings);
            }
            Edit::Weight {
                traffic,
                weight,
                canary,
            } => {
                let known = findings.changes.len();
                weight::locate(
                    manifests,
                    traffic.as_ref(),
                    *weight,
                    canary.as_deref(),
                    &mut findings,
                );
                // Weights are changed step by step, while others may change the rules around them.
                let weights = findings.changes.get_mut(known..).unwrap_or_default();
                list_item::note(manifests, weights);
            }
            Edit::Image {
                workload,
                containers,
                reference,
            } => image::locate(
                manifests,
                workload.as_ref(),
                containers,
                reference,
                &mut findings,
            ),
            Edit::Label { object, key, value } => {
                label::set(manifests, object.as_ref(), key, value, &mut findings);
            }
            Edit::Annotation { object, key, value } => {
                annotation::set(manifests, object.as_ref(), key, value, &mut findings);
            }
            Edit::Env {
                workload,
                container,
                name,
                value,
            } => env::set(
                manifests,
                workload.as_ref(),
                container.as_deref(),
                (name, value),
                &mut findings,
            ),
            Edit::Selector {
                service,
                key,
                value,
            } => selector::locate(manifests, service, key, value, &mut findings),
            Edit::Subset {
                rule,
                subset,
                key,
                value,
            } => subset::locate(manifests, rule, subset, (key, value), &mut findings),
            Edit::RolloutStep {
                rollout,
                step,
                weight,
            } => rollout_step::locate(manifests, rollout, *step, *weight, &mut findings),
            Edit::HelmValue {
                values,
                path,
                value,
                scalar_type,
            } => helm::locate(
                manifests,
                values,
                path,
                (value, *scalar_type),
                &mut findings,
            ),
            Edit::ChartValue {
                values,
                path,
                value,
                scalar_type,
            } => helm::locate_there(
                manifests,
                values,
                path,
                (value, *scalar_type),
                &mut findings,
            ),
            Edit::Path {
                object,
                path,
                value,
                scalar_type,
            } => any_path::locate(
                manifests,
                object.as_ref(),
                path,
                (value, *scalar_type),
                &mut findings,
            ),
        }
    }
    findings.settle();
    kustomization::check_shared(manifests, &mut findings);
    let Findings {
        mut changes,
        mut notes,
        mut refusals,
        ..
    } = findings;
    // Values that are made keep their order: what the first makes the second goes into.
    changes.sort_by(|one, other| {
        (&one.path, one.created > 0, one.span.start).cmp(&(
            &other.path,
            other.created > 0,
            other.span.start,
        ))
    });
    refusals.extend(conflicts(&mut changes));
    let naming: Vec<&Change> = changes
        .iter()
        .filter(|change| name_of_item(change).is_some())
        .collect();
    if !naming.is_empty() {
        refusals.extend(changes.iter().filter_map(|change| renamed(change, &naming)));
    }
    if !refusals.is_empty() {
        refusals.dedup();
        helm::name_values_files(manifests, &mut refusals);
        return Err(refusals);
    }
    notes.dedup();
    Ok(ChangeSet { changes, notes })
}

/// Returns the key of a list item whose value a change is of, and how deep the item is: paths may name it by
/// that text.
fn name_of_item(change: &Change) -> Option<(usize, &str)> {
    match change.pointer.as_slice() {
        [outer @ .., Segment::Index(_), Segment::Key(key)] => Some((outer.len(), key)),
        _ => None,
    }
}

/// Refuses a change whose path names a list item by a text that another change replaces: it would be
/// found neither afterwards nor on the way back. `naming` are the changes that may be such ones.
fn renamed(change: &Change, naming: &[&Change]) -> Option<Refusal> {
    let names = |other: &&&Change| {
        let old = other.old.as_deref().unwrap_or(other.old_text.trim());
        name_of_item(other).is_some_and(|(at, name)| {
            let through = matches!(
                change.pointer.get(at),
                Some(Segment::Item { key, value }) if key == name && value == old
            );
            through && change.pointer.get(..at) == other.pointer.get(..at)
        })
    };
    let mut others = naming
        .iter()
        .filter(|other| other.path == change.path && other.object == change.object);
    let other = others.find(names)?;
    let reason = format!(
        "`{}` of {} is to change together with `{}`, by which it is found",
        change.target(),
        change.object,
        other.target()
    );
    let refusal = Refusal::new(reason).at(&change.path, change.line);
    Some(refusal.hint("make the edits one after the other"))
}

/// Leaves each change once; returns those that want different values in one place.
fn conflicts(changes: &mut Vec<Change>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut once: Vec<Change> = Vec::with_capacity(changes.len());
    for change in changes.drain(..) {
        let same_start = |earlier: &&Change| {
            earlier.path == change.path && earlier.span.start == change.span.start
        };
        let twin = once
            .iter()
            .rev()
            .take_while(same_start)
            .find(|earlier| earlier.same_place(&change));
        match twin {
            None => once.push(change),
            Some(twin) if twin.new == change.new => {}
            Some(twin) => {
                let shown = |value: &Option<String>| value.clone().unwrap_or_default();
                let reason = format!(
                    "{} of {} is to become both `{}` and `{}`, expected one value",
                    twin.target(),
                    twin.object,
                    shown(&twin.new),
                    shown(&change.new)
                );
                let refusal = Refusal::new(reason).at(&twin.path, twin.line);
                refusals.push(refusal.hint("give one new value for it"));
            }
        }
    }
    *changes = once;
    refusals
}
