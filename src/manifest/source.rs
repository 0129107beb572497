//! One file: its bytes checked, its documents parsed, its objects found.

use std::{ops::Range, sync::Arc};

use super::{
    SourceFile, object,
    object::Object,
    split::{self, Chunk},
    template,
    types::Refusal,
};
use crate::yaml::{self, Document, Limits, Part, YamlError};

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
        let shared = Arc::new(text.to_owned());
        for chunk in split::chunks(text) {
            match documents_of(&shared, &chunk) {
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
fn documents_of(text: &Arc<String>, chunk: &Chunk) -> Result<Option<Vec<Document>>, YamlError> {
    let content = &text[chunk.range.clone()];
    let part = Part {
        text: text.clone(),
        range: chunk.range.clone(),
        offset: 0,
        lines_before: chunk.lines_before,
    };
    match yaml::documents_of(&part, &Limits::MANIFEST) {
        Ok(found) => {
            let is_template = found.iter().any(template::in_document);
            Ok((!is_template).then_some(found))
        }
        Err(_) if template::in_text(content) => Ok(None),
        Err(error) => Err(error),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: impl Into<Vec<u8>>) -> Result<ParsedFile, String> {
        let source = SourceFile {
            path: "f.yaml".to_owned(),
            bytes: bytes.into(),
        };
        ParsedFile::parse(source).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn hostile_files_are_refused_each_with_its_own_words() {
        let utf_16: Vec<u8> = [0xff, 0xfe].into_iter().chain(*b"a\0:\0").collect();
        let large = vec![b'#'; Limits::MANIFEST.bytes + 1];
        let nested = format!("a: {}1{}", "[".repeat(300), "]".repeat(300));
        let deep: String = (0..300).map(|level| " ".repeat(level) + "a:\n").collect();
        let mut many = String::from("a:\n");
        many.push_str(&"- 1\n".repeat(Limits::MANIFEST.nodes + 1));
        let rows: [(Vec<u8>, &str); 9] = [
            (
                b"a: 1\nb: \xe4\n".to_vec(),
                "f.yaml:2: holds the byte 0xE4, expected UTF-8",
            ),
            (
                b"a: 1\nb: \0\n".to_vec(),
                "f.yaml:2: holds a NUL byte, expected a text",
            ),
            (utf_16, "f.yaml:1: is UTF-16, expected UTF-8"),
            (
                large,
                "f.yaml:1: is 16777217 bytes long, expected at most 16777216 bytes",
            ),
            (
                nested.into(),
                "f.yaml:1: is not readable as YAML: recursion limit exceeded",
            ),
            (
                deep.into(),
                "f.yaml:200: is not readable as YAML: nested deeper than 200 levels",
            ),
            (
                many.into(),
                "f.yaml:999999: is not readable as YAML: more than 1000000 values",
            ),
            (
                b"---\na: 1\n---\na: *b\n".to_vec(),
                "f.yaml:4: is not readable as YAML",
            ),
            (b"a:\n\t- b\n".to_vec(), "f.yaml:2: is not readable as YAML"),
        ];
        for (bytes, expected) in rows {
            let refusal = parse(bytes).map(|_| ()).unwrap_err();
            assert!(refusal.starts_with(expected), "{refusal}");
        }
    }

    #[test]
    fn alias_bombs_cost_nothing_because_nothing_is_expanded() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..40 {
            let line = vec![format!("*a{}", level - 1); 9].join(",");
            bomb += &format!("a{level}: &a{level} [{line}]\n");
        }
        assert!(parse(bomb.clone()).is_ok());
        let mut merges = String::from("m0: &m0 {a: 1}\n");
        for level in 1..40 {
            let line = vec![format!("*m{}", level - 1); 9].join(",");
            merges += &format!("m{level}: &m{level} {{<<: [{line}]}}\n");
        }
        merges += "kind: Deployment\nmetadata: {name: a, <<: *m39}\nspec: {<<: *m39}\n";
        let files = super::super::Manifests::parse(vec![SourceFile {
            path: "f.yaml".to_owned(),
            bytes: merges.into_bytes(),
        }]);
        let workload = "Deployment/a".parse().unwrap();
        let refusal = super::super::current_replicas(&files.unwrap(), &workload).unwrap_err();
        assert_eq!(refusal.reason, "Deployment/a has no `spec.replicas`");
    }

    #[test]
    fn positions_count_from_the_start_of_the_file() {
        let text = "\u{feff}# ü\r\nkind: A\r\n---\r\nkind: B\r\nmetadata: {name: ü, x: target}\r\n";
        let file = parse(text).unwrap();
        let document = &file.documents[1];
        let metadata = document.get(document.root(), "metadata").unwrap();
        let node = document.get(metadata, "x").unwrap();
        assert_eq!(&text[document.span(node)], "target");
        assert_eq!((document.line(node), document.column(node)), (5, 24));
        assert_eq!(file.objects[1].line, 4);
    }
}
