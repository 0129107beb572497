//! The commits at which the history in our own folder ends: git's file `shallow`, an id a line.

use std::{collections::HashSet, fs, io::ErrorKind};

use git2::{Oid, Repository};

use super::error::GitError;

/// Returns the commits whose parents are not here.
pub(super) fn all(store: &Repository) -> Result<HashSet<Oid>, GitError> {
    match fs::read_to_string(store.path().join("shallow")) {
        Ok(list) => Ok(list
            .lines()
            .filter_map(|line| Oid::from_str(line).ok())
            .collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(HashSet::new()),
        Err(error) => Err(unusable(&error)),
    }
}

/// Lets the history end at a commit, which need not be here yet.
pub(super) fn add(store: &Repository, commit: Oid) -> Result<(), GitError> {
    let mut ends = all(store)?;
    if ends.insert(commit) {
        write(store, &ends)?;
    }
    Ok(())
}

/// Takes that back.
pub(super) fn remove(store: &Repository, commit: Oid) -> Result<(), GitError> {
    let mut ends = all(store)?;
    if ends.remove(&commit) {
        write(store, &ends)?;
    }
    Ok(())
}

fn write(store: &Repository, ends: &HashSet<Oid>) -> Result<(), GitError> {
    let path = store.path().join("shallow");
    let written = if ends.is_empty() {
        fs::remove_file(path)
    } else {
        let lines: String = ends.iter().map(|end| format!("{end}\n")).collect();
        fs::write(path, lines)
    };
    written.map_err(|error| unusable(&error))
}

fn unusable(error: &std::io::Error) -> GitError {
    GitError::internal(format!(
        "could not keep where the history in our own folder ends: {error}"
    ))
}
