//! The gate: policy, request, facts and an instant make a verdict. Nothing else goes in.
//!
//! Each kind of rule has a file that says what it has to say; here the reasons become a decision.

mod acceptance;
mod alerts;
mod approval;
mod changes;
mod freeze;
mod overriding;
mod plan;
mod traffic;
mod turns;
mod versions;
mod windows;

use chrono::{DateTime, TimeDelta, Utc};

use approval::Case;

pub use acceptance::{Awaited, approved_since};

use super::{
    Decision, Effect, Reason, ReasonCode, Verdict,
    document::{Behavior, Overrun},
    facts::Facts,
    request::{Action, Request},
    rules::Policy,
};

/// Judges a request at an instant. Every rule that has something to say is in the verdict.
pub fn evaluate(policy: &Policy, request: &Request, facts: &Facts, now: DateTime<Utc>) -> Verdict {
    let mut reasons = Vec::new();
    let mut approvals = Vec::new();
    let mut overridden = None;
    let mut opens = None;
    let mut closes = None;
    let mut reopens = None;
    // What only warns stops nobody half-way either.
    let in_force = policy.behavior == Behavior::Block && !policy.dry_run;
    let overrun = if in_force {
        policy.overrun
    } else {
        Overrun::Finish
    };
    let mut tried_out = policy.dry_run;
    if let Some(reason) = wrong_environment(policy, request) {
        tried_out = false;
        reasons.push(reason);
    } else if policy.applies_to(request.action) {
        let timetable = policy.timetable(request);
        reasons.extend(windows::blocked(&timetable, now));
        reasons.push(windows::allowed(&timetable, now));
        reasons.extend(traffic::reason(policy, request, &facts.traffic));
        reasons.extend(alerts::reason(policy, request, facts));
        reasons.extend(plan::required(policy, request, facts));
        reasons.extend(changes::reasons(policy, request, facts));
        reasons.extend(versions::reason(policy, request, facts, now));
        let mut needed = TimeDelta::zero();
        match plan::runway(policy, request, facts) {
            Some(Ok(length)) => {
                needed = length;
                reasons.extend(plan::fits(policy, &timetable, length, now));
            }
            Some(Err(unknown)) => reasons.push(unknown),
            None => {}
        }
        let too_short = reasons
            .iter()
            .any(|reason| reason.code == ReasonCode::Runway);
        if policy.behavior == Behavior::Warn {
            reasons.iter_mut().for_each(only_warn);
        }
        // Whoever stops the line means all of it, also where a policy only warns.
        let frozen = freeze::standing(policy, request, facts, now);
        let until = frozen.as_ref().map_or(Some(now), |frozen| frozen.until);
        reasons.extend(frozen.map(|frozen| frozen.reason));
        let stopped = until.is_none_or(|until| until > now);
        if stopped || too_short || !timetable.is_open(now) {
            opens = until.and_then(|until| turns::opening(&timetable, until, needed, now));
        } else {
            closes = turns::closing(&timetable, now);
            let closing = closes.as_ref().filter(|_| overrun != Overrun::Finish);
            reopens = closing
                .and_then(|turn| turns::opening(&timetable, turn.at, TimeDelta::zero(), turn.at));
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
    let mut decision = match reasons.first().map(|reason| reason.effect) {
        Some(Effect::AsksApproval) => Decision::ApprovalRequired,
        Some(Effect::Overridden | Effect::Warns) => Decision::Warned,
        Some(Effect::Allows) => Decision::Allowed,
        Some(Effect::Blocks | Effect::NotEvaluated) | None => Decision::Blocked,
    };
    // Whoever stops the line means all of it, also where a policy is tried out.
    let stopped =
        |reason: &Reason| reason.code == ReasonCode::Freeze && reason.effect == Effect::Blocks;
    let tried_out = tried_out && !reasons.iter().any(stopped);
    let would_be = tried_out.then_some(decision);
    if let Some(tried) = would_be.and_then(|decision| not_in_force(decision, reasons.first())) {
        decision = Decision::Warned;
        reasons.insert(0, tried);
    }
    let zone = &policy.zone;
    Verdict {
        decision,
        would_be,
        reasons,
        opens_at: opens.as_ref().map(|turn| zone.at(turn.at)),
        opens_because: opens.and_then(|turn| turn.because),
        closes_at: closes.as_ref().map(|turn| zone.at(turn.at)),
        closes_because: closes.and_then(|turn| turn.because),
        overrun,
        reopens_at: reopens.map(|turn| zone.at(turn.at)),
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

fn only_warn(reason: &mut Reason) {
    if matches!(reason.effect, Effect::Blocks | Effect::AsksApproval) {
        reason.effect = Effect::Warns;
        reason.message.push_str("; the policy only warns");
    }
}

/// What a policy that is being tried out says instead of stopping.
fn not_in_force(decision: Decision, deciding: Option<&Reason>) -> Option<Reason> {
    let would_be = match decision {
        Decision::Allowed | Decision::Warned => return None,
        Decision::Blocked => "it would be blocked",
        Decision::ApprovalRequired => "it would need an approval",
    };
    let deciding = deciding?;
    Some(Reason {
        rule: "dry_run".to_owned(),
        effect: Effect::Warns,
        message: format!("dry run of the policy: {would_be} ({})", deciding.message),
        ..deciding.clone()
    })
}

/// Callers refuse a wrong environment as a mistake in the configuration; if one forgets, it blocks.
fn wrong_environment(policy: &Policy, request: &Request) -> Option<Reason> {
    let environment = request.environment.as_deref()?;
    let finding = policy
        .check_environment(environment, request.whole_environment.as_deref())
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
