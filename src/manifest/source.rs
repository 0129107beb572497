//! One file: its bytes checked at once, its documents parsed when somebody needs them.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use memchr::memmem;

use super::{
    ObjectRef, SourceFile,
    content::Content,
    object::View,
    split::{self, Chunk},
    types::Refusal,
};
use crate::yaml::Limits;

/// Up to how many objects are looked through one by one.
const FEW: usize = 8;

/// How many objects of a large file are looked for by name before an index is made: to parse all of the
/// file costs as much as some forty of these searches.
const SEARCHES: usize = 32;

/// A file that was read.
#[derive(Debug)]
pub(super) struct ParsedFile {
    /// Path from the repository's root, with `/`.
    pub path: String,
    text: Arc<String>,
    parts: Vec<FilePart>,
    /// Where each object is: part, and index in that.
    places: OnceLock<HashMap<ObjectRef, Vec<(usize, usize)>>>,
    /// How many objects were looked for by the bytes of their names.
    searches: AtomicUsize,
}

/// A file that is only looked at, never edited. Cheap to clone: however many look, what is in it is found
/// once.
#[derive(Debug, Clone)]
pub struct LookedAt(pub(super) Arc<ParsedFile>);

impl LookedAt {
    /// Takes a file; none where it cannot hold manifests: it is not UTF-8, holds a NUL byte, or is larger
    /// than 16 MiB.
    pub fn new(source: SourceFile) -> Option<Self> {
        ParsedFile::parse(source).ok().map(Arc::new).map(Self)
    }
}

/// A stretch of the file between two document markers.
#[derive(Debug)]
struct FilePart {
    chunk: Chunk,
    /// Is there a backslash in it? A text that is written with escapes is not found by its bytes.
    escaped: bool,
    content: OnceLock<Content>,
}

impl ParsedFile {
    /// Takes a file; nothing is parsed yet.
    ///
    /// # Errors
    /// It is not UTF-8, holds a NUL byte, or is larger than 16 MiB.
    pub(super) fn parse(source: SourceFile) -> Result<Self, Refusal> {
        let (path, text) = checked_text(source)?;
        Ok(Self::of(path, text))
    }

    /// Takes a text that is known to be sound.
    pub(super) fn of(path: String, text: String) -> Self {
        let parts = split::chunks(&text).into_iter().map(|chunk| FilePart {
            escaped: memchr::memchr(b'\\', text[chunk.range.clone()].as_bytes()).is_some(),
            chunk,
            content: OnceLock::new(),
        });
        Self {
            parts: parts.collect(),
            path,
            text: Arc::new(text),
            places: OnceLock::new(),
            searches: AtomicUsize::new(0),
        }
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the number of its parts.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Returns the bytes of a part.
    pub(super) fn part_text(&self, part: usize) -> &str {
        &self.text[self.part_range(part)]
    }

    /// Returns where a part is.
    pub(super) fn part_range(&self, part: usize) -> Range<usize> {
        self.parts[part].chunk.range.clone()
    }

    /// Returns what is in a part; it is parsed once.
    pub(super) fn content(&self, part: usize) -> &Content {
        let FilePart { chunk, content, .. } = &self.parts[part];
        content.get_or_init(|| Content::read(&self.text, chunk, &self.path))
    }

    /// May a part hold a text as a value?
    pub(super) fn may_hold(&self, part: usize, needle: &str) -> bool {
        self.may_hold_all(part, &[needle])
    }

    /// May values of a part be each of some texts? Whatever has a backslash may hold anything.
    fn may_hold_all(&self, part: usize, needles: &[&str]) -> bool {
        let bytes = self.part_text(part).as_bytes();
        let mut needles = needles.iter();
        self.is_escaped(part)
            || needles.all(|needle| memmem::find(bytes, needle.as_bytes()).is_some())
    }

    /// May a part hold texts that are not found by their bytes?
    pub(super) fn is_escaped(&self, part: usize) -> bool {
        self.parts[part].escaped
    }

    /// Iterates over the parts that may hold every one of some texts as a value.
    pub(super) fn parts_with(&self, needles: &[&str]) -> impl Iterator<Item = usize> {
        (0..self.parts.len()).filter(|part| self.may_hold_all(*part, needles))
    }

    /// Returns the objects with a kind and name, in the order in which they are written.
    pub(super) fn find(&self, object: &ObjectRef) -> impl Iterator<Item = View<'_>> {
        let all = || (0..self.parts.len()).flat_map(|part| self.views(part));
        // Most files hold one object or a few; an index of those would cost more than it saves.
        let has_few = self.parts.len() <= FEW && all().nth(FEW).is_none();
        let few = has_few.then(|| all().filter(move |view| view.reference() == object));
        let by_name = if has_few {
            Vec::new()
        } else {
            self.find_by_name(object)
        };
        let many = if has_few || !by_name.is_empty() {
            &[]
        } else {
            self.places_of(object)
        };
        let many = many
            .iter()
            .filter_map(|(part, index)| self.view(*part, *index));
        few.into_iter().flatten().chain(by_name).chain(many)
    }

    /// Looks for objects in the parts that hold the kind and the name, so that the rest of a large file
    /// need not be parsed. None where an index is better, because there are more to look for, or where
    /// the name need not stand in the file as it is read.
    fn find_by_name(&self, object: &ObjectRef) -> Vec<View<'_>> {
        let is_written =
            object.kind != ObjectRef::FILE && !object.name.contains(char::is_whitespace);
        if !is_written
            || self.places.get().is_some()
            || self.searches.fetch_add(1, Ordering::Relaxed) >= SEARCHES
        {
            return Vec::new();
        }
        let needles = [object.kind.as_str(), object.name.as_str()];
        let parts = self.parts_with(&needles);
        let views = parts.flat_map(|part| self.views(part));
        views.filter(|view| view.reference() == object).collect()
    }

    fn places_of(&self, object: &ObjectRef) -> &[(usize, usize)] {
        let places = self.places.get_or_init(|| {
            let mut places: HashMap<ObjectRef, Vec<(usize, usize)>> = HashMap::new();
            for part in 0..self.parts.len() {
                for (index, object) in self.content(part).objects.iter().enumerate() {
                    let known = places.entry(object.reference.clone()).or_default();
                    known.push((part, index));
                }
            }
            places
        });
        places.get(object).map(Vec::as_slice).unwrap_or_default()
    }

    /// Iterates over the objects of a part.
    pub(super) fn views(&self, part: usize) -> impl Iterator<Item = View<'_>> {
        (0..self.content(part).objects.len()).filter_map(move |index| self.view(part, index))
    }

    fn view(&self, part: usize, index: usize) -> Option<View<'_>> {
        let content = self.content(part);
        let object = content.objects.get(index)?;
        Some(View {
            file: self,
            part,
            document: content.documents.get(object.document)?,
            object,
        })
    }

    /// Returns the text, which nothing else holds any more in the end.
    pub(super) fn into_text(self) -> String {
        let Self { text, parts, .. } = self;
        drop(parts);
        Arc::unwrap_or_clone(text)
    }
}

fn checked_text(source: SourceFile) -> Result<(String, String), Refusal> {
    let SourceFile { path, bytes } = source;
    let limit = Limits::MANIFEST.bytes;
    if bytes.len() > limit {
        let reason = format!(
            "is {} bytes long, expected at most {limit} bytes",
            bytes.len()
        );
        return Err(Refusal::new(reason)
            .at(&path, 1)
            .hint("leave the file out of the files to edit, or split it"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Refusal::new("is UTF-16, expected UTF-8")
            .at(&path, 1)
            .hint("save the file as UTF-8"));
    }
    let line_at = |bytes: &[u8], offset: usize| {
        let breaks = bytes[..offset].iter().filter(|byte| **byte == b'\n');
        breaks.count() + 1
    };
    if let Some(offset) = memchr::memchr(0, &bytes) {
        return Err(Refusal::new("holds a NUL byte, expected a text")
            .at(&path, line_at(&bytes, offset))
            .hint("leave the file out of the files to edit, or remove the byte"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((path, text)),
        Err(error) => {
            let offset = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let reason = format!("holds the byte 0x{:02X}, expected UTF-8", bytes[offset]);
            Err(Refusal::new(reason)
                .at(&path, line_at(bytes, offset))
                .hint("save the file as UTF-8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::manifests::unreadable;

    fn parse(bytes: impl Into<Vec<u8>>) -> Result<ParsedFile, String> {
        let source = SourceFile {
            path: "f.yaml".to_owned(),
            bytes: bytes.into(),
        };
        let file = ParsedFile::parse(source).map_err(|refusal| refusal.to_string())?;
        let problem = unreadable(&file).next();
        match problem {
            None => Ok(file),
            Some(refusal) => Err(refusal.to_string()),
        }
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
        let replicas = super::super::current_replicas(&files.unwrap(), &workload);
        assert_eq!(replicas, Ok(1));
    }

    #[test]
    fn positions_count_from_the_start_of_the_file() {
        let text = "\u{feff}# ü\r\nkind: A\r\n---\r\nkind: B\r\nmetadata: {name: ü, x: target}\r\n";
        let file = parse(text).unwrap();
        let document = &file.content(1).documents[0];
        let metadata = document.get(document.root(), "metadata").unwrap();
        let node = document.get(metadata, "x").unwrap();
        assert_eq!(&text[document.span(node)], "target");
        assert_eq!((document.line(node), document.column(node)), (5, 24));
        assert_eq!(file.content(1).objects[0].line, 4);
    }
}
