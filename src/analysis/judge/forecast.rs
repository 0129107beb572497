//! How many more requests it will take.

use super::ComparisonVerdict;

/// What it will take until a comparison is decided, if rates stay as they are: right about the
/// direction most of the time, about the size within a factor of four.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Requests of both arms together that are still to come.
    pub requests: f64,
    /// Which verdict they lead to.
    pub towards: ComparisonVerdict,
}
