//! What carries a version in the patches of a workload alone: a version label or `DD_VERSION` that only
//! a patch brings.

use super::effect::{self, Decider};
use crate::{
    manifest::{
        Manifests, Segment, cursor::Cursor, env, findings::Findings, object::View,
        pod_spec::template_path, pointer::path_of, version_label,
    },
    units::Version,
};

/// Wants a version wherever a patch of a workload has one that the workload has not. `images` are those
/// of the containers that the version is for.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    view: View<'_>,
    images: &[&Cursor<'_>],
    version: &Version,
    findings: &mut Findings,
) {
    if !manifests.kustomizations().builds(view.path()) {
        return;
    }
    let template = template_path(&Cursor::new(view)).unwrap_or_default();
    let labels = [&[], template].map(|path| [path, &["metadata", "labels"]].concat());
    let labels = labels.iter().flat_map(|path| {
        let pointer = Segment::keys(path);
        version_label::KEYS
            .iter()
            .map(move |key| [pointer.as_slice(), &[Segment::from(*key)]].concat())
    });
    let variables = images.iter().filter_map(|image| {
        let pointer = image.pointer();
        let (_, container) = pointer.split_last()?;
        let variable = [
            Segment::from("env"),
            Segment::named(env::NAME),
            Segment::from("value"),
        ];
        Some([container, &variable].concat())
    });
    let own = Cursor::new(view);
    for pointer in labels.chain(variables) {
        if !matches!(own.follow(&pointer), Ok(None)) {
            continue;
        }
        let Some(effect) = findings.take(effect::of(manifests, view, &pointer)) else {
            continue;
        };
        let Some(Decider::Patch(place)) = effect.decider else {
            continue;
        };
        let selects = |key: &Segment| match key {
            Segment::Key(key) => Some(manifests.selectors(key)),
            _ => None,
        };
        let services = pointer.last().and_then(selects);
        match services.as_ref().and_then(|services| services.first()) {
            Some(service) => findings.notes.push(format!(
                "{}:{}: {} may be used by the selector of {} ({}); left as it is",
                place.view.path(),
                place.line(),
                path_of(&pointer),
                service.object,
                service.place
            )),
            None => findings.put(
                &own,
                &pointer,
                version.as_str(),
                crate::manifest::ScalarType::Text,
            ),
        }
    }
}
