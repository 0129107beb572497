//! How many requests the sequential judge takes to decide.
//!
//! Its evidence is a walk: each request adds the mean `D` with the variance `V`, and worse or good is
//! said where it crosses a threshold `A`. With a chance of `q` that is within
//! `N = ((z_q √V + √(z_q² V + 4 D A)) / 2D)²` requests, which is `A/D` for the median.

use super::{Rates, normal_quantile};
use crate::analysis::judge::{Dispersion, Drift, Drifts, GRID, Parameters};

/// What the automatic dispersion comes to where errors come by themselves.
const USUAL_DISPERSION: f64 = 1.2;

/// Returns the requests of both arms together until a canary with these rates is called worse with
/// the chance `power`, where it gets this share, from 0 to 1, of the traffic.
///
/// None where it is never found: a rate that is tolerated, or only just above. Limits by polls (one
/// poll never decides) come on top; [`super::minutes_to_worse`] has them.
pub fn requests_to_worse(
    parameters: &Parameters,
    rates: Rates,
    share: f64,
    power: f64,
) -> Option<f64> {
    let mean = rates.mean_request(share)?;
    let multiples = u32::try_from(GRID.len()).map_or(0.0, f64::from);
    let beginnings =
        if parameters.restart_polls > 0 && parameters.max_polls > parameters.restart_polls {
            2.0_f64
        } else {
            1.0
        };
    // What averaging over multiples and beginnings costs is found on top of the threshold.
    let threshold = parameters.worse_from() + multiples.ln() + beginnings.ln();
    let mut requests = Parameters::MIN_BAD / mean.canary.bad();
    for process in Drifts::new(parameters, mean).worse {
        let fastest = process
            .iter()
            .filter_map(|drift| crossing(parameters, *drift, threshold, power))
            .reduce(f64::min)?;
        requests = requests.max(fastest);
    }
    requests.is_finite().then_some(requests)
}

/// Returns the requests of both arms together until a canary with these rates is called good with the
/// chance `power`. None where it never is: a rate that is unacceptable, or only just below.
pub fn requests_to_good(
    parameters: &Parameters,
    rates: Rates,
    share: f64,
    power: f64,
) -> Option<f64> {
    let mean = rates.mean_request(share)?;
    let soonest = Drifts::new(parameters, mean)
        .good
        .into_iter()
        .filter_map(|(drift, part)| {
            crossing(parameters, drift, parameters.good_from() - part.ln(), power)
        })
        .reduce(f64::min)?;
    let requests = soonest.max(Parameters::MIN_REQUESTS / mean.canary.total());
    requests.is_finite().then_some(requests)
}

fn crossing(parameters: &Parameters, drift: Drift, threshold: f64, power: f64) -> Option<f64> {
    let phi = match parameters.dispersion {
        Dispersion::Auto => USUAL_DISPERSION,
        Dispersion::Fixed(phi) => phi,
    };
    let (mean, variance) = (drift.mean / phi, drift.variance / (phi * phi));
    if mean <= 0.0 {
        return None;
    }
    let spread = normal_quantile(power) * variance.sqrt();
    let root = (spread + (spread * spread + 4.0 * mean * threshold).sqrt()) / (2.0 * mean);
    Some(root * root)
}
