//! Lists and mappings in brackets, on one line or several.

use super::{Reader, characters::is_word, scalars::LONGEST_KEY};
use crate::yaml::node::Stored;

impl Reader<'_> {
    /// Takes a list or mapping in brackets; returns where it ends, on the line that is then current.
    pub(super) fn take_flow(&mut self, at: usize, depth: usize) -> Option<usize> {
        if self.levels.len() + depth >= self.most_levels {
            return None;
        }
        let is_mapping = self.bytes[at] == b'{';
        let (kind, close) = if is_mapping {
            (Stored::FlowMapping, b'}')
        } else {
            (Stored::FlowSequence, b']')
        };
        let node = self.add(kind, at..at + 1, self.place(at));
        let mut next = self.skip_in_flow(at + 1)?;
        if self.bytes[next] == close {
            self.close(node, next + 1);
            return Some(next + 1);
        }
        loop {
            if is_mapping {
                let is_quoted = matches!(self.bytes[next], b'"' | b'\'');
                next = self.take_flow_scalar(next)?;
                let is_key = self.bytes.get(next) == Some(&b':')
                    && (is_quoted || self.bytes.get(next + 1) == Some(&b' '));
                if !is_key {
                    return None;
                }
                next = self.skip_spaces(next + 1, self.line.end);
            }
            next = match self.bytes.get(next)? {
                b'[' | b'{' => self.take_flow(next, depth + 1)?,
                _ => self.take_flow_scalar(next)?,
            };
            next = self.skip_in_flow(next)?;
            match self.bytes[next] {
                b',' => next = self.skip_in_flow(next + 1)?,
                byte if byte == close => {
                    self.close(node, next + 1);
                    return Some(next + 1);
                }
                _ => return None,
            }
        }
    }

    pub(super) fn take_flow_scalar(&mut self, at: usize) -> Option<usize> {
        let end = self.line.end;
        let word = self.bytes.get(at..end)?;
        let (style, after) = match *word.first()? {
            b'"' | b'\'' => self.quoted(at, end)?,
            first if is_word(first) || first >= 0x80 => {
                if first == b'-' && !is_word(*word.get(1)?) {
                    return None;
                }
                (Stored::Plain, at + flow_words(word))
            }
            _ => return None,
        };
        (after - at <= LONGEST_KEY || style != Stored::Plain).then_some(())?;
        self.add_scalar(style, at..after)?;
        Some(after)
    }

    /// Goes to the next byte that counts inside brackets, on later lines too if these are deeper than
    /// what the brackets belong to.
    pub(super) fn skip_in_flow(&mut self, from: usize) -> Option<usize> {
        let mut next = self.skip_spaces(from, self.line.end);
        let parent = self.levels.last().map(|level| level.indent);
        while next == self.line.end {
            let line = self.next_line()?;
            let text = &self.bytes[line.start..];
            if text.starts_with(b"...") || text.starts_with(b"---") {
                return None;
            }
            let is_deeper = parent.is_none_or(|parent| line.content - line.start > parent);
            if !is_deeper && line.content < line.end {
                return None;
            }
            self.line = line;
            next = line.content;
        }
        Some(next)
    }
}

/// Returns how many bytes from the start certainly are one text without quotes in brackets.
fn flow_words(text: &[u8]) -> usize {
    let mut length = 0;
    while let Some(byte) = text.get(length) {
        let goes_on = match byte {
            b' ' | b':' => text
                .get(length + 1)
                .is_some_and(|next| is_word(*next) && *next != b'-'),
            b'=' | b'+' | b'(' | b')' | b'$' | b'@' => true,
            byte => is_word(*byte) || *byte >= 0x80,
        };
        if !goes_on {
            break;
        }
        length += 1;
    }
    length
}
