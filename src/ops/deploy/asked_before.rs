//! Asks every provider once before the first push.

use std::time::Duration;

use super::{
    Outside,
    observe::{Watching, part},
};
use crate::{
    config::verification::CheckKind,
    event::{Ending, Event, Failure, Reporter},
    ops::{load::Target, preflight, programs, watch::Reference},
    rollout::{Arm, Roles},
    units::Version,
};

/// Asks every provider once for both arms, so that a query that cannot be answered is found before
/// anything is changed. Returns the names of the health checks that fail already.
///
/// # Errors
/// A provider does not answer. That it has no data for the canary is as it should be: there is none.
pub async fn ask_once(
    target: &Target,
    version: &Version,
    (roles, previous): (&Roles, &str),
    outside: &Outside<'_>,
    reporter: &mut dyn Reporter,
) -> Result<Vec<String>, Failure> {
    let arms = asked_before(target);
    let verification = &target.service.verification;
    let version_of = |arm| match arm {
        Arm::Stable => previous,
        Arm::Canary => version.as_str(),
    };
    let now = outside.clock.now();
    let look = |arm, version| Watching {
        target,
        roles,
        verification,
        arm,
        version,
        previous,
        changed_at: now,
        began: None,
        promote_early: false,
        weight: None,
        duration: Duration::ZERO,
        limit: Duration::ZERO,
    };
    // A program is looked for, and not run: what it does may take a new version that is there.
    programs::find(verification, &target.programs, outside.secrets)?;
    let mut asked = verification.clone();
    asked
        .checks
        .retain(|check| !matches!(check.kind, CheckKind::Job(_)));
    let mut unhealthy = Vec::new();
    if let Some(single) = part(&asked, false) {
        for arm in arms {
            let watching = look(*arm, version_of(*arm));
            let word = watching.word(*arm);
            let mut watcher = watching.watcher(&single, Reference::Nobody, outside)?;
            watcher.make_due(now);
            watcher.poll(&mut Silent).await;
            for standing in watcher.standings() {
                if standing.errors_in_a_row > 0 {
                    let sentence = format!("{} ({word})", standing.sentence());
                    return Err(not_answered(target, &standing.name, &sentence));
                }
                if *arm == Arm::Stable && standing.inconclusive > 0 {
                    reporter.event(&Event::Warning(format!(
                        "before we start: {}: {} ({word})",
                        preflight::criterion(target, &standing.name),
                        standing.sentence()
                    )));
                }
                if *arm == Arm::Stable && standing.failed > 0 {
                    reporter.event(&Event::Warning(format!(
                        "{word} is not healthy before we start: {}",
                        standing.sentence()
                    )));
                    let mut checks = verification.health.iter();
                    if checks.any(|check| check.name == standing.name) {
                        unhealthy.push(standing.name);
                    }
                }
            }
        }
    }
    let Some(compared) = part(verification, true) else {
        return Ok(unhealthy);
    };
    // Both arms are asked at once. That the new version has no counters yet is as it should be.
    let arm = match &roles.canary {
        Some(_) => Arm::Canary,
        None => Arm::Stable,
    };
    let stable = look(Arm::Stable, previous).variables(Arm::Stable, previous);
    let watching = look(arm, version.as_str());
    let mut watcher = watching.watcher(&compared, Reference::Beside(stable), outside)?;
    watcher.make_due(now);
    watcher.poll(&mut Silent).await;
    for standing in watcher.standings() {
        if standing.errors_in_a_row > 0 {
            return Err(not_answered(target, &standing.name, &standing.sentence()));
        }
        if standing.inconclusive > 0 {
            reporter.event(&Event::Warning(format!(
                "before we start: {}: {}",
                preflight::criterion(target, &standing.name),
                standing.sentence()
            )));
        }
    }
    Ok(unhealthy)
}

/// Returns the arms about which every provider is asked before anything is changed.
pub fn asked_before(target: &Target) -> &'static [Arm] {
    match target.service.strategy.canary() {
        Some(_) => &[Arm::Stable, Arm::Canary],
        None => &[Arm::Stable],
    }
}

fn not_answered(target: &Target, name: &str, sentence: &str) -> Failure {
    let at = preflight::criterion(target, name);
    let reason = format!("before anything was changed: {at}: {sentence}");
    let hint = preflight::next_step(sentence, &at, "the provider");
    Failure::new(Ending::Unavailable, reason).hint(hint)
}

/// What asks only to know tells its result in one line; its measurements are no part of the verdict.
pub(super) struct Silent;

impl Reporter for Silent {
    fn event(&mut self, _event: &Event) {}
    fn finish(&mut self, _outcome: &crate::event::Outcome) {}
}
