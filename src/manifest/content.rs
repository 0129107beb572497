//! What is in one part of a file: its documents and objects, or why they cannot be read.

use std::{
    ops::{Deref, Range},
    sync::{Arc, OnceLock},
};

use super::{
    mask::{Masked, mask},
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
    /// Why not all of it is known.
    pub problem: Option<Problem>,
    /// What only rendering decides, where the documents are those of a Helm template.
    holes: Option<Arc<Holes>>,
}

/// Why what is in a part of a file is not known, or not all of it.
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

/// What only rendering decides in a part of a file.
#[derive(Debug)]
struct Holes {
    masked: Masked,
    /// Where the part begins in the file.
    start: usize,
}

impl Content {
    /// Parses a part of a file. A Helm template is read with its actions masked.
    pub(super) fn read(text: &Arc<String>, chunk: &Chunk, path: &str) -> Self {
        let part = Part {
            text: text.clone(),
            range: chunk.range.clone(),
            offset: 0,
            lines_before: chunk.lines_before,
        };
        match yaml::documents_of(&part, &Limits::MANIFEST) {
            Ok(found)
                if template::may_be_in(&text[chunk.range.clone()])
                    && found.iter().any(template::in_document) =>
            {
                Self::of_template(text, chunk, path)
            }
            Ok(found) => Self::of(found, (text, path), None),
            Err(_) if template::in_text(&text[chunk.range.clone()]) => {
                Self::of_template(text, chunk, path)
            }
            Err(error) => Self {
                problem: Some(Problem::Unreadable(error)),
                ..Self::default()
            },
        }
    }

    fn of_template(file: &str, chunk: &Chunk, path: &str) -> Self {
        let text = &file[chunk.range.clone()];
        let problem = Some(Problem::Template {
            line: chunk.lines_before + 1,
        });
        let read = || {
            let masked = mask(text)?;
            let part = Part {
                text: Arc::new(masked.text.clone()),
                range: 0..text.len(),
                offset: chunk.range.start,
                lines_before: chunk.lines_before,
            };
            let found = yaml::documents_of(&part, &Limits::MANIFEST).ok()?;
            let start = chunk.range.start;
            let holes = Arc::new(Holes { masked, start });
            Some(Self::of(found, (file, path), Some(&holes)))
        };
        Self {
            problem,
            ..read().unwrap_or_default()
        }
    }

    fn of(found: Vec<Document>, (file, path): (&str, &str), holes: Option<&Arc<Holes>>) -> Self {
        let documents: Vec<ParsedDocument> = found
            .into_iter()
            .map(|document| ParsedDocument::of(document, holes))
            .collect();
        let mut objects = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            object::find(document, index, (file, path), &mut objects);
        }
        Self {
            documents,
            objects,
            problem: None,
            holes: holes.cloned(),
        }
    }

    /// Returns what only rendering decides, in bytes of the file: all of it where nothing could be
    /// read.
    pub(super) fn hidden(&self, whole: Range<usize>) -> Vec<Range<usize>> {
        match (&self.holes, &self.problem) {
            (Some(holes), _) => holes.ranges().collect(),
            (None, Some(_)) => vec![whole],
            (None, None) => Vec::new(),
        }
    }
}

impl Holes {
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let holes = self.masked.holes.iter();
        holes.map(|hole| hole.start + self.start..hole.end + self.start)
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
    quote: Quote,
    holes: Option<Arc<Holes>>,
}

impl Deref for ParsedDocument {
    type Target = Document;

    fn deref(&self) -> &Document {
        &self.document
    }
}

impl ParsedDocument {
    fn of(document: Document, holes: Option<&Arc<Holes>>) -> Self {
        let (mut of_aliases, mut of_texts, mut single, mut double) = (0, 0, 0, 0);
        for id in 0..document.len() {
            match document.kind(id) {
                NodeKind::Alias { .. } => of_aliases += 1,
                NodeKind::Scalar { style } => match style {
                    ScalarStyle::Literal => of_texts += 1,
                    ScalarStyle::SingleQuoted => single += 1,
                    ScalarStyle::DoubleQuoted => double += 1,
                    ScalarStyle::Plain | ScalarStyle::Folded => {}
                },
                NodeKind::Mapping { .. } | NodeKind::Sequence { .. } => {}
            }
        }
        // Each list is made in the size that it has: one that grows leaves its smaller ones behind.
        let mut aliases = Vec::with_capacity(of_aliases);
        let mut texts = Vec::with_capacity(of_texts);
        if of_aliases + of_texts > 0 {
            for id in 0..document.len() {
                match document.kind(id) {
                    NodeKind::Alias { .. } => aliases.push(id),
                    NodeKind::Scalar {
                        style: ScalarStyle::Literal,
                    } => texts.push((id, OnceLock::new())),
                    _ => {}
                }
            }
        }
        Self {
            quote: Quote::most(&document, single, double),
            document,
            aliases,
            texts,
            holes: holes.cloned(),
        }
    }

    /// May rendering change what stands at these bytes of the file, or join something to it?
    pub(super) fn is_templated(&self, span: &Range<usize>) -> bool {
        self.holes.as_ref().is_some_and(|holes| {
            let start = holes.start;
            holes
                .masked
                .touches(&(span.start - start..span.end - start))
        })
    }

    /// May rendering write something into a mapping or list, or behind its last child?
    pub(super) fn may_grow(&self, collection: NodeId) -> bool {
        let start = self.document.span(collection).start;
        let next = self.document.last_inside(collection) + 1;
        let end = if next < self.document.len() {
            self.document.span(next).start
        } else {
            usize::MAX
        };
        let mut holes = self.holes.iter().flat_map(|holes| holes.ranges());
        holes.any(|hole| hole.end >= start && hole.start < end)
    }

    /// Returns the text of a scalar as the file has it: with its template actions.
    pub(super) fn unrendered<'t>(&'t self, file: &'t str, id: NodeId) -> Option<&'t str> {
        let id = self.document.resolve(id);
        let span = self.document.span(id);
        if self.is_templated(&span) {
            let written = file.get(span)?;
            return Some(written.trim_matches(['"', '\'']));
        }
        self.document.text(id)
    }

    /// Returns what the document quotes with.
    pub(super) fn quote(&self) -> Quote {
        self.quote
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
        whole.then(|| Self::of(document, self.holes.as_ref()))
    }
}

/// Returns the lines of a literal block scalar whose first text stands at `start`, without the empty
/// lines after the last one that is deeper than its indentation. None where the header fixes the indentation, so that a first line
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
        if content.len() > indent.len() && content.starts_with(indent) {
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
