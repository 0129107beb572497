//! State that several services of one process share, and wait for changes of.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;

use super::stop::{Stop, StopReason};
use crate::clock::Clock;

/// Something that whoever has it looks at and changes, and that wakes whoever waits.
#[derive(Default)]
pub(super) struct Shared<S> {
    state: Mutex<S>,
    changed: Notify,
}

/// How long somebody waits for the others, and what ends that early.
pub struct Waiting<'a> {
    /// Where the time comes from.
    pub clock: &'a dyn Clock,
    /// When the time is up.
    pub until: DateTime<Utc>,
    /// A wish to stop.
    pub stop: &'a mut Stop,
}

impl<'a> Waiting<'a> {
    /// Waits for at most so long from now on.
    pub(super) fn within(
        longest: std::time::Duration,
        clock: &'a dyn Clock,
        stop: &'a mut Stop,
    ) -> Self {
        let limit = TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX);
        let until = clock.now().checked_add_signed(limit);
        Self {
            clock,
            until: until.unwrap_or(DateTime::<Utc>::MAX_UTC),
            stop,
        }
    }
}

/// Why a wait has ended without what was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GaveUp {
    /// Asked to stop.
    Stopped(StopReason),
    /// The time was up.
    TimeUp,
}

impl<S> Shared<S> {
    pub(super) fn new(state: S) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Looks at it. Nobody is woken by what is changed.
    pub(super) fn look(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it, and wakes all who wait.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut S) -> T) -> T {
        let done = change(&mut self.look());
        self.changed.notify_waiters();
        done
    }

    /// Waits until `ready` finds something, which may change the state. While `goes_on` holds of it, neither
    /// time nor a wish to stop ends the wait.
    ///
    /// # Errors
    /// See [`GaveUp`].
    pub(super) async fn wait<T>(
        &self,
        waiting: &mut Waiting<'_>,
        goes_on: impl Fn(&S) -> bool,
        mut ready: impl FnMut(&mut S) -> Option<T>,
    ) -> Result<T, GaveUp> {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(found) = ready(&mut self.look()) {
                return Ok(found);
            }
            let left = (waiting.until - waiting.clock.now()).to_std();
            let time = waiting.clock.sleep(left.unwrap_or_default());
            let ended = tokio::select! {
                biased;
                reason = waiting.stop.wait() => GaveUp::Stopped(reason),
                () = changed.as_mut() => continue,
                () = time => GaveUp::TimeUp,
            };
            if !goes_on(&self.look()) {
                return Err(ended);
            }
            changed.await;
        }
    }
}
