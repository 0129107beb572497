//! How long something is tried again that failed for a reason that passes: a lost race, a git server
//! that does not answer.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, TimeDelta, Utc};

use super::stop::{Stop, StopReason};
use crate::clock::Clock;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pauses that grow, with full jitter, until a time is up.
pub struct Patience {
    until: DateTime<Utc>,
    pauses: ExponentialBackoff,
}

/// Why nothing is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exhausted {
    /// The time is up.
    TimeUp,
    /// Asked to stop.
    Stopped(StopReason),
}

impl Patience {
    /// Starts now; there is always at least one try.
    pub fn new(clock: &dyn Clock, limit: Duration) -> Self {
        let until = clock
            .now()
            .checked_add_signed(TimeDelta::from_std(limit).unwrap_or(TimeDelta::MAX))
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .without_max_times()
            .build();
        Self { until, pauses }
    }

    /// Waits for the next try.
    ///
    /// # Errors
    /// There is none.
    pub async fn pause(&mut self, clock: &dyn Clock, stop: &mut Stop) -> Result<(), Exhausted> {
        if clock.now() >= self.until {
            return Err(Exhausted::TimeUp);
        }
        let pause = self.pauses.next().unwrap_or(LONGEST_PAUSE);
        stop.sleep(clock, pause).await.map_err(Exhausted::Stopped)
    }
}
