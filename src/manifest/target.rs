//! The scalar at a place, once it is sure that changing its bytes changes that one value and no other.

use std::{
    fmt::{self, Display, Formatter},
    ops::Range,
};

use super::{
    Change, Refusal, ScalarType, block_scalar,
    cursor::{Cursor, Detour},
    manifests::{TEMPLATE_HINT, listed},
    plain,
    scalar::{Surroundings, render},
    template,
};
use crate::yaml::{NodeId, NodeKind, ScalarStyle};

/// A scalar that may be replaced.
#[derive(Debug)]
pub(super) struct Target<'a> {
    place: &'a Cursor<'a>,
    style: ScalarStyle,
    /// The decoded value that is there now.
    pub value: &'a str,
    /// The bytes that are there now.
    pub written: &'a str,
    /// Where they are; those of a block scalar begin with its header.
    span: Range<usize>,
}

/// What an edit may do beyond what is always safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowances {
    /// Change a value that is anchored and used elsewhere through aliases: all of them change.
    pub through_anchors: bool,
    /// Replace a block scalar (`|` or `>`) by a text in quotes.
    pub inline_blocks: bool,
    /// Drop the digest of an image that gets a tag.
    pub drop_digests: bool,
    /// Look for objects also in texts of ConfigMaps that are manifests themselves.
    pub embedded: bool,
}

impl<'a> Target<'a> {
    /// Takes the scalar at a place.
    ///
    /// # Errors
    /// It is reached through an alias or a merge key, used elsewhere through its anchor, no scalar,
    /// a block scalar, tagged, empty, templated; or its object is in the file twice.
    pub(super) fn at(place: &'a Cursor<'a>, allowed: Allowances) -> Result<Self, Refusal> {
        let document = place.document;
        let target = Title(place);
        check_not_elsewhere(place, &target)?;
        let (NodeKind::Scalar { style }, Some(value)) =
            (document.kind(place.node), document.value(place.node))
        else {
            return Err(place
                .refusal(format!("{target} is a mapping or a list, expected a text"))
                .hint("write the value as a text"));
        };
        let (style, span) = if style.is_block() {
            let inlined = allowed
                .inline_blocks
                .then(|| block_scalar::replaceable(place));
            let Some(span) = inlined.flatten() else {
                return Err(place
                    .refusal(format!(
                        "{target} is a block scalar (`|` or `>`), expected a text on one line"
                    ))
                    .hint(BLOCK_HINT));
            };
            (document.quote().style(), span)
        } else {
            (style, document.span(place.node))
        };
        if let Some(tag) = document.tag(place.node).filter(|tag| *tag != "!!str") {
            return Err(place
                .refusal(format!("{target} has the tag `{tag}`, expected none"))
                .hint("remove the tag and put quotes around the value"));
        }
        let written = place.view.file.text().get(span.clone()).unwrap_or_default();
        if written.is_empty() {
            return Err(place
                .refusal(format!("{target} has no value, expected a text"))
                .hint("write a first value behind the key"));
        }
        if value.contains(template::VARIABLE) {
            return Err(place
                .refusal(format!(
                    "{target} holds a variable `${{…}}` that another tool fills in, expected a value"
                ))
                .hint("set the variable where that tool takes it from"));
        }
        let templated = place.templated || document.is_templated(&document.span(place.node));
        if templated || value.contains(template::ACTION) {
            return Err(place
                .refusal(format!("{target} is a Helm template, expected a value"))
                .hint(TEMPLATE_HINT));
        }
        if !allowed.through_anchors {
            check_used_here_alone(place, &target)?;
        }
        check_alone_in_file(place)?;
        Ok(Self {
            place,
            style,
            value,
            written,
            span,
        })
    }

    /// Returns the change to a new value; none where the value is there already, as what it is to be read as.
    pub(super) fn change_to(&self, new: &str, scalar_type: ScalarType) -> Option<Change> {
        let is_read_so = scalar_type != ScalarType::Text || !self.is_mistaken();
        (self.value != new || !is_read_so).then(|| {
            let surroundings = Surroundings {
                style: self.style,
                in_flow: self.place.in_flow,
                quote: self.place.document.quote(),
            };
            self.change_as(new, render(new, scalar_type, surroundings), scalar_type)
        })
    }

    /// Does it stand without quotes, so that some reader takes it for something else than a text?
    fn is_mistaken(&self) -> bool {
        let place = self.place;
        self.style == ScalarStyle::Plain
            && place.document.tag(place.node).is_none()
            && !plain::is_text(self.value, place.in_flow)
    }

    /// Returns what is wrong with how the value is written, for a value that stays as it is:
    /// Kubernetes refuses a text where it wants a number.
    pub(super) fn warning(&self, scalar_type: ScalarType) -> Option<String> {
        let place = self.place;
        let is_plain = self.style == ScalarStyle::Plain;
        let found = match scalar_type {
            ScalarType::Integer if !is_plain => "stands in quotes, Kubernetes expects a number",
            ScalarType::Boolean if !is_plain => {
                "stands in quotes, Kubernetes expects true or false"
            }
            _ => return None,
        };
        let path = place.view.path();
        Some(format!(
            "{path}:{}: {} {found}",
            place.line(),
            place.target()
        ))
    }

    /// Returns what a person should know about a value that changes: it was read as something else
    /// than it looks like, or it changes in other places too.
    pub(super) fn notes(&self, scalar_type: ScalarType) -> Vec<String> {
        let place = self.place;
        let at = || format!("{}:{}: {}", place.view.path(), place.line(), place.target());
        let mut notes = Vec::new();
        let is_decimal = || self.value.contains('.') && self.value.parse::<f64>().is_ok();
        if scalar_type == ScalarType::Text
            && self.style == ScalarStyle::Plain
            && place.document.tag(place.node).is_none()
            && is_decimal()
        {
            let read = self.value.parse::<f64>().unwrap_or_default();
            notes.push(format!(
                "{} was read as the number {read}; now in quotes",
                at()
            ));
        }
        if scalar_type != ScalarType::Text {
            notes.extend(self.warning(scalar_type));
        }
        let users = users(place);
        if !users.is_empty() {
            let lines = listed(users.iter().map(|line| format!("line {line}")));
            notes.push(format!("{} changes for the alias on {lines} too", at()));
        }
        notes
    }

    /// Returns the change to a new value whose bytes are known already.
    pub(super) fn change_as(&self, new: &str, text: String, scalar_type: ScalarType) -> Change {
        Change {
            path: self.place.view.path().to_owned(),
            line: self.place.line(),
            column: self.place.document.column(self.place.node),
            object: self.place.view.reference().clone(),
            pointer: self.place.pointer(),
            old: Some(self.value.to_owned()),
            new: Some(new.to_owned()),
            item: None,
            scalar_type,
            created: 0,
            span: self.span(),
            text,
            old_text: self.written.to_owned(),
        }
    }

    /// Returns the bytes that the scalar takes in its file.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

/// What a place is called in messages. It is written out only where something is refused.
struct Title<'p, 'a>(&'p Cursor<'a>);

impl Display for Title<'_, '_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self(place) = self;
        write!(
            formatter,
            "{} of {}",
            place.target(),
            place.view.reference()
        )
    }
}

const BLOCK_HINT: &str = "write the value in quotes behind its key, or, where the block begins on the key's line and has no \
     comment there, allow it with --inline-blocks";

/// Refuses a place whose bytes are elsewhere.
pub(super) fn check_not_elsewhere(
    place: &Cursor<'_>,
    target: &impl Display,
) -> Result<(), Refusal> {
    let document = place.document;
    let value_line = document.line(place.resolved());
    let refuse = |reason: String| place.refusal(reason).hint("write the value itself here");
    if matches!(document.kind(place.node), NodeKind::Alias { .. }) {
        return Err(refuse(format!(
            "{target} is an alias of the value that is anchored on line {value_line}"
        )));
    }
    match place.detour {
        Some(Detour::Alias { line }) => Err(refuse(format!(
            "{target} comes through the alias on line {line} from line {value_line}"
        ))),
        Some(Detour::Merge { line }) => Err(refuse(format!(
            "{target} comes through the merge key `<<` on line {line} from line {value_line}"
        ))),
        None => Ok(()),
    }
}

/// Refuses a mapping or list to which a Helm template may add something.
pub(super) fn check_written_out(place: &Cursor<'_>, target: &impl Display) -> Result<(), Refusal> {
    if place.templated || place.document.may_grow(place.resolved()) {
        return Err(place
            .refusal(format!(
                "{target} is put together by a Helm template, expected all of it written out"
            ))
            .hint(TEMPLATE_HINT));
    }
    Ok(())
}

/// Refuses a place whose bytes count elsewhere too.
pub(super) fn check_used_here_alone(
    place: &Cursor<'_>,
    target: &impl Display,
) -> Result<(), Refusal> {
    let users = users(place);
    if users.is_empty() {
        return Ok(());
    }
    let lines = listed(users.iter().map(|line| format!("line {line}")));
    Err(place
        .refusal(format!(
            "{target} is anchored and also used by the alias on {lines}"
        ))
        .hint(
            "write the value itself in each place, without the anchor, or change all of them with \
             --through-anchors",
        ))
}

/// Returns the lines of the aliases that bring a place, or something it is inside of, elsewhere.
fn users(place: &Cursor<'_>) -> Vec<usize> {
    let (document, id): (_, NodeId) = (place.document, place.node);
    let brings = |target: NodeId| target <= id && id <= document.last_inside(target);
    let aliases = document.aliases.iter().copied();
    aliases
        .filter(
            |alias| matches!(document.kind(*alias), NodeKind::Alias { target } if brings(target)),
        )
        .map(|alias| document.line(alias))
        .collect()
}

/// Refuses a document that SOPS has encrypted: what it signs over all values would not fit any more
/// (getsops.io, "Message Authentication Code").
fn check_not_encrypted(place: &Cursor<'_>) -> Result<(), Refusal> {
    let view = place.view;
    let sops = view.document.get(view.object.root, "sops");
    if sops
        .and_then(|sops| view.document.get(sops, "mac"))
        .is_none()
    {
        return Ok(());
    }
    Err(place
        .refusal(format!(
            "{} is encrypted by SOPS, expected values that stand there as they are",
            view.reference()
        ))
        .hint("change it with `sops edit`"))
}

/// Refuses where kind and name do not tell the object from another one of its file, and a file that is
/// encrypted.
pub(super) fn check_alone_in_file(place: &Cursor<'_>) -> Result<(), Refusal> {
    check_not_encrypted(place)?;
    let view = place.view;
    let mut twins = view
        .file
        .find(view.reference())
        .map(|twin| twin.object.line);
    let (Some(first), Some(second)) = (twins.next(), twins.next()) else {
        return Ok(());
    };
    Err(Refusal::new(format!(
        "{} is written twice in this file, on lines {first} and {second}, expected once",
        view.reference()
    ))
    .at(view.path(), view.object.line)
    .hint("put the two into files of their own"))
}
