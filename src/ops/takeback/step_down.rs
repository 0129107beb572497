//! Takes the weight down in steps, each a commit, as long as stable carries what comes back to it.

use std::time::Duration;

use super::{Takeback, left};
use crate::{
    config::verification::Verification,
    event::{Ending, Event, Failure, Outcome, Reporter, StepState},
    manifest::{Change, Manifests, locate},
    ops::{
        deploy::{self, BackCommit, BackEnd, STEPPED_DOWN, Watched, Watching},
        failure,
        journal::State,
        land::{BACK_PATIENCE, Direction, FORWARD_PATIENCE, Landed, Write},
        load::{self, Target},
        nudge,
        stop::{Stop, StopReason},
        writer::{Entry, NotLanded},
    },
    rollout::{self, Action, Arm, Replay, Roles, Stage, WrittenStep},
    units::Weight,
};

/// The weights on the way down, in percent; the way back proper takes the rest.
const LADDER: [u64; 3] = [50, 25, 10];

/// How a look at stable ended.
enum Carried {
    Yes(String),
    /// Says why that is not so, or not known.
    No(String),
    Stopped(StopReason),
}

/// Makes a weight known to a replay, so that the way back takes it for the run's own.
///
/// # Errors
/// The weight cannot be set in the manifests.
pub(super) fn add(
    replay: &mut Replay,
    manifests: &Manifests,
    target: &Target,
    weight: Weight,
) -> Result<(), Failure> {
    let changes = changes(manifests, target, weight)?;
    replay.writes.push(WrittenStep {
        step: 0,
        stage: Stage::Advance,
        changes,
    });
    Ok(())
}

fn changes(manifests: &Manifests, target: &Target, weight: Weight) -> Result<Vec<Change>, Failure> {
    let edits = rollout::weight_edits(&target.service.strategy, weight);
    let set = locate(manifests, &edits).map_err(failure::refusals)?;
    Ok(set.changes)
}

impl Takeback<'_> {
    /// Steps the weight down from where it is. The way back proper is to follow; where there is
    /// nothing to step down, it is all there is.
    ///
    /// # Errors
    /// The outcome, where it ends here: stable does not carry the load, asked to stop, or a commit
    /// did not land.
    pub async fn step_down(
        &mut self,
        why: &str,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<(), Box<Outcome>> {
        let weights = self.ladder().await.map_err(|failure| failure.0)?;
        if weights.is_empty() {
            reporter.event(&Event::Warning(
                "there is no weight to take down in steps, so it is taken back at once".to_owned(),
            ));
            return Ok(());
        }
        let total = weights.len();
        for (index, weight) in weights.into_iter().enumerate() {
            reporter.event(&Event::StepStarted {
                at: self.outside.clock.now(),
                index: index + 1,
                total,
                name: format!("back: canary weight {weight}, and see that stable carries it"),
                weight: Some(weight),
            });
            let carried = match self.write_weight(weight, why, stop, reporter).await {
                Ok(()) => Ok(self.carries(weight, stop, reporter).await),
                Err(end) => Err(end),
            };
            let (state, detail) = match &carried {
                Ok(Carried::Yes(detail)) => (StepState::Passed, detail.clone()),
                Ok(Carried::No(reason)) => (StepState::Failed, reason.clone()),
                Ok(Carried::Stopped(reason)) => (StepState::Failed, reason.sentence().to_owned()),
                Err(end) => (StepState::Failed, end.sentence()),
            };
            reporter.event(&Event::StepFinished {
                at: self.outside.clock.now(),
                index: index + 1,
                state,
                detail,
            });
            let outcome = match carried {
                Ok(Carried::Yes(_)) => continue,
                Ok(Carried::No(reason)) => self.hold(weight, &reason, stop, reporter).await,
                Ok(Carried::Stopped(reason)) => left(
                    reason,
                    true,
                    format!("the way back of {} stands at weight {weight}", self.what()),
                ),
                Err(end) => self.ended(end, why, &self.stepped),
            };
            let commits = std::mem::take(&mut self.stepped);
            return Err(Box::new(self.with_deployment(outcome, commits)));
        }
        Ok(())
    }

    /// Returns the weights below the one that the branch has. There are none where stable runs the
    /// new version, too: then the canary takes nothing off it.
    async fn ladder(&self) -> Result<Vec<Weight>, Failure> {
        let Some(written) = self.written.as_ref().filter(|it| it.plan.traffic.is_some()) else {
            return Ok(Vec::new());
        };
        let reached = written.plan.steps.iter().take(written.reached + 1);
        let is_promotion = |action: &Action| {
            let stage = Stage::Promote;
            matches!(action, Action::Write { stage: it, .. } if *it == stage)
        };
        if reached.into_iter().any(|step| is_promotion(&step.action)) {
            return Ok(Vec::new());
        }
        let manifests = load::manifests(self.outside.repository, &written.tip, self.target).await?;
        let current = deploy::facts(self.target, &manifests)?.canary_weight;
        let ladder = LADDER
            .into_iter()
            .filter_map(|percent| Weight::new(percent).ok());
        Ok(ladder
            .filter(|weight| current.is_some_and(|current| *weight < current))
            .collect())
    }

    async fn write_weight(
        &mut self,
        weight: Weight,
        why: &str,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<(), BackEnd> {
        let Some(written) = self.written.as_mut() else {
            return Ok(());
        };
        let manifests = load::manifests(self.outside.repository, &written.tip, self.target)
            .await
            .map_err(BackEnd::Failed)?;
        let changes = changes(&manifests, self.target, weight).map_err(BackEnd::Failed)?;
        let service = &self.target.service;
        let identity = &self.writer.identity;
        let write = Write {
            changes: &changes,
            direction: Direction::Forward,
            state: State::RollingBack,
            step: format!("{STEPPED_DOWN} {weight}"),
            subject: format!(
                "{} {}: traffic down to {weight} ({})",
                identity.service, identity.version, identity.environment
            ),
            weight: Some(weight),
            reason: Some(why),
            hold: interval(&service.verification) + service.on_unavailable_after,
            patience: BACK_PATIENCE,
        };
        match self.writer.land(&write, stop, reporter).await {
            Ok(Landed::Pushed { commit, .. }) => {
                written.tip = commit.clone();
                self.stepped.push(BackCommit {
                    commit,
                    subject: write.subject,
                    at: self.outside.clock.now(),
                });
                nudge::after_push(self.target, self.outside, stop, reporter).await;
            }
            Ok(Landed::AlreadyThere { tip }) => written.tip = tip,
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                return Err(BackEnd::Superseded(reason));
            }
            Err(NotLanded::Failed(failure)) => {
                return Err(match (failure.0.ending, stop.requested()) {
                    (Ending::CancelledLeft, Some(reason)) => BackEnd::Left(reason),
                    _ => BackEnd::Failed(failure),
                });
            }
        }
        written.replay.writes.push(WrittenStep {
            step: 0,
            stage: Stage::Advance,
            changes,
        });
        Ok(())
    }

    /// Watches stable alone for an interval: by what comes back to it, it must not fail.
    async fn carries(
        &self,
        weight: Weight,
        stop: &mut Stop,
        reporter: &mut dyn Reporter,
    ) -> Carried {
        let service = &self.target.service;
        let duration = interval(&service.verification);
        let Some(single) = deploy::single(&service.verification) else {
            // What only compares says nothing of stable by itself.
            return match stop.sleep(&*self.outside.clock, duration).await {
                Ok(()) => Carried::Yes(
                    "nothing is configured that could be asked of stable alone".to_owned(),
                ),
                Err(reason) => Carried::Stopped(reason),
            };
        };
        let previous = self.writer.identity.previous_version.as_str();
        let Some(roles) = Roles::of(&service.strategy) else {
            return Carried::No("the configuration has no canary any more".to_owned());
        };
        let watching = Watching {
            target: self.target,
            roles: &roles,
            verification: &single,
            arm: Arm::Stable,
            version: previous,
            previous,
            changed_at: self.outside.clock.now(),
            began: None,
            promote_early: false,
            weight: Some(weight),
            duration,
            limit: duration + service.on_unavailable_after,
        };
        let watched = deploy::watch(&watching, self.outside, stop, reporter, &mut Vec::new()).await;
        match watched {
            Ok(Watched::Good(detail)) => Carried::Yes(detail),
            Ok(Watched::Worse(reason) | Watched::Unwanted(reason) | Watched::Undecided(reason)) => {
                Carried::No(reason)
            }
            Ok(Watched::Stopped(reason)) => Carried::Stopped(reason),
            Err(failure) => Carried::No(failure.to_string()),
        }
    }

    async fn hold(
        &mut self,
        weight: Weight,
        reason: &str,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Outcome {
        let why = format!("stable does not carry what came back to it: {reason}");
        let step = format!("{STEPPED_DOWN} {weight}");
        let entry = Entry {
            weight: Some(weight),
            reason: Some(&why),
            ..Entry::new(State::Held, &step, FORWARD_PATIENCE)
        };
        match self.writer.record(&entry, stop).await {
            Ok(()) => {}
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                return Outcome::new(Ending::Superseded, reason);
            }
            Err(NotLanded::Failed(failure)) => reporter.event(&Event::Warning(format!(
                "the journal does not say that the run is held, so `shipgate recover` would take it back: {failure}"
            ))),
        }
        let service = &self.writer.identity.service;
        Outcome::new(
            Ending::Held,
            format!(
                "{} is held at weight {weight} on its way back: {why}",
                self.what()
            ),
        )
        .with_hint(format!(
            "once stable is well: shipgate rollback --progressive --service {service}"
        ))
        .with_hint(format!(
            "to take it back at once all the same: shipgate rollback --service {service}"
        ))
    }
}

/// The longest interval of anything that is measured: after it all was asked once more.
fn interval(verification: &Verification) -> Duration {
    let health = verification.health.iter().map(|it| it.schedule.interval);
    let checks = verification.checks.iter().map(|it| it.schedule.interval);
    let metrics = verification.metrics.iter().map(|it| it.schedule.interval);
    health
        .chain(checks)
        .chain(metrics)
        .max()
        .unwrap_or_default()
}
