//! The folder of a run, which goes with it; and those of runs that were killed, which the next one
//! clears away.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
    time::Duration,
};

use tempfile::TempDir;

use super::error::GitError;

/// What the names of our folders begin with.
const PREFIX: &str = "shipgate-git-";
/// The file in each that is locked while its run is under way; the system unlocks it with the run.
const LOCK: &str = "lock";
/// Younger ones stay, so that whoever looks into what happened finds them.
const AGE: Duration = Duration::from_hours(24);
/// Most that one run clears away, so that none is kept up by it.
const MOST: usize = 20;

/// A folder of our own below the one for temporary files.
pub(super) struct OwnFolder {
    // Fields drop in this order: it is locked until it is gone.
    folder: TempDir,
    _lock: File,
}

impl OwnFolder {
    /// Makes a folder and locks it, after clearing away what killed runs have left.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn make() -> Result<Self, GitError> {
        let wrong = |error: std::io::Error| {
            GitError::no_room(&format!("make a folder for temporary files: {error}"))
        };
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir()
            .map_err(wrong)?;
        let lock = File::create_new(folder.path().join(LOCK)).map_err(wrong)?;
        // Where locks are not to be had, the folder is not cleared away by others before it is old.
        let _ = lock.try_lock();
        if let Some(below) = folder.path().parent() {
            clear(below, folder.path(), AGE);
        }
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Clears away folders of ours that no run is using any more. What cannot be looked at, or is not
/// surely ours, stays.
fn clear(below: &Path, own: &Path, age: Duration) {
    let (Ok(entries), Ok(ours)) = (fs::read_dir(below), fs::symlink_metadata(own)) else {
        return;
    };
    entries
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(PREFIX.as_bytes())
        })
        .filter(|entry| entry.path() != own && is_left(&entry.path(), &ours, age))
        .take(MOST)
        // Somebody else may be clearing the same one away.
        .for_each(|entry| drop(fs::remove_dir_all(entry.path())));
}

/// Is it an old folder of the same user whose run has ended?
fn is_left(folder: &Path, ours: &fs::Metadata, age: Duration) -> bool {
    let Ok(found) = fs::symlink_metadata(folder) else {
        return false;
    };
    let is_old = found
        .modified()
        .is_ok_and(|at| at.elapsed().is_ok_and(|passed| passed >= age));
    if !found.is_dir() || !is_old || !is_of_the_same_user(&found, ours) {
        return false;
    }
    let lock = OpenOptions::new().write(true).open(folder.join(LOCK));
    lock.is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(unix)]
fn is_of_the_same_user(found: &fs::Metadata, ours: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.uid() == ours.uid()
}

/// Folders for temporary files belong to one user there.
#[cfg(not(unix))]
fn is_of_the_same_user(_found: &fs::Metadata, _ours: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_killed_runs_left_is_cleared_away() {
        let below = tempfile::tempdir().unwrap();
        let make = |name: &str, locked: bool| {
            let folder = below.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("object"), "x").unwrap();
            locked.then(|| File::create_new(folder.join(LOCK)).unwrap())
        };
        let under_way = make("shipgate-git-alive", true).unwrap();
        under_way.lock().unwrap();
        drop(make("shipgate-git-dead", true));
        drop(make("shipgate-git-own", true));
        make("shipgate-git-strange", false);
        drop(make("shipgate-demo", true));
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join(LOCK), "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(elsewhere.path(), below.path().join("shipgate-git-link"))
            .unwrap();
        let left = || {
            let entries = fs::read_dir(below.path()).unwrap().flatten();
            let mut names: Vec<_> = entries
                .map(|entry| entry.file_name().into_string().unwrap())
                .filter(|name| name != "shipgate-git-link")
                .collect();
            names.sort();
            names.join(" ")
        };
        let own = below.path().join("shipgate-git-own");
        clear(below.path(), &own, Duration::from_hours(24));
        assert_eq!(
            left(),
            "shipgate-demo shipgate-git-alive shipgate-git-dead shipgate-git-own shipgate-git-strange"
        );
        clear(below.path(), &own, Duration::ZERO);
        assert_eq!(
            left(),
            "shipgate-demo shipgate-git-alive shipgate-git-own shipgate-git-strange"
        );
        assert!(elsewhere.path().join(LOCK).exists());
    }
}
