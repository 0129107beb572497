//! Looks during a wait whether another run has taken this one over.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    journal::{self, Record, RunIdentity},
    writer::outdone_by,
};
use crate::{clock::Clock, git::Repository};

/// How often the journal is looked at while a run waits, at most.
pub const LOOK: Duration = Duration::from_secs(10);

/// How long the git server may take for one look. A watch stands still for as long.
const ANSWER: Duration = Duration::from_secs(5);

/// After how many of its own lengths it is looked again when there was no answer.
const AFTER_SILENCE: i32 = 6;

/// Looks at the journal of a run that has written a record.
#[derive(Clone)]
pub struct Lookout(Arc<Inner>);

struct Inner {
    repository: Repository,
    identity: RunIdentity,
    every: TimeDelta,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: Option<DateTime<Utc>>,
    found: Option<String>,
}

impl fmt::Debug for Lookout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = &self.0.identity.run;
        formatter.debug_struct("Lookout").field("run", run).finish()
    }
}

impl Lookout {
    /// Looks for a run, for the first time once `every` is over.
    pub fn new(
        repository: &Repository,
        identity: &RunIdentity,
        every: Duration,
        clock: &dyn Clock,
    ) -> Self {
        let repository = repository.share();
        repository.answer_within(Some(clock.real(ANSWER).max(Duration::from_secs(1))));
        let every = TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
        Self(Arc::new(Inner {
            repository,
            identity: identity.clone(),
            every,
            state: Mutex::new(State {
                next: clock.now().checked_add_signed(every),
                found: None,
            }),
        }))
    }

    /// Returns what was found.
    pub fn found(&self) -> Option<String> {
        self.state().found.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks, if it is time to, whether somebody else has written the newest record of the journal. A git
    /// server that does not answer is no reason to end anything, and is left alone for a while.
    pub async fn is_taken_over(&self, clock: &dyn Clock) -> bool {
        let inner = &*self.0;
        let now = clock.now();
        {
            let state = self.state();
            if state.found.is_some() {
                return true;
            }
            if state.next.is_none_or(|next| now < next) {
                return false;
            }
        }
        let RunIdentity {
            environment,
            service,
            ..
        } = &inner.identity;
        let journal = inner.repository.journal(environment, service).await;
        let pause = match &journal {
            Ok(_) => inner.every,
            Err(_) => inner.every * AFTER_SILENCE,
        };
        let mut state = self.state();
        state.next = clock.now().checked_add_signed(pause);
        let Ok(journal) = journal else {
            return false;
        };
        let records = journal::records(&journal);
        let is_own = |record: &Record| record.writer.as_deref() == Some(inner.repository.writer());
        // A replica that lags behind does not show our own records yet: that says nothing.
        let newest = records.first().filter(|newest| !is_own(newest));
        if newest.is_none() || !records.iter().any(is_own) {
            return false;
        }
        state.found = Some(outdone_by(&inner.identity, newest, true));
        true
    }
}
