//! How much weight for how long, as data: what each step of a canary can see of each comparison.

use std::time::Duration;

use crate::analysis::{
    judge::{Against, Parameters},
    traffic_plan::{Advice, Outlook, TooShort},
};

/// How much weight for how long.
#[derive(Debug, Clone)]
pub struct TrafficPlanRecord {
    /// Where the steps come from, for people.
    pub steps_from: String,
    /// One for each comparison.
    pub comparisons: Vec<ComparisonPlan>,
}

/// What the steps can see of one comparison.
#[derive(Debug, Clone)]
pub struct ComparisonPlan {
    /// Its name.
    pub name: String,
    /// Requests of both arms in a second.
    pub requests_per_second: f64,
    /// The usual share of bad requests, from 0 to below 1.
    pub baseline: f64,
    /// What it tolerates and how sure it must be.
    pub parameters: Parameters,
    /// Time between two polls.
    pub interval: Duration,
    /// The steps, in order.
    pub steps: Vec<StepOutlook>,
    /// Weights for a total time, where one was asked for.
    pub schedule: Option<ProposedSchedule>,
}

/// What a step can see.
#[derive(Debug, Clone)]
pub struct StepOutlook {
    /// What is to be expected of it.
    pub outlook: Outlook,
    /// What would help it; none where it sees what is promised.
    pub advice: Option<Advice>,
}

/// Weights for a total time.
#[derive(Debug, Clone)]
pub struct ProposedSchedule {
    /// The whole time.
    pub total: Duration,
    /// The steps, or why there are none.
    pub steps: Result<Vec<Outlook>, TooShort>,
}

impl ComparisonPlan {
    /// Is the usual share of bad requests above the limit that the canary is held against? Then every
    /// version would be taken back, however good.
    pub fn is_exceeded_already(&self) -> bool {
        match self.parameters.against {
            Against::Stable => false,
            Against::Rate(most) => self.baseline >= most,
        }
    }

    /// Does the step of this number see what is promised?
    fn sees(&self, index: usize) -> bool {
        let step = self.steps.get(index);
        !self.is_exceeded_already() && step.is_some_and(|step| step.advice.is_none())
    }
}

impl TrafficPlanRecord {
    /// Returns how many steps there are, and how many of them see what every comparison promises.
    pub fn steps_that_see(&self) -> (usize, usize) {
        let all = self
            .comparisons
            .iter()
            .map(|it| it.steps.len())
            .max()
            .unwrap_or(0);
        let sees = |index: &usize| self.comparisons.iter().all(|it| it.sees(*index));
        (all, (0..all).filter(sees).count())
    }
}
