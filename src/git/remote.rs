//! What the two ways to a server have in common: list, fetch, push.

use git2::{Oid, Repository};

use super::{error::GitError, names::WantedJournals};

/// How much of a ref's history to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Only the newest commit with its files.
    Tip,
    /// So many of the newest commits.
    Recent(u16),
    /// Whatever is new since the last fetch.
    Since,
    /// Everything back to the first commit.
    Whole,
}

impl Depth {
    /// Returns the number that stands for it; 0 = no limit on what is new.
    pub(super) fn number(self, store: &Repository) -> i32 {
        match self {
            Self::Tip => 1,
            Self::Recent(commits) => i32::from(commits),
            // Git's number for "infinite", which also takes back an earlier limit.
            Self::Whole if store.is_shallow() => i32::MAX,
            Self::Since | Self::Whole => 0,
        }
    }
}

/// Of which moment the refs are that a read begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Now: the server is asked for them.
    Now,
    /// The one at which the server listed them last for reading, where that is remembered. For what
    /// belongs together, and for what a compare-and-set follows.
    Listed,
}

/// The refs of a remote.
#[derive(Debug, Default, Clone)]
pub(super) struct Listing {
    /// The full ref that `HEAD` stands for.
    pub(super) head: Option<String>,
    /// Full names and what they point to.
    pub(super) refs: Vec<(String, Oid)>,
}

impl Listing {
    pub(super) fn find(&self, reference: &str) -> Option<Oid> {
        let found = self.refs.iter().find(|(name, _)| name == reference);
        found.map(|(_, id)| *id)
    }

    pub(super) fn branches(&self) -> Vec<String> {
        self.refs
            .iter()
            .filter_map(|(name, _)| name.strip_prefix("refs/heads/"))
            .map(str::to_owned)
            .collect()
    }
}

/// What a fetch found.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The ref's commit, which is now in the store.
    Tip(Oid),
    /// There is no such ref.
    Missing {
        /// The branches that there are.
        branches: Vec<String>,
    },
}

/// A wish to move a ref from what we know to something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    /// Full name.
    pub(super) reference: String,
    /// Where it must be; none = it must not exist.
    pub(super) expected: Option<Oid>,
    /// Where it shall be; zero = it shall be gone, which only a ref that is replaced may.
    pub(super) new: Oid,
    /// May what is there now be given up? Only for branches of our own.
    pub(super) replaces: bool,
}

/// What the dialogue of a push says. Proof is only what the ref says afterwards.
#[derive(Debug)]
pub(super) enum Report {
    /// The server says it did it.
    Accepted,
    /// The server says it did not, and why.
    Refused(String),
    /// Nothing was sent: the ref was not where it was expected.
    Stale,
    /// Nothing was sent: the ref is here instead of where it was expected.
    Elsewhere(Option<Oid>),
    /// The dialogue ended early, after the server may have got it.
    Broken(GitError),
}

/// A way to a remote repository. Errors mean that nothing was changed there.
pub(super) trait Remote {
    /// Returns the address as it may be printed.
    fn display(&self) -> String;

    /// Lists `HEAD` and the refs; only the one wanted, where the server can leave out the others.
    fn list(&self, store: &Repository, only: Option<&str>) -> Result<Listing, GitError>;

    /// Fetches a ref into the store, under [`tracking_name`].
    fn fetch(
        &self,
        store: &Repository,
        reference: &str,
        depth: Depth,
        moment: Moment,
    ) -> Result<Fetched, GitError>;

    /// Fetches the newest commit of a ref into the store, and the journals that are wanted with their
    /// history where that takes no request more.
    fn fetch_tip(
        &self,
        store: &Repository,
        reference: &str,
        _journals: &WantedJournals,
        moment: Moment,
    ) -> Result<Fetched, GitError> {
        self.fetch(store, reference, Depth::Tip, moment)
    }

    /// Fetches all refs whose names begin with `below`, which ends with `/`, into the store.
    fn fetch_below(&self, store: &Repository, below: &str) -> Result<(), GitError>;

    /// Moves a ref by compare-and-set.
    fn push(&self, store: &Repository, update: &Update) -> Result<Report, GitError>;

    /// Moves several refs, each by a compare-and-set of its own: where the server takes that, at once.
    fn push_all(&self, store: &Repository, updates: &[&Update]) -> Vec<Result<Report, GitError>> {
        updates
            .iter()
            .map(|update| self.push(store, update))
            .collect()
    }

    /// Asks the server for leave to push, without pushing. Returns the refs that there are.
    fn check_push(&self, store: &Repository, reference: &str) -> Result<Listing, GitError>;

    /// Looks where a ref is after a push. What it finds may serve the next push as well.
    fn read_back(&self, store: &Repository, reference: &str) -> Result<Option<Oid>, GitError> {
        Ok(self.list(store, Some(reference))?.find(reference))
    }

    /// Returns where a ref was when the refs were listed last for reading, if that is remembered.
    fn listed(&self, _reference: &str) -> Option<Oid> {
        None
    }

    /// The same, when they were listed last for a push.
    fn listed_for_push(&self, _reference: &str) -> Option<Oid> {
        None
    }
}

/// Returns the name under which the store keeps a ref of the remote.
pub(super) fn tracking_name(reference: &str) -> String {
    format!("refs/origin/{}", reference.trim_start_matches("refs/"))
}
