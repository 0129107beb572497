//! The version of a workload: the tag of its image, its version labels, `DD_VERSION`.

use crate::manifest::{
    Manifests, ObjectRef, Refusal,
    cursor::Cursor,
    env,
    findings::Findings,
    identity::Identity,
    image::{ImageReference, check_digest, fixed_by_digest},
    kustomization,
    pod_spec::{Image, Workload, image_texts},
    version_label,
    workloads::{Running, running, running_in, wanted},
};
use crate::units::Version;

/// An image that a container runs once all kustomizations have taken effect.
struct Runs<'a> {
    reference: ImageReference<'a>,
    /// What says so: the container, or a kustomization.
    place: Cursor<'a>,
    /// Is it the container?
    own: bool,
}

/// Finds everything that carries the version of an image.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    workload: Option<&ObjectRef>,
    image: &str,
    version: &Version,
    findings: &mut Findings,
) {
    let reference = format!("{image}:{version}");
    if workload.is_none() && kustomization::locate_alone(manifests, image, &reference, findings) {
        return;
    }
    let name = kustomization::name_in_workloads(manifests, workload, image);
    let Some(image) = findings.take(name) else {
        return;
    };
    let found = running(manifests, workload, image, findings);
    let Some(found) = findings.take(found) else {
        return;
    };
    let reference = format!("{image}:{version}");
    let mut identity = Identity::new(manifests);
    for running in &found {
        let Some(runs) = findings.take(what_runs(manifests, running)) else {
            continue;
        };
        let digests: Result<Vec<()>, Refusal> = running
            .images
            .iter()
            .zip(&runs)
            .filter(|(_, runs)| runs.own)
            .map(|(image, _)| check_digest(image, findings))
            .collect();
        if findings.take(digests).is_none() {
            continue;
        }
        let Some(tag) = findings.take(one_tag(running, &runs)) else {
            continue;
        };
        for image in &running.images {
            findings.want(&image.place, &reference);
            env::locate(&image.container, version, findings);
        }
        let is_named = workload.is_some();
        version_label::locate(running, tag, is_named, version, &mut identity, findings);
        if !running.workload.is_text() {
            let foreign = |key: &str, label: Option<&str>| {
                version_label::foreign(running, key, label, tag, is_named)
            };
            kustomization::locate_carriers(manifests, running, &foreign, version, findings);
        }
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
    let running = running_in(manifests.one(workload)?, image)?;
    let runs = what_runs(manifests, &running)?;
    for (image, runs) in running.images.iter().zip(&runs) {
        if runs.own && runs.reference.digest.is_some() {
            return Err(fixed_by_digest(image));
        }
        if runs.reference.digest.is_some() {
            let reason = format!(
                "the image `{}` is fixed by its digest, expected a tag",
                runs.reference
            );
            return Err(runs
                .place
                .refusal(reason)
                .hint("write a tag there in place of the digest, which would win over it"));
        }
    }
    match one_tag(&running, &runs)? {
        Some(tag) => Ok(tag.to_owned()),
        None => Err(first(&runs)
            .place
            .refusal(format!("the image `{image}` has no tag, expected one"))
            .hint("write the version that runs now as its tag")),
    }
}

/// Tells whether a workload runs a version of an image, by whatever name of its registry and with or without
/// a digest: what somebody else has written there counts, too.
///
/// # Errors
/// It cannot be told: the workload is not there exactly once, runs no image of that name, or one of no tag.
pub fn runs_version(
    manifests: &Manifests,
    workload: &ObjectRef,
    image: &str,
    version: &str,
) -> Result<bool, Refusal> {
    let workload = Workload::named(Cursor::new(manifests.one(workload)?))?;
    runs_it(manifests, &workload, image, version)
}

/// Returns the workloads that run a version of an image, as [`runs_version`] has it.
pub fn running_version(manifests: &Manifests, image: &str, version: &str) -> Vec<ObjectRef> {
    let found = wanted(manifests, None, own_name(image), &mut Findings::default());
    let mut found = found.unwrap_or_default();
    found.retain(|workload| runs_it(manifests, workload, image, version) == Ok(true));
    let reference = |workload: Workload<'_>| ObjectRef {
        kind: workload.kind.to_owned(),
        name: workload.name.to_owned(),
    };
    found.into_iter().map(reference).collect()
}

fn runs_it(
    manifests: &Manifests,
    workload: &Workload<'_>,
    image: &str,
    version: &str,
) -> Result<bool, Refusal> {
    let images = workload.images()?;
    let mut same = Vec::new();
    for own in &images {
        let (reference, place) = kustomization::runs(manifests, &own.place)?;
        if own_name(reference.repository) == own_name(image) {
            same.push((reference, place));
        }
    }
    if same.iter().any(|(runs, _)| runs.tag == Some(version)) {
        return Ok(true);
    }
    let untold = same.iter().find(|(runs, _)| runs.tag.is_none());
    if let Some((runs, place)) = untold {
        let reason = format!(
            "the image `{runs}` of {} has no tag, which says no version",
            workload.title()
        );
        return Err(place.refusal(reason));
    }
    if same.is_empty() {
        let found = image_texts(images.iter().map(|image| image.text));
        let reason = format!(
            "no container of {} runs an image called `{}`; found {found}",
            workload.title(),
            own_name(image)
        );
        return Err(workload.refusal(reason));
    }
    Ok(false)
}

/// Returns the last part of a repository: what stays of its name when it moves to another registry.
fn own_name(repository: &str) -> &str {
    let last = repository.rsplit_once('/');
    last.map_or(repository, |(_, last)| last)
}

/// Returns what the containers of an image run, in their order.
fn what_runs<'a>(
    manifests: &'a Manifests,
    running: &Running<'a>,
) -> Result<Vec<Runs<'a>>, Refusal> {
    let what = |image: &Image<'a>| {
        if running.workload.is_text() {
            return Ok(Runs {
                reference: image.reference,
                place: image.place.clone(),
                own: true,
            });
        }
        let (reference, place) = kustomization::runs(manifests, &image.place)?;
        let own = place.view.path() == image.place.view.path() && place.node == image.place.node;
        Ok(Runs {
            reference,
            place,
            own,
        })
    };
    running.images.iter().map(what).collect()
}

/// Returns the tag that all containers of the image run; none where it has no tag.
fn one_tag<'a>(running: &Running<'_>, runs: &[Runs<'a>]) -> Result<Option<&'a str>, Refusal> {
    let (one, tag) = (first(runs), first(runs).reference.tag);
    let Some(other) = runs.iter().find(|runs| runs.reference.tag != tag) else {
        return Ok(tag);
    };
    let shown =
        |tag: Option<&str>| tag.map_or_else(|| "no tag".to_owned(), |tag| format!("`{tag}`"));
    Err(one
        .place
        .refusal(format!(
            "two containers of {} run the image with different tags: {} here and {} on line {}",
            running.workload.title(),
            shown(tag),
            shown(other.reference.tag),
            other.place.line()
        ))
        .hint("give both the same tag first"))
}

fn first<'r, 'a>(runs: &'r [Runs<'a>]) -> &'r Runs<'a> {
    runs.first()
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
        let weight = |name| {
            current_weight(&manifests, &object(name), None).map_err(|refusal| refusal.to_string())
        };
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
        f.yaml:11: Ingress/c has no replicas, expected one of Deployment, StatefulSet, ReplicaSet, ReplicationController, Rollout
        f.yaml:19: `nginx.ingress.kubernetes.io/canary-weight` of Ingress/d is `120`, expected 0 to 100 in whole percent
        f.yaml:1: Deployment/a splits no traffic, expected one of Ingress, HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute, VirtualService, TraefikService
        there is no Ingress/e in 1 file; found Ingress/c, Ingress/d
        ");
    }
}
