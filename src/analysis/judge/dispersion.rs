//! How much more the polls differ than they would if every error came by itself.
//!
//! Errors come in clusters: one bad node, one client that retries. A cluster of ten is the evidence
//! of one error, so evidence is divided by φ, the index of dispersion. It is measured from how much
//! each poll differs from the one before (von Neumann's mean square successive difference), because
//! a canary that gets worse half-way must not look like noise.

use super::{Against, Dispersion, Poll};

/// The dispersion before anything was measured, and how many differences that guess weighs as.
const GUESS: f64 = 1.5;
const GUESS_WEIGHT: f64 = 8.0;
const LOWEST: f64 = 1.0;
const HIGHEST: f64 = 10.0;

/// What the dispersion of a growing list of polls needs to remember.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    canary_crossed: f64,
    stable_crossed: f64,
    canary_bad: f64,
    canary_total: f64,
}

impl Totals {
    pub(super) fn add(&mut self, poll: &Poll) {
        let Poll { canary, stable } = poll;
        self.canary_bad += canary.bad();
        self.canary_total += canary.total();
        let all = canary.total() + stable.total();
        if all > 0.0 {
            self.canary_crossed += canary.bad() * stable.total() / all;
            self.stable_crossed += stable.bad() * canary.total() / all;
        }
    }

    /// Returns the ratio of the two rates over all polls, each poll compared only with itself
    /// (Mantel & Haenszel 1959), moved half an error towards 1.
    fn ratio(&self) -> f64 {
        (0.5 + self.canary_crossed) / (0.5 + self.stable_crossed)
    }

    fn rate(&self) -> f64 {
        (0.5 + self.canary_bad) / (1.0 + self.canary_total)
    }
}

/// Returns φ for these polls, whose totals are given: from 1 to 10 where it is measured.
pub(super) fn dispersion(
    wanted: Dispersion,
    against: Against,
    polls: impl Iterator<Item = Poll>,
    totals: &Totals,
) -> f64 {
    if let Dispersion::Fixed(phi) = wanted {
        return phi.max(LOWEST);
    }
    let ratio = totals.ratio();
    let rate = totals.rate();
    let mut before: Option<f64> = None;
    let mut squares = 0.0;
    let mut differences = 0.0;
    for poll in polls {
        let surprise = match against {
            Against::Stable => surprise_of_share(&poll, ratio),
            Against::Rate(_) => surprise_of_rate(&poll, rate),
        };
        let Some(surprise) = surprise else { continue };
        if let Some(before) = before {
            squares += (surprise - before) * (surprise - before) / 2.0;
            differences += 1.0;
        }
        before = Some(surprise);
    }
    let phi = (GUESS_WEIGHT * GUESS + squares) / (GUESS_WEIGHT + differences);
    if phi.is_nan() {
        return HIGHEST;
    }
    phi.clamp(LOWEST, HIGHEST)
}

/// How far the canary's part of a poll's errors is from what it should be, in standard deviations.
/// Given how many errors there were in all, so that an incident of both arms is no surprise.
fn surprise_of_share(poll: &Poll, ratio: f64) -> Option<f64> {
    let Poll { canary, stable } = poll;
    let errors = canary.bad() + stable.bad();
    let weighed = ratio * canary.total();
    let share = weighed / (weighed + stable.total());
    let variance = errors * share * (1.0 - share);
    (variance > 0.0).then(|| (canary.bad() - errors * share) / variance.sqrt())
}

fn surprise_of_rate(poll: &Poll, rate: f64) -> Option<f64> {
    let total = poll.canary.total();
    let variance = total * rate * (1.0 - rate);
    (variance > 0.0).then(|| (poll.canary.bad() - total * rate) / variance.sqrt())
}
