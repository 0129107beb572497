//! What kustomizations make of one value of an object: the place that decides over it, from the inside
//! out through everything that builds its file.

use super::{
    images::{self, Entry},
    patch, replicas,
};
use crate::manifest::{
    Manifests, Refusal, Segment, cursor::Cursor, image::ImageReference, manifests::listed,
    object::View,
};

/// What decides over a value in place of the object itself.
#[derive(Debug, Clone)]
pub(super) enum Decider<'a> {
    /// The value in a patch.
    Patch(Cursor<'a>),
    /// An entry of `images`.
    Image(Entry<'a>),
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
/// Several kustomizations decide over it, each for an environment of its own, or a patch is written such
/// that it cannot be told.
pub(super) fn of<'a>(
    manifests: &'a Manifests,
    view: View<'a>,
    pointer: &[Segment],
) -> Result<Effect<'a>, Refusal> {
    let own = Cursor::new(view).follow(pointer)?;
    let mut effects: Vec<Effect<'a>> = Vec::new();
    let mut undecided = Effect {
        decider: None,
        image: own
            .as_ref()
            .and_then(Cursor::text)
            .map(ImageReference::parse),
    };
    for way in manifests.kustomizations().ways(manifests, view.path()) {
        let effect = along(manifests, &way, view, pointer, own.as_ref())?;
        let known = |place: &Cursor<'_>| {
            let places = effects.iter().filter_map(|effect| effect.decider.as_ref());
            let mut places = places.map(Decider::place).chain(&own);
            places.any(|known| same(known, place))
        };
        match &effect.decider {
            Some(decider) if !known(decider.place()) => effects.push(effect),
            Some(_) => {}
            // A kustomization may give the image another name and leave its tag to the object.
            None => undecided = effect,
        }
    }
    if effects.len() > 1 {
        let deciders = effects.iter().filter_map(|effect| effect.decider.as_ref());
        let places = listed(deciders.map(|decider| {
            let place = decider.place();
            format!("{}:{}", place.view.path(), place.line())
        }));
        let reason = format!(
            "`{}` of {} is set by {} kustomizations, expected one: {places}",
            crate::manifest::pointer::path_of(pointer),
            view.reference(),
            effects.len()
        );
        return Err(Refusal::new(reason)
            .at(view.path(), own.map_or(view.object.line, |own| own.line()))
            .hint("each is an environment: name the files of one of them"));
    }
    Ok(effects.pop().unwrap_or(undecided))
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
    let is_image = is_image(pointer);
    let reference = |place: Option<&Cursor<'a>>| {
        let text = place.filter(|_| is_image).and_then(|place| place.text());
        text.map(ImageReference::parse)
    };
    let mut effect = Effect {
        decider: None,
        image: reference(own),
    };
    for kustomization in way {
        // The order of kustomize: patches, names, replicas, images.
        if let Some(place) = patch::value(manifests, kustomization, &names, (view, pointer))? {
            effect.image = reference(Some(&place));
            effect.decider = Some(Decider::Patch(place));
        }
        names.extend(renamed(kustomization, names.last())?);
        if let Some(count) = replicas::count(kustomization, &names, (view, pointer))? {
            effect.decider = Some(Decider::Replicas(count));
        }
        let Some(image) = effect.image else {
            continue;
        };
        for entry in images::entries_for(kustomization, image.repository)? {
            effect.image = effect.image.map(|image| entry.applied_to(image));
            if entry.decides() {
                effect.decider = Some(Decider::Image(entry));
            }
        }
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
        && one.pointer == other.pointer
}
