//! May this be deployed, here, now? Policy document -> [`Policy`] -> [`Verdict`]. Knows no clock.
//!
//! [`document`] is what is written, `configmap` tells its forms apart, `reading` turns it into
//! [`Policy`] or findings, [`times`] knows days and hours, [`zone`] the rules of time zones,
//! `opening` when it opens and closes next, and [`evaluate`] answers.

mod configmap;
pub mod document;
mod evaluate;
mod opening;
mod reading;
mod rules;
pub mod times;
mod verdict;
mod wording;
pub mod zone;

pub use document::{Action, PolicyDocument};
pub use evaluate::{Facts, Request, TrafficFact, evaluate};
pub use rules::Policy;
pub use verdict::{Decision, Effect, PolicySource, Reason, ReasonCode, Verdict};
pub use wording::appointment;
pub use zone::tzdb_version;
