//! Records of several services that wait to be written: whoever comes to it first writes all of them, in
//! one push.

use std::{
    collections::HashSet,
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::{
    commit_id::CommitId,
    error::GitError,
    journal::{self, Entry, JournalOutcome},
    local::Local,
    push::Proof,
    worker::Longest,
};

/// A record that is to be written.
pub(super) struct Letter {
    pub(super) environment: String,
    pub(super) service: String,
    /// The newest record, as far as is known; none = this is to be the first.
    pub(super) expected: Option<CommitId>,
    /// What it says, with its trailers.
    pub(super) message: String,
    pub(super) at: DateTime<Utc>,
    pub(super) proof: Proof,
    /// The longest that a call for it may take.
    pub(super) longest: Longest,
}

type Answer = oneshot::Sender<Result<JournalOutcome, GitError>>;

/// What waits, each with its number and whoever waits for it.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Vec<(u64, Letter, Answer)>>,
    next: AtomicU64,
}

impl Outbox {
    /// Takes a record. Returns its number, and where its outcome comes.
    pub(super) fn add(
        &self,
        letter: Letter,
    ) -> (u64, oneshot::Receiver<Result<JournalOutcome, GitError>>) {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let (answer, answered) = oneshot::channel();
        self.lock().push((number, letter, answer));
        (number, answered)
    }

    /// Writes a record, unless somebody has taken it along; and with it all others that wait, if they may
    /// take as long. One that nobody waits for any more is left out.
    pub(super) fn write(&self, number: u64, local: &mut Local) {
        let together = self.with(number);
        let entries: Vec<Entry<'_>> = together.iter().map(|(letter, _)| entry(letter)).collect();
        let outcomes = journal::append_all(local, &entries);
        drop(entries);
        for ((_, answer), outcome) in together.into_iter().zip(outcomes) {
            // Nobody waits any more: then nobody misses the answer.
            let _ = answer.send(outcome);
        }
    }

    fn with(&self, number: u64) -> Vec<(Letter, Answer)> {
        let mut waiting = self.lock();
        let own = waiting.iter().find(|(it, ..)| *it == number);
        let Some(limit) = own.map(|(_, letter, _)| letter.longest.get()) else {
            return Vec::new();
        };
        let mut journals = HashSet::new();
        let mut together = Vec::new();
        for (it, letter, answer) in mem::take(&mut *waiting) {
            let journal = (letter.environment.clone(), letter.service.clone());
            let goes = it == number || letter.longest.get() == limit;
            if answer.is_closed() {
                continue;
            }
            // Two records of one journal build on each other: one at a time.
            if goes && journals.insert(journal) {
                together.push((letter, answer));
            } else {
                waiting.push((it, letter, answer));
            }
        }
        together
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Letter, Answer)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(letter: &Letter) -> Entry<'_> {
    Entry {
        environment: &letter.environment,
        service: &letter.service,
        expected: letter.expected.as_ref(),
        message: &letter.message,
        at: letter.at,
        proof: letter.proof,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(service: &str, longest: &Longest) -> Letter {
        Letter {
            environment: "production".to_owned(),
            service: service.to_owned(),
            expected: None,
            message: String::new(),
            at: DateTime::UNIX_EPOCH,
            proof: Proof::ReadBack,
            longest: longest.clone(),
        }
    }

    #[test]
    fn all_that_wait_go_together_but_no_two_of_one_journal_and_nobody_for_longer_than_allowed() {
        let (outbox, long, short) = (Outbox::default(), Longest::default(), Longest::default());
        let (web, _web) = outbox.add(letter("web", &long));
        let (again, _again) = outbox.add(letter("web", &long));
        let (_, _api) = outbox.add(letter("api", &long));
        let (hasty, _hasty) = outbox.add(letter("hasty", &short));
        drop(outbox.add(letter("gone", &long)));
        // Its limit may change while it waits.
        short.set(5);
        let services = |number| {
            let together = outbox.with(number);
            let names = together.into_iter().map(|(letter, _)| letter.service);
            names.collect::<Vec<_>>()
        };
        assert_eq!(services(web), ["web", "api"]);
        assert_eq!(services(web), Vec::<String>::new(), "it went already");
        assert_eq!(services(hasty), ["hasty"]);
        assert_eq!(services(again), ["web"]);
    }
}
