//! Every ending of a command: the one place that says which ending has which exit code.

use crate::{
    exit::{self, Code},
    policy::{Decision, ReasonCode, Verdict},
};

/// The reason code of a flag that names what the configuration does not have.
pub const UNKNOWN_NAME: &str = "unknown-name";

/// Every way in which a command can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A command that only shows something has shown it.
    Shown,
    /// The gate lets through.
    Allowed,
    /// The gate lets through with a warning.
    Warned,
    /// Deployed and verified; or rolled back, recovered, cleaned up as asked.
    Deployed,
    /// Taken back as asked; the old version is live.
    TakenBack,
    /// Everything was already so; nothing was changed.
    NoChange,
    /// What runs is healthy.
    Healthy,
    /// A defect of shipgate.
    Internal,
    /// Flags or inputs.
    Usage,
    /// Policy or configuration.
    ConfigInvalid,
    /// A test, lint or audit found something.
    Findings,
    /// Outside the windows or on a blocked date.
    BlockedWindow,
    /// An approval is missing.
    ApprovalRequired,
    /// Too much traffic.
    BlockedTraffic,
    /// The override is not good enough.
    OverrideRefused,
    /// Any other rule.
    BlockedOther,
    /// A provider could not answer.
    Unavailable,
    /// Too little data.
    InsufficientData,
    /// Judged worse; nothing was changed.
    Unhealthy,
    /// A target is missing, ambiguous or unsafe.
    EditRefused,
    /// Lost every race.
    PushConflict,
    /// The server refused.
    PushDenied,
    /// Verification failed; the old state is back and live.
    RolledBack,
    /// Verification failed and so did the way back.
    RollbackFailed,
    /// Left at its weight.
    Held,
    /// Someone else changed it meanwhile.
    Superseded,
    /// A push whose outcome is not known.
    PushUnknown,
    /// A signal after a push; rolled back.
    CancelledRolledBack,
    /// A signal after a push; left for `recover`.
    CancelledLeft,
    /// SIGINT before any change.
    Interrupted,
    /// SIGTERM, or the starter is gone, before any change.
    Terminated,
}

impl Ending {
    /// Returns the exit code.
    pub fn code(self) -> Code {
        match self {
            Self::Shown
            | Self::Allowed
            | Self::Warned
            | Self::Deployed
            | Self::TakenBack
            | Self::NoChange
            | Self::Healthy => exit::OK,
            Self::Internal => exit::INTERNAL,
            Self::Usage => exit::USAGE,
            Self::ConfigInvalid => exit::CONFIG_INVALID,
            Self::Findings => exit::FINDINGS,
            Self::BlockedWindow => exit::BLOCKED_WINDOW,
            Self::ApprovalRequired => exit::APPROVAL_REQUIRED,
            Self::BlockedTraffic => exit::BLOCKED_TRAFFIC,
            Self::OverrideRefused => exit::OVERRIDE_REFUSED,
            Self::BlockedOther => exit::BLOCKED_OTHER,
            Self::Unavailable => exit::UNAVAILABLE,
            Self::InsufficientData => exit::INSUFFICIENT_DATA,
            Self::Unhealthy => exit::UNHEALTHY,
            Self::EditRefused => exit::EDIT_REFUSED,
            Self::PushConflict => exit::PUSH_CONFLICT,
            Self::PushDenied => exit::PUSH_DENIED,
            Self::RolledBack => exit::ROLLED_BACK,
            Self::RollbackFailed => exit::ROLLBACK_FAILED,
            Self::Held => exit::HELD,
            Self::Superseded => exit::SUPERSEDED,
            Self::PushUnknown => exit::PUSH_UNKNOWN,
            Self::CancelledRolledBack => exit::CANCELLED_ROLLED_BACK,
            Self::CancelledLeft => exit::CANCELLED_LEFT,
            Self::Interrupted => exit::INTERRUPTED,
            Self::Terminated => exit::TERMINATED,
        }
    }

    /// Is this the ending of a run in which one service ended so and another one as `other`?
    pub fn is_worse_than(self, other: Self) -> bool {
        let rank = |ending: Self| {
            let number = ending.code().number;
            exit::WORST_FIRST.iter().position(|it| *it == number)
        };
        // A code that the order does not hold is worse than any that it holds.
        rank(self) < rank(other) || self == Self::Warned && other == Self::Allowed
    }

    /// Returns the `result` word of machine output.
    pub fn result(self) -> &'static str {
        match self {
            Self::Shown => "ok",
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Deployed => "deployed",
            Self::NoChange => "no-change",
            Self::Healthy => "healthy",
            Self::BlockedWindow
            | Self::BlockedTraffic
            | Self::OverrideRefused
            | Self::BlockedOther => "blocked",
            Self::ApprovalRequired => "approval-required",
            Self::Unavailable | Self::InsufficientData => "undetermined",
            Self::Unhealthy => "unhealthy",
            Self::TakenBack | Self::RolledBack => "rolled-back",
            Self::RollbackFailed => "rollback-failed",
            Self::Held => "held",
            Self::Superseded => "superseded",
            Self::CancelledRolledBack
            | Self::CancelledLeft
            | Self::Interrupted
            | Self::Terminated => "cancelled",
            Self::Internal
            | Self::Usage
            | Self::ConfigInvalid
            | Self::Findings
            | Self::EditRefused
            | Self::PushConflict
            | Self::PushDenied
            | Self::PushUnknown => "error",
        }
    }
}

impl From<&Verdict> for Ending {
    fn from(verdict: &Verdict) -> Self {
        match verdict.decision {
            Decision::Allowed => Self::Allowed,
            Decision::Warned => Self::Warned,
            Decision::ApprovalRequired => Self::ApprovalRequired,
            Decision::Blocked => match verdict.deciding().map(|reason| reason.code) {
                Some(ReasonCode::BlockedWindow | ReasonCode::BlockedDate | ReasonCode::Runway) => {
                    Self::BlockedWindow
                }
                Some(ReasonCode::BlockedTraffic) => Self::BlockedTraffic,
                Some(ReasonCode::OverrideRefused) => Self::OverrideRefused,
                Some(ReasonCode::ApprovalRequired) => Self::ApprovalRequired,
                Some(ReasonCode::Unavailable) => Self::Unavailable,
                Some(
                    ReasonCode::AlertFiring
                    | ReasonCode::Freeze
                    | ReasonCode::Require
                    | ReasonCode::KnownBad
                    | ReasonCode::BlockedOther
                    | ReasonCode::Allowed
                    | ReasonCode::NotEvaluated,
                )
                | None => Self::BlockedOther,
            },
        }
    }
}
