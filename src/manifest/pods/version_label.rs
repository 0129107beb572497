//! Version labels: which of them say what runs, and which are part of who someone is.

use crate::manifest::{
    Refusal, cursor::Cursor, findings::Findings, identity::Identity, label::places,
    workloads::Running,
};
use crate::units::Version;

/// The label keys that carry a version: the Kubernetes recommended label, Datadog's unified service
/// tagging, and the plain one of Istio and of many others.
pub(in crate::manifest) const KEYS: &[&str] = &[
    "version",
    "app.kubernetes.io/version",
    "tags.datadoghq.com/version",
];

/// Finds the version labels of a workload and of its pod template. Only labels that are there are
/// changed, and none that a selector uses: those say who a pod is, and cannot be changed on a living
/// workload.
///
/// `tag` is the version that the image has now.
pub(in crate::manifest) fn locate(
    running: &Running<'_>,
    tag: Option<&str>,
    version: &Version,
    identity: &mut Identity<'_>,
    findings: &mut Findings,
) {
    let workload = &running.workload;
    let view = workload.object.view;
    let places = places(&workload.object, Some(workload));
    let maps: Vec<Result<Option<Cursor<'_>>, Refusal>> = places
        .iter()
        .map(|place| place.keys(&["metadata", "labels"]))
        .collect();
    for key in KEYS {
        let mut found = Vec::new();
        for map in &maps {
            let label = match map {
                Ok(Some(labels)) => labels.key(key),
                Ok(None) => Ok(None),
                Err(refusal) => Err(refusal.clone()),
            };
            // What is wrong there is no matter where the label cannot be.
            if label.is_ok() || view.file.may_hold(view.part, key) {
                found.extend(findings.take(label).flatten());
            }
        }
        if found.is_empty() {
            continue;
        }
        match findings.take(identity.selector_using(workload, key)) {
            Some(None) => {}
            Some(Some(selector)) => {
                findings.notes.push(format!(
                    "label `{key}` of {} is used by {selector}; left as it is",
                    workload.title()
                ));
                continue;
            }
            None => continue,
        }
        for label in found {
            match other_image_of(running, label.text(), tag) {
                Some(image) => findings.notes.push(format!(
                    "label `{key}` of {} says the version of the image `{image}`; left as it is",
                    workload.title()
                )),
                None => findings.want(&label, version.as_str()),
            }
        }
    }
}

/// Returns the image of another container whose version a label says, where it does not say ours.
fn other_image_of<'a>(
    running: &Running<'a>,
    label: Option<&str>,
    tag: Option<&str>,
) -> Option<&'a str> {
    if label == tag {
        return None;
    }
    let other = running
        .others
        .iter()
        .find(|other| other.reference.tag.is_some() && other.reference.tag == label)?;
    Some(other.reference.repository)
}
