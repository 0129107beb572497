//! A finished number of each arm a poll, such as a percentile from a provider that has no histogram:
//! how often is the canary's above so many times stable's?
//!
//! A number that someone else has made says nothing about how many requests it stands for, so only its
//! side counts: above the limit or not. If the canary is not slower, it is above in at most half of
//! the polls, whatever came before. The evidence is that of a coin, averaged over four biases:
//! `¼ Σ (2θ)^above (2(1−θ))^others`.
//!
//! Slow by nature: with a chance of 1 in 100 it takes nine polls that all say the same. It cannot see
//! how far above, nor a fault that shows in fewer than half of the polls, and it takes the polls to be
//! independent: a gauge that is smoothed over more than a poll's time repeats itself and is not.

use std::fmt;

use crate::analysis::judge::{Evaluation, Found, ParameterProblem, Parameters, ln_sum};

/// How often a slower canary might be above.
const BIASES: [f64; 4] = [0.65, 0.8, 0.9, 0.97];

/// One comparison of a gauge: takes a number of each arm, says after each poll how it stands.
#[derive(Debug, Clone)]
pub struct Sign {
    parameters: Parameters,
    above: u32,
    others: u32,
    sums: [f64; 2],
}

/// A number that is NaN, infinite or below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAGauge;

impl fmt::Display for NotAGauge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value to compare is not a number of at least 0")
    }
}

impl std::error::Error for NotAGauge {}

impl Sign {
    /// Begins a comparison. Of the parameters, `tolerated_ratio` is how many times stable's number
    /// the canary's may be; chances, number of metrics, deadline and soak are as for counts.
    ///
    /// # Errors
    /// Parameters that make no sense, all of them.
    pub fn new(parameters: Parameters) -> Result<Self, Vec<ParameterProblem>> {
        let problems = parameters.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            parameters,
            above: 0,
            others: 0,
            sums: [0.0; 2],
        })
    }

    /// Takes both arms' numbers of the next poll. One that is just at the limit is not above it.
    ///
    /// # Errors
    /// A number that is NaN, infinite or below zero; the poll is left out.
    pub fn push(&mut self, canary: f64, stable: f64) -> Result<(), NotAGauge> {
        let is_gauge = |value: f64| value.is_finite() && value >= 0.0;
        if !is_gauge(canary) || !is_gauge(stable) {
            return Err(NotAGauge);
        }
        let side = if canary > self.parameters.tolerated_ratio * stable {
            &mut self.above
        } else {
            &mut self.others
        };
        *side = side.saturating_add(1);
        let [of_canary, of_stable] = &mut self.sums;
        *of_canary += canary;
        *of_stable += stable;
        Ok(())
    }

    /// Returns the parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns the average numbers of canary and stable; none before the first poll.
    pub fn averages(&self) -> Option<[f64; 2]> {
        let polls = f64::from(self.above) + f64::from(self.others);
        (polls > 0.0).then(|| self.sums.map(|sum| sum / polls))
    }

    /// Returns in how many polls the canary was above the limit, and in how many it was not.
    pub fn polls(&self) -> (u32, u32) {
        (self.above, self.others)
    }

    /// Says that the deadline has come, although there were fewer polls than planned.
    pub fn close(&mut self) {
        self.parameters
            .close(self.above.saturating_add(self.others));
    }

    /// Says how it stands after all polls so far. Good is "not above the limit in more than half of the
    /// polls", by the same evidence the other way round.
    pub fn evaluate(&self) -> Evaluation {
        let (above, others) = (f64::from(self.above), f64::from(self.others));
        Found {
            polls: self.above.saturating_add(self.others),
            phi: 1.0,
            ln_e_worse: ln_evidence(above, others),
            ln_e_good: ln_evidence(others, above),
            enough_for_worse: above >= Parameters::MIN_BAD,
            enough_for_good: others >= Parameters::MIN_BAD,
        }
        .evaluate(&self.parameters)
    }
}

/// The evidence that one side comes up in more than half of all polls.
fn ln_evidence(times: f64, others: f64) -> f64 {
    let parts = BIASES.map(|bias| {
        times * f64::ln(2.0 * bias) + others * f64::ln(2.0 * (1.0 - bias)) + 0.25_f64.ln()
    });
    ln_sum(parts)
}
