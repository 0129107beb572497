//! Writes files of a work tree: every one of them, or none.

use std::{
    fs::{self, File, Metadata, TryLockError},
    io::{self, Read, Write},
    path::Path,
    thread,
    time::Duration,
};

use tempfile::{Builder, TempPath};

use super::read::{FileSet, TEMPORARY, unreadable};
use crate::{
    event::{Ending, Failure},
    manifest::SourceFile,
};

/// How many bytes of a file are looked at together.
const PIECE: usize = 1 << 16;
/// How often another run in the same folder is asked whether it has written its files.
const LOCK_TRIES: u32 = 200;
/// How long it is left in peace after each time: it needs a few milliseconds in all.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// New files, each beside its old one: what usually goes wrong (no space, no permission) goes wrong before
/// anything has changed. What is not put in place is taken away.
pub(super) struct Staged<'a> {
    files: &'a FileSet,
    ready: Vec<(String, TempPath)>,
    /// What went wrong first.
    failure: Option<Failure>,
}

impl<'a> Staged<'a> {
    /// Starts with none.
    pub(super) fn new(files: &'a FileSet) -> Self {
        Self {
            files,
            ready: Vec::new(),
            failure: None,
        }
    }

    /// Writes a file beside its old one. Once something has gone wrong, nothing more is written.
    pub(super) fn add(&mut self, new: &SourceFile) {
        if self.failure.is_some() {
            return;
        }
        let path = self.files.root().join(&new.path);
        let written = check_unchanged(self.files, &path, &new.path).and_then(|old| {
            let written = written_beside(&path, &new.bytes, &old);
            written.map_err(|error| unwritable(&new.path, &error))
        });
        match written {
            Ok(file) => self.ready.push((new.path.clone(), file)),
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Puts every file in the place of its old one, one run at a time.
    ///
    /// # Errors
    /// A file was changed by someone else since it was read, is read-only, or could not be written; then
    /// every file is as it was.
    pub(super) fn put_in_place(self) -> Result<(), Failure> {
        let Self {
            files,
            ready,
            failure,
        } = self;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let _lock = lock(files.root());
        let mut done = Vec::with_capacity(ready.len());
        for (name, file) in ready {
            let path = files.root().join(&name);
            let placed = check_unchanged(files, &path, &name).and_then(|_| {
                let persisted = file.persist(path);
                persisted.map_err(|error| unwritable(&name, &error.error))
            });
            if let Err(failure) = placed {
                put_back(files, &done);
                return Err(failure);
            }
            done.push(name);
        }
        Ok(())
    }
}

/// Keeps other runs in the same folder from changing a file between our look at it and our writing. It
/// goes with the file that is returned; none where the folder cannot be locked, or where somebody holds
/// it for long, as a script that started us with `flock` does.
#[expect(
    clippy::disallowed_methods,
    reason = "waits for another process, which knows no clock of ours"
)]
fn lock(root: &Path) -> Option<File> {
    let folder = File::open(root).ok()?;
    for _ in 0..LOCK_TRIES {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(_)) => return None,
        }
    }
    None
}

/// Refuses a file that is not what was read; returns what is known of it.
fn check_unchanged(files: &FileSet, path: &Path, name: &str) -> Result<Metadata, Failure> {
    let metadata = fs::symlink_metadata(path).map_err(|error| unreadable(name, &error))?;
    let is_same = !metadata.is_symlink()
        && (files.is_as_read(name, &metadata) || {
            let old = files.manifests().text(name);
            let is_same = old.map_or(Ok(false), |old| holds(path, old.as_bytes()));
            is_same.map_err(|error| unreadable(name, &error))?
        });
    if !is_same {
        let reason = format!("{name}: was changed by someone else meanwhile");
        return Err(Failure::new(Ending::EditRefused, reason).hint("run the same command again"));
    }
    if metadata.permissions().readonly() {
        let reason = format!("{name}: is read-only, expected a file to write");
        return Err(Failure::new(Ending::EditRefused, reason).hint("allow writing to the file"));
    }
    Ok(metadata)
}

/// Does a file hold these bytes and no other? It is read piece by piece: it may be large.
fn holds(path: &Path, mut bytes: &[u8]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE.min(bytes.len() + 1)];
    loop {
        let length = match file.read(&mut piece) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if length == 0 {
            return Ok(bytes.is_empty());
        }
        match bytes.strip_prefix(piece.get(..length).unwrap_or_default()) {
            Some(rest) => bytes = rest,
            None => return Ok(false),
        }
    }
}

/// Writes a file that only has to be renamed. It is not forced to the disk: a work tree can be made
/// again from git, which does not force its files there either, and with a thousand files that wait
/// would be all of the time that the command takes. The rename alone keeps readers from half a file.
fn written_beside(path: &Path, bytes: &[u8], old: &Metadata) -> io::Result<TempPath> {
    let folder = path.parent().unwrap_or(path);
    let mut file = Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
    file.write_all(bytes)?;
    keep_owner(file.as_file(), old)?;
    file.as_file().set_permissions(old.permissions())?;
    // Closed at once: there may be more of them than a process may have open.
    Ok(file.into_temp_path())
}

/// Gives a new file the owner and the group of the old one, as far as that is allowed: a container in which
/// all is done as root must not take a person's files away.
#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    if fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
        // Who may not give a file away may still have the group.
        let _ = fchown(file, None, Some(old.gid()));
    }
    Ok(())
}

/// Owners are not kept here.
#[cfg(not(unix))]
fn keep_owner(_file: &File, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

fn put_back(files: &FileSet, written: &[String]) {
    for name in written {
        let path = files.root().join(name);
        let Some(old) = files.manifests().text(name) else {
            continue;
        };
        // The first error is the one that is told; this one can only repeat it.
        let _ = fs::metadata(&path)
            .and_then(|now| written_beside(&path, old.as_bytes(), &now))
            .map(|file| file.persist(&path));
    }
}

fn unwritable(path: &str, error: &io::Error) -> Failure {
    Failure::new(
        Ending::EditRefused,
        format!("{path}: could not be written: {error}"),
    )
    .hint("no file was changed; mend the cause and run the same command again")
}
