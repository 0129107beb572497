//! The branch that carries a change until it is merged: made, made again on a newer commit, taken
//! away. Whatever somebody else has pushed to it stays.

use crate::{
    event::{Ending, Event, Failure, Reporter},
    git::{BranchOutcome, CommitId},
    ops::{
        deploy::read_journal,
        failure,
        writer::{NotLanded, Writer},
    },
};

/// What is on our branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// There is no such branch.
    None,
    /// A commit of this run.
    Ours(CommitId),
    /// Something else.
    Foreign(CommitId),
}

/// The commits that a run has announced: only these may ever be given up.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnCommits(Vec<CommitId>);

impl OwnCommits {
    /// Reads from the journal which commits a run has made, before it pushed any of them.
    ///
    /// # Errors
    /// The git server does not answer or refuses.
    pub(super) async fn read(writer: &Writer<'_>) -> Result<Self, Failure> {
        let (_, records) = read_journal(writer.repository, writer.target).await?;
        let own = records
            .into_iter()
            .filter(|record| record.run == writer.identity.run)
            .filter_map(|record| record.intended);
        Ok(Self(own.collect()))
    }

    pub(super) fn push(&mut self, commit: CommitId) {
        self.0.push(commit);
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Is it one of ours, given as the forge names it?
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|own| own.as_str() == id)
    }
}

impl Writer<'_> {
    /// Reads what is on our branch.
    pub(super) async fn own_head(&self, branch: &str, own: &OwnCommits) -> Result<Head, Failure> {
        let tip = self
            .repository
            .fetch_own(branch)
            .await
            .map_err(failure::git)?;
        Ok(match tip {
            None => Head::None,
            Some(tip) if own.has(tip.as_str()) => Head::Ours(tip),
            Some(tip) => Head::Foreign(tip),
        })
    }

    /// Moves our branch from a commit of ours to another. Returns whether it is there now; if not,
    /// it has to be read again.
    pub(super) async fn move_own(
        &self,
        branch: &str,
        expected: Option<&CommitId>,
        new: &CommitId,
    ) -> Result<bool, NotLanded> {
        let outcome = self
            .repository
            .change_own(branch, expected, Some(new))
            .await
            .map_err(failure::git)?;
        match outcome {
            BranchOutcome::Moved => Ok(true),
            // Not known is as good as not moved: the branch is read again and compared.
            BranchOutcome::Lost { .. } | BranchOutcome::Unknown { .. } => Ok(false),
            BranchOutcome::Denied { reason } => Err(Failure::new(
                Ending::PushDenied,
                format!("the git server refused the push to our own branch `{branch}`: {reason}"),
            )
            .hint("let the token push branches whose names begin with `shipgate/`")
            .into()),
        }
    }

    /// Takes our branch away if it is still at a commit of ours. That it stays is worth a note and
    /// nothing more.
    pub(super) async fn take_own_away(
        &self,
        branch: &str,
        own: &OwnCommits,
        reporter: &mut dyn Reporter,
    ) {
        let reason = match self.own_head(branch, own).await {
            Ok(Head::None) => return,
            Ok(Head::Ours(tip)) => {
                let changed = self.repository.change_own(branch, Some(&tip), None).await;
                match changed {
                    Ok(BranchOutcome::Moved) => return,
                    Ok(BranchOutcome::Lost { .. }) => "somebody else moved it".to_owned(),
                    Ok(BranchOutcome::Denied { reason } | BranchOutcome::Unknown { reason }) => {
                        reason
                    }
                    Err(error) => error.to_string(),
                }
            }
            Ok(Head::Foreign(tip)) => format!("somebody else pushed {} to it", tip.short()),
            Err(failure) => failure.to_string(),
        };
        reporter.event(&Event::Note(format!(
            "the branch `{branch}` is not needed any more and stays: {reason}"
        )));
    }
}
