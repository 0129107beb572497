//! Reads the manifests of a folder as people have it: what is no part of the repository is passed by, and
//! what cannot be read is noted.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::notes::Notes;
use crate::{
    event::{Ending, Failure},
    git::{Ignored, is_lfs_pointer},
    manifest::{Manifests, SourceFile},
    ops::set::{contents, names_in},
    yaml::Limits,
};

/// Folders with copies of what others have written, and with what is made for tests.
const FOREIGN: [&str; 3] = ["vendor", "node_modules", "testdata"];
/// Hidden folders that hold no manifests, and are not worth a word.
const HIDDEN: [&str; 10] = [
    ".git",
    ".github",
    ".gitlab",
    ".circleci",
    ".vscode",
    ".idea",
    ".devcontainer",
    ".husky",
    ".terraform",
    ".venv",
];
/// How many names a note lists.
const LISTED: usize = 5;

/// The manifests of a folder.
pub(super) struct Tree {
    /// Where it is.
    pub root: PathBuf,
    /// Every file that can be read; documents in it may not.
    pub manifests: Manifests,
    /// Paths of the files that cannot be read, or not all of their documents.
    pub unreadable: BTreeSet<String>,
}

impl Tree {
    /// Reads a folder.
    ///
    /// # Errors
    /// It is none, or cannot be listed.
    pub(super) fn read(folder: &Path, notes: &mut Notes) -> Result<Self, Failure> {
        let root = dunce::canonicalize(folder)
            .ok()
            .filter(|root| root.is_dir());
        let root = root.ok_or_else(|| {
            let reason = format!("`{}` is not a folder", folder.display());
            Failure::new(Ending::Usage, reason)
        })?;
        let mut walk = Walk {
            ignored: Ignored::around(&root),
            root,
            folders: vec![String::new()],
            files: Vec::new(),
            unreadable: BTreeSet::new(),
            passed_by: Vec::new(),
            notes,
        };
        while let Some(folder) = walk.folders.pop() {
            walk.list(&folder)?;
        }
        walk.tell_passed_by();
        let Walk {
            root,
            mut files,
            mut unreadable,
            ..
        } = walk;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let manifests = Manifests::parse(files).map_err(crate::ops::failure::refusals)?;
        for refusal in manifests.check_readable().err().into_iter().flatten() {
            notes.add(format!("{refusal}; what is there is left out"));
            unreadable.extend(refusal.path);
        }
        Ok(Self {
            root,
            manifests,
            unreadable,
        })
    }
}

/// The way through the folders.
struct Walk<'a> {
    root: PathBuf,
    ignored: Ignored,
    /// Folders still to visit, with `/` at their ends.
    folders: Vec<String>,
    files: Vec<SourceFile>,
    unreadable: BTreeSet<String>,
    passed_by: Vec<String>,
    notes: &'a mut Notes,
}

impl Walk<'_> {
    fn list(&mut self, folder: &str) -> Result<(), Failure> {
        let names = match names_in(&self.root, folder) {
            Ok(names) => names,
            Err(failure) if folder.is_empty() => return Err(failure),
            Err(failure) => {
                self.notes.add(format!("{failure}; it is left out"));
                return Ok(());
            }
        };
        let is_chart = names.iter().any(|(name, _)| name == "Chart.yaml");
        for (name, kind) in names {
            let path = format!("{folder}{name}");
            let kind = kind.or_else(|| {
                let found = fs::symlink_metadata(self.root.join(&path)).ok();
                found.map(|found| found.file_type())
            });
            let is_manifest = has_name_of_manifest(&name);
            let is_odd = name.contains(|it: char| it.is_control() || it == '\\');
            let is_folder = kind.is_some_and(|kind| kind.is_dir());
            if is_odd && (is_manifest || is_folder) {
                let why = "a path with \\ or control characters cannot be written to";
                self.leave_out(&path, why);
                continue;
            }
            match kind {
                Some(kind) if kind.is_dir() => self.visit(&path, &name, is_chart),
                Some(kind) if kind.is_file() && is_manifest => self.take(path),
                Some(kind) if kind.is_symlink() => {
                    let leads_to_folder = self.root.join(&path).is_dir();
                    if is_manifest || leads_to_folder {
                        self.leave_out(&path, "is a symbolic link");
                    }
                }
                None if is_manifest => self.leave_out(&path, "its name is not UTF-8"),
                _ => {}
            }
        }
        Ok(())
    }

    fn visit(&mut self, path: &str, name: &str, is_in_chart: bool) {
        if HIDDEN.contains(&name) {
            return;
        }
        let as_folder = format!("{path}/");
        let is_foreign = FOREIGN.contains(&name) || (is_in_chart && name == "charts");
        if is_foreign || name.starts_with('.') || self.ignored.holds(&as_folder) {
            self.passed_by.push(path.to_owned());
        } else {
            self.folders.push(as_folder);
        }
    }

    fn take(&mut self, path: String) {
        if self.ignored.holds(&path) {
            self.passed_by.push(path);
            return;
        }
        let limit = Limits::MANIFEST.bytes as u64;
        let opened = File::open(self.root.join(&path));
        let opened = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
        let read = opened.and_then(|(length, file)| {
            if length > limit {
                return Ok(Err(format!(
                    "is {length} bytes long, expected at most {limit}"
                )));
            }
            contents(file, length).map(Ok)
        });
        let problem = match read {
            Err(error) => format!("could not be read: {error}"),
            Ok(Err(problem)) => problem,
            // Of JSON there is much that is no manifest.
            Ok(Ok(bytes)) if path.ends_with(".json") && !speaks_of_objects(&bytes) => return,
            Ok(Ok(bytes)) => match why_no_text(&bytes) {
                Some(problem) => problem.to_owned(),
                None => {
                    self.files.push(SourceFile { path, bytes });
                    return;
                }
            },
        };
        self.leave_out(&path, &problem);
    }

    fn leave_out(&mut self, path: &str, why: &str) {
        self.notes.add(format!("{path}: {why}; it is left out"));
        self.unreadable.insert(path.to_owned());
    }

    fn tell_passed_by(&mut self) {
        if self.passed_by.is_empty() {
            return;
        }
        self.passed_by.sort();
        let more = self.passed_by.len().saturating_sub(LISTED);
        self.passed_by.truncate(LISTED);
        let mut names = self.passed_by.join(", ");
        if more > 0 {
            names.push_str(&format!(" and {more} more"));
        }
        self.notes.add(format!(
            "not looked into, as it is hidden, ignored by git or a copy of something: {names}"
        ));
    }
}

fn has_name_of_manifest(name: &str) -> bool {
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

fn speaks_of_objects(bytes: &[u8]) -> bool {
    ["\"apiVersion\"", "\"kind\""]
        .iter()
        .all(|key| memchr::memmem::find(bytes, key.as_bytes()).is_some())
}

/// Says why bytes are no text of a manifest.
fn why_no_text(bytes: &[u8]) -> Option<&'static str> {
    if is_lfs_pointer(bytes) {
        return Some("is kept in Git LFS, expected the file itself");
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Some("is UTF-16 text, expected UTF-8");
    }
    let is_text = !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok();
    (!is_text).then_some("is no UTF-8 text")
}
