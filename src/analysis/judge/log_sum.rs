//! Sums of numbers that are known by their logarithms only: the evidence of an outage has hundreds
//! of digits.

/// Returns `ln(exp(a) + exp(b))` without leaving the logarithms. Minus infinity stands for zero.
pub fn ln_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a >= b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY {
        return high;
    }
    high + (low - high).exp().ln_1p()
}

/// Returns `ln Σ exp(term)`; minus infinity for no terms.
pub fn ln_sum(terms: impl IntoIterator<Item = f64> + Clone) -> f64 {
    let high = terms.clone().into_iter().fold(f64::NEG_INFINITY, f64::max);
    if high == f64::NEG_INFINITY {
        return high;
    }
    let sum: f64 = terms.into_iter().map(|term| (term - high).exp()).sum();
    high + sum.ln()
}
