//! The way back of a run under way: what is taken back, and which end that is.

use super::Run;
use crate::{
    event::{CommitRecord, Ending, Outcome},
    ops::{
        cause::Cause,
        deploy::{
            OnCancel,
            back::{BackCommit, BackEnd, go_back},
        },
        journal::State,
    },
    rollout::way_back,
    units::Weight,
};

impl Run<'_> {
    pub(in crate::ops::deploy) async fn go_back(
        &mut self,
        reached: Option<usize>,
        why: &str,
        cause: Cause,
    ) -> BackEnd {
        self.writer.identity.cause = Some(cause);
        let steps = way_back(&self.plan, &self.replay, reached);
        let mut commits = Vec::new();
        let end = go_back(
            &mut self.writer,
            &steps,
            why,
            self.outside,
            &mut self.stop,
            &mut *self.reporter,
            &mut commits,
        )
        .await;
        self.note_way_back(&commits);
        self.way_back = commits;
        end
    }

    pub(in crate::ops::deploy) async fn back(
        &mut self,
        what: &str,
        why: &str,
        cause: Cause,
    ) -> Outcome {
        let wanted = match cause {
            Cause::Cancelled => Ending::CancelledRolledBack,
            Cause::Drill => Ending::TakenBack,
            _ => Ending::RolledBack,
        };
        if wanted != Ending::CancelledRolledBack && self.on_cancel == OnCancel::Rollback {
            // A signal now asks for what is being done already; only a second one breaks it off.
            self.stop.answer_first();
        }
        // The step that failed counts: a push whose answer was lost may have landed.
        let reached = self.attempted.max(self.landed);
        let end = self.go_back(reached, why, cause).await;
        let previous = self.writer.identity.previous_version.clone();
        match end {
            BackEnd::Restored(doubt) => {
                State::RolledBack
                    .word()
                    .clone_into(&mut self.deployment.state);
                let doubt = doubt.map_or_else(String::new, |doubt| format!("; {doubt}"));
                Outcome::new(
                    wanted,
                    format!("{what} was taken back, {previous} is live again: {why}{doubt}"),
                )
            }
            BackEnd::Unhealthy(ill) => {
                State::RolledBack
                    .word()
                    .clone_into(&mut self.deployment.state);
                let text = format!("{what} was taken back ({why}), and {ill}");
                Outcome::new(Ending::RollbackFailed, text)
                    .with_hint(format!("page someone now: {previous} is live, and something else is wrong"))
                    .with_hint("nothing is left to take back: every value is what it was, and the next deploy is free to go")
            }
            BackEnd::Superseded(reason) => Outcome::new(
                Ending::Superseded,
                format!("{what} could not be taken back ({why}): {reason}"),
            ),
            BackEnd::Left(reason) => {
                let mut outcome = Outcome::new(
                    Ending::CancelledLeft,
                    format!(
                        "{what}: {} while it was taken back ({why})",
                        reason.sentence()
                    ),
                );
                outcome
                    .hints
                    .push("run `shipgate recover`: it finishes the way back".to_owned());
                outcome
            }
            BackEnd::Failed(failure) => {
                let failed = failure.to_string();
                let text = if failed == why {
                    format!("{what} could neither go on nor be taken back: {why}")
                } else {
                    format!("{what} could not go on ({why}) and not be taken back: {failed}")
                };
                let mut outcome = Outcome::new(Ending::RollbackFailed, text);
                outcome.hints.push(
                    "page someone now; `shipgate recover` tries the way back again".to_owned(),
                );
                outcome.hints.extend(failure.0.hints);
                outcome
            }
        }
    }

    fn note_way_back(&mut self, commits: &[BackCommit]) {
        for commit in commits {
            self.deployment.commits.push(CommitRecord {
                sha: commit.commit.to_string(),
                subject: commit.subject.clone(),
            });
            self.deployment.weight = self.deployment.weight.map(|_| Weight::ZERO);
        }
    }
}
