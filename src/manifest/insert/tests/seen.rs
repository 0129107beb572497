//! What readers see in a text, without styles: the same for the parser under test and for an
//! independent one.

use std::sync::Arc;

use super::super::{Tree, lines};
use crate::{
    manifest::ScalarType,
    yaml::{Document, Limits, NodeId, NodeKind, Part, documents, documents_of},
};

/// What a reader sees, without styles.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    Leaf(String),
    Mapping(Vec<(String, Self)>),
    List(Vec<Self>),
}

/// What happens to the collection at the end of a path.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Push(Option<String>, Seen),
    Take(usize, Option<Seen>),
}

impl Seen {
    pub(super) fn of(document: &Document, node: NodeId) -> Self {
        let node = document.resolve(node);
        match document.kind(node) {
            NodeKind::Mapping { .. } => {
                let entries = document.entries(node);
                let pairs = entries.map(|(key, value)| {
                    let name = document.text(key).unwrap_or("?").to_owned();
                    (name, Self::of(document, value))
                });
                Self::Mapping(pairs.collect())
            }
            NodeKind::Sequence { .. } => {
                let items = document.items(node);
                Self::List(items.map(|item| Self::of(document, item)).collect())
            }
            _ => Self::Leaf(document.text(node).unwrap_or("?").to_owned()),
        }
    }

    pub(super) fn of_independent(value: &serde_yaml::Value) -> Self {
        use serde_yaml::Value;
        match value {
            Value::Mapping(entries) => Self::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let name = key
                            .as_str()
                            .map_or_else(|| format!("{key:?}"), str::to_owned);
                        (name, Self::of_independent(value))
                    })
                    .collect(),
            ),
            Value::Sequence(items) => Self::List(items.iter().map(Self::of_independent).collect()),
            Value::Tagged(tagged) => Self::of_independent(&tagged.value),
            other => Self::Leaf(format!("{other:?}")),
        }
    }

    pub(super) fn of_tree(tree: &Tree, typed: bool) -> Self {
        match tree {
            Tree::Scalar { value, kind } if typed => {
                let number = value
                    .parse::<i64>()
                    .ok()
                    .filter(|_| *kind == ScalarType::Integer);
                let value = number.map_or_else(
                    || serde_yaml::Value::from(value.as_str()),
                    serde_yaml::Value::from,
                );
                Self::of_independent(&value)
            }
            Tree::Scalar { value, .. } => Self::Leaf(value.clone()),
            Tree::Mapping(entries) => {
                let entries = entries.iter();
                let pairs = entries.map(|(key, value)| (key.clone(), Self::of_tree(value, typed)));
                Self::Mapping(pairs.collect())
            }
            Tree::Sequence(items) => {
                let items = items.iter().map(|item| Self::of_tree(item, typed));
                Self::List(items.collect())
            }
        }
    }

    pub(super) fn edit(&mut self, path: &[usize], step: &Step) {
        if let [first, rest @ ..] = path {
            return match self {
                Self::Mapping(entries) => entries[*first].1.edit(rest, step),
                Self::List(items) => items[*first].edit(rest, step),
                Self::Leaf(_) => unreachable!("a path ends at a collection"),
            };
        }
        match (step, self) {
            (Step::Push(Some(key), value), Self::Mapping(entries)) => {
                entries.push((key.clone(), value.clone()));
            }
            (Step::Push(None, value), Self::List(items)) => items.push(value.clone()),
            (Step::Push(Some(key), value), leaf) => {
                *leaf = Self::Mapping(vec![(key.clone(), value.clone())]);
            }
            (Step::Push(None, value), leaf) => *leaf = Self::List(vec![value.clone()]),
            (Step::Take(_, Some(null)), collection) => *collection = null.clone(),
            (Step::Take(index, None), Self::Mapping(entries)) => drop(entries.remove(*index)),
            (Step::Take(index, None), Self::List(items)) => drop(items.remove(*index)),
            (Step::Take(..), Self::Leaf(_)) => unreachable!("a leaf has no child"),
        }
    }
}

/// A place by its path.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub path: Vec<usize>,
    pub node: NodeId,
    pub key: Option<NodeId>,
}

pub(super) fn find_all(document: &Document, at: Found, found: &mut Vec<Found>) {
    let deeper = |index: usize, node, key| {
        let mut path = at.path.clone();
        path.push(index);
        Found { path, node, key }
    };
    match document.kind(at.node) {
        NodeKind::Mapping { .. } => {
            for (index, (key, value)) in document.entries(at.node).enumerate() {
                find_all(document, deeper(index, value, Some(key)), found);
            }
        }
        NodeKind::Sequence { .. } => {
            for (index, item) in document.items(at.node).enumerate() {
                find_all(document, deeper(index, item, None), found);
            }
        }
        _ => {}
    }
    let is_null = matches!(document.written(at.node), "" | "~" | "null");
    if is_null
        || !matches!(
            document.kind(at.node),
            NodeKind::Scalar { .. } | NodeKind::Alias { .. }
        )
    {
        found.push(at);
    }
}

pub(super) fn at_path(document: &Document, path: &[usize]) -> Found {
    let mut at = Found {
        path: path.to_vec(),
        node: document.root(),
        key: None,
    };
    for index in path {
        (at.node, at.key) = match document.kind(at.node) {
            NodeKind::Mapping { .. } => {
                let (key, value) = document.entries(at.node).nth(*index).unwrap();
                (value, Some(key))
            }
            _ => (document.items(at.node).nth(*index).unwrap(), None),
        };
    }
    at
}

/// Parses a text; of an embedded document that document, at its place in the file.
pub(super) fn open(text: &str, embedded: bool, index: usize) -> Result<Document, String> {
    let found = documents(text, &Limits::MANIFEST).map_err(|error| error.to_string())?;
    if !embedded {
        let document = found.into_iter().nth(index);
        return document.ok_or_else(|| "no document".to_owned());
    }
    let outer = &found[0];
    let inner = at_path(outer, &[0, 0]).node;
    let span = outer.span(inner);
    let part = Part {
        text: Arc::new(text.to_owned()),
        range: lines::start(text, span.start)..span.end,
        offset: 0,
        lines_before: outer.line(inner) - 1,
    };
    let found = documents_of(&part, &Limits::MANIFEST).map_err(|error| error.to_string())?;
    found.into_iter().next().ok_or_else(|| "nothing".to_owned())
}

/// Returns what the whole file holds, and what an independent reader makes of it, embedded texts
/// decoded and read too.
pub(super) fn seen(text: &str, embedded: bool) -> (Vec<Seen>, Option<Vec<Seen>>) {
    let found = documents(text, &Limits::MANIFEST).unwrap();
    let mut all: Vec<Seen> = found
        .iter()
        .map(|document| Seen::of(document, document.root()))
        .collect();
    if embedded {
        let inner = at_path(&found[0], &[0, 0]).node;
        let decoded = found[0].value(inner).unwrap();
        let (inner, independent) = seen(decoded, false);
        all[0] = Seen::Leaf(String::new());
        all.splice(0..0, inner);
        return (all, independent);
    }
    // It counts a byte-order mark as a column.
    let readers = serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
    let values: Result<Vec<serde_yaml::Value>, _> = readers
        .map(<serde_yaml::Value as serde::Deserialize>::deserialize)
        .collect();
    let independent = values.ok();
    (
        all,
        independent.map(|values| values.iter().map(Seen::of_independent).collect()),
    )
}
