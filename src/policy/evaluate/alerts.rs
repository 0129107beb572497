//! Alerts that must not be firing.

use crate::policy::{
    AlertsFact, Effect, Facts, Policy, Reason, ReasonCode, Request,
    document::{OnUnavailable, TrafficAction},
    rules::Written,
};

/// What the rule about alerts says, if the policy has one for this action.
pub(super) fn reason(policy: &Policy, request: &Request, facts: &Facts) -> Option<Reason> {
    let asks = policy.asks_alerts(request.action);
    let Written { value, position } = policy.alerts.as_ref().filter(|_| asks)?;
    let service = request.service.clone().filter(|_| value.is_by_service());
    let (code, effect, mut message) = match facts.alerts.get(&service) {
        Some(AlertsFact::Quiet(clause)) => (ReasonCode::Allowed, Effect::Allows, clause.clone()),
        Some(AlertsFact::Firing(clause)) => (
            ReasonCode::AlertFiring,
            match value.action {
                TrafficAction::BlockDeployment => Effect::Blocks,
                TrafficAction::Warn => Effect::Warns,
            },
            clause.clone(),
        ),
        Some(AlertsFact::Unavailable(why)) => (
            ReasonCode::Unavailable,
            match value.on_unavailable {
                OnUnavailable::Block => Effect::Blocks,
                OnUnavailable::Warn => Effect::Warns,
            },
            format!("whether alerts are firing is not known: {why}"),
        ),
        None => (
            ReasonCode::NotEvaluated,
            Effect::NotEvaluated,
            "alerts were not looked at".to_owned(),
        ),
    };
    if effect == Effect::Warns {
        message.push_str("; the policy only warns");
    }
    Some(Reason {
        rule: "alerts".to_owned(),
        code,
        effect,
        message,
        line: Some(position.line),
    })
}
