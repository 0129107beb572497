//! One measured number, or why there is none.

use chrono::{DateTime, Utc};

/// One number from a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The number; always finite.
    pub value: f64,
    /// When the provider says it was true.
    pub at: DateTime<Utc>,
}

/// What a provider answered. No answer, an empty one and NaN are never zero and never healthy.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// One finite number.
    Value(Sample),
    /// The provider answered without a usable number: no series, NaN, infinite, stale, several
    /// series where one was wanted. Says what it was.
    NoData(String),
    /// The provider did not answer, or refused: time-out, status 500, garbage. Says what it was.
    Unavailable(String),
}
