//! Commits as they are told: newest first, with what their messages say.

use chrono::{DateTime, Utc};
use git2::{Oid, Sort};

use super::{commit_id::CommitId, error::GitError, local::Local, trailers::Trailers};

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

fn entry(commit: &git2::Commit<'_>) -> Result<LogEntry, GitError> {
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
