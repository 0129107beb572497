//! How a document is written: how deep it indents, how its lists stand, what it quotes with.

use std::collections::BTreeMap;

use super::{Place, dash::Dash, lines};
use crate::{
    manifest::scalar::Quote,
    yaml::{Document, NodeId, NodeKind, ScalarStyle},
};

/// Blanks per level where a document shows none.
const USUAL_UNIT: usize = 2;

/// How new lines in block style are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockStyle {
    /// Blanks that a mapping is deeper than its key.
    pub unit: usize,
    /// Blanks that the dashes of a list are deeper than its key.
    pub list_indent: usize,
    /// Blanks between a dash and its item.
    pub dash_width: usize,
    /// What texts are quoted with.
    pub quote: Quote,
}

/// How a list that is the value of a key stands.
#[derive(Debug, Clone, Copy)]
struct Listed {
    indent: usize,
    width: usize,
}

impl BlockStyle {
    /// Looks at a document. New lists are written like the nearest one: first those of the same
    /// mapping count, then all others.
    pub(super) fn of(place: &Place<'_>, mapping: Option<NodeId>, near: NodeId) -> Self {
        let document = place.document;
        let mut steps: BTreeMap<usize, usize> = BTreeMap::new();
        let mut list_steps: BTreeMap<usize, usize> = BTreeMap::new();
        let mut nearest: Option<((bool, usize), Listed)> = None;
        for parent in 0..document.len() {
            if document.kind(parent) != (NodeKind::Mapping { flow: false }) {
                continue;
            }
            for (key, value) in document.entries(parent) {
                match document.kind(value) {
                    NodeKind::Mapping { flow: false } => {
                        let first = document.entries(value).next();
                        if let Some((first, _)) = first {
                            count(&mut steps, step(document, key, first));
                        }
                    }
                    NodeKind::Sequence { flow: false } => {
                        let Some(list) = listed(place, key, value) else {
                            continue;
                        };
                        count(&mut list_steps, Some(list.indent));
                        let distance = (Some(parent) != mapping, key.abs_diff(near));
                        if nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
                            nearest = Some((distance, list));
                        }
                    }
                    _ => {}
                }
            }
        }
        let unit = most(&steps).or_else(|| most(&list_steps));
        let unit = unit.unwrap_or(USUAL_UNIT);
        let nearest = nearest.map(|(_, list)| list);
        Self {
            unit,
            list_indent: nearest.map_or(unit, |list| list.indent),
            dash_width: nearest.map_or(1, |list| list.width),
            quote: usual_quote(document),
        }
    }
}

fn listed(place: &Place<'_>, key: NodeId, list: NodeId) -> Option<Listed> {
    let document = place.document;
    let first = document.items(list).next()?;
    let dash = Dash::of(place, first).ok()?;
    let column = dash.at - lines::start(place.text, dash.at);
    Some(Listed {
        indent: (column + 1).checked_sub(document.column(key))?,
        width: dash.width.unwrap_or(1),
    })
}

fn step(document: &Document, key: NodeId, child: NodeId) -> Option<usize> {
    document.column(child).checked_sub(document.column(key))
}

fn count(steps: &mut BTreeMap<usize, usize>, step: Option<usize>) {
    if let Some(step) = step.filter(|step| *step > 0) {
        *steps.entry(step).or_default() += 1;
    }
}

/// Returns the most frequent step, of several the smallest.
fn most(steps: &BTreeMap<usize, usize>) -> Option<usize> {
    let best = steps.iter().rev().max_by_key(|(_, uses)| **uses);
    best.map(|(step, _)| *step)
}

/// Returns what a document quotes with most; JSON knows only double quotes.
pub(in crate::manifest) fn usual_quote(document: &Document) -> Quote {
    let root = document.kind(document.root());
    let in_json = matches!(
        root,
        NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true }
    );
    let uses = |wanted: ScalarStyle| {
        (0..document.len())
            .filter(|id| document.kind(*id) == NodeKind::Scalar { style: wanted })
            .count()
    };
    if !in_json && uses(ScalarStyle::SingleQuoted) > uses(ScalarStyle::DoubleQuoted) {
        Quote::Single
    } else {
        Quote::Double
    }
}

/// Is a document JSON, or so empty that it may become either?
pub(super) fn is_json(document: &Document) -> bool {
    let is_flow = matches!(
        document.kind(document.root()),
        NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true }
    );
    is_flow && (0..document.len()).all(|id| has_json_keys(document, id))
}

/// Is a node no mapping, or one whose keys are all in double quotes?
pub(super) fn has_json_keys(document: &Document, id: NodeId) -> bool {
    let double = NodeKind::Scalar {
        style: ScalarStyle::DoubleQuoted,
    };
    !matches!(document.kind(id), NodeKind::Mapping { .. })
        || document
            .entries(id)
            .all(|(key, _)| document.kind(key) == double)
}
