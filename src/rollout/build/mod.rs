//! The steps of each strategy, one file each; what they have in common is here.

mod argo_rollouts;
mod blue_green;
mod by_pods;
mod canary;
mod cleanup;
mod direct;
mod pods;
mod rolling;

use std::time::Duration;

use super::{Action, Arm, Before, Plan, Roles, Stage, Step};
use crate::{
    config::{ArgoRollouts, Carrier, Service, Strategy, Traffic},
    manifest::{Edit, ObjectRef, ScalarType, Segment},
    units::{Version, Weight, format_duration},
};

pub use cleanup::{CLEANUP, cleanup};
pub use direct::{DIRECT, direct};
pub use pods::Share;

/// What the plan needs to know of the manifests as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which workload plays which part.
    pub roles: Roles,
    /// Replicas of the stable workload, where the plan needs them.
    pub stable_replicas: Option<u32>,
    /// Replicas of the canary workload, where there is one.
    pub canary_replicas: Option<u32>,
    /// Weight of the canary, where there is one; where the numbers of pods split the traffic, its
    /// share of them.
    pub canary_weight: Option<Weight>,
    /// The version that the manifest of the canary workload names, where there is one that splits the
    /// traffic with stable and that can be told.
    pub canary_version: Option<String>,
    /// How everyone is switched over, where the strategy does that.
    pub switch: Option<Switch>,
}

impl Facts {
    /// Returns what the canary is, where it splits the traffic with stable.
    fn before(&self) -> Option<Before> {
        self.canary_weight.map(|weight| Before {
            weight,
            pods: self.canary_replicas.unwrap_or(0),
            version: self.canary_version.clone(),
            is_known_bad: false,
        })
    }
}

/// How everyone is switched from the stable workload to the canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Key of the selector's label.
    pub label: String,
    /// Its value for the canary workload.
    pub canary: String,
}

/// Makes the plan that brings `version` with the service's strategy.
pub fn plan(service: &Service, version: &Version, facts: &Facts) -> Plan {
    let steps = match &service.strategy {
        Strategy::Rolling(rolling) => rolling::steps(service, rolling, version, facts),
        Strategy::Canary(canary) => match canary.traffic {
            Traffic::Object { .. } => canary::steps(service, canary, version, facts),
            Traffic::Replicas => by_pods::steps(service, canary, version, facts),
        },
        Strategy::BlueGreen(pair) => blue_green::steps(service, pair, version, facts),
        Strategy::ArgoRollouts(argo) => argo_rollouts::steps(service, argo, version, facts),
    };
    Plan {
        strategy: service.strategy.name(),
        version: version.clone(),
        roles: facts.roles.clone(),
        traffic: service.strategy.traffic_object().cloned(),
        before: facts.before(),
        checks_health: checks_health(service),
        steps,
    }
}

/// Has the service health checks that decide anything?
fn checks_health(service: &Service) -> bool {
    service.verification.only_health().is_some()
}

/// Returns what gives the canary a weight; nothing where no object splits the traffic.
pub fn weight_edits(strategy: &Strategy, weight: Weight) -> Vec<Edit> {
    let canary = strategy.canary();
    let edit = canary.and_then(|canary| canary.traffic.edit(weight));
    edit.into_iter().collect()
}

/// Returns what brings a version into one of a service's workloads.
pub fn version_edits(service: &Service, workload: &ObjectRef, version: &Version) -> Vec<Edit> {
    if let Some((values, keys)) = service.helm_keys(workload) {
        let edit = |key: &Vec<Segment>| Edit::ChartValue {
            values: values.clone(),
            path: key.clone(),
            value: version.to_string(),
            scalar_type: ScalarType::Text,
        };
        return keys.of_version().map(edit).collect();
    }
    let mut edits = vec![Edit::Version {
        workload: Some(workload.clone()),
        image: service.image.clone(),
        version: version.clone(),
    }];
    edits.extend(service.version_in.iter().map(|carrier| match carrier {
        Carrier::Env(name) => Edit::Env {
            workload: Some(workload.clone()),
            container: None,
            name: name.clone(),
            value: version.to_string(),
        },
        Carrier::Path(path) => Edit::Path {
            object: Some(workload.clone()),
            path: path.clone(),
            value: version.to_string(),
            scalar_type: Some(ScalarType::Text),
        },
    }));
    edits
}

/// Does an edit bring a version into a workload? Of a chart's values those that are no number do.
pub(in crate::rollout) fn brings_version(edit: &Edit) -> bool {
    match edit {
        Edit::Version { .. } => true,
        Edit::ChartValue { scalar_type, .. } => *scalar_type == ScalarType::Text,
        _ => false,
    }
}

/// Does an edit take the pods of a workload away?
pub fn takes_pods_away(edit: &Edit) -> bool {
    match edit {
        Edit::Replicas { replicas, .. } => *replicas == 0,
        Edit::ChartValue {
            value, scalar_type, ..
        } => *scalar_type == ScalarType::Integer && value == "0",
        _ => false,
    }
}

/// Returns what gives one of a service's workloads a number of replicas.
pub fn replicas_edit(service: &Service, workload: &ObjectRef, replicas: u32) -> Edit {
    let keys = service.helm_keys(workload);
    match keys.and_then(|(values, keys)| Some((values, keys.replicas.clone()?))) {
        Some((values, path)) => Edit::ChartValue {
            values: values.clone(),
            path,
            value: replicas.to_string(),
            scalar_type: ScalarType::Integer,
        },
        None => Edit::Replicas {
            workload: workload.clone(),
            replicas,
        },
    }
}

fn count(replicas: u32) -> String {
    if replicas == 1 {
        "1 replica".to_owned()
    } else {
        format!("{replicas} replicas")
    }
}

/// Steps as they are put together.
struct Steps {
    list: Vec<Step>,
    weight: Option<Weight>,
}

impl Steps {
    /// Starts where the canary has a weight, or where there is none.
    fn at(weight: Option<Weight>) -> Self {
        Self {
            list: Vec::new(),
            weight,
        }
    }

    fn add(&mut self, name: String, action: Action) {
        self.list.push(Step {
            name,
            action,
            weight: self.weight,
        });
    }

    fn write(&mut self, name: String, edits: Vec<Edit>, stage: Stage) {
        self.add(name, Action::Write { edits, stage });
    }

    fn wait(&mut self, arm: Arm, version: &Version) {
        self.add(
            format!("wait until {} runs {version}", arm.word()),
            Action::WaitLive { arm },
        );
    }

    fn follow(&mut self, argo: &ArgoRollouts, version: &Version) {
        self.add(
            format!("follow Argo Rollouts until all runs {version}"),
            Action::Follow {
                limit: argo.follow_for,
                on_pause: argo.on_pause,
            },
        );
    }

    fn watch(&mut self, arm: Arm, duration: Duration, promote_early: bool) {
        if duration.is_zero() {
            return;
        }
        let length = format_duration(duration);
        self.add(
            format!("watch {} for {length}", arm.word()),
            Action::Watch {
                arm,
                duration,
                promote_early,
            },
        );
    }
}
