//! Which workloads an edit is for: the one that is named, or all that have what it changes.

use crate::manifest::{
    Manifests, ObjectRef, Refusal,
    cursor::Cursor,
    findings::Findings,
    image::ImageReference,
    manifests::listed,
    object::View,
    pod_spec::{Image, Workload, image_texts},
    target::check_used_here_alone,
};

/// A workload and those of its containers' images that are of one repository.
#[derive(Debug)]
pub(in crate::manifest) struct Running<'a> {
    /// The workload.
    pub workload: Workload<'a>,
    /// The images of the repository; at least one.
    pub images: Vec<Image<'a>>,
    /// The images of the other containers.
    pub others: Vec<Image<'a>>,
}

impl<'a> Running<'a> {
    /// Takes the containers of a workload apart by the repository of their image; none where no
    /// container is of this one.
    fn of(workload: Workload<'a>, repository: &str) -> Result<Option<Self>, Refusal> {
        let (images, others): (Vec<_>, Vec<_>) = workload
            .images()?
            .into_iter()
            .partition(|image| image.reference.repository == repository);
        Ok((!images.is_empty()).then_some(Self {
            workload,
            images,
            others,
        }))
    }
}

/// Returns the workload with a kind and name, or every workload in whose document some text is.
/// Where texts of ConfigMaps may be looked into, those that are such workloads follow.
///
/// # Errors
/// The named one is not there exactly once, or runs no pods; a key on the way is written twice.
pub(in crate::manifest) fn wanted<'a>(
    manifests: &'a Manifests,
    workload: Option<&ObjectRef>,
    needle: &str,
    findings: &mut Findings,
) -> Result<Vec<Workload<'a>>, Refusal> {
    let Some(named) = workload else {
        let mut views = manifests.views_with(&[needle]).collect();
        manifests.kustomizations().drop_patches(&mut views);
        let mut found = Vec::with_capacity(views.len());
        for view in views {
            found.extend(Workload::of(Cursor::new(view))?);
        }
        found.extend(in_texts(manifests, needle, findings)?);
        return Ok(found);
    };
    let mut in_texts = in_texts(manifests, &named.name, findings)?;
    in_texts.retain(|found| found.kind == named.kind && found.name == named.name);
    let needles = [named.kind.as_str(), named.name.as_str()];
    let is_object = |view: View<'_>| view.reference() == named;
    let mut found = Vec::new();
    if in_texts.is_empty() || manifests.views_with(&needles).any(is_object) {
        found.push(Workload::named(Cursor::new(manifests.one(named)?))?);
    }
    found.extend(in_texts);
    Ok(found)
}

/// Returns the workloads that are written as texts in the `data` of ConfigMaps, where it is allowed
/// to look there.
fn in_texts<'a>(
    manifests: &'a Manifests,
    needle: &str,
    findings: &mut Findings,
) -> Result<Vec<Workload<'a>>, Refusal> {
    let mut found = Vec::new();
    if !findings.allowed.embedded {
        return Ok(found);
    }
    for view in manifests.views_with(&["ConfigMap", needle]) {
        if view.reference().kind != "ConfigMap" {
            continue;
        }
        let Some(data) = Cursor::new(view).key("data")? else {
            continue;
        };
        let document = view.document;
        for (key, value) in document.entries(data.node) {
            let (Some(key), Some(text)) = (document.text(key), document.value(value)) else {
                continue;
            };
            if !text.contains(needle) || !text.contains("kind") {
                continue;
            }
            let Some(place) = data.key(key)? else {
                continue;
            };
            let Some(inside) = place.enter() else {
                findings.notes.push(format!(
                    "{}:{}: {} of {} is not one document in a literal block (`|`); left as it is",
                    view.path(),
                    place.line(),
                    place.target(),
                    view.reference()
                ));
                continue;
            };
            if let Some(workload) = Workload::of(inside)? {
                let target = format!("{} of {}", place.target(), view.reference());
                check_used_here_alone(&place, &target)?;
                found.push(workload);
            }
        }
    }
    Ok(found)
}

/// Returns the named workload, or every one, that runs an image.
///
/// # Errors
/// None does, a Helm template may, or as [`wanted`].
pub(in crate::manifest) fn running<'a>(
    manifests: &'a Manifests,
    workload: Option<&ObjectRef>,
    repository: &str,
    findings: &mut Findings,
) -> Result<Vec<Running<'a>>, Refusal> {
    if workload.is_none() {
        let named = [repository];
        let mut unknown = manifests.unknown_with(&named);
        if let Some(unknown) = unknown.find(|unknown| unknown.hides(repository)) {
            let reason = format!("the {} here names the image `{repository}`", unknown.what());
            return Err(unknown.refusal(reason));
        }
    }
    let mut found = Vec::new();
    for candidate in wanted(manifests, workload, repository, findings)? {
        let must_run = workload.is_some() && !candidate.is_text();
        match Running::of(candidate.clone(), repository)? {
            Some(running) => found.push(running),
            None if must_run => return Err(runs_not(&candidate, repository)?),
            None => {}
        }
    }
    if let (true, Some(named)) = (found.is_empty(), workload) {
        let reason = format!("no text that is {named} runs the image `{repository}`");
        return Err(Refusal::new(reason).hint(IMAGE_HINT));
    }
    if found.is_empty() {
        return Err(nothing_runs(manifests, repository)?);
    }
    Ok(found)
}

/// Returns the containers of a workload by the image that they run.
///
/// # Errors
/// None of them runs the image, the workload runs no pods, or a key on the way is written twice.
pub(in crate::manifest) fn running_in<'a>(
    view: View<'a>,
    repository: &str,
) -> Result<Running<'a>, Refusal> {
    let workload = Workload::named(Cursor::new(view))?;
    match Running::of(workload.clone(), repository)? {
        Some(running) => Ok(running),
        None => Err(runs_not(&workload, repository)?),
    }
}

/// Returns the workload that is meant where none is named and none has what is to be set: the only one
/// among the files.
///
/// # Errors
/// There is none, or there are several; `missing` says what none of them has.
pub(in crate::manifest) fn only_one<'a>(
    manifests: &'a Manifests,
    missing: &str,
) -> Result<Workload<'a>, Refusal> {
    let mut views: Vec<View<'a>> = manifests.views().collect();
    manifests.kustomizations().drop_patches(&mut views);
    let mut found = Vec::new();
    for view in views {
        found.extend(Workload::of(Cursor::new(view))?);
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(
            Refusal::new(format!("{missing}, and no workload is in the files"))
                .hint("check that the files to edit include the workload"),
        ),
        several => {
            let names = listed(several.iter().map(Workload::title));
            Err(
                Refusal::new(format!("{missing}, expected one that has; found {names}"))
                    .hint("name the object that is to get it"),
            )
        }
    }
}

const IMAGE_HINT: &str = "name the image as it is written there, without its tag";

fn runs_not(workload: &Workload<'_>, repository: &str) -> Result<Refusal, Refusal> {
    let images = workload.images()?;
    let found = image_texts(images.iter().map(|image| image.text));
    let reason = format!(
        "no container of {} runs the image `{repository}`; found {found}",
        workload.title()
    );
    let hint = hint(images.iter().map(|image| &image.reference), repository);
    Ok(workload.refusal(reason).hint(hint))
}

fn nothing_runs(manifests: &Manifests, repository: &str) -> Result<Refusal, Refusal> {
    let mut images = Vec::new();
    for view in manifests.views() {
        if let Some(workload) = Workload::of(Cursor::new(view))? {
            images.extend(workload.images()?);
        }
    }
    let found = image_texts(images.iter().map(|image| image.text));
    let reason = format!("no workload runs the image `{repository}`; found {found}");
    let hint = hint(images.iter().map(|image| &image.reference), repository);
    Ok(Refusal::new(reason).hint(hint))
}

/// Says what to do: where the image is there under its long or short name, which that is.
fn hint<'i, 'a: 'i>(
    found: impl Iterator<Item = &'i ImageReference<'a>>,
    repository: &str,
) -> String {
    let wanted = ImageReference::parse(repository).full_repository();
    let mut same = found.filter(|image| image.full_repository() == wanted);
    match same.next() {
        Some(image) => format!(
            "the same image is written `{}` there; name it so",
            image.repository
        ),
        None => IMAGE_HINT.to_owned(),
    }
}
