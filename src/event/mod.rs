//! What happened, as data: every reporter renders the same events.

mod branch_audit;
mod cases;
mod comparison;
pub mod dora;
mod ending;
mod outcome;
mod outlook;
mod override_use;
mod plan;
pub mod quantity;
mod services;
mod traffic_plan;

pub use branch_audit::{BranchAudit, Gap, GapKind, ManagedValue, ValueChange, ValueKey, Values};
pub use cases::CaseRecord;
pub use comparison::{ComparedFigures, ComparisonRecord};
pub use dora::{DoraFigures, Median};
pub use ending::{Ending, UNKNOWN_NAME};
pub use outcome::{
    ApprovalRecord, CommitRecord, Deployment, Failure, FileFinding, MetricRecord, Outcome,
    StepRecord, StepState, WayBackTimes,
};
pub use outlook::OutlookRecord;
pub use override_use::OverrideUse;
pub use plan::{
    PlanRecord, PlannedCommit, PlannedComparison, PlannedEnd, PlannedStep, PreflightRecord,
};
pub use services::{ServiceEnd, ServiceVerdict, in_region};
pub use traffic_plan::{ComparisonPlan, ProposedSchedule, StepOutlook, TrafficPlanRecord};

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{manifest::Change, policy::Verdict, units::Weight};

/// One thing that happened, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A command began.
    Started {
        /// When.
        at: DateTime<Utc>,
        /// What, as one line: `deploy advertisements 1.1 to production`.
        title: String,
    },
    /// The gate has answered.
    Gate(Box<Verdict>),
    /// An emergency override is about to be used: whoever must know it knows it.
    OverrideUsed(Box<OverrideUse>),
    /// What would be or is being changed.
    Changes {
        /// The values.
        changes: Vec<Change>,
        /// The unified diff.
        diff: String,
    },
    /// The plan, one line a step.
    Plan {
        /// The steps' names with their times.
        steps: Vec<String>,
        /// The steps that would take it back.
        way_back: Vec<String>,
        /// Estimated length of the whole.
        length: Duration,
    },
    /// A step began.
    StepStarted {
        /// When.
        at: DateTime<Utc>,
        /// 1-based number.
        index: usize,
        /// How many there are.
        total: usize,
        /// What it does.
        name: String,
        /// Weight of the canary while it runs, if there is one.
        weight: Option<Weight>,
    },
    /// A step ended.
    StepFinished {
        /// When.
        at: DateTime<Utc>,
        /// 1-based number.
        index: usize,
        /// How it ended.
        state: StepState,
        /// One line about it.
        detail: String,
    },
    /// A commit is on the branch.
    Pushed {
        /// When.
        at: DateTime<Utc>,
        /// Full id.
        commit: String,
        /// First line of the message.
        subject: String,
        /// Branch.
        branch: String,
        /// Pushes that lost a race before this one.
        retries: u32,
    },
    /// Still waiting; at most one a minute is printed where nobody watches.
    Waiting {
        /// When.
        at: DateTime<Utc>,
        /// What for: `canary to run 1.1 (runs 1.0)`.
        what: String,
        /// How long already.
        elapsed: Duration,
        /// How long at most, where there is a limit.
        limit: Option<Duration>,
    },
    /// One measurement was judged.
    Measured {
        /// When.
        at: DateTime<Utc>,
        /// The metric as it stands now.
        metric: MetricRecord,
    },
    /// The way back begins.
    WayBack {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: String,
    },
    /// Something a person should know that stops nothing.
    Warning(String),
    /// Progress that is worth a line.
    Note(String),
    /// Something happened in the run of one service among several.
    Of {
        /// The service.
        service: String,
        /// What.
        event: Box<Self>,
    },
}

impl Event {
    /// Returns when it happened, where it has a time of its own.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Of { event, .. } => event.at(),
            Self::Started { at, .. }
            | Self::StepStarted { at, .. }
            | Self::StepFinished { at, .. }
            | Self::Pushed { at, .. }
            | Self::Waiting { at, .. }
            | Self::Measured { at, .. }
            | Self::WayBack { at, .. } => Some(*at),
            Self::OverrideUsed(used) => Some(used.at),
            Self::Gate(_)
            | Self::Changes { .. }
            | Self::Plan { .. }
            | Self::Warning(_)
            | Self::Note(_) => None,
        }
    }
}

/// Takes events and renders them. A failure to render never stops a deployment.
pub trait Reporter {
    /// Takes one event.
    fn event(&mut self, event: &Event);

    /// Takes the end of the command; called exactly once.
    fn finish(&mut self, outcome: &Outcome);
}
