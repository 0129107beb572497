//! What the version's own past says: did it fail here before?

use chrono::{DateTime, Utc};

use crate::{
    policy::{
        Effect, Facts, FailedBefore, Policy, Reason, ReasonCode, Request, document::KnownBad,
        wording,
    },
    units::format_duration,
};

/// What the rule about versions says, if the version failed here before.
pub(super) fn reason(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Option<Reason> {
    let failed = failed(policy, request, facts)?;
    let rules = &policy.versions;
    let version = request.version.as_ref();
    let version = version.map_or("this version", |version| version.as_str());
    let mut message = format!(
        "{version} failed here before: run {} {} {} ({})",
        wording::shown(&failed.run),
        failed.deed(),
        wording::moment(failed.at, policy.zone()),
        failed.why,
    );
    let (code, effect) = match rules.known_bad {
        _ if !counts(policy, failed, now) => {
            let counted = rules.counted.unwrap_or_default();
            let counted = format_duration(counted.to_std().unwrap_or_default());
            message.push_str(&format!("; that counts for {counted}"));
            (ReasonCode::Allowed, Effect::Allows)
        }
        KnownBad::Warn => (ReasonCode::KnownBad, Effect::Warns),
        KnownBad::Block if facts.force_version => {
            message.push_str("; to force it takes a signed approval that was given after that");
            (ReasonCode::ApprovalRequired, Effect::AsksApproval)
        }
        KnownBad::Block => (ReasonCode::KnownBad, Effect::Blocks),
    };
    Some(Reason {
        rule: "versions.known_bad".to_owned(),
        code,
        effect,
        message,
        line: rules.line,
    })
}

/// Returns the failure in spite of which the version is to be brought, if it is forced.
pub(super) fn forced<'a>(
    policy: &Policy,
    request: &Request,
    facts: &'a Facts,
    now: DateTime<Utc>,
) -> Option<&'a FailedBefore> {
    failed(policy, request, facts).filter(|failed| {
        facts.force_version
            && policy.versions.known_bad == KnownBad::Block
            && counts(policy, failed, now)
    })
}

fn failed<'a>(policy: &Policy, request: &Request, facts: &'a Facts) -> Option<&'a FailedBefore> {
    let failed = facts.failed_before.as_ref();
    failed.filter(|_| policy.asks_of_plans(request.action))
}

fn counts(policy: &Policy, failed: &FailedBefore, now: DateTime<Utc>) -> bool {
    let counted = policy.versions.counted;
    counted.is_none_or(|counted| now - failed.at < counted)
}
