//! Moves a ref of the remote and finds out, by reading it back, what became of that.

use std::time::Duration;

use git2::Oid;

use super::{
    commit_id::CommitId,
    error::GitError,
    local::Local,
    names::branch_reference,
    remote::{Depth, Fetched, Moment, Report, Update},
};

/// What became of a push to a branch, as the branch shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The commit is on the branch: its tip, or below it.
    Pushed,
    /// The commit is not on the branch. Make the edit again on the tip, and push that.
    ///
    /// The tip can be the commit that was expected, where it was elsewhere for a moment.
    Lost {
        /// Where the branch is.
        tip: CommitId,
    },
    /// The server has not taken the push, or the dialogue broke before: the branch is where it was
    /// expected. Should the server come to it late after all, it wins the race against the next push,
    /// which is lost then: so nothing is ever applied twice.
    NotTaken {
        /// What the server answered, or what broke: one harmless line.
        reason: String,
    },
    /// The branch is not at the commit, and nobody has looked whether it is below the tip; of
    /// [`Repository::push_for_retry`](super::Repository::push_for_retry) alone.
    Overtaken {
        /// Where the branch is.
        tip: CommitId,
    },
    /// Somebody else is just writing the branch, so the server did not: it is where it was expected.
    /// Try again.
    Locked {
        /// The server's text: one harmless line of at most 500 characters.
        reason: String,
    },
    /// The server refused, and trying again is no use: a hook, branch protection.
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

/// What became of moving a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    Applied,
    Moved(Option<Oid>),
    /// The ref is where it was expected: the push was not taken, or broke off before it was.
    NotTaken(String),
    /// Whoever pushes is shown the ref, and whoever reads is not.
    Hidden,
    Locked(String),
    Refused(String),
    Unknown(String),
}

/// What shows that a push was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The ref, read back.
    ReadBack,
    /// The ref, read back; whether a commit that the server refused is below its tip all the same, as
    /// where something on the way has passed the push on twice, is for the caller to look.
    Tip,
    /// The compare-and-set of the next push to the same ref; until then the server's word counts.
    /// For a record that another one follows.
    ByTheNext,
}

/// When the ref is read back, each counted from the one before: a loser of a race can be told so
/// before the winner's commit shows, and a replica can lag behind.
const READ_BACK: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Pushes `new` to a branch that is expected at `expected`.
pub(super) fn push_branch(
    local: &mut Local,
    branch: &str,
    expected: &CommitId,
    new: &CommitId,
    proof: Proof,
) -> Result<PushOutcome, GitError> {
    let update = Update {
        reference: branch_reference(branch)?,
        expected: Some(expected.oid()),
        new: new.oid(),
        replaces: false,
    };
    match push(local, &update, proof)? {
        Settled::Applied => Ok(PushOutcome::Pushed),
        Settled::Moved(Some(tip)) if proof == Proof::Tip => Ok(PushOutcome::Overtaken {
            tip: CommitId::of(tip),
        }),
        Settled::Moved(Some(tip)) => Ok(PushOutcome::Lost {
            tip: CommitId::of(tip),
        }),
        Settled::NotTaken(reason) => Ok(PushOutcome::NotTaken { reason }),
        Settled::Moved(None) | Settled::Hidden => {
            let branches = local.remote.list(&local.store, None)?.branches();
            Err(GitError::branch_missing(
                branch,
                &local.remote.display(),
                &branches,
            ))
        }
        Settled::Locked(reason) => Ok(PushOutcome::Locked { reason }),
        Settled::Refused(reason) => Ok(PushOutcome::Denied { reason }),
        Settled::Unknown(reason) => Ok(PushOutcome::Unknown { reason }),
    }
}

/// Moves a ref by compare-and-set and settles what became of it.
///
/// # Errors
/// Only when the ref is certainly not moved.
pub(super) fn push(local: &mut Local, update: &Update, proof: Proof) -> Result<Settled, GitError> {
    check_builds_on(local, update)?;
    match local.remote.push(&local.store, update)? {
        Report::Elsewhere(tip) if tip == Some(update.new) => Ok(Settled::Applied),
        Report::Elsewhere(tip) => moved(local, update, &Report::Stale, tip, proof),
        // Whoever comes next compares with this: a yes that was none is found out then.
        Report::Accepted if proof == Proof::ByTheNext => Ok(Settled::Applied),
        report => settle(local, update, report, proof),
    }
}

/// Moves several refs in one push, each by a compare-and-set of its own. None = that one is certainly not
/// moved, and a push by itself may move it, or say why not: a hook that refuses one refuses all of them.
///
/// # Errors
/// Of each, only when it is certainly not moved.
pub(super) fn push_all(
    local: &mut Local,
    updates: &[(Update, Proof)],
) -> Vec<Result<Option<Settled>, GitError>> {
    let checks = updates
        .iter()
        .map(|(update, _)| check_builds_on(local, update));
    if updates.len() < 2 || checks.collect::<Vec<_>>().iter().any(Result::is_err) {
        return updates.iter().map(|_| Ok(None)).collect();
    }
    let wanted: Vec<&Update> = updates.iter().map(|(update, _)| update).collect();
    let reports = local.remote.push_all(&local.store, &wanted);
    let is_done = |report: &Result<Report, GitError>, proof: Proof| match report {
        // Whoever comes next compares with this: a yes that was none is found out then.
        Ok(Report::Accepted) => proof == Proof::ByTheNext,
        Ok(_) => false,
        Err(_) => true,
    };
    // One look for all of them.
    let mut pairs = reports.iter().zip(updates);
    let has_looked = pairs.any(|(report, (_, proof))| !is_done(report, *proof))
        && wanted.first().is_some_and(|first| {
            let looked = local.remote.read_back(&local.store, &first.reference);
            looked.is_ok()
        });
    let each = reports.into_iter().zip(updates);
    let each = each.map(|(report, (update, proof))| {
        if is_done(&report, *proof) {
            return report.map(|_| Some(Settled::Applied));
        }
        let report = report?;
        let is_there = || local.remote.listed_for_push(&update.reference) == Some(update.new);
        if has_looked && is_there() {
            return Ok(Some(Settled::Applied));
        }
        match report {
            Report::Accepted | Report::Broken(_) => settle(local, update, report, *proof).map(Some),
            Report::Refused(_) | Report::Stale | Report::Elsewhere(_) => Ok(None),
        }
    });
    each.collect()
}

/// Whatever else happens, no push of ours ever takes a commit away.
fn check_builds_on(local: &Local, update: &Update) -> Result<(), GitError> {
    local.commit_of(update.new)?;
    match update.expected {
        Some(expected) if expected == update.new || !local.descends(update.new, expected)? => {
            Err(GitError::internal(format!(
                "commit {} does not build on {expected}",
                update.new
            )))
        }
        _ => Ok(()),
    }
}

/// Reads back what became of a push.
pub(super) fn settle(
    local: &mut Local,
    update: &Update,
    report: Report,
    proof: Proof,
) -> Result<Settled, GitError> {
    let mut unreadable = None;
    // Only an outcome in doubt is worth the longest wait.
    let looks = match report {
        Report::Refused(_) => READ_BACK.len() - 1,
        _ => READ_BACK.len(),
    };
    for pause in READ_BACK.into_iter().take(looks) {
        if !pause.is_zero() {
            local.calls.pause(pause);
        }
        match local.remote.read_back(&local.store, &update.reference) {
            Ok(tip) if tip == Some(update.new) => return Ok(Settled::Applied),
            Ok(tip) if tip != update.expected => {
                return moved(local, update, &report, tip, proof);
            }
            Ok(_) if matches!(report, Report::Stale) => return Ok(Settled::Moved(update.expected)),
            Ok(_) => unreadable = None,
            Err(error) => unreadable = Some(error),
        }
    }
    match (report, unreadable) {
        (Report::Refused(reason), None) if is_locked(&reason) => Ok(Settled::Locked(reason)),
        (Report::Refused(reason), None) => Ok(Settled::Refused(reason)),
        (Report::Broken(broken), None) => Ok(Settled::NotTaken(broken.to_string())),
        (Report::Stale | Report::Elsewhere(_), None) => Ok(Settled::Moved(update.expected)),
        (Report::Accepted, None) => Ok(Settled::Unknown(
            "the server said it took the push, but the ref does not show it".to_owned(),
        )),
        (Report::Refused(_) | Report::Stale | Report::Elsewhere(_), Some(error)) => Err(error),
        (Report::Accepted, Some(error)) => Ok(Settled::Unknown(format!(
            "the server said it took the push, but the ref can not be read back: {error}"
        ))),
        (Report::Broken(broken), Some(error)) => Ok(Settled::Unknown(format!(
            "{broken}; then the ref can not be read back: {error}"
        ))),
    }
}

/// The ref is elsewhere: somebody built on our commit, or on something without it.
fn moved(
    local: &mut Local,
    update: &Update,
    report: &Report,
    tip: Option<Oid>,
    proof: Proof,
) -> Result<Settled, GitError> {
    let took_it = matches!(report, Report::Accepted | Report::Broken(_));
    if tip.is_none() || (proof == Proof::Tip && !took_it) {
        return Ok(Settled::Moved(tip));
    }
    match local.fetch(&update.reference, Depth::Since, Moment::Now) {
        Ok(Fetched::Tip(tip)) if local.descends(tip, update.new)? => Ok(Settled::Applied),
        Ok(Fetched::Tip(tip)) => Ok(Settled::Moved(Some(tip))),
        Ok(Fetched::Missing { .. }) => Ok(Settled::Hidden),
        Err(error) if took_it => Ok(Settled::Unknown(format!(
            "the ref has moved on and can not be read back: {error}"
        ))),
        Err(_) => Ok(Settled::Moved(tip)),
    }
}

/// Says the server that somebody else is just writing the ref? Its words decide only whether it is
/// worth another try: a lock is there for a moment, and nothing was applied.
fn is_locked(reason: &str) -> bool {
    reason.contains("cannot lock ref") && reason.contains("File exists")
}
