//! How the run of one service among several ended, as the machine's result has it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::json_plan::PlanReport, ChangeReport, DeploymentReport, MetricReport, RefusalReport,
    gate::VerdictReport,
};
use crate::{event::ServiceEnd, report::sanitise};

/// How the run of one service ended; every key means what it means for a run of one service.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServiceEndReport {
    service: String,
    /// The region, where it is the run in one of several.
    region: Option<String>,
    /// The version that it was to come to; null where none was asked for.
    version: Option<String>,
    result: &'static str,
    /// The exit status that this service alone would have had.
    exit_code: u8,
    reason_code: String,
    reason: String,
    hints: Vec<String>,
    override_used: bool,
    verdict: Option<VerdictReport>,
    changes: Vec<ChangeReport>,
    files_changed: Vec<String>,
    refusals: Vec<RefusalReport>,
    notes: Vec<String>,
    diff: Option<String>,
    deployment: Option<DeploymentReport>,
    metrics: Vec<MetricReport>,
    plan: Option<PlanReport>,
}

impl ServiceEndReport {
    pub(super) fn of(end: &ServiceEnd) -> Self {
        let outcome = &*end.outcome;
        Self {
            service: end.service.clone(),
            region: end.region.clone(),
            version: end.version.clone(),
            result: outcome.ending.result(),
            exit_code: outcome.ending.code().number,
            reason_code: outcome.reason_code.clone(),
            reason: sanitise::line(&outcome.reason),
            hints: outcome.hints.iter().map(|it| sanitise::line(it)).collect(),
            override_used: outcome.override_used,
            verdict: outcome.verdict.as_ref().map(VerdictReport::of),
            changes: outcome.changes.iter().map(ChangeReport::of).collect(),
            files_changed: outcome.files_changed.clone(),
            refusals: outcome.refusals.iter().map(RefusalReport::of).collect(),
            notes: outcome.notes.clone(),
            diff: Some(outcome.diff.clone()).filter(|diff| !diff.is_empty()),
            deployment: outcome.deployment.as_ref().map(DeploymentReport::of),
            metrics: outcome.metrics.iter().map(MetricReport::of).collect(),
            plan: outcome.plan.as_deref().map(PlanReport::of),
        }
    }
}
