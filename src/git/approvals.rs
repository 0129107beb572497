//! Approvals kept in the repository: one ref each, whose commit carries the text. They are only ever
//! added; whether they are good is not asked here.

use chrono::{DateTime, Utc};
use git2::Oid;

use super::{
    commit_id::CommitId,
    error::GitError,
    journal::JournalOutcome,
    local::Local,
    names::{approval_reference, approvals_below},
    push::{Proof, Settled, push},
    remote::Update,
    tree::write_commit,
};

/// More than this many are not read: the newest are.
const MOST: usize = 50;

/// An approval as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptApproval {
    /// Full name of its ref.
    pub reference: String,
    /// When it was stored, by the clock of whoever did.
    pub at: DateTime<Utc>,
    /// What it says; untrusted.
    pub text: String,
}

/// Reads the newest approvals of a service, newest first.
pub(super) fn read(
    local: &mut Local,
    environment: &str,
    service: &str,
) -> Result<Vec<KeptApproval>, GitError> {
    let below = approvals_below(environment, service)?;
    let pattern = format!("{below}*");
    let listing = local.remote.list(&local.store, Some(&pattern))?;
    let refs: Vec<(String, Oid)> = listing
        .refs
        .into_iter()
        .filter(|(name, _)| name.starts_with(&below))
        .collect();
    if refs.is_empty() {
        return Ok(Vec::new());
    }
    local.fetch_below(&below)?;
    let mut kept: Vec<KeptApproval> = refs
        .into_iter()
        .filter_map(|(reference, id)| {
            // Whatever else is below such a name is no approval.
            let commit = local.store.find_commit(id).ok()?;
            let at = DateTime::from_timestamp(commit.time().seconds(), 0)?;
            let text = String::from_utf8_lossy(commit.message_raw_bytes()).into_owned();
            Some(KeptApproval {
                reference,
                at,
                text,
            })
        })
        .collect();
    kept.sort_by(|one, other| (other.at, &one.reference).cmp(&(one.at, &other.reference)));
    kept.truncate(MOST);
    Ok(kept)
}

/// Stores an approval under a ref that must not be there yet.
pub(super) fn store(
    local: &mut Local,
    environment: &str,
    service: &str,
    text: &str,
    at: DateTime<Utc>,
) -> Result<(String, JournalOutcome), GitError> {
    let reference = approval_reference(environment, service, text)?;
    let empty = local
        .store
        .treebuilder(None)
        .and_then(|builder| builder.write())
        .map_err(GitError::while_doing("make an empty tree"))?;
    let commit = write_commit(local, empty, &[], text, at)?;
    let update = Update {
        reference: reference.clone(),
        expected: None,
        new: commit.oid(),
        replaces: false,
    };
    let outcome = match push(local, &update, Proof::ReadBack)? {
        Settled::Applied => JournalOutcome::Appended(commit),
        Settled::Moved(tip) => JournalOutcome::Lost {
            tip: tip.map(CommitId::of),
        },
        Settled::NotTaken(reason) => JournalOutcome::NotTaken { reason },
        Settled::Hidden => JournalOutcome::Hidden,
        Settled::Locked(reason) => JournalOutcome::Locked { reason },
        Settled::Refused(reason) => JournalOutcome::Refused { reason },
        Settled::Unknown(reason) => JournalOutcome::Unknown { reason },
    };
    Ok((reference, outcome))
}
