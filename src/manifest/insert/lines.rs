//! Lines of a file: `\n`, `\r\n` and `\r` end one, and the last may end without any.

use super::Splice;

const BREAKS: [char; 2] = ['\n', '\r'];

/// Returns where the line that holds a place begins; a byte-order mark is no part of it.
pub(super) fn start(text: &str, at: usize) -> usize {
    match text[..at].rfind(BREAKS) {
        Some(found) => found + 1,
        None if text.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
        None => 0,
    }
}

/// Returns where the line that holds a place ends, before its break.
pub(super) fn end(text: &str, at: usize) -> usize {
    text[at..]
        .find(BREAKS)
        .map_or(text.len(), |found| at + found)
}

/// Returns where the line after the one that holds a place begins; none where no break ends it.
pub(super) fn next(text: &str, at: usize) -> Option<usize> {
    let end = end(text, at);
    match &text[end..] {
        "" => None,
        rest if rest.starts_with("\r\n") => Some(end + 2),
        _ => Some(end + 1),
    }
}

/// Returns the place of the break in front of a line that begins at `start`; none for the first line.
pub(super) fn previous_break(text: &str, start: usize) -> Option<usize> {
    let before = &text[..start];
    if before.ends_with("\r\n") {
        Some(start - 2)
    } else if before.ends_with(BREAKS) {
        Some(start - 1)
    } else {
        None
    }
}

/// Returns the break that new lines of a file get: that of its first line.
pub(super) fn line_break(text: &str) -> &'static str {
    match text.find(BREAKS).map(|found| &text[found..]) {
        Some(rest) if rest.starts_with("\r\n") => "\r\n",
        Some(rest) if rest.starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// Puts lines, written without a break at their end, below the line that holds a place. Where that
/// is the last line and has no break, the new last line has none either.
pub(super) fn insert_below(text: &str, at: usize, lines: &str) -> Splice {
    let line_break = line_break(text);
    match next(text, at) {
        Some(next) => Splice::insert(next, format!("{lines}{line_break}")),
        None => Splice::insert(text.len(), format!("{line_break}{lines}")),
    }
}

/// Is there nothing but blanks?
pub(super) fn is_blank(part: &str) -> bool {
    part.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Is there nothing but blanks and a comment? `#` begins one at the start and after a blank.
pub(super) fn is_blank_or_comment(part: &str, after_blank: bool) -> bool {
    let content = part.trim_start_matches([' ', '\t']);
    content.is_empty() || (content.starts_with('#') && (after_blank || content.len() < part.len()))
}

/// Returns the blanks at the start of the line that holds a place.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[start(text, at)..end(text, at)];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
