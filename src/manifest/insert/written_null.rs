//! The `~` or `null` that a first child takes the place of, and that comes back when the child goes.

use super::{Place, Splice, extent::colon_of, flow::pairs, lines, remove};
use crate::yaml::{NodeId, NodeKind, ScalarStyle};

/// Is a plain scalar what YAML reads as nothing?
pub(in crate::manifest) fn is_null(written: &str) -> bool {
    matches!(written, "" | "~" | "null" | "Null" | "NULL")
}

/// Returns the bytes that a first child takes the place of: those of the null, in a block mapping
/// with the blanks in front of it. They are none where nothing is written.
pub(in crate::manifest) fn written_null<'a>(place: &Place<'a>) -> &'a str {
    let (document, text) = (place.document, place.text);
    let plain = NodeKind::Scalar {
        style: ScalarStyle::Plain,
    };
    let span = document.span(place.node);
    let is_written = document.kind(place.node) == plain
        && !span.is_empty()
        && is_null(document.written(place.node));
    if !is_written {
        return "";
    }
    let start = match place.key {
        Some(key) if !super::block::is_in_flow(place, key) => {
            colon_of(place, key).map(|colon| colon + 1)
        }
        _ => Ok(span.start),
    };
    start
        .ok()
        .and_then(|start| text.get(start..span.end))
        .unwrap_or_default()
}

/// Takes a child out; where it is the only one, the null comes back that was there before it.
///
/// # Errors
/// As [`remove`].
pub(in crate::manifest) fn remove_to_null(
    place: &Place<'_>,
    child: NodeId,
    null: &str,
) -> Result<Vec<Splice>, String> {
    let (document, text) = (place.document, place.text);
    let mut splices = remove(place, child)?;
    let children = pairs(document, place.node);
    let [(first, last)] = children.as_slice() else {
        return Ok(splices);
    };
    if null.is_empty() {
        return Ok(splices);
    }
    if let NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true } =
        document.kind(place.node)
    {
        let span = document.span(place.node);
        let before = text.get(span.start + 1..document.span(*first).start);
        let behind = text.get(document.span(*last).end..span.end.saturating_sub(1));
        // Comments and lines of its own are somebody's: then `{}` stays.
        if before.is_some_and(lines::is_blank) && behind.is_some_and(lines::is_blank) {
            splices = vec![Splice {
                span,
                text: null.to_owned(),
            }];
        }
    } else if let Some(key) = place.key {
        splices.insert(
            0,
            Splice::insert(colon_of(place, key)? + 1, null.to_owned()),
        );
    }
    Ok(splices)
}
