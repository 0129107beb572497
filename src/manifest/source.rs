//! One file: its bytes checked, its documents parsed, its objects found.

use std::ops::Range;

use super::{
    SourceFile, object,
    object::Object,
    split::{self, Chunk},
    template,
    types::Refusal,
};
use crate::yaml::{Document, Limits, YamlError, documents};

/// A file that was read.
#[derive(Debug)]
pub(super) struct ParsedFile {
    /// The file as it came.
    pub source: SourceFile,
    /// Its documents; their positions count from the start of the file.
    pub documents: Vec<Document>,
    /// The parts that are Helm templates: texts that only become YAML when they are rendered.
    pub templates: Vec<Template>,
    /// The objects in its documents.
    pub objects: Vec<Object>,
}

/// A part of a file that is a Helm template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    /// 1-based line on which it begins.
    pub line: usize,
    /// Its bytes.
    pub range: Range<usize>,
}

impl ParsedFile {
    /// Reads a file.
    pub(super) fn parse(source: SourceFile) -> Result<Self, Refusal> {
        let text = checked_text(&source)?;
        let mut read = Vec::new();
        let mut templates = Vec::new();
        for chunk in split::chunks(text) {
            match documents_of(text, &chunk) {
                Ok(Some(found)) => read.extend(found),
                Ok(None) => templates.push(Template {
                    line: chunk.lines_before + 1,
                    range: chunk.range,
                }),
                Err(error) => {
                    let reason = format!("is not readable as YAML: {}", error.message);
                    return Err(Refusal::new(reason)
                        .at(&source.path, error.line)
                        .hint("mend the YAML, or leave the file out of the files to edit"));
                }
            }
        }
        let mut objects = Vec::new();
        for (index, document) in read.iter().enumerate() {
            object::find(document, index, &mut objects);
        }
        Ok(Self {
            source,
            documents: read,
            templates,
            objects,
        })
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.source.bytes).expect("checked when the file was parsed")
    }
}

/// Parses one chunk of a file; none where it is a Helm template.
fn documents_of(text: &str, chunk: &Chunk) -> Result<Option<Vec<Document>>, YamlError> {
    let content = &text[chunk.range.clone()];
    match documents(content, &Limits::MANIFEST) {
        Ok(found) => {
            let is_template = found
                .iter()
                .any(|document| template::in_document(document, content));
            let placed = found
                .into_iter()
                .map(|document| document.shifted(chunk.range.start, chunk.lines_before));
            Ok((!is_template).then(|| placed.collect()))
        }
        Err(_) if template::in_text(content) => Ok(None),
        Err(mut error) => {
            error.line += chunk.lines_before;
            Err(error)
        }
    }
}

fn checked_text(source: &SourceFile) -> Result<&str, Refusal> {
    let SourceFile { path, bytes } = source;
    let limit = Limits::MANIFEST.bytes;
    if bytes.len() > limit {
        let reason = format!(
            "is {} bytes long, expected at most {limit} bytes",
            bytes.len()
        );
        return Err(Refusal::new(reason)
            .at(path, 1)
            .hint("leave the file out of the files to edit, or split it"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Refusal::new("is UTF-16, expected UTF-8")
            .at(path, 1)
            .hint("save the file as UTF-8"));
    }
    let line_at = |offset: usize| {
        let breaks = bytes[..offset].iter().filter(|byte| **byte == b'\n');
        breaks.count() + 1
    };
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Refusal::new("holds a NUL byte, expected a text")
            .at(path, line_at(offset))
            .hint("leave the file out of the files to edit, or remove the byte"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let reason = format!("holds the byte 0x{:02X}, expected UTF-8", bytes[offset]);
        Refusal::new(reason)
            .at(path, line_at(offset))
            .hint("save the file as UTF-8")
    })
}
