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
mod counts;
mod dispersion;
mod evidence;
pub mod figures;
mod forecast;
mod interval;
mod log_sum;
mod parameters;
mod sentence;

pub use counts::{Counts, CountsError, Poll};
pub use evidence::Multiple;
pub use forecast::Forecast;
pub use interval::Interval;
pub use log_sum::{ln_add, ln_sum};
pub use parameters::{Against, Dispersion, ParameterProblem, Parameters};
pub use sentence::{RANGE_ALPHA, sentences};

use accumulated::{Accumulated, Grid, Terms};
use dispersion::{Totals, dispersion};

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

/// The evidence at the deadline from which on a person should look before anyone goes on: E ≥ 3.
const LEANS_TOWARDS_WORSE: f64 = 3.0;

/// One comparison: takes polls, says after each how it stands.
#[derive(Debug, Clone)]
pub struct Judge {
    parameters: Parameters,
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
            _ => Accumulated::new(phi),
        };
        for (_, terms) in self.polls.iter().skip(accumulated.polls) {
            accumulated.add(&self.parameters, terms);
        }
        let ln_e_worse = accumulated.ln_e_worse(&self.parameters);
        let ln_e_good = accumulated.ln_e_good(&self.parameters);
        self.accumulated = Some(accumulated);
        Evaluation {
            verdict: self.verdict(ln_e_worse, ln_e_good),
            polls: self.number(),
            phi,
            ln_e_worse,
            ln_e_good,
        }
    }

    fn number(&self) -> u32 {
        u32::try_from(self.polls.len()).unwrap_or(u32::MAX)
    }

    fn verdict(&self, ln_e_worse: f64, ln_e_good: f64) -> ComparisonVerdict {
        let Parameters {
            max_polls,
            soak_polls,
            ..
        } = self.parameters;
        let canary = self.sum.canary;
        let worse =
            canary.bad() >= Parameters::MIN_BAD && ln_e_worse >= self.parameters.worse_from();
        let good = self.number() >= soak_polls
            && canary.total() >= Parameters::MIN_REQUESTS
            && ln_e_good >= self.parameters.good_from();
        if worse {
            ComparisonVerdict::Worse
        } else if good {
            ComparisonVerdict::Good
        } else if self.number() >= max_polls && ln_e_worse >= LEANS_TOWARDS_WORSE.ln() {
            ComparisonVerdict::Hold
        } else {
            ComparisonVerdict::NotYet
        }
    }
}
