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
/// `tag` is the version that the image has now; `is_named` says that the image is known to be the
/// workload's main one.
pub(in crate::manifest) fn locate(
    running: &Running<'_>,
    tag: Option<&str>,
    is_named: bool,
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
            match foreign(running, key, label.text(), tag, is_named) {
                Some(note) => findings.notes.push(note),
                None => findings.want(&label, version.as_str()),
            }
        }
    }
}

/// Says why a label is not ours to change: it says the version of another container's image. Where it
/// says ours as well, or that of none of several images, it goes with the main container; so it is ours
/// in a workload that was named, as its image is known to be the main one.
pub(in crate::manifest) fn foreign(
    running: &Running<'_>,
    key: &str,
    label: Option<&str>,
    tag: Option<&str>,
    is_named: bool,
) -> Option<String> {
    let label = label?;
    let (is_ours, title) = (Some(label) == tag, running.workload.title());
    let mut images = running.images.iter();
    let is_main = is_named || images.any(|image| image.container.is_main);
    let mut others = running.others.iter();
    let other = others.find(|other| other.reference.tag == Some(label));
    if let Some(other) = other.filter(|_| !(is_ours && is_main)) {
        return Some(format!(
            "label `{key}` of {title} says the version of the image `{}`; left as it is",
            other.reference.repository
        ));
    }
    let is_nobodys = !is_ours && !is_main && !running.others.is_empty();
    is_nobodys.then(|| {
        format!(
            "label `{key}` of {title} is `{label}`, the version of none of its images; left as it is"
        )
    })
}
