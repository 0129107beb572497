//! Traffic as requests in each second.

use std::{fmt, str::FromStr};

use super::Nonsense;

const EXPECTED: &str = "a number of requests per second that is 0 or more, such as 1200";

/// Requests per second: finite, 0 or more.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct RequestsPerSecond(f64);

impl RequestsPerSecond {
    /// Makes a rate.
    ///
    /// # Errors
    /// Negative, NaN or infinite.
    pub fn new(value: f64) -> Result<Self, Nonsense> {
        if value.is_finite() && value >= 0.0 {
            Ok(Self(value))
        } else {
            Err(Nonsense::new(value.to_string(), EXPECTED))
        }
    }

    /// Returns requests per second.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl FromStr for RequestsPerSecond {
    type Err = Nonsense;

    fn from_str(text: &str) -> Result<Self, Nonsense> {
        let value = text
            .parse::<f64>()
            .map_err(|_| Nonsense::new(text, EXPECTED))?;
        Self::new(value).map_err(|_| Nonsense::new(text, EXPECTED))
    }
}

impl fmt::Display for RequestsPerSecond {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        write!(formatter, "{rounded} requests/s")
    }
}
