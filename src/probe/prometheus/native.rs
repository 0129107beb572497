//! A native histogram as its cumulative buckets at boundaries that all histograms have in common.
//!
//! Which buckets a native histogram has depends on what was counted, so those of two pods, or of two
//! instants, differ. Buckets of the standard schemas nest: a schema's boundaries are among those of
//! every finer one (prometheus.io/docs/specs/native_histograms, "standard exponential schemas"). So all
//! are counted at the boundaries of one schema, which no bucket crosses.

use serde::Deserialize;

/// Four boundaries for each doubling: 2 to the power of quarters, schema 2.
const PER_DOUBLING: i32 = 4;
/// From about 61 µs to about 4.5 h in seconds, or from 0.06 ms to 16 s in milliseconds.
const DOUBLINGS: std::ops::RangeInclusive<i32> = -14..=14;
/// Boundaries are powers of two that the server computes and prints by itself.
const ROUNDING: f64 = 1e-9;

/// A native histogram as the query API writes it.
#[derive(Clone, Deserialize)]
pub(super) struct Native {
    #[serde(default)]
    count: String,
    #[serde(default)]
    buckets: Vec<(u8, String, String, String)>,
}

/// Returns how many observations were at most each of the common boundaries, infinity last.
///
/// # Errors
/// Numbers that are none, observations below 0, buckets that are wider than a quarter of a doubling.
pub(super) fn cumulative(native: &Native) -> Result<Vec<(f64, f64)>, String> {
    let number = |text: &str| {
        let number = text.parse::<f64>().ok().filter(|number| !number.is_nan());
        number.ok_or_else(|| "a native histogram holds no numbers".to_owned())
    };
    let count_of = |text: &str| {
        let count = number(text)?;
        if count.is_finite() && count >= 0.0 {
            Ok(count)
        } else {
            Err("a native histogram counts less than 0, or infinitely many".to_owned())
        }
    };
    let total = count_of(&native.count)?;
    let mut rows = common_boundaries();
    for (_, low, high, count) in &native.buckets {
        let (low, high, count) = (number(low)?, number(high)?, count_of(count)?);
        if count == 0.0 {
            continue;
        }
        // The bucket of zero is around it.
        if low < 0.0 && (high <= 0.0 || high > smallest()) {
            return Err(
                "a native histogram holds numbers below 0, which are no durations".to_owned(),
            );
        }
        for (boundary, at_most) in &mut rows {
            if high <= *boundary * (1.0 + ROUNDING) {
                *at_most += count;
            } else if low < *boundary * (1.0 - ROUNDING) && low > 0.0 {
                return Err(format!(
                    "a native histogram has a bucket from {low} to {high}, wider than a quarter of a doubling: let the service keep a finer resolution"
                ));
            }
        }
    }
    rows.push((f64::INFINITY, total));
    Ok(rows)
}

fn smallest() -> f64 {
    f64::from(*DOUBLINGS.start()).exp2()
}

fn common_boundaries() -> Vec<(f64, f64)> {
    let (first, last) = (
        DOUBLINGS.start() * PER_DOUBLING,
        DOUBLINGS.end() * PER_DOUBLING,
    );
    (first..=last)
        .map(|quarter| ((f64::from(quarter) / f64::from(PER_DOUBLING)).exp2(), 0.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(count: &str, buckets: &[(&str, &str, &str)]) -> Native {
        Native {
            count: count.to_owned(),
            buckets: buckets
                .iter()
                .map(|(low, high, count)| {
                    (
                        0,
                        (*low).to_owned(),
                        (*high).to_owned(),
                        (*count).to_owned(),
                    )
                })
                .collect(),
        }
    }

    fn at_most(rows: &[(f64, f64)], boundary: f64) -> f64 {
        let found = rows.iter().find(|(up_to, _)| *up_to == boundary);
        found.unwrap().1
    }

    #[test]
    fn finer_buckets_are_counted_where_all_have_a_boundary() {
        // Schema 3: eight for each doubling.
        let histogram = native(
            "20",
            &[
                ("-2.938735877055719e-39", "2.938735877055719e-39", "1"),
                ("0.22933", "0.25", "4"),
                ("0.9170040432046712", "1", "10"),
                ("1", "1.0905077326652577", "3"),
                ("30000", "32768", "2"),
            ],
        );
        let rows = cumulative(&histogram).unwrap();
        assert_eq!(rows.len(), 114);
        let found = [
            at_most(&rows, smallest()),
            at_most(&rows, 0.25),
            at_most(&rows, 0.5),
            at_most(&rows, 1.0),
            at_most(&rows, 2.0),
            at_most(&rows, 16384.0),
            at_most(&rows, f64::INFINITY),
        ];
        assert_eq!(found, [1.0, 5.0, 5.0, 15.0, 18.0, 18.0, 20.0]);
    }

    #[test]
    fn what_is_no_histogram_of_durations_is_refused() {
        let rows = [
            native("NaN", &[]),
            native("-1", &[]),
            native("many", &[]),
            native("1", &[("-2", "-1", "1")]),
            native("1", &[("1", "2", "1")]),
            native("1", &[("1", "x", "1")]),
            native("1", &[("1", "1.1", "Inf")]),
        ];
        let found: Vec<String> = rows
            .iter()
            .map(|row| cumulative(row).unwrap_err())
            .collect();
        insta::assert_snapshot!(found.join("\n"), @r"
        a native histogram holds no numbers
        a native histogram counts less than 0, or infinitely many
        a native histogram holds no numbers
        a native histogram holds numbers below 0, which are no durations
        a native histogram has a bucket from 1 to 2, wider than a quarter of a doubling: let the service keep a finer resolution
        a native histogram holds no numbers
        a native histogram counts less than 0, or infinitely many
        ");
    }
}
