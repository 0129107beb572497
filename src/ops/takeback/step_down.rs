//! Takes the weight down in steps, each a commit, as long as stable carries what comes back to it.

use std::time::Duration;

use super::{Takeback, carries::Carried};
use crate::{
    config::verification::{Measure, Verification},
    event::{Ending, Event, Failure, Outcome, Reporter, StepState},
    manifest::{Change, Manifests, locate},
    ops::{
        deploy::{self, BackCommit, BackEnd, STEPPED_DOWN},
        failure,
        journal::State,
        land::{BACK_PATIENCE, Direction, FORWARD_PATIENCE, Landed, Write},
        load::{self, Target},
        nudge,
        stop::{Stop, StopReason},
        writer::{Entry, NotLanded},
    },
    rollout::{self, Action, Replay, Stage, WrittenStep},
    units::{Weight, format_duration},
};

/// The weights on the way down, in percent; the way back proper takes the rest.
const LADDER: [u64; 3] = [50, 25, 10];

/// How the weight is taken down in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progressive {
    /// How long stable is watched at each weight; none = until each check could be over its limits.
    pub hold: Option<Duration>,
}

impl Progressive {
    /// Returns how long stable is watched at each weight.
    fn hold(self, verification: &Verification) -> Duration {
        self.hold.unwrap_or_else(|| until_judged(verification))
    }
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
        progressive: Progressive,
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
            let hold = progressive.hold(&self.target.service.verification);
            let carried = match self.write_weight(weight, hold, why, stop, reporter).await {
                Ok(()) => Ok(self.carries(weight, hold, stop, reporter).await),
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
                Ok(Carried::Stopped(reason)) => {
                    if matches!(reason, StopReason::Interrupt | StopReason::Terminate) {
                        let step = format!("{STEPPED_DOWN} {weight}");
                        self.writer.let_go(&step, reason.sentence(), stop).await;
                    }
                    let stands =
                        format!("the way back of {} stands at weight {weight}", self.what());
                    self.left(reason, true, stands)
                }
                Err(end) => self.ended(end, why, &self.stepped),
            };
            let track = std::mem::take(&mut self.stepped);
            return Err(Box::new(self.with_deployment(outcome, track)));
        }
        Ok(())
    }

    /// Says which weights there would be, and how long stable would be watched at each.
    ///
    /// # Errors
    /// The manifests cannot be read.
    pub(super) async fn foretell(&self, progressive: Progressive) -> Result<String, Failure> {
        let weights: Vec<String> = self.ladder().await?.iter().map(Weight::to_string).collect();
        Ok(if weights.is_empty() {
            "at once, for there is no weight to take down in steps".to_owned()
        } else {
            let hold = progressive.hold(&self.target.service.verification);
            format!(
                "canary weight {}, stable watched for {} at each, then the rest",
                weights.join(", "),
                format_duration(hold)
            )
        })
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
        let (repository, tip) = (self.outside.repository, &written.tip);
        let read = load::manifests_for_way_back(repository, tip, self.target, &[]).await?;
        let current = deploy::facts_at_most(self.target, &read.manifests)?.canary_weight;
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
        hold: Duration,
        why: &str,
        stop: &Stop,
        reporter: &mut dyn Reporter,
    ) -> Result<(), BackEnd> {
        let Some(written) = self.written.as_mut() else {
            return Ok(());
        };
        let (repository, tip) = (self.outside.repository, &written.tip);
        let read = load::manifests_for_way_back(repository, tip, self.target, &[]);
        let read = read.await.map_err(BackEnd::Failed)?;
        let changes = changes(&read.manifests, self.target, weight).map_err(BackEnd::Failed)?;
        let service = &self.target.service;
        let identity = &self.writer.identity;
        let write = Write {
            stands: &[],
            serves: None,
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
            hold: hold + service.on_unavailable_after,
            patience: BACK_PATIENCE,
        };
        match self.writer.land(&write, stop, reporter).await {
            Ok(Landed::Pushed { commit, .. }) => {
                written.tip = commit.clone();
                self.stepped.weight = Some(weight);
                self.stepped.commits.push(BackCommit {
                    commit,
                    subject: write.subject,
                    at: self.outside.clock.now(),
                    is_traffic: true,
                });
                nudge::after_push(self.target, self.outside, stop, reporter).await;
            }
            Ok(Landed::AlreadyThere { tip }) => written.tip = tip,
            Err(NotLanded::Superseded(reason) | NotLanded::Fenced(reason)) => {
                return Err(BackEnd::Superseded(reason));
            }
            Err(NotLanded::Failed(failure)) => {
                return Err(BackEnd::of(failure, stop));
            }
        }
        written.replay.writes.push(WrittenStep {
            step: 0,
            stage: Stage::Advance,
            changes,
        });
        Ok(())
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
        Outcome::new(
            Ending::Held,
            format!(
                "{} is held at weight {weight} on its way back: {why}",
                self.what()
            ),
        )
        .with_hint(format!(
            "once stable is well: {}",
            self.target.command("rollback").switch("progressive")
        ))
        .with_hint(format!(
            "to take it back at once all the same: {}",
            self.target.command("rollback")
        ))
    }
}

/// How long it takes until each check could be over its limits, had it failed from the beginning, and
/// has as many numbers as it wants: less would say nothing of it.
fn until_judged(verification: &Verification) -> Duration {
    let health = verification.health.iter();
    let checks = verification.checks.iter();
    let metrics = verification.metrics.iter();
    let thresholds = metrics.filter_map(|metric| match &metric.measure {
        Measure::Threshold { .. } => Some((&metric.schedule, &metric.limits)),
        Measure::Comparison(_) => None,
    });
    let all = health
        .map(|it| (&it.schedule, &it.limits))
        .chain(checks.map(|it| (&it.schedule, &it.limits)))
        .chain(thresholds);
    let judged = all.map(|(schedule, limits)| {
        let polls = limits.failure_limit.saturating_add(1);
        let polls = polls.max(limits.count.unwrap_or(1));
        schedule.initial_delay + schedule.interval * polls
    });
    // What only compares says nothing of stable by itself.
    let metrics = verification.metrics.iter();
    let compared = metrics.map(|metric| metric.schedule.interval);
    judged.chain(compared).max().unwrap_or_default()
}
