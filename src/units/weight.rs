//! The share of traffic that the canary gets, in percent.

use std::{fmt, str::FromStr};

use super::Nonsense;

const EXPECTED: &str = "a whole number of percent from 0 to 100, such as 25";

/// A share of traffic: 0 to 100 percent, whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u8);

impl Weight {
    /// No traffic.
    pub const ZERO: Self = Self(0);
    /// All traffic.
    pub const FULL: Self = Self(100);

    /// Makes a weight of `percent`.
    ///
    /// # Errors
    /// Above 100.
    pub fn new(percent: u64) -> Result<Self, Nonsense> {
        u8::try_from(percent)
            .ok()
            .filter(|percent| *percent <= 100)
            .map(Self)
            .ok_or_else(|| Nonsense::new(percent.to_string(), EXPECTED))
    }

    /// Returns the percent, 0 to 100.
    pub fn percent(self) -> u8 {
        self.0
    }

    /// Returns the share as a ratio, 0.0 to 1.0.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl FromStr for Weight {
    type Err = Nonsense;

    fn from_str(text: &str) -> Result<Self, Nonsense> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        let percent = digits
            .parse::<u64>()
            .map_err(|_| Nonsense::new(text, EXPECTED))?;
        Self::new(percent).map_err(|_| Nonsense::new(text, EXPECTED))
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", self.0)
    }
}
