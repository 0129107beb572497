//! When a commit of the application was written, as the checkout of a pipeline knows it.

use std::path::Path;

use chrono::{DateTime, Utc};
use git2::{Repository, RepositoryOpenFlags};

use super::register::prepare;

/// Returns when a commit was written (its author's time), if the checkout around a folder has it.
/// `commit` is an id in hexadecimal, whole or shortened.
///
/// Whatever cannot be read is not known: the time is a figure for reports and decides nothing.
pub fn author_time(folder: &Path, commit: &str) -> Option<DateTime<Utc>> {
    prepare();
    let ceilings: &[&Path] = &[];
    let checkout = Repository::open_ext(folder, RepositoryOpenFlags::empty(), ceilings).ok()?;
    let commit = checkout.find_commit_by_prefix(commit).ok()?;
    let seconds = commit.author().when().seconds();
    DateTime::from_timestamp(seconds, 0)
}
