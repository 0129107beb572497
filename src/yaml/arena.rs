//! One document as a flat list of nodes with byte spans. The only file that knows the parser crate.

use std::{collections::HashMap, fmt, ops::Range};

use granit_parser::{Event, Options, Parser, ScalarStyle as ParserStyle, Span, StructureStyle};

/// What an input may cost before it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest input in bytes.
    pub bytes: usize,
    /// Deepest nesting.
    pub depth: usize,
    /// Most nodes in one document.
    pub nodes: usize,
    /// Most aliases that may be followed when values are built.
    pub aliases: usize,
    /// Most bytes of text that following aliases may produce.
    pub expanded_bytes: usize,
}

impl Limits {
    /// Manifests: 16 MiB, depth 200.
    pub const MANIFEST: Self = Self {
        bytes: 16 << 20,
        depth: 200,
        nodes: 1_000_000,
        aliases: 10_000,
        expanded_bytes: 64 << 20,
    };
    /// Policy and configuration: 2 MiB, depth 64, 100 aliases, 4 MiB expanded.
    pub const SETTINGS: Self = Self {
        bytes: 2 << 20,
        depth: 64,
        nodes: 200_000,
        aliases: 100,
        expanded_bytes: 4 << 20,
    };
}

/// Why a text is not readable YAML, with 1-based line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for YamlError {}

/// Index of a node in its document.
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
    /// `|` or `>`
    Block,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A text; the value has its escapes decoded.
    Scalar {
        /// The decoded value.
        value: String,
        /// How it is written.
        style: ScalarStyle,
    },
    /// `key: value` pairs in the order they are written.
    Mapping {
        /// Written as `{…}`.
        flow: bool,
        /// (key, value) pairs.
        entries: Vec<(NodeId, NodeId)>,
    },
    /// A list.
    Sequence {
        /// Written as `[…]`.
        flow: bool,
        /// The items.
        items: Vec<NodeId>,
    },
    /// `*name`: the node that it stands for.
    Alias {
        /// The anchored node.
        target: NodeId,
    },
}

/// One node with the place it is written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Byte range in the whole text: for scalars exactly the scalar's own bytes including its
    /// quotes, without anchor, tag or comment. For an empty (null) node an empty range.
    pub span: Range<usize>,
    /// 1-based line.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// Is there an anchor (`&name`) on it?
    pub anchored: bool,
    /// Its tag as written (`!!str`), if any.
    pub tag: Option<String>,
}

/// One YAML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    nodes: Vec<Node>,
    root: NodeId,
}

impl Document {
    /// Returns the outermost node.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// Returns one node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// Returns the number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Has the document no node? Never true for a document that was parsed.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Moves every position: for a document that was parsed out of the middle of a text.
    #[must_use]
    pub fn shifted(mut self, bytes: usize, lines: usize) -> Self {
        for node in &mut self.nodes {
            node.span.start += bytes;
            node.span.end += bytes;
            node.line += lines;
        }
        self
    }

    /// Returns the last node that is written inside a node; the node itself for a scalar. Nodes
    /// are numbered in the order in which they are written, so all between the two are inside.
    pub fn last_inside(&self, id: NodeId) -> NodeId {
        let mut last = id;
        loop {
            let child = match &self.nodes[last].kind {
                NodeKind::Mapping { entries, .. } => entries.last().map(|(_, value)| *value),
                NodeKind::Sequence { items, .. } => items.last().copied(),
                NodeKind::Scalar { .. } | NodeKind::Alias { .. } => None,
            };
            match child {
                Some(child) => last = child,
                None => return last,
            }
        }
    }

    /// Follows an alias to the node it stands for; any other node is returned as it is.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.nodes[id].kind {
            NodeKind::Alias { target } => target,
            _ => id,
        }
    }

    /// Returns the scalar's decoded text, through an alias too.
    pub fn text(&self, id: NodeId) -> Option<&str> {
        match &self.nodes[self.resolve(id)].kind {
            NodeKind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Returns the pairs of a mapping, through an alias too; empty for anything else.
    pub fn entries(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match &self.nodes[self.resolve(id)].kind {
            NodeKind::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// Returns the items of a sequence, through an alias too; empty for anything else.
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match &self.nodes[self.resolve(id)].kind {
            NodeKind::Sequence { items, .. } => items,
            _ => &[],
        }
    }

    /// Returns the value of `key` in a mapping; of duplicate keys the last, as Kubernetes reads it.
    pub fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.entries(id)
            .iter()
            .rev()
            .find(|(name, _)| self.text(*name) == Some(key))
            .map(|(_, value)| *value)
    }
}

/// Parses all documents of a text.
///
/// Spans count bytes of `text`; a byte-order mark at the start is allowed and counted.
///
/// # Errors
/// Not YAML, or over a limit; the first problem with its line and column.
pub fn documents(text: &str, limits: &Limits) -> Result<Vec<Document>, YamlError> {
    if text.len() > limits.bytes {
        return Err(YamlError {
            line: 1,
            column: 1,
            message: format!(
                "{} bytes are more than the limit of {} bytes",
                text.len(),
                limits.bytes
            ),
        });
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = limits.depth;
    options.block_nesting_limit = limits.depth;
    let mut builder = Builder::new(limits);
    let mut found = Vec::new();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| YamlError {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            message: error.info(),
        })?;
        if let Some(document) = builder.take(event, &span)? {
            found.push(document);
        }
    }
    Ok(found)
}

/// A collection whose end has not been seen yet.
struct Open {
    node: NodeId,
    /// The key that waits for its value, in a mapping.
    key: Option<NodeId>,
}

struct Builder<'a> {
    limits: &'a Limits,
    nodes: Vec<Node>,
    open: Vec<Open>,
    root: Option<NodeId>,
    anchors: HashMap<usize, NodeId>,
}

impl<'a> Builder<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            nodes: Vec::new(),
            open: Vec::new(),
            root: None,
            anchors: HashMap::new(),
        }
    }

    /// Takes one event; returns the document that it completes.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<Option<Document>, YamlError> {
        match event {
            Event::DocumentStart(..) => {
                self.nodes.clear();
                self.open.clear();
                self.anchors.clear();
                self.root = None;
            }
            Event::DocumentEnd => {
                let nodes = std::mem::take(&mut self.nodes);
                return Ok(self.root.take().map(|root| Document { nodes, root }));
            }
            Event::Scalar(value, style, anchor, tag) => {
                let kind = NodeKind::Scalar {
                    value: value.into_owned(),
                    style: match style {
                        ParserStyle::Plain => ScalarStyle::Plain,
                        ParserStyle::SingleQuoted => ScalarStyle::SingleQuoted,
                        ParserStyle::DoubleQuoted => ScalarStyle::DoubleQuoted,
                        ParserStyle::Literal | ParserStyle::Folded => ScalarStyle::Block,
                    },
                };
                self.add(kind, span, anchor, tag.map(|tag| tag.original()))?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let kind = NodeKind::Sequence {
                    flow: style == StructureStyle::Flow,
                    items: Vec::new(),
                };
                let node = self.add(kind, span, anchor, tag.map(|tag| tag.original()))?;
                self.open.push(Open { node, key: None });
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = NodeKind::Mapping {
                    flow: style == StructureStyle::Flow,
                    entries: Vec::new(),
                };
                let node = self.add(kind, span, anchor, tag.map(|tag| tag.original()))?;
                self.open.push(Open { node, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let (Some(closed), Some(end)) = (self.open.pop(), byte_range(span)) {
                    self.nodes[closed.node].span.end = end.end;
                }
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                let inside =
                    target.is_some_and(|target| self.open.iter().any(|open| open.node == target));
                let Some(target) = target.filter(|_| !inside) else {
                    return Err(error_at(
                        span,
                        "this alias stands for the collection it is in",
                    ));
                };
                self.add(NodeKind::Alias { target }, span, 0, None)?;
            }
            // Stream marks and events that our options do not ask for.
            _ => {}
        }
        Ok(None)
    }

    fn add(
        &mut self,
        kind: NodeKind,
        span: &Span,
        anchor: usize,
        tag: Option<String>,
    ) -> Result<NodeId, YamlError> {
        if self.nodes.len() >= self.limits.nodes {
            return Err(error_at(
                span,
                &format!("more than {} values", self.limits.nodes),
            ));
        }
        if self.open.len() >= self.limits.depth {
            return Err(error_at(
                span,
                &format!("nested deeper than {} levels", self.limits.depth),
            ));
        }
        let Some(range) = byte_range(span) else {
            return Err(error_at(span, "the parser gave no byte position"));
        };
        let id = self.nodes.len();
        self.nodes.push(Node {
            kind,
            span: range,
            line: span.start.line(),
            column: span.start.col() + 1,
            anchored: anchor != 0,
            tag,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(id);
            return Ok(id);
        };
        match &mut self.nodes[parent.node].kind {
            NodeKind::Sequence { items, .. } => items.push(id),
            NodeKind::Mapping { entries, .. } => match parent.key.take() {
                None => parent.key = Some(id),
                Some(key) => entries.push((key, id)),
            },
            NodeKind::Scalar { .. } | NodeKind::Alias { .. } => {}
        }
        Ok(id)
    }
}

fn byte_range(span: &Span) -> Option<Range<usize>> {
    span.byte_range()
}

fn error_at(span: &Span, message: &str) -> YamlError {
    YamlError {
        line: span.start.line(),
        column: span.start.col() + 1,
        message: message.to_owned(),
    }
}
