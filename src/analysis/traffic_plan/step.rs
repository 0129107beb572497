//! What one step can see, and which weight or time would let it see what it promises.

use super::{
    FixedSample, POWER, Rates, Sides, Traffic, promised_rate, requests_to_good, requests_to_worse,
    tolerated_rate,
};
use crate::{analysis::judge::Parameters, units::Weight};

/// Polls without which nothing is called worse: one burst is not a regression.
const LEAST_POLLS: u32 = 3;
/// Halvings between two rates: to the last digit.
const HALVINGS: u32 = 60;

/// A weight that is held for some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The canary's weight. At 0 and 100 there is nothing to compare; where a stable arm is replaced
    /// by as many requests from before, plan with 50.
    pub weight: Weight,
    /// How long, in minutes.
    pub minutes: f64,
}

/// What to expect of a step: a row of a traffic plan. Rates are shares from 0 to 1
/// ([`Traffic::multiple_of`] makes multiples of them), times are minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// The step.
    pub step: Step,
    /// Requests of both arms in it.
    pub requests: f64,
    /// Requests of the canary in it.
    pub canary_requests: f64,
    /// How many of those are bad if the canary is as stable: with few, nothing can be seen.
    pub usual_bad: f64,
    /// The smallest rate of the canary that is found in time in four of five runs; none where not even
    /// an outage is.
    pub smallest_rate: Option<f64>,
    /// The rate that the comparison promises to find.
    pub promised_rate: f64,
    /// Time until a canary of the promised rate is called worse in half of all runs.
    pub median_minutes_to_worse: Option<f64>,
    /// The same in four of five runs.
    pub minutes_to_worse: Option<f64>,
    /// Time until a canary that is as stable is called good in four of five runs. Where it is longer
    /// than the step, a healthy canary is mostly undecided at its end, and `on_inconclusive` decides.
    pub minutes_to_good: Option<f64>,
    /// Time that a test with one look would take for the promised rate: for comparison only.
    pub one_look_minutes: Option<f64>,
}

/// A step that cannot see what its comparison promises, and what would help. Each of the two remedies
/// is enough by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Advice {
    /// The rate that is promised, from 0 to 1.
    pub promised_rate: f64,
    /// The smallest rate that the step can see; none where it can see nothing.
    pub smallest_rate: Option<f64>,
    /// The nearest weight that would do in the step's time, if there is one.
    pub weight: Option<Weight>,
    /// The minutes that would do at the step's weight, if any would.
    pub minutes: Option<f64>,
}

/// Returns the minutes until a canary of this rate is called worse with the chance `power`, where
/// stable is as usual: at least three polls. None where it never is.
pub fn minutes_to_worse(
    parameters: &Parameters,
    traffic: &Traffic,
    weight: Weight,
    rate: f64,
    power: f64,
) -> Option<f64> {
    let rates = Rates {
        stable: traffic.baseline(),
        canary: rate,
    };
    let requests = requests_to_worse(parameters, rates, weight.ratio(), power)?;
    Some(
        traffic
            .minutes_for(requests)
            .max(traffic.minutes_of_polls(LEAST_POLLS)),
    )
}

/// Returns the minutes until a canary that is as stable is called good with the chance `power`: at
/// least the soak, where the deadline leaves time for it. None where it never is.
pub fn minutes_to_good(
    parameters: &Parameters,
    traffic: &Traffic,
    weight: Weight,
    power: f64,
) -> Option<f64> {
    let rates = Rates {
        stable: traffic.baseline(),
        canary: traffic.baseline(),
    };
    let requests = requests_to_good(parameters, rates, weight.ratio(), power)?;
    let soak = parameters.soak_polls.min(parameters.max_polls);
    Some(
        traffic
            .minutes_for(requests)
            .max(traffic.minutes_of_polls(soak)),
    )
}

/// Returns what to expect of a step.
pub fn outlook(parameters: &Parameters, traffic: &Traffic, step: Step) -> Outlook {
    let Step { weight, minutes } = step;
    let promised = promised_rate(parameters, traffic.baseline());
    let requests = traffic.requests_in(minutes);
    let canary_requests = requests * weight.ratio();
    let to_worse = |power| minutes_to_worse(parameters, traffic, weight, promised, power);
    let one_look = FixedSample {
        alpha: parameters.alpha_worse,
        power: POWER,
        sides: Sides::One,
    };
    let rates = Rates {
        stable: traffic.baseline(),
        canary: promised,
    };
    Outlook {
        step,
        requests,
        canary_requests,
        usual_bad: canary_requests * traffic.baseline(),
        smallest_rate: smallest_rate(parameters, traffic, step),
        promised_rate: promised,
        median_minutes_to_worse: to_worse(0.5),
        minutes_to_worse: to_worse(POWER),
        minutes_to_good: minutes_to_good(parameters, traffic, weight, POWER),
        one_look_minutes: one_look
            .requests(rates, weight.ratio())
            .map(|requests| traffic.minutes_for(requests)),
    }
}

/// Returns what would help a step that cannot see what its comparison promises; none where it can.
pub fn advice(parameters: &Parameters, traffic: &Traffic, step: Step) -> Option<Advice> {
    let promised = promised_rate(parameters, traffic.baseline());
    let needed = |weight| minutes_to_worse(parameters, traffic, weight, promised, POWER);
    let sees = |weight: Weight| needed(weight).is_some_and(|needed| needed <= step.minutes);
    if sees(step.weight) {
        return None;
    }
    // What a weight can see gets better towards a half from both sides, so the nearest that sees
    // enough is between the step's and a half.
    let weight = (1..100)
        .filter_map(|percent| Weight::new(percent).ok())
        .filter(|weight| sees(*weight))
        .min_by_key(|weight| weight.percent().abs_diff(step.weight.percent()));
    Some(Advice {
        promised_rate: promised,
        smallest_rate: smallest_rate(parameters, traffic, step),
        weight,
        minutes: needed(step.weight),
    })
}

/// The smallest rate that a step finds in time. The higher the rate, the sooner it is found.
pub(super) fn smallest_rate(parameters: &Parameters, traffic: &Traffic, step: Step) -> Option<f64> {
    let found = |rate: f64| {
        minutes_to_worse(parameters, traffic, step.weight, rate, POWER)
            .is_some_and(|needed| needed <= step.minutes)
    };
    if !found(1.0) {
        return None;
    }
    let (mut unseen, mut seen) = (tolerated_rate(parameters, traffic.baseline()).min(1.0), 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(unseen, seen);
        if found(middle) {
            seen = middle;
        } else {
            unseen = middle;
        }
    }
    Some(seen)
}
