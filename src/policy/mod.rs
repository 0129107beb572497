//! May this be deployed, here, now? Policy document -> [`Policy`] -> [`Verdict`]. Knows no clock.

mod verdict;

pub use verdict::{Decision, Effect, PolicySource, Reason, ReasonCode, Verdict};
