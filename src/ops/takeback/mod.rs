//! Takes an earlier run back, or finishes it where it was already judged good: what `rollback` and
//! `recover` have in common.

mod carries;
mod finish;
mod step_down;

pub use step_down::Progressive;

use crate::{
    event::{CommitRecord, Ending, Failure, Outcome, Reporter},
    git::CommitId,
    manifest::{RestoreProblem, restore},
    ops::{
        cause::Cause,
        deploy::{
            BackEnd, Outside, Remade, Track, describe, go_back, read_journal, remains,
            remains::Taken, remake, resume, with_remarks,
        },
        failure,
        gate::Permit,
        journal::{Record, RunIdentity, State, step_index},
        land::{Direction, FORWARD_PATIENCE},
        load::{self, Target},
        pull_request::Proposals,
        stop::{Stop, StopReason},
        stopped_before_change,
        writer::{Entry, NotLanded, Writer},
    },
    rollout::{BackStep, Plan, Replay, may_need_pods, revival, taken_back, unless_done, way_back},
};

/// An earlier run with all that is needed to take it back or to finish it.
pub struct Takeback<'a> {
    outside: &'a Outside<'a>,
    target: &'a Target,
    writer: Writer<'a>,
    written: Option<Written>,
    /// What stepping the weight down has come to.
    stepped: Track,
}

/// What a run has, or may have, on the branch.
struct Written {
    plan: Plan,
    replay: Replay,
    /// Last step that landed, from 0; none = only its way back shows.
    landed: Option<usize>,
    /// Last step that may have landed.
    reached: usize,
    going_back: bool,
    /// What comes before the way back: pods for the workload that users are sent back to.
    first: Vec<BackStep>,
    /// The branch's head when all this was read from it.
    tip: CommitId,
}

impl<'a> Takeback<'a> {
    /// Reads from the branch what a run has written. `run` is the run id to write under: the run's
    /// own when it is not finished, a new one when a finished run is taken back.
    ///
    /// # Errors
    /// The git server does not answer; the run's record does not say where it began; the branch
    /// that a finished run was on is no longer there.
    pub async fn read(
        outside: &'a Outside<'a>,
        target: &'a Target,
        record: &Record,
        run: String,
        journal_tip: Option<CommitId>,
        actor: Option<String>,
    ) -> Result<Self, Failure> {
        let unknown = |what: &str| {
            Failure::new(
                Ending::BlockedOther,
                format!("what run {} began with is not known: {what}", record.run),
            )
            .hint(format!(
                "look at the branch, then deploy the version you want with `{}`",
                target.command("rollback").flag("to", "VERSION")
            ))
        };
        let incomplete = || {
            unknown(&format!(
                "journal record {} does not say",
                record.id.short()
            ))
        };
        let version = record.version.clone().ok_or_else(incomplete)?;
        let continued = resume(outside, target, record)
            .await?
            .ok_or_else(incomplete)?;
        let finished = record.state.is_deployed();
        if finished && continued.rewritten {
            return Err(unknown("the branch was rewritten since"));
        }
        let shows = continued.landed.is_some() || (continued.going_back && !continued.rewritten);
        let mut previous_version = record.previous_version.clone().unwrap_or_default();
        let written = if finished || shows {
            let Remade {
                plan,
                mut replay,
                previous,
                manifests,
            } = remake(outside, target, &continued.base, &version, &record.strategy).await?;
            previous_version = previous;
            for weight in &continued.stepped_down {
                step_down::add(&mut replay, &manifests, target, *weight)?;
            }
            let reached = match continued.landed {
                // A push that was announced may be on its way still.
                Some(landed) if !finished => {
                    step_index(&record.step).map_or(landed, |announced| announced.max(landed))
                }
                // A finished run wrote all there was to write; so did the one that a way back
                // under an id of its own is about.
                _ => plan.steps.len(),
            };
            let is_over = finished || continued.landed.is_none();
            let first = if may_need_pods(&plan, &replay, reached, is_over) {
                let written = replay.until(usize::MAX);
                let (repository, tip) = (outside.repository, &continued.tip);
                let on_tip = load::manifests_for_way_back(repository, tip, target, &written);
                let on_tip = on_tip.await?.manifests;
                revival(&plan, &replay, reached, is_over, &manifests, &on_tip)
                    .map_err(failure::refusals)?
            } else {
                Vec::new()
            };
            Some(Written {
                plan,
                replay,
                first,
                landed: continued.landed,
                reached,
                going_back: continued.going_back,
                tip: continued.tip,
            })
        } else {
            None
        };
        let identity = RunIdentity {
            run,
            service: target.service.name.clone(),
            environment: target.environment_name.clone(),
            version,
            previous_version,
            strategy: record.strategy.clone(),
            base: continued.base,
            source: None,
            actor,
            pipeline: None,
            policy: None,
            approvals: Vec::new(),
            overridden: None,
            reason: None,
            cause: Some(Cause::Interrupted),
            unhealthy_before: record.unhealthy_before.clone(),
            judged_worse: record.judged_worse.clone().filter(|_| !finished),
            drill: false,
            regions: record.regions.clone(),
        };
        Ok(Self {
            outside,
            target,
            writer: Writer {
                repository: outside.repository,
                target,
                identity,
                clock: &*outside.clock,
                journal_tip,
                announced: false,
                found_there: Vec::new(),
                proposals: Proposals::of(outside, target, false),
                convoy: None,
                pushes: None,
            },
            written,
            stepped: Track::default(),
        })
    }

    /// Takes the permit that the gate gave for taking it back: everything written from here on
    /// names it.
    pub fn under(&mut self, permit: &Permit) {
        self.writer.under(permit);
    }

    /// Says that the version was judged worse after the run had ended.
    pub fn judged_worse(&mut self) {
        self.writer.identity.cause = Some(Cause::Verification);
    }

    /// Makes its first commit one with those of the other services that are taken back in this run,
    /// where that is asked for.
    pub fn with_others(&mut self) {
        let convoy = self.outside.convoy;
        self.writer.convoy = convoy.map(|convoy| (convoy, Direction::Back));
    }

    /// Says that a person asked for it, and whether as a rehearsal.
    pub fn asked_for(&mut self, drill: bool) {
        self.writer.identity.cause = Some(Cause::Asked);
        self.writer.identity.drill = drill;
    }

    /// Shows what taking the run back would change; changes nothing.
    ///
    /// # Errors
    /// The git server does not answer; somebody else's values are there.
    pub async fn show(&self, progressive: Option<Progressive>) -> Result<Outcome, Failure> {
        let what = self.what();
        let Some(written) = &self.written else {
            return Ok(Outcome::new(
                Ending::NoChange,
                format!("nothing of {what} is on the branch; dry run: nothing was pushed"),
            ));
        };
        let changes = taken_back(&written.steps());
        let (repository, tip) = (self.outside.repository, &written.tip);
        let read = load::manifests_for_way_back(repository, tip, self.target, &changes);
        let manifests = read.await?.manifests;
        let set = restore(&manifests, &changes).map_err(|problem| match problem {
            RestoreProblem::Superseded { change, .. } => Failure::new(
                Ending::EditRefused,
                format!(
                    "{}: {} was changed by someone else",
                    change.path,
                    change.target()
                ),
            ),
            RestoreProblem::Refused(refusals) => failure::refusals(refusals),
        })?;
        let how = match progressive {
            Some(progressive) => format!(" ({})", self.foretell(progressive).await?),
            None => String::new(),
        };
        let mut outcome = Outcome::new(
            Ending::Shown,
            format!(
                "would take {what} back{how}: {}; dry run: nothing was pushed",
                set.summary()
            ),
        );
        outcome.diff = set.diff(&manifests);
        outcome.files_changed = set.files().into_iter().map(str::to_owned).collect();
        outcome.changes = set.changes;
        Ok(outcome)
    }

    /// Takes the run back; closes its record where nothing of it is on the branch.
    pub async fn back(mut self, why: &str, mut stop: Stop, reporter: &mut dyn Reporter) -> Outcome {
        let Some(written) = &self.written else {
            let closed = self.withdraw(why, &stop, reporter).await;
            return match self.landed_meanwhile(&closed).await {
                Some(landed) => Box::pin(landed.back(why, stop, reporter)).await,
                None => closed,
            };
        };
        let (repository, target) = (self.outside.repository, self.target);
        let changes = taken_back(&written.steps());
        let now = load::manifests_for_way_back(repository, &written.tip, target, &changes);
        let steps = match now.await {
            Ok(now) => unless_done(written.steps(), &now.manifests),
            // Whoever writes reads it again, and says what is wrong with it.
            Err(_) => written.steps(),
        };
        let mut track = std::mem::take(&mut self.stepped);
        let end = go_back(
            &mut self.writer,
            &steps,
            why,
            self.outside,
            &mut stop,
            reporter,
            &mut track,
        )
        .await;
        let tells = matches!(
            end,
            BackEnd::Restored(_) | BackEnd::Superseded(_) | BackEnd::Another(_)
        );
        let is_restored = matches!(end, BackEnd::Restored(_));
        let mut outcome = self.ended(end, why, &track);
        if tells {
            let identity = &self.writer.identity;
            let taken = Taken {
                version: &identity.version,
                previous: &identity.previous_version,
            };
            let commit = track.on_branch.as_ref().filter(|_| is_restored);
            remains::tell(&mut outcome, taken, commit, self.outside, target).await;
        }
        self.with_deployment(outcome, track)
    }

    /// Tells how a way back ended.
    fn ended(&self, end: BackEnd, why: &str, track: &Track) -> Outcome {
        let what = self.what();
        let previous = &self.writer.identity.previous_version;
        let has_pushed = !track.commits.is_empty();
        match end {
            BackEnd::Restored(remarks) => {
                let said = format!("{what} is taken back; {previous} is live ({why})");
                Outcome::new(Ending::TakenBack, with_remarks(said, remarks))
            }
            BackEnd::Unhealthy(ill) => Outcome::new(
                Ending::RollbackFailed,
                format!("{what} is taken back ({why}), but {ill}"),
            )
            .with_hint(format!(
                "page someone now: {previous} is live, and something else is wrong"
            ))
            .with_hint("nothing is left to take back, and the next deploy is free to go"),
            BackEnd::Another(reason) => Outcome::new(
                Ending::Superseded,
                format!("{what} is taken back ({why}), but {reason}"),
            ),
            BackEnd::Superseded(reason) | BackEnd::Fenced(reason) => {
                Outcome::new(Ending::Superseded, reason)
            }
            BackEnd::Left(reason) => self.left(
                reason,
                has_pushed,
                format!(
                    "the way back of {what} is not finished: {}",
                    track.standing_at_stop(previous)
                ),
            ),
            // Nothing was changed here: the branch is as this command found it, and the code says
            // why.
            BackEnd::Failed(failure) if !has_pushed => {
                let text = format!("{what} could not be taken back: {failure}");
                let mut outcome = Outcome::from(failure);
                outcome.reason = text;
                outcome.hints.push(format!(
                    "then run `{}`: it tries the way back again",
                    self.target.command("recover")
                ));
                outcome
            }
            BackEnd::Failed(failure) => {
                let text = format!("{what} could not be taken back: {failure}");
                let text = with_remarks(text, track.standing(previous).into_iter().collect());
                let mut outcome = Outcome::new(Ending::RollbackFailed, text).with_hint(format!(
                    "page someone now; `{}` tries the way back again",
                    self.target.command("recover")
                ));
                outcome.hints.extend(failure.0.hints);
                outcome
            }
        }
    }

    /// Is nothing of the run on the branch?
    pub fn is_untouched(&self) -> bool {
        self.written.is_none()
    }

    /// A run that was announced may have been about to push while its record was closed.
    async fn landed_meanwhile(&self, closed: &Outcome) -> Option<Self> {
        if closed.ending != Ending::NoChange {
            return None;
        }
        let (tip, records) = read_journal(self.outside.repository, self.target)
            .await
            .ok()?;
        let record = records.first()?;
        let RunIdentity {
            run,
            actor,
            policy,
            approvals,
            overridden,
            cause,
            drill,
            ..
        } = self.writer.identity.clone();
        let mut again = Self::read(self.outside, self.target, record, run, tip, actor)
            .await
            .ok()
            .filter(|again| !again.is_untouched())?;
        again.writer.identity.policy = policy;
        again.writer.identity.approvals = approvals;
        again.writer.identity.overridden = overridden;
        again.writer.identity.cause = cause;
        again.writer.identity.drill = drill;
        Some(again)
    }

    /// Closes the record of a run of which nothing is on the branch.
    async fn withdraw(&mut self, why: &str, stop: &Stop, reporter: &mut dyn Reporter) -> Outcome {
        // What is merged in this moment is found when the branch is read again.
        if let Err(failure) = self.writer.retract(why, reporter).await {
            return failure.into();
        }
        let reason = "nothing of it was on the branch";
        let entry = Entry {
            reason: Some(reason),
            ..Entry::new(State::Withdrawn, "none", FORWARD_PATIENCE)
        };
        let closed = self.writer.record(&entry, stop).await;
        let text = format!("{}: {reason}; closed its record", self.what());
        self.closed(closed, Ending::NoChange, text)
    }

    fn closed(&self, closed: Result<(), NotLanded>, ending: Ending, reason: String) -> Outcome {
        match closed {
            Ok(()) => Outcome::new(ending, reason),
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                Outcome::new(Ending::Superseded, reason)
            }
            Err(NotLanded::Failed(failure)) => failure.into(),
        }
    }

    fn with_deployment(&self, mut outcome: Outcome, track: Track) -> Outcome {
        let now = self.outside.clock.now();
        let mut deployment = describe(&self.writer.identity, self.target, now);
        outcome.ending.result().clone_into(&mut deployment.state);
        deployment.changed = !track.commits.is_empty();
        deployment.weight = track.weight;
        let plan = self.written.as_ref().map(|written| &written.plan);
        // What nothing was pushed for is not known.
        deployment.serves = plan
            .filter(|_| track.weight.is_some())
            .and_then(|plan| plan.serves(track.weight));
        deployment.finished_at = Some(now);
        deployment.commits = track.commits.iter().map(CommitRecord::from).collect();
        outcome.deployment = Some(deployment);
        outcome
    }

    /// Asked to stop: whether something was pushed decides about the code.
    fn left(&self, reason: StopReason, pushed: bool, what: String) -> Outcome {
        let mut outcome = if pushed {
            Outcome::new(Ending::CancelledLeft, "")
        } else {
            stopped_before_change(reason).into()
        };
        outcome.reason = format!("{}; {what}", reason.sentence());
        outcome
            .hints
            .push(format!("run `{}`", self.target.command("recover")));
        outcome
    }

    fn what(&self) -> String {
        let identity = &self.writer.identity;
        format!(
            "{} {} in {}",
            identity.service, identity.version, identity.environment
        )
    }
}

impl Written {
    /// Returns the whole way back.
    fn steps(&self) -> Vec<BackStep> {
        let mut steps = self.first.clone();
        steps.extend(way_back(&self.plan, &self.replay, Some(self.reached)));
        steps
    }
}
