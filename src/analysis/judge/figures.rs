//! Numbers of a comparison as people read them: rounded, but never to the other side of a limit.
//!
//! Somebody who reads `1.25×` beside a tolerated `1.25×` must be able to trust that the two are the
//! same, so a number gets as many decimals as it takes to stand where it stands. Both ends of a range
//! are rounded outwards: a range is never shown narrower than it is.

use super::Interval;

/// Decimals after which a double has nothing more to tell.
const MOST_DECIMALS: usize = 17;
/// Two numbers that differ by less than this part are the same: only arithmetic is between them.
const SAME: f64 = 1e-9;
/// Nothing that is not certain is shown surer than this, in percent.
const SUREST: f64 = 99.99;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounding {
    Nearest,
    Down,
    Up,
}

/// Returns a count with its thousands separated: `95,000`, `1,500.7`.
pub fn count(value: f64) -> String {
    let decimals = usize::from(value.fract() != 0.0 && value < 1e6);
    grouped(&rounded(value, decimals, &[0.0], Rounding::Nearest))
}

/// Returns a share of 0 to 1 in percent: `0.90 %`, on the side of every limit (shares as well) that
/// it is on.
pub fn rate(share: f64, limits: &[f64]) -> String {
    let limits: Vec<f64> = limits.iter().map(|limit| limit * 100.0).collect();
    format!("{} %", percent(share * 100.0, &limits, Rounding::Nearest))
}

/// Returns a range of shares in percent: `0.47–1.6 %`.
pub fn rate_range(range: Interval) -> String {
    let low = significant(range.low * 100.0, &[], Rounding::Down);
    let high = significant(range.high * 100.0, &[], Rounding::Up);
    format!("{low}–{high} %")
}

/// Returns a number of an unknown unit with two digits at least: `0.61`, `240`.
pub fn number(value: f64) -> String {
    significant(value, &[], Rounding::Nearest)
}

/// Returns how many times as much: `2.2×`, on the side of every limit that it is on.
pub fn ratio(times: f64, limits: &[f64]) -> String {
    format!("{}×", significant(times, limits, Rounding::Nearest))
}

/// Returns a range of ratios: `1.2–3.8×`, or `over 1.2×` where nothing limits it.
pub fn ratio_range(range: Interval, limits: &[f64]) -> String {
    let low = significant(range.low, limits, Rounding::Down);
    if range.high.is_finite() {
        let high = significant(range.high, limits, Rounding::Up);
        format!("{low}–{high}×")
    } else if range.low > 0.0 {
        format!("over {low}×")
    } else {
        "anything".to_owned()
    }
}

/// Returns the upper end of a range of ratios, where there is one: `6.3×`.
pub fn at_most(range: Interval) -> Option<String> {
    let high = range.high;
    high.is_finite()
        .then(|| format!("{}×", significant(high, &[], Rounding::Up)))
}

/// Returns how sure something is, in percent of which some are needed: `97.4 %`, `over 99.99 %`.
pub fn sure(percent: f64, needed: f64) -> String {
    if percent > SUREST && percent < 100.0 && needed > percent {
        let text = rounded(percent, 2, &[needed, 100.0], Rounding::Nearest);
        return format!("{text} %");
    }
    if percent > SUREST {
        return format!("over {SUREST} %");
    }
    let text = rounded(percent, 1, &[needed, 0.0, SUREST], Rounding::Nearest);
    format!("{} %", trimmed(&text))
}

/// Returns a share that somebody wrote down, in percent: `0.1 %`.
pub fn stated_rate(share: f64) -> String {
    format!("{} %", stated(share * 100.0))
}

/// Returns a difference of shares that somebody wrote down, in points of a hundred: `0.2 points`.
pub fn stated_points(share: f64) -> String {
    format!("{} points", stated(share * 100.0))
}

/// Returns a ratio that somebody wrote down: `1.25×`.
pub fn stated_ratio(times: f64) -> String {
    format!("{}×", stated(times))
}

/// Returns a percentage that is needed, with two decimals at most: `99 %`, `99.67 %`.
pub fn needed(percent: f64) -> String {
    let text = rounded(percent, 2, &[0.0, 100.0], Rounding::Nearest);
    format!("{} %", trimmed(&text))
}

/// Returns an estimate that is good for its size only, with one digit: `20,000`.
pub fn about(value: f64) -> String {
    if !value.is_finite() || value < 1.0 {
        return "1".to_owned();
    }
    let step = 10_f64.powf(value.log10().floor());
    grouped(&format!("{:.0}", (value / step).round() * step))
}

/// At least two decimals, or one from 10 on, and as many as two digits take.
fn percent(value: f64, limits: &[f64], rounding: Rounding) -> String {
    if value == 0.0 || (value - 100.0).abs() < SAME {
        return format!("{value:.0}");
    }
    let least = if value < 10.0 { 2 } else { 1 };
    let decimals = decimals_of_two_digits(value).max(least);
    let limits: Vec<f64> = limits.iter().copied().chain([0.0, 100.0]).collect();
    rounded(value, decimals, &limits, rounding)
}

/// Two digits at least.
fn significant(value: f64, limits: &[f64], rounding: Rounding) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = decimals_of_two_digits(value);
    grouped(&rounded(value, decimals, limits, rounding))
}

fn decimals_of_two_digits(value: f64) -> usize {
    let mut decimals = 0;
    let mut scaled = value.abs();
    while scaled < 10.0 && decimals < MOST_DECIMALS {
        scaled *= 10.0;
        decimals += 1;
    }
    decimals
}

/// Rounds to so many decimals, and to more where the rounded number would stand elsewhere than the
/// number itself: below a limit, at it, or above it.
fn rounded(value: f64, decimals: usize, limits: &[f64], rounding: Rounding) -> String {
    let mut text = String::new();
    for decimals in decimals..=decimals.max(MOST_DECIMALS) {
        text = cut(value, decimals, rounding);
        let shown: f64 = text.parse().unwrap_or(value);
        if limits.iter().all(|&it| side(shown, it) == side(value, it)) {
            break;
        }
    }
    text
}

fn cut(value: f64, decimals: usize, rounding: Rounding) -> String {
    let nearest = format!("{value:.decimals$}");
    let shown: f64 = nearest.parse().unwrap_or(value);
    let unit = format!("1e-{decimals}").parse().unwrap_or(0.0);
    match rounding {
        Rounding::Down if shown > value => format!("{:.decimals$}", (shown - unit).max(0.0)),
        Rounding::Up if shown < value => format!("{:.decimals$}", shown + unit),
        _ => nearest,
    }
}

#[derive(PartialEq, Eq)]
enum Side {
    Below,
    At,
    Above,
}

fn side(value: f64, limit: f64) -> Side {
    if (value - limit).abs() <= SAME * value.abs().max(limit.abs()) {
        Side::At
    } else if value < limit {
        Side::Below
    } else {
        Side::Above
    }
}

/// A number as it was written down, free of what arithmetic added.
fn stated(value: f64) -> String {
    grouped(trimmed(&format!("{value:.10}")))
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

fn grouped(text: &str) -> String {
    let (whole, fraction) = text.find('.').map_or((text, ""), |dot| text.split_at(dot));
    let mut grouped = String::with_capacity(text.len() + text.len() / 3);
    for (position, digit) in whole.chars().enumerate() {
        let left = whole.len() - position;
        if position > 0 && left.is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_never_rounded_across_a_limit() {
        let rows = [
            (ratio(2.25, &[1.25, 2.0]), "2.2×"),
            (ratio(1.2534, &[1.25, 2.0]), "1.3×"),
            (ratio(1.2434, &[1.25, 2.0]), "1.2×"),
            (ratio(1.249_999, &[1.25]), "1.2×"),
            (ratio(1.996, &[2.0]), "1.996×"),
            (ratio(1.250_000_000_000_000_2, &[1.25]), "1.25×"),
            (ratio(1.96, &[2.0]), "1.96×"),
            (ratio(1.96, &[]), "2.0×"),
            (ratio(12_345.6, &[]), "12,346×"),
            (ratio(0.0042, &[]), "0.0042×"),
            (ratio(0.0, &[1.0]), "0×"),
            (rate(0.009, &[0.001]), "0.90 %"),
            (rate(0.001_000_4, &[0.001]), "0.10004 %"),
            (rate(0.001, &[0.001]), "0.10 %"),
            (rate(0.000_001_23, &[]), "0.00012 %"),
            (rate(0.0, &[]), "0 %"),
            (rate(1.0, &[]), "100 %"),
            (rate(0.999_99, &[]), "99.999 %"),
            (rate(0.1234, &[]), "12.3 %"),
        ];
        for (found, wanted) in rows {
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_range_is_never_shown_narrower_than_it_is() {
        let range = |low, high| Interval { low, high };
        let rows = [
            (range(1.231, 3.781), "1.2–3.8×"),
            (range(1.251, 3.801), "1.251–3.9×"),
            (range(0.0, 2.75), "0–2.8×"),
            (range(3.09, f64::INFINITY), "over 3.0×"),
            (range(0.0, f64::INFINITY), "anything"),
            (range(10.9, 137.1), "10–138×"),
        ];
        for (range, wanted) in rows {
            assert_eq!(ratio_range(range, &[1.25, 2.0]), wanted);
        }
        assert_eq!(rate_range(range(0.004_766, 0.015_18)), "0.47–1.6 %");
        assert_eq!(rate_range(range(0.0, 0.0571)), "0–5.8 %");
    }

    #[test]
    fn nobody_is_shown_surer_than_he_is() {
        let rows = [
            (97.44, 99.0, "97.4 %"),
            (98.98, 99.0, "98.98 %"),
            (99.04, 99.0, "99.04 %"),
            (99.0, 99.0, "99 %"),
            (99.994, 99.0, "over 99.99 %"),
            (100.0, 99.0, "over 99.99 %"),
            (99.9951, 99.999, "99.995 %"),
            (0.0, 99.0, "0 %"),
            (0.01, 99.0, "0.01 %"),
        ];
        for (percent, needed, wanted) in rows {
            assert_eq!(sure(percent, needed), wanted);
        }
    }

    #[test]
    fn counts_and_estimates() {
        let rows = [
            (count(95_000.0), "95,000"),
            (count(1500.7), "1,500.7"),
            (count(0.04), "0.04"),
            (count(999.0), "999"),
            (count(1e18), "1,000,000,000,000,000,000"),
            (about(23_446.0), "20,000"),
            (about(9.7), "10"),
            (about(0.3), "1"),
            (stated_rate(0.001), "0.1 %"),
            (stated_ratio(1.25), "1.25×"),
            (stated_ratio(2.0), "2×"),
            (needed(100.0 * (1.0 - 0.01 / 3.0)), "99.67 %"),
        ];
        for (found, wanted) in rows {
            assert_eq!(found, wanted);
        }
    }
}
