//! What looking for the values of some edits has found so far: changes, notes and refusals.

use std::collections::HashSet;

use super::{
    Allowances, Change, Manifests, Refusal, ScalarType, Segment,
    cursor::{Cursor, Detour},
    insert,
    kustomization::{self, Decided},
    target::{
        Target, check_alone_in_file, check_not_elsewhere, check_used_here_alone, check_written_out,
    },
};
use crate::yaml::NodeKind;

/// What looking for the values of some edits has found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What may be done beyond what is always safe.
    pub allowed: Allowances,
    /// Values to change.
    pub changes: Vec<Change>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why edits cannot be made.
    pub refusals: Vec<Refusal>,
    /// Values that are written elsewhere and may change there.
    elsewhere: Vec<Elsewhere>,
    /// Values of objects that a kustomization decides over.
    pub decided: Vec<Decided>,
    /// The files, where kustomizations are among them.
    kustomized: Option<Manifests>,
}

/// A value that is reached through an alias or a merge key.
#[derive(Debug)]
struct Elsewhere {
    /// Its file.
    path: String,
    /// Where the bytes of the value begin.
    start: usize,
    /// What is wanted.
    new: String,
    /// Why it cannot be changed, unless its bytes become what is wanted anyway.
    refusal: Refusal,
}

impl Findings {
    /// Starts with nothing found.
    pub(super) fn new(allowed: Allowances) -> Self {
        Self {
            allowed,
            ..Self::default()
        }
    }

    /// Wants what a kustomization decides over to be edited there.
    #[must_use]
    pub(super) fn kustomized(mut self, manifests: &Manifests) -> Self {
        let found = !manifests.kustomizations().is_empty();
        self.kustomized = found.then(|| manifests.clone());
        self
    }

    /// Wants a new text at a place.
    pub(super) fn want(&mut self, place: &Cursor<'_>, new: &str) {
        self.want_as(place, new, ScalarType::Text);
    }

    /// Wants a new value of some type at a place.
    pub(super) fn want_as(&mut self, place: &Cursor<'_>, new: &str, scalar_type: ScalarType) {
        if !self.redirected(place, &[], new, scalar_type) {
            self.want_here(place, new, scalar_type);
        }
    }

    /// As [`Self::want_as`], whatever decides over the value elsewhere.
    pub(super) fn want_here(&mut self, place: &Cursor<'_>, new: &str, scalar_type: ScalarType) {
        match Target::at(place, self.allowed) {
            Ok(target) => match target.change_to(new, scalar_type) {
                Some(change) => {
                    self.notes.extend(target.notes(scalar_type));
                    self.changes.push(change);
                }
                None => self.notes.extend(target.warning(scalar_type)),
            },
            Err(refusal) => self.want_elsewhere(place, new, refusal),
        }
    }

    /// Keeps a refusal, or puts it off where the value may change with the anchor that it refers to.
    fn want_elsewhere(&mut self, place: &Cursor<'_>, new: &str, refusal: Refusal) {
        let resolved = place.resolved();
        let is_elsewhere = place.detour.is_some() || resolved != place.node;
        if !self.allowed.through_anchors || !is_elsewhere {
            self.refusals.push(refusal);
        } else if place.text() != Some(new) {
            self.elsewhere.push(Elsewhere {
                path: place.view.path().to_owned(),
                start: place.document.span(resolved).start,
                new: new.to_owned(),
                refusal,
            });
        }
    }

    /// Refuses the values that are written elsewhere and do not change there.
    pub(super) fn settle(&mut self) {
        let changed: HashSet<(&str, usize, Option<&str>)> = self
            .changes
            .iter()
            .filter(|change| change.created == 0)
            .map(|change| {
                (
                    change.path.as_str(),
                    change.span.start,
                    change.new.as_deref(),
                )
            })
            .collect();
        for value in self.elsewhere.drain(..) {
            if !changed.contains(&(value.path.as_str(), value.start, Some(value.new.as_str()))) {
                self.refusals.push(value.refusal);
            }
        }
    }

    /// Wants a value at the end of a path below a place; what is missing on the way is made: keys,
    /// and list items that have the text by which the path names them. A list grows at its end.
    pub(super) fn put(
        &mut self,
        from: &Cursor<'_>,
        path: &[Segment],
        new: &str,
        scalar_type: ScalarType,
    ) {
        if self.redirected(from, path, new, scalar_type)
            || kustomization::put_literal((from, path), new, self)
        {
            return;
        }
        let Some((parent, missing)) = self.take(deepest(from, path)) else {
            return;
        };
        if missing.is_empty() {
            self.want_here(&parent, new, scalar_type);
        } else if let Some(change) = self.take(insertion(&parent, missing, new, scalar_type)) {
            self.changes.push(change);
        }
    }

    /// Wants a value where a kustomization decides over it; false where none does.
    fn redirected(
        &mut self,
        from: &Cursor<'_>,
        path: &[Segment],
        new: &str,
        scalar_type: ScalarType,
    ) -> bool {
        let Some(manifests) = self.kustomized.clone() else {
            return false;
        };
        kustomization::redirect(&manifests, (from, path), (new, scalar_type), self)
    }

    /// Keeps the reason why something could not be found; returns it where there is none.
    pub(super) fn take<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.refusals.push(refusal)).ok()
    }
}

/// Follows a path as far as it is written where it seems to be; returns what is missing.
fn deepest<'a, 'p>(
    from: &Cursor<'a>,
    path: &'p [Segment],
) -> Result<(Cursor<'a>, &'p [Segment]), Refusal> {
    let mut place = from.clone();
    for (index, segment) in path.iter().enumerate() {
        let missing = path.get(index..).unwrap_or_default();
        let Some(next) = place.follow(std::slice::from_ref(segment))? else {
            return Ok((place, missing));
        };
        // What a merge key brings into this very mapping is not changed there but overridden here.
        let last = missing.len() == 1;
        if last && place.detour.is_none() && matches!(next.detour, Some(Detour::Merge { .. })) {
            return Ok((place, missing));
        }
        place = next;
    }
    Ok((place, &[]))
}

/// Makes the change that puts a value below a place where there is none.
fn insertion(
    parent: &Cursor<'_>,
    missing: &[Segment],
    new: &str,
    scalar_type: ScalarType,
) -> Result<Change, Refusal> {
    let document = parent.document;
    let mut pointer = parent.pointer();
    pointer.extend_from_slice(missing);
    let target = format!("{} of {}", parent.target(), parent.view.reference());
    check_not_elsewhere(parent, &target)?;
    let is_null = insert::is_null(document.written(parent.node));
    let fits = match (document.kind(parent.node), missing.first()) {
        (NodeKind::Mapping { .. }, Some(Segment::Key(_))) => true,
        (NodeKind::Sequence { .. }, Some(Segment::Item { .. })) => true,
        (NodeKind::Sequence { .. }, Some(Segment::Index(index))) => {
            *index == document.items(parent.node).count()
        }
        (NodeKind::Scalar { .. }, Some(Segment::Key(_) | Segment::Item { .. })) => is_null,
        _ => false,
    };
    if !fits {
        let wanted = super::pointer::path_of(&pointer);
        return Err(parent
            .refusal(format!(
                "`{wanted}` of {} cannot be added: {target} is {}",
                parent.view.reference(),
                found(parent)
            ))
            .hint("check the path; a list item is named as [name=…]"));
    }
    let is_made = |segment: &Segment| {
        matches!(
            segment,
            Segment::Key(_) | Segment::Item { .. } | Segment::Index(0)
        )
    };
    if !missing.iter().skip(1).all(is_made) {
        let wanted = super::pointer::path_of(&pointer);
        return Err(parent
            .refusal(format!(
                "`{wanted}` of {} cannot be added: only keys and first list items are made",
                parent.view.reference()
            ))
            .hint("write what is around the value by hand"));
    }
    check_written_out(parent, &target)?;
    check_used_here_alone(parent, &target)?;
    check_alone_in_file(parent)?;
    let span = document.span(parent.node);
    Ok(Change {
        path: parent.view.path().to_owned(),
        line: parent.line(),
        column: document.column(parent.node),
        object: parent.view.reference().clone(),
        pointer,
        old: None,
        new: Some(new.to_owned()),
        item: None,
        scalar_type,
        created: missing.len(),
        span: span.start..span.start,
        text: String::new(),
        old_text: insert::written_null(&insert::Place::of(parent)).to_owned(),
    })
}

fn found(place: &Cursor<'_>) -> &'static str {
    match place.document.kind(place.node) {
        NodeKind::Mapping { .. } => "a mapping",
        NodeKind::Sequence { .. } => "a list",
        NodeKind::Scalar { .. } => "a text",
        NodeKind::Alias { .. } => "an alias",
    }
}
