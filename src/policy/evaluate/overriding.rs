//! Emergency overrides: they lift the rules they name, if everything about them holds.

use super::approval::{Case, Holding, Tally, name};
use crate::policy::{
    Effect, Reason, ReasonCode,
    approval::{ApprovalSource, Identity, Overridden, OverrideRules, StatementKind},
    scope::has,
    wording::shown,
};

/// Longest reason of an override, in characters: it is announced, recorded and printed.
const LONGEST_REASON: usize = 500;

/// Lifts what the presented overrides are for, or adds a reason why they are refused. Returns what
/// let through where rules would have blocked.
pub(super) fn settle(case: &Case<'_>, reasons: &mut Vec<Reason>) -> Option<Overridden> {
    let mut presented = case
        .facts
        .presented
        .iter()
        .filter(|one| {
            let statement = one.statement.as_ref();
            statement.is_some_and(|statement| statement.kind == StatementKind::Override)
        })
        .peekable();
    let first = presented.peek().copied()?;
    let Some(rules) = &case.policy.overriding else {
        let why = format!("{}: this policy allows no overrides", name(first));
        reasons.push(refused(why, None));
        return None;
    };
    let mut tally = Tally::default();
    for one in presented {
        let held = case
            .holds(one, rules.max_age)
            .and_then(|held| meets(rules, held));
        tally.count(case, one, held);
    }
    let lifted = match lifted(rules, &tally.holding) {
        Some(lifted) => lifted,
        None => {
            let shortfall = tally.shortfall(rules.minimum);
            let message = shortfall.trim_start_matches("; ").to_owned();
            reasons.push(refused(message, Some(rules.line)));
            return None;
        }
    };
    let mut used = false;
    for reason in reasons.iter_mut() {
        let stops = matches!(reason.effect, Effect::Blocks | Effect::AsksApproval);
        if stops && lifted.rules.iter().any(|rule| rule == reason.code.word()) {
            reason.effect = Effect::Overridden;
            let by = behind(&lifted);
            reason.message.push_str(&format!("; overridden by {by}"));
            used = true;
        }
    }
    used.then_some(lifted)
}

/// Does the statement have all that the policy asks of an override?
fn meets<'a>(rules: &OverrideRules, held: Holding<'a>) -> Result<Holding<'a>, String> {
    let (presented, by, statement) = held;
    if presented.source != ApprovalSource::Signature {
        return Err("is not signed; an override needs a signature".to_owned());
    }
    let ticket = statement.ticket.as_deref().unwrap_or_default();
    if ticket.is_empty() {
        return Err("names no ticket".to_owned());
    }
    if !rules.ticket.is_match(ticket) {
        return Err(format!(
            "has the ticket {}, which does not match {}",
            shown(ticket),
            shown(&rules.ticket_pattern)
        ));
    }
    let reason = statement.reason.as_deref().unwrap_or_default().trim();
    if reason.is_empty() {
        return Err("gives no reason".to_owned());
    }
    if reason.chars().count() > LONGEST_REASON {
        return Err(format!(
            "gives a reason of more than {LONGEST_REASON} characters"
        ));
    }
    if statement.rules.is_empty() {
        return Err("names no rules".to_owned());
    }
    let not_allowed = |rule: &&String| !rules.rules.contains(rule);
    if let Some(rule) = statement.rules.iter().find(not_allowed) {
        return Err(format!(
            "is for {}, which may not be overridden; the policy allows {}",
            shown(rule),
            rules.rules.join(", ")
        ));
    }
    let Identity::Principal(principal) = by else {
        return Err("is not from a key of the list".to_owned());
    };
    let may = |patterns: &Vec<_>| has(patterns, Some(principal));
    if !rules.approvers.as_ref().is_none_or(may) {
        return Err("is from someone whom `approvers` does not list".to_owned());
    }
    Ok(held)
}

/// Returns what enough people want lifted; none where no rule has enough.
fn lifted(rules: &OverrideRules, holding: &[Holding<'_>]) -> Option<Overridden> {
    let wanted_by = |rule: &&String| {
        let lists = |(_, _, statement): &&Holding<'_>| statement.rules.contains(rule);
        holding.iter().filter(lists).count()
    };
    let lifted: Vec<String> = rules
        .rules
        .iter()
        .filter(|rule| wanted_by(rule) >= rules.minimum)
        .cloned()
        .collect();
    let behind: Vec<&Holding<'_>> = holding
        .iter()
        .filter(|(_, _, statement)| statement.rules.iter().any(|rule| lifted.contains(rule)))
        .collect();
    let (_, _, first) = behind.first()?;
    let mut ids: Vec<String> = Vec::new();
    for (one, ..) in &behind {
        // Two people may have signed the same statement.
        if !ids.contains(&one.id) {
            ids.push(one.id.clone());
        }
    }
    Some(Overridden {
        ids,
        ticket: first.ticket.clone().unwrap_or_default(),
        approvers: behind.iter().map(|(_, by, _)| (*by).clone()).collect(),
        reason: first.reason.clone().unwrap_or_default(),
        rules: lifted,
        expires: behind
            .iter()
            .map(|(_, _, statement)| statement.expires)
            .min()
            .unwrap_or(first.expires),
    })
}

/// Who stands behind it and where to read about it: `alice@example.com (INC-42)`.
fn behind(lifted: &Overridden) -> String {
    let names: Vec<String> = lifted.approvers.iter().map(Identity::to_string).collect();
    format!("{} ({})", names.join(", "), lifted.ticket)
}

fn refused(message: String, line: Option<usize>) -> Reason {
    Reason {
        rule: "override".to_owned(),
        code: ReasonCode::OverrideRefused,
        effect: Effect::Blocks,
        message: format!("the override is refused: {message}"),
        line,
    }
}
