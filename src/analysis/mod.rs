//! Samples -> [`Judgement`]: is what runs now good enough? Knows no clock, no provider.
//!
//! The words are those of Argo Rollouts (`failure_limit`, `consecutive_error_limit`,
//! `inconclusive_limit`, `count`: argoproj/argo-rollouts, docs/features/analysis.md) and of Flagger
//! (`threshold_range`: fluxcd/flagger, docs/gitbook/usage/metrics.md).
//!
//! A [`Reading`] is judged by a [`Threshold`] (a [`Range`], or [`Condition`]s) into a [`Judgement`]; a [`Tally`] counts judgements against
//! [`Limits`] into a [`Standing`]; a [`Track`] is both for one metric. Counts of two arms are judged in
//! [`judge`], what is slow in [`latency`]; [`traffic_plan`] says beforehand how
//! much traffic that takes.

mod condition;
pub mod counters;
pub mod judge;
pub mod latency;
mod limits;
mod range;
mod sample;
mod standing;
mod tally;
mod threshold;
mod track;
pub mod traffic_plan;

pub use condition::Condition;
pub use limits::Limits;
pub use range::{Range, RangeError};
pub use sample::{Reading, Sample};
pub use standing::{Standing, StandingVerdict, worst};
pub use tally::{Judgement, Tally};
pub use threshold::{Conditions, Threshold};
pub use track::{Criterion, Track};
