//! One line of the audit file.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::event::{Outcome, OverrideUse};

/// Most characters of one text from outside.
const TEXT_LIMIT: usize = 2_000;

/// What was run, by whom: what an outcome does not say itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The command: `deploy`, `rollback`, `recover`.
    pub command: String,
    /// Who started it.
    pub actor: Option<String>,
    /// Address of the pipeline run.
    pub pipeline: Option<String>,
    /// The service asked for, where the outcome names none.
    pub service: Option<String>,
    /// The environment asked for, where the outcome names none.
    pub environment: Option<String>,
    /// The version asked for, where the outcome names none.
    pub version: Option<String>,
}

/// One line of the audit file. Every line has every key; what is not known is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    time: String,
    /// `override`: is about to be used, written before the first push; `outcome`: a run has ended.
    event: &'static str,
    command: String,
    actor: Option<String>,
    pipeline: Option<String>,
    service: Option<String>,
    environment: Option<String>,
    version: Option<String>,
    run: Option<String>,
    decision: Option<&'static str>,
    reason_codes: Vec<String>,
    policy: Option<String>,
    approvals: Vec<String>,
    overrides: Vec<String>,
    rules: Vec<String>,
    approvers: Vec<String>,
    ticket: Option<String>,
    until: Option<String>,
    reason: Option<String>,
    result: Option<&'static str>,
    exit_code: Option<u8>,
}

impl Record {
    /// An override is about to be used.
    pub fn of_override(used: &OverrideUse) -> Self {
        Self {
            command: used.action.clone(),
            actor: used.actor.as_deref().map(bounded),
            pipeline: used.pipeline.as_deref().map(bounded),
            service: Some(used.service.clone()),
            environment: Some(used.environment.clone()),
            version: Some(used.version.clone()),
            policy: Some(used.policy.clone()),
            overrides: used.ids.clone(),
            rules: used.rules.clone(),
            approvers: used.approvers.clone(),
            ticket: Some(bounded(&used.ticket)),
            until: Some(instant(used.until)),
            reason: Some(bounded(&used.reason)),
            ..Self::empty("override", used.at)
        }
    }

    /// A run has ended.
    pub fn of_outcome(run: &Run, outcome: &Outcome, at: DateTime<Utc>) -> Self {
        let deployment = outcome.deployment.as_ref();
        let verdict = outcome.verdict.as_ref();
        let overridden = verdict.and_then(|verdict| verdict.overridden.as_ref());
        Self {
            command: run.command.clone(),
            actor: run.actor.as_deref().map(bounded),
            pipeline: run.pipeline.as_deref().map(bounded),
            service: deployment
                .map(|it| it.service.clone())
                .or_else(|| run.service.clone()),
            environment: deployment
                .map(|it| it.environment.clone())
                .or_else(|| run.environment.clone()),
            version: deployment
                .and_then(|it| Some(it.version.as_ref()?.to_string()))
                .or_else(|| run.version.clone()),
            run: deployment.map(|it| it.run.clone()),
            decision: verdict.map(|verdict| verdict.decision.word()),
            reason_codes: verdict.map_or_else(Vec::new, |verdict| {
                let codes = verdict.reasons.iter();
                codes.map(|reason| reason.code.word().to_owned()).collect()
            }),
            policy: verdict.map(|verdict| verdict.policy.trailer()),
            approvals: verdict.map_or_else(Vec::new, |verdict| {
                let approvals = verdict.approvals.iter();
                approvals.map(|approved| approved.id.clone()).collect()
            }),
            overrides: overridden.map_or_else(Vec::new, |it| it.ids.clone()),
            rules: overridden.map_or_else(Vec::new, |it| it.rules.clone()),
            approvers: overridden.map_or_else(Vec::new, |it| {
                it.approvers.iter().map(ToString::to_string).collect()
            }),
            ticket: overridden.map(|it| bounded(&it.ticket)),
            until: overridden.map(|it| instant(it.expires)),
            reason: Some(bounded(&outcome.reason)),
            result: Some(outcome.ending.result()),
            exit_code: Some(outcome.ending.code().number),
            ..Self::empty("outcome", at)
        }
    }

    fn empty(event: &'static str, at: DateTime<Utc>) -> Self {
        Self {
            time: instant(at),
            event,
            command: String::new(),
            actor: None,
            pipeline: None,
            service: None,
            environment: None,
            version: None,
            run: None,
            decision: None,
            reason_codes: Vec::new(),
            policy: None,
            approvals: Vec::new(),
            overrides: Vec::new(),
            rules: Vec::new(),
            approvers: Vec::new(),
            ticket: None,
            until: None,
            reason: None,
            result: None,
            exit_code: None,
        }
    }

    /// Returns the line, without its end. JSON escapes control characters; the further characters
    /// at which some readers break lines (U+0085, U+2028, U+2029) are escaped as well.
    pub(super) fn line(&self) -> String {
        let text =
            serde_json::to_string(self).expect("a record of texts and numbers is always JSON");
        text.replace('\u{85}', "\\u0085")
            .replace('\u{2028}', "\\u2028")
            .replace('\u{2029}', "\\u2029")
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}
