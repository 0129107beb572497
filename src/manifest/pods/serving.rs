//! Which Services send requests to the pods of two workloads, by their selectors and the pods' labels.

use crate::manifest::{
    Manifests, ObjectRef, Refusal, autoscaler,
    cursor::Cursor,
    pod_spec::template_path,
    selector::{pod_labels, selects},
    virtual_service,
};

/// A Service that selects pods of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The Service.
    pub service: ObjectRef,
    /// Path of its file.
    pub path: String,
    /// 1-based line on which it begins.
    pub line: usize,
    /// Does it select the pods of the other workload, too?
    pub selects_other: bool,
}

/// Finds the Services that select the pods of a workload, also in files that are only looked at, and
/// says of each whether it selects those of another workload too.
///
/// # Errors
/// One of the workloads is not there exactly once, or a key on the way is written twice.
pub fn serving(
    manifests: &Manifests,
    workload: &ObjectRef,
    other: &ObjectRef,
) -> Result<Vec<Serving>, Refusal> {
    let (one, two) = (manifests.one(workload)?, manifests.one(other)?);
    let (labels, other_labels) = (pod_labels(one)?, pod_labels(two)?);
    let mut found = Vec::new();
    for view in manifests.all_views_with(&["Service", "selector"]) {
        let object = Cursor::new(view);
        // A Service of Knative runs pods and selects none.
        let is_service = view.reference().kind == "Service" && template_path(&object).is_none();
        if !is_service || !view.may_share_namespace(one.object.namespace.as_deref()) {
            continue;
        }
        let selector = object.keys(&["spec", "selector"]).ok().flatten();
        let selector = selector.map(|place| place.texts()).unwrap_or_default();
        if selects(&selector, &labels) {
            found.push(Serving {
                service: view.reference().clone(),
                path: view.path().to_owned(),
                line: view.object.line,
                selects_other: selects(&selector, &other_labels)
                    && view.may_share_namespace(two.object.namespace.as_deref()),
            });
        }
    }
    Ok(found)
}

/// Does an object send requests to subsets of a host, which a DestinationRule tells apart by labels?
///
/// # Errors
/// The object is not there exactly once, or cannot be read.
pub fn splits_by_subsets(manifests: &Manifests, traffic: &ObjectRef) -> Result<bool, Refusal> {
    if traffic.kind != "VirtualService" {
        return Ok(false);
    }
    let rules = (virtual_service::SPLITTER.rules)(manifests.one(traffic)?)?;
    let mut backends = rules.iter().flat_map(|rule| &rule.backends);
    Ok(backends.any(|backend| backend.name.subset.is_some()))
}

/// Returns what scales a workload, with its place, where something does.
///
/// # Errors
/// The workload is not there exactly once, or several scale it.
pub fn scaled_by(manifests: &Manifests, workload: &ObjectRef) -> Result<Option<String>, Refusal> {
    let scaler = autoscaler::of(manifests, manifests.one(workload)?)?;
    Ok(scaler.map(|scaler| format!("{} ({})", scaler.view.reference(), scaler.view.place())))
}
