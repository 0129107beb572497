//! Rewrites manifests in a folder: all of the values that were asked for, or none.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobMatcher};
use tempfile::{Builder, NamedTempFile};

use super::failure;
use crate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    manifest::{Allowances, Applied, Edit, Manifests, SourceFile, locate_allowing},
    yaml::Limits,
};

/// Manifest files of a folder, as they were when they were read.
#[derive(Debug, Clone)]
pub struct FileSet {
    root: PathBuf,
    files: Vec<SourceFile>,
}

impl FileSet {
    /// Reads the files below `root` that match one of the globs. `*` does not match `/`, `**` does.
    /// Symbolic links are not followed, `.git` is not looked into.
    ///
    /// # Errors
    /// `root` is no folder; a glob is not valid, absolute, or leads out of the folder; a glob matches
    /// nothing, or a symbolic link; a file is larger than 16 MiB or cannot be read.
    pub fn read(root: &Path, globs: &[String]) -> Result<Self, Failure> {
        let root = root
            .canonicalize()
            .ok()
            .filter(|root| root.is_dir())
            .ok_or_else(|| {
                let reason = format!("`{}` is not a folder", root.display());
                Failure::new(Ending::Usage, reason).hint("give the repository's folder as --root")
            })?;
        let mut wanted = globs
            .iter()
            .map(|glob| Wanted::new(glob))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            for name in names_in(&root, &folder)? {
                visit(
                    &root,
                    folder.clone() + &name,
                    &mut wanted,
                    &mut folders,
                    &mut files,
                )?;
            }
        }
        if let Some(without) = wanted.iter().find(|wanted| !wanted.matched) {
            let reason = format!(
                "no file matches `{}` in `{}`",
                without.matcher.glob(),
                root.display()
            );
            return Err(Failure::new(Ending::EditRefused, reason)
                .hint("globs count from --root; `**` matches any number of folders"));
        }
        files.sort_by(|one: &SourceFile, other| one.path.cmp(&other.path));
        Ok(Self { root, files })
    }

    /// Returns the files, in the order of their paths.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }
}

/// A glob and whether a file has matched it.
struct Wanted {
    matcher: GlobMatcher,
    /// The folder that all its matches are in: what stands before the first wildcard.
    base: String,
    matched: bool,
}

impl Wanted {
    fn new(glob: &str) -> Result<Self, Failure> {
        let glob = glob.strip_prefix("./").unwrap_or(glob);
        let usage = |reason: String| {
            Failure::new(Ending::Usage, reason)
                .hint("give paths from --root, such as 'clusters/prod/*.yaml'")
        };
        if Path::new(glob).is_absolute() || glob.split('/').any(|part| part == "..") {
            return Err(usage(format!("`{glob}` leads out of the folder")));
        }
        let matcher = GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .map_err(|error| usage(format!("`{glob}` is not a valid glob: {}", error.kind())))?
            .compile_matcher();
        let literal = glob
            .find(['*', '?', '[', '{', '\\'])
            .map_or(glob, |wildcard| &glob[..wildcard]);
        let base = literal
            .rfind('/')
            .map_or("", |slash| &literal[..=slash])
            .to_owned();
        Ok(Self {
            matcher,
            base,
            matched: false,
        })
    }

    /// Can there be a match in a folder (with `/` at its end), or in one of its folders?
    fn may_be_in(&self, folder: &str) -> bool {
        folder.starts_with(&self.base) || self.base.starts_with(folder)
    }
}

fn names_in(root: &Path, folder: &str) -> Result<Vec<String>, Failure> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path).map_err(|error| unreadable(folder, &error))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        // A name that is not UTF-8 is looked for in its lossy form, found nowhere, and refused.
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn visit(
    root: &Path,
    path: String,
    wanted: &mut [Wanted],
    folders: &mut Vec<String>,
    files: &mut Vec<SourceFile>,
) -> Result<(), Failure> {
    let as_folder = format!("{path}/");
    let matches = wanted.iter().any(|wanted| wanted.matcher.is_match(&path));
    let leads_there = wanted.iter().any(|wanted| wanted.may_be_in(&as_folder));
    if path == ".git" || !(matches || leads_there) {
        return Ok(());
    }
    let kind = match fs::symlink_metadata(root.join(&path)) {
        Ok(kind) => kind,
        Err(_) if !matches => return Ok(()),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let named = wanted
        .iter()
        .any(|wanted| wanted.base.starts_with(&as_folder));
    if kind.is_symlink() && (matches || named) {
        let reason = format!("{path}: is a symbolic link, expected a file or folder of its own");
        return Err(
            Failure::new(Ending::EditRefused, reason).hint("name what it points to instead")
        );
    }
    if kind.is_dir() && leads_there {
        folders.push(as_folder);
    } else if kind.is_file() && matches {
        let limit = Limits::MANIFEST.bytes as u64;
        if kind.len() > limit {
            let reason = format!(
                "{path}: is {} bytes long, expected at most {limit} bytes",
                kind.len()
            );
            return Err(Failure::new(Ending::EditRefused, reason)
                .hint("leave the file out of --files, or split it"));
        }
        for wanted in wanted.iter_mut() {
            wanted.matched |= wanted.matcher.is_match(&path);
        }
        let bytes = fs::read(root.join(&path)).map_err(|error| unreadable(&path, &error))?;
        files.push(SourceFile { path, bytes });
    }
    Ok(())
}

/// Makes edits in files. With `dry_run` nothing is written.
///
/// # Errors
/// An edit cannot be made safely, or a file cannot be written; then no file is changed.
pub fn run(
    files: &FileSet,
    edits: &[Edit],
    allowed: Allowances,
    dry_run: bool,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let manifests = Manifests::parse(files.files.clone()).map_err(failure::refusals)?;
    let set = locate_allowing(&manifests, edits, allowed).map_err(failure::refusals)?;
    for note in &set.notes {
        reporter.event(&Event::Note(note.clone()));
    }
    if set.is_empty() {
        let reason = "every value is right already; nothing was written";
        return Ok(Outcome::new(Ending::NoChange, reason));
    }
    let applied = set
        .apply(&manifests)
        .map_err(|refusal| failure::refusals(vec![refusal]))?;
    for note in &applied.notes {
        reporter.event(&Event::Warning(note.clone()));
    }
    let Applied {
        files: changed,
        diff,
        ..
    } = applied;
    reporter.event(&Event::Changes {
        changes: set.changes.clone(),
        diff: diff.clone(),
    });
    let what = set.summary();
    let reason = if dry_run {
        format!("would change {what}; dry run: nothing was written")
    } else {
        write_all(files, &changed)?;
        format!("changed {what}")
    };
    let mut outcome = Outcome::new(Ending::Shown, reason);
    outcome.files_changed = changed.into_iter().map(|file| file.path).collect();
    outcome.changes = set.changes;
    outcome.diff = diff;
    Ok(outcome)
}

/// Writes every file beside its old one first, then puts them in place: what usually goes wrong (no
/// space, no permission) goes wrong before anything has changed.
fn write_all(files: &FileSet, changed: &[SourceFile]) -> Result<(), Failure> {
    let mut ready = Vec::new();
    for new in changed {
        let path = files.root.join(&new.path);
        let old = files.files.iter().find(|old| old.path == new.path);
        check_unchanged(&path, new, old)?;
        let written = written_beside(&path, &new.bytes);
        ready.push(written.map_err(|error| unwritable(&new.path, &error))?);
    }
    for (done, (file, new)) in ready.into_iter().zip(changed).enumerate() {
        let path = files.root.join(&new.path);
        if let Err(error) = file.persist(&path) {
            put_back(files, &changed[..done]);
            return Err(unwritable(&new.path, &error.error));
        }
    }
    Ok(())
}

fn check_unchanged(path: &Path, new: &SourceFile, old: Option<&SourceFile>) -> Result<(), Failure> {
    let now = fs::read(path).map_err(|error| unreadable(&new.path, &error))?;
    let metadata = fs::symlink_metadata(path).map_err(|error| unreadable(&new.path, &error))?;
    if metadata.is_symlink() || old.is_none_or(|old| old.bytes != now) {
        let reason = format!("{}: was changed by someone else meanwhile", new.path);
        return Err(Failure::new(Ending::EditRefused, reason).hint("run the same command again"));
    }
    if metadata.permissions().readonly() {
        let reason = format!("{}: is read-only, expected a file to write", new.path);
        return Err(Failure::new(Ending::EditRefused, reason).hint("allow writing to the file"));
    }
    Ok(())
}

fn written_beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(path);
    let mut file = Builder::new().prefix(".shipgate-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file()
        .set_permissions(fs::metadata(path)?.permissions())?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn put_back(files: &FileSet, written: &[SourceFile]) {
    let old = files
        .files
        .iter()
        .filter(|old| written.iter().any(|new| new.path == old.path));
    for old in old {
        let path = files.root.join(&old.path);
        // The first error is the one that is told; this one can only repeat it.
        let _ = written_beside(&path, &old.bytes).map(|file| file.persist(&path));
    }
}

fn unreadable(path: &str, error: &io::Error) -> Failure {
    Failure::new(
        Ending::EditRefused,
        format!("{path}: could not be read: {error}"),
    )
}

fn unwritable(path: &str, error: &io::Error) -> Failure {
    Failure::new(
        Ending::EditRefused,
        format!("{path}: could not be written: {error}"),
    )
    .hint("no file was changed; mend the cause and run the same command again")
}
