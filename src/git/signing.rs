//! As whom commits are made: name, address, and the signature on them.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use git2::{Commit, Oid, Tree};

use super::{
    commit_id::CommitId,
    error::GitError,
    local::Local,
    worker::{Calls, Interrupted},
};

/// Longest wait for a signature: somebody may have to touch a security key or answer an agent.
const LONGEST_SIGNING: Duration = Duration::from_secs(60);

/// A signature in the making: its armour, or in one line why there is none.
pub type Signing<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// Signs commits (`gpgsig`). Which key and which format is its own business; git itself takes SSH
/// signatures of the namespace `git`, and OpenPGP ones.
pub trait CommitSigner: fmt::Debug + Send + Sync {
    /// Signs a commit object as it is without its signature.
    fn sign<'a>(&'a self, commit: &'a [u8]) -> Signing<'a>;
}

/// What a repository's own configuration says about its commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitRules {
    /// Name and address for commits, unless they were given for the run.
    pub author: Option<(String, String)>,
    /// Are commits without a signature refused?
    pub must_sign: bool,
}

/// As whom commits are made.
#[derive(Debug)]
pub(super) struct Author {
    pub(super) name: String,
    pub(super) email: String,
    /// Do name and address stay, whatever the repository's configuration says?
    pub(super) is_given: bool,
    pub(super) signer: Option<Arc<dyn CommitSigner>>,
    pub(super) must_sign: bool,
}

impl Author {
    /// Takes over what the repository's configuration says.
    pub(super) fn obey(&mut self, rules: CommitRules) -> Result<(), GitError> {
        self.must_sign = rules.must_sign;
        if let Some((name, email)) = rules.author
            && !self.is_given
        {
            check(&name, &email)?;
            (self.name, self.email) = (name, email);
        }
        Ok(())
    }
}

/// Refuses a name or an address that git can not write down.
pub(super) fn check(name: &str, email: &str) -> Result<(), GitError> {
    git2::Signature::new(name, email, &git2::Time::new(0, 0))
        .map(drop)
        .map_err(|_| {
            GitError::invalid(
                format!("found {name:?} <{email:?}> as the author of commits"),
                "give a name and an address without < and >",
            )
        })
}

/// Writes a commit object, signed where there is somebody to sign. The time is kept to the second.
pub(super) fn write(
    local: &Local,
    tree: &Tree<'_>,
    parents: &[&Commit<'_>],
    message: &str,
    at: DateTime<Utc>,
) -> Result<CommitId, GitError> {
    let making = GitError::while_doing("make a commit");
    let by = &local.author;
    let time = git2::Time::new(at.timestamp(), 0);
    let author = git2::Signature::new(&by.name, &by.email, &time).map_err(&making)?;
    let store = &local.store;
    let written: Result<Oid, git2::Error> = match &by.signer {
        None if by.must_sign => {
            return Err(GitError::invalid(
                "commits to this repository must be signed (git.sign_commits), and there is no key",
                "give --signing-key FILE or set SHIPGATE_SIGNING_KEY",
            ));
        }
        None => store.commit(None, &author, &author, message, tree, parents),
        Some(signer) => {
            let buffer = store
                .commit_create_buffer(&author, &author, message, tree, parents)
                .map_err(&making)?;
            let text = std::str::from_utf8(&buffer)
                .map_err(|_| GitError::internal("a commit is not UTF-8"))?;
            let signature = signed(&local.calls, signer.as_ref(), text)?;
            store.commit_signed(text, &signature, None)
        }
    };
    written.map(CommitId::of).map_err(&making)
}

fn signed(calls: &Calls, signer: &dyn CommitSigner, commit: &str) -> Result<String, GitError> {
    let why = match calls.wait(LONGEST_SIGNING, signer.sign(commit.as_bytes())) {
        Ok(Ok(signature)) => return Ok(signature),
        Ok(Err(why)) => why,
        Err(Interrupted::TimedOut) => {
            format!("no signature within {} s", LONGEST_SIGNING.as_secs())
        }
        Err(Interrupted::Stopped) => "the run is being stopped".to_owned(),
    };
    Err(GitError::unavailable(
        format!("could not sign a commit: {why}"),
        "see that the key, or the SSH agent that keeps it, is there; run the same command again",
    ))
}
