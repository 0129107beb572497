//! The bare folder of our own, with the remote it belongs to: everything the git thread works on.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use git2::{ErrorCode, Oid, RepositoryInitOptions, RepositoryOpenFlags};

use super::{
    branch_journal::BranchJournals,
    ends,
    error::GitError,
    known::Known,
    names::{WantedJournals, branch_reference},
    questions::{Question, Questions},
    remote::{Depth, Fetched, Moment, Remote, tracking_name},
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
    /// Questions for the refs as they are now, of all who share the repository.
    pub(super) questions: Questions,
    /// The last of them that the last list of refs was an answer to.
    pub(super) answered: Option<Question>,
    /// What is known about journals on branches.
    pub(super) journals: BranchJournals,
    /// Journals that come along with the newest commit of a branch.
    pub(super) wanted_journals: WantedJournals,
    /// Trees and files that were read before.
    pub(super) known: RefCell<Known>,
    folder: PathBuf,
    /// Refs that were fetched; what came before is left out of some.
    fetched: BTreeSet<String>,
    /// Refs of which more than the newest commit was fetched, and how many.
    recent: BTreeMap<String, u16>,
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
            questions: Questions::default(),
            answered: None,
            folder,
            fetched: BTreeSet::new(),
            journals: BranchJournals::default(),
            wanted_journals: WantedJournals::default(),
            known: RefCell::default(),
            recent: BTreeMap::new(),
            has_history: false,
        }
    }

    /// Fetches a branch, of which there must be one.
    pub(super) fn fetch_branch(
        &mut self,
        branch: &str,
        depth: Depth,
        moment: Moment,
    ) -> Result<Oid, GitError> {
        let reference = branch_reference(branch)?;
        match self.fetch(&reference, depth, moment)? {
            Fetched::Tip(tip) => Ok(tip),
            Fetched::Missing { branches } => Err(GitError::branch_missing(
                branch,
                &self.remote.display(),
                &branches,
            )),
        }
    }

    /// Returns where a branch was when the server listed its refs last for a push, if that is here;
    /// else fetches it.
    pub(super) fn branch_for_push(&mut self, branch: &str) -> Result<Oid, GitError> {
        let reference = branch_reference(branch)?;
        match self.remote.listed_for_push(&reference) {
            Some(tip) if self.is_here(&reference, tip) => Ok(tip),
            _ => self.fetch_branch(branch, Depth::Tip, Moment::Now),
        }
    }

    /// Returns the commits whose parents were not fetched.
    pub(super) fn cut_off(&self) -> Result<HashSet<Oid>, GitError> {
        ends::all(&self.store)
    }

    /// Fetches a ref and sees that it is a commit.
    pub(super) fn fetch(
        &mut self,
        reference: &str,
        depth: Depth,
        moment: Moment,
    ) -> Result<Fetched, GitError> {
        let depth = self.wanting(reference, depth);
        if moment == Moment::Listed
            && depth == Depth::Since
            && let Some(tip) = self.remote.listed(reference)
            && self.is_here(reference, tip)
        {
            return Ok(Fetched::Tip(tip));
        }
        let asked = self.questions.last();
        let fetched = if depth == Depth::Tip {
            let journals = &self.wanted_journals;
            self.remote
                .fetch_tip(&self.store, reference, journals, moment)
        } else {
            self.remote.fetch(&self.store, reference, depth, moment)
        };
        self.reopen()?;
        let fetched = fetched?;
        if moment == Moment::Now {
            self.answered = Some(asked);
        }
        if let Fetched::Tip(tip) = &fetched {
            if self.store.find_commit(*tip).is_err() {
                return Err(self.no_commit(reference, *tip));
            }
            self.fetched.insert(reference.to_owned());
            self.has_history |= depth == Depth::Whole;
            if let Depth::Recent(commits) = depth {
                self.recent.insert(reference.to_owned(), commits);
            }
        }
        Ok(fetched)
    }

    /// Refuses a ref that stands for something else than a commit.
    fn no_commit(&self, reference: &str, found: Oid) -> GitError {
        let kind = self.store.find_object(found, None).ok();
        let kind = kind.and_then(|object| object.kind()).map(|kind| kind.str());
        let message = format!(
            "{reference} of {} is a {} ({found}), expected a commit",
            self.remote.display(),
            kind.unwrap_or("thing that cannot be read")
        );
        if reference.starts_with("refs/shipgate/") {
            let hint = format!(
                "shipgate never writes that there: look who did, and take it away by hand \
                 (`git push --force-with-lease={reference}:{found} REMOTE :{reference}`)"
            );
            GitError::unsupported(message, hint)
        } else {
            GitError::invalid(message, "name a branch")
        }
    }

    /// Returns what of a depth is still to be fetched: a new limit would cut off what is here.
    fn wanting(&self, reference: &str, depth: Depth) -> Depth {
        let is_here = match depth {
            Depth::Tip => self.has_history || self.fetched.contains(reference),
            Depth::Recent(commits) => {
                let here = self.recent.get(reference);
                self.has_history || here.is_some_and(|here| *here >= commits)
            }
            Depth::Since | Depth::Whole => false,
        };
        if is_here { Depth::Since } else { depth }
    }

    /// Was this ref fetched, also beside another one, and is its commit here?
    fn is_here(&self, reference: &str, tip: Oid) -> bool {
        let is_kept = || self.store.refname_to_id(&tracking_name(reference)) == Ok(tip);
        (self.fetched.contains(reference) || is_kept()) && self.store.find_commit(tip).is_ok()
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
            self.fetch(&reference, Depth::Whole, Moment::Now)?;
        }
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
