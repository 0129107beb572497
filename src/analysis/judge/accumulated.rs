//! The evidence of all polls so far, for every multiple and every beginning.
//!
//! Evidence of several multiples is averaged (nobody knows how much worse the canary is), and so is
//! evidence that began at several times (nobody knows when it got worse): an average of e-processes
//! is one (Shin, Ramdas, Rinaldo, "E-detectors", 2022).

use super::{
    Against, Parameters, Poll,
    evidence::{Drift, Multiple},
    log_sum::{ln_add, ln_sum},
};

/// Multiples of the limit that are looked for. Seven that cover everything from a little worse to an
/// outage cost fewer errors than a continuous prior does, and need no special function.
pub(in crate::analysis) const GRID: [f64; 7] = [1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 25.0];
/// Multiples of the negligible rate, or of an absolute limit, that good is held against.
const WELL_BELOW: [f64; 2] = [0.5, 0.1];

/// The multiples with their logarithms, made once for a comparison.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    worse: [Multiple; 7],
    same: Multiple,
    well_below: [Multiple; 2],
}

/// The evidence of one poll before it is divided and capped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) ratio: [f64; 7],
    pub(super) rate: [f64; 7],
    good: [f64; 3],
}

impl Grid {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            worse: GRID.map(Multiple::new),
            same: Multiple::new(1.0 / parameters.unacceptable_ratio),
            well_below: WELL_BELOW.map(Multiple::new),
        }
    }

    pub(super) fn terms(&self, parameters: &Parameters, poll: Poll) -> Terms {
        let Parameters {
            tolerated_ratio,
            unacceptable_ratio,
            tolerated_margin: margin,
            ..
        } = *parameters;
        let rate = match parameters.against {
            Against::Stable => parameters.negligible_rate,
            Against::Rate(rate) => rate,
        };
        let [half, tenth] = self.well_below;
        Terms {
            ratio: self
                .worse
                .map(|multiple| multiple.against_ratio_and_margin(tolerated_ratio, margin, poll)),
            rate: self
                .worse
                .map(|multiple| multiple.against_rate(rate, poll.canary)),
            good: [
                self.same
                    .against_ratio_and_margin(unacceptable_ratio, margin, poll),
                half.against_rate(rate, poll.canary),
                tenth.against_rate(rate, poll.canary),
            ],
        }
    }
}

/// How fast evidence grows where `mean` is what one request brings on average.
#[derive(Debug, Clone)]
pub(in crate::analysis) struct Drifts {
    /// Worse needs each of these, and each is found by whichever multiple finds it first.
    pub(in crate::analysis) worse: Vec<[Drift; 7]>,
    /// Good needs any of these, each with its part of the average.
    pub(in crate::analysis) good: Vec<(Drift, f64)>,
}

impl Drifts {
    /// Returns the drifts of a comparison.
    pub(in crate::analysis) fn new(parameters: &Parameters, mean: Poll) -> Self {
        let Grid {
            worse,
            same,
            well_below,
        } = Grid::new(parameters);
        let Parameters {
            tolerated_ratio,
            unacceptable_ratio,
            tolerated_margin: margin,
            negligible_rate,
            ..
        } = *parameters;
        let above =
            |rate: f64| worse.map(|multiple| multiple.drift_against_rate(rate, mean.canary));
        let below = |rate: f64, part: f64| {
            well_below.map(|multiple| (multiple.drift_against_rate(rate, mean.canary), part))
        };
        let ratio =
            || worse.map(|multiple| multiple.drift_against_ratio(tolerated_ratio, margin, mean));
        let same = same.drift_against_ratio(unacceptable_ratio, margin, mean);
        match parameters.against {
            Against::Rate(rate) => Self {
                worse: vec![above(rate)],
                good: below(rate, 0.5).to_vec(),
            },
            Against::Stable if negligible_rate > 0.0 => {
                let [half, tenth] = below(negligible_rate, 0.25);
                Self {
                    worse: vec![ratio(), above(negligible_rate)],
                    good: vec![(same, 0.5), half, tenth],
                }
            }
            Against::Stable => Self {
                worse: vec![ratio()],
                good: vec![(same, 1.0)],
            },
        }
    }
}

/// Sums over the polls so far, all with the same φ.
#[derive(Debug, Clone)]
pub(super) struct Accumulated {
    /// The φ that all of it was divided by.
    pub(super) phi: f64,
    /// How many polls are in it.
    pub(super) polls: usize,
    cap: f64,
    beginnings: Beginnings,
    ratio: Process,
    rate: Process,
    good: [f64; 3],
}

/// One null's evidence: for each multiple the logarithm of `Σ weight · exp(evidence since)` over the
/// beginnings that have come.
///
/// One number a multiple does for all of them: the next poll multiplies every one by the same, and a
/// beginning adds its weight. So evidence since a late beginning is never the difference of two
/// large sums, which would leave their rounding behind as evidence.
#[derive(Debug, Clone)]
struct Process {
    begun: [f64; 7],
}

impl Process {
    const NEW: Self = Self {
        begun: [f64::NEG_INFINITY; 7],
    };

    fn begin(&mut self, ln_weight: f64) {
        for begun in &mut self.begun {
            *begun = ln_add(*begun, ln_weight);
        }
    }

    fn add(&mut self, terms: &[f64; 7], phi: f64, cap: f64) {
        for (begun, term) in self.begun.iter_mut().zip(terms) {
            *begun += (term / phi).min(cap);
        }
    }

    /// The logarithm of the average over multiples and beginnings; a beginning that is still to come
    /// has found nothing yet, which is 1.
    fn ln_average(&self, weight_to_come: f64) -> f64 {
        let one_of = -f64::ln(7.0);
        let to_come = if weight_to_come > 0.0 {
            weight_to_come.ln()
        } else {
            f64::NEG_INFINITY
        };
        let begun = self.begun.iter().map(|begun| begun + one_of);
        ln_add(ln_sum(begun), to_come)
    }
}

impl Accumulated {
    pub(super) fn new(parameters: &Parameters, phi: f64) -> Self {
        Self {
            phi,
            polls: 0,
            cap: parameters.cap(),
            beginnings: Beginnings::new(parameters),
            ratio: Process::NEW,
            rate: Process::NEW,
            good: [0.0; 3],
        }
    }

    /// Adds the next poll.
    pub(super) fn add(&mut self, terms: &Terms) {
        if let Some(weight) = self.beginnings.weight_of(self.polls) {
            self.ratio.begin(weight.ln());
            self.rate.begin(weight.ln());
        }
        let cap = self.cap;
        self.ratio.add(&terms.ratio, self.phi, cap);
        self.rate.add(&terms.rate, self.phi, cap);
        for (sum, term) in self.good.iter_mut().zip(terms.good) {
            *sum += (term / self.phi).min(cap);
        }
        self.polls += 1;
    }

    /// Returns the evidence that the canary is worse: above what is tolerated of stable and above
    /// the negligible rate, so the weaker of the two counts.
    pub(super) fn ln_e_worse(&self, parameters: &Parameters) -> f64 {
        let to_come = self.beginnings.weight_after(self.polls);
        let ratio = || self.ratio.ln_average(to_come);
        let rate = || self.rate.ln_average(to_come);
        match parameters.against {
            Against::Rate(_) => rate(),
            Against::Stable if parameters.negligible_rate > 0.0 => ratio().min(rate()),
            Against::Stable => ratio(),
        }
    }

    /// Returns the evidence that the canary is good: either below the unacceptable ratio or below
    /// the negligible rate, so the average counts.
    pub(super) fn ln_e_good(&self, parameters: &Parameters) -> f64 {
        let [same, half, tenth] = self.good;
        let (ln_half, ln_quarter) = (0.5_f64.ln(), 0.25_f64.ln());
        match parameters.against {
            Against::Rate(_) => ln_sum([half + ln_half, tenth + ln_half]),
            Against::Stable if parameters.negligible_rate > 0.0 => {
                ln_sum([same + ln_half, half + ln_quarter, tenth + ln_quarter])
            }
            Against::Stable => same,
        }
    }
}

/// When evidence begins: with the first poll, which weighs half, and again every few polls until the
/// deadline. How many there are is fixed before the first poll.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginnings {
    every: usize,
    number: usize,
}

impl Beginnings {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let every = usize::try_from(parameters.restart_polls).unwrap_or(usize::MAX);
        let polls = usize::try_from(parameters.max_polls).unwrap_or(usize::MAX);
        let number = if every == 0 {
            1
        } else {
            polls.div_ceil(every).max(1)
        };
        Self { every, number }
    }

    /// The weight of each beginning after the first.
    fn later_weight(self) -> f64 {
        let later = u32::try_from(self.number.saturating_sub(1)).unwrap_or(u32::MAX);
        0.5 / f64::from(later.max(1))
    }

    /// The weight of the beginning just before this poll, counted from 0, if there is one.
    pub(super) fn weight_of(self, poll: usize) -> Option<f64> {
        match (poll, self.number) {
            (0, 1) => Some(1.0),
            (0, _) => Some(0.5),
            (_, 1) => None,
            _ => {
                let begins = poll.is_multiple_of(self.every) && poll / self.every < self.number;
                begins.then(|| self.later_weight())
            }
        }
    }

    /// The weight of the beginnings that are still to come after this many polls.
    fn weight_after(self, polls: usize) -> f64 {
        if self.number <= 1 || polls == 0 {
            return if polls == 0 { 1.0 } else { 0.0 };
        }
        let begun = ((polls - 1) / self.every + 1).min(self.number);
        let to_come = u32::try_from(self.number - begun).unwrap_or(u32::MAX);
        self.later_weight() * f64::from(to_come)
    }
}
