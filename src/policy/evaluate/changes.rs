//! Changes that always need a person.

use crate::policy::{
    Effect, Facts, Policy, Reason, ReasonCode, Request, rules::ChangeRule, wording,
};

/// What the rules about changed files say, if the policy has any for this action.
pub(super) fn reasons(policy: &Policy, request: &Request, facts: &Facts) -> Vec<Reason> {
    let rules = &policy.approval_when;
    let Some(first) = rules
        .first()
        .filter(|_| policy.asks_of_plans(request.action))
    else {
        return Vec::new();
    };
    let all = |code, effect, message| Reason {
        rule: "approval_when".to_owned(),
        code,
        effect,
        message,
        line: Some(first.line),
    };
    let Some(paths) = &facts.changed_paths else {
        return vec![all(
            ReasonCode::ApprovalRequired,
            Effect::AsksApproval,
            "some changes need an approval, and nobody said which files are changed \
             (--changed-files)"
                .to_owned(),
        )];
    };
    let asked: Vec<Reason> = rules.iter().filter_map(|rule| asks(rule, paths)).collect();
    if !asked.is_empty() {
        return asked;
    }
    let message = match paths.len() {
        1 => "the one changed file needs no approval".to_owned(),
        count => format!("none of the {count} changed files needs an approval"),
    };
    vec![all(ReasonCode::Allowed, Effect::Allows, message)]
}

fn asks(rule: &ChangeRule, paths: &[String]) -> Option<Reason> {
    let glob_of = |path: &&String| {
        let mut globs = rule.paths.iter();
        // A submodule or a link in the place of a folder is listed by the folder's own name.
        let inside = format!("{path}/");
        globs.find(|(_, glob)| glob.is_match(path.as_str()) || glob.is_match(&inside))
    };
    let mut matching = paths.iter().filter(|path| glob_of(path).is_some());
    let first = matching.next()?;
    let (glob, _) = glob_of(&first)?;
    let others = match matching.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let reason = rule.reason.as_ref().map(|reason| format!(": {reason}"));
    Some(Reason {
        rule: rule.rule.clone(),
        code: ReasonCode::ApprovalRequired,
        effect: Effect::AsksApproval,
        message: format!(
            "a change of {}{others} needs an approval ({}){}",
            wording::shown(first),
            wording::shown(glob),
            reason.unwrap_or_default()
        ),
        line: Some(rule.line),
    })
}
