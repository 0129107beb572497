//! The textbook's number of requests: one look at two proportions, at the end.
//!
//! Fleiss, Tytun & Ury 1980, without continuity correction. Shown beside the sequential number because
//! people know it; with an uneven split and few errors its chance of a false alarm is up to 8 % where
//! it says 5 %, and looking before the end makes it 16 to 33 %.

use super::{Rates, normal_quantile};

/// Is only "worse" looked for, or "different"?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Worse.
    One,
    /// Different either way.
    Two,
}

/// A test of two proportions with one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedSample {
    /// Chance of a false alarm, above 0 and below 1.
    pub alpha: f64,
    /// Chance of finding the difference, above 0 and below 1.
    pub power: f64,
    /// What is looked for.
    pub sides: Sides,
}

/// The smallest share that is looked for.
const LEAST_SHARE: f64 = 1e-9;
/// Halvings of the logarithm of the share: to the last digit.
const HALVINGS: u32 = 100;

impl FixedSample {
    /// Returns the requests of both arms together that it takes to tell these rates apart where the
    /// canary gets this share, from 0 to 1:
    ///
    /// `N = [z_α √(p̄(1−p̄)/(w(1−w))) + z_β √(p_c(1−p_c)/w + p_s(1−p_s)/(1−w))]² / (p_c−p_s)²`
    ///
    /// None where the rates are the same or no rates, an arm gets nothing, or a chance is none.
    pub fn requests(&self, rates: Rates, share: f64) -> Option<f64> {
        let Rates { stable, canary } = rates;
        let is_rate = |rate: f64| (0.0..=1.0).contains(&rate);
        if !(share > 0.0 && share < 1.0 && is_rate(stable) && is_rate(canary)) {
            return None;
        }
        let sides = match self.sides {
            Sides::One => 1.0,
            Sides::Two => 2.0,
        };
        let z_alpha = -normal_quantile(self.alpha / sides);
        let z_power = normal_quantile(self.power);
        let pooled = share * canary + (1.0 - share) * stable;
        let under_null = pooled * (1.0 - pooled) / (share * (1.0 - share));
        let otherwise = canary * (1.0 - canary) / share + stable * (1.0 - stable) / (1.0 - share);
        let root = z_alpha * under_null.sqrt() + z_power * otherwise.sqrt();
        let requests = (root / (canary - stable)).powi(2);
        (requests.is_finite() && root > 0.0).then_some(requests)
    }

    /// Returns the smallest share of the canary, up to a half, with which so many requests are
    /// enough; none where they are not even with a half.
    pub fn smallest_share(&self, rates: Rates, requests: f64) -> Option<f64> {
        let enough = |share: f64| {
            self.requests(rates, share)
                .is_some_and(|needed| needed <= requests)
        };
        if !enough(0.5) {
            return None;
        }
        let (mut low, mut high) = (LEAST_SHARE.ln(), 0.5_f64.ln());
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if enough(middle.exp()) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high.exp().min(0.5))
    }
}
