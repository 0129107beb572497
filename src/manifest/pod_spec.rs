//! Workloads: where each kind keeps its pod template, and which of its containers run an image.

use super::{
    Manifests, Refusal, cursor::Cursor, image::ImageReference, manifests::listed, object::View,
};

/// Kinds that run pods, with the path to their pod template. Of a `Pod` it is the object itself.
const WORKLOADS: &[(&str, &[&str])] = &[
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("Pod", &[]),
    ("Rollout", &["spec", "template"]),
];

const IMAGE_HINT: &str = "name the image as it is written there, without its tag";

/// Returns the path to the pod template of a kind; none for a kind that runs no pods.
pub(super) fn template_path(kind: &str) -> Option<&'static [&'static str]> {
    WORKLOADS
        .iter()
        .find(|(name, _)| *name == kind)
        .map(|(_, path)| *path)
}

/// A container of a workload.
#[derive(Debug)]
pub(super) struct Container<'a> {
    /// The workload.
    pub view: View<'a>,
    /// The item of `containers` or `initContainers`.
    pub item: Cursor<'a>,
    /// Its `image`.
    pub image: Cursor<'a>,
    /// The decoded image reference.
    pub reference: ImageReference<'a>,
}

/// A workload and those of its containers that run an image, or another one.
#[derive(Debug)]
pub(super) struct Workload<'a> {
    /// The workload.
    pub view: View<'a>,
    /// The containers that run the image; at least one.
    pub running: Vec<Container<'a>>,
    /// The other containers.
    pub others: Vec<Container<'a>>,
}

/// Takes the containers of one workload apart by the image that they run.
///
/// # Errors
/// It runs no pods, none of its containers runs the image, or a key on the way is written twice.
pub(super) fn running<'a>(view: View<'a>, image: &str) -> Result<Workload<'a>, Refusal> {
    let name = view.reference();
    let refuse = |reason: String| Refusal::new(reason).at(view.path(), view.object.line);
    if template_path(&name.kind).is_none() {
        let kinds: Vec<&str> = WORKLOADS.iter().map(|(kind, _)| *kind).collect();
        let reason = format!("{name} runs no pods, expected one of {}", kinds.join(", "));
        return Err(refuse(reason).hint("name the workload that runs the image"));
    }
    let all = containers(view)?;
    if all.is_empty() && Cursor::new(view).keys(&["spec", "workloadRef"])?.is_some() {
        let reason = format!("{name} has no pod template, it refers to another workload");
        return Err(refuse(reason).hint("name the workload that `spec.workloadRef` refers to"));
    }
    let found = images(&all);
    let (running, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|container| container.reference.repository == image);
    if running.is_empty() {
        let reason = format!("no container of {name} runs the image `{image}`; found {found}");
        return Err(refuse(reason).hint(IMAGE_HINT));
    }
    Ok(Workload {
        view,
        running,
        others,
    })
}

/// Returns every workload that runs an image.
///
/// # Errors
/// None does, a Helm template may, or a key on the way is written twice.
pub(super) fn all_running<'a>(
    manifests: &'a Manifests,
    image: &str,
) -> Result<Vec<Workload<'a>>, Refusal> {
    let named = [image];
    let mut unknown = manifests.unknown_with(&named);
    if let Some(unknown) = unknown.find(|unknown| unknown.hides(image)) {
        let reason = format!("the {} here names the image `{image}`", unknown.what());
        return Err(unknown.refusal(reason));
    }
    let mut workloads = Vec::new();
    let mut views = manifests.views_with(&named).collect();
    manifests.kustomizations().drop_patches(&mut views);
    for view in views {
        let runs = |container: &Container<'_>| container.reference.repository == image;
        if containers(view)?.iter().any(runs) {
            workloads.push(running(view, image)?);
        }
    }
    if workloads.is_empty() {
        let mut all = Vec::new();
        for view in manifests.views_with(&[]) {
            all.extend(containers(view)?);
        }
        let reason = format!(
            "no workload runs the image `{image}`; found {}",
            images(&all)
        );
        return Err(Refusal::new(reason).hint(IMAGE_HINT));
    }
    Ok(workloads)
}

/// Returns the containers of an object that have an image, init containers first; empty for an
/// object that runs no pods.
pub(super) fn containers(view: View<'_>) -> Result<Vec<Container<'_>>, Refusal> {
    let mut found = Vec::new();
    let Some(path) = template_path(&view.reference().kind) else {
        return Ok(found);
    };
    let Some(template) = Cursor::new(view).keys(path)? else {
        return Ok(found);
    };
    for list in ["initContainers", "containers"] {
        let Some(list) = template.keys(&["spec", list])? else {
            continue;
        };
        for item in list.items() {
            let Some(image) = item.key("image")? else {
                continue;
            };
            if let Some(text) = image.text() {
                found.push(Container {
                    view,
                    item,
                    image,
                    reference: ImageReference::parse(text),
                });
            }
        }
    }
    Ok(found)
}

fn images(containers: &[Container<'_>]) -> String {
    if containers.is_empty() {
        return "no image".to_owned();
    }
    let texts = containers
        .iter()
        .map(|container| container.image.text().unwrap_or_default());
    listed(texts.map(|text| format!("`{text}`")))
}
