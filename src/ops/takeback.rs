//! Takes an earlier run back, or finishes it where it was already judged good: what `rollback` and
//! `recover` have in common.

use crate::{
    event::{CommitRecord, Ending, Failure, Outcome, Reporter},
    git::CommitId,
    ops::{
        deploy::{self, BackEnd, Continued, Outside, describe, go_back},
        failure,
        journal::{Record, RunIdentity, State, step_index},
        land::{Direction, Landed, NotLanded, Write, Writer},
        live::{self, Waited},
        load::{self, Target},
        stop::Stop,
    },
    rollout::{self, Action, Plan, Replay, Stage, way_back},
    units::Version,
};

/// An earlier run with all that is needed to take it back or to finish it.
pub struct Takeback<'a> {
    outside: &'a Outside<'a>,
    target: &'a Target,
    plan: Plan,
    replay: Replay,
    continued: Continued,
    writer: Writer<'a>,
    version: Version,
}

impl<'a> Takeback<'a> {
    /// Reads from the branch what a run has written. `run` is the run id to write under: the run's
    /// own when it is not finished, a new one when a finished run is taken back.
    ///
    /// # Errors
    /// The git server does not answer; the run's record does not say where it began.
    pub async fn read(
        outside: &'a Outside<'a>,
        target: &'a Target,
        record: &Record,
        run: String,
        journal_tip: Option<CommitId>,
        actor: Option<String>,
    ) -> Result<Self, Failure> {
        let incomplete = || {
            Failure::new(
                Ending::BlockedOther,
                format!("the journal record {} does not say what run {} began with", record.id.short(), record.run),
            )
            .hint("look at the branch, then deploy the version you want with `shipgate rollback --to VERSION`")
        };
        let version = record.version.clone().ok_or_else(incomplete)?;
        let continued = deploy::resume(outside, target, record)
            .await?
            .ok_or_else(incomplete)?;
        let manifests = load::manifests(outside.repository, &continued.base, target).await?;
        let (plan, previous) = deploy::plan(target, &manifests, &version)?;
        let replay = rollout::replay(&plan, &manifests).map_err(failure::refusals)?;
        let identity = RunIdentity {
            run,
            service: target.service.name.clone(),
            environment: target.environment_name.clone(),
            version: version.clone(),
            previous_version: previous,
            strategy: plan.strategy.to_owned(),
            base: continued.base.clone(),
            source: None,
            actor,
            pipeline: None,
            policy: None,
        };
        Ok(Self {
            outside,
            target,
            plan,
            replay,
            continued,
            writer: Writer {
                repository: outside.repository,
                target,
                identity,
                clock: &*outside.clock,
                journal_tip,
                announced: false,
            },
            version,
        })
    }

    /// Is nothing of the run on the branch?
    pub fn is_untouched(&self) -> bool {
        self.continued.landed.is_none() && !self.continued.going_back
    }

    /// Was the new version judged good, so that only tidying up is left?
    pub fn is_judged_good(&self, record: &Record) -> bool {
        let announced = step_index(&record.step).or(self.continued.landed);
        !self.continued.going_back
            && announced.is_some_and(|index| {
                matches!(
                    self.plan.steps.get(index).map(|step| &step.action),
                    Some(Action::Write {
                        stage: Stage::Finish,
                        ..
                    })
                )
            })
    }

    /// Closes the record of a run of which nothing is on the branch.
    pub async fn withdraw(mut self) -> Outcome {
        let reason = "nothing of it was on the branch";
        let closed = self
            .writer
            .record(State::Withdrawn, "none", None, Some(reason), None, None)
            .await;
        self.closed(closed, Ending::NoChange, |what| {
            format!("{what}: {reason}; closed its record")
        })
    }

    /// Takes the run back.
    pub async fn back(mut self, why: &str, mut stop: Stop, reporter: &mut dyn Reporter) -> Outcome {
        let steps = way_back(&self.plan, &self.replay, self.continued.landed);
        let mut commits = Vec::new();
        let end = go_back(
            &mut self.writer,
            &steps,
            why,
            self.outside.client,
            &mut stop,
            reporter,
            &mut commits,
        )
        .await;
        let what = self.what();
        let previous = &self.writer.identity.previous_version;
        let mut outcome = match end {
            BackEnd::Restored => Outcome::new(
                Ending::TakenBack,
                format!("{what} is taken back; {previous} is live ({why})"),
            ),
            BackEnd::Superseded(reason) => Outcome::new(Ending::Superseded, reason),
            BackEnd::Left(reason) => Outcome::new(
                if commits.is_empty() {
                    stopped_ending(reason)
                } else {
                    Ending::CancelledLeft
                },
                format!(
                    "{}; the way back of {what} is not finished",
                    reason.sentence()
                ),
            ),
            BackEnd::Failed(failure) => {
                let mut outcome = Outcome::new(
                    Ending::RollbackFailed,
                    format!("{what} could not be taken back: {failure}"),
                );
                outcome.hints = failure.0.hints;
                outcome
            }
        };
        let mut deployment = describe(&self.writer.identity, self.target, self.outside.clock.now());
        outcome.ending.result().clone_into(&mut deployment.state);
        deployment.changed = !commits.is_empty();
        deployment.finished_at = Some(self.outside.clock.now());
        deployment.commits = commits
            .into_iter()
            .map(|commit| CommitRecord {
                sha: commit.commit.to_string(),
                subject: commit.subject,
            })
            .collect();
        outcome.deployment = Some(deployment);
        outcome
    }

    /// Finishes a run whose new version was judged good: puts away what the canary needed.
    pub async fn finish(mut self, mut stop: Stop, reporter: &mut dyn Reporter) -> Outcome {
        let first = self.continued.landed.map_or(0, |landed| landed + 1);
        let steps: Vec<(usize, String)> = self
            .plan
            .steps
            .iter()
            .enumerate()
            .skip(first)
            .filter(|(_, step)| {
                matches!(
                    step.action,
                    Action::Write {
                        stage: Stage::Finish,
                        ..
                    }
                )
            })
            .map(|(index, step)| (index, step.name.clone()))
            .collect();
        for (index, name) in steps {
            let changes = self.replay.at(index).to_vec();
            let identity = &self.writer.identity;
            let write = Write {
                changes: &changes,
                direction: Direction::Forward,
                state: State::Promoted,
                step: format!("{}/{}", index + 1, self.plan.steps.len()),
                subject: format!(
                    "{} {}: {name} ({})",
                    identity.service, identity.version, identity.environment
                ),
                weight: self.plan.steps[index].weight,
                reason: None,
                hold: std::time::Duration::ZERO,
            };
            match self.writer.land(&write, &stop, reporter).await {
                Ok(Landed::Pushed { .. } | Landed::AlreadyThere { .. }) => {}
                Err(NotLanded::Superseded(reason)) => {
                    return Outcome::new(Ending::Superseded, reason);
                }
                Err(NotLanded::Failed(failure)) => return failure.into(),
            }
        }
        let service = &self.target.service;
        let wanted = live::Wanted {
            live: &service.live_stable,
            arm: "stable",
            version: self.version.as_str(),
            limit: service.progress_deadline,
        };
        let waited = live::wait(
            &wanted,
            self.outside.client,
            &*self.outside.clock,
            &mut stop,
            reporter,
        )
        .await;
        match waited {
            Waited::Live => {
                let closed = self
                    .writer
                    .record(State::Verified, "done", None, None, None, None)
                    .await;
                self.closed(closed, Ending::Deployed, |what| {
                    format!("{what} is finished: it was judged good before")
                })
            }
            Waited::TimeUp(reason) => Outcome::new(Ending::RollbackFailed, reason),
            Waited::Stopped(reason) => Outcome::new(Ending::CancelledLeft, reason.sentence()),
        }
    }

    fn closed(
        &self,
        closed: Result<(), NotLanded>,
        ending: Ending,
        sentence: impl FnOnce(&str) -> String,
    ) -> Outcome {
        match closed {
            Ok(()) => Outcome::new(ending, sentence(&self.what())),
            Err(NotLanded::Superseded(reason)) => Outcome::new(Ending::Superseded, reason),
            Err(NotLanded::Failed(failure)) => failure.into(),
        }
    }

    fn what(&self) -> String {
        let identity = &self.writer.identity;
        format!(
            "{} {} in {}",
            identity.service, identity.version, identity.environment
        )
    }
}

fn stopped_ending(reason: super::stop::StopReason) -> Ending {
    super::stopped_before_change(reason).0.ending
}
