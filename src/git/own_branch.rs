//! Branches of our own, which carry what shall be merged: made, replaced and taken away by
//! compare-and-set. No branch that people follow is ever moved here.

use git2::Oid;

use super::{
    commit_id::CommitId,
    error::GitError,
    local::Local,
    names::branch_reference,
    push::{Proof, Settled, settle},
    remote::{Depth, Fetched, Moment, Report, Update},
};

/// What became of a change of one of our branches, as the branch shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchOutcome {
    /// It is as wanted: the commit is its tip or below it, or the branch is gone.
    Moved,
    /// It is not where it was expected, or the connection broke before the server took the change.
    Lost {
        /// Where it is; none = there is no such branch.
        tip: Option<CommitId>,
    },
    /// The server refused, and trying again is no use.
    Denied {
        /// The server's text: one harmless line of at most 500 characters.
        reason: String,
    },
    /// It could not be found out.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// Fetches a branch with its newest commit; none = there is no such branch.
pub(super) fn fetch(local: &mut Local, branch: &str) -> Result<Option<CommitId>, GitError> {
    let reference = branch_reference(branch)?;
    // Its parent says what it was made on.
    match local.fetch(&reference, Depth::Since, Moment::Now)? {
        Fetched::Tip(tip) => Ok(Some(CommitId::of(tip))),
        Fetched::Missing { .. } => Ok(None),
    }
}

/// Moves a branch of our own, makes it, or takes it away.
pub(super) fn change(
    local: &mut Local,
    branch: &str,
    expected: Option<&CommitId>,
    new: Option<&CommitId>,
) -> Result<BranchOutcome, GitError> {
    let update = Update {
        reference: branch_reference(branch)?,
        expected: expected.map(CommitId::oid),
        new: new.map_or(Oid::ZERO_SHA1, CommitId::oid),
        replaces: true,
    };
    if update.new.is_zero() {
        return take_away(local, &update);
    }
    local.commit_of(update.new)?;
    let report = local.remote.push(&local.store, &update)?;
    Ok(match settle(local, &update, report, Proof::ReadBack)? {
        Settled::Applied => BranchOutcome::Moved,
        Settled::Moved(tip) => BranchOutcome::Lost {
            tip: tip.map(CommitId::of),
        },
        Settled::Hidden => BranchOutcome::Lost { tip: None },
        Settled::Locked(_) | Settled::NotTaken(_) => BranchOutcome::Lost {
            tip: expected.cloned(),
        },
        Settled::Refused(reason) => BranchOutcome::Denied { reason },
        Settled::Unknown(reason) => BranchOutcome::Unknown { reason },
    })
}

fn take_away(local: &mut Local, update: &Update) -> Result<BranchOutcome, GitError> {
    if local.tip(&update.reference)?.is_none() {
        return Ok(BranchOutcome::Moved);
    }
    let report = local.remote.push(&local.store, update)?;
    let tip = match local.tip(&update.reference) {
        Ok(tip) => tip,
        Err(error) => {
            return Ok(BranchOutcome::Unknown {
                reason: error.to_string(),
            });
        }
    };
    Ok(match (tip, report) {
        (None, _) => BranchOutcome::Moved,
        (Some(_), Report::Refused(reason)) => BranchOutcome::Denied { reason },
        (Some(tip), _) => BranchOutcome::Lost {
            tip: Some(CommitId::of(tip)),
        },
    })
}
