//! Annotations of objects.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment, findings::Findings, label::objects_with,
    qualified_name, template,
};

/// Where `kubectl apply` keeps what it sent last; it compares with it the next time.
pub(in crate::manifest) const LAST_APPLIED: &str =
    "kubectl.kubernetes.io/last-applied-configuration";

/// Finds an annotation of an object; it is made where it is missing. Without an object it is changed
/// wherever it is, and made nowhere.
pub(in crate::manifest) fn set(
    manifests: &Manifests,
    object: Option<&ObjectRef>,
    key: &str,
    value: &str,
    findings: &mut Findings,
) {
    // The API server takes prefixes in upper case for annotations, not for labels.
    let legal = qualified_name::check_key("annotation", &key.to_ascii_lowercase());
    if findings
        .take(
            legal
                .and_then(|()| check_own(key))
                .and_then(|()| template::check_new(value)),
        )
        .is_none()
    {
        return;
    }
    let objects = objects_with(
        manifests,
        object,
        ("annotation", "annotations"),
        key,
        findings,
    );
    let objects = findings.take(objects);
    for object in objects.into_iter().flatten() {
        let path = Segment::keys(&["metadata", "annotations", key]);
        findings.put(&object, &path, value, ScalarType::Text);
    }
}

fn check_own(key: &str) -> Result<(), Refusal> {
    if key != LAST_APPLIED {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "`{key}` is what kubectl keeps for itself, expected an annotation of the object's own"
    ))
    .hint("remove it from the file; `kubectl apply` writes it into the cluster alone"))
}
