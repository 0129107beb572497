//! How much a criterion puts up with before it decides.

/// The limits of one criterion. Each means "more than this many", as in Argo Rollouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Failures tolerated in all, not in a row: `N` tolerates N failures and fails at N+1.
    pub failure_limit: u32,
    /// Failures tolerated in a row; only a good answer sets the count back to 0. None = as many as
    /// `failure_limit` tolerates.
    pub consecutive_failure_limit: Option<u32>,
    /// Errors tolerated in a row; an answer of any kind sets the count back to 0.
    pub consecutive_error_limit: u32,
    /// Answers without a usable number tolerated in all, not in a row.
    pub inconclusive_limit: u32,
    /// Usable numbers wanted before the criterion can pass; none given counts as 1.
    pub count: Option<u32>,
}

impl Limits {
    /// Argo's default of `consecutiveErrorLimit`.
    pub const CONSECUTIVE_ERROR_LIMIT: u32 = 4;
    /// As many as errors. Argo's default is 0, but a version that was just started has no traffic
    /// for its first measurements, and that is no reason to stop.
    pub const INCONCLUSIVE_LIMIT: u32 = 4;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            failure_limit: 0,
            consecutive_failure_limit: None,
            consecutive_error_limit: Self::CONSECUTIVE_ERROR_LIMIT,
            inconclusive_limit: Self::INCONCLUSIVE_LIMIT,
            count: None,
        }
    }
}
