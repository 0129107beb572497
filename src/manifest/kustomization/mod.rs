//! Kustomizations: where one of them decides over a value of an object, the value is edited there.
//!
//! `graph` finds which kustomizations build a file, `effect` follows a value through them (`patch` with
//! `operations`, `replicas`, `images`), `shared` refuses what would change other workloads unasked.

mod effect;
mod graph;
mod images;
mod operations;
mod patch;
mod replicas;
mod shared;

use super::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment,
    cursor::Cursor,
    findings::Findings,
    image::ImageReference,
    object::View,
    pod_spec::{Container, containers},
    pointer::path_of,
};
use effect::Decider;

pub(super) use graph::Graph;
pub(super) use shared::{Decided, check as check_shared};

/// Wants a value below a place of an object where a kustomization decides over it; false where none does.
pub(super) fn redirect(
    manifests: &Manifests,
    (from, path): (&Cursor<'_>, &[Segment]),
    (new, scalar_type): (&str, ScalarType),
    findings: &mut Findings,
) -> bool {
    // A document inside of a text is built by nobody.
    if !from.texts.is_empty() {
        return false;
    }
    let pointer = [from.pointer.as_slice(), path].concat();
    let Some(effect) = findings.take(effect::of(manifests, from.view, &pointer)) else {
        return true;
    };
    let Some(decider) = effect.decider else {
        return false;
    };
    let place = decider.place();
    let own = Cursor::new(from.view).follow(&pointer).ok().flatten();
    findings.decided.push(Decided::new(place, from, &pointer));
    if let Some(own) = &own {
        findings.notes.push(format!(
            "{}:{}: {} is set by {}:{}; left as it is",
            own.view.path(),
            own.line(),
            path_of(&pointer),
            place.view.path(),
            place.line(),
        ));
    }
    let own_image = own
        .as_ref()
        .and_then(Cursor::text)
        .map(ImageReference::parse);
    let repositories = [own_image, effect.image].map(|image| image.map(|image| image.repository));
    let known: Vec<&str> = repositories.into_iter().flatten().collect();
    match &decider {
        Decider::Image(entry) => {
            images::want(entry, &known, ImageReference::parse(new), findings);
        }
        Decider::Patch(place) if effect::is_image(&pointer) => {
            want_image(place, &known, ImageReference::parse(new), findings);
        }
        Decider::Patch(place) | Decider::Replicas(place) => {
            findings.want_here(place, new, scalar_type);
        }
    }
    true
}

/// Wants an image in a patch, which keeps the repository that it names.
fn want_image(
    place: &Cursor<'_>,
    known: &[&str],
    new: ImageReference<'_>,
    findings: &mut Findings,
) {
    let there = ImageReference::parse(place.text().unwrap_or_default());
    if there.digest.is_some() && new.digest.is_none() && !findings.allowed.drop_digests {
        findings.refusals.push(
            place
                .refusal(format!(
                    "the image `{}` is fixed by its digest, expected a tag",
                    place.text().unwrap_or_default()
                ))
                .hint("write `repository:tag` there; a digest would win over any tag"),
        );
        return;
    }
    let repository = if known.contains(&new.repository) {
        there.repository
    } else {
        new.repository
    };
    let reference = ImageReference { repository, ..new }.to_string();
    findings.want_here(place, &reference, ScalarType::Text);
}

/// Wants the replicas of a workload where a kustomization decides over them; false where none does.
pub(super) fn locate_replicas(
    manifests: &Manifests,
    workload: &ObjectRef,
    number: u32,
    findings: &mut Findings,
) -> bool {
    if manifests.kustomizations().is_empty() {
        return false;
    }
    let Ok(view) = manifests.one(workload) else {
        return false;
    };
    let path = Segment::keys(&["spec", "replicas"]);
    redirect(
        manifests,
        (&Cursor::new(view), &path),
        (&number.to_string(), ScalarType::Integer),
        findings,
    )
}

/// Returns the place in a kustomization that decides over a place of an object, if any does.
///
/// # Errors
/// Several do, or it cannot be told.
pub(super) fn decider_of<'a>(
    manifests: &'a Manifests,
    view: View<'a>,
    path: &[Segment],
) -> Result<Option<Cursor<'a>>, Refusal> {
    if manifests.kustomizations().is_empty() {
        return Ok(None);
    }
    let effect = effect::of(manifests, view, path)?;
    Ok(effect.decider.map(|decider| decider.place().clone()))
}

/// Returns the image that a container runs once all kustomizations have taken effect, and the place that
/// says it.
///
/// # Errors
/// Several kustomizations say it, or it cannot be told.
pub(super) fn runs<'a>(
    manifests: &'a Manifests,
    container: &Container<'a>,
) -> Result<(ImageReference<'a>, Cursor<'a>), Refusal> {
    let own = &container.image;
    if manifests.kustomizations().is_empty() {
        return Ok((container.reference, own.clone()));
    }
    let effect = effect::of(manifests, own.view, &own.pointer)?;
    let place = effect.decider.map(|decider| decider.place().clone());
    Ok((
        effect.image.unwrap_or(container.reference),
        place.unwrap_or_else(|| own.clone()),
    ))
}

/// Returns the repository by which a workload calls an image, or by which all call it where none is
/// given: another one where kustomizations rename it.
///
/// # Errors
/// Workloads call it by several names.
pub(super) fn name_in_workloads<'a>(
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
        for container in containers(view).unwrap_or_default() {
            let own = container.reference.repository;
            let is_it = own == image
                || runs(manifests, &container).is_ok_and(|(runs, _)| runs.repository == image);
            if is_it && !names.iter().any(|(name, _)| *name == own) {
                names.push((own, container.image.clone()));
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

fn is_run(manifests: &Manifests, image: &str) -> bool {
    manifests.views_with(&[image]).any(|view| {
        let containers = containers(view).unwrap_or_default();
        let mut names = containers
            .iter()
            .map(|container| container.reference.repository);
        names.any(|name| name == image)
    })
}

/// What to do with an image that no kustomization has an entry for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// Leave it.
    Leave,
    /// Make an entry.
    Insert,
}

/// Wants an image in the `images` of a kustomization, where the workload that runs it is in none of the
/// files; false where that is not so.
pub(super) fn locate_alone(
    manifests: &Manifests,
    image: &str,
    reference: &str,
    absent: Absent,
    findings: &mut Findings,
) -> bool {
    let graph = manifests.kustomizations();
    let is_run = || {
        let name = name_in_workloads(manifests, None, image);
        name.is_err() || name.is_ok_and(|name| is_run(manifests, name))
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
        ([], _) if absent == Absent::Leave || has_containers(manifests) => false,
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
                    super::manifests::listed(paths)
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
    views.any(|view| containers(view).is_ok_and(|containers| !containers.is_empty()))
}
