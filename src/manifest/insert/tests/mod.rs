//! How the tests put a child into a text and take it out again: rows of cases, and properties over
//! random documents.

mod block;
mod flow;
pub(in crate::manifest) mod generator;
mod properties;
mod refused;
mod removed;
mod seen;

use super::{Place, Splice, Tree, add_entry, add_item, remove};
use crate::{
    manifest::ScalarType,
    yaml::{Document, Limits, NodeId, NodeKind, ScalarStyle, documents},
};

/// Reads a tree that is written in short: plain numbers are integers, all else is text.
fn tree(short: &str) -> Tree {
    fn of(document: &Document, node: NodeId) -> Tree {
        match document.kind(node) {
            NodeKind::Mapping { .. } => Tree::Mapping(
                document
                    .entries(node)
                    .map(|(key, value)| {
                        (document.text(key).unwrap().to_owned(), of(document, value))
                    })
                    .collect(),
            ),
            NodeKind::Sequence { .. } => Tree::Sequence(
                document
                    .items(node)
                    .map(|item| of(document, item))
                    .collect(),
            ),
            kind => {
                let value = document.text(node).unwrap().to_owned();
                let plain = NodeKind::Scalar {
                    style: ScalarStyle::Plain,
                };
                let is_number = kind == plain && value.parse::<u32>().is_ok();
                let kind = if is_number {
                    ScalarType::Integer
                } else {
                    ScalarType::Text
                };
                Tree::Scalar { value, kind }
            }
        }
    }
    let found = documents(short, &Limits::MANIFEST).unwrap();
    of(&found[0], 0)
}

/// Returns the node at a path of keys and indices such as `spec/containers/0`, with its key. It
/// starts in the last document.
fn at(document: &Document, path: &str) -> (NodeId, Option<NodeId>) {
    let mut found = (document.root(), None);
    for step in path.split('/').filter(|step| !step.is_empty()) {
        found = match document.kind(found.0) {
            NodeKind::Mapping { .. } => document
                .entries(found.0)
                .find(|(key, _)| document.text(*key) == Some(step))
                .map(|(key, value)| (value, Some(key)))
                .unwrap(),
            _ => (
                document.items(found.0).nth(step.parse().unwrap()).unwrap(),
                None,
            ),
        };
    }
    found
}

fn apply(text: &str, splices: &[Splice]) -> String {
    let mut new = text.to_owned();
    for splice in splices.iter().rev() {
        new.replace_range(splice.span.clone(), &splice.text);
    }
    new
}

/// Puts `key: value` in, or an item where the key is empty; returns the new text.
fn put(text: &str, path: &str, key: &str, value: &str) -> Result<String, String> {
    let found = documents(text, &Limits::MANIFEST).unwrap();
    let document = found.last().unwrap();
    let (node, name) = at(document, path);
    let place = Place {
        text,
        document,
        node,
        key: name,
    };
    let splices = if key.is_empty() {
        add_item(&place, &tree(value))
    } else {
        add_entry(&place, key, &tree(value))
    };
    Ok(apply(text, &splices?))
}

/// Takes a child out: a key, or an index.
fn take(text: &str, path: &str, child: &str) -> Result<String, String> {
    let found = documents(text, &Limits::MANIFEST).unwrap();
    let document = found.last().unwrap();
    let (node, name) = at(document, path);
    let place = Place {
        text,
        document,
        node,
        key: name,
    };
    let (item, key) = at(document, &format!("{path}/{child}"));
    remove(&place, key.unwrap_or(item)).map(|splices| apply(text, &splices))
}

/// Checks a row both ways: put in, and taken out again.
#[track_caller]
fn row(text: &str, path: &str, key: &str, value: &str, expected: &str) {
    let new = put(text, path, key, value).unwrap();
    assert_eq!(new, expected);
    let found = documents(&new, &Limits::MANIFEST).unwrap();
    let document = found.last().unwrap();
    let child = match document.kind(at(document, path).0) {
        NodeKind::Sequence { .. } => (document.items(at(document, path).0).count() - 1).to_string(),
        _ => key.to_owned(),
    };
    // A slash in a key is no step of a path.
    if !child.contains('/') {
        assert_eq!(take(&new, path, &child).as_deref(), Ok(text));
    }
}
