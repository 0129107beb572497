//! A child put into a flow mapping or flow sequence: `{…}` and `[…]`, JSON among them.

use super::{
    Place, Splice, Tree,
    block::Child,
    is_empty, lines,
    style::{has_json_keys, is_json, usual_quote},
    write::FlowWriter,
};
use crate::yaml::{Document, NodeId, NodeKind, ScalarStyle};

/// A child of a flow collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FlowChild {
    /// Its key, or the item itself.
    pub node: NodeId,
    pub start: usize,
    pub end: usize,
}

impl FlowChild {
    fn entry(document: &Document, key: NodeId, value: NodeId) -> Result<Self, String> {
        Ok(Self {
            node: key,
            start: document.span(key).start,
            end: end_of(document, value)?,
        })
    }

    fn item(document: &Document, item: NodeId) -> Result<Self, String> {
        Ok(Self {
            node: item,
            start: document.span(item).start,
            end: end_of(document, item)?,
        })
    }
}

/// Returns the children of a flow collection as pairs of key and value, or of an item and itself.
pub(super) fn pairs(document: &Document, node: NodeId) -> Vec<(NodeId, NodeId)> {
    match document.kind(node) {
        NodeKind::Mapping { .. } => document.entries(node).collect(),
        _ => document.items(node).map(|item| (item, item)).collect(),
    }
}

/// Returns where a child stands.
pub(super) fn child(
    document: &Document,
    (key, value): (NodeId, NodeId),
) -> Result<FlowChild, String> {
    if key == value {
        FlowChild::item(document, key)
    } else {
        FlowChild::entry(document, key, value)
    }
}

/// Returns the comma in a stretch between two children, or behind the last: blanks, line breaks and
/// comments may stand around it.
pub(super) fn comma_in(text: &str, from: usize, to: usize) -> Result<Option<usize>, String> {
    let mut comma = None;
    let mut at = from;
    while at < to {
        let rest = &text[at..to];
        match rest.as_bytes().first() {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(b'#') if at > from => at = lines::end(text, at),
            Some(b',') if comma.is_none() => {
                comma = Some(at);
                at += 1;
            }
            _ => {
                return Err(
                    "something stands between its children, expected a comma and comments"
                        .to_owned(),
                );
            }
        }
    }
    Ok(comma)
}

/// Refuses a pair in a list (`[a: b]`), which is a mapping without braces.
pub(super) fn check_brackets(place: &Place<'_>) -> Result<(), String> {
    if place.document.written(place.node).starts_with(['{', '[']) {
        Ok(())
    } else {
        Err("it is a pair in a list (`[a: b]`), expected a mapping in braces".to_owned())
    }
}

/// Puts an entry behind the last one of a flow mapping.
pub(super) fn add_entry(place: &Place<'_>, key: &str, value: &Tree) -> Result<Vec<Splice>, String> {
    add(place, |writer, indent| writer.entry(indent, key, value))
}

/// Puts an item behind the last one of a flow sequence.
pub(super) fn add_item(place: &Place<'_>, item: &Tree) -> Result<Vec<Splice>, String> {
    add(place, |writer, indent| writer.value(indent, item))
}

/// Writes `{…}` or `[…]` in the place of a null in a flow mapping.
pub(super) fn fill_null(place: &Place<'_>, child: Child<'_>) -> Result<Vec<Splice>, String> {
    let document = place.document;
    if is_empty(document, place.node) {
        return Err("it has no value, expected `{}`, `[]` or `null`".to_owned());
    }
    let writer = writer(place, &[], is_json(document), None);
    let text = match child {
        Child::Entry(key, value) => format!("{{{}}}", writer.entry("", key, value)?),
        Child::Item(item) => format!("[{}]", writer.value("", item)?),
    };
    Ok(vec![Splice {
        span: document.span(place.node),
        text,
    }])
}

/// Puts a child, which `write` writes at an indentation, behind the last one.
fn add(
    place: &Place<'_>,
    write: impl Fn(&FlowWriter, &str) -> Result<String, String>,
) -> Result<Vec<Splice>, String> {
    check_brackets(place)?;
    let Place {
        text,
        document,
        node,
        ..
    } = *place;
    let close = document.span(node).end - 1;
    let children = pairs(document, node);
    let Some(last) = children.last() else {
        return add_first(place, close, write);
    };
    let last_child = child(document, *last)?;
    let comma = comma_in(text, last_child.end, close)?;
    let before = &text[lines::start(text, last_child.start)..last_child.start];
    let is_strict = is_strict(document, node, &children);
    if !lines::is_blank(before) {
        let writer = writer(place, &children, is_strict, None);
        let written = write(&writer, "")?;
        return Ok(vec![match comma {
            None => Splice::insert(last_child.end, format!("{}{written}", writer.comma)),
            Some(comma) => {
                let blank = writer.comma.trim_start_matches(',');
                Splice::insert(comma + 1, format!("{blank}{written},"))
            }
        }]);
    }
    let outer = lines::indentation(text, document.span(node).start);
    let unit = before
        .strip_prefix(outer)
        .filter(|unit| !unit.is_empty())
        .map_or_else(|| usual_unit(before), str::to_owned);
    let writer = writer(place, &children, is_strict, Some(unit));
    let written = write(&writer, before)?;
    let line_break = writer.line_break;
    let behind = comma.map_or(last_child.end, |comma| comma + 1);
    let line_end = lines::end(text, behind);
    let (comma_before, comma_after) = if comma.is_some() {
        ("", ",")
    } else {
        (",", "")
    };
    let Some(next) = lines::next(text, behind)
        .filter(|_| line_end < close && lines::is_blank_or_comment(&text[behind..line_end], false))
    else {
        let text = format!("{comma_before}{line_break}{before}{written}{comma_after}");
        return Ok(vec![Splice::insert(behind, text)]);
    };
    let below = Splice::insert(next, format!("{before}{written}{comma_after}{line_break}"));
    Ok(if comma.is_some() {
        vec![below]
    } else {
        vec![Splice::insert(last_child.end, ",".to_owned()), below]
    })
}

/// Puts the first child into `{}` or `[]`: on a line of its own only where the closing bracket
/// has one.
fn add_first(
    place: &Place<'_>,
    close: usize,
    write: impl Fn(&FlowWriter, &str) -> Result<String, String>,
) -> Result<Vec<Splice>, String> {
    let Place {
        text,
        document,
        node,
        ..
    } = *place;
    let open = document.span(node).start + 1;
    if comma_in(text, open, close)?.is_some() {
        return Err("it has a comma without a child, expected none".to_owned());
    }
    let json = is_json(document);
    let outer = lines::indentation(text, close);
    let closing_line = lines::start(text, close);
    if closing_line <= open || closing_line + outer.len() != close {
        let writer = writer(place, &[], json, None);
        return Ok(vec![Splice::insert(open, write(&writer, "")?)]);
    }
    let unit = usual_unit(outer);
    let indent = format!("{outer}{unit}");
    let writer = writer(place, &[], json, Some(unit));
    let written = write(&writer, &indent)?;
    let next = lines::next(text, open).unwrap_or(closing_line);
    let text = format!("{indent}{written}{}", writer.line_break);
    Ok(vec![Splice::insert(next, text)])
}

fn usual_unit(indent: &str) -> String {
    if indent.contains('\t') { "\t" } else { "  " }.to_owned()
}

/// Do the children of a collection stand in double quotes, as in JSON?
fn is_strict(document: &Document, node: NodeId, children: &[(NodeId, NodeId)]) -> bool {
    if let NodeKind::Mapping { .. } = document.kind(node) {
        return has_json_keys(document, node);
    }
    let last = children.last().map(|(item, _)| document.kind(*item));
    let double = NodeKind::Scalar {
        style: ScalarStyle::DoubleQuoted,
    };
    last == Some(double) || is_json(document)
}

/// Leaves out the blanks behind commas and colons where the neighbours have none.
fn writer(
    place: &Place<'_>,
    children: &[(NodeId, NodeId)],
    is_json: bool,
    unit: Option<String>,
) -> FlowWriter {
    let document = place.document;
    let itself = place.key.map(|key| (key, place.node));
    let last = children.last().copied().or(itself);
    let tight_colon = last.is_some_and(|(key, value)| {
        is_json && key != value && document.span(value).start == document.span(key).end + 1
    });
    let tight_comma = match children {
        [.., _, (last, _)] => place.text[..document.span(*last).start].ends_with(','),
        _ => tight_colon,
    };
    FlowWriter {
        quote: usual_quote(document),
        is_json,
        comma: if tight_comma { "," } else { ", " },
        colon: if tight_colon { ":" } else { ": " },
        line_break: lines::line_break(place.text),
        unit,
    }
}

/// Returns where a node of a flow collection ends.
fn end_of(document: &Document, node: NodeId) -> Result<usize, String> {
    let written = document.written(node);
    match document.kind(node) {
        NodeKind::Mapping { .. } | NodeKind::Sequence { .. }
            if !written.starts_with(['{', '[']) =>
        {
            Err("one of its items is a pair (`[a: b]`), expected a mapping in braces".to_owned())
        }
        _ if written.is_empty() => Err(format!(
            "the value on line {} is empty, expected one",
            document.line(node)
        )),
        _ => Ok(document.span(node).end),
    }
}
