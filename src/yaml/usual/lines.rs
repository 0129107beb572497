//! The lines of the text, and what stands where on them.

use super::{Reader, search};

/// A line that is not empty and not a comment alone; places count from the start of the part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    pub start: usize,
    /// Where its text begins.
    pub content: usize,
    /// Where its line break is.
    pub end: usize,
    /// Where the next line begins.
    pub next: usize,
    /// 1-based, in the part.
    pub number: usize,
}

impl Reader<'_> {
    /// Goes to the next line with content; false at the end.
    pub(super) fn take_line(&mut self) -> Option<bool> {
        while let Some(line) = self.next_line() {
            self.line = line;
            if line.content < line.end && self.bytes[line.content] != b'#' {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Looks at the next line, whatever is on it. Many are looked at for what is before them first.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        if self.ahead.start != self.line.next {
            self.ahead = self.line_behind()?;
        }
        Some(self.ahead)
    }

    fn line_behind(&self) -> Option<Line> {
        let start = self.line.next;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let content = start + self.blanks(rest);
        let line_break = search::first(b'\n', &self.bytes[content..]);
        let line_break = line_break.map(|length| content + length);
        let next = line_break.map_or(self.bytes.len(), |at| at + 1);
        let end = match line_break {
            Some(at) if at > content && self.bytes[at - 1] == b'\r' => at - 1,
            Some(at) => at,
            None => self.bytes.len(),
        };
        Some(Line {
            start,
            content,
            end,
            next,
            number: self.line.number + 1,
        })
    }

    pub(super) fn is_dash(&self, at: usize, end: usize) -> bool {
        self.bytes.get(at) == Some(&b'-')
            && (at + 1 == end || self.bytes.get(at + 1) == Some(&b' '))
    }

    /// Is there nothing more from here on but a comment?
    pub(super) fn is_over(&self, from: usize, end: usize) -> bool {
        let next = self.skip_spaces(from, end);
        next == end || (next > from && self.bytes[next] == b'#')
    }

    pub(super) fn is_blank(&self, from: usize, end: usize) -> bool {
        self.skip_spaces(from, end) == end
    }

    pub(super) fn skip_spaces(&self, from: usize, end: usize) -> usize {
        let rest = self.bytes.get(from..end).unwrap_or_default();
        from + self.blanks(rest)
    }

    /// Counts the blanks in front: spaces, and tabs where these may stand for them.
    fn blanks(&self, bytes: &[u8]) -> usize {
        if self.other_blank == b' ' {
            return search::spaces(bytes);
        }
        let is_blank = |byte: &&u8| **byte == b' ' || **byte == self.other_blank;
        bytes.iter().take_while(is_blank).count()
    }
}
