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
    probe::{
        CheckReading, Client,
        alertmanager::{self, AlertQuestion},
    },
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
        question: AlertQuestion,
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
            CheckKind::Alerts { matchers, watchdog } => {
                let filled = |key, text| filled(text, key, name, variables);
                let matchers = matchers.iter().map(|text| filled("matchers", text));
                let watchdog = watchdog.as_ref().map(|text| filled("watchdog", text));
                Asked::Alertmanager {
                    endpoint: endpoints.alertmanager(name)?,
                    question: AlertQuestion {
                        matchers: matchers.collect::<Result<_, _>>()?,
                        watchdog: watchdog.transpose()?,
                    },
                }
            }
        };
        Ok(Self {
            asked,
            timeout: check.schedule.timeout,
            tally: Tally::new(name, kind.wanted(), check.limits),
        })
    }

    pub(super) async fn measure(&mut self, client: &Client, clock: &dyn Clock) {
        let reading = match &self.asked {
            Asked::Alertmanager { endpoint, question } => {
                alertmanager::firing(client, clock, endpoint, question, self.timeout).await
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
