//! A deployment gate of Datadog over a watch: evaluated once, looked at until it is over.

use std::time::Duration;

use crate::{
    analysis::{Standing, StandingVerdict},
    clock::Clock,
    config::{
        query::{Template, Variables},
        verification::DeploymentGate,
    },
    event::Failure,
    probe::{
        CheckReading, Client,
        datadog::{self, Endpoint, Gate, GateReading},
    },
};

use super::filled;

/// A gate and how far its evaluation is.
pub(super) struct GateWatch {
    endpoint: Endpoint,
    gate: Gate,
    state: State,
}

enum State {
    /// Nobody has asked for an evaluation yet.
    Unasked,
    /// It goes on; the clause says so.
    Evaluated { id: String, detail: String },
    /// It is over. What came of it holds for the rest of the watch.
    Over {
        reading: CheckReading,
        is_dry_run: bool,
    },
}

impl GateWatch {
    /// Fills the variables in.
    ///
    /// # Errors
    /// A variable without a value here.
    pub(super) fn new(
        endpoint: Endpoint,
        gate: &DeploymentGate,
        name: &str,
        variables: &Variables,
    ) -> Result<Self, Failure> {
        let fill = |key: &str, text: &Template| filled(text, key, name, variables);
        let maybe = |key: &str, text: &Option<Template>| {
            text.as_ref().map(|text| fill(key, text)).transpose()
        };
        Ok(Self {
            endpoint,
            gate: Gate {
                service: fill("service", &gate.service)?,
                env: fill("env", &gate.env)?,
                identifier: maybe("identifier", &gate.identifier)?,
                version: maybe("version", &gate.version)?,
                apm_primary_tag: maybe("apm_primary_tag", &gate.apm_primary_tag)?,
            },
            state: State::Unasked,
        })
    }

    /// Asks for an evaluation, or looks at the one that was asked for. None while it goes on.
    pub(super) async fn ask(
        &mut self,
        client: &Client,
        clock: &dyn Clock,
        timeout: Duration,
    ) -> Option<CheckReading> {
        let Self {
            endpoint,
            gate,
            state,
        } = self;
        let id = match state {
            State::Over { reading, .. } => return Some(reading.clone()),
            State::Evaluated { id, .. } => id.clone(),
            State::Unasked => {
                match datadog::evaluate(client, clock, endpoint, gate, timeout).await {
                    Ok(id) => {
                        let detail = "is not known yet: Datadog is evaluating".to_owned();
                        *state = State::Evaluated { id, detail };
                        return None;
                    }
                    Err(reason) => return Some(CheckReading::Unanswered(reason)),
                }
            }
        };
        match datadog::evaluation(client, clock, endpoint, &id, timeout).await {
            GateReading::InProgress(detail) => {
                *state = State::Evaluated { id, detail };
                None
            }
            GateReading::Over(CheckReading::Unanswered(reason)) => {
                Some(CheckReading::Unanswered(reason))
            }
            GateReading::Over(reading) => Some(self.end(reading, false)),
            GateReading::DryRun(detail) => Some(self.end(CheckReading::Passed(detail), true)),
        }
    }

    fn end(&mut self, reading: CheckReading, is_dry_run: bool) -> CheckReading {
        self.state = State::Over {
            reading: reading.clone(),
            is_dry_run,
        };
        reading
    }

    /// Says that it decides nothing, where that is so.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        let is_dry_run = matches!(
            self.state,
            State::Over {
                is_dry_run: true,
                ..
            }
        );
        is_dry_run.then_some(
            "the gate is a dry run at Datadog and passes whatever its rules find, so it protects nothing yet",
        )
    }

    /// Says that it is not known yet, where nothing else is to be said.
    pub(super) fn standing(&self, standing: Standing) -> Standing {
        match &self.state {
            State::Evaluated { detail, .. } if standing.errors_in_a_row == 0 => Standing {
                verdict: StandingVerdict::NotYet,
                detail: detail.clone(),
                unsettled: true,
                ..standing
            },
            _ => standing,
        }
    }
}
