//! Version labels: which of them say what runs, and which are part of who someone is.

use super::{
    Manifests,
    cursor::Cursor,
    findings::Findings,
    pod_spec::{Workload, template_path},
    template,
};
use crate::units::Version;

/// The label keys that carry a version: the Kubernetes recommended label, Datadog's unified service
/// tagging, and the plain one of Istio and of many others.
pub(super) const KEYS: &[&str] = &[
    "version",
    "app.kubernetes.io/version",
    "tags.datadoghq.com/version",
];

/// Finds the version labels of a workload and of its pod template. Only labels that are there are
/// changed, and none that a selector uses: those say who a pod is, and cannot be changed on a living
/// workload.
///
/// `tag` is the version that the image has now.
pub(super) fn locate(
    manifests: &Manifests,
    workload: &Workload<'_>,
    tag: Option<&str>,
    version: &Version,
    findings: &mut Findings,
) {
    let view = workload.view;
    let template_path = template_path(&view.reference().kind).unwrap_or_default();
    let mut label_paths = vec![vec!["metadata", "labels"]];
    if !template_path.is_empty() {
        label_paths.push([template_path, &["metadata", "labels"]].concat());
    }
    for key in KEYS {
        let mut found = Vec::new();
        for path in &label_paths {
            let labels = findings.take(Cursor::new(view).keys(path)).flatten();
            let label = labels.and_then(|labels| findings.take(labels.key(key)).flatten());
            found.extend(label);
        }
        if found.is_empty() {
            continue;
        }
        match findings.take(identity(manifests, workload, key)) {
            Some(None) => {}
            Some(Some(selector)) => {
                findings.notes.push(format!(
                    "label `{key}` of {} is used by {selector}; left as it is",
                    view.reference()
                ));
                continue;
            }
            None => continue,
        }
        for label in found {
            match other_image_of(workload, label.text(), tag) {
                Some(image) => findings.notes.push(format!(
                    "label `{key}` of {} says the version of the image `{image}`; left as it is",
                    view.reference()
                )),
                None => findings.want(&label, version.as_str()),
            }
        }
    }
}

/// Returns the image of another container whose version a label says, where it does not say ours.
fn other_image_of<'a>(
    workload: &Workload<'a>,
    label: Option<&str>,
    tag: Option<&str>,
) -> Option<&'a str> {
    if label == tag {
        return None;
    }
    let other = workload
        .others
        .iter()
        .find(|other| other.reference.tag.is_some() && other.reference.tag == label)?;
    Some(other.reference.repository)
}

/// Returns the selector that uses a label key of this workload's pods, if any does.
fn identity(
    manifests: &Manifests,
    workload: &Workload<'_>,
    key: &str,
) -> Result<Option<String>, super::Refusal> {
    let view = workload.view;
    let own = Cursor::new(view);
    if let Some(selector) = own.keys(&["spec", "selector"])? {
        let by_label = match selector.key("matchLabels")? {
            Some(labels) => labels.key(key)?.is_some(),
            None => false,
        };
        let expressions = selector.key("matchExpressions")?;
        let by_expression = expressions.is_some_and(|list| {
            list.items().iter().any(|expression| {
                let used = expression.key("key").ok().flatten();
                used.is_some_and(|used| used.text() == Some(key))
            })
        });
        if by_label || by_expression {
            return Ok(Some("its own selector".to_owned()));
        }
    }
    let path = template_path(&view.reference().kind).unwrap_or_default();
    let labels = own
        .keys(&[path, &["metadata", "labels"]].concat())?
        .map(|labels| labels.texts())
        .unwrap_or_default();
    for service in manifests.services() {
        // The key itself may select another version today; it is identity all the same.
        let selects = service
            .selector
            .iter()
            .all(|(name, value)| name == key || labels.get(name.as_str()) == Some(&value.as_str()));
        let same_namespace = view.may_share_namespace(service.namespace.as_deref());
        if service.selector.contains_key(key) && selects && same_namespace {
            return Ok(Some(format!(
                "the selector of {} ({})",
                service.object, service.place
            )));
        }
    }
    let named = [key, "Service"];
    let unreadable = manifests
        .unknown_with(&named)
        .find(|unknown| template::may_be(unknown.text, "Service") && unknown.hides(key));
    match unreadable {
        None => Ok(None),
        Some(unknown) => Err(unknown.refusal(format!(
            "the {} here may select pods by the label `{key}` of {}",
            unknown.what(),
            view.reference()
        ))),
    }
}

/// Finds a label of an object.
pub(super) fn set(
    manifests: &Manifests,
    object: Option<&super::ObjectRef>,
    key: &str,
    value: &str,
    findings: &mut Findings,
) {
    let _ = (manifests, object, key, value);
    findings.refusals.push(super::Refusal::new("not there yet"));
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Edit, Manifests, SourceFile, locate};

    const WORKLOAD: &str = "kind: Deployment\nmetadata: {name: app, labels: {version: \"1.0\"}}\nspec:\n  template:\n    metadata: {labels: {app: app, version: \"1.0\"}}\n    spec: {containers: [{name: app, image: \"r.example/app:1.0\"}]}\n";
    const SERVICE: &str =
        "kind: Service\nmetadata: {name: app}\nspec: {selector: {app: app, version: \"1.0\"}}\n";

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_service_in_a_file_that_is_only_looked_at_makes_a_label_identity() {
        let edit = Edit::Version {
            workload: Some("Deployment/app".parse().unwrap()),
            image: "r.example/app".to_owned(),
            version: "1.1".parse().unwrap(),
        };
        let alone = Manifests::parse(vec![file("app.yaml", WORKLOAD)]).unwrap();
        let found = locate(&alone, std::slice::from_ref(&edit)).unwrap();
        assert_eq!(found.changes.len(), 3, "{:?}", found.changes);
        let with_service = alone.beside(vec![
            file("service.yaml", SERVICE),
            file("broken.yaml", "kind: Service\n  selector: ["),
        ]);
        let found = locate(&with_service, &[edit]).unwrap();
        assert_eq!(found.changes.len(), 1, "{:?}", found.changes);
        assert!(
            found.notes[0].contains("the selector of Service/app"),
            "{:?}",
            found.notes
        );
    }
}
