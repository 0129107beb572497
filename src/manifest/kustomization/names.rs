//! The names that an image has: in the workload, and behind the kustomizations that rename it.

use super::{effect, images};
use crate::manifest::{
    Manifests, ObjectRef, Refusal, cursor::Cursor, image::ImageReference, manifests::views_with,
    object::View, pod_spec::Workload,
};

/// Returns the image that a container runs once all kustomizations have taken effect, and the place that
/// says it.
///
/// # Errors
/// Several kustomizations say it, or it cannot be told.
pub(in crate::manifest) fn runs<'a>(
    manifests: &'a Manifests,
    own: &Cursor<'a>,
) -> Result<(ImageReference<'a>, Cursor<'a>), Refusal> {
    let written = ImageReference::parse(own.text().unwrap_or_default());
    if !manifests.kustomizations().builds(own.view.path()) {
        return Ok((written, own.clone()));
    }
    let effect = effect::of(manifests, own.view, &own.pointer())?;
    let place = effect.decider.map(|decider| decider.place().clone());
    Ok((
        effect.image.unwrap_or(written),
        place.unwrap_or_else(|| own.clone()),
    ))
}

/// Returns the repository by which a workload calls an image, or by which all call it where none is
/// given: another one where kustomizations rename it.
///
/// # Errors
/// Workloads call it by several names.
pub(in crate::manifest) fn name_in_workloads<'a>(
    manifests: &'a Manifests,
    workload: Option<&ObjectRef>,
    image: &'a str,
) -> Result<&'a str, Refusal> {
    let graph = manifests.kustomizations();
    let mut kustomizations = graph.all(manifests);
    kustomizations.retain(|kustomization| {
        let file = kustomization.view.file;
        file.parts_with(&[image]).next().is_some()
    });
    let entries = kustomizations
        .iter()
        .filter_map(|kustomization| images::entries(kustomization).ok())
        .flatten();
    let mut written: Vec<&str> = entries
        .filter(|entry| entry.new_name == Some(image))
        .map(|entry| entry.name)
        .collect();
    let mut patching: Vec<&str> = kustomizations
        .iter()
        .filter(|kustomization| patches_name(kustomization, image))
        .map(|kustomization| kustomization.view.path())
        .collect();
    for view in manifests.views_with(&[image]) {
        patching.extend(graph.patching_with(view.path()));
    }
    if written.is_empty() && patching.is_empty() {
        return Ok(image);
    }
    written.push(image);
    let mut views: Vec<View<'a>> = written
        .iter()
        .flat_map(|name| manifests.views_with(&[*name]).collect::<Vec<_>>())
        .collect();
    // What a patch brings may stand in place of any image.
    let built = patching.into_iter().flat_map(|path| graph.built_by(path));
    for file in built.filter_map(|path| manifests.parsed_file(path)) {
        views.extend(views_with(file, &[]));
    }
    views.sort_by_key(|view| (view.path(), view.object.line));
    let mut names: Vec<(&str, Cursor<'a>)> = Vec::new();
    for view in views {
        if workload.is_some_and(|workload| workload != view.reference()) {
            continue;
        }
        // Where nothing builds on it, an image counts by its own name alone.
        let is_known = names.iter().any(|(name, _)| *name == image);
        if is_known && !graph.builds(view.path()) {
            continue;
        }
        for place in images_of(view) {
            let own = ImageReference::parse(place.text().unwrap_or_default()).repository;
            let is_it = own == image
                || runs(manifests, &place).is_ok_and(|(runs, _)| runs.repository == image);
            if is_it && !names.iter().any(|(name, _)| *name == own) {
                names.push((own, place));
            }
        }
    }
    match names.as_slice() {
        [] => Ok(image),
        [(name, _)] => Ok(name),
        [(_, first), (name, second), ..] => Err(first
            .refusal(format!(
                "workloads call the image `{image}` by several names: here, and `{name}` in {}:{}",
                second.view.path(),
                second.line()
            ))
            .hint("name the workload")),
    }
}

/// Do the patches that are written in a kustomization name an image?
fn patches_name(kustomization: &Cursor<'_>, image: &str) -> bool {
    let document = kustomization.document;
    ["patches", "patchesStrategicMerge", "patchesJson6902"]
        .iter()
        .filter_map(|key| document.get(kustomization.node, key))
        .any(|patches| document.written(patches).contains(image))
}

/// Does a container of a workload name an image?
pub(super) fn is_written(manifests: &Manifests, image: &str) -> bool {
    let named = [image];
    let mut views = manifests.views_with(&named);
    views.any(|view| {
        let texts = images_of(view);
        let mut texts = texts.iter().filter_map(Cursor::text);
        texts.any(|text| ImageReference::parse(text).repository == image)
    })
}

/// Returns the images of the containers of an object.
pub(super) fn images_of(view: View<'_>) -> Vec<Cursor<'_>> {
    let workload = Workload::of(Cursor::new(view)).ok().flatten();
    let images = workload.and_then(|workload| workload.images().ok());
    let images = images.into_iter().flatten();
    images.map(|image| image.place).collect()
}
