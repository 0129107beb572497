//! One check of a service that is answered with yes or no, asked again and again.

use std::time::Duration;

use crate::{
    analysis::{Judgement, Standing, Tally},
    clock::Clock,
    config::{
        query::Variables,
        verification::{Check, CheckKind},
    },
    event::Failure,
    probe::{CheckReading, Client, alertmanager},
};

use super::{Endpoints, filled};

/// A check and how it stands.
pub(super) struct CheckWatch {
    asked: Asked,
    timeout: Duration,
    tally: Tally,
}

/// Who is asked, and what, with the variables filled in.
enum Asked {
    Alertmanager {
        endpoint: alertmanager::Endpoint,
        matchers: Vec<String>,
    },
}

impl CheckWatch {
    /// Fills the variables in.
    ///
    /// # Errors
    /// A provider that is not configured, a variable without a value here.
    pub(super) fn new(
        check: &Check,
        endpoints: &Endpoints,
        variables: &Variables,
    ) -> Result<Self, Failure> {
        let Check { name, kind, .. } = check;
        let asked = match kind {
            CheckKind::Alerts { matchers } => Asked::Alertmanager {
                endpoint: endpoints.alertmanager(name)?,
                matchers: matchers
                    .iter()
                    .map(|matcher| filled(matcher, "matchers", name, variables))
                    .collect::<Result<_, _>>()?,
            },
        };
        Ok(Self {
            asked,
            timeout: check.schedule.timeout,
            tally: Tally::new(name, kind.wanted(), check.limits),
        })
    }

    pub(super) async fn measure(&mut self, client: &Client, clock: &dyn Clock) {
        let reading = match &self.asked {
            Asked::Alertmanager { endpoint, matchers } => {
                alertmanager::firing(client, clock, endpoint, matchers, self.timeout).await
            }
        };
        let (judgement, detail) = match reading {
            CheckReading::Passed(detail) => (Judgement::Pass, detail),
            CheckReading::Failed(reason) => (Judgement::Fail, reason),
            CheckReading::Unanswered(reason) => {
                (Judgement::Error, format!("is not known: {reason}"))
            }
        };
        self.tally.record(judgement, None, detail);
    }

    pub(super) fn standing(&self) -> Standing {
        self.tally.standing()
    }
}
