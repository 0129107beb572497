//! Keys and values on a line: plain, in quotes.

use std::ops::Range;

use memchr::{memchr, memchr2};

use super::{Reader, characters::is_word, search};
use crate::yaml::node::Stored;

/// The longest key in bytes. YAML allows 1,024 characters (1.2.2, section 7.4.2).
pub(super) const LONGEST_KEY: usize = 1000;

impl Reader<'_> {
    /// Finds the end of an anchor or alias.
    pub(super) fn name(&self, at: usize, end: usize) -> Option<usize> {
        let name = self.bytes.get(at + 1..end)?;
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let length = name.iter().take_while(|byte| is_name(byte)).count();
        let after = at + 1 + length;
        (length > 0 && (after == end || self.bytes[after] == b' ')).then_some(after)
    }

    /// Finds a key that ends with a colon; returns how it is written and where the colon is.
    pub(super) fn key(&self, at: usize, end: usize) -> Option<(Stored, usize)> {
        let (style, colon) = match self.bytes[at] {
            b'"' | b'\'' => self.quoted(at, end)?,
            first if is_word(first) && first != b'-' => {
                let word = self.bytes.get(at..end)?;
                let length = word.iter().take_while(|byte| is_word(**byte)).count();
                (Stored::Plain, at + length)
            }
            b'<' if self.bytes.get(at + 1) == Some(&b'<') => (Stored::Plain, at + 2),
            _ => return None,
        };
        let ends = colon < end
            && self.bytes[colon] == b':'
            && (colon + 1 == end || self.bytes[colon + 1] == b' ')
            && colon - at <= LONGEST_KEY;
        ends.then_some((style, colon))
    }

    /// Finds the end of a text in quotes.
    pub(super) fn quoted(&self, at: usize, end: usize) -> Option<(Stored, usize)> {
        let mut from = at + 1;
        if self.bytes[at] == b'\'' {
            loop {
                let close = from + memchr(b'\'', self.bytes.get(from..end)?)?;
                if close + 1 == end || self.bytes[close + 1] != b'\'' {
                    return Some((Stored::SingleQuoted, close + 1));
                }
                from = close + 2;
            }
        }
        loop {
            let found = from + memchr2(b'"', b'\\', self.bytes.get(from..end)?)?;
            if self.bytes[found] == b'"' {
                return Some((Stored::DoubleQuoted, found + 1));
            }
            from = found + 2;
        }
    }

    /// Takes a text without quotes, with the lines on which it goes on.
    pub(super) fn take_plain(&mut self, at: usize, end: usize) -> Option<()> {
        let place = self.place(at);
        let mut after = self.plain(at, end)?;
        let mut folded = String::new();
        // Only where nothing but blanks ends the line can the next one belong to it.
        let mut goes_on = self.is_blank(after, end);
        if !goes_on && !self.is_over(after, end) {
            return None;
        }
        let parent = self.levels.last()?.indent;
        while let Some(line) = self.next_line() {
            let begins = line.content < line.end && self.bytes[line.content] != b'#';
            if !begins || line.content - line.start <= parent {
                break;
            }
            let next = self.plain(line.content, line.end)?;
            if !goes_on || !self.is_blank(next, line.end) {
                return None;
            }
            if folded.is_empty() {
                folded.push_str(self.text.get(at..after)?);
            }
            folded.push(' ');
            folded.push_str(self.text.get(line.content..next)?);
            (after, goes_on) = (next, true);
            self.line = line;
        }
        let id = self.add(Stored::Plain, at..after, place);
        if !folded.is_empty() {
            self.decode(id, &folded);
        }
        Some(())
    }

    /// Finds the end of a text without quotes, on its line.
    pub(super) fn plain(&self, at: usize, end: usize) -> Option<usize> {
        let first = self.bytes[at];
        let begins = first.is_ascii_alphanumeric()
            || first >= 0x80
            || b"_/.($+=^<~".contains(&first)
            || (first == b'-' && at + 1 < end && self.bytes[at + 1] != b' ');
        if !begins {
            return None;
        }
        let mut from = at + 1;
        let mut stop = end;
        while let Some(found) = search::first_of(b':', b'#', self.bytes.get(from..end)?) {
            let found = from + found;
            if self.bytes[found] == b'#' {
                if self.bytes[found - 1] == b' ' {
                    stop = found;
                    break;
                }
            } else if found + 1 == end || self.bytes[found + 1] == b' ' {
                return None;
            }
            from = found + 1;
        }
        let text = self.bytes.get(at..stop)?;
        Some(at + text.trim_ascii_end().len())
    }

    pub(super) fn add_scalar(&mut self, style: Stored, span: Range<usize>) -> Option<()> {
        let id = self.add(style, span.clone(), self.place(span.start));
        let inside = || self.text.get(span.start + 1..span.end - 1);
        let value = match style {
            Stored::SingleQuoted if inside()?.contains('\'') => inside()?.replace("''", "'"),
            Stored::DoubleQuoted if inside()?.contains('\\') => unescaped(inside()?)?,
            _ => return Some(()),
        };
        self.decode(id, &value);
        Some(())
    }
}

/// Reads a text in double quotes with the usual escapes.
fn unescaped(written: &str) -> Option<String> {
    let mut value = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        value.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                't' => '\t',
                same @ ('"' | '\\' | '/') => same,
                _ => return None,
            },
            other => other,
        });
    }
    Some(value)
}
