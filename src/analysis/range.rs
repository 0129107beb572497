//! The fixed thresholds of a metric: what Flagger calls its threshold range.

use std::fmt;

/// An inclusive range with a lower bound, an upper bound or both; it never accepts everything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    min: Option<f64>,
    max: Option<f64>,
}

/// Why two bounds are no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeError {
    /// Neither bound is given: every number would be inside.
    Unbounded,
    /// A bound is NaN or infinite.
    NotFinite,
    /// The lower bound is above the upper one: no number would be inside.
    Empty,
}

impl fmt::Display for RangeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unbounded => "neither `min` nor `max` is given, expected at least one of them",
            Self::NotFinite => "a bound is not a finite number",
            Self::Empty => "`min` is above `max`, so no number would be inside",
        })
    }
}

impl std::error::Error for RangeError {}

impl Range {
    /// Makes a range.
    ///
    /// # Errors
    /// Neither bound, a bound that is not finite, or `min` above `max`.
    pub fn new(min: Option<f64>, max: Option<f64>) -> Result<Self, RangeError> {
        if [min, max].iter().flatten().any(|bound| !bound.is_finite()) {
            return Err(RangeError::NotFinite);
        }
        match (min, max) {
            (None, None) => Err(RangeError::Unbounded),
            (Some(min), Some(max)) if min > max => Err(RangeError::Empty),
            _ => Ok(Self { min, max }),
        }
    }

    /// Is the value inside, bounds included? NaN never is.
    pub fn contains(&self, value: f64) -> bool {
        !value.is_nan()
            && self.min.is_none_or(|min| value >= min)
            && self.max.is_none_or(|max| value <= max)
    }

    /// Prints a value with six significant digits, or with all of them where fewer would make it
    /// look like a bound that it has crossed.
    pub fn print(&self, value: f64) -> String {
        let short = significant(value);
        let misleading = [self.min, self.max]
            .iter()
            .flatten()
            .any(|bound| *bound != value && bound.to_string() == short);
        if misleading { value.to_string() } else { short }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(formatter, "from {min} to {max}"),
            (Some(min), None) => write!(formatter, "at least {min}"),
            (None, Some(max)) => write!(formatter, "at most {max}"),
            (None, None) => formatter.write_str("nothing"),
        }
    }
}

/// Returns a number with six significant digits.
pub(super) fn significant(value: f64) -> String {
    // Rounding through the exponent form keeps 1e-12 and 1e21 as readable as 0.071.
    match format!("{value:.5e}").parse::<f64>() {
        Ok(rounded) if (1e-6..1e15).contains(&rounded.abs()) || rounded == 0.0 => {
            rounded.to_string()
        }
        Ok(rounded) => format!("{rounded:e}"),
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_say_what_is_inside() {
        let at_most = Range::new(None, Some(0.02)).unwrap();
        let at_least = Range::new(Some(0.99), None).unwrap();
        let both = Range::new(Some(-1.0), Some(1.0)).unwrap();
        let rows = [
            (at_most, 0.02, true, "at most 0.02"),
            (at_most, 0.020_000_1, false, "at most 0.02"),
            (at_most, -5.0, true, "at most 0.02"),
            (at_most, f64::NAN, false, "at most 0.02"),
            (at_least, f64::NAN, false, "at least 0.99"),
            (at_least, 0.99, true, "at least 0.99"),
            (at_least, 0.98, false, "at least 0.99"),
            (both, -1.0, true, "from -1 to 1"),
            (both, 1.5, false, "from -1 to 1"),
        ];
        for (range, value, inside, text) in rows {
            assert_eq!(range.contains(value), inside, "{value} in {range}");
            assert_eq!(range.to_string(), text);
        }
    }

    #[test]
    fn bounds_that_decide_nothing_are_refused() {
        let rows = [
            (None, None, RangeError::Unbounded),
            (Some(2.0), Some(1.0), RangeError::Empty),
            (Some(f64::NAN), None, RangeError::NotFinite),
            (None, Some(f64::INFINITY), RangeError::NotFinite),
        ];
        for (min, max, error) in rows {
            assert_eq!(Range::new(min, max), Err(error));
        }
    }

    #[test]
    fn values_print_short_but_never_as_a_bound_they_have_crossed() {
        let range = Range::new(None, Some(0.02)).unwrap();
        let rows = [
            (0.071_000_000_000_000_01, "0.071"),
            (0.020_000_000_1, "0.0200000001"),
            (0.02, "0.02"),
            (89.888_888_888_888, "89.8889"),
            (0.0, "0"),
            (1e-12, "1e-12"),
            (1e21, "1e21"),
            (1200.0, "1200"),
        ];
        for (value, text) in rows {
            assert_eq!(range.print(value), text);
        }
    }

    proptest! {
        #[test]
        fn a_printed_value_is_on_the_same_side_as_the_value(value: f64, bound in -1e9..1e9_f64) {
            prop_assume!(value.is_finite());
            let range = Range::new(None, Some(bound)).unwrap();
            let printed: f64 = range.print(value).parse().unwrap();
            // Six digits may land on the other side of a bound with more digits, never on it.
            prop_assert!(value == bound || printed != bound);
        }
    }
}
