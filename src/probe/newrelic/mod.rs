//! New Relic: one number, and sums by window, by NRQL through NerdGraph.
//!
//! A question is asked by `nerdgraph`; what one query answered is read by `result`. `number` asks for
//! one number, `sums` for the sums of windows.

mod nerdgraph;
mod number;
mod result;
mod sums;

use std::time::Duration;

use reqwest::Url;

use super::WindowReading;
use crate::{analysis::Reading, secret::Secret};

pub use number::number;
pub use sums::sums;

/// Which account of New Relic is asked, with its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Base address, such as `https://api.eu.newrelic.com`; `/graphql` is added to its path.
    pub url: Url,
    /// Number of the account.
    pub account: u32,
    /// User key.
    pub api_key: Secret,
    /// How far back a query looks that does not say it.
    pub window: Duration,
    /// What windows of sums are multiples of; whole seconds.
    pub bucket: Duration,
    /// How long after its end a window may still grow.
    pub settle: Duration,
}

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Useless {
    /// It cannot be counted on.
    NoData(String),
    /// There is none.
    Unavailable(String),
}

impl From<Useless> for Reading {
    fn from(useless: Useless) -> Self {
        match useless {
            Useless::NoData(reason) => Self::NoData(reason),
            Useless::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<Useless> for WindowReading {
    fn from(useless: Useless) -> Self {
        match useless {
            Useless::NoData(reason) => Self::NoData(reason),
            Useless::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}
