//! `canary`: the new version goes into a canary workload first, with growing weight.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    DEFAULT_BAKE_TIME, Held, Problems, Reading, Traffic, Workload, generated, read_duration,
    traffic,
};
use crate::units::{Weight, parse_duration};

/// The largest share that numbers of pods can give a canary without more pods than stable has.
const MOST_BY_PODS: u64 = 50;

/// The canary strategy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanaryDocument {
    /// Replicas of the canary workload while it runs. Default: 1. Where `traffic` is `replicas`, the
    /// weights say how many there are.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 10_000))]
    pub canary_replicas: Option<u32>,
    /// The steps, in order. Either these or `step_weight`.
    #[serde(default)]
    #[schemars(with = "Vec<StepDocument>", length(min = 1, max = 100))]
    pub steps: Option<Vec<StepDocument>>,
    /// Makes the steps: the weight grows by so much each time, in percent, up to `max_weight`.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 1, max = 100))]
    pub step_weight: Option<u64>,
    /// The last weight of the steps that `step_weight` makes, in percent.
    #[serde(default)]
    #[schemars(with = "u64", range(min = 1, max = 100))]
    pub max_weight: Option<u64>,
    /// How long each weight that `step_weight` makes is watched.
    #[serde(default)]
    #[schemars(with = "String")]
    pub interval: Option<String>,
    /// Ends each pause that `step_weight` makes as soon as every comparison says good and everything
    /// else passes. Default: false.
    #[serde(default)]
    #[schemars(with = "bool")]
    pub promote_early: Option<bool>,
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
    /// Replicas of the canary workload while it runs, where not the weights say them.
    pub replicas: u32,
    /// The steps, as written or as generated.
    pub steps: Vec<CanaryStep>,
    /// Were the steps generated from `step_weight`?
    pub is_generated: bool,
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
        let stable = reading.workload("canary", "stable", stable, problems);
        let canary = reading.workload("canary", "canary", canary, problems);
        if stable.object == canary.object && canary != Workload::stand_in() {
            problems.at(
                &reading.at("workloads/canary"),
                format!(
                    "{} is the stable workload too; name another one, or write `strategy: {{rolling: …}}`",
                    canary.object
                ),
            );
        }
        let traffic = traffic::read(reading, problems);
        if traffic == Traffic::Replicas {
            self.check_pods(reading, problems);
        }
        let written = self.step_weight.is_none();
        if written && self.steps.is_some() {
            generated::check_alone(self, reading, problems);
        }
        Canary {
            stable,
            canary,
            traffic,
            replicas: self.canary_replicas.unwrap_or(1),
            steps: match (&self.steps, written) {
                (Some(list), true) => steps(list, &reading.at("strategy/canary/steps"), problems),
                _ => generated::steps(self, reading, problems),
            },
            is_generated: !written,
            bake_time: read_duration(
                self.bake_time.as_deref(),
                DEFAULT_BAKE_TIME,
                &reading.at("strategy/canary/bake_time"),
                problems,
            ),
        }
    }
}

impl CanaryDocument {
    /// What numbers of pods cannot do is refused where it is written.
    fn check_pods(&self, reading: &Reading<'_>, problems: &mut Problems<'_>) {
        let at = |key: &str| reading.at(&format!("strategy/canary/{key}"));
        if self.canary_replicas.is_some() {
            problems.at(
                &at("canary_replicas"),
                "`traffic: {replicas: {}}` makes as many pods as the weights say; remove this",
            );
        }
        let steps = self.steps.iter().flatten().enumerate();
        let weights =
            steps.filter_map(|(index, step)| Some((format!("steps/{index}"), step.set_weight?)));
        let most = self.max_weight.map(|most| ("max_weight".to_owned(), most));
        for (key, weight) in weights.chain(most) {
            if weight > MOST_BY_PODS {
                problems.at(
                    &at(&key),
                    format!(
                        "{weight}% by numbers of pods takes more pods than stable has, which stay all the while; end with at most {MOST_BY_PODS}%, after which stable gets the version, or split by an object such as `http_route`"
                    ),
                );
            }
        }
        let first = self.steps.as_ref().and_then(|steps| steps.first());
        if first.is_some_and(|step| step.pause.is_some()) {
            problems.at(
                &at("steps/0"),
                "by numbers of pods there is no canary before the first `set_weight`, so nothing to pause for; begin with `set_weight`",
            );
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
