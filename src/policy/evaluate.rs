//! The gate: policy, request, facts and an instant make a verdict. Nothing else goes in.

use chrono::{DateTime, Utc};

use super::{
    Decision, Effect, Reason, ReasonCode, Verdict,
    document::{Action, OnUnavailable, TrafficAction},
    rules::{Policy, TimeRule, TrafficThreshold, Written},
    wording,
    zone::Zone,
};
use crate::units::{RequestsPerSecond, Version};

/// What someone wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where to, if it is known.
    pub environment: Option<String>,
    /// Which service, if it is known.
    pub service: Option<String>,
    /// Which version, if it is known.
    pub version: Option<Version>,
    /// What is to be done.
    pub action: Action,
    /// Has a person approved it?
    pub approved: bool,
}

impl Request {
    /// Wants `action`, of nothing in particular, without an approval.
    pub fn new(action: Action) -> Self {
        Self {
            environment: None,
            service: None,
            version: None,
            action,
            approved: false,
        }
    }
}

/// What was found out for the rules.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// How much traffic there is.
    pub traffic: TrafficFact,
}

/// How much traffic there is.
#[derive(Debug, Clone, PartialEq)]
pub enum TrafficFact {
    /// Nobody was asked, because the question is about another time.
    NotAsked,
    /// This much.
    Measured(RequestsPerSecond),
    /// Whoever was asked did not say; the text says why.
    Unavailable(String),
}

/// Judges a request at an instant. Every rule that has something to say is in the verdict.
pub fn evaluate(policy: &Policy, request: &Request, facts: &Facts, now: DateTime<Utc>) -> Verdict {
    let mut reasons = Vec::new();
    let mut opens_at = None;
    let mut closes_at = None;
    if let Some(reason) = wrong_environment(policy, request) {
        reasons.push(reason);
    } else if policy.applies_to(request.action) {
        reasons.extend(blocked_times(policy, now));
        reasons.push(allowed_times(policy, request, now));
        reasons.extend(traffic(policy, &facts.traffic));
        if policy.is_open(now) {
            closes_at = policy.next_closed(now);
        } else {
            opens_at = policy.next_open(now);
        }
    } else {
        reasons.push(exempt(policy, request.action));
    }
    // Sorting keeps the order of rules that weigh the same.
    reasons.sort_by_key(|reason| (weight(reason.effect), reason.code));
    let decision = match reasons.first().map(|reason| reason.effect) {
        Some(Effect::AsksApproval) => Decision::ApprovalRequired,
        Some(Effect::Warns) => Decision::Warned,
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
    }
}

/// Whatever stops comes first, and among those the code's own order decides.
fn weight(effect: Effect) -> u8 {
    match effect {
        Effect::Blocks | Effect::AsksApproval => 0,
        Effect::Warns => 1,
        Effect::Allows => 2,
        Effect::NotEvaluated => 3,
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

fn blocked_times(policy: &Policy, now: DateTime<Utc>) -> impl Iterator<Item = Reason> {
    let windows = policy.blocked.iter().map(|rule| (rule, false));
    let dates = policy.blocked_dates.iter().map(|rule| (rule, true));
    windows
        .chain(dates)
        .filter(move |(rule, _)| rule.times.contains(now))
        .map(move |(rule, is_date)| blocked_time(rule, is_date, now))
}

fn blocked_time(rule: &TimeRule, is_date: bool, now: DateTime<Utc>) -> Reason {
    let moment = wording::moment(now, &rule.times.zone);
    let place = if is_date {
        "on the blocked date"
    } else {
        "in the blocked window"
    };
    let why = rule
        .description
        .as_ref()
        .map(|description| format!(": {description}"));
    Reason {
        rule: rule.rule.clone(),
        code: if is_date {
            ReasonCode::BlockedDate
        } else {
            ReasonCode::BlockedWindow
        },
        effect: Effect::Blocks,
        message: format!(
            "{moment} is {place} {}{}",
            wording::rule(rule),
            why.unwrap_or_default()
        ),
        line: Some(rule.line),
    }
}

fn allowed_times(policy: &Policy, request: &Request, now: DateTime<Utc>) -> Reason {
    let matching: Vec<&TimeRule> = policy
        .allowed
        .iter()
        .filter(|rule| rule.times.contains(now))
        .collect();
    let free = matching.iter().find(|rule| !rule.approval_required);
    let Some(rule) = free.or(matching.first()) else {
        return no_window(policy, now);
    };
    let moment = wording::moment(now, &rule.times.zone);
    let window = wording::rule(rule);
    let (code, effect, message) = match (rule.approval_required, request.approved) {
        (false, _) => (
            ReasonCode::Allowed,
            Effect::Allows,
            format!("{moment} is in the allowed window {window}"),
        ),
        (true, true) => (
            ReasonCode::Allowed,
            Effect::Allows,
            format!("{moment} needs an approval, which is there ({window})"),
        ),
        (true, false) => (
            ReasonCode::ApprovalRequired,
            Effect::AsksApproval,
            format!("{moment} needs an approval ({window})"),
        ),
    };
    Reason {
        rule: rule.rule.clone(),
        code,
        effect,
        message,
        line: Some(rule.line),
    }
}

fn no_window(policy: &Policy, now: DateTime<Utc>) -> Reason {
    let Some(first) = policy.allowed.first() else {
        return Reason {
            rule: "allowed_windows".to_owned(),
            code: ReasonCode::Allowed,
            effect: Effect::Allows,
            message: "there are no allowed windows, so any time that is not blocked is open"
                .to_owned(),
            line: None,
        };
    };
    let all: Vec<&TimeRule> = policy.allowed.iter().collect();
    let shared = all.iter().all(|rule| rule.times.zone == first.times.zone);
    let zone: &Zone = if shared {
        &first.times.zone
    } else {
        &policy.zone
    };
    Reason {
        rule: "allowed_windows".to_owned(),
        code: ReasonCode::BlockedWindow,
        effect: Effect::Blocks,
        message: format!(
            "{} is outside the allowed windows ({})",
            wording::moment(now, zone),
            wording::rules(&all)
        ),
        line: Some(first.line),
    }
}

fn traffic(policy: &Policy, fact: &TrafficFact) -> Option<Reason> {
    let Written { value, position } = policy.traffic.as_ref()?;
    let (code, effect, mut message) = judge_traffic(value, fact);
    if effect == Effect::Warns {
        message.push_str("; the policy only warns");
    }
    Some(Reason {
        rule: "traffic_threshold".to_owned(),
        code,
        effect,
        message,
        line: Some(position.line),
    })
}

fn judge_traffic(threshold: &TrafficThreshold, fact: &TrafficFact) -> (ReasonCode, Effect, String) {
    let maximum = threshold.maximum;
    match fact {
        TrafficFact::Measured(rate) if *rate > maximum => (
            ReasonCode::BlockedTraffic,
            match threshold.action {
                TrafficAction::BlockDeployment => Effect::Blocks,
                TrafficAction::Warn => Effect::Warns,
            },
            format!(
                "traffic is {}, above the maximum of {maximum}",
                wording::unlike(*rate, maximum)
            ),
        ),
        TrafficFact::Measured(rate) => (
            ReasonCode::Allowed,
            Effect::Allows,
            format!("traffic is {rate}, within the maximum of {maximum}"),
        ),
        TrafficFact::Unavailable(why) => (
            ReasonCode::Unavailable,
            match threshold.on_unavailable {
                OnUnavailable::Block => Effect::Blocks,
                OnUnavailable::Warn => Effect::Warns,
            },
            format!("traffic is not known: {why} (the maximum is {maximum})"),
        ),
        TrafficFact::NotAsked => (
            ReasonCode::NotEvaluated,
            Effect::NotEvaluated,
            format!("traffic was not looked at (the maximum is {maximum})"),
        ),
    }
}
