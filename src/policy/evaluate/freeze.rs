//! The file `FREEZE` beside the policy: does it stop this?

use chrono::{DateTime, Utc};

use crate::policy::{Effect, Facts, Policy, Reason, ReasonCode, Request, freeze::Freeze, wording};

/// What the file does to a request.
pub(super) struct Standing {
    pub(super) reason: Reason,
    /// From when on it does not stop the request; none = there is no known end.
    pub(super) until: Option<DateTime<Utc>>,
}

/// What the file says, if there is one and the action is one of the policy's own.
pub(super) fn standing(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Option<Standing> {
    let applies = policy.actions.contains(&request.action);
    let freeze = facts.freeze.as_ref().filter(|_| applies)?;
    let Freeze { path, until, .. } = freeze;
    let instant = |instant| wording::moment(instant, policy.zone());
    let (effect, message, until) = match until {
        _ if !freeze.covers(request) => {
            let message = format!("{path} is for other services or environments");
            (Effect::Allows, message, Some(now))
        }
        Some(until) if *until <= now => {
            let message = format!("{path} was over at {}; take the file away", instant(*until));
            (Effect::Allows, message, Some(now))
        }
        Some(until) => {
            let message = format!("frozen until {} by {path}{}", instant(*until), why(freeze));
            (Effect::Blocks, message, Some(*until))
        }
        None => {
            let message = format!("frozen by {path}{}", why(freeze));
            (Effect::Blocks, message, None)
        }
    };
    let code = match effect {
        Effect::Blocks => ReasonCode::Freeze,
        _ => ReasonCode::Allowed,
    };
    let reason = Reason {
        rule: "FREEZE".to_owned(),
        code,
        effect,
        message,
        line: None,
    };
    Some(Standing { reason, until })
}

fn why(freeze: &Freeze) -> String {
    if let Some(problem) = &freeze.problem {
        return format!(", which cannot be understood and so stops everything: {problem}");
    }
    let reason = match freeze.reason.as_str() {
        "" => ", which gives no reason".to_owned(),
        reason => format!(": {reason}"),
    };
    match &freeze.contact {
        Some(contact) => format!("{reason} (contact: {contact})"),
        None => reason,
    }
}
