//! `strategy`: how a new version gets to everyone; one file for each way.

mod argo_rollouts;
mod canary;
mod rolling;
mod traffic;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Live, Problems,
    document::ServiceDocument,
    live::{LiveDocument, Scope},
};
use crate::{
    manifest::ObjectRef,
    units::{Weight, parse_duration},
};

pub use argo_rollouts::{ArgoRollouts, ArgoRolloutsDocument, OnPause};
pub use canary::{Canary, CanaryDocument, CanaryStep};
pub use rolling::{Rolling, RollingDocument};
pub use traffic::{Traffic, TrafficDocument};

/// How long the new version is watched with all the traffic where the file does not say.
const DEFAULT_BAKE_TIME: Duration = Duration::from_secs(300);

/// The workloads of a service as `Kind/name`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadsDocument {
    /// The workload that serves everyone.
    pub stable: String,
    /// The workload that gets a new version first.
    #[serde(default)]
    #[schemars(with = "String")]
    pub canary: Option<String>,
}

/// How a service is deployed: exactly one key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyDocument {
    /// Into a canary workload first, with growing weight.
    #[serde(default)]
    #[schemars(with = "CanaryDocument")]
    pub canary: Option<CanaryDocument>,
    /// Into the one workload at once.
    #[serde(default)]
    #[schemars(with = "RollingDocument")]
    pub rolling: Option<RollingDocument>,
    /// Into a Rollout, whose own controller does the steps.
    #[serde(default)]
    #[schemars(with = "ArgoRolloutsDocument")]
    pub argo_rollouts: Option<ArgoRolloutsDocument>,
}

/// A workload, and where it is seen which version it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The workload.
    pub object: ObjectRef,
    /// Where it is seen which version it runs.
    pub live: Live,
}

/// A part of the traffic that the new version is held at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The part.
    pub weight: Weight,
    /// How long.
    pub duration: Duration,
    /// Does it end as soon as everything is good?
    pub promote_early: bool,
}

/// How a new version gets to everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Into the one workload at once.
    Rolling(Rolling),
    /// Into a canary workload first, with growing weight.
    Canary(Box<Canary>),
    /// Into a Rollout, whose own controller does the steps.
    ArgoRollouts(ArgoRollouts),
}

impl Strategy {
    /// Returns the name that is written in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rolling(_) => "rolling",
            Self::Canary(_) => "canary",
            Self::ArgoRollouts(_) => "argo_rollouts",
        }
    }

    /// Returns its workloads, each with the word that `workloads` and `live` name it by.
    pub fn workloads(&self) -> Vec<(&'static str, &Workload)> {
        match self {
            Self::Rolling(rolling) => vec![("stable", &rolling.stable)],
            Self::Canary(canary) => vec![("stable", &canary.stable), ("canary", &canary.canary)],
            Self::ArgoRollouts(argo) => vec![("stable", &argo.stable)],
        }
    }

    /// Returns the canary strategy, if it is that.
    pub fn canary(&self) -> Option<&Canary> {
        match self {
            Self::Rolling(_) | Self::ArgoRollouts(_) => None,
            Self::Canary(canary) => Some(canary),
        }
    }

    /// Returns the strategy that follows a Rollout, if it is that.
    pub fn argo_rollouts(&self) -> Option<&ArgoRollouts> {
        match self {
            Self::Rolling(_) | Self::Canary(_) => None,
            Self::ArgoRollouts(argo) => Some(argo),
        }
    }

    /// Returns the object that splits the traffic, where there is one.
    pub fn traffic_object(&self) -> Option<&ObjectRef> {
        self.canary().map(|canary| &canary.traffic.object)
    }

    /// Returns how long the new version is watched with all the traffic before it counts as good.
    pub fn bake_time(&self) -> Duration {
        match self {
            Self::Rolling(rolling) => rolling.bake_time,
            Self::Canary(canary) => canary.bake_time,
            Self::ArgoRollouts(argo) => argo.bake_time,
        }
    }

    /// Returns what the new version is held at before it gets all the traffic, in order.
    pub fn held(&self) -> Vec<Held> {
        self.canary().map(Canary::held).unwrap_or_default()
    }

    /// Returns the shortest time in which a deployment can end: its pauses and bake times, without
    /// waits for workloads and approvals.
    pub fn shortest(&self) -> Duration {
        let held = self.held().into_iter().map(|held| held.duration);
        held.fold(self.bake_time(), Duration::saturating_add)
    }

    /// Returns how long the new version is watched with a part of the traffic before all of it goes
    /// there.
    pub fn hold(&self) -> Duration {
        let held = self.held().into_iter();
        held.filter(|held| held.weight > Weight::ZERO && held.weight < Weight::FULL)
            .map(|held| held.duration)
            .fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Returns the first part of the traffic that the new version gets; none where it gets all at
    /// once.
    pub fn first_weight(&self) -> Option<Weight> {
        self.canary()?.steps.iter().find_map(|step| match step {
            CanaryStep::SetWeight(weight) => Some(*weight),
            CanaryStep::Pause { .. } | CanaryStep::PauseForApproval => None,
        })
    }
}

/// A service whose strategy is read.
struct Reading<'a> {
    document: &'a ServiceDocument,
    /// Where the service is written.
    pointer: &'a str,
}

impl ServiceDocument {
    /// Reads the strategy with the workloads, addresses and traffic objects that it needs.
    pub(super) fn strategy(&self, pointer: &str, problems: &mut Problems<'_>) -> Strategy {
        let reading = Reading {
            document: self,
            pointer,
        };
        let strategies = &self.strategy;
        let named: Vec<&str> = [
            ("canary", strategies.canary.is_some()),
            ("rolling", strategies.rolling.is_some()),
            ("argo_rollouts", strategies.argo_rollouts.is_some()),
        ]
        .into_iter()
        .filter(|(_, is_named)| *is_named)
        .map(|(name, _)| name)
        .collect();
        if named.len() != 1 {
            let problem = match named.as_slice() {
                [] => "no strategy is named; expected `canary`, `rolling` or `argo_rollouts`"
                    .to_owned(),
                several => format!(
                    "found both `{}`, expected one strategy",
                    several.join("` and `")
                ),
            };
            problems.at(&format!("{pointer}/strategy"), problem);
        }
        let StrategyDocument {
            canary,
            rolling,
            argo_rollouts,
        } = strategies;
        match (canary, rolling, argo_rollouts) {
            (Some(canary), None, None) => {
                Strategy::Canary(Box::new(canary.validate(&reading, problems)))
            }
            (None, Some(rolling), None) => Strategy::Rolling(rolling.validate(&reading, problems)),
            (None, None, Some(argo)) => Strategy::ArgoRollouts(argo.validate(&reading, problems)),
            _ => Strategy::Rolling(Rolling {
                stable: Workload::stand_in(),
                bake_time: DEFAULT_BAKE_TIME,
            }),
        }
    }
}

impl Reading<'_> {
    /// Returns the place of a key of the service, such as `live/canary`.
    fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }

    /// Notes that the strategy needs a key that is not there.
    fn missing(&self, strategy: &str, key: &str, example: &str, problems: &mut Problems<'_>) {
        let (parent, _) = key.rsplit_once('/').unwrap_or(("", key));
        let name = key.replace('/', ".");
        problems.at(
            &self.at(parent),
            format!("the strategy `{strategy}` needs `{name}`, such as `{example}`"),
        );
    }

    /// Reads the workload that `workloads` and `live` name by a word.
    fn workload(
        &self,
        strategy: &str,
        word: &str,
        (object, live): (Option<&String>, Option<&LiveDocument>),
        problems: &mut Problems<'_>,
    ) -> Workload {
        let key = format!("workloads/{word}");
        let object = match object {
            Some(text) => read_object(text, &self.at(&key), problems),
            None => {
                let example = format!("Deployment/shop-{word}");
                self.missing(strategy, &key, &example, problems);
                stand_in()
            }
        };
        let key = format!("live/{word}");
        let live = match live {
            Some(document) => {
                let scope = Scope {
                    workload: &object,
                    image: &self.document.image,
                };
                document.validate(scope, &self.at(&key), problems)
            }
            None => {
                let example = format!("{{http: https://{word}.example/version}}");
                self.missing(strategy, &key, &example, problems);
                Live::stand_in()
            }
        };
        Workload { object, live }
    }
}

impl Workload {
    /// Stands in for one that could not be read; such a configuration is never used.
    fn stand_in() -> Self {
        Self {
            object: stand_in(),
            live: Live::stand_in(),
        }
    }
}

fn stand_in() -> ObjectRef {
    ObjectRef {
        kind: String::new(),
        name: String::new(),
    }
}

fn read_object(text: &str, pointer: &str, problems: &mut Problems<'_>) -> ObjectRef {
    problems.take(pointer, text.parse(), stand_in())
}

pub(super) fn read_duration(
    text: Option<&str>,
    default: Duration,
    pointer: &str,
    problems: &mut Problems<'_>,
) -> Duration {
    match text {
        None => default,
        Some(text) => problems.take(pointer, parse_duration(text), default),
    }
}
