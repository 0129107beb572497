//! Counts of two arms, poll by poll -> worse, good, not yet: a verdict that stays honest however
//! often one looks.
//!
//! A [`Judge`] takes [`Poll`]s and returns an [`Evaluation`] after each. In reading order: [`Counts`]
//! are what is judged, `evidence` is the formula for one poll, `accumulated` adds polls up,
//! `dispersion` measures how errors cluster, [`Parameters`] say what is tolerated, [`sentences`] says
//! it to people.
//!
//! The promise: a canary that is within what is tolerated is ever called worse with a chance of at
//! most `alpha_worse`, whatever the traffic does and however many polls there are (Ville's inequality
//! for e-processes: Shafer et al., "Test martingales, Bayes factors and p-values", 2011). It holds
//! where errors come by themselves and the numbers of requests do not depend on the errors of the
//! same poll.

mod accumulated;
mod beta_mixture;
mod burst;
mod claims;
mod counts;
mod dispersion;
mod evidence;
pub mod figures;
mod forecast;
mod interval;
mod log_sum;
mod onset;
mod parameters;
mod sentence;
mod split;
mod verdict;

pub use beta_mixture::ln_evidence;
pub use burst::burst;
pub use counts::{Counts, CountsError, Poll};
pub use evidence::Multiple;
pub use forecast::{Forecast, forecast};
pub use interval::{Interval, rate_interval, ratio_interval};
pub use log_sum::{ln_add, ln_sum};
pub use onset::onset;
pub use parameters::{Against, Dispersion, ParameterProblem, Parameters};
pub use sentence::{RANGE_ALPHA, Stable, sentences};
pub use split::{SplitMismatch, split_mismatch};
pub use verdict::{ComparisonVerdict, Evaluation};

pub(super) use accumulated::{Drifts, GRID};
pub(super) use claims::Claims;
pub(super) use evidence::Drift;
pub(super) use verdict::Found;

use accumulated::{Accumulated, Grid, Terms};
use dispersion::{Totals, dispersion};

/// One comparison: takes polls, says after each how it stands.
#[derive(Debug, Clone)]
pub struct Judge {
    parameters: Parameters,
    /// As it was planned before the first poll, which is what the evidence is weighed by.
    planned: Parameters,
    grid: Grid,
    polls: Vec<(Poll, Terms)>,
    sum: Poll,
    totals: Totals,
    accumulated: Option<Accumulated>,
}

impl Judge {
    /// Begins a comparison without any polls.
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
            planned: parameters,
            grid: Grid::new(&parameters),
            polls: Vec::new(),
            sum: Poll::default(),
            totals: Totals::default(),
            accumulated: None,
        })
    }

    /// Returns the parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns the polls so far, in order.
    pub fn polls(&self) -> impl ExactSizeIterator<Item = Poll> + '_ {
        self.polls.iter().map(|(poll, _)| *poll)
    }

    /// Returns the counts of all polls together.
    pub fn sum(&self) -> Poll {
        self.sum
    }

    /// Takes the next poll; ask [`Judge::evaluate`] how it stands then. Polls that were rebuilt after
    /// a restart are taken one after the other without asking.
    pub fn push(&mut self, poll: Poll) {
        let terms = self.grid.terms(&self.parameters, poll);
        self.totals.add(&poll);
        self.sum = self.sum.plus(poll);
        self.polls.push((poll, terms));
    }

    /// Says that the deadline has come, although there were fewer polls than planned: some were
    /// late, or could not be answered. Good need not wait any longer then, and hold may be said.
    pub fn close(&mut self) {
        let polls = u32::try_from(self.polls.len()).unwrap_or(u32::MAX);
        self.parameters.close(polls);
    }

    /// Says how it stands after all polls so far.
    ///
    /// Adds only what is new where φ has not changed, as it never does where it is given; where it is
    /// measured and has changed, the polls before are added up again.
    pub fn evaluate(&mut self) -> Evaluation {
        let Parameters {
            dispersion: wanted,
            against,
            ..
        } = self.parameters;
        let phi = dispersion(
            wanted,
            against,
            self.polls.iter().map(|(poll, _)| *poll),
            &self.totals,
        );
        let mut accumulated = match self.accumulated.take() {
            Some(accumulated) if accumulated.phi.to_bits() == phi.to_bits() => accumulated,
            _ => Accumulated::new(&self.planned, phi),
        };
        for (_, terms) in self.polls.iter().skip(accumulated.polls) {
            accumulated.add(terms);
        }
        let ln_e_worse = accumulated.ln_e_worse(&self.parameters);
        let ln_e_good = accumulated.ln_e_good(&self.parameters);
        self.accumulated = Some(accumulated);
        let Poll { canary, stable } = self.sum;
        let has_reference = match against {
            Against::Stable => stable.total() > 0.0,
            Against::Rate(_) => true,
        };
        Found {
            polls: u32::try_from(self.polls.len()).unwrap_or(u32::MAX),
            phi,
            ln_e_worse,
            ln_e_good,
            enough_for_worse: canary.bad() >= Parameters::MIN_BAD,
            enough_for_good: has_reference && canary.total() >= Parameters::MIN_REQUESTS,
        }
        .evaluate(&self.parameters)
    }
}
