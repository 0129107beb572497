//! How many requests there were between two instants, from providers that keep sums and no raw counters.

/// What came of one question for a sum.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowReading {
    /// The sum over the whole window: finite, at least 0.
    Sum(f64),
    /// An answer that cannot be used, or one that matches nothing: never zero.
    NoData(String),
    /// No answer.
    Unavailable(String),
}
