//! Where the dash of a list item stands, and what stands in front of keys and dashes on their line.

use super::{Place, block_scalar::BlockScalar, is_empty, lines};
use crate::yaml::{NodeId, NodeKind};

/// The dash of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dash {
    pub at: usize,
    /// Blanks between it and the item; none where the item is on another line, or is nothing.
    pub width: Option<usize>,
}

impl Dash {
    /// Finds the dash of an item of a block sequence.
    pub(super) fn of(place: &Place<'_>, item: NodeId) -> Result<Self, String> {
        let text = place.text;
        let begin = begin_of(place, item)?;
        let line = lines::start(text, begin);
        let alone = |line| {
            bare_dash(text, line).map(|at| Self { at, width: None }).ok_or_else(|| {
                format!(
                    "something stands between the `-` and the item on line {}, expected only blanks",
                    place.document.line(item)
                )
            })
        };
        if is_empty(place.document, item) {
            return alone(line);
        }
        let prefix = &text[line..begin];
        let before = prefix.trim_end_matches([' ', '\t']);
        if !before.is_empty() {
            let blanks = &prefix[before.len()..];
            if before.ends_with('-') && !blanks.is_empty() && !blanks.contains('\t') {
                return Ok(Self {
                    at: line + before.len() - 1,
                    width: Some(blanks.len()),
                });
            }
            return alone(line);
        }
        let mut line = line;
        while let Some(above) = lines::previous_break(text, line) {
            line = lines::start(text, above);
            if !lines::is_blank_or_comment(&text[line..above], true) {
                break;
            }
        }
        alone(line)
    }
}

/// Returns where the first byte of a node stands, not counting anchors and tags.
fn begin_of(place: &Place<'_>, node: NodeId) -> Result<usize, String> {
    let document = place.document;
    match document.kind(node) {
        NodeKind::Mapping { flow: false } => {
            let first = document.entries(node).next();
            let (key, _) = first.ok_or("it is an empty mapping without braces")?;
            Ok(document.span(key).start)
        }
        NodeKind::Sequence { flow: false } => {
            let first = document.items(node).next();
            Dash::of(place, first.ok_or("it is an empty list without brackets")?)
                .map(|dash| dash.at)
        }
        NodeKind::Scalar { style } if style.is_block() => {
            BlockScalar::read(place, node, None).map(|scalar| scalar.header)
        }
        _ => Ok(document.span(node).start),
    }
}

/// Returns the last dash of a line that has nothing behind it but blanks and a comment.
fn bare_dash(text: &str, line: usize) -> Option<usize> {
    let content = &text[line..lines::end(text, line)];
    let rest = content.trim_start_matches([' ', '\t', '-']);
    let before = &content[..content.len() - rest.len()];
    let dash = before.rfind('-')?;
    lines::is_blank_or_comment(&content[dash + 1..], false).then_some(line + dash)
}

/// Returns the indentation of a key or dash: what stands in front of it on its line, with a blank
/// in the place of each dash.
pub(super) fn indent_of(text: &str, at: usize) -> Result<String, String> {
    let prefix = &text[lines::start(text, at)..at];
    let mut bytes = prefix.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let fits = byte == b' ' || (byte == b'-' && bytes.peek() == Some(&b' '));
        if !fits {
            return Err(format!(
                "`{}` stands in front of its first key or dash, expected only blanks and `-`",
                prefix.trim()
            ));
        }
    }
    Ok(" ".repeat(prefix.len()))
}
