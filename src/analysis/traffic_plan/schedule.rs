//! Weights for a total time, each held as long as it needs.
//!
//! What must a step see? The last one, what the comparison promises. One before it exposes fewer
//! people, so it may overlook a fault that is as many times as large: it must see one that makes as
//! many bad requests a second as the smallest one that the last step must see. So a first step of
//! 1 % before a last one of 50 % looks for a rate that is fifty times as far above stable's.

use std::{fmt, time::Duration};

use super::{POWER, Step, Traffic, minutes_to_worse, promised_rate, step::smallest_rate};
use crate::{
    analysis::judge::Parameters,
    units::{Weight, format_duration},
};

/// Weights in percent that a schedule chooses from, as they are usual in canary strategies. All of the
/// traffic is no step: then there is nothing left to compare with.
pub const LADDER: [u8; 6] = [1, 2, 5, 10, 25, 50];

/// Not even the last weight alone has enough time to see what the comparison promises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooShort {
    /// The weight with which it takes least time.
    pub weight: Weight,
    /// The minutes that weight alone would take; none where no time would do.
    pub minutes: Option<f64>,
    /// The smallest rate, from 0 to 1, that it could see in the time there is.
    pub smallest_rate: Option<f64>,
    /// The rate that is promised.
    pub promised_rate: f64,
}

impl fmt::Display for TooShort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "too little time: ")?;
        match self.minutes {
            Some(minutes) => write!(
                formatter,
                "{} of the traffic alone takes {} to see a canary with {:.2}% bad requests",
                self.weight,
                length(minutes),
                100.0 * self.promised_rate
            ),
            None => write!(
                formatter,
                "a canary with {:.2}% bad requests is not told from stable in any time",
                100.0 * self.promised_rate
            ),
        }
    }
}

impl std::error::Error for TooShort {}

/// `5m20s`: whole seconds that are enough, never less.
fn length(minutes: f64) -> String {
    let length = Duration::try_from_secs_f64((60.0 * minutes).ceil());
    format_duration(length.unwrap_or(Duration::MAX))
}

/// Returns steps of whole minutes that together take the total time (its full minutes), from as many
/// weights of [`LADDER`] as there is time for.
///
/// Where there is not enough for all, the one that takes longest is left out (of equals the one that
/// exposes most people), but never the last; where there is more, every step is longer in proportion. That each step sees what it must is one
/// thing, that a healthy canary is called good by its end another: see
/// [`Outlook::minutes_to_good`](super::Outlook::minutes_to_good).
///
/// # Errors
/// Too little time for the last weight alone.
pub fn schedule(
    parameters: &Parameters,
    traffic: &Traffic,
    total_minutes: f64,
) -> Result<Vec<Step>, TooShort> {
    let total = if total_minutes.is_finite() {
        total_minutes.floor()
    } else {
        0.0
    };
    let weights = LADDER
        .iter()
        .filter_map(|percent| Weight::new(u64::from(*percent)).ok());
    let last = weights.clone().next_back().unwrap_or(Weight::ZERO);
    let promised = promised_rate(parameters, traffic.baseline());
    let mut steps: Vec<Step> = weights
        .filter_map(|weight| {
            let rate = rate_to_see(traffic, promised, weight, last);
            let minutes = minutes_to_worse(parameters, traffic, weight, rate, POWER)?.ceil();
            Some(Step { weight, minutes })
        })
        .collect();
    while sum(&steps) > total && steps.len() > 1 {
        let before = steps.len() - 1;
        let longest = (0..before)
            .max_by(|one, other| minutes_at(&steps, *one).total_cmp(&minutes_at(&steps, *other)));
        let Some(longest) = longest else { break };
        steps.remove(longest);
    }
    let fits = steps.last().is_some_and(|step| step.weight == last) && sum(&steps) <= total;
    if !fits {
        return Err(TooShort {
            weight: last,
            minutes: minutes_to_worse(parameters, traffic, last, promised, POWER),
            smallest_rate: smallest_rate(
                parameters,
                traffic,
                Step {
                    weight: last,
                    minutes: total,
                },
            ),
            promised_rate: promised,
        });
    }
    Ok(stretched(steps, total))
}

/// The rate that makes as many bad requests more at this weight as the promised one at the last.
fn rate_to_see(traffic: &Traffic, promised: f64, weight: Weight, last: Weight) -> f64 {
    let stable = traffic.baseline();
    (stable + (promised - stable) * last.ratio() / weight.ratio()).min(1.0)
}

/// Longer steps in proportion, in whole minutes; what is left over goes to the last.
fn stretched(mut steps: Vec<Step>, total: f64) -> Vec<Step> {
    let times = total / sum(&steps);
    for step in &mut steps {
        step.minutes = (step.minutes * times).floor().max(step.minutes);
    }
    let left = total - sum(&steps);
    if let Some(step) = steps.last_mut() {
        step.minutes += left.max(0.0);
    }
    steps
}

fn sum(steps: &[Step]) -> f64 {
    steps.iter().map(|step| step.minutes).sum()
}

fn minutes_at(steps: &[Step], position: usize) -> f64 {
    steps.get(position).map_or(0.0, |step| step.minutes)
}
