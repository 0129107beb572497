//! Two documents side by side: every node as it was, or different as it should be.

use std::collections::HashMap;

use super::{Difference, Expected};
use crate::{
    manifest::{
        content::ParsedDocument,
        insert::{self, Tree},
    },
    yaml::{NodeId, NodeKind},
};

/// Two documents side by side.
pub(super) struct Comparison<'a> {
    old: &'a ParsedDocument,
    new: &'a ParsedDocument,
    /// What must differ in these very documents.
    here: HashMap<NodeId, Vec<&'a Difference>>,
    /// What must differ in texts of these documents.
    inside: HashMap<NodeId, Vec<&'a Expected>>,
    depth: usize,
    /// Anchored nodes, old and new.
    anchors: HashMap<NodeId, NodeId>,
}

/// The node of the old document at which the two differ and must not.
pub(super) type Mismatch = NodeId;

impl<'a> Comparison<'a> {
    /// Puts two documents side by side; `depth` is how many texts were entered to get to them.
    pub(super) fn new(
        old: &'a ParsedDocument,
        new: &'a ParsedDocument,
        expected: &[&'a Expected],
        depth: usize,
    ) -> Self {
        let mut here: HashMap<NodeId, Vec<&Difference>> = HashMap::new();
        let mut inside: HashMap<NodeId, Vec<&Expected>> = HashMap::new();
        for one in expected {
            match one.site.texts.get(depth) {
                None => here.entry(one.node).or_default().push(&one.difference),
                Some(text) => inside.entry(*text).or_default().push(one),
            }
        }
        Self {
            old,
            new,
            here,
            inside,
            depth,
            anchors: HashMap::new(),
        }
    }

    /// Compares all of the two.
    ///
    /// # Errors
    /// The first node that is not as it should be.
    pub(super) fn run(&mut self) -> Result<(), Mismatch> {
        self.node(self.old.root(), self.new.root())
    }

    fn node(&mut self, one: NodeId, other: NodeId) -> Result<(), Mismatch> {
        let (old, new) = (self.old, self.new);
        let alike =
            old.tag(one) == new.tag(other) && old.is_anchored(one) == new.is_anchored(other);
        if !alike {
            return Err(one);
        }
        if old.is_anchored(one) {
            self.anchors.insert(one, other);
        }
        let differences = self.here.get(&one).cloned().unwrap_or_default();
        if let Some(expected) = self.inside.get(&one) {
            return self.text(one, other, expected).ok_or(one);
        }
        match (old.kind(one), new.kind(other)) {
            (NodeKind::Scalar { style }, NodeKind::Scalar { style: other_style }) => {
                let same = match differences.as_slice() {
                    [] => style == other_style && old.value(one) == new.value(other),
                    [Difference::Value(value)] => new.value(other) == Some(value),
                    _ => false,
                };
                if same { Ok(()) } else { Err(one) }
            }
            (
                NodeKind::Alias { target },
                NodeKind::Alias {
                    target: other_target,
                },
            ) => {
                let same = self.anchors.get(&target) == Some(&other_target);
                if same && differences.is_empty() {
                    Ok(())
                } else {
                    Err(one)
                }
            }
            (NodeKind::Mapping { flow }, NodeKind::Mapping { flow: other_flow })
                if flow == other_flow =>
            {
                self.mapping(one, other, &differences)
            }
            (NodeKind::Sequence { flow }, NodeKind::Sequence { flow: other_flow })
                if flow == other_flow =>
            {
                self.sequence(one, other, &differences)
            }
            (NodeKind::Scalar { .. }, NodeKind::Mapping { .. }) => {
                let mut entries = new.entries(other);
                let added = added_entries(new, &mut entries, &differences);
                let only = !differences.is_empty() && added && entries.next().is_none();
                if only { Ok(()) } else { Err(one) }
            }
            (NodeKind::Scalar { .. }, NodeKind::Sequence { .. }) => {
                let mut items = new.items(other);
                let added = added_items(new, &mut items, &differences);
                let only = !differences.is_empty() && added && items.next().is_none();
                if only { Ok(()) } else { Err(one) }
            }
            // The last child is gone and nothing is left behind the key, or a null.
            (NodeKind::Mapping { .. } | NodeKind::Sequence { .. }, NodeKind::Scalar { .. }) => {
                let children = old.entries(one).map(|(key, _)| key).chain(old.items(one));
                let all_gone = children
                    .into_iter()
                    .all(|child| is_gone(&differences, child));
                let empty = insert::is_null(new.written(other));
                if all_gone && empty { Ok(()) } else { Err(one) }
            }
            _ => Err(one),
        }
    }

    fn mapping(
        &mut self,
        one: NodeId,
        other: NodeId,
        differences: &[&Difference],
    ) -> Result<(), Mismatch> {
        let (old, new) = (self.old, self.new);
        let mut entries = new.entries(other);
        for (key, value) in old.entries(one) {
            if is_gone(differences, key) {
                continue;
            }
            let (other_key, other_value) = entries.next().ok_or(one)?;
            self.node(key, other_key)?;
            self.node(value, other_value)?;
        }
        let whole = added_entries(new, &mut entries, differences) && entries.next().is_none();
        if whole { Ok(()) } else { Err(one) }
    }

    fn sequence(
        &mut self,
        one: NodeId,
        other: NodeId,
        differences: &[&Difference],
    ) -> Result<(), Mismatch> {
        let (old, new) = (self.old, self.new);
        let mut items = new.items(other);
        for item in old.items(one) {
            if is_gone(differences, item) {
                continue;
            }
            let other_item = items.next().ok_or(one)?;
            self.node(item, other_item)?;
        }
        let whole = added_items(new, &mut items, differences) && items.next().is_none();
        if whole { Ok(()) } else { Err(one) }
    }

    /// Compares the documents that two texts are; none where they are not what they should be.
    fn text(&self, one: NodeId, other: NodeId, expected: &[&'a Expected]) -> Option<()> {
        let same_style = self.old.kind(one) == self.new.kind(other);
        let old = self.old.text_as_document(one).filter(|_| same_style)?;
        let new = self.new.text_as_document(other)?;
        Comparison::new(old, new, expected, self.depth + 1)
            .run()
            .ok()
    }
}

fn is_gone(differences: &[&Difference], child: NodeId) -> bool {
    differences
        .iter()
        .any(|difference| matches!(difference, Difference::Without(gone) if *gone == child))
}

fn added_entries(
    new: &ParsedDocument,
    entries: &mut impl Iterator<Item = (NodeId, NodeId)>,
    differences: &[&Difference],
) -> bool {
    differences.iter().all(|difference| match difference {
        Difference::Entry(key, tree) => entries
            .next()
            .is_some_and(|(name, value)| new.value(name) == Some(key) && is_tree(new, value, tree)),
        Difference::Without(_) => true,
        Difference::Value(_) | Difference::Item(_) => false,
    })
}

fn added_items(
    new: &ParsedDocument,
    items: &mut impl Iterator<Item = NodeId>,
    differences: &[&Difference],
) -> bool {
    differences.iter().all(|difference| match difference {
        Difference::Item(tree) => items.next().is_some_and(|item| is_tree(new, item, tree)),
        Difference::Without(_) => true,
        Difference::Value(_) | Difference::Entry(..) => false,
    })
}

/// Is a node exactly what was put in?
fn is_tree(document: &ParsedDocument, node: NodeId, tree: &Tree) -> bool {
    if document.is_anchored(node) || document.tag(node).is_some() {
        return false;
    }
    match (tree, document.kind(node)) {
        (Tree::Scalar { value, .. }, NodeKind::Scalar { .. }) => {
            document.value(node) == Some(value)
        }
        (Tree::Mapping(wanted), NodeKind::Mapping { .. }) => {
            let mut entries = document.entries(node);
            let all = wanted.iter().all(|(key, tree)| {
                entries.next().is_some_and(|(name, value)| {
                    document.value(name) == Some(key) && is_tree(document, value, tree)
                })
            });
            all && entries.next().is_none()
        }
        (Tree::Sequence(wanted), NodeKind::Sequence { .. }) => {
            let mut items = document.items(node);
            let all = wanted.iter().all(|tree| {
                items
                    .next()
                    .is_some_and(|item| is_tree(document, item, tree))
            });
            all && items.next().is_none()
        }
        _ => false,
    }
}
