//! The figures of the past and the judged branch in the machine's result.

use schemars::JsonSchema;
use serde::Serialize;

use super::{json::instant, sanitise};
use crate::event::{BranchAudit, DoraFigures, Gap, Median};

/// The four figures of DORA. Null is not known.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DoraReport {
    /// Start of the range, inclusive.
    from: Option<String>,
    /// End of the range, exclusive.
    until: String,
    deployment_frequency: FrequencyReport,
    lead_time: MedianReport,
    change_failure_rate: RateReport,
    time_to_restore: MedianReport,
    /// Runs that say nothing about changes: cancelled, interrupted, superseded, not finished.
    not_counted: usize,
    /// Rehearsals.
    drills: usize,
}

/// How often changes were verified.
#[derive(Debug, Serialize, JsonSchema)]
struct FrequencyReport {
    deployments: usize,
    /// Null where the range is shorter than a day.
    per_week: Option<f64>,
    /// Time between two of them.
    between: MedianReport,
}

/// How many changes failed.
#[derive(Debug, Serialize, JsonSchema)]
struct RateReport {
    /// 0.0 to 1.0; null without any change.
    ratio: Option<f64>,
    failures: usize,
    /// Changes that were verified or failed.
    changes: usize,
}

/// The median of what is known.
#[derive(Debug, Serialize, JsonSchema)]
struct MedianReport {
    median_seconds: Option<i64>,
    /// Of how many it is.
    known: usize,
    /// How many there are, known or not.
    of: usize,
}

/// What a branch did to the values that shipgate manages.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AuditReport {
    branch: String,
    /// The time of the first commit that was judged.
    from: Option<String>,
    /// Commits that were judged.
    commits: usize,
    /// Values that are managed now.
    values: usize,
    /// Changes that a run explains.
    explained: usize,
    /// Why the range does not reach as far back as it should; null where it does.
    cut: Option<String>,
    /// What nobody explains, newest first.
    gaps: Vec<GapReport>,
}

/// Something that nobody explains.
#[derive(Debug, Serialize, JsonSchema)]
struct GapReport {
    #[schemars(extend("enum" = ["unexplained", "unknown-run", "not-announced", "withdrawn-run", "missing-commit", "unreadable"]))]
    kind: &'static str,
    /// Null for a commit that should be there and is not.
    commit: Option<String>,
    author: Option<String>,
    at: String,
    service: String,
    /// Run that the commit claims, or that the journal tells of.
    run: Option<String>,
    message: String,
    /// The value, where one changed.
    change: Option<GapChangeReport>,
}

/// One value that changed.
#[derive(Debug, Serialize, JsonSchema)]
struct GapChangeReport {
    path: String,
    /// 1-based.
    line: usize,
    /// The Kubernetes object, as `Kind/name`.
    object: String,
    /// Path of the value inside the object.
    target: String,
    /// The value before; null where it was gone.
    old: Option<String>,
    /// The value after; null where it is gone.
    new: Option<String>,
}

impl DoraReport {
    pub(super) fn of(figures: &DoraFigures) -> Self {
        Self {
            from: figures.from.map(instant),
            until: instant(figures.until),
            deployment_frequency: FrequencyReport {
                deployments: figures.deployments,
                per_week: figures.deployments_per_week.filter(|it| it.is_finite()),
                between: MedianReport::of(figures.between),
            },
            lead_time: MedianReport::of(figures.lead_time),
            change_failure_rate: RateReport {
                ratio: figures.change_failure_rate().filter(|it| it.is_finite()),
                failures: figures.failures,
                changes: figures.changes,
            },
            time_to_restore: MedianReport::of(figures.time_to_restore),
            not_counted: figures.not_counted,
            drills: figures.drills,
        }
    }
}

impl MedianReport {
    fn of(median: Median) -> Self {
        Self {
            median_seconds: median.median.map(|length| length.num_seconds()),
            known: median.known,
            of: median.of,
        }
    }
}

impl AuditReport {
    pub(super) fn of(audit: &BranchAudit) -> Self {
        Self {
            branch: audit.branch.clone(),
            from: audit.from.map(instant),
            commits: audit.commits,
            values: audit.values,
            explained: audit.explained,
            cut: audit.cut.clone(),
            gaps: audit.gaps.iter().map(GapReport::of).collect(),
        }
    }
}

impl GapReport {
    fn of(gap: &Gap) -> Self {
        let change = gap.change.as_ref().map(|change| GapChangeReport {
            path: change.path.clone(),
            line: change.line,
            object: change.key.object.clone(),
            target: change.key.target.clone(),
            old: change.old.clone(),
            new: change.new.clone(),
        });
        Self {
            kind: gap.kind.word(),
            commit: gap.commit.clone(),
            author: gap.author.as_deref().map(sanitise::line),
            at: instant(gap.at),
            service: sanitise::line(&gap.service),
            run: gap.run.as_deref().map(sanitise::line),
            message: sanitise::line(&gap.message),
            change,
        }
    }
}
