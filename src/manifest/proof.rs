//! The proof that an edited file differs in exactly the values that were wanted.

use std::collections::HashMap;

use super::{
    Refusal,
    content::{Content, ParsedDocument},
    cursor::Cursor,
    insert::{self, Splice, Tree},
    source::ParsedFile,
};
use crate::yaml::{NodeId, NodeKind};

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

/// Parses what is new and compares it, node by node, with the old. Parts of the file that no splice
/// touches must be the same bytes.
///
/// # Errors
/// Anything else changed, or a value did not become what was wanted.
pub(super) fn check(
    old: &ParsedFile,
    new: &ParsedFile,
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
    let mut touched = vec![false; old.parts()];
    for splice in splices {
        let part = ends.partition_point(|end| *end < splice.span.end);
        if let Some(touched) = touched.get_mut(part) {
            *touched = true;
        }
    }
    let mut by_document: HashMap<(usize, usize), Vec<&Expected>> = HashMap::new();
    for expected in expected {
        let site = (expected.site.part, expected.site.document);
        by_document.entry(site).or_default().push(expected);
    }
    for (part, touched) in touched.into_iter().enumerate() {
        if !touched {
            if old.part_text(part) != new.part_text(part) {
                return stop("a document that no edit concerns would change");
            }
            continue;
        }
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
    }
    if by_document.is_empty() {
        Ok(())
    } else {
        stop("a value that was to change is in no document that did")
    }
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

/// Two documents side by side.
struct Comparison<'a> {
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
type Mismatch = NodeId;

impl<'a> Comparison<'a> {
    fn new(
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

    fn run(&mut self) -> Result<(), Mismatch> {
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

#[cfg(test)]
mod tests {
    use crate::manifest::{ChangeSet, Edit, Manifests, SourceFile, locate};

    const FILE: &str = "\
kind: Deployment
metadata: {name: app}
spec:
  replicas: 2
  paused: false
---
{{ if .Values.on }}
kind: Note
---
kind: Note
";

    #[test]
    fn a_text_that_does_more_than_it_should_is_stopped() {
        let manifests = Manifests::parse(vec![SourceFile {
            path: "f.yaml".to_owned(),
            bytes: FILE.into(),
        }])
        .unwrap();
        let edit = Edit::Replicas {
            workload: "Deployment/app".parse().unwrap(),
            replicas: 3,
        };
        let set = locate(&manifests, &[edit]).unwrap();
        assert!(set.apply(&manifests).is_ok());
        let texts = [
            "4",
            "3\n  evil: 1",
            "3\n---\nspec:\n  replicas: 3",
            "[3, 3]",
            "&a 3",
            "!!str 3",
            "\"3",
            "{{ 3 }}",
            "",
        ];
        let stops = texts.map(|text| {
            let mut changes = set.changes.clone();
            text.clone_into(&mut changes[0].text);
            let refusal = ChangeSet::of(changes).apply(&manifests).unwrap_err();
            format!("{text:?}: {refusal}")
        });
        insta::assert_snapshot!(stops.join("\n"), @r#"
        "4": f.yaml: internal safety stop: the value on line 4 would not be what it should
        "3\n  evil: 1": f.yaml: internal safety stop: the value on line 5 would not be what it should
        "3\n---\nspec:\n  replicas: 3": f.yaml: internal safety stop: the number of documents would change
        "[3, 3]": f.yaml: internal safety stop: the value on line 4 would not be what it should
        "&a 3": f.yaml: internal safety stop: the value on line 4 would not be what it should
        "!!str 3": f.yaml: internal safety stop: the value on line 4 would not be what it should
        "\"3": f.yaml: internal safety stop: the result would not be readable
        "{{ 3 }}": f.yaml: internal safety stop: the result would not be readable
        "": f.yaml: internal safety stop: the value on line 4 would not be what it should
        "#);
    }
}
