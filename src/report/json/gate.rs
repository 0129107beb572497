//! What the gate says, as the machine's result has it: verdicts, the coming openings, test cases.

use schemars::JsonSchema;
use serde::Serialize;

use super::{super::phrases, instant};
use crate::{
    event::{CaseRecord, OutlookRecord, ServiceVerdict},
    policy::{ClockState, Decision, Mismatch, PolicyFile, PolicySource, Verdict},
};

/// The gate's answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VerdictReport {
    #[schemars(extend("enum" = ["allowed", "warned", "blocked", "approval-required"]))]
    decision: &'static str,
    /// The true decision of a policy that is being tried out (`dry_run: true`); null of any other.
    #[schemars(extend("enum" = ["allowed", "warned", "blocked", "approval-required", null]))]
    would_be: Option<&'static str>,
    /// Every reason, the deciding one first.
    reasons: Vec<ReasonReport>,
    /// When it opens next; null while open or with no known end.
    opens_at: Option<String>,
    /// Why it opens then.
    opens_reason: Option<String>,
    /// When what is open now closes; null while closed or with no known end.
    closes_at: Option<String>,
    /// Why it closes then.
    closes_reason: Option<String>,
    /// IANA name of the zone the instants are shown in.
    timezone: String,
    /// The instant that was judged.
    evaluated_at: String,
    policy: PolicyReport,
}

/// The gate's answer for one service.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServiceReport {
    service: String,
    #[serde(flatten)]
    verdict: VerdictReport,
}

/// One rule's part in a verdict.
#[derive(Debug, Serialize, JsonSchema)]
struct ReasonReport {
    /// The rule, as a path in the policy.
    rule: String,
    /// Which kind of rule.
    code: &'static str,
    /// What it does to the decision.
    #[schemars(extend("enum" = ["blocks", "asks-approval", "overridden", "warns", "allows", "not-evaluated"]))]
    effect: String,
    message: String,
    source: PlaceReport,
}

/// A place in a file.
#[derive(Debug, Serialize, JsonSchema)]
struct PlaceReport {
    path: String,
    /// 1-based.
    line: Option<usize>,
}

/// Which policy decided.
#[derive(Debug, Serialize, JsonSchema)]
struct PolicyReport {
    path: String,
    /// Commit that it was read at; null for a file from disk.
    commit: Option<String>,
    /// SHA-256 of its bytes, in hexadecimal.
    sha256: String,
    /// The files beside it that it names, such as calendars.
    files: Vec<PolicyFileReport>,
}

/// A file that was read with the policy.
#[derive(Debug, Serialize, JsonSchema)]
struct PolicyFileReport {
    /// Path beside the policy.
    path: String,
    /// SHA-256 of its bytes, in hexadecimal.
    sha256: String,
}

/// How it stands at the beginning of a range.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OutlookReport {
    /// What is to be done.
    action: &'static str,
    from: String,
    until: String,
    #[schemars(extend("enum" = ["open", "closed"]))]
    state: &'static str,
    /// Is it open with an approval only?
    approval_required: bool,
    /// IANA name of the zone the instants are shown in.
    timezone: String,
    policy: PolicyReport,
}

/// One change between open and closed, or between open and open with an approval only.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TransitionReport {
    at: String,
    /// How it stands from then on.
    #[schemars(extend("enum" = ["open", "closed"]))]
    state: &'static str,
    /// Is it open with an approval only from then on?
    approval_required: bool,
    /// Which rule does it, in a few words.
    reason: String,
    /// That rule, as a path in the policy; null where there is none.
    rule: Option<String>,
}

/// One case of a policy, judged.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CaseReport {
    name: String,
    /// Path of the policy.
    policy: String,
    /// Where the case is written.
    source: PlaceReport,
    /// Does it hold?
    passed: bool,
    /// What was expected and not found.
    mismatches: Vec<MismatchReport>,
    verdict: VerdictReport,
}

/// Something that was expected and not found.
#[derive(Debug, Serialize, JsonSchema)]
struct MismatchReport {
    #[schemars(extend("enum" = ["decision", "code", "opens_at", "closes_at", "rule"]))]
    what: &'static str,
    expected: String,
    found: String,
}

impl VerdictReport {
    pub(super) fn of(verdict: &Verdict) -> Self {
        Self {
            decision: verdict.decision.word(),
            would_be: verdict.would_be.map(Decision::word),
            reasons: verdict
                .reasons
                .iter()
                .map(|reason| ReasonReport {
                    rule: reason.rule.clone(),
                    code: reason.code.word(),
                    effect: phrases::effect(reason.effect).replace(' ', "-"),
                    message: reason.message.clone(),
                    source: PlaceReport {
                        path: verdict.policy.path.clone(),
                        line: reason.line,
                    },
                })
                .collect(),
            opens_at: verdict.opens_at.map(instant),
            opens_reason: verdict.opens_because.clone(),
            closes_at: verdict.closes_at.map(instant),
            closes_reason: verdict.closes_because.clone(),
            timezone: verdict.timezone.clone(),
            evaluated_at: instant(verdict.evaluated_at),
            policy: PolicyReport::of(&verdict.policy),
        }
    }
}

impl ServiceReport {
    pub(super) fn of(one: &ServiceVerdict) -> Self {
        Self {
            service: one.service.clone(),
            verdict: VerdictReport::of(&one.verdict),
        }
    }
}

impl PolicyReport {
    fn of(source: &PolicySource) -> Self {
        let file = |file: &PolicyFile| PolicyFileReport {
            path: file.path.clone(),
            sha256: file.sha256.clone(),
        };
        Self {
            path: source.path.clone(),
            commit: source.commit.clone(),
            sha256: source.sha256.clone(),
            files: source.files.iter().map(file).collect(),
        }
    }
}

impl OutlookReport {
    pub(super) fn of(record: &OutlookRecord) -> Self {
        let outlook = &record.outlook;
        let state = record.state();
        Self {
            action: record.action.word(),
            from: instant(outlook.zone.at(outlook.from)),
            until: instant(outlook.zone.at(outlook.until)),
            state: state.word(),
            approval_required: state == ClockState::NeedsApproval,
            timezone: outlook.zone.name().to_owned(),
            policy: PolicyReport::of(&record.policy),
        }
    }
}

impl TransitionReport {
    pub(super) fn all(record: &OutlookRecord) -> impl Iterator<Item = Self> {
        let outlook = &record.outlook;
        outlook.changes().iter().filter_map(|period| {
            let cause = period.begins.as_ref();
            Some(Self {
                at: instant(outlook.zone.at(period.start?)),
                state: period.state.word(),
                approval_required: period.state == ClockState::NeedsApproval,
                reason: cause.map(|it| it.text.clone()).unwrap_or_default(),
                rule: cause.and_then(|it| Some(outlook.rules.get(it.rule)?.rule.clone())),
            })
        })
    }
}

impl CaseReport {
    pub(super) fn of(record: &CaseRecord) -> Self {
        let mismatch = |it: &Mismatch| MismatchReport {
            what: it.what,
            expected: it.expected.clone(),
            found: it.found.clone(),
        };
        Self {
            name: record.name.clone(),
            policy: record.policy.clone(),
            source: PlaceReport {
                path: record.path.clone(),
                line: Some(record.line),
            },
            passed: record.passed(),
            mismatches: record.mismatches.iter().map(mismatch).collect(),
            verdict: VerdictReport::of(&record.verdict),
        }
    }
}
