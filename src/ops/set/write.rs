//! Writes files of a work tree: every one of them, or none.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use tempfile::{Builder, TempPath};

use super::read::{FileSet, TEMPORARY, unreadable};
use crate::{
    event::{Ending, Failure},
    manifest::SourceFile,
};

/// How many bytes of a file are looked at together.
const PIECE: usize = 1 << 16;

/// Writes every file beside its old one first, then puts them in place: what usually goes wrong (no
/// space, no permission) goes wrong before anything has changed.
///
/// # Errors
/// A file was changed by someone else since it was read, is read-only, or cannot be written; then
/// every file is as it was.
pub(super) fn all(files: &FileSet, changed: &[SourceFile]) -> Result<(), Failure> {
    let mut ready = Vec::with_capacity(changed.len());
    for new in changed {
        let path = files.root().join(&new.path);
        let permissions = check_unchanged(&path, new, files.manifests().text(&new.path))?;
        let written = written_beside(&path, &new.bytes, permissions);
        ready.push(written.map_err(|error| unwritable(&new.path, &error))?);
    }
    for (done, (file, new)) in ready.into_iter().zip(changed).enumerate() {
        if let Err(error) = file.persist(files.root().join(&new.path)) {
            put_back(files, changed.get(..done).unwrap_or_default());
            return Err(unwritable(&new.path, &error.error));
        }
    }
    Ok(())
}

/// Refuses a file that is not what was read; returns its permissions.
fn check_unchanged(
    path: &Path,
    new: &SourceFile,
    old: Option<&str>,
) -> Result<fs::Permissions, Failure> {
    let metadata = fs::symlink_metadata(path).map_err(|error| unreadable(&new.path, &error))?;
    let is_same = old.map_or(Ok(false), |old| holds(path, old.as_bytes()));
    let is_same = is_same.map_err(|error| unreadable(&new.path, &error))?;
    if metadata.is_symlink() || !is_same {
        let reason = format!("{}: was changed by someone else meanwhile", new.path);
        return Err(Failure::new(Ending::EditRefused, reason).hint("run the same command again"));
    }
    if metadata.permissions().readonly() {
        let reason = format!("{}: is read-only, expected a file to write", new.path);
        return Err(Failure::new(Ending::EditRefused, reason).hint("allow writing to the file"));
    }
    Ok(metadata.permissions())
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
fn written_beside(path: &Path, bytes: &[u8], permissions: fs::Permissions) -> io::Result<TempPath> {
    let folder = path.parent().unwrap_or(path);
    let mut file = Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(permissions)?;
    // Closed at once: there may be more of them than a process may have open.
    Ok(file.into_temp_path())
}

fn put_back(files: &FileSet, written: &[SourceFile]) {
    for new in written {
        let path = files.root().join(&new.path);
        let Some(old) = files.manifests().text(&new.path) else {
            continue;
        };
        // The first error is the one that is told; this one can only repeat it.
        let _ = fs::metadata(&path)
            .and_then(|now| written_beside(&path, old.as_bytes(), now.permissions()))
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
