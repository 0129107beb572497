//! Where the documents of a file begin and end, found before anything is parsed.

use std::ops::Range;

use memchr::memmem;

/// Begins a document, at the start of a line.
const MARKER: &str = "---";

/// One stretch of a file: a document with its `---` line, or what stands before the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its bytes.
    pub range: Range<usize>,
    /// Lines in front of it.
    pub lines_before: usize,
}

/// Splits a file at its document markers. A `---` at the start of a line is one wherever it stands,
/// also below a block scalar (YAML 1.2.2, 9.1.2); so a document that cannot be read does not hide
/// its neighbours.
///
/// A `%` directive belongs to the document after it and may be in force for it alone: such a file
/// is one chunk.
pub(super) fn chunks(text: &str) -> Vec<Chunk> {
    let bytes = text.as_bytes();
    let starts_line = |at: usize| {
        at.checked_sub(1)
            .and_then(|before| bytes.get(before))
            .is_none_or(|before| matches!(before, b'\n' | b'\r'))
    };
    let mut found = vec![Chunk {
        range: 0..text.len(),
        lines_before: 0,
    }];
    if memchr::memchr_iter(b'%', bytes).any(starts_line) {
        return found;
    }
    let ends_marker = |at: usize| {
        bytes
            .get(at)
            .is_none_or(|next| matches!(next, b' ' | b'\t' | b'\n' | b'\r'))
    };
    let (mut counted, mut lines) = (0, 0);
    for at in memmem::find_iter(bytes, MARKER) {
        if at > 0 && starts_line(at) && ends_marker(at + MARKER.len()) {
            lines += line_breaks(&text[counted..at]);
            counted = at;
            if let Some(last) = found.last_mut() {
                last.range.end = at;
            }
            found.push(Chunk {
                range: at..text.len(),
                lines_before: lines,
            });
        }
    }
    found
}

/// Counts line breaks: `\n`, `\r\n` or `\r`.
fn line_breaks(text: &str) -> usize {
    let bytes = text.as_bytes();
    let alone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    memchr::memchr_iter(b'\n', bytes).count()
        + memchr::memchr_iter(b'\r', bytes).filter(alone).count()
}

/// Returns the byte ranges of the lines of a text without their breaks: `\n`, `\r\n` or `\r`.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let rest = &text[start..];
        let Some(length) = rest.find(['\n', '\r']) else {
            next = None;
            return Some(start..text.len());
        };
        let end = start + length;
        let width = if rest[length..].starts_with("\r\n") {
            2
        } else {
            1
        };
        next = Some(end + width);
        Some(start..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(&str, usize)> {
        chunks(text)
            .into_iter()
            .map(|chunk| (&text[chunk.range], chunk.lines_before))
            .collect()
    }

    #[test]
    fn files_are_split_at_markers_in_the_first_column_only() {
        let rows: &[(&str, &[(&str, usize)])] = &[
            ("", &[("", 0)]),
            ("a: 1\n", &[("a: 1\n", 0)]),
            ("---\na: 1\n", &[("---\na: 1\n", 0)]),
            (
                "a: 1\n--- # note\nb: 1",
                &[("a: 1\n", 0), ("--- # note\nb: 1", 1)],
            ),
            (
                "a: |\n  ---\n  x\n---",
                &[("a: |\n  ---\n  x\n", 0), ("---", 3)],
            ),
            (
                "a: 1\r\n---\r\nb: 1\r\n",
                &[("a: 1\r\n", 0), ("---\r\nb: 1\r\n", 1)],
            ),
            ("a: 1\r---\rb: 1", &[("a: 1\r", 0), ("---\rb: 1", 1)]),
            ("a: 1\n---b: 1\n", &[("a: 1\n---b: 1\n", 0)]),
            ("%YAML 1.1\n---\na: 1\n", &[("%YAML 1.1\n---\na: 1\n", 0)]),
            (
                "a\n---\n---\tb\n",
                &[("a\n", 0), ("---\n", 1), ("---\tb\n", 2)],
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(split(text), *expected, "{text:?}");
        }
    }
}
