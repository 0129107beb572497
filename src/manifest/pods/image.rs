//! The image of containers, by their repository or by their name.

use crate::manifest::{
    Containers, Manifests, ObjectRef, Refusal, ScalarType, Segment,
    cursor::Detour,
    findings::Findings,
    kustomization,
    pod_spec::{Container, Image, Workload, container_names},
    workloads::{Running, running, wanted},
};

pub use crate::manifest::image_reference::ImageReference;

/// The containers of a workload whose image is to change.
struct Chosen<'a> {
    workload: Workload<'a>,
    containers: Vec<Container<'a>>,
}

/// Finds the image of containers. A container that has its image through a merge key gets one of its
/// own.
pub(in crate::manifest) fn locate(
    manifests: &Manifests,
    workload: Option<&ObjectRef>,
    containers: &Containers,
    reference: &str,
    findings: &mut Findings,
) {
    let Some(new) = findings.take(ImageReference::parse_new(reference)) else {
        return;
    };
    if let (None, Containers::Running(repository)) = (workload, containers)
        && kustomization::locate_alone(manifests, repository, reference, findings)
    {
        return;
    }
    let chosen = match containers {
        Containers::Running(repository) => {
            chosen_by_image(manifests, workload, repository, &new, findings)
        }
        Containers::Named(name) => chosen_by_name(manifests, workload, name, findings),
    };
    let Some(chosen) = findings.take(chosen) else {
        return;
    };
    for Chosen {
        workload,
        containers,
    } in &chosen
    {
        let Some(images) = findings.take(images_of(containers)) else {
            continue;
        };
        for (container, image) in containers.iter().zip(&images) {
            let result = check(workload, container, image.as_ref(), &new, findings);
            if findings.take(result).is_none() || follows_another(image.as_ref(), &images, findings)
            {
                continue;
            }
            findings.put(
                &container.place,
                &[Segment::from("image")],
                reference,
                ScalarType::Text,
            );
        }
    }
}

fn chosen_by_image<'a>(
    manifests: &'a Manifests,
    workload: Option<&ObjectRef>,
    repository: &str,
    new: &ImageReference<'_>,
    findings: &mut Findings,
) -> Result<Vec<Chosen<'a>>, Refusal> {
    if repository != new.repository {
        return Err(Refusal::new(format!(
            "the new image is of the repository `{}`, expected `{repository}`",
            new.repository
        ))
        .hint("name the container to move it to another repository"));
    }
    let found = running(manifests, workload, repository, findings)?;
    Ok(found
        .into_iter()
        .map(
            |Running {
                 workload, images, ..
             }| Chosen {
                workload,
                containers: images.into_iter().map(|image| image.container).collect(),
            },
        )
        .collect())
}

fn chosen_by_name<'a>(
    manifests: &'a Manifests,
    workload: Option<&ObjectRef>,
    name: &str,
    findings: &mut Findings,
) -> Result<Vec<Chosen<'a>>, Refusal> {
    if workload.is_none() {
        let named = [name];
        let mut unknown = manifests.unknown_with(&named);
        if let Some(unknown) = unknown.find(|unknown| unknown.hides_entry("name", Some(name))) {
            let reason = format!("the {} here may have a container `{name}`", unknown.what());
            return Err(unknown.refusal(reason));
        }
    }
    let mut found = Vec::new();
    for workload in wanted(manifests, workload, name, findings)? {
        if let Some(container) = container_named(&workload, name)? {
            found.push(Chosen {
                workload,
                containers: vec![container],
            });
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let candidates = match workload {
        Some(_) => wanted(manifests, workload, name, &mut Findings::default())?,
        None => wanted(manifests, None, "", &mut Findings::default())?,
    };
    let mut all = Vec::new();
    for candidate in &candidates {
        all.extend(candidate.containers()?);
    }
    let whose = match workload {
        Some(workload) => format!("{workload} has no container"),
        None => "no workload has a container".to_owned(),
    };
    let reason = format!("{whose} `{name}`; found {}", container_names(&all));
    let refusal = match (workload, candidates.first()) {
        (Some(_), Some(candidate)) => candidate.refusal(reason),
        _ => Refusal::new(reason),
    };
    Err(refusal.hint("name the container as its `name` is written there"))
}

/// Returns the container of a workload that has a name.
///
/// # Errors
/// Several have it, or a key on the way is written twice.
pub(in crate::manifest) fn container_named<'a>(
    workload: &Workload<'a>,
    name: &str,
) -> Result<Option<Container<'a>>, Refusal> {
    let all = workload.containers()?;
    let mut named = all
        .into_iter()
        .filter(|container| container.name == Some(name));
    let first = named.next();
    if let (Some(first), Some(second)) = (&first, named.next()) {
        let (first, second) = (first.place.line(), second.place.line());
        let reason = format!(
            "{} has two containers `{name}`, on lines {first} and {second}, expected one",
            workload.title()
        );
        return Err(workload
            .refusal(reason)
            .hint("give one of them another name"));
    }
    Ok(first)
}

/// Returns the image of each container; none for one whose image is no text.
fn images_of<'a>(containers: &[Container<'a>]) -> Result<Vec<Option<Image<'a>>>, Refusal> {
    let image_of = |container: &Container<'a>| {
        let place = container.place.key("image")?;
        Ok(place.and_then(|place| {
            let text = place.text()?;
            Some(Image {
                container: container.clone(),
                place,
                text,
                reference: ImageReference::parse(text),
            })
        }))
    };
    containers.iter().map(image_of).collect()
}

/// Refuses where the container has no image of its own to replace, or one that says more than the new one.
fn check(
    workload: &Workload<'_>,
    container: &Container<'_>,
    image: Option<&Image<'_>>,
    new: &ImageReference<'_>,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    if container.place.key("image")?.is_none() {
        let reason = format!(
            "container {} of {} has no `image`, expected one",
            container.title(),
            workload.title()
        );
        return Err(container
            .place
            .refusal(reason)
            .hint("write its `image` once; from then on it is edited"));
    }
    match image {
        Some(image) if new.digest.is_none() => check_digest(image, findings),
        _ => Ok(()),
    }
}

/// Refuses an image that is fixed by its digest where the new one has none, unless that is allowed.
pub(in crate::manifest) fn check_digest(
    image: &Image<'_>,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    let Some(digest) = image.reference.digest else {
        return Ok(());
    };
    if !findings.allowed.drop_digests {
        return Err(fixed_by_digest(image));
    }
    findings.notes.push(format!(
        "{}:{}: the digest `{digest}` goes: from now on the tag decides",
        image.place.view.path(),
        image.place.line()
    ));
    Ok(())
}

/// The refusal of an image that is fixed by its digest.
pub(in crate::manifest) fn fixed_by_digest(image: &Image<'_>) -> Refusal {
    image
        .place
        .refusal(format!(
            "the image `{}` is fixed by its digest, expected a tag",
            image.text
        ))
        .hint(
            "write `repository:tag` there, as a digest would win over any tag, or allow it with \
             --drop-digest",
        )
}

/// Does the image change with that of another container here, whose anchor it refers to?
fn follows_another(
    image: Option<&Image<'_>>,
    all: &[Option<Image<'_>>],
    findings: &Findings,
) -> bool {
    let Some(image) = image.filter(|image| {
        let through_merge = matches!(image.place.detour, Some(Detour::Merge { .. }));
        through_merge && findings.allowed.through_anchors
    }) else {
        return false;
    };
    all.iter()
        .flatten()
        .any(|other| other.place.detour.is_none() && other.place.node == image.place.resolved())
}
