//! `shipgate.yaml` -> [`Config`]: services, what carries their version, how they are deployed and judged.

mod document;
mod git;
pub mod live;
pub mod provider;
pub mod pull_request;
pub mod query;
mod schema;
mod service;
pub mod verification;
mod version_in;
pub mod web_request;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    manifest::ObjectRef,
    units::Weight,
    yaml::{Finding, Limits, Located, Position},
};

pub use document::ConfigDocument;
pub use git::GitSettings;
pub use live::Live;
pub use version_in::Carrier;

/// One thing wrong with the meaning of a configuration: the JSON pointer of the value, counted from
/// the part that was validated, and what is wrong with it as a lower-case fragment.
pub type Problem = (String, String);

/// A valid configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Environments by name.
    pub environments: BTreeMap<String, Environment>,
    /// As whom commits are made.
    pub git: GitSettings,
    /// Where metrics are asked for.
    pub providers: provider::Providers,
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// Where each part is written.
    located: Arc<Located>,
}

/// Where an environment's manifests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Branch that the controller follows; none = the branch the configuration was read from.
    pub branch: Option<String>,
    /// Folder of its manifests, from the repository's root; stands for `{root}`.
    pub root: String,
    /// Path of its policy.
    pub policy: String,
    /// Kubernetes namespace that its services run in, for policies that ask.
    pub namespace: Option<String>,
    /// Name or address of the cluster that its services run in, for policies that ask.
    pub cluster: Option<String>,
    /// How its changes land where the branch takes no push; none = by a push.
    pub pull_request: Option<pull_request::PullRequest>,
}

/// One service: what carries its version and how it is deployed.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Globs of its manifests, with `{root}`.
    pub manifests: Vec<String>,
    /// Image repository without tag.
    pub image: String,
    /// What carries its version in a workload besides image, version labels and `DD_VERSION`.
    pub version_in: Vec<Carrier>,
    /// The workload that serves everyone.
    pub stable: ObjectRef,
    /// Where it is seen which version the stable workload runs.
    pub live_stable: Live,
    /// How it is deployed.
    pub strategy: Strategy,
    /// How it is judged.
    pub verification: verification::Verification,
    /// How long a workload may take until it is live.
    pub progress_deadline: Duration,
    /// How long providers may fail to answer before a deployment is left as it is.
    pub on_unavailable_after: Duration,
}

impl Service {
    /// Returns the globs of its manifests in an environment.
    pub fn globs(&self, environment: &Environment) -> Vec<String> {
        self.manifests
            .iter()
            .map(|glob| {
                let root = environment.root.trim_matches('/');
                let glob = glob.replace("{root}", if root == "." { "" } else { root });
                glob.trim_start_matches('/').to_owned()
            })
            .collect()
    }
}

/// How a new version gets to everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Into the one workload at once.
    Rolling(Rolling),
    /// Into a canary workload first, with growing weight.
    Canary(Box<Canary>),
}

impl Strategy {
    /// Returns the name that is written in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rolling(_) => "rolling",
            Self::Canary(_) => "canary",
        }
    }

    /// Returns the shortest time in which a deployment can end: its pauses and bake times, without
    /// waits for workloads and approvals.
    pub fn shortest(&self) -> Duration {
        match self {
            Self::Rolling(rolling) => rolling.bake_time,
            Self::Canary(canary) => canary
                .pauses()
                .map(|(_, length)| length)
                .fold(canary.bake_time, Duration::saturating_add),
        }
    }

    /// Returns how long the new version is watched with a part of the traffic before all of it goes
    /// there.
    pub fn hold(&self) -> Duration {
        match self {
            Self::Rolling(_) => Duration::ZERO,
            Self::Canary(canary) => canary
                .pauses()
                .filter(|(weight, _)| *weight > Weight::ZERO && *weight < Weight::FULL)
                .map(|(_, length)| length)
                .fold(Duration::ZERO, Duration::saturating_add),
        }
    }

    /// Returns the first part of the traffic that the new version gets; none where it gets all at
    /// once.
    pub fn first_weight(&self) -> Option<Weight> {
        match self {
            Self::Rolling(_) => None,
            Self::Canary(canary) => canary.steps.iter().find_map(|step| match step {
                CanaryStep::SetWeight(weight) => Some(*weight),
                CanaryStep::Pause { .. } | CanaryStep::PauseForApproval => None,
            }),
        }
    }
}

/// `strategy: {rolling: …}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    /// How long the new version is watched before it counts as good.
    pub bake_time: Duration,
}

/// `strategy: {canary: …}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// The canary workload.
    pub workload: ObjectRef,
    /// Where it is seen which version it runs.
    pub live: Live,
    /// The canary Ingress that holds the weight.
    pub ingress: ObjectRef,
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
    fn pauses(&self) -> impl Iterator<Item = (Weight, Duration)> {
        let mut weight = Weight::ZERO;
        self.steps.iter().filter_map(move |step| match step {
            CanaryStep::SetWeight(next) => {
                weight = *next;
                None
            }
            CanaryStep::Pause { duration, .. } => Some((weight, *duration)),
            CanaryStep::PauseForApproval => None,
        })
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Finding>> {
        let (document, located) = crate::yaml::read::<ConfigDocument>(text, &Limits::SETTINGS)?;
        let mut problems = Problems {
            located: &located,
            findings: Vec::new(),
        };
        let config = document.validate(&mut problems);
        problems.findings.sort();
        if problems.findings.is_empty() {
            Ok(config)
        } else {
            Err(problems.findings)
        }
    }
}

impl Config {
    /// Returns where the value at a JSON pointer is written, or the nearest value around it.
    pub fn position(&self, pointer: &str) -> Position {
        self.located.position(pointer)
    }
}

impl Environment {
    /// Returns the path of an environment's policy where its configuration names none.
    pub fn usual_policy(name: &str) -> String {
        format!("policies/{name}.yaml")
    }
}

/// Collects what is wrong, with the place of each.
struct Problems<'a> {
    located: &'a Located,
    findings: Vec<Finding>,
}

impl Problems<'_> {
    fn at(&mut self, pointer: &str, message: impl Into<String>) {
        let position = self.located.position(pointer);
        self.findings.push(Finding::new(position, message));
    }

    /// Notes the problems of a part, whose pointers count from `pointer`.
    fn all(&mut self, pointer: &str, problems: Vec<Problem>) {
        for (below, message) in problems {
            self.at(&format!("{pointer}{below}"), message);
        }
    }

    /// Keeps the value, or notes the problem and goes on with a stand-in: all problems are told at
    /// once, and a configuration with a problem is never used.
    fn take<T, E: std::fmt::Display>(
        &mut self,
        pointer: &str,
        value: Result<T, E>,
        stand_in: T,
    ) -> T {
        value.unwrap_or_else(|error| {
            self.at(pointer, error.to_string());
            stand_in
        })
    }
}
