//! The commits of a deployment before they are made: each as the run would make it on the one before.

use super::{failure, unmakeable};
use crate::{
    event::{Failure, PlannedCommit},
    manifest::{Manifests, reapply},
    ops::{
        deploy::{self, Ready},
        journal::RunIdentity,
    },
};

/// Makes the commits that are not on the branch yet.
///
/// # Errors
/// The values of a step are not there after the step before it.
pub(super) fn commits(
    ready: &Ready,
    identity: &RunIdentity,
    manifests: &Manifests,
) -> Result<Vec<PlannedCommit>, Failure> {
    let mut manifests = manifests.clone();
    let mut commits = Vec::new();
    for written in &ready.replay.writes {
        let set = reapply(&manifests, &written.changes).map_err(unmakeable)?;
        if set.is_empty() {
            continue;
        }
        let applied = set
            .apply(&manifests)
            .map_err(|refusal| failure::refusals(vec![refusal]))?;
        manifests = manifests.with(applied.files).map_err(failure::refusals)?;
        if ready.landed.is_some_and(|landed| written.step <= landed) {
            continue;
        }
        let write = deploy::forward_write(&ready.plan, identity, written.step, &written.changes);
        commits.push(PlannedCommit {
            step: written.step + 1,
            message: write.message(identity, &set.changes),
            subject: write.subject,
            changes: set.changes,
            diff: applied.diff,
        });
    }
    Ok(commits)
}
