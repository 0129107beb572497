//! Waits for a window to open, up to a limit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{case::Case, check};
use crate::{
    clock::Clock,
    event::{Event, Failure, Reporter},
    policy::{Decision, Effect, ReasonCode, Verdict, appointment},
};

/// How long nothing is said while waiting.
const SILENCE: Duration = Duration::from_secs(60);

/// Waits for openings, in all not longer than a limit.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    from: DateTime<Utc>,
    limit: DateTime<Utc>,
}

impl Patience {
    /// From now on, for this long.
    pub fn new(clock: &dyn Clock, length: Duration) -> Self {
        let from = clock.now();
        let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        Self {
            from,
            limit: from
                .checked_add_signed(length)
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }

    /// Waits where nothing but the time stands in the way and that ends within the limit. Returns
    /// whether it has waited: then all has to be read and judged again, because whatever was true
    /// before need not be any more. Approvals are not waited for, but may come meanwhile.
    ///
    /// # Errors
    /// As [`check::judge`].
    pub async fn wait(
        self,
        case: &Case,
        clock: &dyn Clock,
        reporter: &mut dyn Reporter,
    ) -> Result<bool, Failure> {
        let verdict = check::judge(&case.policy, &case.request, &case.facts, clock.now())?;
        let Some(opens) = opening(&verdict).filter(|opens| *opens <= self.limit) else {
            return Ok(false);
        };
        let because = verdict.opens_because.map(|why| format!(": {why}"));
        let what = format!(
            "waiting until {}{}",
            appointment(opens, case.policy.zone()),
            because.unwrap_or_default()
        );
        reporter.event(&Event::Note(what));
        loop {
            let now = clock.now();
            let Ok(left) = (opens - now).to_std() else {
                return Ok(true);
            };
            if left.is_zero() {
                return Ok(true);
            }
            clock.sleep(left.min(SILENCE)).await;
            let now = clock.now();
            reporter.event(&Event::Waiting {
                at: now,
                what: format!("{} to open", case.policy.source().path),
                elapsed: (now - self.from).to_std().unwrap_or_default(),
                limit: (self.limit - self.from).to_std().ok(),
            });
        }
    }
}

/// Returns when a verdict opens against which only the time stands.
fn opening(verdict: &Verdict) -> Option<DateTime<Utc>> {
    let mut blocking = verdict
        .reasons
        .iter()
        .filter(|reason| reason.effect == Effect::Blocks);
    let time = [
        ReasonCode::BlockedWindow,
        ReasonCode::BlockedDate,
        ReasonCode::Runway,
    ];
    let only_time = blocking.all(|reason| time.contains(&reason.code));
    let opens = verdict.opens_at.map(|opens| opens.to_utc());
    opens.filter(|_| verdict.decision == Decision::Blocked && only_time)
}
