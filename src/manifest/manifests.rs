//! The parsed files of one run and the objects in them.

use std::sync::Arc;

use super::{ObjectRef, Refusal, SourceFile, object::View, source::ParsedFile, template};
use crate::yaml::Document;

/// How many names a message lists.
const LISTED: usize = 10;

/// Files whose documents have been parsed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Manifests {
    files: Vec<Arc<ParsedFile>>,
    /// Files that are only looked at: a Service among them makes a label identity.
    beside: Vec<Arc<ParsedFile>>,
}

/// An object and where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectEntry<'a> {
    /// Kind and name.
    pub object: &'a ObjectRef,
    /// `metadata.namespace`, where it is given.
    pub namespace: Option<&'a str>,
    /// Path of its file.
    pub path: &'a str,
    /// 1-based line on which it begins.
    pub line: usize,
}

impl Manifests {
    /// Parses files. Documents that are Helm templates are set aside: they stop only the edits that
    /// would need them.
    ///
    /// # Errors
    /// Every file that is not UTF-8, holds a NUL byte, is larger than 16 MiB, nested deeper than
    /// 200 levels, or has a document that is not YAML.
    pub fn parse(files: Vec<SourceFile>) -> Result<Self, Vec<Refusal>> {
        let mut parsed = Vec::new();
        let mut refusals = Vec::new();
        for file in files {
            match ParsedFile::parse(file) {
                Ok(file) => parsed.push(Arc::new(file)),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if refusals.is_empty() {
            Ok(Self {
                files: parsed,
                beside: Vec::new(),
            })
        } else {
            Err(refusals)
        }
    }

    /// Returns these manifests with files beside them that are never edited and hold no target: only
    /// their Services count, whose selectors make labels identity. What cannot be read as manifests
    /// holds no Service.
    #[must_use]
    pub fn beside(&self, files: Vec<SourceFile>) -> Self {
        let mut together = self.clone();
        let parsed = files
            .into_iter()
            .filter_map(|file| ParsedFile::parse(file).ok());
        together.beside.extend(parsed.map(Arc::new));
        together
    }

    /// Returns these manifests with some files in a newer state; a file of a new path is added.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn with(&self, files: Vec<SourceFile>) -> Result<Self, Vec<Refusal>> {
        let mut together = self.clone();
        for newer in Self::parse(files)?.files {
            let same = together
                .files
                .iter_mut()
                .find(|file| file.source.path == newer.source.path);
            match same {
                Some(file) => *file = newer,
                None => together.files.push(newer),
            }
        }
        Ok(together)
    }

    /// Returns a file by its path.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.parsed_file(path).map(|file| &file.source)
    }

    /// Iterates over the files.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().map(|file| &file.source)
    }

    /// Iterates over the objects, file by file, in the order in which they are written.
    pub fn objects(&self) -> impl Iterator<Item = ObjectEntry<'_>> {
        self.views().map(|view| ObjectEntry {
            object: view.reference(),
            namespace: view.object.namespace.as_deref(),
            path: view.path(),
            line: view.object.line,
        })
    }

    pub(super) fn parsed_file(&self, path: &str) -> Option<&ParsedFile> {
        self.files
            .iter()
            .find(|file| file.source.path == path)
            .map(AsRef::as_ref)
    }

    pub(super) fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.files.iter().flat_map(|file| views_of(file))
    }

    /// Iterates over the objects of the files that are only looked at.
    pub(super) fn views_beside(&self) -> impl Iterator<Item = View<'_>> {
        self.beside.iter().flat_map(|file| views_of(file))
    }

    /// Iterates over the documents that are no templates, with the paths of their files.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&str, &Document)> {
        self.files.iter().flat_map(|file| {
            let path = file.source.path.as_str();
            file.documents.iter().map(move |document| (path, document))
        })
    }

    /// Iterates over the documents that are Helm templates: path, line and text.
    pub(super) fn templates(&self) -> impl Iterator<Item = (&str, usize, &str)> {
        self.files.iter().flat_map(|file| {
            file.templates.iter().map(|template| {
                let text = &file.text()[template.range.clone()];
                (file.source.path.as_str(), template.line, text)
            })
        })
    }

    /// Finds the one object with a kind and name.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(super) fn one(&self, wanted: &ObjectRef) -> Result<View<'_>, Refusal> {
        let mut found = self.views().filter(|view| view.reference() == wanted);
        let Some(first) = found.next() else {
            return Err(self.missing(wanted));
        };
        match found.next() {
            None => Ok(first),
            Some(second) => Err(Refusal::new(format!(
                "{wanted} is written twice, here and in {}, expected once",
                second.place()
            ))
            .at(first.path(), first.object.line)
            .hint("name files that hold it once")),
        }
    }

    fn missing(&self, wanted: &ObjectRef) -> Refusal {
        let template = self
            .templates()
            .find(|(_, _, text)| template::may_be(text, &wanted.kind));
        if let Some((path, line, _)) = template {
            return Refusal::new(format!(
                "{wanted} is not written out in any file; the document here is a Helm template"
            ))
            .at(path, line)
            .hint(TEMPLATE_HINT);
        }
        let names = self
            .views()
            .filter(|view| view.reference().kind == wanted.kind)
            .map(|view| view.reference().to_string());
        let same_kind = listed(names);
        let found = if same_kind.is_empty() {
            listed(self.views().map(|view| view.reference().to_string()))
        } else {
            same_kind
        };
        let found = if found.is_empty() {
            "no object at all".to_owned()
        } else {
            found
        };
        let files = count(self.files.len(), "file");
        Refusal::new(format!("there is no {wanted} in {files}; found {found}"))
            .hint("check kind and name, and that the files to edit include the one that holds it")
    }
}

/// What to do where a document is a Helm template.
pub(super) const TEMPLATE_HINT: &str = "change the chart's values file (values.yaml) instead; if it is no template, put quotes \
     around the text that holds {{";

/// Returns the objects of one file.
pub(super) fn views_of(file: &ParsedFile) -> impl Iterator<Item = View<'_>> {
    file.objects.iter().map(|object| View {
        file,
        document: &file.documents[object.document],
        object,
    })
}

/// Joins names for a message: each once, in order, not more than a line holds.
pub(super) fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(LISTED);
    names.truncate(LISTED);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}
