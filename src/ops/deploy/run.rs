//! Runs a prepared deployment step by step; whatever happens ends in a state that the exit code names.

mod waits;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Limits, OnCancel, Outside, describe, forward,
    held::{Held, WAITS_FOR_APPROVAL},
    overrun::Closing,
    prepare::Ready,
};
use crate::{
    event::{
        CommitRecord, Deployment, Ending, Event, Failure, MetricRecord, Outcome, Reporter,
        StepRecord, StepState,
    },
    git::CommitId,
    manifest::Change,
    ops::{
        acceptance::Approvers,
        gate::Permit,
        land::{Direction, FORWARD_PATIENCE, JOURNAL_SLACK, Landed, Write},
        load::Target,
        lookout::Lookout,
        nudge,
        pull_request::{self, Proposals},
        stop::{Stop, StopReason},
        writer::{Entry, NotLanded, Writer},
    },
    rollout::{Action, Arm, DIRECT, Plan, Replay, Stage},
    units::{Weight, format_duration},
};

/// How one step ended.
pub(super) enum StepEnd {
    /// As wanted; with one line about it.
    Done(String),
    /// Nothing was to do.
    Skipped(String),
    /// The new version is bad, or does not come up.
    Bad(String),
    /// It was judged worse, which is only to be told: go on.
    Told(String),
    /// Not judged good, and the configuration wants that taken back.
    Unwanted(String),
    /// It closed meanwhile, and the policy does not want it to go on.
    Closed(String),
    /// It is a drill, and has come to its turn.
    Drilled,
    /// Neither good nor bad: leave it as it is.
    Hold(String),
    /// Asked to stop.
    Stopped(StopReason),
    /// Someone else's values are there.
    Superseded(String),
    /// Someone else runs this now.
    Fenced(String),
    /// Something broke.
    Broken(Failure),
}

/// A deployment under way.
pub struct Run<'a> {
    pub(super) writer: Writer<'a>,
    pub(super) plan: Plan,
    pub(super) replay: Replay,
    /// Last step whose values are on the branch; none = nothing is.
    pub(super) landed: Option<usize>,
    /// A commit of the branch that holds what has landed.
    on_branch: CommitId,
    /// Last step that was pushed at all, whether it landed or not.
    pub(super) attempted: Option<usize>,
    /// Step at which the run stands.
    pub(super) at: usize,
    held: Held,
    /// Who may accept what waits for a person.
    pub(super) approvers: Approvers,
    /// Who has accepted that it waited for one when it was gone on with.
    accepted: Option<String>,
    /// The step that an earlier try has pushed last, and when it began to.
    earlier: Option<(usize, DateTime<Utc>)>,
    pub(super) outside: &'a Outside<'a>,
    pub(super) target: &'a Target,
    pub(super) stop: Stop,
    pub(super) reporter: &'a mut dyn Reporter,
    pub(super) on_cancel: OnCancel,
    timeout: Duration,
    deadline: DateTime<Utc>,
    /// When it closes, where that ends it.
    pub(super) closing: Option<Closing>,
    /// The step before which a drill turns round.
    turn: Option<usize>,
    pub(super) deployment: Deployment,
    metrics: Vec<MetricRecord>,
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
        let timeout = limits
            .timeout
            .unwrap_or_else(|| default_timeout(&ready.plan, target));
        let mut deployment = describe(&ready.identity, target, now);
        deployment.previous_head = Some(ready.identity.base.to_string());
        // A rehearsed way to a named version has nothing behind it to go back to.
        let is_drill = ready.identity.drill && ready.plan.strategy != DIRECT;
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
                found_there: Vec::new(),
                proposals: Proposals::of(outside, target, limits.on_cancel == OnCancel::Hold),
                convoy: outside.convoy.map(|convoy| (convoy, Direction::Forward)),
                pushes: outside.pushes,
            },
            replay: ready.replay,
            landed: ready.landed,
            on_branch: ready.on_branch,
            attempted: ready.landed,
            at: 0,
            held: ready.held,
            approvers: Approvers::Nobody,
            accepted: None,
            earlier: ready.landed.zip(ready.landed_at),
            outside,
            target,
            stop,
            reporter,
            on_cancel: limits.on_cancel,
            timeout,
            deadline: now
                .checked_add_signed(TimeDelta::from_std(timeout).unwrap_or(TimeDelta::MAX))
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
            closing: None,
            turn: is_drill.then(|| ready.plan.drill_turn()),
            plan: ready.plan,
            deployment,
            metrics: Vec::new(),
        }
    }

    /// Runs it to its end. Asks for a permit, because nothing may be pushed without one.
    pub async fn go(&mut self, permit: &Permit) -> Outcome {
        self.writer.under(permit);
        self.approvers = permit.approvers().clone();
        self.accepted = permit.accepted().map(str::to_owned);
        self.closing = Closing::of(permit.verdict()).filter(|_| self.plan.strategy != DIRECT);
        let end = match self.take_over().await {
            Err(end) => return end.into(),
            Ok(first) => self.steps(first).await,
        };
        // What the end needs, a way back above all, has its own time.
        self.outside.answer_within(None);
        let mut outcome = self.end(end).await;
        self.deployment.finished_at = Some(self.outside.clock.now());
        let written = self
            .landed
            .map(|reached| self.replay.result(reached))
            .unwrap_or_default();
        outcome.files_changed = super::files(&written);
        outcome.changes = written;
        outcome.metrics = std::mem::take(&mut self.metrics);
        // After somebody else's change nobody here knows.
        let is_known = outcome.ending != Ending::Superseded || self.deployment.weight.is_some();
        let weight = self.deployment.weight;
        self.deployment.serves = is_known.then(|| self.plan.serves(weight)).flatten();
        outcome.deployment = Some(self.deployment.clone());
        outcome
    }

    /// Is anything of it in the journal?
    pub(super) fn is_announced(&self) -> bool {
        self.writer.announced
    }

    /// Goes on where an earlier try of the same run ended. Whoever still runs that is fenced out
    /// from here on.
    async fn take_over(&mut self) -> Result<usize, Failure> {
        let Some(landed) = self.landed else {
            return Ok(0);
        };
        // Its first commit is on the branch already.
        if let Some(convoy) = self.outside.convoy {
            convoy.leave(&self.writer.identity.service);
        }
        let step = self.step_number(landed);
        self.reporter.event(&Event::Note(format!(
            "an earlier try of this run got to step {} of {}; going on from there",
            landed + 1,
            self.plan.steps.len()
        )));
        let entry = Entry {
            weight: self.plan.steps[landed].weight,
            reason: Some("an earlier try is continued"),
            hold: Some(self.rest_of_step(landed) + JOURNAL_SLACK),
            ..Entry::new(forward::state(&self.plan, landed), &step, FORWARD_PATIENCE)
        };
        for step in &mut self.deployment.steps[..landed] {
            step.state = StepState::Skipped;
        }
        match self.writer.record(&entry, &self.stop).await {
            Ok(()) => Ok(landed),
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                Err(Failure::new(Ending::Superseded, reason))
            }
            Err(NotLanded::Failed(failure)) => Err(failure),
        }
    }

    async fn steps(&mut self, first: usize) -> StepEnd {
        for index in first..self.plan.steps.len() {
            if self.turn.is_some_and(|turn| index >= turn) {
                return StepEnd::Drilled;
            }
            self.at = index;
            let end = self.step(index).await;
            if !matches!(
                end,
                StepEnd::Done(_) | StepEnd::Skipped(_) | StepEnd::Told(_)
            ) {
                return end;
            }
        }
        match self.turn {
            Some(_) => StepEnd::Drilled,
            None => StepEnd::Done(String::new()),
        }
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
        self.outside
            .answer_within((!self.tidies()).then(|| self.time_left()));
        let lookout = self.lookout(&step.action);
        self.stop.look_out(lookout);
        let end = if let Some(reason) = self.stop.requested() {
            StepEnd::Stopped(reason)
        } else {
            let closed = self.closing.as_ref().filter(|_| !self.tidies());
            let closed = closed.and_then(|closing| closing.closed(self.outside.clock.now()));
            match (&step.action, closed) {
                (Action::Write { .. }, Some(reason)) => StepEnd::Closed(reason),
                (Action::Write { .. }, None) if !self.tidies() && self.time_left().is_zero() => {
                    match self.time_is_up() {
                        StepEnd::Bad(reason) if self.landed.is_none() => StepEnd::Hold(reason),
                        end => end,
                    }
                }
                (Action::Write { .. }, None) => self.write(index, step.weight).await,
                (Action::WaitLive { arm }, _) => self.wait_live(*arm).await,
                (Action::Follow { limit, on_pause }, _) => {
                    self.follow(index, *limit, *on_pause).await
                }
                (
                    Action::Watch {
                        arm,
                        duration,
                        promote_early,
                    },
                    _,
                ) => self.watch(index, *arm, *duration, *promote_early).await,
                (Action::Preview { duration }, _) => {
                    self.watch(index, Arm::Canary, *duration, false).await
                }
                (Action::Approval, _) => self.approval(index),
            }
        };
        let end = match (end, self.stop.taken_over_by()) {
            (StepEnd::Stopped(StopReason::TakenOver), Some(by)) => StepEnd::Fenced(by),
            (end, _) => end,
        };
        self.stop.look_out(None);
        let (state, detail) = match &end {
            StepEnd::Done(detail) => (StepState::Passed, detail.clone()),
            StepEnd::Skipped(detail) => (StepState::Skipped, detail.clone()),
            StepEnd::Hold(reason) => (StepState::Held, reason.clone()),
            // It has not begun: the one before it was brought to its end.
            StepEnd::Closed(reason) if !self.closing.as_ref().is_some_and(|it| it.aborts) => {
                (StepState::Held, reason.clone())
            }
            StepEnd::Bad(reason)
            | StepEnd::Told(reason)
            | StepEnd::Unwanted(reason)
            | StepEnd::Closed(reason)
            | StepEnd::Superseded(reason)
            | StepEnd::Fenced(reason) => (StepState::Failed, reason.clone()),
            StepEnd::Stopped(reason) => (StepState::Failed, reason.sentence().to_owned()),
            StepEnd::Broken(failure) => (StepState::Failed, failure.to_string()),
            StepEnd::Drilled => (StepState::Skipped, String::new()),
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

    async fn write(&mut self, index: usize, weight: Option<Weight>) -> StepEnd {
        let changes: Vec<Change> = self.replay.at(index).to_vec();
        if changes.is_empty() {
            return StepEnd::Skipped("already so".to_owned());
        }
        let stands = self.landed.map(|landed| self.replay.until(landed));
        let gives_users = weight.is_some_and(|weight| weight > Weight::ZERO);
        let write = Write {
            stands: stands.as_deref().unwrap_or_default(),
            serves: self.plan.roles.canary.as_ref().filter(|_| gives_users),
            hold: self.rest_of_step(index),
            patience: if self.tidies() {
                FORWARD_PATIENCE
            } else if self.writer.is_with_others() {
                // The others may ask for longer than a lost race takes.
                self.time_left()
            } else {
                pull_request::patience(self.target).min(self.time_left())
            },
            ..forward::write(&self.plan, &self.writer.identity, index, &changes)
        };
        self.attempted = Some(index);
        let landed = self
            .writer
            .land(&write, &self.stop, &mut *self.reporter)
            .await;
        match landed {
            Ok(Landed::Pushed { commit, parent }) => {
                self.landed = Some(index);
                self.on_branch = commit.clone();
                let (target, outside) = (self.target, self.outside);
                nudge::after_push(target, outside, &self.stop, &mut *self.reporter).await;
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
            Ok(Landed::AlreadyThere { tip }) => {
                self.landed = Some(index);
                self.on_branch = tip;
                self.deployment.weight = weight;
                StepEnd::Skipped("the branch has these values already".to_owned())
            }
            Err(NotLanded::Superseded(reason)) => StepEnd::Superseded(reason),
            Err(NotLanded::Fenced(reason)) => StepEnd::Fenced(reason),
            Err(NotLanded::Failed(failure)) => match self.stop.requested() {
                // What may be on the branch is told before that somebody wants to stop.
                Some(reason) if failure.0.ending != Ending::PushUnknown => StepEnd::Stopped(reason),
                _ => StepEnd::Broken(failure),
            },
        }
    }

    /// Returns who looks during a step that only waits whether this run is still ours to go on with:
    /// a step that writes finds that out by its record.
    fn lookout(&self, action: &Action) -> Option<Lookout> {
        let waits = match action {
            Action::Write { .. } | Action::Approval => false,
            Action::WaitLive { .. }
            | Action::Follow { .. }
            | Action::Watch { .. }
            | Action::Preview { .. } => self.writer.announced,
        };
        let every = self.outside.lookout.filter(|_| waits)?;
        let (writer, clock) = (&self.writer, &*self.outside.clock);
        let lookout = Lookout::new(writer.repository, &writer.identity, every, clock);
        Some(lookout)
    }

    /// Is the new version judged good by now, so that only tidying up is left?
    pub(super) fn tidies(&self) -> bool {
        matches!(
            self.plan.steps[self.at].action,
            Action::Write {
                stage: Stage::Finish,
                ..
            }
        )
    }

    fn step_number(&self, index: usize) -> String {
        forward::number(&self.plan, index)
    }

    /// How long the journal must be held after a push: the waits and watches up to the next push.
    pub(super) fn rest_of_step(&self, index: usize) -> Duration {
        self.plan.steps[index + 1..]
            .iter()
            .take_while(|step| !matches!(step.action, Action::Write { .. }))
            .map(|step| match step.action {
                Action::WaitLive { .. } => self.target.service.progress_deadline,
                Action::Follow { limit, .. } => limit,
                Action::Watch { duration, .. } | Action::Preview { duration } => {
                    duration + self.target.service.on_unavailable_after
                }
                Action::Write { .. } | Action::Approval => Duration::ZERO,
            })
            .sum()
    }

    /// A pause without a duration: the run is left there, until a person has accepted it.
    fn approval(&self, index: usize) -> StepEnd {
        match &self.accepted {
            Some(accepted) if self.held.stood_at(index) => StepEnd::Done(accepted.clone()),
            _ if self.held.is_let_past(index) => StepEnd::Done("approved before".to_owned()),
            _ => StepEnd::Hold(WAITS_FOR_APPROVAL.to_owned()),
        }
    }

    pub(super) fn time_is_up(&self) -> StepEnd {
        let now = self.outside.clock.now();
        if let Some(reason) = self
            .closing
            .as_ref()
            .and_then(|closing| closing.closed(now))
        {
            return StepEnd::Closed(reason);
        }
        StepEnd::Bad(format!(
            "the {} that the whole run may take were over before it was judged good",
            format_duration(self.timeout)
        ))
    }

    /// How long the way forward may go on: until its limit, or until it closes where that ends it at
    /// once.
    pub(super) fn time_left(&self) -> Duration {
        let closing = self.closing.as_ref().filter(|closing| closing.aborts);
        let end = closing.map_or(self.deadline, |closing| closing.at.min(self.deadline));
        (end - self.outside.clock.now())
            .to_std()
            .unwrap_or_default()
    }
}

/// The plan's own length, a full progress deadline for every wait, and 10 %.
pub fn default_timeout(plan: &Plan, target: &Target) -> Duration {
    let waits = target.service.progress_deadline * plan.waits();
    let merge = pull_request::longest_wait(target);
    (plan.length() + waits + merge + Duration::from_secs(60)).mul_f64(1.1)
}
