//! One health check of a service, asked again and again.

use reqwest::Url;
use serde_json::Value;

use crate::{
    analysis::{Judgement, Standing, Tally},
    clock::Clock,
    config::{
        query::Variables,
        verification::{Health, Wanted},
    },
    event::{Ending, Failure},
    probe::{
        Client,
        http::{self, BodyWanted, HealthCheck, HealthReading},
    },
};

/// A health check and how it stands.
pub(super) struct HealthWatch {
    check: HealthCheck,
    tally: Tally,
}

impl HealthWatch {
    /// Fills the variables in.
    ///
    /// # Errors
    /// A variable without a value here, an address that is none once filled in.
    pub(super) fn new(health: &Health, variables: &Variables) -> Result<Self, Failure> {
        let invalid = |what: &str, reason: String| {
            Failure::new(
                Ending::ConfigInvalid,
                format!("the {what} of `{}` {reason}", health.name),
            )
        };
        let address = health
            .http
            .render(variables)
            .map_err(|reason| invalid("address", reason))?;
        let url = Url::parse(&address)
            .map_err(|error| invalid("address", format!("is no address: {error}")))?;
        let equals = match &health.equals {
            Some(Wanted::Text(text)) => Some(Value::String(
                text.render(variables)
                    .map_err(|reason| invalid("value", reason))?,
            )),
            Some(Wanted::Scalar(value)) => Some(value.clone()),
            None => None,
        };
        let check = HealthCheck {
            url,
            status: health.status,
            body: equals.map(|equals| BodyWanted {
                pointer: health.pointer.clone(),
                equals,
            }),
            timeout: health.schedule.timeout,
            max_latency: health.max_latency,
        };
        let tally = Tally::new(&health.name, check.wanted(), health.limits);
        Ok(Self { check, tally })
    }

    pub(super) async fn measure(&mut self, client: &Client, clock: &dyn Clock) {
        let (judgement, detail) = match http::check(client, clock, &self.check).await {
            HealthReading::Healthy { detail, .. } => (Judgement::Pass, detail),
            HealthReading::Unhealthy(reason) => (Judgement::Fail, reason),
            HealthReading::Unreachable(reason) => (Judgement::Error, reason),
        };
        self.tally.record(judgement, None, detail);
    }

    pub(super) fn standing(&self) -> Standing {
        self.tally.standing()
    }
}
