//! The only reader of the wall clock, and the only place that sleeps.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, TimeDelta, Utc};

/// A sleep in progress.
pub type Sleep<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Where the time comes from. Everything that needs the time is given one of these.
pub trait Clock: Send + Sync {
    /// Returns the current instant in UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Returns a future that ends after `duration` of this clock's time.
    fn sleep(&self, duration: Duration) -> Sleep<'_>;

    /// Converts a duration of this clock into one of the machine's clock, for time limits on
    /// sockets: a demo that runs 60 times faster still gives a server its full second to answer.
    fn real(&self, duration: Duration) -> Duration {
        duration
    }
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> DateTime<Utc> {
        // A clock before 1970 is a wrong one, for whoever decides by it to refuse: no reason to panic.
        DateTime::from(SystemTime::now())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until someone sleeps on it; a test of a four-hour canary takes
/// milliseconds.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<DateTime<Utc>>,
}

impl ManualClock {
    /// Starts at `now`.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            now: Mutex::new(now),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let step = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add_signed(step).unwrap_or(*now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.advance(duration);
        // Yielding lets a server of the same test, on the same thread, answer.
        Box::pin(tokio::task::yield_now())
    }
}

/// The machine's clock sped up by a factor, for the demo.
#[derive(Debug, Clone, Copy)]
pub struct ScaledClock {
    started: Instant,
    origin: DateTime<Utc>,
    factor: f64,
}

impl ScaledClock {
    /// Starts at `origin` and runs `factor` times as fast as the machine's clock.
    /// A factor that is not a number above zero counts as 1.
    #[expect(
        clippy::disallowed_methods,
        reason = "measures elapsed time for a clock of its own"
    )]
    pub fn new(origin: DateTime<Utc>, factor: f64) -> Self {
        let factor = if factor.is_finite() && factor > 0.0 {
            factor
        } else {
            1.0
        };
        Self {
            started: Instant::now(),
            origin,
            factor,
        }
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = self.started.elapsed().mul_f64(self.factor);
        self.origin + TimeDelta::from_std(elapsed).unwrap_or(TimeDelta::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "sleeps for a clock of its own")]
    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(self.real(duration)))
    }

    fn real(&self, duration: Duration) -> Duration {
        duration.div_f64(self.factor)
    }
}
