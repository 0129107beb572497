//! Which parts of the files may hold a text: each text is looked for once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use memchr::memmem::Finder;

use super::source::ParsedFile;

/// Index of a file, and of a part in it.
pub(super) type Place = (usize, usize);

/// What was looked for in some files, and where it was found.
#[derive(Debug, Default)]
pub(super) struct Needles {
    known: Mutex<HashMap<String, Arc<[Place]>>>,
}

impl Needles {
    /// Returns the parts that may hold every one of some texts as a value, in their order. They must be
    /// those of the same files each time.
    pub(super) fn places<'a>(
        &self,
        files: impl Iterator<Item = &'a ParsedFile> + Clone,
        needles: &[&str],
    ) -> Vec<Place> {
        let Some((first, others)) = needles.split_first() else {
            return parts(files).map(|(place, _)| place).collect();
        };
        let first = self.of(files.clone(), first);
        let others: Vec<Arc<[Place]>> = others
            .iter()
            .map(|needle| self.of(files.clone(), needle))
            .collect();
        let in_all = |place: &&Place| {
            let mut others = others.iter();
            others.all(|found| found.binary_search(place).is_ok())
        };
        first.iter().filter(in_all).copied().collect()
    }

    fn of<'a>(
        &self,
        files: impl Iterator<Item = &'a ParsedFile> + Clone,
        needle: &str,
    ) -> Arc<[Place]> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(needle) {
            return found.clone();
        }
        let finder = Finder::new(needle);
        let found = parts(files).filter(|((_, part), file)| {
            let text = file.part_text(*part);
            file.is_escaped(*part) || finder.find(text.as_bytes()).is_some()
        });
        let found: Arc<[Place]> = found.map(|(place, _)| place).collect();
        known.insert(needle.to_owned(), found.clone());
        found
    }
}

/// Iterates over the parts of files, each with its file.
fn parts<'a>(
    files: impl Iterator<Item = &'a ParsedFile>,
) -> impl Iterator<Item = (Place, &'a ParsedFile)> {
    files.enumerate().flat_map(|(index, file)| {
        let parts = 0..file.parts();
        parts.map(move |part| ((index, part), file))
    })
}
