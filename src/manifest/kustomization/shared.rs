//! A kustomization that decides over a value for several workloads: none of them may change unasked.

use super::{
    effect::{self, is_image},
    names::images_of,
};
use crate::manifest::{
    Manifests, Segment, cursor::Cursor, findings::Findings, manifests::views_with,
    pod_spec::template_path,
};

/// A value of an object that a kustomization decides over, and that was wanted.
#[derive(Debug)]
pub(in crate::manifest) struct Decided {
    /// File and path of the value that decides, in that file.
    by: (String, Vec<Segment>),
    /// `Kind/name` of the object, its file, and the path of its own value.
    of: (String, String, Vec<Segment>),
}

impl Decided {
    /// Notes that a value of an object is decided over by a place.
    pub(super) fn new(by: &Cursor<'_>, of: &Cursor<'_>, pointer: &[Segment]) -> Self {
        Self {
            by: (by.view.path().to_owned(), by.pointer()),
            of: key(of, pointer),
        }
    }
}

/// Refuses what would change objects that nobody named: another workload whose value is decided over in
/// the same place.
pub(in crate::manifest) fn check(manifests: &Manifests, findings: &mut Findings) {
    let mut refusals = Vec::new();
    let decided = std::mem::take(&mut findings.decided);
    for one in &decided {
        let (path, pointer) = &one.by;
        let is_first = decided
            .iter()
            .find(|other| other.by == one.by)
            .is_some_and(|first| std::ptr::eq(first, one));
        if !is_first {
            continue;
        }
        let wanted = |of: &(String, String, Vec<Segment>)| {
            let mut same = decided.iter().filter(|other| other.by == one.by);
            same.any(|other| other.of == *of)
        };
        for (place, asked) in others(manifests, path, &one.of.2) {
            let of = key(&place, &asked);
            if wanted(&of) {
                continue;
            }
            let decider = match effect::of(manifests, place.view, &asked) {
                Ok(effect) => effect.decider,
                Err(_) => continue,
            };
            let Some(decider) = decider else { continue };
            let by = decider.place();
            if by.view.path() != path || by.pointer() != *pointer {
                continue;
            }
            let mut names: Vec<&str> = decided
                .iter()
                .filter(|other| other.by == one.by)
                .map(|other| other.of.0.as_str())
                .collect();
            names.dedup();
            refusals.push(
                by.refusal(format!(
                    "this is the value of {} too, expected of {} alone",
                    of.0,
                    names.join(", ")
                ))
                .hint("name no workload to change all of them, or give each a value of its own"),
            );
        }
    }
    findings.refusals.extend(refusals);
}

/// Returns the same value of all workloads that a kustomization builds: each with the path to it.
fn others<'a>(
    manifests: &'a Manifests,
    kustomization: &str,
    pointer: &[Segment],
) -> Vec<(Cursor<'a>, Vec<Segment>)> {
    let mut found = Vec::new();
    let graph = manifests.kustomizations();
    let files = graph
        .built_by(kustomization)
        .filter_map(|path| manifests.parsed_file(path));
    for view in files.flat_map(|file| views_with(file, &[])) {
        let is_patch = graph.is_patch(view.path());
        if is_patch || template_path(&Cursor::new(view)).is_none() {
            continue;
        }
        if is_image(pointer) {
            let images = images_of(view).into_iter();
            found.extend(images.map(|image| {
                let pointer = image.pointer();
                (image, pointer)
            }));
        } else {
            found.push((Cursor::new(view), pointer.to_vec()));
        }
    }
    found
}

fn key(of: &Cursor<'_>, pointer: &[Segment]) -> (String, String, Vec<Segment>) {
    (
        of.view.reference().to_string(),
        of.view.path().to_owned(),
        pointer.to_vec(),
    )
}
