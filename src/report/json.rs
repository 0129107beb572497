//! The machine's result: one JSON object, the same on standard output and in the report file.

mod comparison;
pub mod events;
mod gate;
mod services;

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, TimeZone};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;

use comparison::ComparisonReport;
use gate::{CaseReport, OutlookReport, ServiceReport, TransitionReport, VerdictReport};
use services::ServiceEndReport;

use super::{
    Ended, Place, Sink,
    json_past::{AuditReport, DoraReport},
    json_plan::PlanReport,
    json_traffic_plan::TrafficPlanReport,
    matrix, sanitise,
};
use crate::{
    event::{Deployment, FileFinding, MetricRecord, Outcome},
    manifest::{Change, Refusal},
};

/// Version of the object's form. Additions keep it; nothing is ever taken away under it.
const SCHEMA_VERSION: u32 = 1;

/// How a shipgate command ended. Absent values are null, lists without entries are empty, instants
/// are RFC 3339 with an offset.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "shipgate report")]
pub struct Report {
    /// Version of this form; additions keep it.
    #[schemars(extend("const" = 1))]
    schema_version: u32,
    /// The command that ran.
    command: String,
    /// How it ended, in one word.
    #[schemars(extend("enum" = [
        "ok", "allowed", "warned", "blocked", "approval-required", "undetermined", "deployed",
        "no-change", "rolled-back", "rollback-failed", "held", "superseded", "cancelled", "healthy",
        "unhealthy", "error",
    ]))]
    result: &'static str,
    /// The process's exit status.
    exit_code: u8,
    /// Stable id of the deciding rule or of the exit code.
    reason_code: String,
    /// Why, in one line.
    reason: String,
    /// When the command began.
    #[schemars(extend("format" = "date-time"))]
    started_at: String,
    /// When the command ended.
    #[schemars(extend("format" = "date-time"))]
    finished_at: String,
    /// What to do next, one line each.
    hints: Vec<String>,
    /// Did an emergency override let this through?
    override_used: bool,
    /// The gate's answer, where it was asked.
    verdict: Option<VerdictReport>,
    /// The gate's answer for each service, where several were asked about; `verdict` is the worst.
    verdicts: Vec<ServiceReport>,
    /// The services of `verdicts` that may go, as a job matrix; null where there are none.
    matrix: Option<serde_json::Value>,
    /// How each service's run ended, where several were run; `result` and `exit_code` are the worst.
    services: Vec<ServiceEndReport>,
    /// Values changed, or that would change.
    changes: Vec<ChangeReport>,
    /// Files changed, or that would change.
    files_changed: Vec<String>,
    /// Why edits were refused.
    refusals: Vec<RefusalReport>,
    /// What a person should know about the values: what was left as it is, and why.
    notes: Vec<String>,
    /// Unified diff of the changes.
    diff: Option<String>,
    /// The deployment of this run, where there is one.
    deployment: Option<DeploymentReport>,
    /// The metrics as they stood last.
    metrics: Vec<MetricReport>,
    /// Past deployments, newest first (`history`).
    deployments: Vec<DeploymentReport>,
    /// The figures of all deployments in the range (`history`).
    dora: Option<DoraReport>,
    /// Is every change on the branch explained (`history --audit`)?
    audit: Option<AuditReport>,
    /// What was found in files (`validate`).
    findings: Vec<FindingReport>,
    /// What was asked and how it stands at the beginning of the range (`next`).
    outlook: Option<OutlookReport>,
    /// When it opens and closes inside the range, in order (`next`).
    transitions: Vec<TransitionReport>,
    /// The cases of policies, in the order of files and lines (`test`).
    cases: Vec<CaseReport>,
    /// What was signed (`approve`).
    approval: Option<ApprovalReport>,
    /// What a deployment would do (`plan`, `deploy --dry-run`).
    plan: Option<PlanReport>,
    /// How much weight for how long (`plan --traffic-plan`).
    traffic_plan: Option<TrafficPlanReport>,
}

/// One thing found in a file.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingReport {
    path: String,
    /// 1-based; null where the file as a whole is meant.
    line: Option<usize>,
    /// 1-based, in characters.
    column: Option<usize>,
    #[schemars(extend("enum" = ["error", "warning", "info"]))]
    severity: &'static str,
    /// Stable id of the kind.
    code: String,
    message: String,
}

/// An approval or override that was signed, or that would be.
#[derive(Debug, Serialize, JsonSchema)]
struct ApprovalReport {
    /// SHA-256 of the statement, in hexadecimal: what a deployment records.
    id: String,
    /// What is signed: a JSON object as text.
    statement: String,
    /// Statement and signature, to hand over; null where nothing was signed.
    text: Option<String>,
    /// File that it was written to.
    path: Option<String>,
    /// Ref that it was stored as.
    reference: Option<String>,
}

/// One value that changes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangeReport {
    path: String,
    /// 1-based.
    line: usize,
    /// 1-based, in characters.
    column: usize,
    /// The Kubernetes object, as `Kind/name`.
    object: String,
    /// Path of the value inside the object.
    target: String,
    /// The value before; null for one that was not there.
    old: Option<String>,
    /// The value after; null for one that is gone.
    new: Option<String>,
}

/// Why an edit was refused.
#[derive(Debug, Serialize, JsonSchema)]
struct RefusalReport {
    path: Option<String>,
    line: Option<usize>,
    reason: String,
    hint: Option<String>,
}

/// One deployment of one service.
#[derive(Debug, Serialize, JsonSchema)]
struct DeploymentReport {
    /// Idempotency key of the deployment.
    run: String,
    service: String,
    environment: String,
    version: Option<String>,
    previous_version: Option<String>,
    strategy: String,
    /// State word of the journal.
    state: String,
    steps: Vec<StepReport>,
    /// Commits on the branch, oldest first.
    commits: Vec<CommitReport>,
    /// Branch head before the first push.
    previous_head: Option<String>,
    /// Percent of the traffic that the canary gets at the end.
    weight: Option<u8>,
    /// Did this run leave the branch different from how it found it?
    changed: bool,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// Who started it.
    actor: Option<String>,
    /// Application repository and commit that the version was built from.
    source: Option<String>,
    /// When that commit was written.
    source_at: Option<String>,
    /// Why it was taken back (`history`).
    #[schemars(extend("enum" = ["verification", "asked", "cancelled", "interrupted", "superseded", "trouble", "drill", "window-closed", null]))]
    cause: Option<String>,
    /// Why, where the journal says it (`history`).
    reason: Option<String>,
    /// Does it take an earlier deployment back, and bring nothing of its own (`history`)?
    takes_back: bool,
    /// Is it a rehearsal?
    drill: bool,
    /// Workload that serves everyone at the end, where the strategy switches between two.
    serves: Option<String>,
    /// How long the way back took, where this run has gone back.
    way_back: Option<WayBackReport>,
}

/// How long a way back took, in seconds from what caused it: of a drill and of a bad version the verdict.
#[derive(Debug, Serialize, JsonSchema)]
struct WayBackReport {
    /// Until the commit that takes users off the new version was pushed; null where there was none.
    traffic_seconds: Option<f64>,
    /// Until the last commit was pushed; null where nothing had to be pushed.
    pushed_seconds: Option<f64>,
    /// Until the old version was live and looked at; null where it was not.
    live_seconds: Option<f64>,
}

/// One step of a deployment.
#[derive(Debug, Serialize, JsonSchema)]
struct StepReport {
    /// 1-based.
    index: usize,
    name: String,
    /// Percent.
    weight: Option<u8>,
    #[schemars(extend("enum" = ["waiting", "running", "passed", "held", "failed", "skipped"]))]
    state: &'static str,
    started_at: Option<String>,
    finished_at: Option<String>,
}

/// One commit.
#[derive(Debug, Serialize, JsonSchema)]
struct CommitReport {
    sha: String,
    subject: String,
}

/// One metric or health check as it stood last.
#[derive(Debug, Serialize, JsonSchema)]
struct MetricReport {
    name: String,
    verdict: &'static str,
    /// The last value; null where there was none, which is never the same as 0.
    value: Option<f64>,
    /// What was wanted.
    wanted: String,
    /// One line: the value, or why there is none.
    detail: String,
    /// Measurements so far.
    measured: u32,
    /// Failures so far.
    failed: u32,
    errors_in_a_row: u32,
    /// Judged and shown, and decided nothing; only there where it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(flatten)]
    comparison: ComparisonReport,
}

/// Returns the JSON Schema of [`Report`].
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>()
        .to_value()
}

/// Renders the object as text that no CI runner reads a command in.
///
/// # Errors
/// Never in practice: the object is made of texts and numbers.
pub fn render(ended: &Ended<'_>) -> io::Result<String> {
    let text = serde_json::to_string_pretty(&Report::of(ended))?;
    Ok(sanitise::json(&text) + "\n")
}

/// Prints the object.
pub struct Json<W>(pub W);

impl<W: Write> Sink for Json<W> {
    fn name(&self) -> &'static str {
        "the result"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.0.write_all(render(ended)?.as_bytes())?;
        self.0.flush()
    }
}

/// Writes the object to a file.
pub struct ReportFile(pub Place);

impl Sink for ReportFile {
    fn name(&self) -> &'static str {
        "the report file"
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        self.0.replace(render(ended)?.as_bytes())
    }
}

impl Report {
    fn of(ended: &Ended<'_>) -> Self {
        let outcome: &Outcome = ended.outcome;
        Self {
            schema_version: SCHEMA_VERSION,
            command: ended.command.to_owned(),
            result: outcome.ending.result(),
            exit_code: ended.exit_code,
            reason_code: outcome.reason_code.clone(),
            reason: sanitise::line(&outcome.reason),
            started_at: instant(ended.started_at),
            finished_at: instant(ended.finished_at),
            hints: ended.outcome.next_steps(),
            override_used: outcome.override_used,
            verdict: outcome.verdict.as_ref().map(VerdictReport::of),
            verdicts: outcome.verdicts.iter().map(ServiceReport::of).collect(),
            matrix: (!outcome.verdicts.is_empty()).then(|| matrix::of(&outcome.verdicts)),
            services: outcome.services.iter().map(ServiceEndReport::of).collect(),
            changes: outcome.changes.iter().map(ChangeReport::of).collect(),
            files_changed: outcome.files_changed.clone(),
            refusals: outcome.refusals.iter().map(RefusalReport::of).collect(),
            notes: outcome.notes.clone(),
            diff: Some(outcome.diff.clone()).filter(|diff| !diff.is_empty()),
            deployment: outcome.deployment.as_ref().map(DeploymentReport::of),
            metrics: outcome.metrics.iter().map(MetricReport::of).collect(),
            deployments: outcome.history.iter().map(DeploymentReport::of).collect(),
            dora: outcome.dora.as_ref().map(DoraReport::of),
            audit: outcome.audit.as_ref().map(AuditReport::of),
            findings: outcome.findings.iter().map(FindingReport::of).collect(),
            outlook: outcome.outlook.as_ref().map(OutlookReport::of),
            transitions: outcome
                .outlook
                .iter()
                .flat_map(TransitionReport::all)
                .collect(),
            cases: outcome.cases.iter().map(CaseReport::of).collect(),
            approval: outcome.approval.as_ref().map(|approval| ApprovalReport {
                id: approval.id.clone(),
                statement: approval.statement.clone(),
                text: Some(approval.text.clone()).filter(|text| !text.is_empty()),
                path: approval.path.clone(),
                reference: approval.reference.clone(),
            }),
            plan: outcome.plan.as_deref().map(PlanReport::of),
            traffic_plan: outcome.traffic_plan.as_deref().map(TrafficPlanReport::of),
        }
    }
}

impl ChangeReport {
    pub(super) fn of(change: &Change) -> Self {
        Self {
            path: change.path.clone(),
            line: change.line,
            column: change.column,
            object: change.object.to_string(),
            target: change.target(),
            old: change.old.clone(),
            new: change.new.clone(),
        }
    }
}

impl RefusalReport {
    fn of(refusal: &Refusal) -> Self {
        Self {
            path: refusal.path.clone(),
            line: refusal.line,
            reason: refusal.reason.clone(),
            hint: refusal.hint.clone(),
        }
    }
}

impl DeploymentReport {
    fn of(deployment: &Deployment) -> Self {
        Self {
            run: deployment.run.clone(),
            service: deployment.service.clone(),
            environment: deployment.environment.clone(),
            version: deployment.version.as_ref().map(ToString::to_string),
            previous_version: deployment.previous_version.clone(),
            strategy: deployment.strategy.clone(),
            state: deployment.state.clone(),
            steps: deployment
                .steps
                .iter()
                .map(|step| StepReport {
                    index: step.index,
                    name: step.name.clone(),
                    weight: step.weight.map(|weight| weight.percent()),
                    state: step.state.word(),
                    started_at: step.started_at.map(instant),
                    finished_at: step.finished_at.map(instant),
                })
                .collect(),
            commits: deployment
                .commits
                .iter()
                .map(|commit| CommitReport {
                    sha: commit.sha.clone(),
                    subject: commit.subject.clone(),
                })
                .collect(),
            previous_head: deployment.previous_head.clone(),
            weight: deployment.weight.map(|weight| weight.percent()),
            changed: deployment.changed,
            started_at: deployment.started_at.map(instant),
            finished_at: deployment.finished_at.map(instant),
            actor: deployment.actor.clone(),
            source: deployment.source.clone(),
            source_at: deployment.source_at.map(instant),
            cause: deployment.cause.clone(),
            reason: deployment.reason.as_deref().map(sanitise::line),
            takes_back: deployment.takes_back,
            drill: deployment.drill,
            serves: deployment.serves.clone(),
            way_back: deployment.way_back.map(|times| WayBackReport {
                traffic_seconds: times.traffic.map(|it| it.as_secs_f64()),
                pushed_seconds: times.pushed.map(|it| it.as_secs_f64()),
                live_seconds: times.live.map(|it| it.as_secs_f64()),
            }),
        }
    }
}

impl FindingReport {
    fn of(finding: &FileFinding) -> Self {
        Self {
            path: finding.path.clone(),
            line: finding.line,
            column: finding.column,
            severity: finding.severity.word(),
            code: finding.code.clone(),
            message: sanitise::line(&finding.message),
        }
    }
}

impl MetricReport {
    fn of(metric: &MetricRecord) -> Self {
        Self::with_polls(metric, usize::MAX)
    }

    /// Reports a metric with the last polls of its comparison alone.
    fn with_polls(metric: &MetricRecord, polls: usize) -> Self {
        Self {
            name: metric.name.clone(),
            verdict: metric.verdict,
            value: metric.value.filter(|value| value.is_finite()),
            wanted: metric.wanted.clone(),
            detail: metric.detail.clone(),
            measured: metric.measured,
            failed: metric.failed,
            errors_in_a_row: metric.errors_in_a_row,
            dry_run: metric.dry_run,
            comparison: metric
                .comparison
                .as_deref()
                .map(|record| ComparisonReport::of(record, polls))
                .unwrap_or_default(),
        }
    }
}

/// Returns an instant as RFC 3339 with its offset, to the second.
pub(super) fn instant<Zone>(at: DateTime<Zone>) -> String
where
    Zone: TimeZone,
    Zone::Offset: std::fmt::Display,
{
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
