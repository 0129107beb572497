//! Entries and items put into a collection, or taken out of it: which bytes that takes, and where the
//! rules do not say.
//!
//! Pure functions over a text and its parsed document. They never touch a byte that is not theirs:
//! a new child is written as its neighbours are, comments and blank lines stay where they stand, and
//! [`remove`] takes back exactly what adding wrote. A position that no rule covers is refused.
//!
//! Reading order: `lines` knows line breaks, `block_scalar` and `extent` know where a value ends,
//! `dash` where an item begins; `style` looks at how the document is written, `write` writes a tree
//! like that; `block` and `flow` put in, `remove` and `remove_flow` take out, `written_null` brings
//! back what was there.

use std::ops::Range;

use super::{ScalarType, cursor::Cursor};
use crate::yaml::{Document, NodeId, NodeKind};

mod block;
mod block_scalar;
mod dash;
mod extent;
mod flow;
mod lines;
mod remove;
mod remove_flow;
mod style;
#[cfg(test)]
pub(in crate::manifest) mod tests;
mod write;
mod written_null;

pub(super) use written_null::{is_null, remove_to_null, written_null};

/// What is put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    /// A text or a number.
    Scalar {
        /// The value that a reader must find.
        value: String,
        /// What readers must take it for.
        kind: ScalarType,
    },
    /// Keys and their values.
    Mapping(Vec<(String, Self)>),
    /// A list.
    Sequence(Vec<Self>),
}

/// Bytes that take the place of a range of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    /// The bytes that go; empty where something is put in.
    pub span: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

impl Splice {
    fn insert(at: usize, text: String) -> Self {
        Self { span: at..at, text }
    }

    fn delete(span: Range<usize>) -> Self {
        Self {
            span,
            text: String::new(),
        }
    }
}

/// A collection that gets or loses a child.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The whole file.
    pub text: &'a str,
    /// The document in it; its spans are positions in `text`.
    pub document: &'a Document,
    /// The mapping or sequence, or the null scalar (empty, `~`, `null`) or `{}`, `[]` in its place.
    pub node: NodeId,
    /// The key that it is the value of; none for the root and for the item of a list.
    pub key: Option<NodeId>,
}

impl<'a> Place<'a> {
    /// Takes the collection at a place.
    pub(super) fn of(place: &Cursor<'a>) -> Self {
        Self {
            text: place.view.file.text(),
            document: place.document,
            node: place.node,
            key: place.key_node,
        }
    }
}

/// Puts an entry behind the last one of a mapping.
///
/// The splices are in order and do not overlap. A `~` or `null` that gets its first entry is
/// replaced; all else of the file stays.
///
/// # Errors
/// Why the rules do not say how, as a fragment: no mapping, an alias, a key that is there already, a
/// form of YAML that is left to people.
pub(super) fn add_entry(place: &Place<'_>, key: &str, value: &Tree) -> Result<Vec<Splice>, String> {
    let document = place.document;
    match document.kind(place.node) {
        NodeKind::Mapping { flow } => {
            check_tag(place, "!!map")?;
            let present = document.entries(place.node);
            if present
                .into_iter()
                .any(|(name, _)| document.text(name) == Some(key))
            {
                return Err(format!("it has a key `{key}` already, expected none"));
            }
            if flow {
                flow::add_entry(place, key, value)
            } else {
                block::add_entry(place, key, value)
            }
        }
        _ => block::fill_null(place, block::Child::Entry(key, value)),
    }
}

/// Puts an item behind the last one of a list.
///
/// # Errors
/// As [`add_entry`].
pub(super) fn add_item(place: &Place<'_>, item: &Tree) -> Result<Vec<Splice>, String> {
    match place.document.kind(place.node) {
        NodeKind::Sequence { flow } => {
            check_tag(place, "!!seq")?;
            if flow {
                flow::add_item(place, item)
            } else {
                block::add_item(place, item)
            }
        }
        _ => block::fill_null(place, block::Child::Item(item)),
    }
}

/// Takes out an entry, named by its key node, or an item of a list: its own lines with the comment
/// behind it, not the comments above and below. The only child of a block collection leaves a null
/// behind, that of a flow collection `{}` or `[]`.
///
/// # Errors
/// As [`add_entry`]; also where an alias elsewhere needs what would go.
pub(super) fn remove(place: &Place<'_>, child: NodeId) -> Result<Vec<Splice>, String> {
    let siblings = remove::Siblings::of(place, child)?;
    remove::check_unused(place, &siblings)?;
    match place.document.kind(place.node) {
        NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true } => {
            remove_flow::remove(place, &siblings)
        }
        _ => remove::remove(place, &siblings),
    }
}

fn check_tag(place: &Place<'_>, allowed: &str) -> Result<(), String> {
    match place.document.tag(place.node) {
        Some(tag) if tag != allowed => Err(format!("it has the tag `{tag}`, expected none")),
        _ => Ok(()),
    }
}

/// Is a node a scalar without a character of its own, which readers take for null?
fn is_empty(document: &Document, node: NodeId) -> bool {
    matches!(
        document.kind(node),
        NodeKind::Scalar {
            style: crate::yaml::ScalarStyle::Plain
        }
    ) && document.span(node).is_empty()
}
