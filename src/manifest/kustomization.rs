//! Kustomizations that set the tag of an image: whatever the workload says, they win.

use super::{Manifests, Refusal};
use crate::yaml::Document;

/// The file names that kustomize looks for.
const FILE_NAMES: &[&str] = &["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Looks for a kustomization that sets the tag of an image.
///
/// # Errors
/// One does; an edit of the workload would be without effect.
pub(super) fn check_sets_no_tag(manifests: &Manifests, image: &str) -> Result<(), Refusal> {
    for file in manifests.parsed_files() {
        let path = &file.path;
        let file_name = path.rsplit('/').next().unwrap_or(path);
        if !FILE_NAMES.contains(&file_name) {
            continue;
        }
        let documents = (0..file.parts()).flat_map(|part| &file.content(part).documents);
        let mut lines = documents.filter_map(|document| line_of_entry(document, image));
        if let Some(line) = lines.next() {
            let reason = format!(
                "the kustomization sets the tag of the image `{image}`, so the tag in the workload \
                 has no effect"
            );
            return Err(Refusal::new(reason)
                .at(path, line)
                .hint("remove the entry from `images`, then the workload's own tag counts"));
        }
    }
    Ok(())
}

fn line_of_entry(document: &Document, image: &str) -> Option<usize> {
    let images = document.get(document.root(), "images")?;
    let is_set = |entry: usize| {
        let named = document
            .get(entry, "name")
            .and_then(|name| document.text(name));
        let sets = ["newTag", "digest", "newName"];
        named == Some(image) && sets.iter().any(|key| document.get(entry, key).is_some())
    };
    let entry = document.items(images).find(|entry| is_set(*entry))?;
    Some(document.line(entry))
}
