//! Ranges for a rate and for the ratio of two rates that stay right however often one looks.
//!
//! Each is the set of values that a Beta(½, ½) mixture does not reject at `alpha`: the evidence
//! against them never reached `1/alpha` (Howard & Ramdas, Bernoulli 28(3), 2022). It is about all the
//! requests together and takes every error to come by itself: where they cluster, it is too narrow,
//! and where the split of the traffic drifts during an incident of both arms, the ratio's is off. The
//! verdict does not use it.

use super::{Counts, Poll, beta_mixture::ln_evidence};

/// A range with both ends; an upper end may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end; infinite where nothing limits it.
    pub high: f64,
}

/// Below this logarithm a chance is zero for a computer.
const LN_ZERO: f64 = -745.0;
/// Halvings after which no two doubles are left to choose between, from any start.
const HALVINGS: u32 = 200;

/// Returns the range of the rates that the counts do not speak against: it holds the true one with a
/// chance of at least `1 - alpha`, at all looks together. From 0 to 1 where there were no requests,
/// or where `alpha` is not a chance.
pub fn rate_interval(counts: Counts, alpha: f64) -> Interval {
    let (bad, good) = (counts.bad(), counts.total() - counts.bad());
    let Some(from) = threshold(alpha).filter(|_| counts.total() > 0.0) else {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    };
    let low = ln_low_end(bad, good, from).map_or(0.0, f64::exp);
    let high = ln_low_end(good, bad, from).map_or(1.0, |ln| -ln.exp_m1());
    Interval { low, high }
}

/// Returns the range of the ratios of canary's rate to stable's that the counts do not speak against,
/// with a chance of at least `1 - alpha` at all looks together. From 0 to infinity where an arm had
/// no requests, nothing was bad, or `alpha` is not a chance.
///
/// Asks of each error which arm it came from, as the verdict does, so it needs no rate of its own.
pub fn ratio_interval(poll: Poll, alpha: f64) -> Interval {
    let Poll { canary, stable } = poll;
    let errors = canary.bad() > 0.0 || stable.bad() > 0.0;
    let traffic = canary.total() > 0.0 && stable.total() > 0.0 && errors;
    let Some(from) = threshold(alpha).filter(|_| traffic) else {
        return Interval {
            low: 0.0,
            high: f64::INFINITY,
        };
    };
    let fair = stable.total() / canary.total();
    let low = ln_low_end(canary.bad(), stable.bad(), from)
        .map_or(0.0, |ln| (odds(ln) * fair).min(f64::MAX));
    let high = ln_low_end(stable.bad(), canary.bad(), from)
        .map_or(f64::INFINITY, |ln| (fair / odds(ln)).max(low));
    Interval { low, high }
}

/// The evidence that a value must have against it to be left out.
fn threshold(alpha: f64) -> Option<f64> {
    (alpha > 0.0 && alpha < 1.0).then(|| -alpha.ln())
}

/// A chance as odds, from its logarithm.
fn odds(ln_chance: f64) -> f64 {
    ln_chance.exp() / -ln_chance.exp_m1()
}

/// The logarithm of the lowest chance of one outcome that the counts of it and of the other do not
/// speak against; none where that is zero.
///
/// The evidence falls from there to the share that was seen, so halving finds it, on the scale of
/// logarithms because the chance may be any number of digits below it. The upper end is one less
/// the lower end of the other outcome: so both keep their digits near 0 and near 1.
fn ln_low_end(count: f64, other: f64, from: f64) -> Option<f64> {
    let against = |ln_chance: f64| {
        let evidence = ln_evidence(count, other, ln_chance.exp(), -ln_chance.exp_m1());
        evidence.is_nan() || evidence >= from
    };
    if count <= 0.0 || !against(LN_ZERO) {
        return None;
    }
    let all = count + other;
    let ln_seen = if count < other {
        (count / all).ln()
    } else {
        (-other / all).ln_1p()
    };
    let (mut out, mut within) = (LN_ZERO, ln_seen.clamp(LN_ZERO, 0.0));
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(out, within);
        if middle <= out || middle >= within {
            break;
        }
        if against(middle) {
            out = middle;
        } else {
            within = middle;
        }
    }
    Some(out)
}
