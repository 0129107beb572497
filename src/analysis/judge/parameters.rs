//! What one comparison tolerates, how sure it must be, and how long it may take.

/// How the errors of a poll hang together: how many of them one cause makes at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dispersion {
    /// Measured from the polls, between 1 and 10, starting from 1.5.
    Auto,
    /// Known: at least 1, where 1 means that every error comes by itself.
    Fixed(f64),
}

/// What the canary's rate is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Against {
    /// The rate of the other arm in the same poll.
    Stable,
    /// A rate from 0 to 1 that the canary must stay below, whatever the other arm does.
    Rate(f64),
}

/// The parameters of one comparison. The names are those of the flags and of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// What the canary is held against.
    pub against: Against,
    /// The canary may be this many times as bad as stable; at least 1. Pods differ, so 1 is strict.
    pub tolerated_ratio: f64,
    /// The canary must not be this many times as bad; above `tolerated_ratio`. Anything between the
    /// two may be judged either way.
    pub unacceptable_ratio: f64,
    /// A rate that nobody minds, from 0 to 1; 0 where every bad request counts.
    pub negligible_rate: f64,
    /// Points of rate by which the canary may be worse on top of the ratio, from 0 to 1. Like the two
    /// ratios it is about stable: an absolute limit has none.
    pub tolerated_margin: f64,
    /// Chance of ever taking back a canary that is within what is tolerated, over all polls of a step
    /// and all metrics; above 0 and below 1.
    pub alpha_worse: f64,
    /// Chance of ever promoting a canary that is unacceptable, for a step and a metric; above 0 and
    /// below 1.
    pub alpha_good: f64,
    /// Metrics that are compared together, at least 1: taking back is any one's decision, so each
    /// must be surer. Promoting is everyone's.
    pub metrics: u32,
    /// How errors hang together.
    pub dispersion: Dispersion,
    /// Polls between two beginnings of the evidence, so that a fault that comes late is not hidden by
    /// a good start; 0 for one beginning.
    pub restart_polls: u32,
    /// Polls until the deadline, at least 1.
    pub max_polls: u32,
    /// Polls before good may be said: some faults need time. Where there are more than until the
    /// deadline, good may be said there.
    pub soak_polls: u32,
    /// May one poll decide? Where not, it takes at least three: one burst is not a regression.
    pub one_poll_decides: bool,
}

impl Parameters {
    /// Bad requests of the canary below which nothing is called worse.
    pub const MIN_BAD: f64 = 3.0;
    /// Requests of the canary below which nothing is called good.
    pub const MIN_REQUESTS: f64 = 50.0;
    /// The largest ratio that can be asked for: what is above is no limit, and with ratios that
    /// doubles cannot square the evidence would be no number.
    pub const MOST_RATIO: f64 = 1000.0;

    /// Returns the parameters for counts of one time that nobody can divide into polls: one look,
    /// one beginning, no soak, no deadline, and that look decides.
    pub fn one_look(self) -> Self {
        Self {
            restart_polls: 0,
            max_polls: u32::MAX,
            soak_polls: 0,
            one_poll_decides: true,
            ..self
        }
    }

    /// Makes this many polls the deadline, if it was later.
    pub(in crate::analysis) fn close(&mut self, polls: u32) {
        self.max_polls = self.max_polls.min(polls.max(1));
    }

    /// Returns what is wrong with them, each with the name of the parameter.
    pub fn problems(&self) -> Vec<ParameterProblem> {
        let rows: [(&'static str, bool, &'static str); 10] = [
            (
                "tolerated_ratio",
                (1.0..=Self::MOST_RATIO).contains(&self.tolerated_ratio),
                "expected a number from 1 to 1000",
            ),
            (
                "unacceptable_ratio",
                self.unacceptable_ratio <= Self::MOST_RATIO
                    && self.unacceptable_ratio > self.tolerated_ratio,
                "expected a number above `tolerated_ratio`, at most 1000",
            ),
            (
                "negligible_rate",
                (0.0..1.0).contains(&self.negligible_rate),
                "expected a share of at least 0 and below 1, such as 0.001",
            ),
            (
                "tolerated_margin",
                (0.0..1.0).contains(&self.tolerated_margin),
                "expected a share of at least 0 and below 1, such as 0.001",
            ),
            ("alpha_worse", is_chance(self.alpha_worse), CHANCE),
            ("alpha_good", is_chance(self.alpha_good), CHANCE),
            ("metrics", self.metrics >= 1, "expected at least 1"),
            (
                "dispersion",
                match self.dispersion {
                    Dispersion::Auto => true,
                    Dispersion::Fixed(phi) => phi.is_finite() && phi >= 1.0,
                },
                "expected `auto` or a number of at least 1",
            ),
            ("max_polls", self.max_polls >= 1, "expected at least 1"),
            (
                "max_rate",
                match self.against {
                    Against::Stable => true,
                    Against::Rate(rate) => rate > 0.0 && rate < 1.0,
                },
                "expected a share above 0 and below 1, such as 0.01",
            ),
        ];
        rows.into_iter()
            .filter(|(_, fine, _)| !fine)
            .map(|(name, _, expected)| ParameterProblem { name, expected })
            .collect()
    }

    /// Returns the evidence, in natural logarithms, from which on worse is said:
    /// `ln(metrics / alpha_worse)`.
    pub fn worse_from(&self) -> f64 {
        // Not the logarithm of the quotient, which is infinite for the smallest chances.
        f64::from(self.metrics).ln() - self.alpha_worse.ln()
    }

    /// Returns the evidence, in natural logarithms, from which on good is said:
    /// `ln(1 / alpha_good)`.
    pub fn good_from(&self) -> f64 {
        -self.alpha_good.ln()
    }

    /// Returns the most that one poll may add to the evidence: half of what worse takes, so that it
    /// takes at least three polls where the evidence has several beginnings.
    pub(in crate::analysis) fn cap(&self) -> f64 {
        if self.one_poll_decides {
            f64::INFINITY
        } else {
            self.worse_from() / 2.0
        }
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            against: Against::Stable,
            tolerated_ratio: 1.25,
            unacceptable_ratio: 2.0,
            negligible_rate: 0.001,
            tolerated_margin: 0.0,
            alpha_worse: 0.01,
            alpha_good: 0.05,
            metrics: 1,
            dispersion: Dispersion::Auto,
            restart_polls: 10,
            max_polls: 60,
            soak_polls: 10,
            one_poll_decides: false,
        }
    }
}

const CHANCE: &str = "expected a chance above 0 and below 1, such as 0.01";

fn is_chance(alpha: f64) -> bool {
    alpha > 0.0 && alpha < 1.0
}

/// A parameter that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterProblem {
    /// The parameter's name.
    pub name: &'static str,
    /// What is expected of it.
    pub expected: &'static str,
}
