//! Strategy -> [`Plan`] of steps; the way back is one pure function of plan and position.

mod back;
mod build;
mod foreseen;
mod replay;
mod revival;

use std::time::Duration;

use crate::{
    config::{OnPause, Strategy},
    manifest::{Edit, ObjectRef},
    units::{Version, Weight},
};

pub use back::{BackPart, BackStep, BackWrite, taken_back, unless_done, way_back};
pub use build::{
    CLEANUP, DIRECT, Facts, Share, Switch, cleanup, direct, plan, replicas_edit, takes_pods_away,
    version_edits, weight_edits,
};
pub use foreseen::foreseen;
pub use replay::{Replay, WrittenStep, replay};
pub use revival::{may_need_pods, revival};

/// The steps of one deployment, as data: printed, run, taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Name of the strategy.
    pub strategy: &'static str,
    /// The version that it brings.
    pub version: Version,
    /// Which workload plays which part.
    pub roles: Roles,
    /// The object that splits the traffic, where there is one.
    pub traffic: Option<ObjectRef>,
    /// What the canary was, where there is one. A plan that finds it with users takes them off it in its
    /// first step.
    pub before: Option<Before>,
    /// Has the service health checks? Then a way back ends once they pass again.
    pub checks_health: bool,
    /// The steps in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Returns the estimated length of the whole, without the waits for the controller.
    pub fn length(&self) -> Duration {
        self.steps.iter().map(|step| step.action.length()).sum()
    }

    /// Does it switch everyone from one workload to the other at once?
    pub fn switches(&self) -> bool {
        self.traffic
            .as_ref()
            .is_some_and(|object| object.kind == "Service")
    }

    /// Returns the workload that serves everyone at a weight, where one of two does.
    pub fn serves(&self, weight: Option<Weight>) -> Option<String> {
        let canary = self.roles.canary.as_ref();
        let canary = canary.filter(|_| weight == Some(Weight::FULL));
        self.switches()
            .then(|| canary.unwrap_or(&self.roles.stable).to_string())
    }

    /// Returns the workload that serves everyone once the plan is done, and its part.
    pub fn serves_then(&self) -> (Arm, &ObjectRef) {
        match &self.roles.canary {
            Some(canary) if self.switches() => (Arm::Canary, canary),
            _ => (Arm::Stable, &self.roles.stable),
        }
    }

    /// Returns the step before which a drill turns round: the one after the new version has got its
    /// first users, as a part of the traffic, or as all of it once it is live.
    pub fn drill_turn(&self) -> usize {
        let mut steps = self.steps.iter();
        let sends_users = steps.position(|step| match step.action {
            Action::Write { stage, .. } => {
                matches!(stage, Stage::Advance | Stage::Promote)
                    && step.weight != Some(Weight::ZERO)
            }
            Action::WaitLive { .. }
            | Action::Follow { .. }
            | Action::Preview { .. }
            | Action::Watch { .. }
            | Action::Approval => false,
        });
        let is_wait =
            |step: &Step| matches!(step.action, Action::WaitLive { .. } | Action::Follow { .. });
        let last_before = sends_users.or_else(|| self.steps.iter().position(is_wait));
        last_before.map_or(self.steps.len(), |step| step + 1)
    }

    /// Returns how many waits for the controller there are.
    pub fn waits(&self) -> u32 {
        let waits = self
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::WaitLive { .. } | Action::Follow { .. }));
        u32::try_from(waits.count()).unwrap_or(u32::MAX)
    }
}

/// What the canary was before a plan began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Its share of the traffic.
    pub weight: Weight,
    /// How many pods it had.
    pub pods: u32,
    /// The version that its manifest named; none where that cannot be told.
    pub version: Option<String>,
    /// Did that version fail here before? Then a way back does not give it users.
    pub is_known_bad: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does, for people: `weight 10%`.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// The canary's weight once the step is done; none where there is no canary.
    pub weight: Option<Weight>,
}

/// Stable or canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// The workload that serves everyone.
    Stable,
    /// The workload that gets a new version first.
    Canary,
}

impl Arm {
    /// Returns the word that queries and messages use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
        }
    }
}

/// Which workload plays which part in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// The one that serves everyone when the run begins.
    pub stable: ObjectRef,
    /// The one that gets the new version first, where there is one.
    pub canary: Option<ObjectRef>,
}

impl Roles {
    /// Returns the parts that a strategy gives its workloads; none where the manifests say which of
    /// them plays which.
    pub fn of(strategy: &Strategy) -> Option<Self> {
        match strategy {
            Strategy::Rolling(rolling) => Some(Self {
                stable: rolling.stable.object.clone(),
                canary: None,
            }),
            Strategy::ArgoRollouts(argo) => Some(Self {
                stable: argo.stable.object.clone(),
                canary: None,
            }),
            Strategy::Canary(canary) => Some(Self {
                stable: canary.stable.object.clone(),
                canary: Some(canary.canary.object.clone()),
            }),
            Strategy::BlueGreen(_) => None,
        }
    }

    /// Returns the workload that plays a part.
    pub fn workload(&self, arm: Arm) -> Option<&ObjectRef> {
        match arm {
            Arm::Stable => Some(&self.stable),
            Arm::Canary => self.canary.as_ref(),
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// One commit.
    Write {
        /// What it changes.
        edits: Vec<Edit>,
        /// Which part of the deployment it is.
        stage: Stage,
    },
    /// Wait until a workload runs a version.
    WaitLive {
        /// Which workload.
        arm: Arm,
    },
    /// Check the workload that nobody uses yet by its preview addresses; worse ends it at once.
    Preview {
        /// How long.
        duration: Duration,
    },
    /// Follow the controller of a Rollout through its steps into the stable workload, and watch
    /// health and metrics all the while.
    Follow {
        /// How long it may take.
        limit: Duration,
        /// What happens at a pause that only a person ends.
        on_pause: OnPause,
    },
    /// Watch health and metrics; worse ends it at once.
    Watch {
        /// Which workload is judged.
        arm: Arm,
        /// How long.
        duration: Duration,
        /// Does it end as soon as everything is good?
        promote_early: bool,
    },
    /// Hold until someone approves.
    Approval,
}

impl Action {
    /// Is it what brings a version that was written to life in a workload?
    fn brings(&self, wanted: Arm) -> bool {
        match self {
            Self::WaitLive { arm } => *arm == wanted,
            Self::Follow { .. } => wanted == Arm::Stable,
            Self::Write { .. } | Self::Preview { .. } | Self::Watch { .. } | Self::Approval => {
                false
            }
        }
    }

    fn length(&self) -> Duration {
        match self {
            Self::Watch { duration, .. } | Self::Preview { duration } => *duration,
            Self::Follow { limit, .. } => *limit,
            Self::Write { .. } | Self::WaitLive { .. } | Self::Approval => Duration::ZERO,
        }
    }
}

/// Which part of the deployment a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The new version arrives in the canary, or in the one workload.
    Start,
    /// The weight grows.
    Advance,
    /// The new version arrives in the stable workload of a canary, or everyone is switched over to it.
    Promote,
    /// What nobody needs any more is put away; the new version is judged good by then.
    Finish,
}
