//! Commits as they are told: newest first, with what their messages say and which files they change.

use chrono::{DateTime, Utc};
use git2::{DiffOptions, Oid, Sort};

use super::{
    commit_id::CommitId,
    error::GitError,
    local::Local,
    remote::{Depth, Moment},
    trailers::Trailers,
};

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its id.
    pub id: CommitId,
    /// What it builds on; none where the history begins, or is cut off because it was not fetched.
    pub parents: Vec<CommitId>,
    /// When it was committed.
    pub at: DateTime<Utc>,
    /// Who wrote it, as `Name <address>`. Untrusted text.
    pub author: String,
    /// First line of the message. Untrusted text.
    pub subject: String,
    /// The whole message. Untrusted text.
    pub message: String,
    /// What it says about itself; anyone who may push can write it.
    pub trailers: Trailers,
}

/// How many commits are fetched at first, and at most: each time four times as many.
const FIRST_COMMITS: u16 = 100;
const MOST_COMMITS: u16 = 20_000;
/// A commit says itself when it was made. So many in a row have to be from before an instant until
/// those behind them are taken to be so, too.
const SURELY_BEFORE: usize = 20;

/// A branch with a part of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its head.
    pub tip: CommitId,
    /// The line of first parents, newest first, as far as it was fetched.
    pub line: Vec<CommitId>,
    /// Does the line end because more was not fetched?
    pub cut: bool,
}

/// Fetches a branch until its line of first parents reaches beyond an instant.
pub(super) fn fetch_since(
    local: &mut Local,
    branch: &str,
    since: Option<DateTime<Utc>>,
) -> Result<Past, GitError> {
    let mut commits = FIRST_COMMITS;
    loop {
        let tip = local.fetch_branch(branch, Depth::Recent(commits), Moment::Now)?;
        let cut_off = local.cut_off()?;
        let mut line = Vec::new();
        let mut before = 0;
        let mut cut = false;
        let mut next = Some(tip);
        while let Some(id) = next {
            let commit = local.commit_of(id)?;
            line.push(CommitId::of(id));
            let at = commit.time().seconds();
            let is_before = since.is_some_and(|since| at < since.timestamp());
            before = if is_before { before + 1 } else { 0 };
            cut = cut_off.contains(&id);
            next = commit.parent_ids().next().filter(|_| !cut);
        }
        if !cut || before >= SURELY_BEFORE || commits >= MOST_COMMITS {
            let tip = CommitId::of(tip);
            return Ok(Past { tip, line, cut });
        }
        commits = commits.saturating_mul(4).min(MOST_COMMITS);
    }
}

/// Returns the paths that differ between two commits, old and new names both.
pub(super) fn changed_paths(
    local: &Local,
    older: Option<Oid>,
    newer: Oid,
) -> Result<Vec<String>, GitError> {
    let comparing = GitError::while_doing("compare two commits");
    let tree = |id| local.commit_of(id)?.tree().map_err(&comparing);
    let older = older.map(tree).transpose()?;
    let newer = tree(newer)?;
    let mut options = DiffOptions::new();
    options.skip_binary_check(true).ignore_submodules(true);
    let diff = local
        .store
        .diff_tree_to_tree(older.as_ref(), Some(&newer), Some(&mut options))
        .map_err(&comparing)?;
    let mut paths: Vec<String> = diff
        .deltas()
        .flat_map(|delta| [delta.old_file(), delta.new_file()])
        .filter_map(|file| {
            file.path()
                .and_then(|path| path.to_str())
                .map(str::to_owned)
        })
        .collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Returns up to `limit` commits from `from` on back, every commit before its parents.
pub(super) fn log(local: &Local, from: Oid, limit: usize) -> Result<Vec<LogEntry>, GitError> {
    local.commit_of(from)?;
    let walking = GitError::while_doing("walk the history");
    let mut walk = local.store.revwalk().map_err(&walking)?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)
        .and_then(|()| walk.push(from))
        .map_err(&walking)?;
    walk.take(limit)
        .map(|id| entry(&local.commit_of(id.map_err(&walking)?)?))
        .collect()
}

pub(super) fn entry(commit: &git2::Commit<'_>) -> Result<LogEntry, GitError> {
    let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
    let author = commit.author();
    let seconds = commit.time().seconds();
    let at = DateTime::from_timestamp(seconds, 0).ok_or_else(|| {
        GitError::invalid(
            format!(
                "commit {} has the time {seconds}, which is no date",
                commit.id()
            ),
            "the commit is damaged: look at it with `git cat-file -p`",
        )
    })?;
    Ok(LogEntry {
        id: CommitId::of(commit.id()),
        parents: commit.parent_ids().map(CommitId::of).collect(),
        at,
        author: format!(
            "{} <{}>",
            String::from_utf8_lossy(author.name_bytes()),
            String::from_utf8_lossy(author.email_bytes())
        ),
        subject: message.lines().next().unwrap_or_default().to_owned(),
        trailers: Trailers::parse(&message),
        message,
    })
}
