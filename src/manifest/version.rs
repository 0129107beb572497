//! The version of a workload: the tag of its image, its version labels, `DD_VERSION`.

use super::{
    Manifests, ObjectRef, Refusal,
    cursor::Cursor,
    env,
    findings::Findings,
    kustomization::{self, Absent},
    label,
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
    let reference = format!("{image}:{version}");
    if workload.is_none()
        && kustomization::locate_alone(manifests, image, &reference, Absent::Leave, findings)
    {
        return;
    }
    let name = kustomization::name_in_workloads(manifests, workload, image);
    let Some(image) = findings.take(name) else {
        return;
    };
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
    for workload in &workloads {
        let Some(tag) = findings.take(one_tag(manifests, workload)) else {
            continue;
        };
        for container in &workload.running {
            let reference = format!("{image}:{version}");
            findings.want(&container.image, &reference);
            env::locate(container, version, findings);
        }
        label::locate(manifests, workload, tag, version, findings);
        let images = workload.running.iter().map(|container| &container.image);
        let images: Vec<&Cursor<'_>> = images.collect();
        kustomization::locate_carriers(manifests, workload.view, &images, version, findings);
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
    let image = kustomization::name_in_workloads(manifests, Some(workload), image)?;
    let workload = running(manifests.one(workload)?, image)?;
    match one_tag(manifests, &workload)? {
        Some(tag) => Ok(tag.to_owned()),
        None => Err(first(&workload)
            .image
            .refusal(format!("the image `{image}` has no tag, expected one"))
            .hint("write the version that runs now as its tag")),
    }
}

/// Returns the tag that all containers of the image have; none where it has no tag.
fn one_tag<'a>(
    manifests: &'a Manifests,
    workload: &Workload<'a>,
) -> Result<Option<&'a str>, Refusal> {
    let mut first: Option<(Option<&'a str>, Cursor<'a>)> = None;
    for container in &workload.running {
        let (image, place) = kustomization::runs(manifests, &container.image)?;
        if image.digest.is_some() {
            return Err(place
                .refusal(format!(
                    "the image `{image}` is fixed by its digest, expected a tag"
                ))
                .hint("write a tag there in place of the digest, which would win over it"));
        }
        let tag = image.tag;
        let Some((one, at)) = &first else {
            first = Some((tag, place));
            continue;
        };
        if *one == tag {
            continue;
        }
        let shown =
            |tag: Option<&str>| tag.map_or_else(|| "no tag".to_owned(), |tag| format!("`{tag}`"));
        return Err(at
            .refusal(format!(
                "two containers of {} run the image with different tags: {} here and {} on line {}",
                workload.view.reference(),
                shown(*one),
                shown(tag),
                place.line()
            ))
            .hint("give both the same tag first"));
    }
    Ok(first.and_then(|(tag, _)| tag))
}

fn first<'w, 'a>(workload: &'w Workload<'a>) -> &'w Container<'a> {
    workload
        .running
        .first()
        .expect("a workload is only made with a container that runs the image")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        manifest::{SourceFile, current_replicas, current_weight},
        units::Weight,
    };

    #[test]
    fn readers_say_what_is_there_or_why_they_cannot() {
        let text = "\
kind: Deployment
metadata: {name: a}
spec:
  replicas: 3
  template: {spec: {containers: [{image: 'r/app:1.10'}, {image: r:5000/web}, {image: r/x@sha256:1}]}}
---
kind: Deployment
metadata: {name: b}
spec: {replicas: some}
---
kind: Ingress
metadata:
  name: c
  annotations: {nginx.ingress.kubernetes.io/canary: 'true', nginx.ingress.kubernetes.io/canary-weight: '20'}
---
kind: Ingress
metadata:
  name: d
  annotations: {nginx.ingress.kubernetes.io/canary: 'true', nginx.ingress.kubernetes.io/canary-weight: '120'}
";
        let file = SourceFile {
            path: "f.yaml".to_owned(),
            bytes: text.into(),
        };
        let manifests = Manifests::parse(vec![file]).unwrap();
        let object = |name: &str| name.parse::<ObjectRef>().unwrap();
        let version = |image| {
            current_version(&manifests, &object("Deployment/a"), image)
                .map_err(|refusal| refusal.to_string())
        };
        assert_eq!(version("r/app"), Ok("1.10".to_owned()));
        let replicas = |name| {
            current_replicas(&manifests, &object(name)).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(replicas("Deployment/a"), Ok(3));
        let weight =
            |name| current_weight(&manifests, &object(name)).map_err(|refusal| refusal.to_string());
        assert_eq!(weight("Ingress/c").map(Weight::percent), Ok(20));
        let refusals = [
            version("r:5000/web").unwrap_err(),
            version("r/x").unwrap_err(),
            version("r/y").unwrap_err(),
            replicas("Deployment/b").unwrap_err(),
            replicas("Ingress/c").unwrap_err(),
            weight("Ingress/d").unwrap_err(),
            weight("Deployment/a").unwrap_err(),
            weight("Ingress/e").unwrap_err(),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r"
        f.yaml:5: the image `r:5000/web` has no tag, expected one
        f.yaml:5: the image `r/x@sha256:1` is fixed by its digest, expected a tag
        f.yaml:1: no container of Deployment/a runs the image `r/y`; found `r/app:1.10`, `r/x@sha256:1`, `r:5000/web`
        f.yaml:9: `spec.replicas` of Deployment/b is `some`, expected a whole number
        f.yaml:11: Ingress/c has no replicas, expected one of Deployment, StatefulSet, ReplicaSet, Rollout
        f.yaml:19: `nginx.ingress.kubernetes.io/canary-weight` of Ingress/d is `120`, expected a whole number from 0 to 100
        f.yaml:1: Deployment/a splits no traffic, expected one of Ingress
        there is no Ingress/e in 1 file; found Ingress/c, Ingress/d
        ");
    }
}
