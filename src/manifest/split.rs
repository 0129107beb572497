//! Where the documents of a file begin and end, found before anything is parsed.

use std::ops::Range;

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
    let mut found = vec![Chunk {
        range: 0..text.len(),
        lines_before: 0,
    }];
    let mut whole_file = false;
    for (number, line) in lines(text).enumerate() {
        let content = &text[line.clone()];
        whole_file |= content.starts_with('%');
        let marker = content
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if marker
            && line.start > 0
            && let Some(last) = found.last_mut()
        {
            last.range.end = line.start;
            found.push(Chunk {
                range: line.start..text.len(),
                lines_before: number,
            });
        }
    }
    if whole_file {
        found.truncate(1);
        found[0].range.end = text.len();
    }
    found
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
