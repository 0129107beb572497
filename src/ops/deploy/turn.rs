//! The turn of a run that is under way: it looks at the branch as it is by now, and goes back.

use chrono::{DateTime, Utc};

use super::{
    OnCancel,
    back::{BackEnd, Track, go_back, with_remarks},
    remains::{self, Taken},
    run::Run,
};
use crate::{
    event::{CommitRecord, Ending, Outcome, WayBackTimes},
    git::CommitId,
    ops::{
        cause::Cause,
        failure,
        journal::State,
        land::BACK_PATIENCE,
        load,
        patience::{Exhausted, Patience},
    },
    rollout::{self, BackStep, may_need_pods, way_back},
};

impl Run<'_> {
    /// Goes back from a position.
    pub(super) async fn go_back(
        &mut self,
        reached: Option<usize>,
        why: &str,
        cause: Cause,
    ) -> (BackEnd, Track) {
        self.writer.identity.cause = Some(cause);
        let began = self.outside.clock.now();
        let mut steps = match self.revival(reached).await {
            Ok(steps) => steps,
            Err(end) => return (end, Track::default()),
        };
        steps.extend(way_back(&self.plan, &self.replay, reached));
        let mut track = Track::default();
        let end = go_back(
            &mut self.writer,
            &steps,
            why,
            self.outside,
            &mut self.stop,
            &mut *self.reporter,
            &mut track,
        )
        .await;
        let since = |at: DateTime<Utc>| (at - began).to_std().unwrap_or_default();
        let mut commits = track.commits.iter();
        self.deployment.way_back = Some(WayBackTimes {
            pushed: track.commits.last().map(|commit| since(commit.at)),
            traffic: commits.find(|it| it.is_traffic).map(|it| since(it.at)),
            live: matches!(end, BackEnd::Restored(_) | BackEnd::Unhealthy(_))
                .then(|| since(self.outside.clock.now())),
        });
        self.note_way_back(&track);
        (end, track)
    }

    /// Goes back from where it stands, and tells how that ended.
    pub(super) async fn back(&mut self, what: &str, why: &str, cause: Cause) -> Outcome {
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
        let (end, track) = self.go_back(reached, why, cause).await;
        let previous = self.writer.identity.previous_version.clone();
        match end {
            BackEnd::Restored(remarks) => {
                State::RolledBack
                    .word()
                    .clone_into(&mut self.deployment.state);
                let said = format!("{what} was taken back, {previous} is live again: {why}");
                let mut outcome = Outcome::new(wanted, with_remarks(said, remarks));
                self.tell_remains(&mut outcome, &track).await;
                outcome
            }
            BackEnd::Unhealthy(ill) => {
                State::RolledBack
                    .word()
                    .clone_into(&mut self.deployment.state);
                let text = format!("{what} was taken back ({why}), and {ill}");
                Outcome::new(Ending::RollbackFailed, text)
                    .with_hint(format!(
                        "page someone now: {previous} is live, and something else is wrong"
                    ))
                    .with_hint("nothing is left to take back, and the next deploy is free to go")
            }
            BackEnd::Superseded(reason) => {
                let text = format!("{what} could not be taken back ({why}): {reason}");
                let mut outcome = self.left_alone(text);
                self.tell_remains(&mut outcome, &Track::default()).await;
                outcome
            }
            BackEnd::Another(reason) => {
                let text = format!("{what} was taken back ({why}), but {reason}");
                let mut outcome = self.left_alone(text);
                self.tell_remains(&mut outcome, &track).await;
                outcome
            }
            BackEnd::Fenced(reason) => {
                let reason = format!("{reason}; here it was to be taken back: {why}");
                self.fenced(reason).await
            }
            BackEnd::Left(reason) => {
                let mut outcome = Outcome::new(
                    Ending::CancelledLeft,
                    format!(
                        "{what}: {} while it was taken back ({why}); {}",
                        reason.sentence(),
                        track.standing_at_stop(&previous)
                    ),
                );
                outcome.hints.push(format!(
                    "run `{}`: it finishes the way back",
                    self.target.command("recover")
                ));
                outcome
            }
            BackEnd::Failed(failure) => {
                let failed = failure.to_string();
                let text = if failed == why {
                    format!("{what} could neither go on nor be taken back: {why}")
                } else {
                    format!("{what} could not go on ({why}) and not be taken back: {failed}")
                };
                let text = with_remarks(text, track.standing(&previous).into_iter().collect());
                let mut outcome = Outcome::new(Ending::RollbackFailed, text);
                outcome.hints.push(format!(
                    "page someone now; `{}` tries the way back again",
                    self.target.command("recover")
                ));
                outcome.hints.extend(failure.0.hints);
                outcome
            }
        }
    }

    /// Adds to an end what the way back has left of the version: `track` says how far that came.
    pub(super) async fn tell_remains(&self, outcome: &mut Outcome, track: &Track) {
        let identity = &self.writer.identity;
        let taken = Taken {
            version: &identity.version,
            previous: &identity.previous_version,
        };
        let commit = track.on_branch.as_ref();
        remains::tell(outcome, taken, commit, self.outside, self.target).await;
    }

    fn note_way_back(&mut self, track: &Track) {
        let records = track.commits.iter().map(CommitRecord::from);
        self.deployment.commits.extend(records);
        self.deployment.weight = track.weight.or(self.deployment.weight);
    }

    /// Returns what comes before the way back: nobody is sent back to a workload without pods.
    async fn revival(&mut self, reached: Option<usize>) -> Result<Vec<BackStep>, BackEnd> {
        let (plan, replay) = (&self.plan, &self.replay);
        let Some(reached) = reached.filter(|it| may_need_pods(plan, replay, *it, false)) else {
            return Ok(Vec::new());
        };
        let tip = self.newest().await?;
        let (repository, target) = (self.outside.repository, self.writer.target);
        let read = async {
            let base = &self.writer.identity.base;
            let began_with = load::target_at(repository, target, base).await?;
            let base = load::manifests(repository, base, &began_with).await?;
            let written = self.replay.until(usize::MAX);
            let now = load::manifests_for_way_back(repository, &tip, target, &written).await?;
            rollout::revival(
                &self.plan,
                &self.replay,
                reached,
                false,
                &base,
                &now.manifests,
            )
            .map_err(failure::refusals)
        };
        match read.await {
            // What is wrong with files that are none of its business stops no canary's way back: its
            // commits read what they need once more.
            Err(_) if !self.plan.switches() => Ok(Vec::new()),
            read => read.map_err(BackEnd::Failed),
        }
    }

    /// Fetches the branch, for as long as a commit of the way back is tried.
    async fn newest(&mut self) -> Result<CommitId, BackEnd> {
        let clock = &*self.outside.clock;
        let mut patience = Patience::new(clock, BACK_PATIENCE);
        let branch = &self.writer.target.branch;
        loop {
            let fetched = self.stop.or(self.outside.repository.fetch(branch)).await;
            let failure = match fetched.map_err(BackEnd::Left)? {
                Ok(tip) => return Ok(tip),
                Err(error) => failure::git(error),
            };
            if failure.0.ending != Ending::Unavailable {
                return Err(BackEnd::Failed(failure));
            }
            match patience.pause(clock, &mut self.stop).await {
                Ok(()) => {}
                Err(Exhausted::Stopped(reason)) => return Err(BackEnd::Left(reason)),
                Err(Exhausted::TimeUp) => return Err(BackEnd::Failed(failure)),
            }
        }
    }
}
