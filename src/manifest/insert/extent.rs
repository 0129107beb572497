//! Where a value of a block collection ends: the last line that is its own.

use super::{
    Place,
    block_scalar::{BlockScalar, Chomping},
    is_empty,
};
use crate::yaml::{NodeId, NodeKind, ScalarStyle};

/// The end of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// A place on its last line; behind it on that line there is at most a comment.
    pub last: usize,
    /// The block scalar that it ends with.
    pub scalar: Option<BlockScalar>,
}

impl Extent {
    /// Returns the extent of a node, which is the value of `key`, or an item or the root.
    pub(super) fn of(place: &Place<'_>, node: NodeId, key: Option<NodeId>) -> Result<Self, String> {
        let document = place.document;
        let (mut node, mut key) = (node, key);
        loop {
            match document.kind(node) {
                NodeKind::Mapping { flow: false } => {
                    let (name, value) = document
                        .entries(node)
                        .last()
                        .ok_or("it is an empty mapping without braces")?;
                    (node, key) = (value, Some(name));
                }
                NodeKind::Sequence { flow: false } => {
                    let item = document.items(node).last();
                    (node, key) = (item.ok_or("it is an empty list without brackets")?, None);
                }
                _ => break,
            }
        }
        let at = |last| Self { last, scalar: None };
        match document.kind(node) {
            NodeKind::Scalar { style } if style.is_block() => {
                let scalar = BlockScalar::read(place, node, key)?;
                if ends_embedded_text(place, node) {
                    scalar.check_stands_alone(place)?;
                }
                Ok(Self {
                    last: scalar.last_line,
                    scalar: Some(scalar),
                })
            }
            NodeKind::Scalar {
                style: ScalarStyle::Plain,
            } if is_empty(document, node) => {
                let start = document.span(node).start;
                let colon = key.map(|key| colon_of(place, key)).transpose()?;
                Ok(at(start.max(colon.unwrap_or(start))))
            }
            _ => Ok(at(document.span(node).end)),
        }
    }

    /// Refuses to put lines below a block scalar at the end of a file that has no line break there.
    pub(super) fn check_open(&self, text: &str) -> Result<(), String> {
        match self.scalar {
            Some(scalar) if scalar.is_cut_off(text) => Err(format!(
                "the file ends in a block scalar (`{}`) without a line break, and a line below \
                 would change what some readers take for its value, expected a line break",
                if scalar.chomping == Chomping::Keep {
                    "|+"
                } else {
                    "|"
                }
            )),
            _ => Ok(()),
        }
    }
}

/// Is a node the last of a document whose lines are all indented, as those of a text inside another
/// document are?
pub(super) fn ends_embedded_text(place: &Place<'_>, node: NodeId) -> bool {
    let document = place.document;
    let root = document.root();
    document.column(root) > 1 && document.last_inside(root) == node
}

/// Returns the place of the colon behind a key of a block or flow mapping.
pub(super) fn colon_of(place: &Place<'_>, key: NodeId) -> Result<usize, String> {
    let end = place.document.span(key).end;
    let rest = &place.text[end..];
    let content = rest.trim_start_matches([' ', '\t']);
    if content.starts_with(':') {
        Ok(end + rest.len() - content.len())
    } else {
        Err(format!(
            "the key on line {} has no colon behind it, expected `key: value`",
            place.document.line(key)
        ))
    }
}
