//! One check of a service that is answered with yes or no, asked again and again.

use std::time::Duration;

use serde_json::Value;

use crate::{
    analysis::{Judgement, Standing, Tally},
    clock::Clock,
    config::{
        query::Variables,
        verification::{Check, CheckKind, Wanted},
    },
    event::{Ending, Failure},
    probe::{
        CheckReading, Client,
        alertmanager::{self, AlertQuestion},
        web,
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
    Web {
        endpoint: web::Endpoint,
        request: web::Request,
        wanted: Value,
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
            CheckKind::Web { request, equals } => {
                let request = filled(request, "request", name, variables)?;
                let request = web::Request::parse(&request).map_err(|reason| {
                    let reason = format!("`request` of `{name}` {reason}");
                    Failure::new(Ending::ConfigInvalid, reason)
                })?;
                Asked::Web {
                    endpoint: endpoints.web(name)?,
                    request,
                    wanted: match equals {
                        Wanted::Text(text) => filled(text, "equals", name, variables)?.into(),
                        Wanted::Scalar(value) => value.clone(),
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
            Asked::Web {
                endpoint,
                request,
                wanted,
            } => web::check(client, clock, endpoint, (request, wanted), self.timeout).await,
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
