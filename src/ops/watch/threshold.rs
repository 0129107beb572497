//! One number that must stay in a range, asked for again and again.

use std::time::Duration;

use crate::{
    analysis::{Criterion, Range, Standing, Track},
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
    timeout: Duration,
    track: Track,
}

impl ThresholdWatch {
    /// Fills the variables in.
    ///
    /// # Errors
    /// A provider that is not configured, a variable without a value here.
    pub(super) fn new(
        metric: &Metric,
        (query, range): (&Template, Range),
        endpoints: &Endpoints,
        variables: &Variables,
    ) -> Result<Self, Failure> {
        let criterion = Criterion {
            name: metric.name.clone(),
            range,
            limits: metric.limits,
        };
        Ok(Self {
            source: endpoints.number(metric.provider, &metric.name)?,
            query: filled(query, "query", &metric.name, variables)?,
            timeout: metric.schedule.timeout,
            track: Track::new(&criterion),
        })
    }

    pub(super) async fn measure(&mut self, client: &Client, clock: &dyn Clock) {
        let Self {
            source,
            query,
            timeout,
            track,
        } = self;
        let reading = source.ask(client, clock, query, *timeout).await;
        track.observe(&reading);
    }

    pub(super) fn standing(&self) -> Standing {
        self.track.standing()
    }
}
