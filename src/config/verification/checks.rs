//! One entry of `verification.checks`: a question that is answered with yes or no.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    ProviderKind, Schedule, Wanted,
    check::{Check as Checking, Common},
    job::{Job, RawJob},
    vendor_checks::{DeploymentGate, Monitors, RawDeploymentGate, RawMonitors},
};
use crate::{
    analysis::Limits,
    config::{
        provider::Named,
        query::{Template, Variables},
        schema::without_null,
    },
    units::is_alert_matcher,
};

const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// A program does more than answer.
const JOB_TIMEOUT: Duration = Duration::from_secs(60);

/// One entry of `verification.checks` as it is written: a name and who is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawCheck {
    /// Name in the output, unique within the service.
    pub name: String,
    /// Passes while no alert of `providers.alertmanager` that matches is firing.
    pub alerts: Option<RawAlerts>,
    /// Passes while a value of the JSON API of `providers.web` is as wanted.
    pub web: Option<RawWebCheck>,
    /// Passes while all these monitors of `providers.datadog` are OK.
    pub monitors: Option<RawMonitors>,
    /// Passes once this deployment gate of `providers.datadog` has; it is evaluated once.
    pub deployment_gate: Option<RawDeploymentGate>,
    /// Passes when this program ends with 0; only programs that the policy allows are run.
    pub job: Option<RawJob>,
    /// Failures tolerated in all; fails at one more. 0 unless given, any number where
    /// `consecutive_failure_limit` is.
    pub failure_limit: Option<u32>,
    /// Failures tolerated in a row; fails at one more.
    pub consecutive_failure_limit: Option<u32>,
    /// Judged and shown, but decides nothing; false unless given.
    pub dry_run: Option<bool>,
    /// Times in a row without an answer that are tolerated; 4 unless given.
    pub consecutive_error_limit: Option<u32>,
    /// Time to wait before the first question, if other than for all.
    pub initial_delay: Option<String>,
    /// Time between two questions, if other than for all.
    pub interval: Option<String>,
    /// How long an answer may take; 10s unless given, 1m for a `job`.
    pub timeout: Option<String>,
}

/// `alerts` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawAlerts {
    /// Which alerts count, all together, as Alertmanager writes them: `service="{{service}}"`.
    #[schemars(length(min = 1))]
    pub matchers: Vec<String>,
    /// Matches an alert that always fires. Where it does not, Alertmanager hears nothing, and its
    /// silence counts as no answer.
    pub watchdog: Option<String>,
}

/// `web` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWebCheck {
    /// Path below the address of `providers.web`, with the JSON pointer of the value behind `#`:
    /// `/status#/ready`. `POST` may stand in front of it, and then a JSON body in the lines below.
    pub request: String,
    /// The text, number or truth value wanted; a text may use `{{version}}` and the other variables.
    #[schemars(extend("type" = ["string", "number", "boolean"]))]
    pub equals: Value,
}

/// One check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Name, unique within the service.
    pub name: String,
    /// Who is asked, and what.
    pub kind: CheckKind,
    /// How much is tolerated.
    pub limits: Limits,
    /// When it is asked.
    pub schedule: Schedule,
    /// Is it judged and shown, and decides nothing?
    pub dry_run: bool,
}

/// Who is asked, and what.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckKind {
    /// Is an alert firing?
    Alerts {
        /// Which alerts count, all together; at least one.
        matchers: Vec<Template>,
        /// Matches an alert that always fires.
        watchdog: Option<Template>,
    },
    /// Is a value of a JSON API as wanted?
    Web {
        /// The request.
        request: Template,
        /// The value wanted.
        equals: Wanted,
    },
    /// Are all these monitors OK?
    Monitors {
        /// Which.
        monitors: Monitors,
        /// Is the state Warn good enough?
        allow_warn: bool,
    },
    /// Does this deployment gate pass?
    DeploymentGate(DeploymentGate),
    /// Does this program end with 0?
    Job(Job),
}

impl CheckKind {
    /// Returns the entry of `providers` that it asks; none where it asks nobody.
    pub fn asks(&self) -> Option<Named> {
        match self {
            Self::Alerts { .. } => Some(Named::Alertmanager),
            Self::Web { .. } => Some(Named::Web),
            Self::Monitors { .. } | Self::DeploymentGate(_) => Some(Named::Datadog),
            Self::Job(_) => None,
        }
    }

    /// Returns what is wanted as a phrase: `no alert`.
    pub fn wanted(&self) -> String {
        match self {
            Self::Alerts { .. } => "no alert".to_owned(),
            Self::Web { equals, .. } => match equals {
                Wanted::Text(text) => format!("{:?}", text.to_string()),
                Wanted::Scalar(value) => value.to_string(),
            },
            Self::Monitors { .. } => "all monitors OK".to_owned(),
            Self::DeploymentGate(_) => "pass".to_owned(),
            Self::Job(_) => "exit code 0".to_owned(),
        }
    }
}

impl Checking {
    pub(super) fn check(&mut self, index: usize, raw: RawCheck, common: &Common) -> Option<Check> {
        let at = format!("/checks/{index}");
        let name = self.name(&at, raw.name.clone());
        let kind = self.kind(&at, &raw);
        let schedule = Schedule {
            initial_delay: self.duration(
                &format!("{at}/initial_delay"),
                raw.initial_delay.as_deref(),
                common.initial_delay,
            ),
            interval: self.interval(
                &format!("{at}/interval"),
                raw.interval.as_deref(),
                common.interval,
            ),
            timeout: self.timeout(
                &at,
                raw.timeout.as_deref(),
                match raw.job {
                    Some(_) => JOB_TIMEOUT,
                    None => CHECK_TIMEOUT,
                },
            ),
        };
        let limits = self.limits(
            &at,
            raw.failure_limit,
            raw.consecutive_error_limit,
            None,
            common,
        );
        let limits = self.in_a_row(
            &at,
            limits,
            (raw.failure_limit, raw.consecutive_failure_limit),
            common.count,
        );
        Some(Check {
            name,
            kind: kind?,
            limits,
            schedule,
            dry_run: raw.dry_run.unwrap_or(false),
        })
    }

    fn kind(&mut self, at: &str, raw: &RawCheck) -> Option<CheckKind> {
        let given = [
            raw.alerts.is_some(),
            raw.web.is_some(),
            raw.monitors.is_some(),
            raw.deployment_gate.is_some(),
            raw.job.is_some(),
        ];
        if given.into_iter().filter(|is_given| *is_given).count() != 1 {
            self.problem(
                at,
                "expected one of `alerts`, `web`, `monitors`, `deployment_gate` and `job`",
            );
            return None;
        }
        if let Some(web) = &raw.web {
            let pointer = format!("{at}/web/request");
            let request = self.query(&pointer, &web.request, ProviderKind::Web);
            let equals = self.wanted(&format!("{at}/web/equals"), web.equals.clone());
            return Some(CheckKind::Web {
                request: request?,
                equals: equals?,
            });
        }
        if let Some(raw) = &raw.monitors {
            return Some(CheckKind::Monitors {
                monitors: self.monitors(&format!("{at}/monitors"), raw)?,
                allow_warn: raw.allow_warn.unwrap_or(false),
            });
        }
        if let Some(raw) = &raw.deployment_gate {
            let gate = self.deployment_gate(&format!("{at}/deployment_gate"), raw);
            return gate.map(CheckKind::DeploymentGate);
        }
        if let Some(raw) = &raw.job {
            return self.job(&format!("{at}/job"), raw).map(CheckKind::Job);
        }
        self.alerts(at, raw.alerts.as_ref()?)
    }

    /// Reads what Alertmanager takes for one matcher.
    fn matcher(&mut self, pointer: &str, text: &str) -> Option<Template> {
        let template = self.template(pointer, text)?;
        let example = template.render(&Variables::examples()).ok()?;
        if is_alert_matcher(&example) {
            return Some(template);
        }
        self.problem(
            pointer,
            format!("found `{text}`, expected one matcher, such as `service=\"{{{{service}}}}\"`"),
        );
        None
    }

    fn alerts(&mut self, at: &str, alerts: &RawAlerts) -> Option<CheckKind> {
        if alerts.matchers.is_empty() {
            self.problem(
                format!("{at}/alerts/matchers"),
                "expected at least one matcher, such as `service=\"{{service}}\"`: without one, every alert of everybody counts",
            );
        }
        let matchers = alerts.matchers.iter().enumerate();
        let matchers: Option<Vec<Template>> = matchers
            .map(|(number, text)| self.matcher(&format!("{at}/alerts/matchers/{number}"), text))
            .collect();
        let watchdog = match &alerts.watchdog {
            Some(text) => Some(self.matcher(&format!("{at}/alerts/watchdog"), text)?),
            None => None,
        };
        Some(CheckKind::Alerts {
            matchers: matchers?,
            watchdog,
        })
    }
}
