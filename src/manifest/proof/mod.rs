//! The proof that an edited file differs in exactly the values that were wanted.
//!
//! `in_place` shows it from the bytes, where new values stand alone in the place of old ones;
//! for everything else what is new is parsed, and `comparison` compares it with what was there.

mod comparison;
mod in_place;

use std::collections::BTreeMap;

use self::comparison::Comparison;
use super::{
    Refusal,
    content::Content,
    cursor::Cursor,
    insert::{Splice, Tree},
    source::ParsedFile,
};
use crate::yaml::NodeId;

/// One difference that there must be.
#[derive(Debug)]
pub(super) struct Expected {
    /// The part of the file, the document in it, and the texts that were entered to get there.
    site: Site,
    /// The node of the old document that differs.
    node: NodeId,
    difference: Difference,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Site {
    part: usize,
    document: usize,
    texts: Vec<NodeId>,
}

/// How a node differs from what it was.
#[derive(Debug)]
pub(super) enum Difference {
    /// The scalar has this value.
    Value(String),
    /// The mapping has this entry behind those it had; a null has become a mapping with it alone.
    Entry(String, Tree),
    /// The list has this item behind those it had; a null has become a list with it alone.
    Item(Tree),
    /// The entry with this key, or this item, is not there any more.
    Without(NodeId),
}

impl Expected {
    /// Expects a difference at a place.
    pub(super) fn at(place: &Cursor<'_>, difference: Difference) -> Self {
        Self {
            site: Site {
                part: place.view.part,
                document: place.view.object.document,
                texts: place.texts.clone(),
            },
            node: place.node,
            difference,
        }
    }
}

/// Shows that a new file is the old one with the splices, and that these make the expected differences
/// and no other. Parts of the file that no splice touches must be the same bytes.
///
/// # Errors
/// Anything else changed, or a value did not become what was wanted.
pub(super) fn check(
    old: &ParsedFile,
    new: &ParsedFile,
    splices: &[Splice],
    expected: &[Expected],
) -> Result<(), Refusal> {
    check_by(&[in_place::is_certain], (old, new), splices, expected)
}

/// A way to show it for a part of a file without reading the new one; false where it cannot.
type ShortWay = fn((&ParsedFile, &ParsedFile, usize), Vec<&Splice>, &[&Expected]) -> bool;

fn check_by(
    short_ways: &[ShortWay],
    (old, new): (&ParsedFile, &ParsedFile),
    splices: &[Splice],
    expected: &[Expected],
) -> Result<(), Refusal> {
    let stop = |what: &str| Err(safety_stop(&old.path, what));
    if old.parts() != new.parts() {
        return stop("the number of documents would change");
    }
    let ends: Vec<usize> = (0..old.parts())
        .map(|part| old.part_range(part).end)
        .collect();
    let mut by_part: Vec<Vec<&Splice>> = vec![Vec::new(); old.parts()];
    for splice in splices {
        let part = ends.partition_point(|end| *end < splice.span.end);
        if let Some(touching) = by_part.get_mut(part) {
            touching.push(splice);
        }
    }
    let mut by_document: BTreeMap<(usize, usize), Vec<&Expected>> = BTreeMap::new();
    for expected in expected {
        let site = (expected.site.part, expected.site.document);
        by_document.entry(site).or_default().push(expected);
    }
    for (part, touching) in by_part.into_iter().enumerate() {
        if touching.is_empty() {
            if old.part_text(part) != new.part_text(part) {
                return stop("a document that no edit concerns would change");
            }
            continue;
        }
        let here = by_document.get(&(part, 0)).map(Vec::as_slice);
        let here = here.unwrap_or_default();
        let mut ways = short_ways.iter();
        if ways.any(|is_certain| is_certain((old, new, part), touching.clone(), here)) {
            by_document.remove(&(part, 0));
        } else {
            compare((old, new, part), &mut by_document)?;
        }
    }
    if by_document.is_empty() {
        Ok(())
    } else {
        stop("a value that was to change is in no document that did")
    }
}

/// Parses what is new in a part of a file and compares it, node by node, with the old.
fn compare(
    (old, new, part): (&ParsedFile, &ParsedFile, usize),
    by_document: &mut BTreeMap<(usize, usize), Vec<&Expected>>,
) -> Result<(), Refusal> {
    let stop = |what: &str| Err(safety_stop(&old.path, what));
    let (before, after) = (old.content(part), new.content(part));
    if after.problem.is_some() != before.problem.is_some() {
        return stop("the result would not be readable");
    }
    let hidden = |file: &ParsedFile, content: &Content| -> Vec<String> {
        let holes = content.hidden(file.part_range(part));
        let texts = holes.into_iter().filter_map(|hole| file.text().get(hole));
        texts.map(str::to_owned).collect()
    };
    if hidden(old, before) != hidden(new, after) {
        return stop("a Helm template would change");
    }
    if before.documents.len() != after.documents.len() {
        return stop("the number of documents would change");
    }
    let documents = before.documents.iter().zip(&after.documents);
    for (index, (one, other)) in documents.enumerate() {
        let here = by_document.remove(&(part, index)).unwrap_or_default();
        let mut comparison = Comparison::new(one, other, &here, 0);
        if let Err(node) = comparison.run() {
            let line = one.line(node);
            return stop(&format!(
                "the value on line {line} would not be what it should"
            ));
        }
    }
    Ok(())
}

/// The refusal that keeps a defect of the editor from reaching a file.
pub(super) fn safety_stop(path: &str, what: &str) -> Refusal {
    Refusal {
        path: Some(path.to_owned()),
        line: None,
        reason: format!("internal safety stop: {what}"),
        hint: Some("nothing was written; make this edit by hand and report the file".to_owned()),
    }
}

#[cfg(test)]
mod tests;
