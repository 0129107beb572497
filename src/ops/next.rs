//! `next`: the coming openings and closings for a request. Asks nobody, changes nothing.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    case::Case,
    check::{self, sha256},
};
use crate::{
    event::{Ending, Failure, Outcome, OutlookRecord},
    policy::{
        Action, ClockState, Effect, Policy, Reason, ReasonCode, Request, Verdict, appointment,
        evaluate,
    },
};

/// Most days that may be looked at.
pub const LONGEST: u32 = 3650;

/// The range to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First instant.
    pub from: DateTime<Utc>,
    /// How many days of 24 hours, from 1 to [`LONGEST`].
    pub days: u32,
}

/// Looks ahead: what the policy's clock says for a case in a range. `as_calendar` asks for days
/// instead of openings. A freeze has no part in the clock; that there is one is said first.
///
/// # Errors
/// As [`check::judge`]; [`Ending::Usage`] where the range goes beyond the end of the calendar.
pub fn run(case: &Case, range: Range, as_calendar: bool) -> Result<Outcome, Failure> {
    let Case {
        policy,
        request,
        facts,
    } = case;
    check::answers(policy, request)?;
    let Range { from, days } = range;
    let until = from
        .checked_add_signed(TimeDelta::days(i64::from(days)))
        .ok_or_else(|| Failure::new(Ending::Usage, "the range goes beyond the calendar's end"))?;
    let record = OutlookRecord {
        subject: subject(request),
        action: request.action,
        id: id(policy, request),
        policy: policy.source().clone(),
        outlook: policy.timetable(request).outlook(from, until),
        stopped: stopped(&evaluate(policy, request, facts, from)),
        as_calendar,
    };
    let mut outcome = Outcome::new(Ending::Shown, sentence(policy, &record, days));
    outcome.outlook = Some(record);
    Ok(outcome)
}

fn stopped(verdict: &Verdict) -> Option<String> {
    let freezes =
        |reason: &&Reason| reason.code == ReasonCode::Freeze && reason.effect == Effect::Blocks;
    let reason = verdict.reasons.iter().find(freezes)?;
    Some(reason.message.clone())
}

/// `deploy advertisements to production`.
fn subject(request: &Request) -> String {
    let mut text = request.action.to_string();
    if let Some(service) = &request.service {
        text.push_str(&format!(" {service}"));
    }
    if let Some(environment) = &request.environment {
        let preposition = if request.action == Action::Deploy {
            "to"
        } else {
            "in"
        };
        text.push_str(&format!(" {preposition} {environment}"));
    }
    text
}

/// A calendar program knows an entry again by its id, so it must not depend on when it was asked.
fn id(policy: &Policy, request: &Request) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let parts = [
        policy.source().path.clone(),
        request.action.to_string(),
        request.invoker.to_string(),
        name(&request.environment),
        name(&request.service),
        name(&request.namespace),
        name(&request.cluster),
    ];
    sha256(parts.join("\n").as_bytes())[..16].to_owned()
}

/// One line: the state now, until when, and why it changes then.
fn sentence(policy: &Policy, record: &OutlookRecord, days: u32) -> String {
    let outlook = &record.outlook;
    let action = record.action;
    let Some(now) = outlook.now() else {
        return format!("nothing is known of {action}");
    };
    let mut text = match now.state {
        ClockState::Open => format!("open for {action}"),
        ClockState::NeedsApproval => format!("open for {action} with an approval"),
        ClockState::Closed => format!("closed for {action}"),
    };
    let holding = now
        .parts
        .iter()
        .find(|part| part.start <= outlook.from && outlook.from < part.end);
    if now.state == ClockState::Closed
        && let Some(rule) = holding.and_then(|part| outlook.rule(part))
    {
        text.push_str(&format!(" by {}", rule.label));
    }
    match (now.end, now.state) {
        (Some(end), _) => {
            let end_of_it = appointment(end, policy.zone());
            text.push_str(&format!(" until {end_of_it}"));
            if let Some(cause) = &now.ends {
                text.push_str(&format!(", when {}", cause.text));
            }
        }
        (None, ClockState::Closed) => text.push_str("; no opening in the next two years"),
        (None, _) => text.push_str("; no closing in the next two years"),
    }
    if let Some(stopped) = &record.stopped {
        text = format!("{stopped}; by the clock {text}");
    }
    if record.openings().next().is_none() && now.end.is_some() {
        text.push_str(&format!("; no opening in these {days} days"));
    }
    text
}
