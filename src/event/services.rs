//! What `check` says of one service among many.

use std::sync::Arc;

use crate::policy::Verdict;

/// The gate's answer for one service.
#[derive(Debug, Clone)]
pub struct ServiceVerdict {
    /// The service.
    pub service: String,
    /// The answer; services that the same rules are for share it.
    pub verdict: Arc<Verdict>,
}
