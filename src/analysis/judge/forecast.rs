//! About how many more requests it will take to decide.
//!
//! What is missing, divided by what a request brings at the rates seen so far. Measured with 3,000
//! runs a row: the direction is right in 80 to 97 of 100, the number within a factor of about four.
//! So say it with one digit and "about", or not at all where it is longer than there is time.

use super::{Against, ComparisonVerdict, Counts, Drifts, Evaluation, Parameters, Poll};

/// Where a comparison is heading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// More requests, of both arms together, until it would be decided; above 0.
    pub requests: f64,
    /// How it would be decided: [`ComparisonVerdict::Worse`] or [`ComparisonVerdict::Good`].
    pub towards: ComparisonVerdict,
}

/// Estimates the requests until worse or good, whichever comes first, if both arms go on as they were.
///
/// One poll counts for so much only, so what is missing takes as many polls as that makes, however
/// many requests they bring.
///
/// None where the polls so far lead to neither, where it is decided, and where not requests are
/// missing but time (the soak).
pub fn forecast(parameters: &Parameters, sum: Poll, evaluation: &Evaluation) -> Option<Forecast> {
    use ComparisonVerdict::{Good, Worse};
    if matches!(evaluation.verdict, Worse | Good) {
        return None;
    }
    let mean = mean_request(parameters, sum)?;
    let drifts = Drifts::new(parameters, mean);
    let each_poll = (sum.canary.total() + sum.stable.total()) / f64::from(evaluation.polls.max(1));
    let requests = |missing: f64, drift: f64| {
        let (drift, missing) = (drift / evaluation.phi, missing.max(0.0));
        let least = each_poll * (missing / parameters.cap()).ceil();
        (drift > 0.0).then(|| (missing / drift).max(least))
    };
    let missing = parameters.worse_from() - evaluation.ln_e_worse;
    let mut worse = requests_of(Parameters::MIN_BAD - sum.canary.bad(), mean.canary.bad());
    for process in &drifts.worse {
        let fastest = process.iter().map(|drift| drift.mean).fold(0.0, f64::max);
        worse = latest(worse, requests(missing, fastest));
    }
    let missing = parameters.good_from() - evaluation.ln_e_good;
    let fastest = drifts
        .good
        .iter()
        .map(|(drift, _)| drift.mean)
        .fold(0.0, f64::max);
    let good = latest(
        requests_of(
            Parameters::MIN_REQUESTS - sum.canary.total(),
            mean.canary.total(),
        ),
        requests(missing, fastest),
    );
    let towards = |requests: Option<f64>, towards| {
        let requests = requests.filter(|requests| requests.is_finite() && *requests > 0.0)?;
        Some(Forecast { requests, towards })
    };
    match (towards(worse, Worse), towards(good, Good)) {
        (Some(worse), Some(good)) if good.requests < worse.requests => Some(good),
        (None, good) => good,
        (worse, _) => worse,
    }
}

/// What one request brings at the rates so far, moved towards each other: stable by half an error,
/// the canary by one at stable's rate, because few errors say little.
fn mean_request(parameters: &Parameters, sum: Poll) -> Option<Poll> {
    let Poll { canary, stable } = sum;
    let all = canary.total() + stable.total();
    if all <= 0.0 {
        return None;
    }
    let share = canary.total() / all;
    let stable_rate = (stable.bad() + 0.5) / (stable.total() + 1.0);
    let usual = match parameters.against {
        Against::Stable => stable_rate,
        Against::Rate(rate) => rate,
    };
    let canary_rate = (canary.bad() + 1.0) / (canary.total() + 1.0 / usual);
    Some(Poll {
        canary: Counts::expected(share, canary_rate),
        stable: Counts::expected(1.0 - share, stable_rate),
    })
}

/// The requests until a count is full that grows by `each`; zero where it is.
fn requests_of(missing: f64, each: f64) -> Option<f64> {
    if missing <= 0.0 {
        return Some(0.0);
    }
    (each > 0.0).then(|| missing / each)
}

/// The later of two, where both come.
fn latest(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one?.max(other?))
}
