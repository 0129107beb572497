//! A child taken out of a block mapping or block sequence: its lines, and not one more.

use std::ops::Range;

use super::{
    Place, Splice,
    block_scalar::Chomping,
    dash::{Dash, indent_of},
    extent::{Extent, ends_embedded_text},
    flow::pairs,
    lines,
};
use crate::yaml::{NodeId, NodeKind};

/// A child and those beside it, each a key with its value, or an item with itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Siblings {
    pub previous: Option<(NodeId, NodeId)>,
    pub child: (NodeId, NodeId),
    pub next: Option<(NodeId, NodeId)>,
}

impl Siblings {
    /// Finds a child, named by its key node or as an item.
    pub(super) fn of(place: &Place<'_>, child: NodeId) -> Result<Self, String> {
        let document = place.document;
        if let NodeKind::Alias { target } = document.kind(place.node) {
            return Err(format!(
                "it is an alias of what is anchored on line {}, expected a collection written here",
                document.line(target)
            ));
        }
        let all = pairs(document, place.node);
        let index = all
            .iter()
            .position(|(node, _)| *node == child)
            .ok_or("it has no such child, expected one of its keys or items")?;
        let at = |index: Option<usize>| index.and_then(|index| all.get(index)).copied();
        Ok(Self {
            previous: at(index.checked_sub(1)),
            child: at(Some(index)).ok_or("it has no such child")?,
            next: at(index.checked_add(1)),
        })
    }

    /// Returns the key of one of them; none for an item.
    fn key((key, value): (NodeId, NodeId)) -> Option<NodeId> {
        (key != value).then_some(key)
    }
}

/// Refuses to take out what an alias elsewhere stands for, and what has an anchor or tag of its own
/// in front of it.
pub(super) fn check_unused(place: &Place<'_>, siblings: &Siblings) -> Result<(), String> {
    let document = place.document;
    let (first, value) = siblings.child;
    if document.is_anchored(first) || document.tag(first).is_some() {
        return Err("it has an anchor or a tag in front of it, expected none".to_owned());
    }
    let inside = first..=document.last_inside(value);
    if !inside.clone().any(|node| document.is_anchored(node)) {
        return Ok(());
    }
    let user = (*inside.end()..document.len()).find(|user| match document.kind(*user) {
        NodeKind::Alias { target } => inside.contains(&target) && !inside.contains(user),
        _ => false,
    });
    match user {
        Some(user) => Err(format!(
            "the alias on line {} stands for a part of it, expected none",
            document.line(user)
        )),
        None => Ok(()),
    }
}

/// Takes a child out of a block collection.
pub(super) fn remove(place: &Place<'_>, siblings: &Siblings) -> Result<Vec<Splice>, String> {
    let (document, text) = (place.document, place.text);
    if siblings.previous.is_none() && siblings.next.is_none() {
        check_may_be_null(place)?;
    }
    let (node, value) = siblings.child;
    let begin = begin_of(place, siblings.child)?;
    let extent = Extent::of(place, value, Siblings::key(siblings.child))?;
    let line = lines::start(text, begin);
    if !lines::is_blank(&text[line..begin]) {
        indent_of(text, begin)?;
        return remove_behind_dash(place, siblings, begin, &extent);
    }
    if document.span(node).is_empty() && Siblings::key(siblings.child).is_some() {
        return Err("its key is empty, expected a text".to_owned());
    }
    let previous = siblings
        .previous
        .map(|previous| Extent::of(place, previous.1, Siblings::key(previous)))
        .transpose()?;
    let above = previous.and_then(|previous| previous.scalar);
    if let Some(scalar) = above
        && ends_embedded_text(place, document.last_inside(value))
    {
        scalar.check_stands_alone(place)?;
    }
    let span = match lines::next(text, extent.last) {
        Some(next) => {
            if let Some(scalar) = above {
                let keeps = scalar.chomping == Chomping::Keep;
                check_would_not_join(text, next, scalar.indent, keeps)?;
            }
            check_indentation_stays(place, siblings, next)?;
            line..next
        }
        // The line above becomes the last, and has no break either, unless its value needs one.
        None => {
            let needs_break = above.is_some_and(|scalar| scalar.chomping != Chomping::Strip);
            let above = lines::previous_break(text, line).filter(|_| !needs_break);
            above.unwrap_or(line)..text.len()
        }
    };
    Ok(vec![Splice::delete(span)])
}

/// An only child leaves a null behind: only a key can have that.
fn check_may_be_null(place: &Place<'_>) -> Result<(), String> {
    let document = place.document;
    if place.key.is_none() {
        return Err(
            "it is the only child of a collection without a key, expected another".to_owned(),
        );
    }
    if document.is_anchored(place.node) || document.tag(place.node).is_some() {
        return Err(
            "it is the only child of a collection with an anchor or tag, expected another"
                .to_owned(),
        );
    }
    Ok(())
}

/// Returns where the line of a child begins: at its key or its dash.
fn begin_of(place: &Place<'_>, child: (NodeId, NodeId)) -> Result<usize, String> {
    match Siblings::key(child) {
        Some(key) => Ok(place.document.span(key).start),
        None => Dash::of(place, child.0).map(|dash| dash.at),
    }
}

/// Takes out a first child that stands behind a dash: the next one moves to its place.
fn remove_behind_dash(
    place: &Place<'_>,
    siblings: &Siblings,
    begin: usize,
    extent: &Extent,
) -> Result<Vec<Splice>, String> {
    let text = place.text;
    let next = siblings
        .next
        .ok_or("it is the only child behind its dash, expected another")?;
    let next = begin_of(place, next)?;
    let between = lines::next(text, extent.last)
        .and_then(|below| text.get(below..next))
        .unwrap_or("#");
    if !lines::is_blank(between) {
        return Err(
            "it stands behind a dash, with comments or blank lines below it, expected the next \
             one directly below"
                .to_owned(),
        );
    }
    Ok(vec![Splice::delete(Range {
        start: begin,
        end: next,
    })])
}

/// Refuses to take the first line of an embedded text where a deeper one would come first: readers
/// of a block scalar take its indentation from its first line.
fn check_indentation_stays(
    place: &Place<'_>,
    siblings: &Siblings,
    below: usize,
) -> Result<(), String> {
    let (document, text) = (place.document, place.text);
    let column = document.column(document.root());
    if column == 1 || place.node != document.root() || siblings.previous.is_some() {
        return Ok(());
    }
    let mut next = Some(below);
    while let Some(line) = next.filter(|line| *line < text.len()) {
        let content = &text[line..lines::end(text, line)];
        let rest = content.trim_start_matches(' ');
        let blanks = content.len() - rest.len();
        if !rest.is_empty() && blanks + 1 == column {
            return Ok(());
        }
        if !rest.is_empty() || blanks >= column {
            break;
        }
        next = lines::next(text, line);
    }
    Err(
        "the line below it would set the indentation of the text it is in, expected one of the \
         same depth"
            .to_owned(),
    )
}

/// Refuses where the lines below would become part of the block scalar above.
fn check_would_not_join(
    text: &str,
    below: usize,
    indent: usize,
    keeps: bool,
) -> Result<(), String> {
    let mut next = Some(below);
    while let Some(line) = next.filter(|line| *line < text.len()) {
        let content = &text[line..lines::end(text, line)];
        let rest = content.trim_start_matches(' ');
        let blanks = content.len() - rest.len();
        let joins = if rest.is_empty() {
            keeps || blanks > indent
        } else {
            blanks >= indent
        };
        if joins {
            return Err(
                "the blank lines or comments below it would become part of the block scalar \
                 above it, expected none"
                    .to_owned(),
            );
        }
        if !rest.is_empty() {
            break;
        }
        next = lines::next(text, line);
    }
    Ok(())
}
