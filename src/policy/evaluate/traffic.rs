//! The most traffic under which deploying is allowed.

use crate::policy::{
    Effect, Policy, Reason, ReasonCode, Request, TrafficFact,
    document::{OnUnavailable, TrafficAction},
    rules::{TrafficThreshold, Written},
    wording,
};

/// What the threshold says, if the policy has one for this action.
pub(super) fn reason(policy: &Policy, request: &Request, fact: &TrafficFact) -> Option<Reason> {
    let asks = policy.asks_traffic(request.action);
    let Written { value, position } = policy.traffic.as_ref().filter(|_| asks)?;
    let (code, effect, mut message) = judge(value, fact);
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

fn judge(threshold: &TrafficThreshold, fact: &TrafficFact) -> (ReasonCode, Effect, String) {
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
