//! How much weight for how long: what steps can see of comparisons, and what they should be.

use std::time::Duration;

use crate::{
    analysis::{
        judge::{Against, Parameters},
        traffic_plan::{Advice, Step, Traffic, TrafficProblem, advice, outlook, schedule},
    },
    config::{
        Service,
        verification::{Measure, Metric},
    },
    event::{
        ComparisonPlan, Ending, Outcome, PlanRecord, PlannedComparison, ProposedSchedule,
        StepOutlook, TrafficPlanRecord,
        quantity::{length, number, percent},
    },
    rollout::Arm,
    units::{RequestsPerSecond, Weight},
};

/// Time between two polls where nothing says another.
pub const USUAL_INTERVAL: Duration = Duration::from_secs(30);
/// Name of the comparison where none is configured.
const ERRORS: &str = "errors";

/// What is known of the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownTraffic {
    /// Requests of both arms in a second; more than none.
    pub requests: RequestsPerSecond,
    /// The usual share of bad requests, from 0 to below 1.
    pub baseline: f64,
}

impl KnownTraffic {
    /// Says why nothing can be planned from it; none where it can.
    pub fn problem(self) -> Option<TrafficProblem> {
        Traffic::new(self.requests, self.baseline, USUAL_INTERVAL).err()
    }

    /// Says the same of every comparison.
    pub fn of_all(self, comparisons: Vec<PlannedComparison>) -> Vec<(PlannedComparison, Self)> {
        comparisons.into_iter().map(|one| (one, self)).collect()
    }
}

/// A weight that is held for some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightFor {
    /// The canary's weight.
    pub weight: Weight,
    /// How long.
    pub length: Duration,
}

/// Returns what is compared of a service; where nothing is, the judge's defaults stand in.
pub fn comparisons(service: &Service) -> Vec<PlannedComparison> {
    let metrics = &service.verification.metrics;
    let compared: Vec<PlannedComparison> = metrics.iter().filter_map(planned).collect();
    if !compared.is_empty() {
        return compared;
    }
    let interval = metrics.first().map(|metric| metric.schedule.interval);
    vec![usual_comparison(interval.unwrap_or(USUAL_INTERVAL))]
}

fn planned(metric: &Metric) -> Option<PlannedComparison> {
    match &metric.measure {
        Measure::Comparison(comparison) if comparison.is_of_shares() => Some(PlannedComparison {
            name: metric.name.clone(),
            parameters: comparison.parameters,
            interval: metric.schedule.interval,
        }),
        Measure::Comparison(_) | Measure::Threshold { .. } => None,
    }
}

/// Returns the comparison that stands in where none is configured.
pub fn usual_comparison(interval: Duration) -> PlannedComparison {
    PlannedComparison {
        name: ERRORS.to_owned(),
        parameters: Parameters::default(),
        interval,
    }
}

/// Returns the weights that a service's strategy holds, with how long; none of a strategy that has no
/// weights.
pub fn configured_steps(service: &Service) -> Vec<WeightFor> {
    let held = service.strategy.held().into_iter();
    held.filter(|held| !held.duration.is_zero())
        .map(|held| WeightFor {
            weight: held.weight,
            length: held.duration,
        })
        .collect()
}

/// Returns the weights that a plan holds, with how long.
pub fn planned_steps(plan: &PlanRecord) -> Vec<WeightFor> {
    let watched = plan
        .steps
        .iter()
        .filter(|step| step.watched == Some(Arm::Canary));
    watched
        .filter_map(|step| {
            Some(WeightFor {
                weight: step.weight?,
                length: step.watched_for,
            })
        })
        .collect()
}

/// Says of every step what it can see of every comparison.
///
/// # Errors
/// Traffic from which nothing can be planned; says why.
pub fn traffic_plan(
    comparisons: &[(PlannedComparison, KnownTraffic)],
    steps: &[WeightFor],
    steps_from: String,
    total: Option<Duration>,
) -> Result<TrafficPlanRecord, String> {
    let mut plans = Vec::new();
    for (comparison, known) in comparisons {
        let traffic = Traffic::new(known.requests, known.baseline, comparison.interval)
            .map_err(|problem| problem.to_string())?;
        let rows = steps.iter().map(|step| {
            let parameters = within(comparison, step.length);
            let step = Step {
                weight: step.weight,
                minutes: minutes(step.length),
            };
            StepOutlook {
                outlook: outlook(&parameters, &traffic, step),
                advice: advice(&parameters, &traffic, step),
            }
        });
        let schedule = total.map(|total| {
            let parameters = within(comparison, total);
            let steps = schedule(&parameters, &traffic, minutes(total));
            let looks = |steps: Vec<Step>| {
                let one = |step| outlook(&parameters, &traffic, step);
                steps.into_iter().map(one).collect()
            };
            ProposedSchedule {
                total,
                steps: steps.map(looks),
            }
        });
        plans.push(ComparisonPlan {
            name: comparison.name.clone(),
            requests_per_second: known.requests.value(),
            baseline: known.baseline,
            parameters: comparison.parameters,
            interval: comparison.interval,
            steps: rows.collect(),
            schedule,
        });
    }
    Ok(TrafficPlanRecord {
        steps_from,
        comparisons: plans,
    })
}

/// Makes the outcome of a traffic plan by itself: a warning where a step cannot see what is promised.
pub fn outcome(record: TrafficPlanRecord) -> Outcome {
    let (all, seeing) = record.steps_that_see();
    let too_short = record.comparisons.iter().find_map(|comparison| {
        let schedule = comparison.schedule.as_ref()?;
        schedule.steps.as_ref().err().map(ToString::to_string)
    });
    let ending = if seeing < all || too_short.is_some() {
        Ending::Warned
    } else {
        Ending::Shown
    };
    let exceeded = record.comparisons.iter().find_map(exceeded_already);
    let ending = if exceeded.is_some() {
        Ending::Warned
    } else {
        ending
    };
    let reason = match (all, too_short) {
        _ if exceeded.is_some() => exceeded.unwrap_or_default(),
        (0, Some(problem)) => problem,
        (0, None) => "weights for the whole time".to_owned(),
        (1, _) if seeing == 1 => "the step can see what is promised".to_owned(),
        (all, _) if seeing == all => format!("all {all} steps can see what is promised"),
        (all, _) => format!("{seeing} of {all} steps can see what is promised"),
    };
    let mut outcome = Outcome::new(ending, reason);
    outcome.hints = warnings(&record);
    outcome.traffic_plan = Some(Box::new(record));
    outcome
}

/// Says in one line each which step cannot see what a comparison promises, and what would do.
pub fn warnings(record: &TrafficPlanRecord) -> Vec<String> {
    let mut warnings = Vec::new();
    for comparison in &record.comparisons {
        if let Some(exceeded) = exceeded_already(comparison) {
            warnings.push(exceeded);
            continue;
        }
        for step in &comparison.steps {
            if let Some(advice) = &step.advice {
                warnings.push(warning(comparison, step, advice));
            }
        }
    }
    warnings
}

/// Says that the usual share of bad requests is above the limit.
fn exceeded_already(comparison: &ComparisonPlan) -> Option<String> {
    let Against::Rate(most) = comparison.parameters.against else {
        return None;
    };
    comparison.is_exceeded_already().then(|| {
        format!(
            "`{}` usually has {} bad requests, which is not below its `max_rate` of {}: every version would be taken back",
            comparison.name,
            percent(comparison.baseline),
            percent(most)
        )
    })
}

fn warning(comparison: &ComparisonPlan, step: &StepOutlook, advice: &Advice) -> String {
    let name = &comparison.name;
    let rate = |rate: f64| times_or_share(rate, comparison.baseline);
    let promised = rate(advice.promised_rate);
    let sees = match advice.smallest_rate {
        Some(smallest) => format!("the smallest it can see is {}", rate(smallest)),
        None => "it cannot see even an outage".to_owned(),
    };
    let weight = advice
        .weight
        .map(|weight| format!("a weight of {weight} would do"));
    let minutes = advice
        .minutes
        .map(|minutes| format!("{} at this weight would do", length(minutes)));
    let help = match (weight, minutes) {
        (Some(weight), Some(minutes)) => format!("{weight}, or {minutes}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "neither another weight nor more time helps: there is too little traffic, \
                         or `unacceptable_ratio` is too near to `tolerated_ratio`"
            .to_owned(),
    };
    format!(
        "weight {} for {} cannot see what `{name}` promises to find: {promised}; {sees} at {} \
         requests/s; {help}",
        step.outlook.step.weight,
        length(step.outlook.step.minutes),
        number(comparison.requests_per_second),
    )
}

fn times_or_share(rate: f64, usual: f64) -> String {
    if usual > 0.0 {
        format!(
            "{} times the usual {}",
            number(rate / usual),
            percent(usual)
        )
    } else {
        format!("a share of {}", percent(rate))
    }
}

/// The deadline of a comparison is the end of its step.
fn within(comparison: &PlannedComparison, length: Duration) -> Parameters {
    let interval = comparison.interval.as_millis().max(1);
    let polls = length.as_millis().div_ceil(interval).max(1);
    Parameters {
        max_polls: u32::try_from(polls).unwrap_or(u32::MAX),
        ..comparison.parameters
    }
}

fn minutes(length: Duration) -> f64 {
    length.as_secs_f64() / 60.0
}
