//! One entry of `verification.checks`: a question that is answered with yes or no.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Schedule,
    check::{Check as Checking, Common},
};
use crate::{
    analysis::Limits,
    config::{query::Template, schema::without_null},
};

const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// One entry of `verification.checks` as it is written: a name and who is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = without_null)]
pub struct RawCheck {
    /// Name in the output, unique within the service.
    pub name: String,
    /// Passes while no alert of `providers.alertmanager` that matches is firing.
    pub alerts: Option<RawAlerts>,
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
    /// How long an answer may take; 10s unless given.
    pub timeout: Option<String>,
}

/// `alerts` as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAlerts {
    /// Which alerts count, all together, as Alertmanager writes them: `service="{{service}}"`.
    #[schemars(length(min = 1))]
    pub matchers: Vec<String>,
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
    },
}

impl CheckKind {
    /// Returns what is wanted as a phrase: `no alert`.
    pub fn wanted(&self) -> String {
        match self {
            Self::Alerts { .. } => "no alert".to_owned(),
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
            timeout: self.timeout(&at, raw.timeout.as_deref(), CHECK_TIMEOUT),
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
        let Some(alerts) = &raw.alerts else {
            self.problem(at, "expected `alerts`: nothing is asked");
            return None;
        };
        if alerts.matchers.is_empty() {
            self.problem(
                format!("{at}/alerts/matchers"),
                "expected at least one matcher, such as `service=\"{{service}}\"`: without one, every alert of everybody counts",
            );
        }
        let matchers = alerts.matchers.iter().enumerate();
        let matchers: Option<Vec<Template>> = matchers
            .map(|(number, text)| self.template(&format!("{at}/alerts/matchers/{number}"), text))
            .collect();
        Some(CheckKind::Alerts {
            matchers: matchers?,
        })
    }
}
