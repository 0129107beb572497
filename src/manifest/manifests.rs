//! The parsed files of one run and the objects in them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::{
    ObjectRef, Refusal, SourceFile,
    content::Problem,
    kustomization::Graph,
    needles::Needles,
    object::View,
    pod_selector::{self as selector, PodSelector},
    source::{LookedAt, ParsedFile},
    template,
};

/// How many names a message lists.
const LISTED: usize = 10;

/// Manifest files. Cheap to clone. A document is parsed when an edit first needs to see it: most files
/// of a repository have nothing to do with the service that is deployed.
#[derive(Debug, Clone)]
pub struct Manifests {
    files: Arc<Vec<Arc<ParsedFile>>>,
    /// Files that are only looked at: what selects pods there makes labels identity.
    beside: Arc<Vec<Arc<ParsedFile>>>,
    /// Where texts are in the files, and in those beside them.
    needles: Arc<Needles>,
    /// What selects pods, for each label key that was asked for.
    selectors: Arc<Mutex<HashMap<String, Arc<[PodSelector]>>>>,
    /// What kustomizations build, read once.
    kustomizations: Arc<OnceLock<Graph>>,
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

/// A part of a file whose objects are not known, or not all of what is in them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unknown<'a> {
    /// Path of its file.
    pub path: &'a str,
    /// Its bytes.
    pub text: &'a str,
    /// Why it is not known.
    pub problem: &'a Problem,
    file: &'a ParsedFile,
    part: usize,
}

impl Unknown<'_> {
    /// Makes a refusal that names the part.
    pub(super) fn refusal(&self, reason: impl Into<String>) -> Refusal {
        match self.problem {
            Problem::Template { line } => Refusal::new(reason)
                .at(self.path, *line)
                .hint(TEMPLATE_HINT),
            Problem::Unreadable(error) => {
                Refusal::new(format!("{} ({})", reason.into(), error.message))
                    .at(self.path, error.line)
                    .hint(UNREADABLE_HINT)
            }
        }
    }

    /// May a text stand where nobody can see it yet: in what a Helm template prints, or in a document
    /// that cannot be read?
    pub(super) fn hides(&self, text: &str) -> bool {
        self.hidden().any(|hidden| hidden.contains(text))
    }

    /// May an entry with a key, and with a value where one is given, stand there?
    pub(super) fn hides_entry(&self, key: &str, value: Option<&str>) -> bool {
        self.hidden()
            .any(|hidden| template::has_entry(hidden, key, value))
    }

    fn hidden(&self) -> impl Iterator<Item = &str> {
        let content = self.file.content(self.part);
        let hidden = content.hidden(self.file.part_range(self.part));
        hidden
            .into_iter()
            .filter_map(|range| self.file.text().get(range))
    }

    /// Returns what the part is: `Helm template`, `document that is not readable as YAML`.
    pub(super) fn what(&self) -> &'static str {
        match self.problem {
            Problem::Template { .. } => "Helm template",
            Problem::Unreadable(_) => "document that cannot be read",
        }
    }
}

impl Manifests {
    /// Takes files; their documents are parsed when they are needed.
    ///
    /// # Errors
    /// Every file that is not UTF-8, holds a NUL byte, or is larger than 16 MiB.
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
                files: Arc::new(parsed),
                beside: Arc::default(),
                needles: Arc::default(),
                selectors: Arc::default(),
                kustomizations: Arc::default(),
            })
        } else {
            Err(refusals)
        }
    }

    /// Parses every document of every file.
    ///
    /// # Errors
    /// Every document that is not YAML, or nested deeper than 200 levels. Helm templates are none.
    pub fn check_readable(&self) -> Result<(), Vec<Refusal>> {
        let refusals: Vec<Refusal> = self
            .files
            .iter()
            .flat_map(|file| unreadable(file))
            .collect();
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }

    /// Returns these manifests with files beside them that are never edited and hold no target: only
    /// what selects pods in them counts, which makes labels identity.
    #[must_use]
    pub fn beside(&self, files: impl IntoIterator<Item = LookedAt>) -> Self {
        let mut together = self.clone();
        let files = files.into_iter().map(|LookedAt(file)| file);
        Arc::make_mut(&mut together.beside).extend(files);
        together.needles = Arc::default();
        together.selectors = Arc::default();
        together
    }

    /// Returns these manifests with some files in a newer state; a file of a new path is added.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn with(&self, files: Vec<SourceFile>) -> Result<Self, Vec<Refusal>> {
        let mut together = self.clone();
        let known = Arc::make_mut(&mut together.files);
        for newer in Self::parse(files)?.files.iter() {
            match known.iter_mut().find(|file| file.path == newer.path) {
                Some(file) => *file = newer.clone(),
                None => known.push(newer.clone()),
            }
        }
        together.needles = Arc::default();
        together.selectors = Arc::default();
        together.kustomizations = Arc::default();
        Ok(together)
    }

    /// Returns the text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.parsed_file(path).map(ParsedFile::text)
    }

    /// Iterates over the paths of the files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
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

    /// Returns the place of a file among the files.
    pub fn position(&self, path: &str) -> Option<usize> {
        // Mostly they are in the order of their paths: a thousand look-ups shall not be a million.
        let in_order = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path));
        in_order
            .ok()
            .or_else(|| self.files.iter().position(|file| file.path == path))
    }

    pub(super) fn parsed_file(&self, path: &str) -> Option<&ParsedFile> {
        self.files.get(self.position(path)?).map(AsRef::as_ref)
    }

    pub(super) fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.files.iter().flat_map(|file| views_with(file, &[]))
    }

    /// Iterates over the objects of the parts of files that may hold every one of some texts.
    pub(super) fn views_with<'a>(&'a self, needles: &[&str]) -> impl Iterator<Item = View<'a>> {
        let own = self.parts_with(needles).filter(|(_, _, is_own)| *is_own);
        own.flat_map(|(file, part, _)| file.views(part))
    }

    /// As [`Self::views_with`], in the files that are only looked at too.
    pub(super) fn all_views_with<'a>(&'a self, needles: &[&str]) -> impl Iterator<Item = View<'a>> {
        self.parts_with(needles)
            .flat_map(|(file, part, _)| file.views(part))
    }

    /// Iterates over the parts of files that may hold every one of some texts, also of those that are only
    /// looked at: file, part, and whether it is not one of those.
    fn parts_with<'a>(
        &'a self,
        needles: &[&str],
    ) -> impl Iterator<Item = (&'a ParsedFile, usize, bool)> {
        let files = self.files.iter().chain(self.beside.iter());
        let places = self.needles.places(files.map(AsRef::as_ref), needles);
        places.into_iter().filter_map(|(index, part)| {
            if let Some(file) = self.files.get(index) {
                return Some((file.as_ref(), part, true));
            }
            let file = self.beside.get(index - self.files.len())?;
            Some((file.as_ref(), part, false))
        })
    }

    /// Returns what selects pods by a label key, also in the files that are only looked at: Services,
    /// network policies, disruption budgets, pod monitors, subsets of destination rules.
    pub(super) fn selectors(&self, key: &str) -> Arc<[PodSelector]> {
        let mut known = self
            .selectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = known.entry(key.to_owned()).or_insert_with(|| {
            let of_kind = |kind: &'static str| {
                let needles = [kind, key];
                let views = self.all_views_with(&needles);
                let views = views.filter(move |view| view.reference().kind == kind);
                views
                    .flat_map(|view| selector::of(view, key))
                    .collect::<Vec<_>>()
            };
            selector::KINDS.iter().copied().flat_map(of_kind).collect()
        });
        found.clone()
    }

    /// Returns what the kustomizations among the files build.
    pub(super) fn kustomizations(&self) -> &Graph {
        self.kustomizations.get_or_init(|| Graph::read(self))
    }

    /// Iterates over the files.
    pub(super) fn parsed_files(&self) -> impl Iterator<Item = &ParsedFile> {
        self.files.iter().map(AsRef::as_ref)
    }

    /// Iterates over the parts that may hold every one of some texts and whose objects are not known.
    pub(super) fn unknown_with<'a>(
        &'a self,
        needles: &[&str],
    ) -> impl Iterator<Item = Unknown<'a>> {
        let own = self.parts_with(needles).filter(|(_, _, is_own)| *is_own);
        own.filter_map(|(file, part, _)| {
            Some(Unknown {
                path: &file.path,
                text: file.part_text(part),
                problem: file.content(part).problem.as_ref()?,
                file,
                part,
            })
        })
    }

    /// Finds the one object with a kind and name.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub(super) fn one(&self, wanted: &ObjectRef) -> Result<View<'_>, Refusal> {
        let needles = [wanted.kind.as_str(), wanted.name.as_str()];
        let found = self.views_with(&needles);
        let mut found: Vec<View<'_>> = found.filter(|view| view.reference() == wanted).collect();
        if found.len() > 1 {
            self.kustomizations().drop_patches(&mut found);
        }
        match found.as_slice() {
            [] => Err(self.missing(wanted)),
            [one] => Ok(*one),
            [first, second, ..] => Err(twice(wanted, *first, *second)),
        }
    }

    fn missing(&self, wanted: &ObjectRef) -> Refusal {
        let unknown = self
            .unknown_with(&[])
            .find(|unknown| template::may_be(unknown.text, &wanted.kind));
        if let Some(unknown) = unknown {
            return unknown.refusal(format!(
                "{wanted} is not written out in any file; here is a {}",
                unknown.what()
            ));
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

fn twice(wanted: &ObjectRef, first: View<'_>, second: View<'_>) -> Refusal {
    let (here, there) = (&first.object.namespace, &second.object.namespace);
    let (namespaces, hint) = match (here, there) {
        (Some(here), Some(there)) if here != there => (
            format!(" for the namespaces `{here}` and `{there}`"),
            "name only the files of one namespace",
        ),
        _ => (String::new(), "name files that hold it once"),
    };
    Refusal::new(format!(
        "{wanted} is written twice{namespaces}, here and in {}, expected once",
        second.place()
    ))
    .at(first.path(), first.object.line)
    .hint(hint)
}

/// What to do where a document is a Helm template.
pub(super) const TEMPLATE_HINT: &str = "change the chart's values file (values.yaml) instead; if it is no template, put quotes \
     around the text that holds {{";

/// What to do where a document cannot be read.
const UNREADABLE_HINT: &str = "mend the YAML, or leave the file out of the files to edit";

/// Returns the objects of the parts of a file that may hold every one of some texts.
pub(super) fn views_with<'a>(
    file: &'a ParsedFile,
    needles: &[&str],
) -> impl Iterator<Item = View<'a>> {
    file.parts_with(needles)
        .flat_map(move |part| file.views(part))
}

/// Returns why documents of a file cannot be read.
pub(super) fn unreadable(file: &ParsedFile) -> impl Iterator<Item = Refusal> + '_ {
    (0..file.parts()).filter_map(|part| match &file.content(part).problem {
        Some(Problem::Unreadable(error)) => {
            let reason = format!("is not readable as YAML: {}", error.message);
            Some(
                Refusal::new(reason)
                    .at(&file.path, error.line)
                    .hint(UNREADABLE_HINT),
            )
        }
        Some(Problem::Template { .. }) | None => None,
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
