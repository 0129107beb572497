//! The answer of the gate: decision, every reason, and when it opens and closes next.

use chrono::{DateTime, FixedOffset};

use super::{
    approval::{Approved, Overridden},
    document::Overrun,
};

/// May it go?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// Yes, with something to know.
    Warned,
    /// No.
    Blocked,
    /// Yes, once a person has approved.
    ApprovalRequired,
}

impl Decision {
    /// Returns the stable word of machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Blocked => "blocked",
            Self::ApprovalRequired => "approval-required",
        }
    }
}

/// Which kind of rule a reason comes from, in the order in which they decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonCode {
    /// An override that is not good enough.
    OverrideRefused,
    /// Outside every allowed window, or inside a blocked one.
    BlockedWindow,
    /// On a blocked date.
    BlockedDate,
    /// It closes before the deployment could end.
    Runway,
    /// Traffic above the maximum.
    BlockedTraffic,
    /// An alert is firing.
    AlertFiring,
    /// A file `FREEZE` beside the policy.
    Freeze,
    /// The service's own configuration does less than the policy requires.
    Require,
    /// The version failed here before and was taken back.
    KnownBad,
    /// Any other rule, such as an unfinished run.
    BlockedOther,
    /// A window that asks for an approval.
    ApprovalRequired,
    /// A fact that the rule needs could not be had.
    Unavailable,
    /// Inside an allowed window, or no window is set.
    Allowed,
    /// It was not looked at and does not decide.
    NotEvaluated,
}

impl ReasonCode {
    /// What an override may lift, where the policy allows it.
    pub const OVERRIDABLE: [Self; 11] = [
        Self::BlockedWindow,
        Self::BlockedDate,
        Self::Runway,
        Self::BlockedTraffic,
        Self::AlertFiring,
        Self::Freeze,
        Self::Require,
        Self::KnownBad,
        Self::BlockedOther,
        Self::ApprovalRequired,
        Self::Unavailable,
    ];

    /// Returns the stable word of machine output.
    pub fn word(self) -> &'static str {
        match self {
            Self::OverrideRefused => "override-refused",
            Self::BlockedWindow => "blocked-window",
            Self::BlockedDate => "blocked-date",
            Self::Runway => "runway",
            Self::BlockedTraffic => "blocked-traffic",
            Self::AlertFiring => "alert-firing",
            Self::Freeze => "freeze",
            Self::Require => "require",
            Self::KnownBad => "known-bad",
            Self::BlockedOther => "blocked-other",
            Self::ApprovalRequired => "approval-required",
            Self::Unavailable => "unavailable",
            Self::Allowed => "allowed",
            Self::NotEvaluated => "not-evaluated",
        }
    }
}

/// What a reason does to the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It alone blocks.
    Blocks,
    /// It asks for an approval.
    AsksApproval,
    /// It would block, and an override lets through.
    Overridden,
    /// It warns and lets through.
    Warns,
    /// It lets through.
    Allows,
    /// It could not be looked at and does not decide (`--at` without traffic).
    NotEvaluated,
}

/// One rule's part in a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule, as a path in the policy: `allowed_windows[0]`, `blocked_dates[2]`.
    pub rule: String,
    /// Which kind of rule.
    pub code: ReasonCode,
    /// What it does to the decision.
    pub effect: Effect,
    /// One sentence for a tired person, without the next opening (the verdict has it).
    pub message: String,
    /// 1-based line in the policy, where there is one.
    pub line: Option<usize>,
}

/// Which policy decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicySource {
    /// Path in the repository or on disk, as given.
    pub path: String,
    /// Commit that it was read at; none for a file from disk.
    pub commit: Option<String>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// The files beside it that it names, by path.
    pub files: Vec<PolicyFile>,
}

/// A file that a policy names and that was read with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Path beside the policy, as the policy has it.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl PolicySource {
    /// Returns it as trailers and audit lines hold it: `path@commit sha256`.
    pub fn trailer(&self) -> String {
        let commit = self.commit.as_deref().unwrap_or("disk");
        format!("{}@{commit} {}", self.path, self.sha256)
    }
}

/// The gate's answer. A function of policy, request, facts and instant alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// May it go?
    pub decision: Decision,
    /// The true decision of a policy that lets everything through because it is being tried out.
    pub would_be: Option<Decision>,
    /// Every reason, the deciding one first.
    pub reasons: Vec<Reason>,
    /// When it opens next, in the zone of [`Verdict::timezone`]; none while open or with no known end.
    pub opens_at: Option<DateTime<FixedOffset>>,
    /// Why it opens then: `the blocked date "Christmas" ends`.
    pub opens_because: Option<String>,
    /// When what is open now closes; none while closed or with no known end.
    pub closes_at: Option<DateTime<FixedOffset>>,
    /// Why it closes then: `the window Mon-Thu 09:00-16:00 Europe/London ends`.
    pub closes_because: Option<String>,
    /// What a deployment that is under way by then does about it.
    pub overrun: Overrun,
    /// When it opens next after that; none where nobody will ask, or there is no known end.
    pub reopens_at: Option<DateTime<FixedOffset>>,
    /// IANA name of the zone the instants are shown in.
    pub timezone: String,
    /// The instant that was judged, in that zone.
    pub evaluated_at: DateTime<FixedOffset>,
    /// Which policy decided.
    pub policy: PolicySource,
    /// The approvals that were needed and let it through.
    pub approvals: Vec<Approved>,
    /// The overrides that let it through, where rules would have blocked.
    pub overridden: Option<Overridden>,
}

impl Verdict {
    /// Returns the deciding reason.
    pub fn deciding(&self) -> Option<&Reason> {
        self.reasons.first()
    }

    /// May it go without anyone's approval?
    pub fn lets_through(&self) -> bool {
        matches!(self.decision, Decision::Allowed | Decision::Warned)
    }
}
