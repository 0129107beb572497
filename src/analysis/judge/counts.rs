//! Requests and bad ones of both arms in one poll: all that a comparison is made of.

use std::fmt;

/// Requests of one arm in one poll. Fractions are fine: some providers extrapolate.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Counts {
    total: f64,
    bad: f64,
}

/// Why two numbers are no counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsError {
    /// NaN, infinite, below zero, or above what any service counts.
    NotACount,
    /// More bad ones than there are.
    MoreBadThanTotal,
}

impl fmt::Display for CountsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotACount => "a count is not a number from 0 to 1e18",
            Self::MoreBadThanTotal => "there are more bad ones than requests",
        })
    }
}

impl std::error::Error for CountsError {}

impl Counts {
    /// The largest count of one poll: more is a mistake, and sums of it stay exact enough.
    pub const MOST: f64 = 1e18;
    /// No requests.
    pub const NONE: Self = Self {
        total: 0.0,
        bad: 0.0,
    };

    /// Takes counts as they were written down by someone.
    ///
    /// # Errors
    /// A number that is not from 0 to [`Counts::MOST`], or more bad ones than there are.
    pub fn new(total: f64, bad: f64) -> Result<Self, CountsError> {
        let counts = Self::measured(total, bad)?;
        if bad > total {
            return Err(CountsError::MoreBadThanTotal);
        }
        Ok(counts)
    }

    /// Takes counts as they were measured: two counters that are read one after the other may
    /// differ by what came between, so more bad ones than requests count as all of them.
    ///
    /// # Errors
    /// A number that is not from 0 to [`Counts::MOST`].
    pub fn measured(total: f64, bad: f64) -> Result<Self, CountsError> {
        let is_count = |number: f64| (0.0..=Self::MOST).contains(&number);
        if !is_count(total) || !is_count(bad) {
            return Err(CountsError::NotACount);
        }
        let bad = bad.min(total);
        Ok(Self { total, bad })
    }

    /// What `requests` bring on average at a rate; both may be below 1.
    pub(in crate::analysis) fn expected(requests: f64, rate: f64) -> Self {
        Self {
            total: requests,
            bad: requests * rate,
        }
    }

    /// Returns how many requests there were.
    pub fn total(self) -> f64 {
        self.total
    }

    /// Returns how many of them were bad.
    pub fn bad(self) -> f64 {
        self.bad
    }

    /// Returns the share of the bad ones, from 0 to 1; none where there were no requests.
    pub fn rate(self) -> Option<f64> {
        (self.total > 0.0).then(|| self.bad / self.total)
    }

    /// Returns these and others together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            bad: self.bad + other.bad,
        }
    }
}

/// Both arms in one poll, measured over the same time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Poll {
    /// The new version.
    pub canary: Counts,
    /// The old version, or what the new one is held against.
    pub stable: Counts,
}

impl Poll {
    /// Returns this and another together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            canary: self.canary.plus(other.canary),
            stable: self.stable.plus(other.stable),
        }
    }

    /// Returns how many times stable's rate the canary's is; none where stable had no bad ones, or an
    /// arm had no requests.
    pub fn ratio(self) -> Option<f64> {
        let stable = self.stable.rate().filter(|rate| *rate > 0.0)?;
        Some(self.canary.rate()? / stable)
    }
}
