//! A place inside an object: walks by key and by item, and remembers the path and any detour
//! through an alias or a merge key.

use std::collections::{HashMap, HashSet};

use super::{
    Refusal, Segment,
    content::ParsedDocument,
    insert::is_null,
    object::View,
    pointer::path_of,
    trail::{Step, Trail},
};
use crate::yaml::{NodeId, NodeKind};

/// A place inside an object.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    /// The object.
    pub view: View<'a>,
    /// The document that the place is in: the object's own, or one that is written as a text in it.
    pub document: &'a ParsedDocument,
    /// The texts that were entered on the way here.
    pub texts: Vec<NodeId>,
    /// The node as it is written: an alias stays one.
    pub node: NodeId,
    /// The key whose value the node is; none for the object itself and for the item of a list.
    pub key_node: Option<NodeId>,
    /// The way here from the object.
    pub trail: Trail<'a>,
    /// Which item of its list the node is, from 0.
    pub index: Option<usize>,
    /// Is a key on the way here something that only rendering decides?
    pub templated: bool,
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
            document: view.document,
            texts: Vec::new(),
            node: view.object.root,
            key_node: None,
            trail: Trail::default(),
            index: None,
            templated: false,
            in_flow: false,
            detour: None,
        }
    }

    /// Returns the node that the place stands for.
    pub(super) fn resolved(&self) -> NodeId {
        self.document.resolve(self.node)
    }

    /// Returns the decoded text of a scalar; of one that only rendering decides, what is written.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.document.unrendered(self.view.file.text(), self.node)
    }

    /// Returns the 1-based line.
    pub(super) fn line(&self) -> usize {
        self.document.line(self.node)
    }

    /// Returns the path from the object.
    pub(super) fn pointer(&self) -> Vec<Segment> {
        self.trail.path()
    }

    /// Returns the path as people write it.
    pub(super) fn target(&self) -> String {
        path_of(&self.pointer())
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
        let document = self.document;
        let (mut first, mut second, mut has_merge) = (None, None, false);
        for (key, value) in document.entries(self.node) {
            match document.text(key) {
                Some(text) if text == name && first.is_none() => first = Some((key, value)),
                Some(text) if text == name && second.is_none() => second = Some((key, value)),
                Some("<<") => has_merge = true,
                _ => {}
            }
        }
        if let (Some((first, _)), Some((second, _))) = (first, second) {
            let pointer = [self.pointer(), vec![Segment::from(name)]].concat();
            let (first, second) = (document.line(first), document.line(second));
            return Err(Refusal::new(format!(
                "`{}` of {} is written twice, on lines {first} and {second}, expected once",
                path_of(&pointer),
                self.view.reference()
            ))
            .at(self.view.path(), first)
            .hint("remove one of the two"));
        }
        if let Some((key, value)) = first {
            return Ok(Some(Self {
                key_node: Some(key),
                templated: self.templated || document.is_templated(&document.span(key)),
                ..self.child(
                    self.trail_to(Step::Key(document.text(key).unwrap_or_default())),
                    value,
                    None,
                )
            }));
        }
        if !has_merge {
            return Ok(None);
        }
        Ok(self.merged(name).map(|(value, detour)| {
            let step = Step::Other(Segment::from(name));
            self.child(self.trail_to(step), value, Some(detour))
        }))
    }

    /// Goes down several keys; none where one of them is missing.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(super) fn keys(&self, names: &[&str]) -> Result<Option<Self>, Refusal> {
        let mut place: Option<Self> = None;
        for name in names {
            match place.as_ref().unwrap_or(self).key(name)? {
                Some(next) => place = Some(next),
                None => return Ok(None),
            }
        }
        Ok(Some(place.unwrap_or_else(|| self.clone())))
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
                Segment::Item { key, value } => place.item_with(key, value)?,
                Segment::Index(index) => place.items().into_iter().nth(*index),
                Segment::Document => place.enter(),
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
        self.items_that(|_| true)
    }

    /// Returns the items of a list that have a text under a key, and those of which only the whole
    /// item tells: with the key twice, or with a merge key.
    pub(super) fn items_that_may_have(&self, key: &str, value: &str) -> Vec<Self> {
        let document = self.document;
        self.items_that(|item| {
            let mut values = Vec::new();
            for (name, found) in document.entries(item) {
                match document.text(name) {
                    Some("<<") => return true,
                    Some(name) if name == key => values.push(found),
                    _ => {}
                }
            }
            match values.as_slice() {
                [] => false,
                [only] => document.unrendered(self.view.file.text(), *only) == Some(value),
                _ => true,
            }
        })
    }

    fn items_that(&self, is_wanted: impl Fn(NodeId) -> bool) -> Vec<Self> {
        let document = self.document;
        let wanted: Vec<(usize, NodeId)> = document
            .items(self.node)
            .enumerate()
            .filter(|(_, item)| is_wanted(*item))
            .collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let name_of = |item: NodeId| {
            let name = document.get(item, "name")?;
            document.text(name).filter(|name| !is_null(name))
        };
        let mut names: Vec<&str> = document.items(self.node).filter_map(name_of).collect();
        names.sort_unstable();
        let is_once = |name: &str| {
            let first = names.partition_point(|other| *other < name);
            names.get(first + 1) != Some(&name)
        };
        wanted
            .into_iter()
            .map(|(index, item)| {
                let step = match name_of(item) {
                    Some(name) if is_once(name) => Step::Named(name),
                    _ => Step::Other(Segment::Index(index)),
                };
                Self {
                    index: Some(index),
                    ..self.child(self.trail.then(step), item, None)
                }
            })
            .collect()
    }

    /// Goes to the one item of a list that has a text under a key; none where no item has.
    ///
    /// # Errors
    /// Several items have it, or one has the key twice.
    pub(super) fn item_with(&self, key: &str, value: &str) -> Result<Option<Self>, Refusal> {
        let mut found: Option<Self> = None;
        for item in self.items_that_may_have(key, value) {
            if item.key(key)?.and_then(|place| place.text()) != Some(value) {
                continue;
            }
            if let Some(first) = found {
                let (first, second) = (first.line(), item.line());
                let reason = format!(
                    "`{}` of {} has two items with `{key}: {value}`, on lines {first} and {second}, \
                     expected one",
                    self.target(),
                    self.view.reference()
                );
                return Err(item.refusal(reason).hint("remove one of the two"));
            }
            let step = Step::Other(Segment::Item {
                key: key.to_owned(),
                value: value.to_owned(),
            });
            let trail = self.trail.then(step);
            found = Some(Self { trail, ..item });
        }
        Ok(found)
    }

    /// Goes into the document that is written as a literal block scalar (`|`) here; none where there
    /// is no such text, or it is no mapping or list.
    pub(super) fn enter(&self) -> Option<Self> {
        let document = self.document.text_as_document(self.node)?;
        let mut texts = self.texts.clone();
        texts.push(self.node);
        Some(Self {
            view: self.view,
            document,
            texts,
            node: document.root(),
            key_node: None,
            trail: self.trail.then(Step::Other(Segment::Document)),
            index: None,
            templated: self.templated,
            in_flow: false,
            detour: self.detour,
        })
    }

    /// Returns the pairs of a mapping of texts, those of merge keys too.
    pub(super) fn texts(&self) -> HashMap<&'a str, &'a str> {
        let document = self.document;
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

    /// Returns the way to a key. The item of a list is not known by a text that may change there.
    fn trail_to(&self, step: Step<'a>) -> Trail<'a> {
        let name = match &step {
            Step::Key(name) => name,
            Step::Other(Segment::Key(name)) => name.as_str(),
            Step::Named(_) | Step::Other(_) => return self.trail.then(step),
        };
        match (self.trail.last(), self.index) {
            (Some((item, before)), Some(index)) if item.is_item_by(name) => {
                before.then(Step::Other(Segment::Index(index))).then(step)
            }
            _ => self.trail.then(step),
        }
    }

    fn child(&self, trail: Trail<'a>, node: NodeId, detour: Option<Detour>) -> Self {
        let document = self.document;
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
            document,
            texts: self.texts.clone(),
            node,
            key_node: None,
            trail,
            index: None,
            templated: self.templated,
            in_flow,
            detour: self.detour.or(alias).or(detour),
        }
    }

    fn merged(&self, name: &str) -> Option<(NodeId, Detour)> {
        let document = self.document;
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
        let document = self.document;
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
