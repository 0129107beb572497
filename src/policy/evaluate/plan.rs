//! What the deployment would do: is it enough, and does it end before it closes?

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    policy::{
        Effect, Facts, PlanFact, Policy, Reason, ReasonCode, Request, Timetable,
        rules::{Require, Runway, Written},
        wording,
    },
    units::{Weight, format_duration},
};

/// What `require` says, if the policy has it for this action: a reason for each part that is not
/// kept.
pub(super) fn required(policy: &Policy, request: &Request, facts: &Facts) -> Vec<Reason> {
    let Some(require) = &policy.require else {
        return Vec::new();
    };
    if !policy.asks_of_plans(request.action) {
        return Vec::new();
    }
    let all = |code, effect, message: String| Reason {
        rule: "require".to_owned(),
        code,
        effect,
        message,
        line: Some(require.line),
    };
    let Some(plan) = &facts.plan else {
        return vec![all(
            ReasonCode::NotEvaluated,
            Effect::NotEvaluated,
            "what the service's own configuration does was not looked at".to_owned(),
        )];
    };
    let broken = broken(require, plan);
    if broken.is_empty() {
        let message = format!("{} does all that is required", plan.path);
        return vec![all(ReasonCode::Allowed, Effect::Allows, message)];
    }
    broken
}

fn broken(require: &Require, plan: &PlanFact) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut missed = |key: &str, line: usize, found: String, wanted: String| {
        reasons.push(Reason {
            rule: format!("require.{key}"),
            code: ReasonCode::Require,
            effect: Effect::Blocks,
            message: format!("{}: {found}; the policy requires {wanted}", plan.path),
            line: Some(line),
        });
    };
    if let Some(Written { value, position }) = &require.strategies
        && !value.contains(&plan.strategy)
    {
        missed(
            "strategies",
            position.line,
            format!("the strategy is {}", wording::shown(&plan.strategy)),
            list(value, "or"),
        );
    }
    if let Some(Written { value, position }) = &require.metrics {
        let absent = |name: &&String| !plan.metrics.contains(name);
        let absent: Vec<String> = value.iter().filter(absent).cloned().collect();
        if !absent.is_empty() {
            let judged = match plan.metrics.as_slice() {
                [] => "no metric is judged".to_owned(),
                metrics => format!("only {} is judged", list(metrics, "and")),
            };
            let wanted = format!("{} too", list(&absent, "and"));
            missed("metrics", position.line, judged, wanted);
        }
    }
    if let Some(Written { value, position }) = &require.least_hold
        && plan.hold < *value
    {
        let found = match plan.hold {
            hold if hold <= TimeDelta::zero() => {
                "the new version gets all of the traffic without being watched before".to_owned()
            }
            hold => format!(
                "the new version is watched for {} before it gets all of the traffic",
                length(hold)
            ),
        };
        let wanted = format!("at least {}", length(*value));
        missed("least_hold", position.line, found, wanted);
    }
    let first = plan.first_weight.unwrap_or(Weight::FULL);
    if let Some(Written { value, position }) = &require.largest_first_weight
        && first > *value
    {
        missed(
            "largest_first_weight",
            position.line,
            format!("the new version gets {first} of the traffic first"),
            format!("at most {value}"),
        );
    }
    if let Some(Written { value, position }) = &require.on_failure
        && !value.kept_by().contains(&plan.on_failure.as_str())
    {
        let kept: Vec<String> = value
            .kept_by()
            .iter()
            .map(|&word| word.to_owned())
            .collect();
        missed(
            "on_failure",
            position.line,
            format!("`on_failure` is {}", wording::shown(&plan.on_failure)),
            list(&kept, "or"),
        );
    }
    reasons
}

/// How long it must stay open for this request, as far as that is known; none = it need not.
pub(super) fn runway(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
) -> Option<Result<TimeDelta, Reason>> {
    let asks = policy.asks_of_plans(request.action);
    let Written { value, position } = policy.runway.as_ref().filter(|_| asks)?;
    let known = match (value, facts.duration, &facts.plan) {
        (Runway::Length(length), stated, _) => Some(stated.unwrap_or(*length).max(*length)),
        (Runway::Plan, Some(stated), _) => Some(stated),
        (Runway::Plan, None, plan) => plan.as_ref().map(|plan| plan.length),
    };
    Some(known.ok_or_else(|| Reason {
        rule: "runway".to_owned(),
        code: ReasonCode::NotEvaluated,
        effect: Effect::NotEvaluated,
        message: "how long the deployment takes is not known; state it with --duration".to_owned(),
        line: Some(position.line),
    }))
}

/// Says whether a deployment of this length ends before it closes, where it is open now.
pub(super) fn fits(
    policy: &Policy,
    timetable: &Timetable<'_>,
    needed: TimeDelta,
    now: DateTime<Utc>,
) -> Option<Reason> {
    if !timetable.is_open(now) {
        return None;
    }
    let line = policy.runway.as_ref().map(|it| it.position.line);
    let closes = timetable.next_closed(now);
    let enough = closes.is_none_or(|closes| closes - now >= needed);
    let (code, effect) = if enough {
        (ReasonCode::Allowed, Effect::Allows)
    } else {
        (ReasonCode::Runway, Effect::Blocks)
    };
    let takes = format!("the deployment takes at least {}", length(needed));
    let message = match closes {
        Some(closes) if !enough => format!(
            "{takes}, but it closes in {}, at {}",
            length(closes - now),
            wording::moment(closes, policy.zone())
        ),
        Some(closes) => format!("{takes} and it closes in {}", length(closes - now)),
        None => format!("{takes} and it does not close in the next two years"),
    };
    Some(Reason {
        rule: "runway".to_owned(),
        code,
        effect,
        message,
        line,
    })
}

fn length(length: TimeDelta) -> String {
    format_duration(length.to_std().unwrap_or_default())
}

fn list(names: &[String], word: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| wording::shown(name)).collect();
    names.join(&format!(" {word} "))
}
