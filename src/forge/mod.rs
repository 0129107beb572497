//! Has changes proposed and merged where branches take no push: pull requests of GitHub, merge
//! requests of GitLab, behind one trait.
//!
//! What a forge answers is never taken for a merge or a leave unless it says so in the words that it
//! documents. Its texts are untrusted: they come out of here as one short line without control
//! characters.

mod address;
mod github;
mod gitlab;
mod wire;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

pub use address::Address;

use crate::{
    clock::Clock,
    config::pull_request::{ForgeKind, MergeMethod},
    probe::Client,
    secret::Secret,
};

/// An answer to come.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + 'a>>;

/// Why a forge did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// No answer, or it is busy; it may work later.
    Unavailable {
        /// Why, as a clause.
        reason: String,
        /// How long it asks to be left alone.
        wait: Option<Duration>,
    },
    /// The token is not taken, or may not do that.
    Denied(String),
    /// It is not there, or the token may not see it.
    Missing(String),
    /// It refuses what was asked, and would tomorrow.
    Refused(String),
}

impl Trouble {
    /// Returns what happened, as one line.
    pub fn reason(&self) -> &str {
        match self {
            Self::Unavailable { reason, .. }
            | Self::Denied(reason)
            | Self::Missing(reason)
            | Self::Refused(reason) => reason,
        }
    }
}

/// A pull or merge request as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number in the project.
    pub number: u64,
    /// Its page, for people.
    pub page: String,
    /// The newest commit of the branch that shall be merged, full id.
    pub head: String,
    /// How it stands.
    pub state: State,
}

/// How a pull request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can still be merged.
    Open(Readiness),
    /// It is merged.
    Merged {
        /// The commit that the merge brought to the branch, full id.
        commit: String,
    },
    /// Somebody has closed it without merging.
    Closed,
}

/// What stands between an open pull request and its merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing.
    Ready,
    /// It does not fit onto the branch as that is now, or must be made on its newest commit.
    Outdated,
    /// Something else; says what, in the forge's words.
    Blocked(String),
    /// The forge has not found out yet.
    Unknown,
}

/// What the checks of a commit say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checks {
    /// There is none, so far.
    None,
    /// Some are not through. Names them.
    Pending(Vec<String>),
    /// All are through, and none is bad.
    Passed,
    /// Some are bad. Names them.
    Failed(Vec<String>),
}

/// A pull request to be.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The branch that shall be merged.
    pub branch: &'a str,
    /// The branch that it shall be merged into.
    pub target: &'a str,
    /// One line of at most 255 characters.
    pub title: &'a str,
    /// Markdown.
    pub body: &'a str,
    /// Labels.
    pub labels: &'a [String],
    /// Whom a review is asked of.
    pub reviewers: &'a [String],
}

/// What became of opening one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is open. Says what of labels and reviewers did not work.
    Done {
        /// The pull request.
        pull_request: PullRequest,
        /// What did not work beside.
        complaints: Vec<String>,
    },
    /// There is one for this branch already.
    Exists,
}

/// A merge to be.
#[derive(Debug, Clone, Copy)]
pub struct Merge<'a> {
    /// Number of the pull request.
    pub number: u64,
    /// What its branch must still be at.
    pub head: &'a str,
    /// How.
    pub method: MergeMethod,
    /// First line of the commit's message, where the forge makes a commit.
    pub subject: &'a str,
    /// The rest of the message.
    pub message: &'a str,
}

/// What became of a wish to merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// It is merged; look at it again for the commit.
    Done,
    /// Not now. Says why.
    NotNow(String),
}

/// A project at a forge.
pub trait Forge {
    /// Returns what it calls a pull request.
    fn noun(&self) -> &'static str;

    /// Asks whether the project is there for this token and takes the kind of merge that is wanted.
    fn look_over(&self, method: Option<MergeMethod>) -> Reply<'_, ()>;

    /// Finds the newest pull request from a branch into another, whatever its state.
    fn find<'a>(&'a self, branch: &'a str, target: &'a str) -> Reply<'a, Option<PullRequest>>;

    /// Opens a pull request.
    fn open<'a>(&'a self, proposal: Proposal<'a>) -> Reply<'a, Opened>;

    /// Looks at a pull request.
    fn look(&self, number: u64) -> Reply<'_, PullRequest>;

    /// Asks for the checks of a pull request's newest commit.
    fn checks<'a>(&'a self, pull_request: &'a PullRequest) -> Reply<'a, Checks>;

    /// Merges, if the branch is still where it is expected.
    fn merge<'a>(&'a self, merge: Merge<'a>) -> Reply<'a, Merging>;

    /// Says why in a comment and closes.
    fn close<'a>(&'a self, number: u64, why: &'a str) -> Reply<'a, ()>;
}

/// Makes the way to a project.
///
/// # Errors
/// The token has characters that HTTP does not allow; as a clause.
pub fn connect(
    address: &Address,
    token: &Secret,
    client: Client,
    clock: Arc<dyn Clock>,
) -> Result<Box<dyn Forge>, String> {
    Ok(match address.kind {
        ForgeKind::GitHub => Box::new(github::GitHub::new(address, token, client, clock)?),
        ForgeKind::GitLab => Box::new(gitlab::GitLab::new(address, token, client, clock)?),
    })
}
