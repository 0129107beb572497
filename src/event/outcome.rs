//! How a command ended, with everything that there is to show of it.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    BranchAudit, CaseRecord, ComparisonRecord, DoraFigures, Ending, OutlookRecord, PlanRecord,
    ServiceEnd, ServiceVerdict, TrafficPlanRecord,
};
use crate::{
    manifest::{Change, Refusal},
    policy::{Severity, Verdict},
    units::{Version, Weight},
};

/// How a command ended, with all that machine output shows (design of `--output json`).
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which ending.
    pub ending: Ending,
    /// Finer stable id than the exit code's name, where there is one.
    pub reason_code: String,
    /// One line for a tired person.
    pub reason: String,
    /// What to do next, one line each.
    pub hints: Vec<String>,
    /// The gate's answer, where it was asked.
    pub verdict: Option<Verdict>,
    /// The answer for each service, where several were asked about; `verdict` is the worst of them.
    pub verdicts: Vec<ServiceVerdict>,
    /// How each service's run ended, where several were run, in the order in which they were named.
    /// The ending is the worst of them.
    pub services: Vec<ServiceEnd>,
    /// The deployment, where there is one.
    pub deployment: Option<Deployment>,
    /// Values changed, or that would change.
    pub changes: Vec<Change>,
    /// Files changed, or that would change.
    pub files_changed: Vec<String>,
    /// Why edits were refused.
    pub refusals: Vec<Refusal>,
    /// What a person should know about the values: what was left as it is, and why.
    pub notes: Vec<String>,
    /// Unified diff of the changes.
    pub diff: String,
    /// The metrics as they stood last.
    pub metrics: Vec<MetricRecord>,
    /// Past deployments, newest first (`history`).
    pub history: Vec<Deployment>,
    /// Their figures (`history`).
    pub dora: Option<DoraFigures>,
    /// Is every change on the branch explained (`history --audit`)?
    pub audit: Option<BranchAudit>,
    /// The coming openings and closings (`next`).
    pub outlook: Option<OutlookRecord>,
    /// The cases of policies, judged (`test`).
    pub cases: Vec<CaseRecord>,
    /// Did an emergency override let this through?
    pub override_used: bool,
    /// What was found in files (`validate`), in their order.
    pub findings: Vec<FileFinding>,
    /// What was signed (`approve`).
    pub approval: Option<ApprovalRecord>,
    /// What a deployment would do (`plan`, `deploy --dry-run`).
    pub plan: Option<Box<PlanRecord>>,
    /// What its steps can see (`plan --traffic-plan`).
    pub traffic_plan: Option<Box<TrafficPlanRecord>>,
}

/// An approval or override that was signed, or that would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// SHA-256 of the statement, in hexadecimal: what a deployment records.
    pub id: String,
    /// What is signed: a JSON object.
    pub statement: String,
    /// Statement and signature; empty where nothing was signed.
    pub text: String,
    /// File that it was written to.
    pub path: Option<String>,
    /// Ref that it was stored as.
    pub reference: Option<String>,
}

impl Outcome {
    /// Makes another end of it, which has no finer reason.
    pub fn end_as(&mut self, ending: Ending) {
        self.ending = ending;
        ending.code().name.clone_into(&mut self.reason_code);
    }

    /// Makes an outcome with a reason and nothing else.
    pub fn new(ending: Ending, reason: impl Into<String>) -> Self {
        Self {
            ending,
            reason_code: ending.code().name.to_owned(),
            reason: reason.into(),
            hints: Vec::new(),
            verdict: None,
            verdicts: Vec::new(),
            services: Vec::new(),
            deployment: None,
            changes: Vec::new(),
            files_changed: Vec::new(),
            refusals: Vec::new(),
            notes: Vec::new(),
            diff: String::new(),
            metrics: Vec::new(),
            history: Vec::new(),
            dora: None,
            audit: None,
            outlook: None,
            cases: Vec::new(),
            override_used: false,
            findings: Vec::new(),
            approval: None,
            plan: None,
            traffic_plan: None,
        }
    }

    /// Returns what to do next: the hints, or what the exit code itself advises.
    pub fn next_steps(&self) -> Vec<String> {
        let code = self.ending.code();
        let mut steps = self.hints.clone();
        if steps.is_empty() && code.number != 0 {
            steps.push(code.next_step.to_owned());
        }
        steps
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Why a command could not do its work: an ending that is not the wanted one, as an error.
#[derive(Debug, Clone)]
pub struct Failure(pub Box<Outcome>);

impl Failure {
    /// Makes a failure.
    pub fn new(ending: Ending, reason: impl Into<String>) -> Self {
        Self(Box::new(Outcome::new(ending, reason)))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.reason)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        *failure.0
    }
}

/// One deployment of one service, of this run or of the past.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    /// Run id: the idempotency key.
    pub run: String,
    /// Service.
    pub service: String,
    /// Environment.
    pub environment: String,
    /// Version asked for.
    pub version: Option<Version>,
    /// Version that ran before.
    pub previous_version: Option<String>,
    /// Strategy's name: `canary`, `rolling`.
    pub strategy: String,
    /// State word of the journal: `started`, `advanced`, `promoted`, `verified`, `rolled-back`, `held`.
    pub state: String,
    /// The steps.
    pub steps: Vec<StepRecord>,
    /// The commits on the branch, oldest first.
    pub commits: Vec<CommitRecord>,
    /// Branch head before the first push, full id.
    pub previous_head: Option<String>,
    /// Weight at the end, where there is a canary.
    pub weight: Option<Weight>,
    /// Did this run leave the branch different from how it found it?
    pub changed: bool,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Who started it.
    pub actor: Option<String>,
    /// Application repository and commit, where that is known.
    pub source: Option<String>,
    /// When that commit was written.
    pub source_at: Option<DateTime<Utc>>,
    /// Why it was taken back, as a word: `verification`, `asked`, …
    pub cause: Option<String>,
    /// Why, where the journal says it.
    pub reason: Option<String>,
    /// Does it take an earlier deployment back, and bring nothing of its own?
    pub takes_back: bool,
    /// Is it a rehearsal?
    pub drill: bool,
    /// The workload that serves everyone at the end, where the strategy switches between two.
    pub serves: Option<String>,
    /// How long its way back took, where the run has gone back.
    pub way_back: Option<WayBackTimes>,
}

/// How long a way back took, counted from what caused it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WayBackTimes {
    /// Until the commit that takes users off the new version was pushed; none where there was none.
    pub traffic: Option<Duration>,
    /// Until the last commit was pushed; none where nothing had to be pushed.
    pub pushed: Option<Duration>,
    /// Until the old version was live and looked at; none where it was not.
    pub live: Option<Duration>,
}

/// One step as it went.
#[derive(Debug, Clone)]
pub struct StepRecord {
    /// 1-based number.
    pub index: usize,
    /// What it does.
    pub name: String,
    /// Weight while it runs.
    pub weight: Option<Weight>,
    /// How it stands.
    pub state: StepState,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Under way.
    Running,
    /// Ended well.
    Passed,
    /// Left as it is: a person decides.
    Held,
    /// Ended badly.
    Failed,
    /// Not needed: already so.
    Skipped,
}

impl StepState {
    /// Returns the stable word of machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One commit that this run pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRecord {
    /// Full id.
    pub sha: String,
    /// First line of the message.
    pub subject: String,
}

/// One metric or health check as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRecord {
    /// Its name.
    pub name: String,
    /// `pass`, `fail`, `inconclusive`, `error` or `not-yet`; of a comparison `worse`, `hold`,
    /// `not-yet` or `good`.
    pub verdict: &'static str,
    /// The last value, if there was one.
    pub value: Option<f64>,
    /// What was wanted: `at most 0.5`.
    pub wanted: String,
    /// One line: the value, or why there is none.
    pub detail: String,
    /// Measurements so far.
    pub measured: u32,
    /// Failures so far.
    pub failed: u32,
    /// Errors in a row.
    pub errors_in_a_row: u32,
    /// Is it judged and shown, and decides nothing?
    pub dry_run: bool,
    /// The comparison of two arms, where it is one.
    pub comparison: Option<Box<ComparisonRecord>>,
}

/// One thing found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFinding {
    /// Path as the user gave it.
    pub path: String,
    /// 1-based line; none where the file as a whole is meant.
    pub line: Option<usize>,
    /// 1-based column, in characters.
    pub column: Option<usize>,
    /// How much it matters.
    pub severity: Severity,
    /// Stable id of the kind.
    pub code: String,
    /// What is wrong or odd, and what was expected.
    pub message: String,
    /// The line, where it may be shown.
    pub excerpt: Option<String>,
}
