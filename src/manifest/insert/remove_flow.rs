//! A child taken out of a flow collection, with the comma that is its own.

use super::{
    Place, Splice,
    flow::{FlowChild, check_brackets, child, comma_in},
    lines,
    remove::Siblings,
};

/// Takes a child out of `{…}` or `[…]`: with the comma behind it, the last one with the comma in
/// front where there is none behind.
pub(super) fn remove(place: &Place<'_>, siblings: &Siblings) -> Result<Vec<Splice>, String> {
    check_brackets(place)?;
    let (text, document) = (place.text, place.document);
    let span = document.span(place.node);
    let close = span.end - 1;
    let it = child(document, siblings.child)?;
    let stretch_end = match siblings.next {
        Some(next) => child(document, next)?.start,
        None => close,
    };
    let own_comma = comma_in(text, it.end, stretch_end)?;
    let behind = own_comma.map_or(it.end, |comma| comma + 1);
    let previous = siblings
        .previous
        .map(|previous| child(document, previous))
        .transpose()?;
    let comma_before = match previous {
        Some(previous) => comma_in(text, previous.end, it.start)?,
        None => None,
    };
    // Of the last child without a comma the one in front goes, which its neighbour no longer needs.
    let orphan = comma_before.filter(|_| own_comma.is_none() && siblings.next.is_none());
    if let Some(own_lines) = own_lines(text, &it, behind, close) {
        return Ok(orphan
            .map(|comma| Splice::delete(comma..comma + 1))
            .into_iter()
            .chain([Splice::delete(own_lines)])
            .collect());
    }
    if let Some(comma) = orphan {
        let gap = &text[comma + 1..it.start];
        if gap.contains('#') {
            return Ok(vec![
                Splice::delete(comma..comma + 1),
                Splice::delete(it.start..it.end),
            ]);
        }
        return Ok(vec![Splice::delete(comma..it.end)]);
    }
    Ok(vec![Splice::delete(inline(
        text,
        &it,
        behind,
        siblings.next.is_some(),
        comma_before,
    ))])
}

/// Returns the lines of a child that shares them with nothing but comments behind it.
fn own_lines(
    text: &str,
    it: &FlowChild,
    behind: usize,
    close: usize,
) -> Option<std::ops::Range<usize>> {
    let line = lines::start(text, it.start);
    let line_end = lines::end(text, behind);
    let next = lines::next(text, behind)?;
    let alone = lines::is_blank(&text[line..it.start])
        && line_end < close
        && lines::is_blank_or_comment(&text[behind..line_end], true);
    alone.then_some(line..next)
}

/// Returns what goes of a line that others stand on too.
fn inline(
    text: &str,
    it: &FlowChild,
    behind: usize,
    has_next: bool,
    comma_before: Option<usize>,
) -> std::ops::Range<usize> {
    let before = text[..it.start].trim_end_matches([' ', '\t']).len();
    let line_end = lines::end(text, behind);
    let rest = &text[behind..line_end];
    let is_first_on_line = before == lines::start(text, it.start);
    if has_next && lines::is_blank_or_comment(rest, true) {
        return before..line_end;
    }
    if has_next {
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        return it.start..behind + blanks;
    }
    match comma_before {
        Some(comma) if !text[comma..it.start].contains('#') => comma + 1..behind,
        Some(_) => it.start..behind,
        None if is_first_on_line => it.start..behind,
        None => before..behind,
    }
}
