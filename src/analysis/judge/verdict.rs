//! Evidence -> the answer, after each poll.

use super::Parameters;

/// The answer of one comparison so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonVerdict {
    /// The canary is worse than tolerated: take it back now.
    Worse,
    /// Undecided at the deadline, and the evidence leans towards worse: a person should look.
    Hold,
    /// Undecided.
    NotYet,
    /// The canary is not unacceptable, and this metric has nothing against going on.
    Good,
}

impl ComparisonVerdict {
    /// Returns the stable word of machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Hold => "hold",
            Self::NotYet => "not-yet",
            Self::Good => "good",
        }
    }
}

/// What the polls up to one say together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// The answer.
    pub verdict: ComparisonVerdict,
    /// How many polls it is made of.
    pub polls: u32,
    /// How much errors cluster, at least 1; all evidence was divided by it.
    pub phi: f64,
    /// Evidence that the canary is worse, in natural logarithms.
    pub ln_e_worse: f64,
    /// Evidence that the canary is good, in natural logarithms.
    pub ln_e_good: f64,
}

impl Evaluation {
    /// Returns how sure "worse than tolerated" is, in percent from 0 to 100: `100 (1 − 1/E)`. It
    /// stays honest however often one looks; it is not the chance of a regression.
    pub fn sure_worse_percent(&self) -> f64 {
        sure_percent(self.ln_e_worse)
    }

    /// Returns how sure "below the unacceptable" is, in percent from 0 to 100.
    pub fn sure_good_percent(&self) -> f64 {
        sure_percent(self.ln_e_good)
    }
}

fn sure_percent(ln_e: f64) -> f64 {
    if ln_e > 0.0 {
        -100.0 * (-ln_e).exp_m1()
    } else {
        0.0
    }
}

/// The evidence at the deadline from which on a person should look before anyone goes on.
const LEANS_TOWARDS_WORSE: f64 = 3.0;

/// What was found so far, before it is held against what is wanted. Every kind of comparison ends
/// here, so that all of them decide by the same rules.
#[derive(Debug, Clone, Copy)]
pub(in crate::analysis) struct Found {
    /// Polls so far.
    pub(in crate::analysis) polls: u32,
    /// What all evidence was divided by.
    pub(in crate::analysis) phi: f64,
    /// Evidence that the canary is worse.
    pub(in crate::analysis) ln_e_worse: f64,
    /// Evidence that the canary is good.
    pub(in crate::analysis) ln_e_good: f64,
    /// Were there enough bad requests of the canary to call it worse?
    pub(in crate::analysis) enough_for_worse: bool,
    /// Were there enough requests of the canary to call it good?
    pub(in crate::analysis) enough_for_good: bool,
}

impl Found {
    /// Decides.
    pub(in crate::analysis) fn evaluate(self, parameters: &Parameters) -> Evaluation {
        let Self {
            polls,
            phi,
            ln_e_worse,
            ln_e_good,
            ..
        } = self;
        let at_the_deadline = polls >= parameters.max_polls;
        // A soak that is longer than there is time would leave no poll to say good at.
        let soaked = polls >= parameters.soak_polls || at_the_deadline;
        let verdict = if self.enough_for_worse && ln_e_worse >= parameters.worse_from() {
            ComparisonVerdict::Worse
        } else if soaked && self.enough_for_good && ln_e_good >= parameters.good_from() {
            ComparisonVerdict::Good
        } else if at_the_deadline && ln_e_worse >= LEANS_TOWARDS_WORSE.ln() {
            ComparisonVerdict::Hold
        } else {
            ComparisonVerdict::NotYet
        };
        Evaluation {
            verdict,
            polls,
            phi,
            ln_e_worse,
            ln_e_good,
        }
    }
}
