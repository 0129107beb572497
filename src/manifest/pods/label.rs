//! Labels of objects and of the pod templates in them.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment, cursor::Cursor, findings::Findings,
    identity::Identity, pod_spec::Workload, qualified_name, workloads,
};

/// Finds a label of an object and of its pod template; it is made where it is missing. Without an
/// object it is changed wherever it is; where it is nowhere, the only workload gets it.
pub(in crate::manifest) fn set(
    manifests: &Manifests,
    object: Option<&ObjectRef>,
    key: &str,
    value: &str,
    findings: &mut Findings,
) {
    let legal = qualified_name::check_key("label", key)
        .and_then(|()| qualified_name::check_label_value(value));
    if findings.take(legal).is_none() {
        return;
    }
    let objects = objects_with(manifests, object, ("label", "labels"), key, findings);
    let objects = findings.take(objects);
    let mut identity = Identity::new(manifests);
    for object_place in objects.into_iter().flatten() {
        let Some(workload) = findings.take(Workload::of(object_place.clone())) else {
            continue;
        };
        if let Some(workload) = &workload
            && findings
                .take(check_no_identity(workload, key, &mut identity))
                .is_none()
        {
            continue;
        }
        let places = places(&object_place, workload.as_ref());
        let is_named = object.is_some() || !places.iter().any(|place| has(place, "labels", key));
        for place in places {
            if is_named || has(&place, "labels", key) {
                let path = Segment::keys(&["metadata", "labels", key]);
                findings.put(&place, &path, value, ScalarType::Text);
            }
        }
    }
}

/// Returns the places whose metadata hold the labels of an object: itself, and its pod template.
pub(in crate::manifest) fn places<'a>(
    object: &Cursor<'a>,
    workload: Option<&Workload<'a>>,
) -> Vec<Cursor<'a>> {
    let template = workload.and_then(|workload| workload.template.as_ref());
    let template = template.filter(|template| template.node != object.node);
    std::iter::once(object).chain(template).cloned().collect()
}

/// Returns the named object, or every one whose metadata, or whose pod template's, have a key in one
/// of their maps.
///
/// # Errors
/// The named one is not there exactly once; none has the key, or what cannot be read may have it.
pub(in crate::manifest) fn objects_with<'a>(
    manifests: &'a Manifests,
    object: Option<&ObjectRef>,
    (noun, map): (&str, &str),
    key: &str,
    findings: &mut Findings,
) -> Result<Vec<Cursor<'a>>, Refusal> {
    if let Some(object) = object {
        return Ok(vec![Cursor::new(manifests.one(object)?)]);
    }
    let named = [key];
    let mut unknown = manifests.unknown_with(&named);
    if let Some(unknown) = unknown.find(|unknown| unknown.hides_entry(key, None)) {
        let reason = format!("the {} here may have the {noun} `{key}`", unknown.what());
        return Err(unknown.refusal(reason));
    }
    let mut found = Vec::new();
    for view in manifests.views_with(&named) {
        let object = Cursor::new(view);
        let workload = match map {
            "labels" => Workload::of(object.clone())?,
            _ => None,
        };
        let places = places(&object, workload.as_ref());
        if places.iter().any(|place| has(place, map, key)) {
            found.push(object);
        }
    }
    if found.is_empty() {
        let missing = format!("no object has the {noun} `{key}`");
        if map != "labels" {
            return Err(Refusal::new(format!("{missing}, expected one that has"))
                .hint("name the object that is to get it"));
        }
        let only = workloads::only_one(manifests, &missing)?;
        findings.notes.push(format!(
            "{missing}; {} gets it, the only workload",
            only.title()
        ));
        found.push(only.object);
    }
    Ok(found)
}

fn has(place: &Cursor<'_>, map: &str, key: &str) -> bool {
    // A key that is written twice is there; it is refused where it is changed.
    place
        .keys(&["metadata", map, key])
        .map_or(true, |found| found.is_some())
}

/// Refuses a label that says who a pod is: its workload would lose its pods, or a Service would.
fn check_no_identity(
    workload: &Workload<'_>,
    key: &str,
    identity: &mut Identity<'_>,
) -> Result<(), Refusal> {
    match identity.selector_using(workload, key)? {
        None => Ok(()),
        Some(selector) => Err(workload
            .refusal(format!(
                "label `{key}` of {} is used by {selector}, expected one that selects nothing",
                workload.title()
            ))
            .hint(
                "the pods would no longer be found by it; make a workload of another name that has \
                 the new label",
            )),
    }
}
