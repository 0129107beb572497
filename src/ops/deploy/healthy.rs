//! Looks whether the version that a way back has brought back is healthy: the service's own health
//! checks, some looks in a row.

use std::time::Duration;

use super::{Outside, asked_before::Silent, observe::Watching};
use crate::{
    analysis::Standing,
    config::verification::Verification,
    event::{Event, Failure, Reporter},
    ops::{
        stop::{Stop, StopReason},
        watch::Reference,
        writer::Writer,
    },
    rollout::{Arm, Roles},
    units::format_duration,
};

/// How many looks in a row must find every check passing: one may be chance.
const LOOKS: u32 = 2;
/// Time between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Health {
    /// Every check passes, or there is none.
    Well,
    /// Checks fail that failed before the run began. Says which.
    AsBefore(String),
    /// A check did not pass in time. Says which.
    Ill(String),
    /// Asked to stop.
    Stopped(StopReason),
}

/// Waits until the previous version is healthy, not longer than a workload may take to be live.
///
/// Checks that failed before the run began are asked, too, and told of, but not waited for: a way back
/// brings back what there was.
pub(super) async fn wait(
    writer: &Writer<'_>,
    roles: &Roles,
    outside: &Outside<'_>,
    stop: &mut Stop,
    reporter: &mut dyn Reporter,
) -> Health {
    let service = &writer.target.service;
    let Some(checks) = service.verification.only_health() else {
        return Health::Well;
    };
    let version = writer.identity.previous_version.as_str();
    let limit = service.progress_deadline;
    let started = outside.clock.now();
    let mut good_looks = 0;
    loop {
        let failing = match stop.or(look(&checks, writer, roles, outside)).await {
            Err(reason) => return Health::Stopped(reason),
            Ok(Err(failure)) => return Health::Ill(failure.to_string()),
            Ok(Ok(failing)) => failing,
        };
        let is_old =
            |standing: &&Standing| writer.identity.unhealthy_before.contains(&standing.name);
        let new = failing.iter().find(|standing| !is_old(standing));
        let elapsed = (outside.clock.now() - started).to_std().unwrap_or_default();
        let seen = match new {
            None => {
                good_looks += 1;
                if good_looks >= LOOKS {
                    return failing.first().map_or(Health::Well, |old| {
                        Health::AsBefore(format!(
                            "as before the run began, {version} is not healthy: {}",
                            told(old)
                        ))
                    });
                }
                "healthy once".to_owned()
            }
            Some(standing) => {
                good_looks = 0;
                told(standing)
            }
        };
        if elapsed >= limit {
            return Health::Ill(format!(
                "{version} is not healthy after {} ({seen})",
                format_duration(limit)
            ));
        }
        reporter.event(&Event::Waiting {
            at: outside.clock.now(),
            what: format!("{version} to be healthy ({seen})"),
            elapsed,
            limit: Some(limit),
        });
        if let Err(reason) = stop.sleep(&*outside.clock, PAUSE).await {
            return Health::Stopped(reason);
        }
    }
}

/// Says what one look saw: how much of it a watch would tolerate does not matter here.
fn told(standing: &Standing) -> String {
    if standing.failed == 0 {
        return standing.sentence();
    }
    let Standing {
        name,
        detail,
        wanted,
        ..
    } = standing;
    format!("{name} {detail}, wanted {wanted}")
}

/// Asks every check once. Returns those that do not pass.
async fn look(
    checks: &Verification,
    writer: &Writer<'_>,
    roles: &Roles,
    outside: &Outside<'_>,
) -> Result<Vec<Standing>, Failure> {
    let now = outside.clock.now();
    let previous = writer.identity.previous_version.as_str();
    let watching = Watching {
        target: writer.target,
        roles,
        verification: checks,
        arm: Arm::Stable,
        version: previous,
        previous,
        changed_at: now,
        began: None,
        promote_early: false,
        weight: None,
        duration: Duration::ZERO,
        limit: Duration::ZERO,
    };
    let mut watcher = watching.watcher(checks, Reference::Nobody, outside)?;
    watcher.make_due(now);
    watcher.poll(&mut Silent).await;
    let mut standings = watcher.standings();
    standings.retain(|standing| standing.failed > 0 || standing.errors_in_a_row > 0);
    Ok(standings)
}
