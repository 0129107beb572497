//! What is merged: found on the branch, with its values, and written down.

use super::{land::Case, names};
use crate::{
    event::{Ending, Event, Failure},
    git::CommitId,
    ops::{
        land::{Direction, FORWARD_PATIENCE, JOURNAL_SLACK, Landed},
        patience::Patience,
        stop::Stop,
        writer::{Entry, NotLanded},
    },
};

impl Case<'_, '_> {
    /// Takes our branch away, and on the way back the one that brought what is taken back: whoever
    /// merged it may have been killed then.
    pub(super) async fn tidy_up(&mut self) {
        let forward = names::branch(&self.writer.identity, Direction::Forward, "");
        for branch in [&self.branch, &forward] {
            self.writer
                .take_own_away(branch, &self.own, self.reporter)
                .await;
            if *branch == forward {
                break;
            }
        }
    }

    /// It is merged, the forge says: finds it on the branch, and sees that its values are there.
    pub(super) async fn merged(&mut self, commit: &str) -> Result<Landed, NotLanded> {
        let commit: CommitId = commit
            .parse()
            .map_err(|reason| Failure::new(Ending::PushUnknown, reason))?;
        let tip = self.seen_on_branch(&commit).await?;
        match self.writer.commit_on(&tip, self.write).await? {
            None => {}
            Some(_) => {
                return Err(NotLanded::Superseded(format!(
                    "commit {} was merged, but `{}` has other values by now; someone else changed them",
                    commit.short(),
                    self.writer.target.branch
                )));
            }
        }
        let hold = self.write.hold + JOURNAL_SLACK;
        let entry = Entry {
            weight: self.write.weight,
            reason: self.write.reason,
            intended: Some(&commit),
            hold: Some(hold),
            ..Entry::new(self.write.state, &self.write.step, FORWARD_PATIENCE)
        };
        match self.writer.record(&entry, &self.stop).await {
            Ok(()) => {}
            Err(NotLanded::Failed(failure)) => self.reporter.event(&Event::Warning(format!(
                "the journal does not name the merged commit: {failure}"
            ))),
            Err(fenced) => return Err(fenced),
        }
        self.tidy_up().await;
        let log = self.writer.repository.log(&tip, usize::MAX).await;
        let parent = log
            .unwrap_or_default()
            .into_iter()
            .find(|entry| entry.id == commit)
            .and_then(|entry| entry.parents.into_iter().next())
            .unwrap_or_else(|| self.writer.identity.base.clone());
        self.reporter.event(&Event::Pushed {
            at: self.writer.clock.now(),
            commit: commit.to_string(),
            subject: self.write.subject.clone(),
            branch: self.writer.target.branch.clone(),
            retries: 0,
        });
        Ok(Landed::Pushed { commit, parent })
    }

    /// Waits until the branch shows a merged commit: a replica can lag behind.
    async fn seen_on_branch(&mut self, commit: &CommitId) -> Result<CommitId, NotLanded> {
        let branch = self.writer.target.branch.clone();
        let mut patience = Patience::new(self.writer.clock, FORWARD_PATIENCE);
        loop {
            let repository = self.writer.repository;
            let reason = match repository.fetch(&branch).await {
                Ok(tip) => match repository.contains(&tip, commit).await {
                    Ok(true) => return Ok(tip),
                    Ok(false) => format!("`{branch}` does not show it"),
                    Err(error) => error.to_string(),
                },
                Err(error) => error.to_string(),
            };
            // What is merged is looked for whatever is wished: only then the run knows what to do.
            let mut never = Stop::channel().1;
            if patience.pause(self.writer.clock, &mut never).await.is_err() {
                let text = format!(
                    "the forge says that commit {} is merged, but {reason}",
                    commit.short()
                );
                return Err(Failure::new(Ending::PushUnknown, text)
                    .hint(format!(
                        "run `{}` when the branch shows it",
                        self.writer.target.command("recover")
                    ))
                    .into());
            }
        }
    }
}
