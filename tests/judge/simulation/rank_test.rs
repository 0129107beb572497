//! Kayenta's rank test, after its published description: the confidence interval of the shift between
//! two samples by Wilcoxon's rank sum, as R's `wilcox.test(conf.int = TRUE, exact = FALSE)` computes it.
//!
//! "High" is said where the lower limit of the shift is above a quarter of its estimate and the mean
//! has not fallen. Confidence 98 %, tolerance 0.25, roots to 1e-4: what Kayenta's judge sets.

/// The normal quantile of 99 %: 98 % confidence on two sides.
const QUANTILE: f64 = 2.326_347_874_040_840_8;
const TOLERANCE: f64 = 0.25;
const ROOT_TOLERANCE: f64 = 1e-4;
const MOST_STEPS: u32 = 1000;

/// The shift from one sample to another: lower limit and estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    pub lower: f64,
    pub estimate: f64,
}

/// Is the canary's series called high against stable's?
pub fn is_high(stable: &[f64], canary: &[f64]) -> bool {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / f64::from(length(values));
    shift(stable, canary).is_some_and(|shift| {
        shift.lower > TOLERANCE * shift.estimate.abs() && mean(canary) >= mean(stable)
    })
}

/// Returns the shift, or nothing where a sample is empty or there is nothing to rank.
pub fn shift(stable: &[f64], canary: &[f64]) -> Option<Shift> {
    let (low, high) = (least(canary) - most(stable), most(canary) - least(stable));
    if stable.is_empty() || canary.is_empty() || low >= high {
        return None;
    }
    let mut ranked = Ranked::new(stable, canary);
    let mut root = |quantile: f64| -> Option<f64> {
        let at_low = ranked.statistic(low)? - quantile;
        let at_high = ranked.statistic(high)? - quantile;
        if at_low <= 0.0 {
            return Some(low);
        }
        if at_high >= 0.0 {
            return Some(high);
        }
        zero((low, at_low), (high, at_high), |shift| {
            Some(ranked.statistic(shift)? - quantile)
        })
    };
    Some(Shift {
        lower: root(QUANTILE)?,
        estimate: root(0.0)?,
    })
}

/// Both samples, ready to be ranked together again and again.
struct Ranked {
    stable: Vec<f64>,
    canary: Vec<f64>,
}

impl Ranked {
    fn new(stable: &[f64], canary: &[f64]) -> Self {
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        Self {
            stable: sorted(stable),
            canary: sorted(canary),
        }
    }

    /// The rank sum of the canary less this shift, standardised with the correction for ties and for
    /// continuity. Nothing where all values are tied.
    fn statistic(&mut self, shift: f64) -> Option<f64> {
        let (canary, stable) = (
            f64::from(length(&self.canary)),
            f64::from(length(&self.stable)),
        );
        let all = canary + stable;
        let (mut c, mut s) = (0, 0);
        let (mut before, mut rank_sum, mut tied) = (0.0, 0.0, 0.0);
        loop {
            let next_canary = self.canary.get(c).map(|value| value - shift);
            let next_stable = self.stable.get(s).copied();
            let value = match (next_canary, next_stable) {
                (Some(canary), Some(stable)) => canary.min(stable),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => break,
            };
            let (mut of_canary, mut of_both) = (0.0, 0.0);
            while self.canary.get(c).is_some_and(|next| next - shift <= value) {
                (c, of_canary, of_both) = (c + 1, of_canary + 1.0, of_both + 1.0);
            }
            while self.stable.get(s).is_some_and(|next| *next <= value) {
                (s, of_both) = (s + 1, of_both + 1.0);
            }
            rank_sum += of_canary * (before + (of_both + 1.0) / 2.0);
            tied += of_both * of_both * of_both - of_both;
            before += of_both;
        }
        let above = rank_sum - canary * (canary + 1.0) / 2.0 - canary * stable / 2.0;
        let continuity = if above == 0.0 {
            0.0
        } else {
            0.5 * above.signum()
        };
        let variance = canary * stable / 12.0 * (all + 1.0 - tied / (all * (all - 1.0)));
        (variance > 0.0).then(|| (above - continuity) / variance.sqrt())
    }
}

/// Finds where a function is zero between two points where it has different signs (Brent, "Algorithms
/// for Minimization without Derivatives", 1973, chapter 4).
fn zero(
    first: (f64, f64),
    second: (f64, f64),
    mut function: impl FnMut(f64) -> Option<f64>,
) -> Option<f64> {
    let (mut before, mut best) = (first, second);
    // The best point and this one have the zero between them.
    let mut other = before;
    for _ in 0..MOST_STEPS {
        let last_step = best.0 - before.0;
        if other.1.abs() < best.1.abs() {
            (before, best, other) = (best, other, best);
        }
        let tolerance = 2.0 * f64::EPSILON * best.0.abs() + ROOT_TOLERANCE / 2.0;
        let half = (other.0 - best.0) / 2.0;
        if half.abs() <= tolerance || best.1 == 0.0 {
            return Some(best.0);
        }
        let mut step = half;
        if last_step.abs() >= tolerance && before.1.abs() > best.1.abs() {
            let (numerator, denominator) = interpolated(before, best, other);
            let inside = 1.5 * half * denominator - (tolerance * denominator).abs() / 2.0;
            if numerator < inside && numerator < (last_step * denominator / 2.0).abs() {
                step = numerator / denominator;
            }
        }
        if step.abs() < tolerance {
            step = if step > 0.0 { tolerance } else { -tolerance };
        }
        before = best;
        best = (best.0 + step, function(best.0 + step)?);
        if best.1 * other.1 > 0.0 {
            other = before;
        }
    }
    Some(best.0)
}

/// The step to where a line through two points, or a parabola on its side through three, is zero: as
/// numerator (not negative) and denominator.
fn interpolated(before: (f64, f64), best: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    let width = other.0 - best.0;
    let ratio = best.1 / before.1;
    let (numerator, denominator) = if before.0.to_bits() == other.0.to_bits() {
        (width * ratio, 1.0 - ratio)
    } else {
        let (q, r) = (before.1 / other.1, best.1 / other.1);
        (
            ratio * (width * q * (q - r) - (best.0 - before.0) * (r - 1.0)),
            (q - 1.0) * (r - 1.0) * (ratio - 1.0),
        )
    };
    if numerator > 0.0 {
        (numerator, -denominator)
    } else {
        (-numerator, denominator)
    }
}

fn length(values: &[f64]) -> u32 {
    u32::try_from(values.len()).unwrap()
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The numbers that Kayenta itself prints in github.com/spinnaker/spinnaker/issues/6278: seven minutes
/// of ten at a hundred times the baseline pass, eight do not.
#[test]
fn what_kayenta_prints() {
    let stable = [1.0; 10];
    let canary = |high: usize| {
        let mut values = [1.0; 10];
        values[..high].fill(100.0);
        values
    };
    let found = shift(&stable, &canary(7)).unwrap();
    let printed = Shift {
        lower: 6.825_022_991_538_781e-5,
        estimate: 98.999_929_041_701_93,
    };
    assert!(
        (found.lower / printed.lower - 1.0).abs() < 1e-13,
        "{found:?}"
    );
    assert!(
        (found.estimate / printed.estimate - 1.0).abs() < 1e-13,
        "{found:?}"
    );
    assert!(!is_high(&stable, &canary(7)));
    assert!(is_high(&stable, &canary(8)));
}

/// github.com/spinnaker/kayenta/issues/426 and 799: sparse errors against none.
#[test]
fn sparse_errors_pass() {
    assert!(!is_high(&[0.0; 6], &[0.0, 1.0, 2.0, 1.0, 0.0, 0.0]));
    assert_eq!(shift(&[], &[1.0]), None);
    assert_eq!(shift(&[1.0; 4], &[1.0; 4]), None);
}
