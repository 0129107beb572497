//! Tells people what happened: an event becomes a notice, a notice becomes a message, a message is
//! sent and acknowledged, or whoever depends on it learns that it was not.
//!
//! - [`notice`]: what is told, whoever is told it; `story` makes notices of a run's events.
//! - [`slack`], `teams`, `pagerduty`, `generic`: the same notice as each of them wants it.
//! - [`channel`]: one of them with its address and its own texts; `delivery` sends side by side
//!   with the run.
//! - [`notifier`]: the reporter that stands between a run and the other reporters.

pub mod channel;
mod delivery;
mod generic;
pub mod notice;
pub mod notifier;
mod pagerduty;
pub mod slack;
mod story;
mod teams;

pub use channel::Channel;
pub use notice::{About, Notice};
pub use notifier::Notifier;

use std::time::Duration;

/// How long sending one message may take, with every further try.
pub const TIMEOUT: Duration = Duration::from_secs(10);
