//! Finishes a run whose new version was judged good: puts away what its canary needed.

use super::{Takeback, Written};
use crate::{
    event::{Ending, Failure, Outcome, Reporter},
    git::CommitId,
    manifest::ObjectRef,
    ops::{
        deploy::{self, BackCommit, Track},
        journal::{Record, State, step_index},
        land::{Direction, FORWARD_PATIENCE, Landed, Write},
        live::{self, Presence, Waited},
        nudge,
        stop::Stop,
        writer::{Entry, NotLanded},
    },
    rollout::{Action, Arm, CLEANUP, DIRECT, Stage},
};

impl Takeback<'_> {
    /// Should the run be finished rather than taken back? So it is when its new version was judged
    /// good and only tidying up is left, and when a person had named the version to go to.
    pub fn is_to_be_finished(&self, record: &Record) -> bool {
        let Some(written) = &self.written else {
            return false;
        };
        let Some(landed) = written.landed.filter(|_| !written.going_back) else {
            return false;
        };
        let announced = step_index(&record.step).unwrap_or(landed);
        let tidies = matches!(
            written.plan.steps.get(announced).map(|step| &step.action),
            Some(Action::Write {
                stage: Stage::Finish,
                ..
            })
        );
        tidies || written.plan.strategy == DIRECT
    }

    /// Finishes a run that is to be finished: puts away what the canary needed.
    pub async fn finish(mut self, mut stop: Stop, reporter: &mut dyn Reporter) -> Outcome {
        let mut track = Track::default();
        let outcome = match self.tidy_up(&mut stop, reporter, &mut track).await {
            Ok(on_branch) => {
                self.wait_and_close(&on_branch, &mut stop, reporter, &track)
                    .await
            }
            Err(outcome) => outcome,
        };
        self.with_deployment(outcome, track)
    }

    async fn tidy_up(
        &mut self,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
        track: &mut Track,
    ) -> Result<CommitId, Outcome> {
        let Some(Written {
            plan,
            replay,
            landed: Some(landed),
            tip,
            ..
        }) = &self.written
        else {
            return Ok(self.target.tip.clone());
        };
        let mut on_branch = tip.clone();
        let in_place = deploy::in_place(self.outside, self.target, replay, *landed, tip).await;
        if let Err(failure) = in_place {
            if failure.0.ending != Ending::BlockedOther {
                return Err(failure.into());
            }
            let reason = failure.to_string();
            let entry = Entry {
                reason: Some(&reason),
                ..Entry::new(State::Superseded, "none", FORWARD_PATIENCE)
            };
            let closed = self.writer.record(&entry, stop).await;
            return Err(self.closed(closed, Ending::Superseded, reason.clone()));
        }
        let mut is_seen_live = !plan.switches();
        for (index, step) in plan.steps.iter().enumerate().skip(landed + 1) {
            let changes = replay.at(index);
            // The steps in between only waited and watched, unless a person named the version.
            if changes.is_empty() {
                continue;
            }
            // Nobody is switched over to a colour without pods.
            if !is_seen_live {
                let (_, workload) = plan.serves_then();
                let waited = self.live(workload, &on_branch, stop, reporter).await?;
                if let Some(ended) = self.not_live(waited, track) {
                    return Err(ended);
                }
                is_seen_live = true;
            }
            let identity = &self.writer.identity;
            let write = Write {
                stands: &[],
                serves: None,
                changes,
                direction: Direction::Forward,
                state: State::Promoted,
                step: format!("{}/{}", index + 1, plan.steps.len()),
                subject: format!(
                    "{} {}: {} ({})",
                    identity.service, identity.version, step.name, identity.environment
                ),
                weight: step.weight,
                reason: None,
                hold: self.target.service.way_back_deadline(),
                patience: FORWARD_PATIENCE,
            };
            match self.writer.land(&write, stop, reporter).await {
                Ok(Landed::Pushed { commit, .. }) => {
                    on_branch = commit.clone();
                    track.weight = step.weight;
                    track.commits.push(BackCommit {
                        commit,
                        subject: write.subject,
                        at: self.outside.clock.now(),
                        is_traffic: false,
                    });
                    nudge::after_push(self.target, self.outside, stop, reporter).await;
                }
                Ok(Landed::AlreadyThere { tip }) => on_branch = tip,
                Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                    return Err(Outcome::new(Ending::Superseded, reason));
                }
                Err(NotLanded::Failed(failure)) => {
                    return Err(match stop.requested() {
                        Some(reason) if failure.0.ending == Ending::CancelledLeft => self.left(
                            reason,
                            !track.commits.is_empty(),
                            "the run is not finished".to_owned(),
                        ),
                        _ => self.half_done(failure, !track.commits.is_empty()),
                    });
                }
            }
        }
        Ok(on_branch)
    }

    /// Says whether everyone has what the branch says at a commit, and closes the record.
    async fn wait_and_close(
        &mut self,
        on_branch: &CommitId,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
        track: &Track,
    ) -> Outcome {
        let waited = match &self.written {
            Some(Written { plan, .. }) => {
                let (_, workload) = plan.serves_then();
                match self.live(workload, on_branch, stop, reporter).await {
                    Ok(waited) => waited,
                    Err(outcome) => {
                        return self
                            .half_done(Failure(Box::new(outcome)), !track.commits.is_empty());
                    }
                }
            }
            None => Waited::Live,
        };
        if let Some(ended) = self.not_live(waited, track) {
            return ended;
        }
        let worse = self.writer.identity.judged_worse.clone();
        let state = match worse {
            None => State::Verified,
            Some(_) => State::Alerted,
        };
        let entry = Entry {
            reason: worse.as_deref(),
            ..Entry::new(state, "done", FORWARD_PATIENCE)
        };
        let closed = self.writer.record(&entry, stop).await;
        let what = self.what();
        let reason = match &self.written {
            Some(Written { plan, .. }) if plan.strategy == CLEANUP => {
                format!("{what}: the cleanup is finished")
            }
            _ => format!("{what} is finished: it was judged good before"),
        };
        match self.closed(closed, Ending::Deployed, reason) {
            outcome if outcome.ending == Ending::Deployed => match &worse {
                None => outcome,
                Some(why) => {
                    let keep =
                        vec!["to keep it: run the same deploy again, which says how".to_owned()];
                    deploy::live_and_worse(&what, self.target, why, keep)
                }
            },
            outcome if outcome.ending == Ending::Superseded => outcome,
            outcome => self.half_done(Failure(Box::new(outcome)), !track.commits.is_empty()),
        }
    }

    /// Waits until a workload runs the version of the run.
    async fn live(
        &self,
        workload: &ObjectRef,
        on_branch: &CommitId,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<Waited, Outcome> {
        let service = &self.target.service;
        let Some(live) = service.live(workload) else {
            return Err(live::not_named(workload).into());
        };
        let wanted = live::Wanted {
            target: self.target,
            live,
            arm: service.word(workload).unwrap_or(Arm::Stable.word()),
            version: self.writer.identity.version.as_str(),
            commit: on_branch,
            presence: Presence::Running,
            limit: service.way_back_deadline(),
            fails_fast: false,
        };
        Ok(live::wait(&wanted, self.outside, stop, reporter).await)
    }

    /// Returns how the run ends where it is not seen live.
    fn not_live(&self, waited: Waited, track: &Track) -> Option<Outcome> {
        let what = self.what();
        Some(match waited {
            Waited::Live => return None,
            Waited::TimeUp(reason) | Waited::Failed(reason) => {
                let mut outcome = Outcome::new(Ending::Held, format!("{what}: {reason}"));
                outcome.hints.push(format!(
                    "run `{}` again when it answers, or take it back with `{}`",
                    self.target.command("recover"),
                    self.target.command("rollback")
                ));
                outcome
            }
            Waited::Stopped(reason) => self.left(
                reason,
                !track.commits.is_empty(),
                format!("{what} is not finished"),
            ),
        })
    }

    /// Something broke while a run was finished: once something was pushed, the code must say so.
    fn half_done(&self, failure: Failure, pushed: bool) -> Outcome {
        let mut outcome = Outcome::from(failure);
        if pushed && outcome.ending != Ending::PushUnknown {
            let held = Outcome::new(Ending::Held, outcome.reason);
            outcome = Outcome {
                hints: outcome.hints,
                ..held
            };
            outcome.hints.push(format!(
                "run `{}` again: it finishes the rest",
                self.target.command("recover")
            ));
        }
        outcome
    }
}
