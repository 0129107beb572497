//! What a deployment would do, as data: steps with their times, commits, the way back, the end.

use std::time::Duration;

use super::Ending;
use crate::{analysis::judge::Parameters, manifest::Change, rollout::Arm, units::Weight};

/// What a deployment would do.
#[derive(Debug, Clone)]
pub struct PlanRecord {
    /// Run id: the idempotency key.
    pub run: String,
    /// Address of the repository, as it may be printed.
    pub repository: String,
    /// Is it a rehearsal?
    pub drill: bool,
    /// Service.
    pub service: String,
    /// Environment.
    pub environment: String,
    /// Version asked for.
    pub version: String,
    /// Version that runs now.
    pub previous_version: String,
    /// Name of the strategy.
    pub strategy: String,
    /// Branch that the commits go to.
    pub branch: String,
    /// The commit that all this was computed on, full id.
    pub base: String,
    /// Does each commit go through a pull request?
    pub through_pull_request: bool,
    /// What was proven before the first push, and what was not asked.
    pub preflight: Vec<PreflightRecord>,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// The commits that are not on the branch yet, in order.
    pub commits: Vec<PlannedCommit>,
    /// What is compared while it is watched.
    pub comparisons: Vec<PlannedComparison>,
    /// How long it takes where every wait ends at once.
    pub shortest: Duration,
    /// How long the whole may take before it is given up.
    pub longest: Duration,
    /// What becomes of it where it is not judged good: a sentence.
    pub otherwise: String,
    /// How it ends where everything goes well.
    pub end: PlannedEnd,
}

/// One thing that is looked at before the first push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreflightRecord {
    /// What: `image`, `values`, `queries`, `push`.
    pub name: &'static str,
    /// Was it proven? Else it was not asked; what is disproven ends the run.
    pub passed: bool,
    /// One line about it.
    pub detail: String,
}

/// One step to be.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// 1-based number.
    pub index: usize,
    /// What it does.
    pub name: String,
    /// Which kind: `write`, `wait`, `follow`, `preview`, `watch` or `approval`.
    pub kind: &'static str,
    /// Which workload it watches, if it does.
    pub watched: Option<Arm>,
    /// How long it watches.
    pub watched_for: Duration,
    /// Weight of the canary once it is done, where there is one.
    pub weight: Option<Weight>,
    /// When it begins at the earliest, counted from the first step that is still to be done.
    pub begins_after: Duration,
    /// How long it takes at least.
    pub shortest: Duration,
    /// How long it takes at most; none = until a person acts.
    pub longest: Option<Duration>,
    /// Has an earlier try of the same run done it?
    pub is_done: bool,
    /// What takes it back when it ends badly, in order; empty where there is nothing to take back.
    pub way_back: Vec<String>,
    /// Is the version judged good by then, so that the step is finished later and not taken back?
    pub only_tidies: bool,
}

/// One comparison to be.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedComparison {
    /// Its name.
    pub name: String,
    /// What it tolerates and how sure it must be.
    pub parameters: Parameters,
    /// Time between two polls.
    pub interval: Duration,
}

/// One commit to be.
#[derive(Debug, Clone)]
pub struct PlannedCommit {
    /// 1-based number of its step.
    pub step: usize,
    /// First line of its message.
    pub subject: String,
    /// The whole message, trailers included.
    pub message: String,
    /// The values.
    pub changes: Vec<Change>,
    /// Unified diff against the commit before.
    pub diff: String,
}

/// How a deployment ends where everything goes well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEnd {
    /// Which ending: deployed, or held where somebody has to approve.
    pub ending: Ending,
    /// 1-based number of the step at which it ends.
    pub step: usize,
    /// When, at the earliest.
    pub after: Duration,
    /// One line about it.
    pub sentence: String,
}
