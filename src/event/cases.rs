//! What `test` found out about the cases of policies.

use chrono::{DateTime, FixedOffset};

use crate::policy::{Mismatch, Verdict};

/// One case of a policy, judged.
#[derive(Debug, Clone)]
pub struct CaseRecord {
    /// Path of the policy.
    pub policy: String,
    /// Path of the file with the case.
    pub path: String,
    /// 1-based line of the case.
    pub line: usize,
    /// What it is about.
    pub name: String,
    /// The instant that was judged, in the policy's zone.
    pub at: DateTime<FixedOffset>,
    /// What the policy says.
    pub verdict: Verdict,
    /// What was expected and not found; empty where the case holds.
    pub mismatches: Vec<Mismatch>,
}

impl CaseRecord {
    /// Does the case hold?
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}
