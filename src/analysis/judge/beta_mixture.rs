//! The evidence of counts against one rate when every other rate is thought possible: the likelihood
//! averaged over a Beta(½, ½), over the likelihood of that rate.
//!
//! In closed form `ln B(½+x, ½+n−x) − ln B(½, ½) − x ln p − (n−x) ln(1−p)`. Term by term that loses
//! all digits above 1e9 requests: numbers of the size of `n ln n` cancel to a handful. Here Stirling's
//! series is put in first and what cancels is left out (Loader, "Fast and accurate computation of
//! binomial probabilities", 2000), so 1e18 requests are as exact as a hundred.

use std::f64::consts::{PI, TAU};

/// Returns the evidence, in natural logarithms, of so many bad and good ones against the chance `p` of
/// a bad one. Its complement `q = 1 − p` is given too, and the good ones instead of all, because either
/// may be too small to show in the difference. Infinite where the counts are impossible; they may be
/// fractions.
pub fn ln_evidence(bad: f64, good: f64, p: f64, q: f64) -> f64 {
    let all = bad + good + 1.0;
    surprise(bad, all * p) + surprise(good, all * q) - 0.5 * all.ln() + 0.5 * TAU.ln() - PI.ln()
        + stirling_error(bad + 0.5)
        + stirling_error(good + 0.5)
        - stirling_error(all)
}

/// `x ln((x+½)/m) + m − (x+½)`: what one outcome's count adds where `m` was expected.
fn surprise(count: f64, expected: f64) -> f64 {
    let moved = count + 0.5;
    if count <= 0.0 {
        return expected - moved;
    }
    if expected <= 0.0 {
        return f64::INFINITY;
    }
    deviance(moved, expected) - 0.5 * (moved / expected).ln()
}

/// `x ln(x/m) + m − x`, by its series where `x` and `m` are close: Loader's `bd0`.
fn deviance(found: f64, expected: f64) -> f64 {
    let apart = found - expected;
    if apart.abs() >= 0.1 * (found + expected) {
        return found * (found / expected).ln() + expected - found;
    }
    let ratio = apart / (found + expected);
    let mut power = 2.0 * found * ratio;
    let mut sum = apart * ratio;
    // Each term is at most a hundredth of the one before.
    for step in 1..32_u32 {
        power *= ratio * ratio;
        let next = sum + power / f64::from(2 * step + 1);
        if next.to_bits() == sum.to_bits() {
            break;
        }
        sum = next;
    }
    sum
}

/// `ln Γ(a) − ((a−½) ln a − a + ½ ln 2π)` for `a` of at least ½: how far Stirling's formula is off.
fn stirling_error(a: f64) -> f64 {
    if a < 16.0 {
        return libm::lgamma(a) - ((a - 0.5) * a.ln() - a + 0.5 * TAU.ln());
    }
    let square = a * a;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * square)) / square) / square) / a
}
