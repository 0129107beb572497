//! `canary`: the new version goes into a canary workload first, with growing weight.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    DEFAULT_BAKE_TIME, Held, Problems, Reading, Traffic, Workload, read_duration, traffic,
};
use crate::units::{Weight, parse_duration};

/// The canary strategy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanaryDocument {
    /// Replicas of the canary workload while it runs. Default: 1.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 10_000))]
    pub canary_replicas: Option<u32>,
    /// The steps, in order.
    #[schemars(length(min = 1, max = 100))]
    pub steps: Vec<StepDocument>,
    /// How long the promoted version is watched before it counts as good. Default: 5m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub bake_time: Option<String>,
}

/// One step: `set_weight` or `pause`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDocument {
    /// Weight of the canary in percent.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 1, max = 100))]
    pub set_weight: Option<u64>,
    /// A pause: with a duration it is watched all the while, without one it waits for an approval.
    #[serde(default)]
    #[schemars(with = "PauseDocument")]
    pub pause: Option<PauseDocument>,
}

/// A pause.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseDocument {
    /// How long. Default: until someone approves.
    #[serde(default)]
    #[schemars(with = "String")]
    pub duration: Option<String>,
    /// End it as soon as every comparison says good and everything else passes. Default: false.
    #[serde(default)]
    pub promote_early: bool,
}

/// `strategy: {canary: …}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// The workload that serves everyone.
    pub stable: Workload,
    /// The workload that gets a new version first.
    pub canary: Workload,
    /// What splits the traffic between them.
    pub traffic: Traffic,
    /// Replicas of the canary workload while it runs.
    pub replicas: u32,
    /// The steps, as written.
    pub steps: Vec<CanaryStep>,
    /// How long the promoted version is watched before it counts as good.
    pub bake_time: Duration,
}

/// One step of a canary, as Argo Rollouts writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanaryStep {
    /// `set_weight: 10`
    SetWeight(Weight),
    /// `pause: {duration: 10m}`: watched all the while.
    Pause {
        /// How long.
        duration: Duration,
        /// Does it end as soon as everything is good?
        promote_early: bool,
    },
    /// `pause: {}`: waits for an approval.
    PauseForApproval,
}

impl Canary {
    /// Returns the pauses that end by themselves, each with the weight it is held at.
    pub(super) fn held(&self) -> Vec<Held> {
        let mut weight = Weight::ZERO;
        let mut held = Vec::new();
        for step in &self.steps {
            match step {
                CanaryStep::SetWeight(next) => weight = *next,
                CanaryStep::Pause {
                    duration,
                    promote_early,
                } => held.push(Held {
                    weight,
                    duration: *duration,
                    promote_early: *promote_early,
                }),
                CanaryStep::PauseForApproval => {}
            }
        }
        held
    }
}

impl CanaryDocument {
    pub(super) fn validate(&self, reading: &Reading<'_>, problems: &mut Problems<'_>) -> Canary {
        let document = reading.document;
        let (workloads, live) = (&document.workloads, &document.live);
        let stable = (workloads.stable.as_ref(), live.stable.as_ref());
        let canary = (workloads.canary.as_ref(), live.canary.as_ref());
        Canary {
            stable: reading.workload("canary", "stable", stable, problems),
            canary: reading.workload("canary", "canary", canary, problems),
            traffic: traffic::read(reading, problems),
            replicas: self.canary_replicas.unwrap_or(1),
            steps: steps(&self.steps, &reading.at("strategy/canary/steps"), problems),
            bake_time: read_duration(
                self.bake_time.as_deref(),
                DEFAULT_BAKE_TIME,
                &reading.at("strategy/canary/bake_time"),
                problems,
            ),
        }
    }
}

fn steps(
    documents: &[StepDocument],
    pointer: &str,
    problems: &mut Problems<'_>,
) -> Vec<CanaryStep> {
    let mut steps = Vec::new();
    let mut highest = Weight::ZERO;
    for (index, document) in documents.iter().enumerate() {
        let at = format!("{pointer}/{index}");
        match (document.set_weight, &document.pause) {
            (Some(percent), None) => {
                let weight = problems.take(&at, Weight::new(percent), Weight::ZERO);
                if weight <= highest {
                    problems.at(
                        &at,
                        format!("the weight {weight} does not grow; the step before has {highest}"),
                    );
                }
                highest = weight;
                steps.push(CanaryStep::SetWeight(weight));
            }
            (None, Some(pause)) => steps.push(match &pause.duration {
                None => {
                    if pause.promote_early {
                        problems.at(
                            &format!("{at}/pause/promote_early"),
                            "a pause without `duration` waits for a person, so it has no end that could come early",
                        );
                    }
                    CanaryStep::PauseForApproval
                }
                Some(text) => {
                    let at = format!("{at}/pause/duration");
                    CanaryStep::Pause {
                        duration: problems.take(&at, parse_duration(text), DEFAULT_BAKE_TIME),
                        promote_early: pause.promote_early,
                    }
                }
            }),
            _ => problems.at(
                &at,
                "expected one of `set_weight: 10` and `pause: {duration: 10m}`",
            ),
        }
    }
    let judged = steps.iter().enumerate().any(|(index, step)| {
        matches!(step, CanaryStep::Pause { duration, .. } if !duration.is_zero())
            && steps[..index]
                .iter()
                .any(|step| matches!(step, CanaryStep::SetWeight(_)))
    });
    if !judged {
        problems.at(
            pointer,
            "no `pause` with a duration follows a `set_weight`, so the canary would never be judged",
        );
    }
    steps
}
