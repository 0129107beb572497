//! Datadog: one number, sums by window, monitors and deployment gates.
//!
//! A question is asked by `request`. `number` chooses among the three APIs for one number: points of
//! v1 are read by `points`, what v2 is asked and answers is in `formula` and `columns`. `sums` adds
//! buckets up, `monitors` and `gate` answer with yes or no.

mod columns;
mod formula;
mod gate;
mod monitors;
mod number;
mod points;
mod request;
mod sums;

use std::time::Duration;

use reqwest::Url;

use super::WindowReading;
use crate::{analysis::Reading, secret::Secret};

pub use gate::{Gate, GateReading, evaluate, evaluation};
pub use monitors::{Monitors, monitors};
pub use number::number;
pub use sums::sums;

/// Which Datadog is asked, with its keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Base address, such as `https://api.datadoghq.eu`.
    pub url: Url,
    /// API key.
    pub api_key: Secret,
    /// Application key.
    pub app_key: Secret,
    /// Which API answers a query for one number.
    pub api: Api,
    /// How far back a query for one number looks.
    pub window: Duration,
    /// Width of the buckets that sums are added up from; whole seconds.
    pub bucket: Duration,
    /// How long after its end a bucket may still grow.
    pub settle: Duration,
}

/// Which API answers a query for one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `GET /api/v1/query`: the newest finished point.
    V1,
    /// `POST /api/v2/query/timeseries`: the newest finished point.
    Timeseries,
    /// `POST /api/v2/query/scalar`: one number for the whole window.
    Scalar,
}

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Useless {
    /// It matches nothing.
    Nothing(String),
    /// It cannot be counted on.
    NoData(String),
    /// There is none.
    Unavailable(String),
}

impl From<Useless> for Reading {
    fn from(useless: Useless) -> Self {
        match useless {
            Useless::Nothing(reason) | Useless::NoData(reason) => Self::NoData(reason),
            Useless::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl From<Useless> for WindowReading {
    fn from(useless: Useless) -> Self {
        match useless {
            Useless::Nothing(reason) => Self::Nothing(reason),
            Useless::NoData(reason) => Self::NoData(reason),
            Useless::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

/// Says that there is more than one series.
fn several(count: usize) -> Useless {
    Useless::NoData(format!(
        "{count} series where one was wanted; aggregate them, without `by {{…}}`"
    ))
}
