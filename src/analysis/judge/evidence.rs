//! The evidence of one poll, as the logarithm of a likelihood ratio: how much better "the canary is
//! κ times as bad as it may be" explains the counts than "it is not worse than it may be".
//!
//! Each is an e-value: under the null its expectation is at most 1, whatever the error rate of that
//! poll and however the traffic was split in it. The proof is two lines: with `a = κ/(1+(κ−1)s)` and
//! `b = 1/(1+(κ−1)s)` the expectation is
//! `(1 + r'q(a−1))^n_c · (1 + q(b−1))^n_s ≤ exp(q(κ−1)/(1+(κ−1)s) · n_c n_s (r'−r)/(r n_c + n_s)) ≤ 1`.
//! The model (given an error, which arm did it come from?) is that of Lindon & Malek, "Anytime-valid
//! inference for multinomial count data", NeurIPS 2022.

use super::{Counts, Poll};

/// A multiple of the limit, above 1 for worse and below 1 for better, with its logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Multiple {
    value: f64,
    ln: f64,
}

impl Multiple {
    /// Takes a multiple, which must be above zero and finite; anything else gives no evidence.
    pub fn new(value: f64) -> Self {
        if value.is_finite() && value > 0.0 {
            let ln = value.ln();
            Self { value, ln }
        } else {
            Self {
                value: 1.0,
                ln: 0.0,
            }
        }
    }

    /// Returns the evidence, in natural logarithms, against "the canary's rate is at most `ratio`
    /// times the stable one's" (for a multiple below 1: at least).
    ///
    /// Exactly 0 where an arm had no requests: no traffic is no evidence. High rates, above 20 %,
    /// make it weaker than it could be, never wrong.
    pub fn against_ratio(self, ratio: f64, poll: Poll) -> f64 {
        let Poll { canary, stable } = poll;
        if canary.total() <= 0.0 || stable.total() <= 0.0 {
            return 0.0;
        }
        let errors = canary.bad() + stable.bad();
        canary.bad() * self.ln - errors * self.ln_price(ratio, poll)
    }

    /// What each error costs, whichever arm it came from: the logarithm of how many more errors
    /// there would be if the canary were this many times as bad. Only the split of the requests counts.
    fn ln_price(self, ratio: f64, poll: Poll) -> f64 {
        ((self.value - 1.0) * share_of_errors(ratio, poll)).ln_1p()
    }

    /// Returns the evidence against "the canary's rate is at most `ratio` times the stable one's plus
    /// `margin`": that of [`Multiple::against_ratio`] less what the margin's share of the requests
    /// could have produced.
    pub fn against_ratio_and_margin(self, ratio: f64, margin: f64, poll: Poll) -> f64 {
        let plain = self.against_ratio(ratio, poll);
        let Poll { canary, stable } = poll;
        if margin <= 0.0 || canary.total() <= 0.0 || stable.total() <= 0.0 {
            return plain;
        }
        let share = share_of_errors(ratio, poll);
        let tilt = (self.value - 1.0) * (1.0 - share) / (1.0 + (self.value - 1.0) * share);
        plain - margin * canary.total() * tilt
    }

    /// Returns the evidence against "the canary's rate is at most `rate`" (for a multiple below 1: at
    /// least). Exactly 0 where there were no requests.
    pub fn against_rate(self, rate: f64, canary: Counts) -> f64 {
        canary.bad() * self.ln - (self.value - 1.0) * rate * canary.total()
    }

    /// Returns how fast [`Multiple::against_ratio_and_margin`] grows where `mean` is what one request
    /// brings on average.
    pub(super) fn drift_against_ratio(self, ratio: f64, margin: f64, mean: Poll) -> Drift {
        let price = self.ln_price(ratio, mean);
        let of_canary = self.ln - price;
        Drift {
            mean: self.against_ratio_and_margin(ratio, margin, mean),
            variance: mean.canary.bad() * of_canary * of_canary + mean.stable.bad() * price * price,
        }
    }

    /// Returns how fast [`Multiple::against_rate`] grows where `mean` is what one request brings on
    /// average.
    pub(super) fn drift_against_rate(self, rate: f64, mean: Counts) -> Drift {
        Drift {
            mean: self.against_rate(rate, mean),
            variance: mean.bad() * self.ln * self.ln,
        }
    }
}

/// What one request adds to the evidence, of whichever arm it is: on average, and how much that
/// varies. Errors are taken to be rare and to come by themselves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::analysis) struct Drift {
    /// The mean; below zero where evidence is lost.
    pub(in crate::analysis) mean: f64,
    /// The variance.
    pub(in crate::analysis) variance: f64,
}

/// The share of all errors that the canary may have: `r n_c / (r n_c + n_s)`.
fn share_of_errors(ratio: f64, poll: Poll) -> f64 {
    let weighed = ratio * poll.canary.total();
    weighed / (weighed + poll.stable.total())
}
