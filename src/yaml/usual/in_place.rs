//! Which texts can stand in the place of a scalar without anything else being read differently.

use super::{characters::is_word, scalars::LONGEST_KEY};
use crate::yaml::{
    document::{Document, NodeId},
    node::{AS_WRITTEN, Stored, wide},
};

impl Document {
    /// Returns the value that a text is read as in the place of a scalar, where it is certain without
    /// reading all of it again that every other node stays what it is. None where only reading tells.
    ///
    /// It is certain for what the reader of the usual style has read. That reader looks at a value in
    /// a few ways: at its first byte, for the end of its quotes or for `: ` and ` #` in it, and at what
    /// follows. Such a text gives the same answers as the scalar that it replaces, so that behind it
    /// the reader is in the same state, in front of the same bytes.
    pub fn value_in_place<'t>(&self, id: NodeId, text: &'t str) -> Option<&'t str> {
        let node = self.nodes.get(id).filter(|_| self.usual)?;
        let is_plain = node.kind() == Stored::Plain && node.extra == AS_WRITTEN;
        let is_quoted = matches!(node.kind(), Stored::SingleQuoted | Stored::DoubleQuoted);
        if node.start == node.end || !(is_plain || is_quoted) || text.len() > LONGEST_KEY {
            return None;
        }
        // A key has a colon behind it.
        let behind = self.text.as_bytes().get(wide(node.end) - self.offset);
        if !behind.is_none_or(|byte| b" \n\r,]}".contains(byte)) {
            return None;
        }
        let quoted = inside_quotes(text).filter(|inside| inside.bytes().all(is_plain_inside));
        quoted.or_else(|| (is_plain && is_word_by_itself(text)).then_some(text))
    }
}

fn inside_quotes(text: &str) -> Option<&str> {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\''))
}

/// Has a byte no meaning of its own in quotes of either kind, nor in a template?
fn is_plain_inside(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !b"\"'\\{}".contains(&byte)
}

/// Is a text without quotes one word to the reader, also in brackets and behind a dash?
fn is_word_by_itself(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
    begins
        && bytes.iter().enumerate().all(|(at, byte)| match byte {
            b':' => bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric),
            b'@' | b'+' => true,
            byte => is_word(*byte),
        })
}
