//! What is in one part of a file: its documents and objects, or why they cannot be read.

use std::{
    ops::{Deref, Range},
    sync::{Arc, OnceLock},
};

use super::{
    object::{self, Object},
    scalar::Quote,
    split::{self, Chunk},
    template,
};
use crate::yaml::{self, Document, Limits, NodeId, NodeKind, Part, ScalarStyle, YamlError};

/// One part of a file, parsed.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Its documents; their positions are those in the file.
    pub documents: Vec<ParsedDocument>,
    /// The objects in its documents.
    pub objects: Vec<Object>,
    /// Why there are no documents, where they cannot be read.
    pub problem: Option<Problem>,
}

/// Why a part of a file cannot be read.
#[derive(Debug, Clone)]
pub(super) enum Problem {
    /// It is a Helm template: it only becomes YAML when it is rendered.
    Template {
        /// 1-based line on which it begins.
        line: usize,
    },
    /// It is not YAML, or over a limit.
    Unreadable(YamlError),
}

impl Content {
    /// Parses a part of a file.
    pub(super) fn read(text: &Arc<String>, chunk: &Chunk, path: &str) -> Self {
        let part = Part {
            text: text.clone(),
            range: chunk.range.clone(),
            offset: 0,
            lines_before: chunk.lines_before,
        };
        let template = Problem::Template {
            line: chunk.lines_before + 1,
        };
        let problem = match yaml::documents_of(&part, &Limits::MANIFEST) {
            Ok(found) if found.iter().any(template::in_document) => template,
            Ok(found) => return Self::of(found, path),
            Err(_) if template::in_text(&text[chunk.range.clone()]) => template,
            Err(error) => Problem::Unreadable(error),
        };
        Self {
            problem: Some(problem),
            ..Self::default()
        }
    }

    fn of(found: Vec<Document>, path: &str) -> Self {
        let documents: Vec<ParsedDocument> = found.into_iter().map(ParsedDocument::of).collect();
        let mut objects = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            object::find(document, index, path, &mut objects);
        }
        Self {
            documents,
            objects,
            problem: None,
        }
    }
}

/// A document and what was noted about it while it was read.
#[derive(Debug)]
pub(super) struct ParsedDocument {
    document: Document,
    /// Its aliases.
    pub aliases: Vec<NodeId>,
    /// Its literal block scalars, and the document that each of them is, once asked for.
    texts: Vec<(NodeId, OnceLock<Option<Box<Self>>>)>,
    quote: OnceLock<Quote>,
}

impl Deref for ParsedDocument {
    type Target = Document;

    fn deref(&self) -> &Document {
        &self.document
    }
}

impl ParsedDocument {
    fn of(document: Document) -> Self {
        let mut aliases = Vec::new();
        let mut texts = Vec::new();
        for id in 0..document.len() {
            match document.kind(id) {
                NodeKind::Alias { .. } => aliases.push(id),
                NodeKind::Scalar {
                    style: ScalarStyle::Literal,
                } => texts.push((id, OnceLock::new())),
                _ => {}
            }
        }
        Self {
            document,
            aliases,
            texts,
            quote: OnceLock::new(),
        }
    }

    /// Returns what the document quotes with.
    pub(super) fn quote(&self) -> Quote {
        *self.quote.get_or_init(|| Quote::usual(&self.document))
    }

    /// Returns the document that a literal block scalar is, parsed where it stands: its positions are
    /// those in the file. None where the scalar is no such text.
    pub(super) fn text_as_document(&self, id: NodeId) -> Option<&Self> {
        let index = self.texts.binary_search_by_key(&id, |(node, _)| *node);
        let (_, parsed) = self.texts.get(index.ok()?)?;
        parsed
            .get_or_init(|| self.parse_text(id).map(Box::new))
            .as_deref()
    }

    fn parse_text(&self, id: NodeId) -> Option<Self> {
        let (text, offset) = self.document.source();
        let range = literal_lines(&text[..], self.document.span(id).start - offset)?;
        let lines_before = self.document.line(id) - 1;
        let part = Part {
            text: text.clone(),
            range,
            offset,
            lines_before,
        };
        let mut found = yaml::documents_of(&part, &Limits::MANIFEST).ok()?;
        let document = found.pop()?;
        let whole = found.is_empty() && document.value(document.root()).is_none();
        whole.then(|| Self::of(document))
    }
}

/// Returns the lines of a literal block scalar whose first text stands at `start`, without the blank
/// lines after the last text. None where the header fixes the indentation, so that a first line
/// that stands deeper would be read as another one.
fn literal_lines(text: &str, start: usize) -> Option<Range<usize>> {
    let first = text[..start].rfind(['\n', '\r'])? + 1;
    let indent = &text[first..start];
    let header = text[..first].trim_end();
    let header = header[header.rfind(['\n', '\r']).map_or(0, |at| at + 1)..]
        .split(" #")
        .next()?;
    let mark = header.trim_end().trim_end_matches(['+', '-']);
    if !mark.ends_with('|') || !indent.bytes().all(|byte| byte == b' ') {
        return None;
    }
    let mut end = first;
    for line in split::lines(&text[first..]) {
        let content = &text[first + line.start..first + line.end];
        if content.starts_with(indent) && !content.trim().is_empty() {
            end = first + line.end;
        } else if !content.trim().is_empty() {
            break;
        }
    }
    let line_break = &text[end..];
    let width = if line_break.starts_with("\r\n") {
        2
    } else {
        usize::from(line_break.starts_with(['\n', '\r']))
    };
    Some(first..end + width)
}
