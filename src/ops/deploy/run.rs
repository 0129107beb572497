//! Runs a prepared deployment step by step; whatever happens ends in a state that the exit code names.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Limits, OnCancel, Outside,
    back::{BackCommit, BackEnd, go_back},
    describe,
    observe::{self, Watched, Watching},
    prepare::Ready,
};
use crate::{
    config::{Live, Strategy},
    event::{
        CommitRecord, Deployment, Ending, Event, Failure, Outcome, Reporter, StepRecord, StepState,
    },
    manifest::Change,
    ops::{
        gate::Permit,
        journal::State,
        land::{Direction, Landed, NotLanded, Write, Writer},
        live::{self, Waited},
        load::Target,
        stop::{Stop, StopReason},
    },
    rollout::{Action, Arm, Plan, Replay, Stage, way_back},
    units::{Weight, format_duration},
};

/// How one step ended.
enum StepEnd {
    /// As wanted; with one line about it.
    Done(String),
    /// Nothing was to do.
    Skipped(String),
    /// The new version is bad, or does not come up: take it back.
    Bad(String),
    /// Neither good nor bad: leave it as it is.
    Hold(String),
    /// Asked to stop.
    Stopped(StopReason),
    /// Someone else's values are there, or someone else runs this now.
    Superseded(String),
    /// Something broke.
    Broken(Failure),
}

/// A deployment under way.
pub struct Run<'a> {
    writer: Writer<'a>,
    plan: Plan,
    replay: Replay,
    landed: Option<usize>,
    held: bool,
    outside: &'a Outside<'a>,
    target: &'a Target,
    stop: Stop,
    reporter: &'a mut dyn Reporter,
    on_cancel: OnCancel,
    deadline: DateTime<Utc>,
    deployment: Deployment,
    metrics: Vec<crate::event::MetricRecord>,
}

impl<'a> Run<'a> {
    /// Takes a prepared deployment.
    pub fn new(
        limits: Limits,
        outside: &'a Outside<'a>,
        target: &'a Target,
        ready: Ready,
        stop: Stop,
        reporter: &'a mut dyn Reporter,
    ) -> Self {
        let now = outside.clock.now();
        let limit = limits
            .timeout
            .unwrap_or_else(|| default_timeout(&ready.plan, target));
        let mut deployment = describe(&ready.identity, target, now);
        deployment.previous_head = Some(ready.identity.base.to_string());
        deployment.steps = ready
            .plan
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| StepRecord {
                index: index + 1,
                name: step.name.clone(),
                weight: step.weight,
                state: StepState::Waiting,
                started_at: None,
                finished_at: None,
            })
            .collect();
        Self {
            writer: Writer {
                repository: outside.repository,
                target,
                identity: ready.identity,
                clock: &*outside.clock,
                journal_tip: ready.journal_tip,
                announced: false,
            },
            plan: ready.plan,
            replay: ready.replay,
            landed: ready.landed,
            held: ready.held,
            outside,
            target,
            stop,
            reporter,
            on_cancel: limits.on_cancel,
            deadline: now + TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX),
            deployment,
            metrics: Vec::new(),
        }
    }

    /// Runs it to its end. Asks for a permit, because nothing may be pushed without one.
    pub async fn go(&mut self, permit: &Permit) -> Outcome {
        self.writer.identity.policy = Some(permit.policy());
        let first = self.landed.unwrap_or(0);
        if self.landed.is_some() {
            self.reporter.event(&Event::Note(format!(
                "an earlier try of this run got to step {} of {}; going on from there",
                first + 1,
                self.plan.steps.len()
            )));
        }
        let mut end = StepEnd::Done(String::new());
        for index in first..self.plan.steps.len() {
            end = self.step(index).await;
            if !matches!(end, StepEnd::Done(_) | StepEnd::Skipped(_)) {
                break;
            }
        }
        let mut outcome = self.end(end).await;
        self.deployment.finished_at = Some(self.outside.clock.now());
        let written = self
            .landed
            .map(|reached| self.replay.result(reached))
            .unwrap_or_default();
        outcome.files_changed = super::files(&written);
        outcome.changes = written;
        outcome.metrics = std::mem::take(&mut self.metrics);
        outcome.deployment = Some(self.deployment.clone());
        outcome
    }

    async fn step(&mut self, index: usize) -> StepEnd {
        let step = self.plan.steps[index].clone();
        let total = self.plan.steps.len();
        self.deployment.steps[index].started_at = Some(self.outside.clock.now());
        self.deployment.steps[index].state = StepState::Running;
        self.reporter.event(&Event::StepStarted {
            at: self.outside.clock.now(),
            index: index + 1,
            total,
            name: step.name.clone(),
            weight: step.weight,
        });
        let end = if let Some(reason) = self.stop.requested() {
            StepEnd::Stopped(reason)
        } else {
            match &step.action {
                Action::Write { stage, .. } => {
                    self.write(index, &step.name, *stage, step.weight).await
                }
                Action::WaitLive { arm } => self.wait_live(*arm).await,
                Action::Watch { arm, duration } => self.watch(*arm, *duration, step.weight).await,
                Action::Approval => self.approval(),
            }
        };
        let (state, detail) = match &end {
            StepEnd::Done(detail) => (StepState::Passed, detail.clone()),
            StepEnd::Skipped(detail) => (StepState::Skipped, detail.clone()),
            StepEnd::Bad(reason) | StepEnd::Hold(reason) | StepEnd::Superseded(reason) => {
                (StepState::Failed, reason.clone())
            }
            StepEnd::Stopped(reason) => (StepState::Failed, reason.sentence().to_owned()),
            StepEnd::Broken(failure) => (StepState::Failed, failure.to_string()),
        };
        let now = self.outside.clock.now();
        self.deployment.steps[index].state = state;
        self.deployment.steps[index].finished_at = Some(now);
        self.reporter.event(&Event::StepFinished {
            at: now,
            index: index + 1,
            state,
            detail,
        });
        end
    }

    async fn write(
        &mut self,
        index: usize,
        name: &str,
        stage: Stage,
        weight: Option<Weight>,
    ) -> StepEnd {
        let changes: Vec<Change> = self.replay.at(index).to_vec();
        if changes.is_empty() {
            return StepEnd::Skipped("already so".to_owned());
        }
        let identity = &self.writer.identity;
        let write = Write {
            changes: &changes,
            direction: Direction::Forward,
            state: match stage {
                Stage::Start => State::Started,
                Stage::Advance => State::Advanced,
                Stage::Promote | Stage::Finish => State::Promoted,
            },
            step: format!("{}/{}", index + 1, self.plan.steps.len()),
            subject: format!(
                "{} {}: {name} ({})",
                identity.service, identity.version, identity.environment
            ),
            weight,
            reason: None,
            hold: self.rest_of_step(index),
        };
        let landed = self
            .writer
            .land(&write, &self.stop, &mut *self.reporter)
            .await;
        match landed {
            Ok(Landed::Pushed { commit, parent }) => {
                self.landed = Some(index);
                self.deployment.changed = true;
                self.deployment.weight = weight;
                if self.deployment.commits.is_empty() {
                    self.deployment.previous_head = Some(parent.to_string());
                }
                self.deployment.commits.push(CommitRecord {
                    sha: commit.to_string(),
                    subject: write.subject,
                });
                StepEnd::Done(format!("commit {}", commit.short()))
            }
            Ok(Landed::AlreadyThere { .. }) => {
                self.landed = Some(index);
                self.deployment.weight = weight;
                StepEnd::Skipped("the branch has these values already".to_owned())
            }
            Err(NotLanded::Superseded(reason)) => StepEnd::Superseded(reason),
            Err(NotLanded::Failed(failure)) => match (failure.0.ending, self.stop.requested()) {
                (Ending::CancelledLeft, Some(reason)) => StepEnd::Stopped(reason),
                _ => StepEnd::Broken(failure),
            },
        }
    }

    /// How long the journal must be held after a push: the waits and watches up to the next push.
    fn rest_of_step(&self, index: usize) -> Duration {
        self.plan.steps[index + 1..]
            .iter()
            .take_while(|step| !matches!(step.action, Action::Write { .. }))
            .map(|step| match step.action {
                Action::WaitLive { .. } => self.target.service.progress_deadline,
                Action::Watch { duration, .. } => {
                    duration + self.target.service.on_unavailable_after
                }
                Action::Write { .. } | Action::Approval => Duration::ZERO,
            })
            .sum()
    }

    fn live(&self, arm: Arm) -> &Live {
        match (&self.target.service.strategy, arm) {
            (Strategy::Canary(canary), Arm::Canary) => &canary.live,
            (Strategy::Canary(_) | Strategy::Rolling(_), _) => &self.target.service.live_stable,
        }
    }

    async fn wait_live(&mut self, arm: Arm) -> StepEnd {
        let version = self.writer.identity.version.to_string();
        let limit = self.target.service.progress_deadline.min(self.time_left());
        let live = self.live(arm).clone();
        let started = self.outside.clock.now();
        let wanted = live::Wanted {
            live: &live,
            arm: arm.word(),
            version: &version,
            limit,
        };
        let waited = live::wait(
            &wanted,
            self.outside.client,
            &*self.outside.clock,
            &mut self.stop,
            &mut *self.reporter,
        )
        .await;
        match waited {
            Waited::Live => {
                let took = (self.outside.clock.now() - started)
                    .to_std()
                    .unwrap_or_default();
                StepEnd::Done(format!("live after {}", format_duration(took)))
            }
            Waited::TimeUp(reason) => StepEnd::Bad(reason),
            Waited::Stopped(reason) => StepEnd::Stopped(reason),
        }
    }

    async fn watch(&mut self, arm: Arm, duration: Duration, weight: Option<Weight>) -> StepEnd {
        let left = self.time_left();
        let watching = Watching {
            target: self.target,
            arm,
            version: self.writer.identity.version.as_str(),
            weight,
            duration: duration.min(left),
        };
        let watched = observe::watch(
            &watching,
            self.outside,
            &mut self.stop,
            &mut *self.reporter,
            &mut self.metrics,
        )
        .await;
        match watched {
            Ok(Watched::Good(_) | Watched::Undecided(_)) if left < duration => StepEnd::Bad(
                "the time of the whole run was up before it could be judged".to_owned(),
            ),
            Ok(Watched::Good(detail)) => StepEnd::Done(detail),
            Ok(Watched::Worse(reason)) => StepEnd::Bad(reason),
            Ok(Watched::Undecided(reason)) => StepEnd::Hold(reason),
            Ok(Watched::Stopped(reason)) => StepEnd::Stopped(reason),
            Err(failure) => StepEnd::Broken(failure),
        }
    }

    /// A pause without a duration: the first time the run is left there; the same deploy again,
    /// once the gate has let it through, goes on.
    fn approval(&mut self) -> StepEnd {
        if std::mem::take(&mut self.held) {
            StepEnd::Done("approved: the same deployment was asked for again".to_owned())
        } else {
            StepEnd::Hold("waits for an approval: run the same deploy again to go on".to_owned())
        }
    }

    fn time_left(&self) -> Duration {
        (self.deadline - self.outside.clock.now())
            .to_std()
            .unwrap_or_default()
    }

    async fn end(&mut self, end: StepEnd) -> Outcome {
        let identity = self.writer.identity.clone();
        let what = format!(
            "{} {} in {}",
            identity.service, identity.version, identity.environment
        );
        match end {
            StepEnd::Done(_) | StepEnd::Skipped(_) => self.verified(&what).await,
            StepEnd::Superseded(reason) => {
                self.deployment.state = "superseded".to_owned();
                Outcome::new(Ending::Superseded, reason)
            }
            StepEnd::Hold(reason) if self.landed.is_some() => self.hold(&what, &reason).await,
            StepEnd::Hold(reason) => Outcome::new(Ending::InsufficientData, reason),
            StepEnd::Bad(reason) => self.back(&what, &reason, Ending::RolledBack).await,
            StepEnd::Stopped(reason) => self.stopped(&what, reason).await,
            StepEnd::Broken(failure) => self.broken(&what, failure).await,
        }
    }

    async fn verified(&mut self, what: &str) -> Outcome {
        State::Verified
            .word()
            .clone_into(&mut self.deployment.state);
        let weight = self.deployment.weight;
        match self
            .writer
            .record(State::Verified, "done", weight, None, None, None)
            .await
        {
            Ok(()) => {}
            Err(NotLanded::Superseded(reason)) => return Outcome::new(Ending::Superseded, reason),
            Err(NotLanded::Failed(failure)) => {
                self.reporter.event(&Event::Warning(format!(
                    "deployed and verified, but the journal could not be written: {failure}; run `shipgate recover`"
                )));
            }
        }
        Outcome::new(Ending::Deployed, format!("{what} is live and verified"))
    }

    async fn hold(&mut self, what: &str, reason: &str) -> Outcome {
        State::Held.word().clone_into(&mut self.deployment.state);
        let weight = self.deployment.weight;
        if let Err(NotLanded::Superseded(reason)) = self
            .writer
            .record(State::Held, "held", weight, Some(reason), None, None)
            .await
        {
            return Outcome::new(Ending::Superseded, reason);
        }
        let at = weight
            .map(|weight| format!(" at weight {weight}"))
            .unwrap_or_default();
        let mut outcome = Outcome::new(Ending::Held, format!("{what} is held{at}: {reason}"));
        outcome
            .hints
            .push("to go on: run the same deploy again".to_owned());
        outcome.hints.push(format!(
            "to take it back: shipgate rollback --service {}",
            self.writer.identity.service
        ));
        outcome
    }

    async fn stopped(&mut self, what: &str, reason: StopReason) -> Outcome {
        if self.landed.is_none() {
            self.withdraw(reason.sentence()).await;
            return crate::ops::stopped_before_change(reason).into();
        }
        self.stop.answer();
        match (reason, self.on_cancel) {
            (StopReason::StarterGone, _) | (_, OnCancel::Hold) => {
                let mut outcome = Outcome::new(
                    Ending::CancelledLeft,
                    format!("{what}: {}; left as it is", reason.sentence()),
                );
                outcome
                    .hints
                    .push("run `shipgate recover`: it takes back what is half done".to_owned());
                outcome
            }
            (StopReason::Interrupt | StopReason::Terminate, OnCancel::Rollback) => {
                self.back(what, reason.sentence(), Ending::CancelledRolledBack)
                    .await
            }
        }
    }

    async fn broken(&mut self, what: &str, failure: Failure) -> Outcome {
        if failure.0.ending == Ending::PushUnknown {
            return failure.into();
        }
        if self.landed.is_none() {
            self.withdraw(&failure.to_string()).await;
            return failure.into();
        }
        let reason = failure.to_string();
        let mut outcome = self.back(what, &reason, Ending::RolledBack).await;
        outcome.hints.extend(failure.0.hints);
        outcome
    }

    /// Nothing of this run is on the branch: say so in the journal, so that it stops nobody.
    async fn withdraw(&mut self, reason: &str) {
        if self.writer.announced
            && let Err(NotLanded::Failed(failure)) = self
                .writer
                .record(State::Withdrawn, "none", None, Some(reason), None, None)
                .await
        {
            self.reporter.event(&Event::Warning(format!(
                "the journal could not be closed: {failure}"
            )));
        }
    }

    async fn back(&mut self, what: &str, why: &str, wanted: Ending) -> Outcome {
        let steps = way_back(&self.plan, &self.replay, self.landed);
        let mut commits = Vec::new();
        let end = go_back(
            &mut self.writer,
            &steps,
            why,
            self.outside.client,
            &mut self.stop,
            &mut *self.reporter,
            &mut commits,
        )
        .await;
        self.note_way_back(&commits);
        let previous = self.writer.identity.previous_version.clone();
        match end {
            BackEnd::Restored => {
                State::RolledBack
                    .word()
                    .clone_into(&mut self.deployment.state);
                Outcome::new(
                    wanted,
                    format!("{what} was taken back, {previous} is live again: {why}"),
                )
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
                let mut outcome = Outcome::new(
                    Ending::RollbackFailed,
                    format!("{what} is bad ({why}) and could not be taken back: {failure}"),
                );
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

/// The plan's own length, a full progress deadline for every wait, and 10 %.
fn default_timeout(plan: &Plan, target: &Target) -> Duration {
    let waits = target.service.progress_deadline * plan.waits();
    (plan.length() + waits + Duration::from_secs(60)).mul_f64(1.1)
}
