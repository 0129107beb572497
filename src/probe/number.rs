//! One number from whichever provider is asked.

use std::time::Duration;

use super::{Client, cloudwatch, datadog, newrelic, prometheus, web};
use crate::{analysis::Reading, clock::Clock};

/// A provider of numbers, with its credentials.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberSource {
    /// A Prometheus, or anything that speaks its query API.
    Prometheus(prometheus::Endpoint),
    /// A region of Amazon CloudWatch.
    Cloudwatch(cloudwatch::Endpoint),
    /// Any JSON API.
    Web(web::Endpoint),
    /// Datadog.
    Datadog(datadog::Endpoint),
    /// New Relic.
    NewRelic(newrelic::Endpoint),
}

impl NumberSource {
    /// Asks for one number now. Everything that is no single, finite, fresh number is no value.
    pub async fn ask(
        &self,
        client: &Client,
        clock: &dyn Clock,
        query: &str,
        timeout: Duration,
    ) -> Reading {
        match self {
            Self::Prometheus(endpoint) => {
                prometheus::instant(client, clock, endpoint, query, None, timeout).await
            }
            Self::Cloudwatch(endpoint) => {
                cloudwatch::number(client, clock, endpoint, query, timeout).await
            }
            Self::Web(endpoint) => web::number(client, clock, endpoint, query, timeout).await,
            Self::Datadog(endpoint) => {
                datadog::number(client, clock, endpoint, query, timeout).await
            }
            Self::NewRelic(endpoint) => {
                newrelic::number(client, clock, endpoint, query, timeout).await
            }
        }
    }
}
