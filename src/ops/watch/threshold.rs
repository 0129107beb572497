//! One number that is held against a threshold, asked for again and again.

use std::time::Duration;

use futures_util::future::join;

use crate::{
    analysis::{Criterion, Reading, Standing, Threshold, Track},
    clock::Clock,
    config::{
        query::{Template, Variables},
        verification::Metric,
    },
    event::Failure,
    probe::{Client, NumberSource},
};

use super::{Endpoints, filled};

/// A metric with a threshold and how it stands.
pub(super) struct ThresholdWatch {
    source: NumberSource,
    query: String,
    requests: Option<Requests>,
    timeout: Duration,
    track: Track,
}

/// The requests behind the number, of which there must be enough.
struct Requests {
    query: String,
    least: f64,
}

impl Requests {
    /// Returns what a number is worth that was made of as many requests as this says.
    fn behind(&self, number: Reading, requests: Reading) -> Reading {
        match (number, requests) {
            (Reading::Value(number), Reading::Value(requests)) => {
                if requests.value >= self.least {
                    return Reading::Value(number);
                }
                Reading::NoData(format!(
                    "it is made of {} requests, fewer than the {} of `min_requests`",
                    requests.value.round(),
                    self.least
                ))
            }
            (Reading::Value(_), Reading::NoData(reason)) => {
                Reading::NoData(format!("`requests`: {reason}"))
            }
            (Reading::Value(_), Reading::Unavailable(reason)) => {
                Reading::Unavailable(format!("`requests`: {reason}"))
            }
            (number, _) => number,
        }
    }
}

impl ThresholdWatch {
    /// Fills the variables in.
    ///
    /// # Errors
    /// A provider that is not configured, a variable without a value here.
    pub(super) fn new(
        metric: &Metric,
        (query, threshold): (&Template, &Threshold),
        requests: Option<(&Template, f64)>,
        endpoints: &Endpoints,
        variables: &Variables,
    ) -> Result<Self, Failure> {
        let criterion = Criterion {
            name: metric.name.clone(),
            threshold: threshold.clone(),
            limits: metric.limits,
        };
        Ok(Self {
            source: endpoints.number(metric.provider, &metric.name)?,
            query: filled(query, "query", &metric.name, variables)?,
            requests: requests
                .map(|(query, least)| {
                    let query = filled(query, "requests", &metric.name, variables)?;
                    Ok(Requests { query, least })
                })
                .transpose()?,
            timeout: metric.schedule.timeout,
            track: Track::new(&criterion),
        })
    }

    pub(super) async fn measure(&mut self, client: &Client, clock: &dyn Clock) {
        let Self {
            source,
            query,
            requests,
            timeout,
            track,
        } = self;
        let number = source.ask(client, clock, query, *timeout);
        let reading = match requests {
            None => number.await,
            Some(requests) => {
                let asked = source.ask(client, clock, &requests.query, *timeout);
                let (number, asked) = join(number, asked).await;
                requests.behind(number, asked)
            }
        };
        track.observe(&reading);
    }

    pub(super) fn standing(&self) -> Standing {
        self.track.standing()
    }
}
