//! Quantiles of the normal distribution.

use std::f64::consts::SQRT_2;

/// Where the density is zero for a computer.
const FAR: f64 = 40.0;

/// Returns the `z` that a standard normal number is below with this chance; infinite for 0 and 1, and
/// below 0 or above 1 as for those.
///
/// Halves an interval on the complementary error function, which is exact to the last digit even far
/// out: a dozen plans a run need no faster one.
pub fn normal_quantile(chance: f64) -> f64 {
    if chance.is_nan() {
        return f64::NAN;
    }
    if chance <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if chance >= 1.0 {
        return f64::INFINITY;
    }
    // The smaller tail keeps its digits.
    let (tail, sign) = if chance < 0.5 {
        (chance, -1.0)
    } else {
        (1.0 - chance, 1.0)
    };
    let (mut low, mut high) = (0.0, FAR);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return sign * low;
        }
        if 0.5 * libm::erfc(middle / SQRT_2) >= tail {
            low = middle;
        } else {
            high = middle;
        }
    }
}
