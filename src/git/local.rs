//! The bare folder of our own, with the remote it belongs to: everything the git thread works on.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use git2::{ErrorCode, Oid, RepositoryInitOptions, RepositoryOpenFlags};

use super::{
    branch_journal::BranchJournals,
    error::GitError,
    names::branch_reference,
    push::Proof,
    remote::{Depth, Fetched, Remote},
    signing::Author,
    worker::Calls,
};

/// What the git thread owns.
pub(super) struct Local {
    pub(super) calls: Arc<Calls>,
    pub(super) store: git2::Repository,
    pub(super) remote: Box<dyn Remote>,
    /// As whom commits are made.
    pub(super) author: Author,
    /// Marks this run's journal records, so that two runs never write the same commit.
    pub(super) writer: String,
    /// The branch that the server's `HEAD` stands for, where that was asked for with its commit.
    pub(super) default_branch: Option<String>,
    /// What shows that the push under way was applied.
    pub(super) proof: Proof,
    /// What is known about journals on branches.
    pub(super) journals: BranchJournals,
    folder: PathBuf,
    /// Refs that were fetched; what came before is left out of some.
    fetched: BTreeSet<String>,
    /// Refs of which more than the newest commit was fetched.
    recent: BTreeSet<String>,
    /// Has any ref been fetched with its whole history?
    has_history: bool,
}

/// Makes an empty bare repository without templates.
pub(super) fn create_store(folder: &Path) -> Result<git2::Repository, GitError> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).mkpath(true);
    git2::Repository::init_opts(folder, &options)
        .map_err(GitError::while_doing("make a folder for the repository"))
}

impl Local {
    pub(super) fn new(
        calls: Arc<Calls>,
        folder: PathBuf,
        store: git2::Repository,
        remote: Box<dyn Remote>,
        author: Author,
        writer: String,
    ) -> Self {
        Self {
            calls,
            store,
            remote,
            author,
            writer,
            default_branch: None,
            proof: Proof::ReadBack,
            folder,
            fetched: BTreeSet::new(),
            journals: BranchJournals::default(),
            recent: BTreeSet::new(),
            has_history: false,
        }
    }

    /// Fetches a branch, of which there must be one.
    pub(super) fn fetch_branch(&mut self, branch: &str, whole: bool) -> Result<Oid, GitError> {
        let reference = branch_reference(branch)?;
        let depth = if whole {
            Depth::Whole
        } else if self.fetched.contains(&reference) || self.has_history {
            // A new limit would cut off what is here already.
            Depth::Since
        } else {
            Depth::Tip
        };
        match self.fetch(&reference, depth)? {
            Fetched::Tip(tip) => {
                self.has_history |= whole;
                Ok(tip)
            }
            Fetched::Missing { branches } => Err(GitError::branch_missing(
                branch,
                &self.remote.display(),
                &branches,
            )),
        }
    }

    /// Fetches so many of a branch's newest commits; none = there is no such branch.
    pub(super) fn fetch_recent(
        &mut self,
        branch: &str,
        commits: u16,
    ) -> Result<Option<Oid>, GitError> {
        let reference = branch_reference(branch)?;
        let depth = if self.has_history || self.recent.contains(&reference) {
            Depth::Since
        } else {
            Depth::Recent(commits)
        };
        let Fetched::Tip(tip) = self.fetch(&reference, depth)? else {
            return Ok(None);
        };
        self.recent.insert(reference);
        Ok(Some(tip))
    }

    /// Fetches a branch, of which there must be one, with its newest commits.
    pub(super) fn fetch_newest(&mut self, branch: &str, commits: u16) -> Result<Oid, GitError> {
        if self.has_history {
            return self.fetch_branch(branch, false);
        }
        let reference = branch_reference(branch)?;
        match self.fetch(&reference, Depth::Recent(commits))? {
            Fetched::Tip(tip) => Ok(tip),
            Fetched::Missing { branches } => Err(GitError::branch_missing(
                branch,
                &self.remote.display(),
                &branches,
            )),
        }
    }

    /// Returns the commits whose parents were not fetched.
    pub(super) fn cut_off(&self) -> HashSet<Oid> {
        let list = std::fs::read_to_string(self.store.path().join("shallow"));
        let list = list.unwrap_or_default();
        list.lines()
            .filter_map(|line| Oid::from_str(line).ok())
            .collect()
    }

    /// Fetches a ref and sees that it is a commit.
    pub(super) fn fetch(&mut self, reference: &str, depth: Depth) -> Result<Fetched, GitError> {
        let fetched = self.remote.fetch(&self.store, reference, depth);
        self.reopen()?;
        let fetched = fetched?;
        if let Fetched::Tip(tip) = &fetched {
            self.store.find_commit(*tip).map_err(|error| {
                GitError::invalid(
                    format!(
                        "{reference} of {} is not a commit: {}",
                        self.remote.display(),
                        error.message()
                    ),
                    "name a branch",
                )
            })?;
            self.fetched.insert(reference.to_owned());
        }
        Ok(fetched)
    }

    /// Fetches all refs whose names begin with `below`, which ends with `/`.
    pub(super) fn fetch_below(&mut self, below: &str) -> Result<(), GitError> {
        let fetched = self.remote.fetch_below(&self.store, below);
        self.reopen()?;
        fetched
    }

    /// Forgets what libgit2 keeps in memory: a commit read while its parents were cut off stays
    /// without parents there.
    fn reopen(&mut self) -> Result<(), GitError> {
        let flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::BARE;
        self.store = git2::Repository::open_ext(&self.folder, flags, &[] as &[&Path])
            .map_err(GitError::while_doing("open our own folder"))?;
        Ok(())
    }

    /// Returns where a ref of the remote is now.
    pub(super) fn tip(&self, reference: &str) -> Result<Option<Oid>, GitError> {
        let listing = self.remote.list(&self.store, Some(reference))?;
        Ok(listing.find(reference))
    }

    /// Is `ancestor` in the history of `descendant`, as far as that is here? libgit2's own answer
    /// is an error where the history is cut off.
    pub(super) fn descends(&self, descendant: Oid, ancestor: Oid) -> Result<bool, GitError> {
        let mut seen = HashSet::from([descendant]);
        let mut next = VecDeque::from([descendant]);
        while let Some(id) = next.pop_front() {
            if id == ancestor {
                return Ok(true);
            }
            match self.store.find_commit(id) {
                Ok(commit) => {
                    next.extend(commit.parent_ids().filter(|parent| seen.insert(*parent)))
                }
                Err(error) if error.code() == ErrorCode::NotFound => {}
                Err(error) => return Err(GitError::while_doing("compare two commits")(error)),
            }
        }
        Ok(false)
    }

    /// Is `ancestor` in the history of `descendant`? Fetches what is missing for a sure no.
    pub(super) fn contains(&mut self, descendant: Oid, ancestor: Oid) -> Result<bool, GitError> {
        self.commit_of(descendant)?;
        if self.descends(descendant, ancestor)? {
            return Ok(true);
        }
        if !self.store.is_shallow() {
            return Ok(false);
        }
        for reference in self.fetched.clone() {
            self.fetch(&reference, Depth::Whole)?;
        }
        self.has_history = true;
        self.descends(descendant, ancestor)
    }

    /// Returns a commit that was fetched or made here.
    pub(super) fn commit_of(&self, id: Oid) -> Result<git2::Commit<'_>, GitError> {
        self.store.find_commit(id).map_err(|error| {
            if error.code() == ErrorCode::NotFound {
                GitError::invalid(
                    format!(
                        "commit {id} is not in what was fetched from {}",
                        self.remote.display()
                    ),
                    "fetch the branch that holds it, with its history",
                )
            } else {
                GitError::while_doing("read a commit")(error)
            }
        })
    }
}
