//! How much weight for how long, as the machine's result has it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    analysis::{
        judge::Against,
        traffic_plan::{Advice, Outlook},
    },
    event::{ComparisonPlan, TrafficPlanRecord},
};

/// How much weight for how long. Rates are shares from 0 to 1; null where there is none.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TrafficPlanReport {
    /// Requests of both versions in a second, of the first comparison.
    requests_per_second: Option<f64>,
    /// The usual share of bad requests, of the first comparison.
    baseline: Option<f64>,
    comparisons: Vec<ComparisonReport>,
}

/// What the steps can see of one comparison.
#[derive(Debug, Serialize, JsonSchema)]
struct ComparisonReport {
    name: String,
    /// Requests of both versions in a second.
    requests_per_second: f64,
    /// The usual share of bad requests.
    baseline: f64,
    /// The limit that the canary is held against; null where that is stable.
    max_rate: Option<f64>,
    tolerated_ratio: f64,
    unacceptable_ratio: f64,
    negligible_rate: f64,
    alpha_worse: f64,
    alpha_good: f64,
    /// Time between two polls.
    interval_seconds: f64,
    /// The steps that are there.
    steps: Vec<StepOutlookReport>,
    /// The steps that are proposed for the total time; null where none were asked for, or none fit.
    proposed: Option<Vec<StepOutlookReport>>,
    /// Why none fit.
    too_short: Option<String>,
}

/// What is to be expected of a step.
#[derive(Debug, Serialize, JsonSchema)]
struct StepOutlookReport {
    /// Percent.
    weight: u8,
    minutes: f64,
    /// Requests of both versions.
    requests: f64,
    canary_requests: f64,
    /// The smallest rate of the canary that is found in time with a chance of 80 %.
    smallest_rate: Option<f64>,
    /// The same as a multiple of the usual rate.
    smallest_ratio: Option<f64>,
    /// The rate that the comparison promises to find.
    promised_rate: f64,
    /// The same as a multiple of the usual rate.
    promised_ratio: Option<f64>,
    /// Does it see what is promised?
    enough: bool,
    /// Time until the promised rate is called worse, with a chance of 80 %.
    minutes_to_worse: Option<f64>,
    /// Time that a test of two proportions with one look would take.
    minutes_of_one_look: Option<f64>,
    /// Time until a healthy canary is called good, with a chance of 80 %.
    minutes_to_good: Option<f64>,
    /// A weight that would do in this time, in percent.
    enough_weight: Option<u8>,
    /// A time that would do at this weight.
    enough_minutes: Option<f64>,
}

impl TrafficPlanReport {
    pub(super) fn of(record: &TrafficPlanRecord) -> Self {
        let comparisons = &record.comparisons;
        let first = comparisons.first();
        Self {
            requests_per_second: first.map(|it| it.requests_per_second),
            baseline: first.map(|it| it.baseline),
            comparisons: comparisons.iter().map(ComparisonReport::of).collect(),
        }
    }
}

impl ComparisonReport {
    fn of(comparison: &ComparisonPlan) -> Self {
        let baseline = comparison.baseline;
        let parameters = &comparison.parameters;
        let schedule = comparison.schedule.as_ref().map(|it| &it.steps);
        let steps = comparison.steps.iter();
        Self {
            name: comparison.name.clone(),
            requests_per_second: comparison.requests_per_second,
            baseline,
            max_rate: match parameters.against {
                Against::Stable => None,
                Against::Rate(most) => Some(most),
            },
            tolerated_ratio: parameters.tolerated_ratio,
            unacceptable_ratio: parameters.unacceptable_ratio,
            negligible_rate: parameters.negligible_rate,
            alpha_worse: parameters.alpha_worse,
            alpha_good: parameters.alpha_good,
            interval_seconds: comparison.interval.as_secs_f64(),
            steps: steps
                .map(|step| StepOutlookReport::of(&step.outlook, step.advice.as_ref(), baseline))
                .collect(),
            proposed: schedule.and_then(|steps| {
                let steps = steps.as_ref().ok()?.iter();
                let report = |outlook| StepOutlookReport::of(outlook, None, baseline);
                Some(steps.map(report).collect())
            }),
            too_short: schedule.and_then(|steps| Some(steps.as_ref().err()?.to_string())),
        }
    }
}

impl StepOutlookReport {
    fn of(outlook: &Outlook, advice: Option<&Advice>, baseline: f64) -> Self {
        let finite = |number: Option<f64>| number.filter(|it| it.is_finite());
        let ratio = |rate: f64| (baseline > 0.0).then(|| rate / baseline);
        Self {
            weight: outlook.step.weight.percent(),
            minutes: outlook.step.minutes,
            requests: outlook.requests,
            canary_requests: outlook.canary_requests,
            smallest_rate: outlook.smallest_rate,
            smallest_ratio: outlook.smallest_rate.and_then(ratio),
            promised_rate: outlook.promised_rate,
            promised_ratio: ratio(outlook.promised_rate),
            enough: outlook.sees_what_is_promised(),
            minutes_to_worse: finite(outlook.minutes_to_worse),
            minutes_of_one_look: finite(outlook.one_look_minutes),
            minutes_to_good: finite(outlook.minutes_to_good),
            enough_weight: advice.and_then(|it| it.weight).map(|it| it.percent()),
            enough_minutes: finite(advice.and_then(|it| it.minutes)),
        }
    }
}
