//! Does a revision that a controller names hold a commit of ours?

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::{
    git::{CommitId, GitError},
    ops::deploy::Outside,
};

/// How much of the branch's past is fetched to find a revision in it: more than the longest wait.
const FAR_ENOUGH: TimeDelta = TimeDelta::days(1);

/// What is known of revisions: which commits one holds never changes.
#[derive(Debug, Default)]
pub(in crate::ops) struct Revisions(BTreeMap<CommitId, bool>);

impl Revisions {
    /// Says whether a revision is the commit or descends from it. A later commit that holds ours
    /// counts; one that is not on the branch, or no commit at all, does not.
    ///
    /// # Errors
    /// The git server does not answer: the reason as a clause.
    pub(super) async fn hold(
        &mut self,
        revision: &str,
        commit: &CommitId,
        branch: &str,
        outside: &Outside<'_>,
    ) -> Result<bool, String> {
        let Ok(revision) = revision.parse::<CommitId>() else {
            return Ok(false);
        };
        if revision == *commit {
            return Ok(true);
        }
        if let Some(known) = self.0.get(&revision) {
            return Ok(*known);
        }
        let repository = outside.repository;
        let held = match repository.contains(&revision, commit).await {
            Ok(held) => held,
            // It is newer than what was fetched, or no commit of this branch.
            Err(GitError::Invalid { .. }) => {
                let fetched = repository.fetch(branch).await;
                fetched.map_err(|error| error.message().to_owned())?;
                let since = outside.clock.now().checked_sub_signed(FAR_ENOUGH);
                let fetched = repository.fetch_since(branch, since).await;
                fetched.map_err(|error| error.message().to_owned())?;
                match repository.contains(&revision, commit).await {
                    Ok(held) => held,
                    Err(GitError::Invalid { .. }) => false,
                    Err(error) => return Err(error.message().to_owned()),
                }
            }
            Err(error) => return Err(error.message().to_owned()),
        };
        self.0.insert(revision, held);
        Ok(held)
    }
}
