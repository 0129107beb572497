//! The gate: policy, request, facts and an instant make a verdict. Nothing else goes in.
//!
//! Each kind of rule has a file that says what it has to say; here the reasons become a decision.

mod approval;
mod overriding;
mod traffic;
mod windows;

use chrono::{DateTime, Utc};

use approval::Case;

use super::{
    Decision, Effect, Reason, ReasonCode, Verdict,
    facts::Facts,
    request::{Action, Request},
    rules::Policy,
};

/// Judges a request at an instant. Every rule that has something to say is in the verdict.
pub fn evaluate(policy: &Policy, request: &Request, facts: &Facts, now: DateTime<Utc>) -> Verdict {
    let mut reasons = Vec::new();
    let mut opens_at = None;
    let mut closes_at = None;
    let mut approvals = Vec::new();
    let mut overridden = None;
    if let Some(reason) = wrong_environment(policy, request) {
        reasons.push(reason);
    } else if policy.applies_to(request.action) {
        let timetable = policy.timetable(request);
        reasons.extend(windows::blocked(&timetable, now));
        reasons.push(windows::allowed(&timetable, now));
        reasons.extend(traffic::reason(policy, request, &facts.traffic));
        if timetable.is_open(now) {
            closes_at = timetable.next_closed(now);
        } else {
            opens_at = timetable.next_open(now);
        }
        let case = Case {
            policy,
            request,
            facts,
            now,
        };
        approvals = approval::settle(&case, &mut reasons);
        overridden = overriding::settle(&case, &mut reasons);
        if blocks(&reasons) {
            reasons.extend(approval::unreadable(facts));
        }
    } else {
        reasons.push(exempt(policy, request.action));
    }
    // Sorting keeps the order of rules that weigh the same.
    reasons.sort_by_key(|reason| (weight(reason.effect), reason.code));
    let decision = match reasons.first().map(|reason| reason.effect) {
        Some(Effect::AsksApproval) => Decision::ApprovalRequired,
        Some(Effect::Overridden | Effect::Warns) => Decision::Warned,
        Some(Effect::Allows) => Decision::Allowed,
        Some(Effect::Blocks | Effect::NotEvaluated) | None => Decision::Blocked,
    };
    Verdict {
        decision,
        reasons,
        opens_at: opens_at.map(|instant| policy.zone.at(instant)),
        closes_at: closes_at.map(|instant| policy.zone.at(instant)),
        timezone: policy.zone.name().to_owned(),
        evaluated_at: policy.zone.at(now),
        policy: policy.source.clone(),
        approvals,
        overridden,
    }
}

fn blocks(reasons: &[Reason]) -> bool {
    let asks = |reason: &Reason| reason.effect == Effect::AsksApproval;
    let blocks = |reason: &Reason| reason.effect == Effect::Blocks;
    reasons.iter().any(blocks) && !reasons.iter().any(asks)
}

/// Whatever stops comes first, and among those the code's own order decides.
fn weight(effect: Effect) -> u8 {
    match effect {
        Effect::Blocks | Effect::AsksApproval => 0,
        Effect::Overridden => 1,
        Effect::Warns => 2,
        Effect::Allows => 3,
        Effect::NotEvaluated => 4,
    }
}

/// Callers refuse a wrong environment as a mistake in the configuration; if one forgets, it blocks.
fn wrong_environment(policy: &Policy, request: &Request) -> Option<Reason> {
    let finding = policy
        .check_environment(request.environment.as_deref()?)
        .err()?;
    Some(Reason {
        rule: "environments".to_owned(),
        code: ReasonCode::BlockedOther,
        effect: Effect::Blocks,
        message: finding.message,
        line: Some(finding.position.line),
    })
}

fn exempt(policy: &Policy, action: Action) -> Reason {
    let listed: Vec<&str> = policy.actions.iter().map(|action| action.word()).collect();
    Reason {
        rule: "actions".to_owned(),
        code: ReasonCode::Allowed,
        effect: Effect::Allows,
        message: format!(
            "{action} is allowed at any time: this policy applies to {} only",
            listed.join(", ")
        ),
        line: None,
    }
}
