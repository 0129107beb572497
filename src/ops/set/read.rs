//! Reads the manifests of a folder: the files that globs name, as they are.

use std::{
    fs::{self, File, FileType, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use globset::{GlobBuilder, GlobMatcher};

use super::stamp::Stamp;
use crate::{
    event::{Ending, Failure},
    git::{LFS_HINT, is_lfs_pointer},
    manifest::{Manifests, SourceFile},
    ops::{
        failure,
        manifests::{folder_of, literal_of},
    },
    units::with_slashes,
    yaml::Limits,
};

/// How the name of a file begins that is about to take another one's place.
pub(super) const TEMPORARY: &str = ".shipgate-";

/// How many names a message lists.
const LISTED: usize = 3;

/// Manifest files of a folder, as they were when they were read.
#[derive(Debug, Clone)]
pub struct FileSet {
    root: PathBuf,
    manifests: Manifests,
    /// One for each file, in their order, where it has one.
    stamps: Vec<Option<Stamp>>,
    left_out: Vec<String>,
}

impl FileSet {
    /// Reads the files below `root` that match one of the globs. `*` does not match `/`, `**` does.
    /// Symbolic links are not followed, `.git` is not looked into.
    ///
    /// What is no text, too large, or a symbolic link is refused where a glob names it or its name
    /// is that of a manifest (`.yaml`, `.yml`, `.json`), and left out where only a wildcard meets it,
    /// as `**` meets pictures. `now` is the machine's time.
    ///
    /// # Errors
    /// `root` is no folder; a glob is not valid, absolute, or leads out of the folder; a glob matches
    /// nothing; a file is refused or cannot be read.
    pub fn read(root: &Path, globs: &[String], now: DateTime<Utc>) -> Result<Self, Failure> {
        let root = dunce::canonicalize(root)
            .ok()
            .filter(|root| root.is_dir())
            .ok_or_else(|| {
                let reason = format!("`{}` is not a folder", root.display());
                Failure::new(Ending::Usage, reason).hint("give the repository's folder as --root")
            })?;
        let wanted = globs
            .iter()
            .map(|glob| Wanted::new(glob))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut walk = Walk {
            root: &root,
            now,
            wanted,
            folders: vec![String::new()],
            files: Vec::new(),
            left_out: Vec::new(),
        };
        while let Some(folder) = walk.folders.pop() {
            for (name, kind) in names_in(&root, &folder)? {
                if name != ".git" {
                    walk.visit(folder.clone() + &name, kind)?;
                }
            }
        }
        let Walk {
            wanted,
            mut files,
            mut left_out,
            ..
        } = walk;
        if let Some(without) = wanted.iter().find(|wanted| !wanted.matched) {
            let reason = format!(
                "no file matches `{}` in `{}`",
                without.matcher.glob(),
                root.display()
            );
            return Err(Failure::new(Ending::EditRefused, reason)
                .hint("globs count from --root; `**` matches any number of folders"));
        }
        files.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
        let (files, stamps) = files.into_iter().unzip();
        left_out.sort();
        let manifests = Manifests::parse(files).map_err(failure::refusals)?;
        Ok(Self {
            root,
            manifests,
            stamps,
            left_out,
        })
    }

    /// Returns the files, in the order of their paths.
    pub fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// Reads every document of every file, also those that no edit looks at.
    ///
    /// # Errors
    /// Every document that cannot be read. Helm templates are none.
    pub fn check_readable(&self) -> Result<(), Failure> {
        let readable = self.manifests.check_readable();
        readable.map_err(failure::refusals)
    }

    /// Is a file certainly what was read, by what is known about it now? Where it is not certain, only its
    /// bytes tell.
    pub(super) fn is_as_read(&self, path: &str, now: &Metadata) -> bool {
        let position = self.manifests.position(path);
        let stamp = position.and_then(|position| self.stamps.get(position)?.as_ref());
        stamp.is_some_and(|stamp| stamp.is_of(now))
    }

    /// Returns the folder that the paths count from.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Says which files a wildcard has met that can be no manifests.
    pub(super) fn left_out(&self) -> Option<String> {
        let number = self.left_out.len();
        let named = self.left_out.iter().take(LISTED).cloned();
        let mut names = named.collect::<Vec<String>>().join(", ");
        if number > LISTED {
            names.push_str(&format!(" and {} more", number - LISTED));
        }
        match number {
            0 => None,
            1 => Some(format!("left out what is no manifest: {names}")),
            _ => Some(format!(
                "left out {number} files that are no manifests: {names}"
            )),
        }
    }
}

/// A glob and whether a file has matched it.
struct Wanted {
    matcher: GlobMatcher,
    /// The folder that all its matches are in: what stands before the first wildcard.
    base: String,
    /// Is it the path of one file?
    literal: bool,
    matched: bool,
}

impl Wanted {
    fn new(glob: &str) -> Result<Self, Failure> {
        let glob = &with_slashes(glob);
        let glob = glob.strip_prefix("./").unwrap_or(glob);
        let usage = |reason: String| {
            Failure::new(Ending::Usage, reason)
                .hint("give paths from --root, such as 'clusters/prod/*.yaml'")
        };
        if Path::new(glob).has_root() || glob.split('/').any(|part| part == "..") {
            return Err(usage(format!("`{glob}` leads out of the folder")));
        }
        let matcher = GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .map_err(|error| usage(format!("`{glob}` is not a valid glob: {}", error.kind())))?
            .compile_matcher();
        Ok(Self {
            matcher,
            base: folder_of(glob).to_owned(),
            literal: literal_of(glob) == glob,
            matched: false,
        })
    }

    /// Can there be a match in a folder (with `/` at its end), or in one of its folders?
    fn may_be_in(&self, folder: &str) -> bool {
        folder.starts_with(&self.base) || self.base.starts_with(folder)
    }
}

/// The way through the folders.
struct Walk<'a> {
    root: &'a Path,
    /// When the reading began.
    now: DateTime<Utc>,
    wanted: Vec<Wanted>,
    /// Folders still to visit, with `/` at their ends.
    folders: Vec<String>,
    files: Vec<(SourceFile, Option<Stamp>)>,
    left_out: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, path: String, kind: Option<FileType>) -> Result<(), Failure> {
        let as_folder = format!("{path}/");
        let matching = self
            .wanted
            .iter()
            .filter(|wanted| wanted.matcher.is_match(&path));
        let (mut matches, mut is_meant) = (false, has_name_of_manifest(&path));
        for wanted in matching {
            matches = true;
            is_meant |= wanted.literal;
        }
        let leads_there = self
            .wanted
            .iter()
            .any(|wanted| wanted.may_be_in(&as_folder));
        if !(matches || leads_there) {
            return Ok(());
        }
        let look = || fs::symlink_metadata(self.root.join(&path));
        let kind = match kind.map_or_else(|| look().map(|found| found.file_type()), Ok) {
            Ok(kind) => kind,
            Err(_) if !matches => return Ok(()),
            Err(_) if path.contains(char::REPLACEMENT_CHARACTER) => {
                return self.without_name(path, is_meant);
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        if kind.is_symlink() {
            let leads_on = self
                .wanted
                .iter()
                .any(|wanted| wanted.base.starts_with(&as_folder));
            if leads_on || (matches && is_meant) {
                let reason =
                    format!("{path}: is a symbolic link, expected a file or folder of its own");
                return Err(Failure::new(Ending::EditRefused, reason)
                    .hint("name what it points to instead"));
            }
            if matches {
                self.left_out.push(path);
            }
        } else if kind.is_dir() && leads_there {
            self.folders.push(as_folder);
        } else if kind.is_file() && matches {
            self.take(path, is_meant)?;
        }
        Ok(())
    }

    /// Leaves out what has a name that is no text, or refuses it.
    fn without_name(&mut self, path: String, is_meant: bool) -> Result<(), Failure> {
        if !is_meant {
            self.left_out.push(path);
            return Ok(());
        }
        let reason =
            format!("{path}: its name is not UTF-8, expected a name that can be written down");
        Err(Failure::new(Ending::EditRefused, reason).hint("rename it, or leave it out of --files"))
    }

    fn take(&mut self, path: String, is_meant: bool) -> Result<(), Failure> {
        let limit = Limits::MANIFEST.bytes as u64;
        let opened = File::open(self.root.join(&path));
        let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| unreadable(&path, &error))?;
        let length = metadata.len();
        if length > limit && is_meant {
            let reason = format!("{path}: is {length} bytes long, expected at most {limit} bytes");
            return Err(Failure::new(Ending::EditRefused, reason)
                .hint("leave the file out of --files, or split it"));
        }
        for wanted in &mut self.wanted {
            wanted.matched |= wanted.matcher.is_match(&path);
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        if !is_meant && (length > limit || name.starts_with(TEMPORARY)) {
            self.left_out.push(path);
            return Ok(());
        }
        let bytes = contents(file, length).map_err(|error| unreadable(&path, &error))?;
        if is_meant && is_lfs_pointer(&bytes) {
            let reason = format!("{path}: is kept in Git LFS, expected the file itself");
            return Err(Failure::new(Ending::EditRefused, reason).hint(LFS_HINT));
        }
        if is_meant || is_text(&bytes) {
            let stamp = Stamp::of(&metadata, self.now);
            self.files.push((SourceFile { path, bytes }, stamp));
        } else {
            self.left_out.push(path);
        }
        Ok(())
    }
}

fn has_name_of_manifest(path: &str) -> bool {
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| path.to_ascii_lowercase().ends_with(ending))
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

/// Reads a file that should have so many bytes, without asking again where it ends if it has.
pub(in crate::ops) fn contents(mut file: File, length: u64) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = vec![0; expected.saturating_add(1)];
    let mut filled = 0;
    while filled < expected {
        match file.read(bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    if filled != expected || expected == 0 {
        // Someone has written to it meanwhile, or its length was not known.
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Returns what is in a folder, in order, with what it is where that is known without looking at it.
pub(in crate::ops) fn names_in(
    root: &Path,
    folder: &str,
) -> Result<Vec<(String, Option<FileType>)>, Failure> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path).map_err(|error| unreadable(folder, &error))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        // A name that is not UTF-8 is looked for in its lossy form, and found nowhere.
        match entry.file_name().into_string() {
            Ok(name) => names.push((name, entry.file_type().ok())),
            Err(name) => names.push((name.to_string_lossy().into_owned(), None)),
        }
    }
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(names)
}

/// A file or folder that could not be read.
pub(super) fn unreadable(path: &str, error: &io::Error) -> Failure {
    Failure::new(
        Ending::EditRefused,
        format!("{path}: could not be read: {error}"),
    )
}
