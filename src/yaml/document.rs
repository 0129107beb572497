//! One document as a flat list of nodes with byte spans.

use std::{ops::Range, sync::Arc};

use super::node::{AS_WRITTEN, Node, Stored, narrow, wide};

/// Index of a node in its document. Nodes are numbered in the order in which they are written.
pub type NodeId = usize;

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl ScalarStyle {
    /// Is it a block scalar, `|` or `>`?
    pub fn is_block(self) -> bool {
        matches!(self, Self::Literal | Self::Folded)
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A text.
    Scalar {
        /// How it is written.
        style: ScalarStyle,
    },
    /// `key: value` pairs.
    Mapping {
        /// Written as `{…}`.
        flow: bool,
    },
    /// A list.
    Sequence {
        /// Written as `[…]`.
        flow: bool,
    },
    /// `*name`: the node that it stands for.
    Alias {
        /// The anchored node.
        target: NodeId,
    },
}

/// One YAML document.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) text: Arc<String>,
    /// What is added to a place in `text` to get the place in the file.
    pub(super) offset: usize,
    pub(super) nodes: Vec<Node>,
    /// Values that had escapes, folds or indentation.
    pub(super) decoded: Vec<Box<str>>,
    pub(super) tags: Vec<(NodeId, Box<str>)>,
    /// Was it read as one of the usual style?
    pub(super) usual: bool,
    /// The column of each node, where a line has so many that each must not count from its start.
    columns: Vec<u32>,
}

/// How many nodes on one line may each count the characters before them.
const CROWDED: usize = 200;

impl Document {
    /// Makes a document of its nodes.
    pub(super) fn new(
        (text, offset): (Arc<String>, usize),
        nodes: Vec<Node>,
        decoded: Vec<Box<str>>,
        tags: Vec<(NodeId, Box<str>)>,
    ) -> Self {
        let mut document = Self {
            text,
            offset,
            nodes,
            decoded,
            tags,
            usual: false,
            columns: Vec::new(),
        };
        let lines = document
            .nodes
            .chunk_by(|one, other| one.line() == other.line());
        if lines.map(<[Node]>::len).any(|count| count > CROWDED) {
            document.columns = document.all_columns();
        }
        document
    }

    /// Returns the column of each node; they are in the order in which they are written.
    fn all_columns(&self) -> Vec<u32> {
        let mut columns: Vec<u32> = Vec::with_capacity(self.nodes.len());
        let mut last: Option<(&Node, usize)> = None;
        for (id, node) in self.nodes.iter().enumerate() {
            let column = match last {
                Some((before, column))
                    if before.line() == node.line() && before.start <= node.start =>
                {
                    let from = wide(before.start) - self.offset;
                    column + self.characters_before(id, from)
                }
                _ => self.characters_before(id, 0) + 1,
            };
            last = Some((node, column));
            columns.push(narrow(column));
        }
        columns
    }

    /// Returns the text that the document was read from, and what is added to a place in it to get
    /// the place in the file.
    pub fn source(&self) -> (&Arc<String>, usize) {
        (&self.text, self.offset)
    }

    /// Returns the outermost node.
    pub fn root(&self) -> NodeId {
        0
    }

    /// Returns the number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Has the document no node? Never true for a document that was parsed.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns what a node is.
    #[inline]
    pub fn kind(&self, id: NodeId) -> NodeKind {
        let scalar = |style| NodeKind::Scalar { style };
        match self.nodes[id].kind() {
            Stored::Plain => scalar(ScalarStyle::Plain),
            Stored::SingleQuoted => scalar(ScalarStyle::SingleQuoted),
            Stored::DoubleQuoted => scalar(ScalarStyle::DoubleQuoted),
            Stored::Literal => scalar(ScalarStyle::Literal),
            Stored::Folded => scalar(ScalarStyle::Folded),
            Stored::BlockMapping => NodeKind::Mapping { flow: false },
            Stored::FlowMapping => NodeKind::Mapping { flow: true },
            Stored::BlockSequence => NodeKind::Sequence { flow: false },
            Stored::FlowSequence => NodeKind::Sequence { flow: true },
            Stored::Alias => NodeKind::Alias {
                target: wide(self.nodes[id].extra),
            },
        }
    }

    /// Returns the byte range in the file: for scalars exactly the scalar's own bytes including its
    /// quotes, without anchor, tag or comment. For an empty (null) node an empty range.
    pub fn span(&self, id: NodeId) -> Range<usize> {
        let node = &self.nodes[id];
        wide(node.start)..wide(node.end)
    }

    /// Returns the bytes of a node as they are written.
    pub fn written(&self, id: NodeId) -> &str {
        let span = self.span(id);
        self.text
            .get(span.start - self.offset..span.end - self.offset)
            .unwrap_or_default()
    }

    /// Returns the 1-based line on which a node begins.
    pub fn line(&self, id: NodeId) -> usize {
        wide(self.nodes[id].line())
    }

    /// Returns the 1-based column at which a node begins, in characters.
    pub fn column(&self, id: NodeId) -> usize {
        match self.columns.get(id) {
            Some(column) => wide(*column),
            None => self.characters_before(id, 0) + 1,
        }
    }

    /// Counts the characters between a place, or the start of the node's line if that is nearer, and
    /// a node.
    fn characters_before(&self, id: NodeId, from: usize) -> usize {
        let before = self.text.get(from..self.span(id).start - self.offset);
        let before = before.unwrap_or_default();
        let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let line = before.get(line..).unwrap_or_default();
        line.trim_start_matches('\u{feff}').chars().count()
    }

    /// Is there an anchor (`&name`) on it?
    pub fn is_anchored(&self, id: NodeId) -> bool {
        self.nodes[id].is_anchored()
    }

    /// Returns the tag of a node as it is written (`!!str`), if any.
    pub fn tag(&self, id: NodeId) -> Option<&str> {
        if !self.nodes[id].is_tagged() {
            return None;
        }
        let index = self.tags.binary_search_by_key(&id, |(node, _)| *node);
        self.tags.get(index.ok()?).map(|(_, tag)| tag.as_ref())
    }

    /// Returns the last node that is written inside a node; the node itself for a scalar. All nodes
    /// between the two are inside.
    pub fn last_inside(&self, id: NodeId) -> NodeId {
        wide(self.nodes[id].after) - 1
    }

    /// Follows an alias to the node it stands for; any other node is returned as it is.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.kind(id) {
            NodeKind::Alias { target } => target,
            _ => id,
        }
    }

    /// Returns the decoded text of a scalar, through an alias too.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        self.value(self.resolve(id))
    }

    /// Returns the decoded text of a scalar that is written here; none for an alias.
    pub fn value(&self, id: NodeId) -> Option<&str> {
        let NodeKind::Scalar { style } = self.kind(id) else {
            return None;
        };
        match self.nodes[id].extra {
            AS_WRITTEN => Some(without_quotes(self.written(id), style)),
            index => self.decoded.get(wide(index)).map(AsRef::as_ref),
        }
    }

    /// Returns the pairs of a mapping in the order in which they are written, through an alias too;
    /// none for anything else.
    pub fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let id = self.resolve(id);
        let is_mapping = matches!(self.kind(id), NodeKind::Mapping { .. });
        let mut children = self.children(id, is_mapping);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// Returns the items of a sequence, through an alias too; none for anything else.
    pub fn items(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let id = self.resolve(id);
        self.children(id, matches!(self.kind(id), NodeKind::Sequence { .. }))
    }

    /// Returns the value of `key` in a mapping; of duplicate keys the last, as Kubernetes reads it.
    pub fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.entries(id)
            .filter(|(name, _)| self.text(*name) == Some(key))
            .last()
            .map(|(_, value)| value)
    }

    fn children(&self, id: NodeId, has_any: bool) -> impl Iterator<Item = NodeId> + '_ {
        let end = if has_any {
            wide(self.nodes[id].after)
        } else {
            0
        };
        let mut next = id + 1;
        std::iter::from_fn(move || {
            let child = next;
            if child >= end {
                return None;
            }
            next = wide(self.nodes[child].after);
            Some(child)
        })
    }
}

pub(super) fn without_quotes(written: &str, style: ScalarStyle) -> &str {
    match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => written
            .get(1..written.len().saturating_sub(1))
            .unwrap_or_default(),
        _ => written,
    }
}
