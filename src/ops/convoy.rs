//! One commit for several services: each makes its change on top of the others', all of it becomes one
//! commit, every service's journal announces that one, and one push brings it onto the branch.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::MutexGuard,
};

use super::{
    failure,
    fleet::NOT_BEGUN,
    shared_state::{GaveUp, Shared, Waiting},
    stop::StopReason,
};
use crate::{
    event::{Ending, Failure},
    git::{self, CommitId, PushOutcome, Repository, Trailers},
};

/// What one service adds to the common commit.
#[derive(Debug, Clone)]
pub struct Part {
    /// The service and its version, for the subject.
    pub what: String,
    /// The lines about its changes.
    pub body: String,
    /// Its trailers; the first one names its run.
    pub trailers: Trailers,
}

/// Services whose first commits are to be one. A service that ends without having got so far leaves;
/// the others wait for all who are still to come.
pub struct Convoy(Shared<State>);

struct State {
    /// Services that have not left.
    members: BTreeSet<String>,
    /// Where they go to, for the subject.
    environment: String,
    round: u64,
    base: Option<CommitId>,
    head: Option<CommitId>,
    parts: BTreeMap<String, Part>,
    joint: Option<CommitId>,
    announced: usize,
    is_working: bool,
    is_being_pushed: bool,
    /// What came of the pushes of earlier rounds.
    outcomes: BTreeMap<u64, Result<PushOutcome, Failure>>,
    /// Because of whom nobody goes any more, and how that one ended.
    called_off: Option<(String, String)>,
    has_departed: bool,
}

/// A place in the common commit of one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    round: u64,
    /// The branch's head that the common commit builds on.
    pub base: CommitId,
}

/// Why there is no common commit.
#[derive(Debug)]
pub enum NotTogether {
    /// Somebody fell out of this round; try again.
    Spoiled,
    /// Asked to stop.
    Stopped(StopReason),
    /// The others were not ready in time.
    TimeUp,
    /// Anything else.
    Failed(Failure),
}

impl Convoy {
    /// Starts one for these services.
    pub fn of(services: &[String], environment: &str) -> Self {
        Self(Shared::new(State {
            members: services.iter().cloned().collect(),
            environment: environment.to_owned(),
            round: 0,
            base: None,
            head: None,
            parts: BTreeMap::new(),
            joint: None,
            announced: 0,
            is_working: false,
            is_being_pushed: false,
            outcomes: BTreeMap::new(),
            called_off: None,
            has_departed: false,
        }))
    }

    /// Does a service still go with the others? Once the common commit is on the branch, each goes on
    /// alone.
    pub fn takes(&self, service: &str) -> bool {
        let state = self.lock();
        !state.has_departed && state.members.contains(service)
    }

    /// A service goes on alone, or has ended. The others need not wait for it.
    pub fn leave(&self, service: &str) {
        self.0.change(|state| {
            let is_in = state.members.remove(service) && state.parts.contains_key(service);
            if is_in && !state.is_being_pushed {
                state.spoil();
            }
        });
    }

    /// Nobody goes any more who has not gone yet.
    /// `service` is why, and `ended` how it ended.
    pub fn call_off(&self, service: &str, ended: &str) {
        self.0.change(|state| {
            if !state.has_departed && !state.is_being_pushed {
                let cause = || (service.to_owned(), ended.to_owned());
                state.called_off.get_or_insert_with(cause);
                state.spoil();
            }
        });
    }

    /// Returns what the next service's change is made on: the branch's head and the changes of those
    /// who came before it; none = it is the first one of its round, and reads the branch.
    ///
    /// # Errors
    /// [`NotTogether::Failed`]: it was called off.
    pub fn last(&self) -> Result<Option<CommitId>, NotTogether> {
        let state = self.lock();
        match &state.called_off {
            Some((service, ended)) => Err(NotTogether::Failed(called_off(service, ended))),
            None => Ok(state.head.clone()),
        }
    }

    /// Takes a service's change: `made` is on top of [`Self::last`], or, of the first one, on `tip`.
    pub fn board(&self, service: &str, tip: CommitId, made: CommitId, part: Part) -> Seat {
        self.0.change(|state| {
            let base = state.base.get_or_insert(tip).clone();
            state.head = Some(made);
            state.parts.insert(service.to_owned(), part);
            Seat {
                round: state.round,
                base,
            }
        })
    }

    /// Returns the common commit, once all have boarded. The last one to come makes it.
    ///
    /// # Errors
    /// See [`NotTogether`].
    pub async fn joint(
        &self,
        seat: &Seat,
        repository: &Repository,
        waiting: &mut Waiting<'_>,
    ) -> Result<CommitId, NotTogether> {
        enum Next {
            Take(CommitId),
            Make(CommitId, String),
        }
        let next = self.wait(seat, waiting, |state| {
            if let Some(joint) = &state.joint {
                return Some(Next::Take(joint.clone()));
            }
            let head = state.head.clone()?;
            let all = state.parts.len() == state.members.len();
            (all && !state.is_working).then(|| {
                state.is_working = true;
                Next::Make(head, state.message())
            })
        });
        let (head, message) = match next.await? {
            Next::Take(joint) => return Ok(joint),
            Next::Make(head, message) => (head, message),
        };
        let now = waiting.clock.now();
        let made = repository.squash(&head, &seat.base, &message, now).await;
        self.made(seat, made.map_err(failure::git))
    }

    /// Hands out the commit that was made, unless its round has ended meanwhile: the next one makes its own.
    fn made(&self, seat: &Seat, made: Result<CommitId, Failure>) -> Result<CommitId, NotTogether> {
        self.0.change(|state| {
            if state.round != seat.round {
                return made
                    .map_err(NotTogether::Failed)
                    .and(Err(NotTogether::Spoiled));
            }
            match &made {
                Ok(joint) => {
                    state.is_working = false;
                    state.joint = Some(joint.clone());
                }
                Err(_) => state.spoil(),
            }
            made.map_err(NotTogether::Failed)
        })
    }

    /// Counts a service whose journal announces the common commit; one whose round has ended is of no other.
    fn announced(&self, seat: &Seat) {
        self.0.change(|state| {
            if state.round == seat.round {
                state.announced += 1;
            }
        });
    }

    /// The service's journal does not announce the common commit: nobody may push it.
    pub fn spoil(&self, seat: &Seat) {
        self.0.change(|state| {
            if state.round == seat.round && !state.is_being_pushed {
                state.spoil();
            }
        });
    }

    /// Waits until all have announced the common commit, and what became of its push. The last one to
    /// come pushes it.
    ///
    /// # Errors
    /// See [`NotTogether`].
    pub async fn push(
        &self,
        seat: &Seat,
        joint: &CommitId,
        repository: &Repository,
        branch: &str,
        waiting: &mut Waiting<'_>,
    ) -> Result<PushOutcome, NotTogether> {
        self.announced(seat);
        let ours = self.wait(seat, waiting, |state| {
            let all = state.announced == state.members.len();
            (all && !state.is_being_pushed).then(|| state.is_being_pushed = true)
        });
        match ours.await {
            Ok(()) => {}
            Err(NotTogether::Spoiled) => {
                // The round is over, by a push or without one.
                let state = self.lock();
                let outcome = state.outcomes.get(&seat.round).cloned();
                return match outcome {
                    Some(outcome) => outcome.map_err(NotTogether::Failed),
                    None => Err(NotTogether::Spoiled),
                };
            }
            Err(end) => return Err(end),
        }
        let pushed = repository.push(branch, &seat.base, joint).await;
        let pushed = pushed.map_err(failure::git);
        self.0.change(|state| {
            state.outcomes.insert(seat.round, pushed.clone());
            state.has_departed = matches!(pushed, Ok(PushOutcome::Pushed));
            state.spoil();
        });
        pushed.map_err(NotTogether::Failed)
    }

    /// Waits for something of a round; [`NotTogether::Spoiled`] when the round is over.
    async fn wait<T>(
        &self,
        seat: &Seat,
        waiting: &mut Waiting<'_>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, NotTogether> {
        // What is being pushed cannot be called back: whoever is in it waits for what becomes of it.
        let goes_on = |state: &State| state.round == seat.round && state.is_being_pushed;
        let waited = self.0.wait(waiting, goes_on, |state| {
            if state.round != seat.round {
                return Some(Err(NotTogether::Spoiled));
            }
            ready(state).map(Ok)
        });
        waited.await.unwrap_or_else(|ended| {
            self.spoil(seat);
            Err(match ended {
                GaveUp::Stopped(reason) => NotTogether::Stopped(reason),
                GaveUp::TimeUp => NotTogether::TimeUp,
            })
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.look()
    }
}

impl State {
    /// Ends a round: whoever still wants to go boards again.
    fn spoil(&mut self) {
        self.round += 1;
        self.base = None;
        self.head = None;
        self.parts.clear();
        self.joint = None;
        self.announced = 0;
        self.is_working = false;
        self.is_being_pushed = false;
    }

    /// Returns the message of the common commit: one service's is what it always is.
    fn message(&self) -> String {
        let what: Vec<&str> = self.parts.values().map(|part| part.what.as_str()).collect();
        let subject = match what.as_slice() {
            [one] => format!("{one} ({})", self.environment),
            [first, second] => format!("{first}, {second} ({})", self.environment),
            [first, second, others @ ..] => {
                let more = others.len();
                format!("{first}, {second} and {more} more ({})", self.environment)
            }
            [] => String::new(),
        };
        let bodies: Vec<&str> = self.parts.values().map(|part| part.body.as_str()).collect();
        let mut trailers = Trailers::new();
        for part in self.parts.values() {
            trailers.extend(&part.trailers);
        }
        git::message(&subject, &bodies.join("\n"), &trailers)
    }
}

fn called_off(service: &str, ended: &str) -> Failure {
    let mut failure = Failure::new(
        Ending::BlockedOther,
        format!(
            "nothing was pushed: all services go in one commit, and `{service}` ended as {ended}"
        ),
    )
    .hint(format!(
        "mend `{service}`, or leave it out, and run the same command again"
    ));
    NOT_BEGUN.clone_into(&mut failure.0.reason_code);
    failure
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::{
        clock::{Clock, ManualClock},
        ops::stop::Stop,
    };

    fn id(digit: char) -> CommitId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn part() -> Part {
        Part {
            what: "web 1.1".to_owned(),
            body: String::new(),
            trailers: Trailers::new(),
        }
    }

    fn two() -> Convoy {
        Convoy::of(&["api".to_owned(), "web".to_owned()], "production")
    }

    #[tokio::test]
    async fn nobody_waits_for_the_others_for_longer_than_the_run_may_take() {
        let convoy = two();
        let clock = Arc::new(ManualClock::at(DateTime::<Utc>::UNIX_EPOCH));
        let (_stopper, mut stop) = Stop::channel();
        let seat = convoy.board("web", id('a'), id('b'), part());
        let mut waiting = Waiting {
            clock: &*clock,
            until: clock.now() + TimeDelta::minutes(1),
            stop: &mut stop,
        };
        let waits = convoy.wait(&seat, &mut waiting, |_| None::<()>);
        let (ended, ()) = tokio::join!(waits, async {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(61));
        });
        assert!(matches!(ended, Err(NotTogether::TimeUp)), "{ended:?}");
        assert!(convoy.takes("web"), "it may board again");
    }

    #[tokio::test]
    async fn what_is_being_pushed_is_waited_for_whoever_asks_to_stop() {
        let convoy = two();
        let clock = ManualClock::at(DateTime::<Utc>::UNIX_EPOCH);
        let (stopper, mut stop) = Stop::channel();
        let seat = convoy.board("web", id('a'), id('b'), part());
        convoy.lock().is_being_pushed = true;
        stopper.stop(StopReason::Terminate);
        let mut waiting = Waiting {
            clock: &clock,
            until: clock.now(),
            stop: &mut stop,
        };
        let waits = convoy.wait(&seat, &mut waiting, |_| None::<()>);
        let (ended, ()) = tokio::join!(waits, async {
            tokio::task::yield_now().await;
            convoy.spoil(&seat);
            convoy.leave("web");
            convoy.call_off("api", "40 rolled-back");
            tokio::task::yield_now().await;
            assert_eq!(convoy.lock().round, seat.round, "it is left alone");
            let mut state = convoy.lock();
            state.has_departed = true;
            state.spoil();
            drop(state);
            convoy.0.change(|_| ());
        });
        assert!(matches!(ended, Err(NotTogether::Spoiled)), "{ended:?}");
    }

    #[test]
    fn whoever_comes_late_is_no_part_of_the_next_round() {
        let convoy = two();
        let late = convoy.board("api", id('a'), id('b'), part());
        convoy.spoil(&late);
        let seat = convoy.board("web", id('a'), id('c'), part());
        convoy.lock().is_working = true;
        convoy.announced(&late);
        let failure = || Failure::new(Ending::EditRefused, "no room");
        let ends = [Ok(id('d')), Err(failure())].map(|made| convoy.made(&late, made));
        assert!(matches!(
            ends,
            [Err(NotTogether::Spoiled), Err(NotTogether::Failed(_))]
        ));
        {
            let state = convoy.lock();
            assert_eq!((state.round, state.announced), (seat.round, 0));
            assert!(state.is_working && state.joint.is_none());
        }
        convoy.announced(&seat);
        assert!(matches!(convoy.made(&seat, Ok(id('e'))), Ok(joint) if joint == id('e')));
        let state = convoy.lock();
        assert_eq!((state.announced, state.is_working), (1, false));
        assert_eq!(state.joint, Some(id('e')));
    }

    #[tokio::test]
    async fn whoever_falls_out_ends_the_round_for_all() {
        let convoy = two();
        let seats = ["api", "web"].map(|name| convoy.board(name, id('a'), id('b'), part()));
        assert_eq!(seats[0], seats[1]);
        convoy.leave("api");
        assert!(!convoy.takes("api"));
        assert!(
            matches!(convoy.last(), Ok(None)),
            "the next round begins anew"
        );
        let clock = ManualClock::at(DateTime::<Utc>::UNIX_EPOCH);
        let (_stopper, mut stop) = Stop::channel();
        let mut waiting = Waiting {
            clock: &clock,
            until: clock.now() + TimeDelta::minutes(1),
            stop: &mut stop,
        };
        let waits = convoy.wait(&seats[1], &mut waiting, |_| Some(()));
        assert!(matches!(waits.await, Err(NotTogether::Spoiled)));
        convoy.call_off("api", "30 edit-refused");
        assert!(matches!(convoy.last(), Err(NotTogether::Failed(_))));
    }
}
