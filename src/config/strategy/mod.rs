//! `strategy`: how a new version gets to everyone; one file for each way.

mod argo_rollouts;
mod blue_green;
mod canary;
mod generated;
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
pub use blue_green::{BlueGreen, BlueGreenDocument, Preview};
pub use canary::{Canary, CanaryDocument, CanaryStep};
pub use rolling::{Rolling, RollingDocument};
pub use traffic::{Traffic, TrafficDocument, traffic_key};

/// How long the new version is watched with all the traffic where the file does not say.
const DEFAULT_BAKE_TIME: Duration = Duration::from_secs(300);

/// The workloads of a service as `Kind/name`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadsDocument {
    /// The workload that serves everyone.
    #[serde(default)]
    #[schemars(with = "String")]
    pub stable: Option<String>,
    /// The workload that gets a new version first.
    #[serde(default)]
    #[schemars(with = "String")]
    pub canary: Option<String>,
    /// One of the two workloads of a blue/green pair.
    #[serde(default)]
    #[schemars(with = "String")]
    pub blue: Option<String>,
    /// The other one.
    #[serde(default)]
    #[schemars(with = "String")]
    pub green: Option<String>,
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
    /// Into the one of two workloads that nobody uses, then everyone is switched over.
    #[serde(default)]
    #[schemars(with = "BlueGreenDocument")]
    pub blue_green: Option<BlueGreenDocument>,
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
#[derive(Debug, Clone, PartialEq)]
pub enum Strategy {
    /// Into the one workload at once.
    Rolling(Rolling),
    /// Into a canary workload first, with growing weight.
    Canary(Box<Canary>),
    /// Into the workload that nobody uses, then everyone is switched over.
    BlueGreen(Box<BlueGreen>),
    /// Into a Rollout, whose own controller does the steps.
    ArgoRollouts(ArgoRollouts),
}

impl Strategy {
    /// Returns the name that is written in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rolling(_) => "rolling",
            Self::Canary(_) => "canary",
            Self::BlueGreen(_) => "blue_green",
            Self::ArgoRollouts(_) => "argo_rollouts",
        }
    }

    /// Returns its workloads, each with the word that `workloads` and `live` name it by.
    pub fn workloads(&self) -> Vec<(&'static str, &Workload)> {
        match self {
            Self::Rolling(rolling) => vec![("stable", &rolling.stable)],
            Self::Canary(canary) => vec![("stable", &canary.stable), ("canary", &canary.canary)],
            Self::BlueGreen(pair) => vec![("blue", &pair.blue), ("green", &pair.green)],
            Self::ArgoRollouts(argo) => vec![("stable", &argo.stable)],
        }
    }

    /// Returns the canary strategy, if it is that.
    pub fn canary(&self) -> Option<&Canary> {
        match self {
            Self::Rolling(_) | Self::BlueGreen(_) | Self::ArgoRollouts(_) => None,
            Self::Canary(canary) => Some(canary),
        }
    }

    /// Returns the blue/green strategy, if it is that.
    pub fn blue_green(&self) -> Option<&BlueGreen> {
        match self {
            Self::Rolling(_) | Self::Canary(_) | Self::ArgoRollouts(_) => None,
            Self::BlueGreen(pair) => Some(pair),
        }
    }

    /// Returns the strategy that follows a Rollout, if it is that.
    pub fn argo_rollouts(&self) -> Option<&ArgoRollouts> {
        match self {
            Self::Rolling(_) | Self::Canary(_) | Self::BlueGreen(_) => None,
            Self::ArgoRollouts(argo) => Some(argo),
        }
    }

    /// Returns the object that says who gets which requests, where there is one.
    pub fn traffic_object(&self) -> Option<&ObjectRef> {
        match self {
            Self::Rolling(_) | Self::ArgoRollouts(_) => None,
            Self::Canary(canary) => canary.traffic.object(),
            Self::BlueGreen(pair) => Some(&pair.service),
        }
    }

    /// Returns how long the new version is watched with all the traffic before it counts as good.
    pub fn bake_time(&self) -> Duration {
        match self {
            Self::Rolling(rolling) => rolling.bake_time,
            Self::Canary(canary) => canary.bake_time,
            Self::BlueGreen(pair) => pair.bake_time,
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
        let preview = self.blue_green().and_then(|pair| pair.preview.as_ref());
        let preview = preview.map_or(Duration::ZERO, |preview| preview.duration);
        let held = self.held().into_iter().map(|held| held.duration);
        held.fold(
            self.bake_time().saturating_add(preview),
            Duration::saturating_add,
        )
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
            ("blue_green", strategies.blue_green.is_some()),
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
                [] => "no strategy is named; expected `blue_green`, `canary`, `rolling` or `argo_rollouts`"
                    .to_owned(),
                several => format!(
                    "found both `{}`, expected one strategy",
                    several.join("` and `")
                ),
            };
            problems.at(&format!("{pointer}/strategy"), problem);
        }
        if strategies.blue_green.is_none() {
            reading.without_colours(named.first().copied(), problems);
        }
        let StrategyDocument {
            canary,
            rolling,
            argo_rollouts,
            blue_green,
        } = strategies;
        match (canary, rolling, argo_rollouts, blue_green) {
            (Some(canary), None, None, None) => {
                Strategy::Canary(Box::new(canary.validate(&reading, problems)))
            }
            (None, Some(rolling), None, None) => {
                Strategy::Rolling(rolling.validate(&reading, problems))
            }
            (None, None, Some(argo), None) => {
                Strategy::ArgoRollouts(argo.validate(&reading, problems))
            }
            (None, None, None, Some(pair)) => {
                Strategy::BlueGreen(Box::new(pair.validate(&reading, problems)))
            }
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

    /// Notes what is written for a blue/green pair where the strategy is another one.
    fn without_colours(&self, strategy: Option<&str>, problems: &mut Problems<'_>) {
        let Some(strategy) = strategy else { return };
        let (workloads, live) = (&self.document.workloads, &self.document.live);
        let traffic = self.document.traffic.as_ref();
        for (present, key) in [
            (workloads.blue.is_some(), "workloads/blue"),
            (workloads.green.is_some(), "workloads/green"),
            (live.blue.is_some(), "live/blue"),
            (live.green.is_some(), "live/green"),
            (
                traffic.is_some_and(|it| it.service.is_some()),
                "traffic/service",
            ),
            (
                traffic.is_some_and(|it| it.label.is_some()),
                "traffic/label",
            ),
        ] {
            if present {
                problems.at(
                    &self.at(key),
                    format!(
                        "the strategy `{strategy}` has no colours; remove this, or write `strategy: {{blue_green: …}}`"
                    ),
                );
            }
        }
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
        let written = self.at(&key);
        let object = match object {
            Some(text) => read_object(text, &written, problems),
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
                    written: &written,
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

pub(super) fn read_object(text: &str, pointer: &str, problems: &mut Problems<'_>) -> ObjectRef {
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
