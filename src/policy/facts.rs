//! What was found out for the rules, by whoever could ask: the gate itself asks nobody.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    approval::{Identity, Presented},
    freeze::Freeze,
};
use crate::units::{RequestsPerSecond, Weight};

/// What was found out for the rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// How much traffic there is.
    pub traffic: TrafficFact,
    /// Which alerts are firing, by service; without a name where the rule asks the same of all.
    pub alerts: BTreeMap<Option<String>, AlertsFact>,
    /// The file `FREEZE` beside the policy, where there is one.
    pub freeze: Option<Freeze>,
    /// Paths that the version changes in the application's repository; none = nobody said.
    pub changed_paths: Option<Vec<String>>,
    /// What the deployment would do; none = it is not known.
    pub plan: Option<PlanFact>,
    /// How long somebody says the deployment takes; none = as long as the plan.
    pub duration: Option<TimeDelta>,
    /// The last failure of the version in this environment; none = there is none, or nobody looked.
    pub failed_before: Option<FailedBefore>,
    /// Is the version to be brought although it failed before?
    pub force_version: bool,
    /// Who starts it, as far as the pipeline says; none = nobody said.
    pub deployer: Option<Identity>,
    /// Who started it again, if the pipeline says that it was somebody else.
    pub restarted_by: Option<Identity>,
    /// The approvals and overrides that were presented or found, good or not.
    pub presented: Vec<Presented>,
}

/// A version that failed verification and was to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedBefore {
    /// The run that took it back.
    pub run: String,
    /// When it was taken back.
    pub at: DateTime<Utc>,
    /// Was somebody else's value in the way of taking it back?
    pub is_given_up: bool,
    /// Why: one line.
    pub why: String,
}

impl FailedBefore {
    /// Returns what the run did about it.
    pub fn deed(&self) -> &'static str {
        if self.is_given_up {
            "was to take it back"
        } else {
            "took it back"
        }
    }
}

/// How much traffic there is.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum TrafficFact {
    /// Nobody was asked, because the question is about another time.
    #[default]
    NotAsked,
    /// This much.
    Measured(RequestsPerSecond),
    /// Whoever was asked did not say; the text says why.
    Unavailable(String),
}

/// Are alerts firing?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertsFact {
    /// None is; a clause says so.
    Quiet(String),
    /// Some are; a clause says which.
    Firing(String),
    /// Whoever was asked did not say; the text says why.
    Unavailable(String),
}

/// What a deployment would do, as far as rules ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanFact {
    /// Path of the configuration that says so, for messages.
    pub path: String,
    /// Name of the strategy.
    pub strategy: String,
    /// The shortest time in which the plan can end.
    pub length: TimeDelta,
    /// The first weight that the new version gets; none without weights: it gets all at once.
    pub first_weight: Option<Weight>,
    /// How long the new version is watched with a part of the traffic before all of it goes there.
    pub hold: TimeDelta,
    /// Names of the metrics that are judged.
    pub metrics: Vec<String>,
    /// What is done with a version that was judged worse, as the configuration says it: `rollback`.
    pub on_failure: String,
}
