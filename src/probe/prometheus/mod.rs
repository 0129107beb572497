//! Prometheus, or anything that speaks its query API: one number, or raw counters.
//!
//! A question is asked by `request`, its answer is opened by `envelope`. `number` asks for one number;
//! `counters` asks for every series by itself, which `samples` reads (the buckets of a `native`
//! histogram as if it were a classic one). A `batch` makes one query of questions whose `selector`s are
//! alike.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Url;

mod batch;
mod counters;
mod envelope;
mod native;
mod number;
mod request;
mod samples;
mod selector;

pub use super::auth::Auth;
pub use batch::Batch;
pub use counters::{buckets, buckets_between, counters, counters_between, numbers_between};
pub use number::{Combine, combined, instant};

/// Where a Prometheus is.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Base address; `/api/v1/query` is added to its path.
    pub url: Url,
    /// How to sign in.
    pub auth: Auth,
    /// More headers, such as `X-Scope-OrgID`.
    pub headers: BTreeMap<String, String>,
    /// How far a sample's time may be from the time asked for.
    pub max_age: Duration,
}

impl Endpoint {
    /// A sample whose time is further away than this is stale, unless the endpoint says otherwise.
    pub const MAX_AGE: Duration = Duration::from_secs(300);

    /// Makes an endpoint that asks for no sign-in.
    pub fn open(url: Url) -> Self {
        Self {
            url,
            auth: Auth::Open,
            headers: BTreeMap::new(),
            max_age: Self::MAX_AGE,
        }
    }
}
