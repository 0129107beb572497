//! Texts on lines of their own: literal, `|`, and folded, `>`.

use super::{Place, Reader, lines::Line};
use crate::yaml::node::Stored;

impl Reader<'_> {
    /// Takes a literal or folded text with the lines that belong to it.
    pub(super) fn take_block_text(&mut self, at: usize, end: usize) -> Option<()> {
        let is_folded = self.bytes[at] == b'>';
        let (keeps, strips, header) = match self.bytes.get(at + 1) {
            Some(b'+') => (true, false, at + 2),
            Some(b'-') => (false, true, at + 2),
            _ => (false, false, at + 1),
        };
        let parent = self.levels.last()?.indent;
        if !self.is_blank(header, end) {
            return None;
        }
        let mut value = std::mem::take(&mut self.spare);
        value.clear();
        let mut empty_lines = 0;
        let mut first: Option<Line> = None;
        // Lines that stand deeper keep their line breaks, also the one in front of them.
        let mut was_deeper = false;
        let stop = loop {
            let Some(line) = self.next_line() else {
                break self.bytes.len();
            };
            // A text that ends without a line break is read in different ways.
            if line.end == self.bytes.len() {
                return None;
            }
            let spaces = line.content - line.start;
            if line.content == line.end {
                if first.is_none_or(|first| spaces > first.content - first.start) {
                    return None;
                }
                empty_lines += 1;
            } else {
                let is_first = first.is_none();
                let first = first.get_or_insert(line);
                let indent = first.content - first.start;
                if indent <= parent {
                    return None;
                }
                if spaces < indent {
                    break line.content;
                }
                let is_deeper = spaces > indent;
                if is_folded && !is_first && !is_deeper && !was_deeper {
                    value.pop();
                    if empty_lines == 0 {
                        value.push(' ');
                    }
                }
                was_deeper = is_deeper;
                value.extend(std::iter::repeat_n('\n', empty_lines));
                empty_lines = 0;
                value.push_str(self.text.get(line.start + indent..line.end)?);
                value.push('\n');
            }
            self.line = line;
        };
        let first = first?;
        if strips {
            value.pop();
        } else if keeps {
            value.extend(std::iter::repeat_n('\n', empty_lines));
        }
        let place = Place {
            at: first.content,
            line: first.number,
        };
        let kind = if is_folded {
            Stored::Folded
        } else {
            Stored::Literal
        };
        let id = self.add(kind, first.content..stop, place);
        if self.text.get(first.content..stop)? != value {
            self.decode(id, &value);
        }
        self.spare = value;
        Some(())
    }
}
