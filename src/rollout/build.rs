//! The steps of each strategy.

use super::{Action, Arm, Plan, Stage, Step};
use crate::{
    config::{Canary, CanaryStep, Carrier, Rolling, Service, Strategy},
    manifest::{Edit, ObjectRef, ScalarType},
    units::{Version, Weight},
};

/// What the plan needs to know of the manifests as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Replicas of the canary workload, where there is one.
    pub canary_replicas: Option<u32>,
    /// Weight of the canary, where there is one.
    pub canary_weight: Option<Weight>,
}

/// Makes the plan that brings `version` with the service's strategy.
pub fn plan(service: &Service, version: &Version, facts: Facts) -> Plan {
    let steps = match &service.strategy {
        Strategy::Rolling(rolling) => rolling_steps(service, rolling, version),
        Strategy::Canary(canary) => canary_steps(service, canary, version, facts),
    };
    Plan {
        strategy: service.strategy.name(),
        version: version.clone(),
        steps,
    }
}

/// Makes the plan that brings `version` to everyone at once, whatever the strategy: the way to a
/// version that is known to be good. Traffic leaves the canary first.
pub fn direct(service: &Service, version: &Version, facts: Facts) -> Plan {
    let (ingress, canary, bake_time) = match &service.strategy {
        Strategy::Rolling(rolling) => (None, None, rolling.bake_time),
        Strategy::Canary(canary) => (
            Some(&canary.ingress),
            Some(&canary.workload),
            canary.bake_time,
        ),
    };
    let mut steps = Steps {
        list: Vec::new(),
        weight: facts.canary_weight,
    };
    if let Some(ingress) = ingress
        && facts
            .canary_weight
            .is_some_and(|before| before != Weight::ZERO)
    {
        steps.weight = Some(Weight::ZERO);
        let edit = Edit::Weight {
            traffic: Some(ingress.clone()),
            weight: Weight::ZERO,
            canary: None,
        };
        steps.write("canary weight 0%".to_owned(), vec![edit], Stage::Start);
    }
    steps.write(
        format!("{} to {version}", service.stable),
        version_edits(service, &service.stable, version),
        Stage::Start,
    );
    steps.wait(Arm::Stable, version);
    steps.watch(Arm::Stable, bake_time, false);
    if let Some(workload) = canary
        && facts.canary_replicas.is_some_and(|before| before > 0)
    {
        let edit = Edit::Replicas {
            workload: workload.clone(),
            replicas: 0,
        };
        steps.write("canary to 0 replicas".to_owned(), vec![edit], Stage::Finish);
    }
    Plan {
        strategy: "direct",
        version: version.clone(),
        steps: steps.list,
    }
}

fn rolling_steps(service: &Service, rolling: &Rolling, version: &Version) -> Vec<Step> {
    let mut steps = Steps {
        list: Vec::new(),
        weight: None,
    };
    steps.write(
        format!("{} to {version}", service.stable),
        version_edits(service, &service.stable, version),
        Stage::Start,
    );
    steps.wait(Arm::Stable, version);
    steps.watch(Arm::Stable, rolling.bake_time, false);
    steps.list
}

/// Version and weight are never one commit: until the new pods run there is nothing that could
/// take the traffic. The weight goes back to 0 before the canary's replicas do, for the same reason.
fn canary_steps(service: &Service, canary: &Canary, version: &Version, facts: Facts) -> Vec<Step> {
    let mut steps = Steps {
        list: Vec::new(),
        weight: Some(Weight::ZERO),
    };
    let replicas = |replicas| Edit::Replicas {
        workload: canary.workload.clone(),
        replicas,
    };
    let weight = |weight| Edit::Weight {
        traffic: Some(canary.ingress.clone()),
        weight,
        canary: None,
    };
    if facts
        .canary_weight
        .is_some_and(|before| before != Weight::ZERO)
    {
        steps.write(
            "canary weight 0%".to_owned(),
            vec![weight(Weight::ZERO)],
            Stage::Start,
        );
    }
    steps.write(
        format!(
            "{} to {version} with {}",
            canary.workload,
            count(canary.replicas)
        ),
        [
            version_edits(service, &canary.workload, version),
            vec![replicas(canary.replicas)],
        ]
        .concat(),
        Stage::Start,
    );
    steps.wait(Arm::Canary, version);
    for step in &canary.steps {
        match step {
            CanaryStep::SetWeight(percent) => {
                steps.weight = Some(*percent);
                steps.write(
                    format!("canary weight {percent}"),
                    vec![weight(*percent)],
                    Stage::Advance,
                );
            }
            CanaryStep::Pause {
                duration,
                promote_early,
            } => steps.watch(Arm::Canary, *duration, *promote_early),
            CanaryStep::PauseForApproval => {
                steps.add("hold for an approval".to_owned(), Action::Approval)
            }
        }
    }
    steps.write(
        format!("promote: {} to {version}", service.stable),
        version_edits(service, &service.stable, version),
        Stage::Promote,
    );
    steps.wait(Arm::Stable, version);
    steps.watch(Arm::Stable, canary.bake_time, false);
    steps.weight = Some(Weight::ZERO);
    steps.write(
        "canary weight 0%".to_owned(),
        vec![weight(Weight::ZERO)],
        Stage::Finish,
    );
    let rest = facts
        .canary_replicas
        .filter(|before| *before != canary.replicas)
        .unwrap_or(0);
    steps.write(
        format!("canary to {}", count(rest)),
        vec![replicas(rest)],
        Stage::Finish,
    );
    steps.list
}

/// Returns what brings a version into one of a service's workloads.
pub fn version_edits(service: &Service, workload: &ObjectRef, version: &Version) -> Vec<Edit> {
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

fn count(replicas: u32) -> String {
    if replicas == 1 {
        "1 replica".to_owned()
    } else {
        format!("{replicas} replicas")
    }
}

struct Steps {
    list: Vec<Step>,
    weight: Option<Weight>,
}

impl Steps {
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

    fn watch(&mut self, arm: Arm, duration: std::time::Duration, promote_early: bool) {
        if duration.is_zero() {
            return;
        }
        let length = crate::units::format_duration(duration);
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
