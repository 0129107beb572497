//! What a deployment would do, as the machine's result has it.

use schemars::JsonSchema;
use serde::Serialize;

use super::json::ChangeReport;
use crate::{
    event::{PlanRecord, PlannedCommit, PlannedStep},
    rollout::Arm,
};

/// What a deployment would do. Seconds count from the first step that is still to be done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanReport {
    /// Idempotency key of the deployment.
    run: String,
    /// Address of the repository.
    repository: String,
    /// Is it a rehearsal?
    drill: bool,
    service: String,
    environment: String,
    version: String,
    previous_version: String,
    strategy: String,
    /// Branch that the commits go to.
    branch: String,
    /// Commit that all this was computed on.
    base: String,
    /// Does each commit go through a pull request?
    through_pull_request: bool,
    /// What was proven before the first push, and what was not asked.
    preflight: Vec<PreflightReport>,
    steps: Vec<PlannedStepReport>,
    /// The commits that are not on the branch yet, in order.
    commits: Vec<PlannedCommitReport>,
    /// How long it takes where every wait ends at once.
    shortest_seconds: u64,
    /// How long the whole may take before it is given up: taken back, or held as `on_failure` says.
    longest_seconds: u64,
    /// How `deploy` ends where everything goes well.
    end: PlannedEndReport,
}

/// One thing that is looked at before the first push.
#[derive(Debug, Serialize, JsonSchema)]
struct PreflightReport {
    name: &'static str,
    #[schemars(extend("enum" = ["passed", "not-asked"]))]
    state: &'static str,
    detail: String,
}

/// One step to be.
#[derive(Debug, Serialize, JsonSchema)]
struct PlannedStepReport {
    /// 1-based.
    index: usize,
    name: String,
    #[schemars(extend("enum" = ["write", "wait", "follow", "watch", "approval"]))]
    kind: &'static str,
    /// Which workload it watches, if it does.
    #[schemars(extend("enum" = ["stable", "canary", null]))]
    watched: Option<&'static str>,
    /// Percent of the traffic that the canary gets once it is done.
    weight: Option<u8>,
    /// When it begins at the earliest.
    begins_after_seconds: u64,
    /// How long it takes at least.
    shortest_seconds: u64,
    /// How long it takes at most; null until a person acts.
    longest_seconds: Option<u64>,
    /// Has an earlier try of the same run done it?
    is_done: bool,
    /// What takes it back when it ends badly, in order.
    way_back: Vec<String>,
    /// Is the version judged good by then, so that the step is finished later and not taken back?
    only_tidies: bool,
}

/// One commit to be.
#[derive(Debug, Serialize, JsonSchema)]
struct PlannedCommitReport {
    /// 1-based number of its step.
    step: usize,
    subject: String,
    /// The whole message, trailers included.
    message: String,
    changes: Vec<ChangeReport>,
    /// Unified diff against the commit before.
    diff: String,
}

/// How a deployment ends where everything goes well.
#[derive(Debug, Serialize, JsonSchema)]
struct PlannedEndReport {
    #[schemars(extend("enum" = ["deployed", "held"]))]
    result: &'static str,
    exit_code: u8,
    /// 1-based number of the step at which it ends.
    step: usize,
    /// When, at the earliest.
    after_seconds: u64,
    sentence: String,
}

impl PlanReport {
    pub(super) fn of(record: &PlanRecord) -> Self {
        let end = &record.end;
        Self {
            run: record.run.clone(),
            repository: record.repository.clone(),
            drill: record.drill,
            service: record.service.clone(),
            environment: record.environment.clone(),
            version: record.version.clone(),
            previous_version: record.previous_version.clone(),
            strategy: record.strategy.clone(),
            branch: record.branch.clone(),
            base: record.base.clone(),
            through_pull_request: record.through_pull_request,
            preflight: record
                .preflight
                .iter()
                .map(|row| PreflightReport {
                    name: row.name,
                    state: if row.passed { "passed" } else { "not-asked" },
                    detail: row.detail.clone(),
                })
                .collect(),
            steps: record.steps.iter().map(PlannedStepReport::of).collect(),
            commits: record.commits.iter().map(PlannedCommitReport::of).collect(),
            shortest_seconds: record.shortest.as_secs(),
            longest_seconds: record.longest.as_secs(),
            end: PlannedEndReport {
                result: end.ending.result(),
                exit_code: end.ending.code().number,
                step: end.step,
                after_seconds: end.after.as_secs(),
                sentence: end.sentence.clone(),
            },
        }
    }
}

impl PlannedStepReport {
    fn of(step: &PlannedStep) -> Self {
        Self {
            index: step.index,
            name: step.name.clone(),
            kind: step.kind,
            watched: step.watched.map(Arm::word),
            weight: step.weight.map(|weight| weight.percent()),
            begins_after_seconds: step.begins_after.as_secs(),
            shortest_seconds: step.shortest.as_secs(),
            longest_seconds: step.longest.map(|longest| longest.as_secs()),
            is_done: step.is_done,
            way_back: step.way_back.clone(),
            only_tidies: step.only_tidies,
        }
    }
}

impl PlannedCommitReport {
    fn of(commit: &PlannedCommit) -> Self {
        Self {
            step: commit.step,
            subject: commit.subject.clone(),
            message: commit.message.clone(),
            changes: commit.changes.iter().map(ChangeReport::of).collect(),
            diff: commit.diff.clone(),
        }
    }
}
