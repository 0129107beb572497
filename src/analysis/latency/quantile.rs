//! Is the canary's percentile more than so many times stable's? Answered from buckets alone.
//!
//! Null: `Q_canary(q) ≤ g · Q_stable(q)`. Stable's percentile lies in some bucket, nobody knows which.
//! For each bucket that could hold it there is evidence: either stable's percentile is not in there
//! (too few requests are slower than its lower end), or the canary's is above `g` times its upper end
//! (too many requests are slower than that). The least of them counts, because one of the buckets is
//! the true one; it is the minimum of Howard & Ramdas' two-sample test of quantiles (Bernoulli
//! 28(3), 2022), taken over boundaries. Good is the same question with the arms changed.
//!
//! Cannot see a shift inside one bucket: with Prometheus' default buckets a 99th percentile has to
//! triple, and can only be called good where a bucket is narrower than `unacceptable_ratio`. It has
//! one beginning, so a fault that comes late must outweigh a good start. Prefer the share of slow
//! requests wherever it answers the question.

use std::fmt;

use super::Buckets;
use crate::analysis::judge::{
    Counts, Dispersion, Evaluation, Found, GRID, Multiple, ParameterProblem, Parameters, ln_sum,
};

/// Multiples below 1 that "too few are slower" is looked for with.
const DOWN: [f64; 4] = [0.8, 0.65, 0.5, 0.25];

/// One comparison of a percentile: takes histograms, says after each poll how it stands.
#[derive(Debug, Clone)]
pub struct Quantile {
    parameters: Parameters,
    slow_share: f64,
    boundaries: Vec<f64>,
    canary: Arm,
    stable: Arm,
    polls: u32,
}

/// What buckets say of the percentile of one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentile {
    /// Requests that it is of; without any there is none.
    pub requests: f64,
    /// The boundary that it is above; none where it is in the first bucket.
    pub above: Option<f64>,
    /// The boundary that it does not exceed; none where it is above all of them.
    pub at_most: Option<f64>,
}

/// The arms, or the polls, do not have the same buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherBuckets;

impl fmt::Display for OtherBuckets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "the buckets of canary and stable, or of this poll and the ones before, end at different \
             boundaries",
        )
    }
}

impl std::error::Error for OtherBuckets {}

impl Quantile {
    /// Begins a comparison of the quantile `quantile`, such as 0.99.
    ///
    /// Of the parameters, `tolerated_ratio` is how many times stable's percentile the canary's may be
    /// and `unacceptable_ratio` how many times it must not be; chances, number of metrics, deadline
    /// and soak are as for counts. A fixed dispersion divides the evidence; an automatic one is 1.
    ///
    /// # Errors
    /// Parameters that make no sense, or a quantile that is not between 0 and 1, all of them.
    pub fn new(parameters: Parameters, quantile: f64) -> Result<Self, Vec<ParameterProblem>> {
        let mut problems = parameters.problems();
        if !(quantile > 0.0 && quantile < 1.0) {
            problems.push(ParameterProblem {
                name: "quantile",
                expected: "expected a share above 0 and below 1, such as 0.99",
            });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            parameters,
            slow_share: 1.0 - quantile,
            boundaries: Vec::new(),
            canary: Arm::default(),
            stable: Arm::default(),
            polls: 0,
        })
    }

    /// Takes what came in the next poll.
    ///
    /// # Errors
    /// Boundaries that differ between the arms or from those of the polls before; the poll is left
    /// out.
    pub fn push(&mut self, canary: &Buckets, stable: &Buckets) -> Result<(), OtherBuckets> {
        let boundaries: Vec<f64> = canary.boundaries().collect();
        let as_before = self.polls == 0 || boundaries == self.boundaries;
        if !as_before || !stable.boundaries().eq(boundaries.iter().copied()) {
            return Err(OtherBuckets);
        }
        self.boundaries = boundaries;
        let (phi, cap) = (self.phi(), self.parameters.cap());
        for (arm, buckets) in [(&mut self.canary, canary), (&mut self.stable, stable)] {
            arm.add(buckets, self.slow_share, phi, cap);
        }
        self.polls = self.polls.saturating_add(1);
        Ok(())
    }

    /// Says that the deadline has come, although there were fewer polls than planned.
    pub fn close(&mut self) {
        self.parameters.close(self.polls);
    }

    /// Says how it stands after all polls so far. No one poll decides, as for counts.
    pub fn evaluate(&self) -> Evaluation {
        let Parameters {
            tolerated_ratio,
            unacceptable_ratio,
            ..
        } = self.parameters;
        let (canary, stable) = (&self.canary, &self.stable);
        Found {
            polls: self.polls,
            phi: self.phi(),
            ln_e_worse: self.ln_e_above(canary, stable, tolerated_ratio),
            ln_e_good: self.ln_e_above(stable, canary, 1.0 / unacceptable_ratio),
            enough_for_worse: true,
            enough_for_good: canary.total >= Parameters::MIN_REQUESTS,
        }
        .evaluate(&self.parameters)
    }

    /// Returns the parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns the share of requests that the percentile is not exceeded by, such as 0.99.
    pub fn quantile(&self) -> f64 {
        1.0 - self.slow_share
    }

    /// Returns where the percentiles of canary and stable are, all polls together.
    pub fn percentiles(&self) -> [Percentile; 2] {
        [&self.canary, &self.stable].map(|arm| {
            let most = self.slow_share * arm.total;
            let ends = arm.boundaries.iter().zip(&self.boundaries);
            let upper = ends
                .filter(|(boundary, _)| boundary.slower <= most)
                .map(|(_, end)| *end)
                .next();
            let below = |end: &f64| upper.is_none_or(|upper| *end < upper);
            Percentile {
                requests: arm.total,
                above: self.boundaries.iter().copied().rfind(below),
                at_most: upper,
            }
        })
    }

    fn phi(&self) -> f64 {
        match self.parameters.dispersion {
            Dispersion::Fixed(phi) => phi,
            Dispersion::Auto => 1.0,
        }
    }

    /// The evidence that `one`'s percentile is more than `factor` times `other`'s.
    fn ln_e_above(&self, one: &Arm, other: &Arm, factor: f64) -> f64 {
        let beyond = |end: f64| self.boundaries.iter().position(|b| *b >= factor * end);
        let mut least = f64::INFINITY;
        // Bucket by bucket of `other`, from its lower end to its upper end: the first has no lower
        // end that could be missed, the last no upper end that could be exceeded.
        for position in 0..=self.boundaries.len() {
            let upper = self.boundaries.get(position);
            let above = upper.and_then(|end| one.boundaries.get(beyond(*end)?));
            let below = position
                .checked_sub(1)
                .and_then(|lower| other.boundaries.get(lower));
            let evidence =
                above.map_or(0.0, Boundary::ln_more) + below.map_or(0.0, Boundary::ln_fewer);
            least = least.min(evidence);
        }
        if least.is_finite() { least } else { 0.0 }
    }
}

/// One arm's evidence for each boundary.
#[derive(Debug, Clone, Default)]
struct Arm {
    boundaries: Vec<Boundary>,
    total: f64,
}

/// The evidence that an arm has more, or fewer, requests slower than a boundary than it would if its
/// percentile were that boundary.
#[derive(Debug, Clone, Default)]
struct Boundary {
    more: [f64; 7],
    fewer: [f64; 4],
    slower: f64,
}

impl Arm {
    fn add(&mut self, buckets: &Buckets, slow_share: f64, phi: f64, cap: f64) {
        self.boundaries
            .resize_with(buckets.boundaries().len(), Boundary::default);
        self.total += buckets.total();
        for (boundary, slower) in self.boundaries.iter_mut().zip(buckets.slower()) {
            let Ok(counts) = Counts::measured(buckets.total(), slower) else {
                continue;
            };
            let evidence = |multiple: f64| {
                (Multiple::new(multiple).against_rate(slow_share, counts) / phi).min(cap)
            };
            for (sum, multiple) in boundary.more.iter_mut().zip(GRID) {
                *sum += evidence(multiple);
            }
            for (sum, multiple) in boundary.fewer.iter_mut().zip(DOWN) {
                *sum += evidence(multiple);
            }
            boundary.slower += slower;
        }
    }
}

impl Boundary {
    /// Fewer than three slow requests are no evidence of too many.
    fn ln_more(&self) -> f64 {
        let evidence = ln_average_with_one(&self.more);
        if self.slower < Parameters::MIN_BAD {
            return evidence.min(0.0);
        }
        evidence
    }

    fn ln_fewer(&self) -> f64 {
        ln_average_with_one(&self.fewer)
    }
}

/// The logarithm of the average of evidence, with one part that bets on nothing: so that a wrong bet
/// costs little.
fn ln_average_with_one<const N: usize>(evidence: &[f64; N]) -> f64 {
    let parts = u32::try_from(N + 1).map_or(f64::INFINITY, f64::from);
    ln_sum(evidence.iter().copied().chain([0.0])) - parts.ln()
}
