//! Block scalars (`|` and `>`) that stand for a short text: the bytes from the header to the last
//! line with a text.

use std::ops::Range;

use super::cursor::Cursor;

/// Returns the bytes that a text in quotes can take the place of: from the header of a block scalar
/// to the end of its last line that is not blank. None where the header is not behind the key on the
/// key's own line, or has a comment behind it.
pub(super) fn replaceable(place: &Cursor<'_>) -> Option<Range<usize>> {
    let text = place.view.file.text();
    let key = place.document.span(place.key_node?);
    let behind = text.get(key.end..)?;
    let line = behind.split(['\n', '\r']).next()?;
    let mut rest = line.trim_start_matches(BLANK).strip_prefix(':')?;
    rest = rest.trim_start_matches(BLANK);
    while rest.starts_with(['&', '!']) {
        let (_, after) = rest.split_once(BLANK)?;
        rest = after.trim_start_matches(BLANK);
    }
    let header = rest.trim_end_matches(BLANK);
    let indicators = header.strip_prefix(['|', '>'])?;
    let is_whole = indicators.len() <= 2
        && indicators
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte));
    if !is_whole {
        return None;
    }
    let start = key.end + line.len() - rest.len();
    let content_end = place.document.span(place.node).end;
    let end = text.get(..content_end)?.trim_end().len();
    Some(start..end.max(start + header.len()))
}

const BLANK: [char; 2] = [' ', '\t'];
