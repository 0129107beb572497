//! One document as a flat list of nodes with byte spans. The only file that knows the parser crate.

use std::{collections::HashMap, fmt, ops::Range, sync::Arc};

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

/// One node: 28 bytes, so that reading a large file costs little more than its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node {
    /// Byte range in the file.
    start: u32,
    end: u32,
    /// 1-based line and column, the latter in characters.
    line: u32,
    column: u32,
    /// The first node that is not inside this one.
    after: u32,
    /// Of an alias its target; of a scalar whose value is not its bytes the index of the value.
    extra: u32,
    kind: Stored,
    anchored: bool,
    tagged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
    BlockMapping,
    FlowMapping,
    BlockSequence,
    FlowSequence,
    Alias,
}

/// Marks a scalar whose value is what stands there, between its quotes.
const AS_WRITTEN: u32 = u32::MAX;

/// One YAML document.
#[derive(Debug, Clone)]
pub struct Document {
    text: Arc<String>,
    /// What is added to a place in `text` to get the place in the file.
    offset: usize,
    nodes: Vec<Node>,
    /// Values that had escapes, folds or indentation.
    decoded: Vec<Box<str>>,
    tags: Vec<(NodeId, Box<str>)>,
}

impl Document {
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
    pub fn kind(&self, id: NodeId) -> NodeKind {
        let scalar = |style| NodeKind::Scalar { style };
        match self.nodes[id].kind {
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
        wide(self.nodes[id].line)
    }

    /// Returns the 1-based column at which a node begins, in characters.
    pub fn column(&self, id: NodeId) -> usize {
        wide(self.nodes[id].column)
    }

    /// Is there an anchor (`&name`) on it?
    pub fn is_anchored(&self, id: NodeId) -> bool {
        self.nodes[id].anchored
    }

    /// Returns the tag of a node as it is written (`!!str`), if any.
    pub fn tag(&self, id: NodeId) -> Option<&str> {
        if !self.nodes[id].tagged {
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

fn without_quotes(written: &str, style: ScalarStyle) -> &str {
    match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => written
            .get(1..written.len().saturating_sub(1))
            .unwrap_or_default(),
        _ => written,
    }
}

/// A part of a file that is parsed by itself.
#[derive(Debug, Clone)]
pub struct Part {
    /// The text; positions in it are positions in the file less `offset`.
    pub text: Arc<String>,
    /// The bytes of `text` to parse.
    pub range: Range<usize>,
    /// What stands in the file before `text`, in bytes.
    pub offset: usize,
    /// Lines of the file before the range.
    pub lines_before: usize,
}

/// Parses all documents of a text.
///
/// Spans count bytes of `text`; a byte-order mark at the start is allowed and counted.
///
/// # Errors
/// Not YAML, or over a limit; the first problem with its line and column.
pub fn documents(text: &str, limits: &Limits) -> Result<Vec<Document>, YamlError> {
    documents_of(
        &Part {
            range: 0..text.len(),
            text: Arc::new(text.to_owned()),
            offset: 0,
            lines_before: 0,
        },
        limits,
    )
}

/// Parses all documents of a part of a file; their positions are those in the file.
///
/// # Errors
/// As [`documents`].
pub fn documents_of(part: &Part, limits: &Limits) -> Result<Vec<Document>, YamlError> {
    let text = &part.text[part.range.clone()];
    let most = limits.bytes.min(wide(u32::MAX) - 1);
    if part.offset + part.range.end > most {
        return Err(YamlError {
            line: 1,
            column: 1,
            message: format!(
                "{} bytes are more than the limit of {most} bytes",
                part.offset + part.range.end
            ),
        });
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = limits.depth;
    options.block_nesting_limit = limits.depth;
    let mut builder = Builder::new(part, limits);
    let mut found = Vec::new();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| YamlError {
            line: error.marker().line() + part.lines_before,
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
    anchor: usize,
}

struct Builder<'a> {
    part: &'a Part,
    limits: &'a Limits,
    nodes: Vec<Node>,
    decoded: Vec<Box<str>>,
    tags: Vec<(NodeId, Box<str>)>,
    open: Vec<Open>,
    anchors: HashMap<usize, NodeId>,
}

impl<'a> Builder<'a> {
    fn new(part: &'a Part, limits: &'a Limits) -> Self {
        Self {
            part,
            limits,
            nodes: Vec::new(),
            decoded: Vec::new(),
            tags: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
        }
    }

    /// Takes one event; returns the document that it completes.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<Option<Document>, YamlError> {
        match event {
            Event::DocumentStart(..) => {
                self.nodes.clear();
                self.decoded.clear();
                self.tags.clear();
                self.open.clear();
                self.anchors.clear();
            }
            Event::DocumentEnd => {
                let mut nodes = std::mem::take(&mut self.nodes);
                // A list that grew by doubling may be half empty, and a large file is one list.
                nodes.shrink_to_fit();
                return Ok((!nodes.is_empty()).then(|| Document {
                    text: self.part.text.clone(),
                    offset: self.part.offset,
                    nodes,
                    decoded: std::mem::take(&mut self.decoded),
                    tags: std::mem::take(&mut self.tags),
                }));
            }
            Event::Scalar(value, style, anchor, tag) => {
                let (kind, style) = match style {
                    ParserStyle::Plain => (Stored::Plain, ScalarStyle::Plain),
                    ParserStyle::SingleQuoted => (Stored::SingleQuoted, ScalarStyle::SingleQuoted),
                    ParserStyle::DoubleQuoted => (Stored::DoubleQuoted, ScalarStyle::DoubleQuoted),
                    ParserStyle::Literal => (Stored::Literal, ScalarStyle::Literal),
                    ParserStyle::Folded => (Stored::Folded, ScalarStyle::Folded),
                };
                let id = self.add(kind, span, anchor, tag.map(|tag| tag.original()))?;
                if without_quotes(self.written(id), style) != value {
                    self.nodes[id].extra = narrow(self.decoded.len());
                    self.decoded.push(value.into_owned().into_boxed_str());
                }
            }
            Event::SequenceStart(style, anchor, tag) => {
                let kind = match style {
                    StructureStyle::Flow => Stored::FlowSequence,
                    StructureStyle::Block => Stored::BlockSequence,
                };
                let node = self.add(kind, span, anchor, tag.map(|tag| tag.original()))?;
                self.open.push(Open { node, anchor });
            }
            Event::MappingStart(style, anchor, tag) => {
                let kind = match style {
                    StructureStyle::Flow => Stored::FlowMapping,
                    StructureStyle::Block => Stored::BlockMapping,
                };
                let node = self.add(kind, span, anchor, tag.map(|tag| tag.original()))?;
                self.open.push(Open { node, anchor });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let after = narrow(self.nodes.len());
                if let (Some(closed), Some(end)) = (self.open.pop(), span.byte_range()) {
                    let end = narrow(self.part.offset + self.part.range.start + end.end);
                    self.nodes[closed.node].end = end;
                    self.nodes[closed.node].after = after;
                }
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                let inside = self.open.iter().any(|open| open.anchor == anchor);
                let Some(target) = target.filter(|_| !inside) else {
                    return Err(
                        self.error_at(span, "this alias stands for the collection it is in")
                    );
                };
                let id = self.add(Stored::Alias, span, 0, None)?;
                self.nodes[id].extra = narrow(target);
            }
            // Stream marks and events that our options do not ask for.
            _ => {}
        }
        Ok(None)
    }

    fn add(
        &mut self,
        kind: Stored,
        span: &Span,
        anchor: usize,
        tag: Option<String>,
    ) -> Result<NodeId, YamlError> {
        if self.nodes.len() >= self.limits.nodes {
            let message = format!("more than {} values", self.limits.nodes);
            return Err(self.error_at(span, &message));
        }
        if self.open.len() >= self.limits.depth {
            let message = format!("nested deeper than {} levels", self.limits.depth);
            return Err(self.error_at(span, &message));
        }
        let Some(range) = span.byte_range() else {
            return Err(self.error_at(span, "the parser gave no byte position"));
        };
        let id = self.nodes.len();
        let before = self.part.offset + self.part.range.start;
        self.nodes.push(Node {
            start: narrow(before + range.start),
            end: narrow(before + range.end),
            line: narrow(span.start.line() + self.part.lines_before),
            column: narrow(span.start.col() + 1),
            after: narrow(id + 1),
            extra: AS_WRITTEN,
            kind,
            anchored: anchor != 0,
            tagged: tag.is_some(),
        });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        if let Some(tag) = tag {
            self.tags.push((id, tag.into_boxed_str()));
        }
        Ok(id)
    }

    fn written(&self, id: NodeId) -> &str {
        let node = &self.nodes[id];
        let offset = self.part.offset;
        self.part
            .text
            .get(wide(node.start) - offset..wide(node.end) - offset)
            .unwrap_or_default()
    }

    fn error_at(&self, span: &Span, message: &str) -> YamlError {
        YamlError {
            line: span.start.line() + self.part.lines_before,
            column: span.start.col() + 1,
            message: message.to_owned(),
        }
    }
}

/// A position or count that the limits keep small.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("the limits keep positions and counts below 4 Gi")
}

fn wide(number: u32) -> usize {
    usize::try_from(number).expect("positions fit where there are at least 32 bits")
}
