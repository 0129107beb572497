//! One check of a service that is answered with yes or no, asked again and again.

use std::time::Duration;

use serde_json::Value;

use crate::{
    analysis::{Judgement, Standing, Tally},
    clock::Clock,
    config::{
        query::Variables,
        verification::{self, Check, CheckKind, Wanted},
    },
    event::{Ending, Failure},
    probe::{
        CheckReading, Client,
        alertmanager::{self, AlertQuestion},
        datadog,
        program::{self, Program},
        web,
    },
};

use super::{Endpoints, filled, gate::GateWatch};

/// A check and how it stands.
pub(super) struct CheckWatch {
    asked: Asked,
    timeout: Duration,
    begin: Tally,
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
    Monitors {
        endpoint: datadog::Endpoint,
        monitors: datadog::Monitors,
        allow_warn: bool,
    },
    Gate(GateWatch),
    Program(Program),
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
            CheckKind::Monitors {
                monitors,
                allow_warn,
            } => Asked::Monitors {
                endpoint: endpoints.datadog(name)?,
                monitors: match monitors {
                    verification::Monitors::Ids(ids) => datadog::Monitors::Ids(ids.clone()),
                    verification::Monitors::Tags(tags) => {
                        let tags = tags.iter().map(|tag| filled(tag, "tags", name, variables));
                        datadog::Monitors::Tags(tags.collect::<Result<_, _>>()?)
                    }
                },
                allow_warn: *allow_warn,
            },
            CheckKind::DeploymentGate(gate) => {
                let endpoint = endpoints.datadog(name)?;
                Asked::Gate(GateWatch::new(endpoint, gate, name, variables)?)
            }
            CheckKind::Job(job) => {
                let arguments = job.arguments.iter();
                let arguments = arguments.map(|text| filled(text, "command", name, variables));
                Asked::Program(Program {
                    arguments: arguments.collect::<Result<_, _>>()?,
                    ..endpoints.program(name)?
                })
            }
        };
        let wanted = match &asked {
            Asked::Web { wanted, .. } => wanted.to_string(),
            _ => kind.wanted(),
        };
        let begin = Tally::new(name, wanted, check.limits);
        Ok(Self {
            asked,
            timeout: check.schedule.timeout,
            tally: begin.clone(),
            begin,
        })
    }

    /// Says what a good answer rests on, where that is nothing.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        match &self.asked {
            Asked::Gate(gate) => gate.doubt(),
            Asked::Alertmanager { .. }
            | Asked::Web { .. }
            | Asked::Monitors { .. }
            | Asked::Program(_) => None,
        }
    }

    /// Does measuring it take a program's time?
    pub(super) fn runs_a_program(&self) -> bool {
        matches!(self.asked, Asked::Program(_))
    }

    pub(super) async fn measure(&mut self, client: &Client, clock: &dyn Clock) {
        let reading = match &mut self.asked {
            Asked::Alertmanager { endpoint, question } => {
                alertmanager::firing(client, clock, endpoint, question, self.timeout).await
            }
            Asked::Web {
                endpoint,
                request,
                wanted,
            } => web::check(client, clock, endpoint, (&*request, &*wanted), self.timeout).await,
            Asked::Monitors {
                endpoint,
                monitors,
                allow_warn,
            } => {
                let asked = (&*monitors, *allow_warn);
                datadog::monitors(client, clock, endpoint, asked, self.timeout).await
            }
            Asked::Program(program) => program::run(program, clock, self.timeout).await,
            Asked::Gate(gate) => match gate.ask(client, clock, self.timeout).await {
                Some(reading) => reading,
                // It was answered, so errors before it are not in a row with those after it; there
                // is nothing else to forget before the gate has decided.
                None => {
                    self.tally = self.begin.clone();
                    return;
                }
            },
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
        let standing = self.tally.standing();
        match &self.asked {
            Asked::Gate(gate) => gate.standing(standing),
            Asked::Alertmanager { .. }
            | Asked::Web { .. }
            | Asked::Monitors { .. }
            | Asked::Program(_) => standing,
        }
    }
}
