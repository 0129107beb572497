//! The world's bare git repository. With [`objects`], the only part of the world that knows git2.

mod objects;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use git2::{
    ErrorCode, FileMode, Oid, Repository, RepositoryInitOptions, Signature, Time, TreeWalkMode,
    TreeWalkResult, build::TreeUpdateBuilder,
};

pub(super) use git2::{Error as GitError, Oid as ObjectId};
pub(super) use objects::Wanted;

/// One commit of the branch, for a picture of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Full id.
    pub commit: String,
    /// First line of the message.
    pub subject: String,
    /// The rest of the message, trailers included; may be empty.
    pub body: String,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Branches and other references that stand on it, such as `refs/heads/main`.
    pub references: Vec<String>,
}

/// What became of a change of one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Changed {
    /// It is as asked.
    Done,
    /// It did not stand where the writer thought; this is where it stands.
    Lost(Option<ObjectId>),
}

/// A bare repository with one branch that people follow.
pub(super) struct Remote {
    repository: Mutex<Repository>,
    branch: String,
}

impl Remote {
    /// Makes the repository with one commit of `files` (path and text).
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn create(
        folder: &Path,
        branch: &str,
        files: &[(String, String)],
        now: DateTime<Utc>,
    ) -> Result<Self, GitError> {
        let mut options = RepositoryInitOptions::new();
        options
            .bare(true)
            .no_reinit(true)
            .external_template(false)
            .initial_head(branch);
        let repository = Repository::init_opts(folder, &options)?;
        let remote = Self {
            repository: Mutex::new(repository),
            branch: format!("refs/heads/{branch}"),
        };
        {
            let repository = remote.lock();
            let empty = repository.treebuilder(None)?.write()?;
            let files: Vec<_> = files
                .iter()
                .map(|(path, text)| (path.as_str(), text.as_bytes()))
                .collect();
            let first = commit(
                &repository,
                None,
                empty,
                &files,
                "the shop as it runs today",
                ("Shop Platform Team", "platform@shop.example"),
                now,
            )?;
            repository.reference(&remote.branch, first, false, "first commit")?;
        }
        Ok(remote)
    }

    fn lock(&self) -> MutexGuard<'_, Repository> {
        self.repository
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the full name of the branch that people follow.
    pub(super) fn branch(&self) -> &str {
        &self.branch
    }

    /// Returns the tip of the branch.
    ///
    /// # Errors
    /// The branch is gone.
    pub(super) fn tip(&self) -> Result<ObjectId, GitError> {
        self.lock().refname_to_id(&self.branch)
    }

    /// Returns all references by name, in the order of their names.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub(super) fn references(&self) -> Result<Vec<(String, ObjectId)>, GitError> {
        let repository = self.lock();
        let mut found = Vec::new();
        for reference in repository.references()? {
            let reference = reference?;
            if let (Ok(name), Some(target)) = (reference.name(), reference.target()) {
                found.push((name.to_owned(), target));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Changes a reference from `old` to `new` (none: not there) in one step, or not at all.
    ///
    /// # Errors
    /// The name is not one that git allows, or the repository cannot be written.
    pub(super) fn change(
        &self,
        name: &str,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
    ) -> Result<Changed, GitError> {
        let repository = self.lock();
        let current = match repository.refname_to_id(name) {
            Ok(current) => Some(current),
            Err(error) if error.code() == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        if current != old {
            return Ok(Changed::Lost(current));
        }
        let changed = match (old, new) {
            (None, None) => Ok(()),
            (None, Some(new)) => repository.reference(name, new, false, "push").map(drop),
            (Some(old), Some(new)) => repository
                .reference_matching(name, new, true, old, "push")
                .map(drop),
            (Some(_), None) => repository.find_reference(name)?.delete(),
        };
        match changed {
            Ok(()) => Ok(Changed::Done),
            // Only a process outside the world can come between the look and the change.
            Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists) => {
                Ok(Changed::Lost(repository.refname_to_id(name).ok()))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns a file's bytes at a commit; none when it is not there.
    ///
    /// # Errors
    /// The commit is not there.
    pub(super) fn read(&self, at: ObjectId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let repository = self.lock();
        let entry = match repository
            .find_commit(at)?
            .tree()?
            .get_path(Path::new(path))
        {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let blob = repository.find_blob(entry.id())?;
        Ok(Some(blob.content().to_vec()))
    }

    /// Returns path and bytes of every file below a folder at a commit.
    ///
    /// # Errors
    /// The commit or the folder is not there.
    pub(super) fn files(
        &self,
        at: ObjectId,
        folder: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, GitError> {
        let repository = self.lock();
        let entry = repository
            .find_commit(at)?
            .tree()?
            .get_path(Path::new(folder))?;
        let mut found = Vec::new();
        repository
            .find_tree(entry.id())?
            .walk(TreeWalkMode::PreOrder, |below, entry| {
                if let (Ok(name), Ok(blob)) = (entry.name(), repository.find_blob(entry.id())) {
                    found.push((format!("{folder}/{below}{name}"), blob.content().to_vec()));
                }
                TreeWalkResult::Ok
            })?;
        Ok(found)
    }

    /// Commits one file to the branch, as another writer would.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub(super) fn write(
        &self,
        path: &str,
        bytes: &[u8],
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<ObjectId, GitError> {
        loop {
            let parent = self.tip()?;
            let new = {
                let repository = self.lock();
                let base = repository.find_commit(parent)?.tree_id();
                commit(
                    &repository,
                    Some(parent),
                    base,
                    &[(path, bytes)],
                    message,
                    ("Robin Rival", "robin@shop.example"),
                    now,
                )?
            };
            if self.change(&self.branch, Some(parent), Some(new))? == Changed::Done {
                return Ok(new);
            }
        }
    }

    /// Returns the branch's commits, newest first, along first parents.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub(super) fn log(&self) -> Result<Vec<LogLine>, GitError> {
        let references = self.references()?;
        let mut next = Some(self.tip()?);
        let repository = self.lock();
        let mut lines = Vec::new();
        while let Some(id) = next {
            let commit = repository.find_commit(id)?;
            let text = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            let (subject, body) = text.trim_end().split_once('\n').unwrap_or((&text, ""));
            lines.push(LogLine {
                commit: id.to_string(),
                subject: subject.trim_end().to_owned(),
                body: body.trim_start().to_owned(),
                author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
                at: DateTime::from_timestamp(commit.time().seconds(), 0).unwrap_or_default(),
                references: references
                    .iter()
                    .filter(|(_, target)| *target == id)
                    .map(|(name, _)| name.clone())
                    .collect(),
            });
            next = commit.parent_ids().next();
        }
        Ok(lines)
    }
}

fn commit(
    repository: &Repository,
    parent: Option<Oid>,
    base: Oid,
    files: &[(&str, &[u8])],
    message: &str,
    (name, address): (&str, &str),
    now: DateTime<Utc>,
) -> Result<Oid, GitError> {
    let mut update = TreeUpdateBuilder::new();
    for (path, bytes) in files {
        update.upsert(*path, repository.blob(bytes)?, FileMode::Blob);
    }
    let base = repository.find_tree(base)?;
    let tree = repository.find_tree(update.create_updated(repository, &base)?)?;
    let author = Signature::new(name, address, &Time::new(now.timestamp(), 0))?;
    let parent = parent.map(|id| repository.find_commit(id)).transpose()?;
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(None, &author, &author, message, &tree, &parents)
}
