//! What a provider says that answers with yes or no instead of a number.

/// What came of one question. Every reason is a clause without secrets and without raw remote text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckReading {
    /// As wanted: `no alert is firing`.
    Passed(String),
    /// Not as wanted: `2 alerts are firing: HighLatency, PodsRestart`.
    Failed(String),
    /// Nobody knows: no answer, or none that can be used.
    Unanswered(String),
}
