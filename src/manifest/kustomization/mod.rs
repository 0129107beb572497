//! Kustomizations: where one of them decides over a value of an object, the value is edited there.
//!
//! `graph` finds which kustomizations build a file, `effect` follows a value through them (`patch` with
//! `operations`, `replicas`, `images`, `replacements`), `shared` refuses what would change other workloads unasked.
//! `names` and `alone` find the workloads that run an image, `carriers` what patches add to them.

mod alone;
mod carriers;
mod effect;
mod graph;
mod images;
mod literal;
mod names;
mod operations;
mod patch;
mod replacements;
mod replicas;
mod shared;

use super::{
    Manifests, ObjectRef, Refusal, ScalarType, Segment, cursor::Cursor, findings::Findings,
    image::ImageReference, object::View, pointer::path_of,
};
use effect::Decider;

pub(super) use alone::locate as locate_alone;
pub(super) use carriers::locate as locate_carriers;
pub(super) use graph::{Graph, is_kustomization, reaching};
pub(super) use literal::put as put_literal;
pub(super) use names::{name_in_workloads, runs};
pub(super) use shared::{Decided, check as check_shared};

/// Wants a value below a place of an object where a kustomization decides over it; false where none does.
pub(super) fn redirect(
    manifests: &Manifests,
    (from, path): (&Cursor<'_>, &[Segment]),
    (new, scalar_type): (&str, ScalarType),
    findings: &mut Findings,
) -> bool {
    // A document inside of a text is built by nobody.
    if !from.texts.is_empty() || !manifests.kustomizations().builds(from.view.path()) {
        return false;
    }
    let pointer = [from.pointer().as_slice(), path].concat();
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
