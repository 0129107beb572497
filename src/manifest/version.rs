//! The version of a workload: the tag of its image, its version labels, `DD_VERSION`.

use super::{
    Manifests, ObjectRef, Refusal, env,
    image::ImageReference,
    kustomization, label,
    locate::Findings,
    pod_spec::{Container, Workload, all_running, running},
};
use crate::units::Version;

/// Finds everything that carries the version of an image.
pub(super) fn locate(
    manifests: &Manifests,
    workload: Option<&ObjectRef>,
    image: &str,
    version: &Version,
    findings: &mut Findings,
) {
    let workloads = match workload {
        Some(wanted) => manifests
            .one(wanted)
            .and_then(|view| running(view, image))
            .map(|workload| vec![workload]),
        None => all_running(manifests, image),
    };
    let Some(workloads) = findings.take(workloads) else {
        return;
    };
    findings.take(kustomization::check_sets_no_tag(manifests, image));
    for workload in &workloads {
        let Some(tag) = findings.take(one_tag(workload)) else {
            continue;
        };
        for container in &workload.running {
            let reference = format!("{image}:{version}");
            findings.want(&container.image, &reference);
            env::locate(container, version, findings);
        }
        label::locate(manifests, workload, tag, version, findings);
    }
}

/// Returns the version that a workload runs of an image: the tag of the containers that run it.
///
/// # Errors
/// The workload is not there exactly once, runs the image not at all, without a tag, by digest, or
/// with different tags.
pub fn current_version(
    manifests: &Manifests,
    workload: &ObjectRef,
    image: &str,
) -> Result<String, Refusal> {
    let workload = running(manifests.one(workload)?, image)?;
    match one_tag(&workload)? {
        Some(tag) => Ok(tag.to_owned()),
        None => Err(first(&workload)
            .image
            .refusal(format!("the image `{image}` has no tag, expected one"))
            .hint("write the version that runs now as its tag")),
    }
}

/// Returns the tag that all containers of the image have; none where it has no tag.
fn one_tag<'a>(workload: &Workload<'a>) -> Result<Option<&'a str>, Refusal> {
    for container in &workload.running {
        let ImageReference { digest, .. } = container.reference;
        if digest.is_some() {
            let written = container.image.text().unwrap_or_default();
            return Err(container
                .image
                .refusal(format!(
                    "the image `{written}` is fixed by its digest, expected a tag"
                ))
                .hint("write `repository:tag` there; a digest would win over any tag"));
        }
    }
    let (one, tag) = (first(workload), first(workload).reference.tag);
    let different = |container: &&Container<'_>| container.reference.tag != tag;
    match workload.running.iter().find(different) {
        None => Ok(tag),
        Some(other) => {
            let shown = |tag: Option<&str>| {
                tag.map_or_else(|| "no tag".to_owned(), |tag| format!("`{tag}`"))
            };
            Err(one
                .image
                .refusal(format!(
                    "two containers of {} run the image with different tags: {} here and {} on line {}",
                    workload.view.reference(),
                    shown(tag),
                    shown(other.reference.tag),
                    other.image.line()
                ))
                .hint("give both the same tag first"))
        }
    }
}

fn first<'w, 'a>(workload: &'w Workload<'a>) -> &'w Container<'a> {
    workload
        .running
        .first()
        .expect("a workload is only made with a container that runs the image")
}
