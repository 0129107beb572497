//! The label that a Service selects the pods of one colour by.

use std::collections::HashMap;

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, cursor::Cursor, findings::Findings,
    manifests::listed, object::View, pod_spec::template_path, qualified_name,
};

/// Finds a label of a Service's selector. Only one that is there already is changed: another label
/// would change who the Service is for, and a workload's own selector says who its pods are.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    service: &ObjectRef,
    key: &str,
    value: &str,
    findings: &mut Findings,
) {
    let Some(place) = findings.take(place_of(manifests, service, key)) else {
        return;
    };
    let legal = qualified_name::check_label_value(value);
    if findings.take(legal).is_none() {
        return;
    }
    findings.put(
        &Cursor::new(place.view),
        &place.pointer(),
        value,
        ScalarType::Text,
    );
    if let Some(note) = findings.take(note_no_pods(manifests, &place, key, value)) {
        findings.notes.extend(note);
    }
}

fn place_of<'a>(
    manifests: &'a Manifests,
    service: &ObjectRef,
    key: &str,
) -> Result<Cursor<'a>, Refusal> {
    let view = manifests.one(service)?;
    let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
    if service.kind != "Service" {
        let reason = format!("the selector of {service} is never changed, expected a Service");
        return Err(refuse(reason).hint("name the Service that leads to the pods"));
    }
    let Some(selector) = Cursor::new(view).keys(&["spec", "selector"])? else {
        let reason = format!("{service} has no selector");
        return Err(refuse(reason).hint("name a Service that selects pods by a label"));
    };
    selector.key(key)?.ok_or_else(|| {
        let found = shown(&selector.texts());
        selector
            .refusal(format!(
                "{service} does not select by the label `{key}`; found {found}"
            ))
            .hint("name one of these; a selector gets no new label")
    })
}

/// Says that no workload in the files has pods that the Service selects then.
fn note_no_pods(
    manifests: &Manifests,
    place: &Cursor<'_>,
    key: &str,
    value: &str,
) -> Result<Option<String>, Refusal> {
    let service = place.view;
    let selector = Cursor::new(service).keys(&["spec", "selector"])?;
    let mut wanted = selector
        .map(|selector| selector.texts())
        .unwrap_or_default();
    wanted.insert(key, value);
    for view in manifests.views_with(&[value]) {
        if !view.may_share_namespace(service.object.namespace.as_deref()) {
            continue;
        }
        if selects(&wanted, &pod_labels(view)?) {
            return Ok(None);
        }
    }
    Ok(Some(format!(
        "{}:{}: no workload in the files has pods that {} selects with `{key}: {value}`",
        service.path(),
        place.line(),
        service.reference()
    )))
}

/// Returns labels for people: `app: shop`, or `none`.
pub(super) fn shown(labels: &HashMap<&str, &str>) -> String {
    if labels.is_empty() {
        return "none".to_owned();
    }
    let labels = labels.iter();
    listed(labels.map(|(key, value)| format!("`{key}: {value}`")))
}

/// Does a Service with these labels as its selector send requests to pods with those? One without a
/// selector selects nobody.
pub(in crate::manifest) fn selects(
    selector: &HashMap<&str, &str>,
    pods: &HashMap<&str, &str>,
) -> bool {
    let mut wanted = selector.iter();
    !selector.is_empty() && wanted.all(|(key, value)| pods.get(key) == Some(value))
}

/// Returns the labels that a workload gives its pods; none of what runs no pods.
///
/// # Errors
/// A key on the way is written twice.
pub(in crate::manifest) fn pod_labels(view: View<'_>) -> Result<HashMap<&str, &str>, Refusal> {
    let Some(template) = template_path(&Cursor::new(view)) else {
        return Ok(Default::default());
    };
    let labels = Cursor::new(view).keys(&[template, &["metadata", "labels"]].concat())?;
    Ok(labels.map(|labels| labels.texts()).unwrap_or_default())
}
