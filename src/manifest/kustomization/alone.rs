//! An image of a workload that is in none of the files: the kustomization is all there is to edit.

use super::{
    images,
    names::{images_of, is_written, name_in_workloads},
};
use crate::manifest::{
    Manifests, Refusal, findings::Findings, image::ImageReference, manifests::listed,
};

/// Wants an image in the `images` of a kustomization, where the workload that runs it is in none of the
/// files; false where that is not so.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    image: &str,
    reference: &str,
    findings: &mut Findings,
) -> bool {
    let graph = manifests.kustomizations();
    let is_run = || {
        let name = name_in_workloads(manifests, None, image);
        name.is_err() || name.is_ok_and(|name| is_written(manifests, name))
    };
    let is_unknown = || {
        let named = [image];
        let mut unknown = manifests.unknown_with(&named);
        unknown.any(|unknown| unknown.hides(image))
    };
    if graph.is_empty() || is_run() || is_unknown() {
        return false;
    }
    let all = graph.all(manifests);
    let mut entries = Vec::new();
    for kustomization in &all {
        let Some(found) = findings.take(images::entries(kustomization)) else {
            return true;
        };
        entries.extend(
            found
                .into_iter()
                .filter(|entry| entry.name == image || entry.new_name == Some(image)),
        );
    }
    let new = ImageReference::parse(reference);
    let note = format!("no workload in the files runs the image `{image}`");
    match (entries.as_slice(), all.as_slice()) {
        ([entry], _) => {
            findings
                .notes
                .push(format!("{note}; only `images` changes"));
            let known = [entry.name, entry.new_name.unwrap_or(entry.name)];
            images::want(entry, &known, new, findings);
            true
        }
        ([], _) if has_containers(manifests) => false,
        ([], [kustomization]) => {
            findings
                .notes
                .push(format!("{note}; `images` gets an entry for it"));
            images::insert(kustomization, image, new, findings);
            true
        }
        ([], several) => {
            let paths = several.iter().map(|one| one.view.path().to_owned());
            findings.refusals.push(
                Refusal::new(format!(
                    "{note}, and there are {} kustomizations, expected one: {}",
                    several.len(),
                    listed(paths)
                ))
                .hint("name the file of the one that is to set the image"),
            );
            true
        }
        (several, _) => {
            findings.refusals.push(
                Refusal::new(format!(
                    "the image `{image}` has {} entries in `images`, expected one: {}",
                    several.len(),
                    images::places(several)
                ))
                .hint("each is an environment: name the files of one of them"),
            );
            true
        }
    }
}

fn has_containers(manifests: &Manifests) -> bool {
    let mut views = manifests.views();
    views.any(|view| !images_of(view).is_empty())
}
