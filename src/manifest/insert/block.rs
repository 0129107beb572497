//! A child put into a block mapping or block sequence, or below a key that has no value yet.

use super::{
    Place, Splice, Tree,
    dash::{Dash, indent_of},
    extent::{Extent, colon_of},
    flow, is_empty, is_null, lines,
    style::BlockStyle,
    write::BlockWriter,
};
use crate::yaml::{NodeId, NodeKind, ScalarStyle};

/// The first child of a collection that is still a null.
#[derive(Debug, Clone, Copy)]
pub(super) enum Child<'a> {
    Entry(&'a str, &'a Tree),
    Item(&'a Tree),
}

impl Child<'_> {
    fn collection(self) -> &'static str {
        match self {
            Self::Entry(..) => "mapping",
            Self::Item(_) => "list",
        }
    }
}

/// Puts an entry below the last one of a block mapping.
pub(super) fn add_entry(place: &Place<'_>, key: &str, value: &Tree) -> Result<Vec<Splice>, String> {
    let document = place.document;
    let mut keys = document.entries(place.node).map(|(key, _)| key);
    let first = keys
        .next()
        .ok_or("it is an empty mapping without braces, expected a key")?;
    let last = keys.last().unwrap_or(first);
    if is_empty(document, first) {
        return Err("its first key is empty, expected a text".to_owned());
    }
    let indent = indent_of(place.text, document.span(first).start)?;
    check_is_implicit(place, last)?;
    let extent = Extent::of(place, place.node, None)?;
    extent.check_open(place.text)?;
    let writer = writer(place, Some(place.node), last);
    let written = writer.entry(&indent, key, value)?;
    Ok(vec![lines::insert_below(place.text, extent.last, &written)])
}

/// Puts an item below the last one of a block sequence.
pub(super) fn add_item(place: &Place<'_>, item: &Tree) -> Result<Vec<Splice>, String> {
    let dash = dash_of_any(place)?;
    let indent = indent_of(place.text, dash.at)?;
    let extent = Extent::of(place, place.node, None)?;
    extent.check_open(place.text)?;
    let near = place.key.unwrap_or(place.node);
    let writer = writer(place, None, near);
    let written = writer.item(&indent, dash.width.unwrap_or(1), item)?;
    Ok(vec![lines::insert_below(place.text, extent.last, &written)])
}

/// Writes the first child of the collection that a null stands for.
pub(super) fn fill_null(place: &Place<'_>, child: Child<'_>) -> Result<Vec<Splice>, String> {
    let document = place.document;
    let wanted = child.collection();
    let is_plain = match document.kind(place.node) {
        NodeKind::Scalar { style } => style == ScalarStyle::Plain,
        NodeKind::Alias { target } => {
            return Err(format!(
                "it is an alias of what is anchored on line {}, expected a {wanted} written here",
                document.line(target)
            ));
        }
        NodeKind::Mapping { .. } => return Err(format!("it is a mapping, expected a {wanted}")),
        NodeKind::Sequence { .. } => return Err(format!("it is a list, expected a {wanted}")),
    };
    let is_nothing = is_empty(document, place.node);
    if !is_plain || !is_null(document.written(place.node)) {
        return Err(format!("it is a text, expected a {wanted}"));
    }
    if document.tag(place.node).is_some() || document.is_anchored(place.node) {
        return Err(format!(
            "it is a null with a tag or an anchor, expected a {wanted}"
        ));
    }
    let key = place
        .key
        .ok_or_else(|| format!("it is a null without a key, expected a {wanted}"))?;
    if is_in_flow(place, key) {
        return flow::fill_null(place, child);
    }
    let mapping = mapping_of(place, key);
    let text = place.text;
    let colon = colon_of(place, key)?;
    let indent = indent_of(text, document.span(key).start)?;
    let value_end = if is_nothing {
        colon + 1
    } else {
        document.span(place.node).end
    };
    let line_end = lines::end(text, colon);
    let rest = text.get(value_end..line_end);
    if !rest.is_some_and(|rest| lines::is_blank_or_comment(rest, false)) {
        return Err(format!(
            "the null is not on the line of its key, expected a {wanted}"
        ));
    }
    let writer = writer(place, mapping, key);
    let deeper = |by: usize| format!("{indent}{}", " ".repeat(by));
    let style = writer.style;
    let written = match child {
        Child::Entry(key, value) => writer.entry(&deeper(style.unit), key, value)?,
        Child::Item(item) => writer.item(&deeper(style.list_indent), style.dash_width, item)?,
    };
    let below = lines::insert_below(text, colon, &written);
    Ok(if is_nothing {
        vec![below]
    } else {
        vec![Splice::delete(colon + 1..value_end), below]
    })
}

fn writer(place: &Place<'_>, mapping: Option<NodeId>, near: NodeId) -> BlockWriter {
    BlockWriter {
        style: BlockStyle::of(place, mapping, near),
        line_break: lines::line_break(place.text),
    }
}

/// Does a key stand in a flow mapping?
pub(super) fn is_in_flow(place: &Place<'_>, key: NodeId) -> bool {
    mapping_of(place, key)
        .is_some_and(|parent| place.document.kind(parent) == NodeKind::Mapping { flow: true })
}

/// Returns the mapping that a key belongs to.
fn mapping_of(place: &Place<'_>, key: NodeId) -> Option<NodeId> {
    let document = place.document;
    (0..key).rev().find(|parent| {
        matches!(document.kind(*parent), NodeKind::Mapping { .. })
            && document.last_inside(*parent) >= key
    })
}

/// Returns the dash of the first item that has nothing but blanks between it and its dash.
fn dash_of_any(place: &Place<'_>) -> Result<Dash, String> {
    let mut items = place.document.items(place.node);
    let first = items
        .next()
        .ok_or("it is an empty list without brackets, expected an item")?;
    Dash::of(place, first).or_else(|reason| {
        items
            .find_map(|item| Dash::of(place, item).ok())
            .ok_or(reason)
    })
}

/// Refuses a key behind `?`: an entry may begin there and end anywhere.
fn check_is_implicit(place: &Place<'_>, key: NodeId) -> Result<(), String> {
    let start = place.document.span(key).start;
    let prefix = &place.text[lines::start(place.text, start)..start];
    let plain = prefix.trim_start_matches([' ', '-']);
    let same_column = place.document.column(key) == place.document.column(place.node);
    if plain.starts_with('?') || (plain.is_empty() && !same_column) {
        return Err(format!(
            "the key on line {} stands behind `?`, expected `key: value`",
            place.document.line(key)
        ));
    }
    Ok(())
}
