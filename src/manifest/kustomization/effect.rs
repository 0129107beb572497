//! What kustomizations make of one value of an object: the place that decides over it, from the inside
//! out through everything that builds its file.

use super::{
    images::{self, Entry},
    patch, replacements, replicas,
};
use crate::manifest::{
    Manifests, Refusal, Segment, cursor::Cursor, image::ImageReference, manifests::listed,
    object::View, pointer::path_of,
};

/// What decides over a value in place of the object itself.
#[derive(Debug, Clone)]
pub(super) enum Decider<'a> {
    /// The value in a patch.
    Patch(Cursor<'a>),
    /// An entry of `images`.
    Image(Box<Entry<'a>>),
    /// The `count` of an entry of `replicas`.
    Replicas(Cursor<'a>),
}

impl<'a> Decider<'a> {
    /// Returns the place of the value.
    pub(super) fn place(&self) -> &Cursor<'a> {
        match self {
            Self::Patch(place) | Self::Replicas(place) => place,
            Self::Image(entry) => entry.place(),
        }
    }
}

/// What comes out for a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Effect<'a> {
    /// What decides over it; none where the object does.
    pub decider: Option<Decider<'a>>,
    /// The image, where the value is one.
    pub image: Option<ImageReference<'a>>,
}

/// Is a path that of the image of a container?
pub(super) fn is_image(pointer: &[Segment]) -> bool {
    let key = |segment: Option<&Segment>, names: &[&str]| matches!(segment, Some(Segment::Key(key)) if names.contains(&key.as_str()));
    let mut backwards = pointer.iter().rev();
    key(backwards.next(), &["image"]) && key(backwards.nth(1), &["containers", "initContainers"])
}

/// Returns what comes out for a value of an object.
///
/// # Errors
/// Several kustomizations decide over it, each for an environment of its own, a replacement writes it, or
/// a patch is written such that it cannot be told.
pub(super) fn of<'a>(
    manifests: &'a Manifests,
    view: View<'a>,
    pointer: &[Segment],
) -> Result<Effect<'a>, Refusal> {
    let own = Cursor::new(view).follow(pointer)?;
    let mut decided: Vec<Effect<'a>> = Vec::new();
    let mut undecided = None;
    for way in manifests.kustomizations().ways(manifests, view.path()) {
        let effect = along(manifests, &way, view, pointer, own.as_ref())?;
        let decider = effect.decider.as_ref().map(Decider::place);
        let decider = decider.filter(|place| !own.as_ref().is_some_and(|own| same(own, place)));
        let Some(decider) = decider else {
            undecided = Some(Effect {
                decider: None,
                ..effect
            });
            continue;
        };
        let known = |earlier: &Effect<'a>| {
            let place = earlier.decider.as_ref().map(Decider::place);
            place.is_some_and(|place| same(place, decider))
        };
        if !decided.iter().any(known) {
            decided.push(effect);
        }
    }
    let Some(one) = decided.first() else {
        return Ok(undecided.unwrap_or_else(|| Effect {
            decider: None,
            image: reference(own.as_ref(), pointer),
        }));
    };
    if decided.len() == 1 && undecided.is_none() {
        return Ok(one.clone());
    }
    let own_place = match &own {
        Some(own) => format!("{}:{}", view.path(), own.line()),
        None => view.place(),
    };
    let deciders = decided.iter().filter_map(|effect| effect.decider.as_ref());
    let mut places: Vec<String> = deciders
        .map(|decider| format!("{}:{}", decider.place().view.path(), decider.place().line()))
        .collect();
    places.extend(undecided.map(|_| own_place));
    Err(Refusal::new(format!(
        "`{}` of {} comes from {} places, expected one: {}",
        path_of(pointer),
        view.reference(),
        places.len(),
        listed(places.into_iter())
    ))
    .at(view.path(), own.map_or(view.object.line, |own| own.line()))
    .hint("kustomizations build several environments of it: name the files of one of them"))
}

/// Returns the image at a place, where the path is that of one.
fn reference<'a>(place: Option<&Cursor<'a>>, pointer: &[Segment]) -> Option<ImageReference<'a>> {
    let text = place.filter(|_| is_image(pointer))?.text()?;
    Some(ImageReference::parse(text))
}

/// Follows one way through kustomizations.
fn along<'a>(
    manifests: &'a Manifests,
    way: &[Cursor<'a>],
    view: View<'a>,
    pointer: &[Segment],
    own: Option<&Cursor<'a>>,
) -> Result<Effect<'a>, Refusal> {
    let mut names = vec![view.reference().name.clone()];
    let mut effect = Effect {
        decider: None,
        image: reference(own, pointer),
    };
    for kustomization in way {
        // The order of kustomize: patches, names, replicas, images, replacements.
        if let Some(place) = patch::value(manifests, kustomization, &names, (view, pointer))? {
            effect.image = reference(Some(&place), pointer);
            effect.decider = Some(Decider::Patch(place));
        }
        names.extend(renamed(kustomization, names.last())?);
        if let Some(count) = replicas::count(kustomization, &names, (view, pointer))? {
            effect.decider = Some(Decider::Replicas(count));
        }
        if let Some(image) = effect.image {
            for entry in images::entries_for(kustomization, image.repository)? {
                effect.image = effect.image.map(|image| entry.applied_to(image));
                if entry.decides() {
                    effect.decider = Some(Decider::Image(Box::new(entry)));
                }
            }
        }
        replacements::check(manifests, kustomization, &names, (view, pointer))?;
    }
    Ok(effect)
}

/// Returns the name that an object gets by `namePrefix` and `nameSuffix`.
fn renamed(kustomization: &Cursor<'_>, name: Option<&String>) -> Result<Option<String>, Refusal> {
    let text = |key: &str| -> Result<&str, Refusal> {
        let place = kustomization.key(key)?;
        Ok(place.and_then(|place| place.text()).unwrap_or_default())
    };
    let (prefix, suffix) = (text("namePrefix")?, text("nameSuffix")?);
    Ok(name
        .filter(|_| !prefix.is_empty() || !suffix.is_empty())
        .map(|name| format!("{prefix}{name}{suffix}")))
}

/// Are two places one?
pub(super) fn same(one: &Cursor<'_>, other: &Cursor<'_>) -> bool {
    one.view.path() == other.view.path()
        && one.view.reference() == other.view.reference()
        && one.pointer() == other.pointer()
}
