//! The parser: bytes to documents. The only file that knows the parser crate.

use std::{collections::HashMap, ops::Range, sync::Arc};

use granit_parser::{Event, Options, Parser, ScalarStyle as ParserStyle, Span, StructureStyle};

use super::{
    document::{Document, NodeId, ScalarStyle, without_quotes},
    limits::{Limits, YamlError},
    node::{Node, Stored, gathered, narrow, wide},
    usual,
};

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
    if let Some(found) = usual::documents(part, limits) {
        return Ok(found);
    }
    parsed(part, limits)
}

/// Parses with the parser, whatever the style.
pub(super) fn parsed(part: &Part, limits: &Limits) -> Result<Vec<Document>, YamlError> {
    let text = &part.text[part.range.clone()];
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
                let nodes = gathered(&mut self.nodes);
                return Ok((!nodes.is_empty()).then(|| {
                    Document::new(
                        (self.part.text.clone(), self.part.offset),
                        nodes,
                        std::mem::take(&mut self.decoded),
                        std::mem::take(&mut self.tags),
                    )
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
        let place = (before + range.start, before + range.end);
        let line = span.start.line() + self.part.lines_before;
        let node = Node::new(kind, place, line, id + 1);
        self.nodes
            .push(node.anchored(anchor != 0).tagged(tag.is_some()));
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
