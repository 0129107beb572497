//! The names that an image has: in the workload, and behind the kustomizations that rename it.

use super::effect;
use crate::manifest::{
    Manifests, ObjectRef, Refusal, cursor::Cursor, image::ImageReference, object::View,
    pod_spec::Workload,
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
    if manifests.kustomizations().is_empty() {
        return Ok((written, own.clone()));
    }
    let effect = effect::of(manifests, own.view, &own.pointer)?;
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
    let may_rename = |view: &View<'_>| {
        let text = view.file.text();
        text.contains(image) && (text.contains("newName") || text.contains("patch"))
    };
    let renaming = graph
        .all(manifests)
        .iter()
        .any(|kustomization| may_rename(&kustomization.view))
        || manifests
            .views_with(&[image])
            .any(|view| graph.is_patch(view.path()));
    if !renaming {
        return Ok(image);
    }
    let mut names: Vec<(&str, Cursor<'a>)> = Vec::new();
    for view in manifests.views() {
        if workload.is_some_and(|workload| workload != view.reference()) {
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
