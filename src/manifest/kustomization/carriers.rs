//! What carries a version in the patches of a workload alone: a version label or `DD_VERSION` that only
//! a patch brings.

use super::effect::{self, Decider};
use crate::{
    manifest::{
        Manifests, Segment, cursor::Cursor, env, findings::Findings, pod_spec::template_path,
        pointer::path_of, version_label, workloads::Running,
    },
    units::Version,
};

/// Wants a version wherever a patch of a workload has one that the workload has not. `foreign` says of
/// a label, by its key and value, why it is not ours to change.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    running: &Running<'_>,
    foreign: &dyn Fn(&str, Option<&str>) -> Option<String>,
    version: &Version,
    findings: &mut Findings,
) {
    let view = running.workload.object.view;
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
    let variables = running.images.iter().filter_map(|image| {
        let pointer = image.place.pointer();
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
        let label = match pointer.last() {
            Some(Segment::Key(key)) if version_label::KEYS.contains(&&**key) => Some(&**key),
            _ => None,
        };
        if let Some(note) = label.and_then(|key| foreign(key, place.text())) {
            findings.notes.push(note);
            continue;
        }
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
