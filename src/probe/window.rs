//! How many requests there were between two instants, from providers that keep sums and no raw counters.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Client, cloudwatch, datadog, newrelic};
use crate::clock::Clock;

/// What came of one question for a sum.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowReading {
    /// The sum over the whole window: finite, at least 0.
    Sum(f64),
    /// Nothing was counted in the window, which may be a slip in the query: not a zero by itself.
    Nothing(String),
    /// An answer that cannot be used: never zero.
    NoData(String),
    /// No answer.
    Unavailable(String),
}

/// A provider of sums by time, with its credentials.
#[derive(Debug, Clone, PartialEq)]
pub enum SumSource {
    /// A region of Amazon CloudWatch.
    Cloudwatch(cloudwatch::Endpoint),
    /// Datadog.
    Datadog(datadog::Endpoint),
    /// New Relic.
    NewRelic(newrelic::Endpoint),
}

impl SumSource {
    /// Asks for the sums between each bound and the next one; bounds are in order and multiples of
    /// [`SumSource::bucket`]. One reading for each window: where one question covers several of
    /// them, they have one fate.
    pub async fn sums(
        &self,
        client: &Client,
        clock: &dyn Clock,
        query: &str,
        bounds: &[DateTime<Utc>],
        timeout: Duration,
    ) -> Vec<WindowReading> {
        match self {
            Self::Cloudwatch(endpoint) => {
                cloudwatch::sums(client, clock, endpoint, query, bounds, timeout).await
            }
            Self::Datadog(endpoint) => {
                datadog::sums(client, clock, endpoint, query, bounds, timeout).await
            }
            Self::NewRelic(endpoint) => {
                newrelic::sums(client, clock, endpoint, query, bounds, timeout).await
            }
        }
    }

    /// Returns the width of its buckets: windows begin and end at multiples of it.
    pub fn bucket(&self) -> Duration {
        match self {
            Self::Cloudwatch(_) => cloudwatch::Endpoint::BUCKET,
            Self::Datadog(endpoint) => endpoint.bucket,
            Self::NewRelic(endpoint) => endpoint.bucket,
        }
    }

    /// Returns how long after its end a bucket may still grow.
    pub fn settle(&self) -> Duration {
        match self {
            Self::Cloudwatch(endpoint) => endpoint.settle,
            Self::Datadog(endpoint) => endpoint.settle,
            Self::NewRelic(endpoint) => endpoint.settle,
        }
    }
}
