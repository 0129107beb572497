//! A place inside an object: walks by key and by item, and remembers the path and any detour
//! through an alias or a merge key.

use std::collections::{HashMap, HashSet};

use super::{Refusal, Segment, object::View, types::path_of};
use crate::yaml::{NodeId, NodeKind};

/// A place inside an object.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    /// The object.
    pub view: View<'a>,
    /// The node as it is written: an alias stays one.
    pub node: NodeId,
    /// The path from the object.
    pub pointer: Vec<Segment>,
    /// Is the node written inside `{…}` or `[…]`?
    pub in_flow: bool,
    /// The first alias or merge key on the way here.
    pub detour: Option<Detour>,
}

/// How a place was reached other than by what is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detour {
    /// Through `*name`, which stands on this line.
    Alias {
        /// 1-based line.
        line: usize,
    },
    /// Through `<<`, which stands on this line.
    Merge {
        /// 1-based line.
        line: usize,
    },
}

impl<'a> Cursor<'a> {
    /// Starts at an object.
    pub(super) fn new(view: View<'a>) -> Self {
        Self {
            view,
            node: view.object.root,
            pointer: Vec::new(),
            in_flow: false,
            detour: None,
        }
    }

    /// Returns the node that the place stands for.
    pub(super) fn resolved(&self) -> NodeId {
        self.view.document.resolve(self.node)
    }

    /// Returns the decoded text of a scalar.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.view.document.text(self.node)
    }

    /// Returns the 1-based line.
    pub(super) fn line(&self) -> usize {
        self.view.document.line(self.node)
    }

    /// Returns the path as people write it.
    pub(super) fn target(&self) -> String {
        path_of(&self.pointer)
    }

    /// Makes a refusal that names this place.
    pub(super) fn refusal(&self, reason: impl Into<String>) -> Refusal {
        Refusal::new(reason).at(self.view.path(), self.line())
    }

    /// Goes to the value of a key; none where there is no such key.
    ///
    /// # Errors
    /// The key is there twice: readers of YAML do not agree which one counts.
    pub(super) fn key(&self, name: &str) -> Result<Option<Self>, Refusal> {
        let document = self.view.document;
        let mut values = document
            .entries(self.node)
            .filter(|(key, _)| document.text(*key) == Some(name));
        let first = values.next();
        if let (Some((first, _)), Some((second, _))) = (first, values.next()) {
            let pointer = self.below(Segment::Key(name.to_owned()));
            let (first, second) = (document.line(first), document.line(second));
            return Err(Refusal::new(format!(
                "`{}` of {} is written twice, on lines {first} and {second}, expected once",
                path_of(&pointer),
                self.view.reference()
            ))
            .at(self.view.path(), first)
            .hint("remove one of the two"));
        }
        if let Some((_, value)) = first {
            return Ok(Some(self.child(Segment::Key(name.to_owned()), value, None)));
        }
        Ok(self
            .merged(name)
            .map(|(value, detour)| self.child(Segment::Key(name.to_owned()), value, Some(detour))))
    }

    /// Goes down several keys; none where one of them is missing.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(super) fn keys(&self, names: &[&str]) -> Result<Option<Self>, Refusal> {
        let mut place = self.clone();
        for name in names {
            match place.key(name)? {
                Some(next) => place = next,
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// Follows a path that was written down earlier.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(super) fn follow(&self, pointer: &[Segment]) -> Result<Option<Self>, Refusal> {
        let mut place = self.clone();
        for segment in pointer {
            let next = match segment {
                Segment::Key(key) => place.key(key)?,
                Segment::Named(_) => place
                    .items()
                    .into_iter()
                    .find(|item| item.pointer.last() == Some(segment)),
                Segment::Index(index) => place.items().into_iter().nth(*index),
            };
            match next {
                Some(next) => place = next,
                None => return Ok(None),
            }
        }
        Ok(Some(place))
    }

    /// Returns the items of a list; an item that has a `name` of its own is known by it.
    pub(super) fn items(&self) -> Vec<Self> {
        let document = self.view.document;
        let items: Vec<NodeId> = document.items(self.node).collect();
        let name_of = |item: NodeId| {
            let name = document.get(item, "name")?;
            document.text(name)
        };
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for name in items.iter().filter_map(|item| name_of(*item)) {
            *uses.entry(name).or_default() += 1;
        }
        items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let segment = match name_of(*item) {
                    Some(name) if uses.get(name) == Some(&1) => Segment::Named(name.to_owned()),
                    _ => Segment::Index(index),
                };
                self.child(segment, *item, None)
            })
            .collect()
    }

    /// Returns the pairs of a mapping of texts, those of merge keys too.
    pub(super) fn texts(&self) -> HashMap<&'a str, &'a str> {
        let document = self.view.document;
        let mut found = HashMap::new();
        self.in_mappings(|mapping, _| {
            for (key, value) in document.entries(mapping) {
                if let (Some(key), Some(value)) = (document.text(key), document.text(value)) {
                    found.entry(key).or_insert(value);
                }
            }
            None::<()>
        });
        found
    }

    fn below(&self, segment: Segment) -> Vec<Segment> {
        let mut pointer = self.pointer.clone();
        pointer.push(segment);
        pointer
    }

    fn child(&self, segment: Segment, node: NodeId, detour: Option<Detour>) -> Self {
        let document = self.view.document;
        let alias = match document.kind(self.node) {
            NodeKind::Alias { .. } => Some(Detour::Alias { line: self.line() }),
            _ => None,
        };
        let in_flow = matches!(
            document.kind(self.resolved()),
            NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true }
        );
        Self {
            view: self.view,
            node,
            pointer: self.below(segment),
            in_flow,
            detour: self.detour.or(alias).or(detour),
        }
    }

    fn merged(&self, name: &str) -> Option<(NodeId, Detour)> {
        let document = self.view.document;
        self.in_mappings(|mapping, merge| {
            let value = document.get(mapping, name)?;
            let line = document.line(merge?);
            Some((value, Detour::Merge { line }))
        })
    }

    /// Looks into a mapping and into what its merge keys bring, nearest first, each mapping once;
    /// `look` gets the mapping and the merge key of this place that brought it.
    fn in_mappings<T>(
        &self,
        mut look: impl FnMut(NodeId, Option<NodeId>) -> Option<T>,
    ) -> Option<T> {
        let document = self.view.document;
        let mut seen = HashSet::new();
        let mut waiting = vec![(self.resolved(), None)];
        while let Some((mapping, merge)) = waiting.pop() {
            if !seen.insert(mapping) {
                continue;
            }
            if let Some(found) = look(mapping, merge) {
                return Some(found);
            }
            let mut brought = Vec::new();
            for (key, value) in document.entries(mapping) {
                if document.text(key) != Some("<<") {
                    continue;
                }
                let merge = merge.or(Some(key));
                let mut sources: Vec<NodeId> = document.items(value).collect();
                if sources.is_empty() {
                    sources.push(value);
                }
                brought.extend(
                    sources
                        .into_iter()
                        .map(|source| (document.resolve(source), merge)),
                );
            }
            waiting.extend(brought.into_iter().rev());
        }
        None
    }
}
