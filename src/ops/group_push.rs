//! One push for several commits: services of one process that are ready at the same time make their commits on
//! top of each other, every journal announces its own, and one push brings all of them onto the branch.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    failure,
    land::FORWARD_PATIENCE,
    patience::Windows,
    shared_state::{GaveUp, Shared, Waiting},
};
use crate::{
    event::Failure,
    git::{CommitId, PushOutcome, Repository},
};

/// Most commits in one push, so that nobody waits for long until all are made.
const MOST: usize = 50;

/// What the services of one process push together, for each branch.
#[derive(Default)]
pub struct GroupPushes(Mutex<BTreeMap<String, Arc<Group>>>);

impl GroupPushes {
    /// Returns those who push to a branch.
    pub(super) fn on(&self, branch: &str) -> Arc<Group> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(groups.entry(branch.to_owned()).or_default())
    }
}

/// Those who push to one branch, one round after the other: of a round nobody pushes until all have made their
/// commits and announced them. Who comes later waits for the next one.
#[derive(Default)]
pub(super) struct Group(Shared<State>);

struct State {
    round: u64,
    /// Who has come and still makes a commit.
    making: usize,
    /// Who has made one.
    made: usize,
    announced: usize,
    /// All have made their commits: nobody else is let in.
    is_closed: bool,
    is_being_pushed: bool,
    /// What the first commit builds on, and the last one.
    ends: Option<(CommitId, CommitId)>,
    /// What came of the pushes of earlier rounds.
    outcomes: BTreeMap<u64, Result<PushOutcome, Failure>>,
    /// Most commits in one push; with one, everybody goes alone.
    most: usize,
    /// When the first one came into the round.
    began: Option<DateTime<Utc>>,
    /// Since when every round has lost its race; none = the last one has not.
    losing: Option<Losing>,
}

/// Rounds that lost their races against other writers, one after the other. Whoever was in one comes again when all
/// of them do: that is one writer more at the server, and not one for each.
struct Losing {
    since: DateTime<Utc>,
    windows: Windows,
    /// When they come again.
    until: DateTime<Utc>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            round: 0,
            making: 0,
            made: 0,
            announced: 0,
            is_closed: false,
            is_being_pushed: false,
            ends: None,
            outcomes: BTreeMap::new(),
            most: MOST,
            began: None,
            losing: None,
        }
    }
}

/// Why there is no push of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Apart {
    /// Somebody fell out of this round; try again.
    Spoiled,
    /// Whoever waited gave up.
    GaveUp(GaveUp),
}

/// A place in a round. Who lets go of it before the push ends the round for all who have built on it.
pub(super) struct Place {
    group: Arc<Group>,
    round: u64,
    has_made: bool,
    pushes: bool,
}

impl Group {
    /// Takes a place in the round that is open, or in the next one; none = everybody goes alone.
    ///
    /// # Errors
    /// Whoever waits gives up.
    pub(super) async fn enter(
        self: &Arc<Self>,
        waiting: &mut Waiting<'_>,
    ) -> Result<Option<Place>, GaveUp> {
        let now = waiting.clock.now();
        let entered = self.0.wait(
            waiting,
            |_| false,
            |state| {
                if state.most < 2 {
                    return Some(None);
                }
                let is_open = !state.is_closed && state.making + state.made < state.most;
                is_open.then(|| {
                    state.began.get_or_insert(now);
                    state.making += 1;
                    Some(state.round)
                })
            },
        );
        let place = |round| Place {
            group: Arc::clone(self),
            round,
            has_made: false,
            pushes: false,
        };
        Ok(entered.await?.map(place))
    }

    /// Returns until when those rest who lost the last race; none = it was not lost.
    pub(super) fn rests_until(&self) -> Option<DateTime<Utc>> {
        let state = self.0.look();
        state.losing.as_ref().map(|losing| losing.until)
    }

    /// Lets everybody go alone from now on.
    pub(super) fn part(&self) {
        self.0.change(|state| state.most = 1);
    }
}

impl Place {
    /// Returns what the first commit of the round builds on, and the last one that was made, on which
    /// the next one is; none = nobody has made one.
    ///
    /// # Errors
    /// The round is over.
    pub(super) fn ends(&self) -> Result<Option<(CommitId, CommitId)>, Apart> {
        let state = self.group.0.look();
        if state.round != self.round {
            return Err(Apart::Spoiled);
        }
        Ok(state.ends.clone())
    }

    /// Takes a commit on top of the last one of [`Self::ends`], or of the first one on `base`; waits until all
    /// who have come have made theirs.
    ///
    /// # Errors
    /// See [`Apart`].
    pub(super) fn make(&mut self, base: CommitId, commit: CommitId) -> Result<(), Apart> {
        let (round, has_made) = (self.round, &mut self.has_made);
        self.group.0.change(|state| {
            if state.round != round {
                return Err(Apart::Spoiled);
            }
            *has_made = true;
            state.making -= 1;
            state.made += 1;
            state.is_closed = state.making == 0;
            let base = state.ends.take().map_or(base, |(base, _)| base);
            state.ends = Some((base, commit));
            Ok(())
        })
    }

    /// Waits until all who have come have made their commits.
    ///
    /// # Errors
    /// See [`Apart`].
    pub(super) async fn all_made(&self, waiting: &mut Waiting<'_>) -> Result<(), Apart> {
        self.wait(waiting, |state| state.is_closed.then_some(()))
            .await
    }

    /// Lets go of it without a commit, and waits until the round is over.
    ///
    /// # Errors
    /// Whoever waits gives up.
    pub(super) async fn stand_back(self, waiting: &mut Waiting<'_>) -> Result<(), GaveUp> {
        let (group, round) = (Arc::clone(&self.group), self.round);
        drop(self);
        let is_over = |state: &mut State| (state.round != round || state.is_empty()).then_some(());
        group.0.wait(waiting, |_| false, is_over).await
    }

    /// Waits until all have announced their commits, and what became of the push. The last one to come
    /// pushes.
    ///
    /// # Errors
    /// See [`Apart`].
    pub(super) async fn push(
        mut self,
        repository: &Repository,
        branch: &str,
        waiting: &mut Waiting<'_>,
    ) -> Result<Result<PushOutcome, Failure>, Apart> {
        let round = self.round;
        self.group.0.change(|state| {
            if state.round == round {
                state.announced += 1;
            }
        });
        let ours = self.wait(waiting, |state| {
            let all = state.announced == state.made && !state.is_being_pushed;
            let ends = state.ends.clone().filter(|_| all)?;
            state.is_being_pushed = true;
            Some(ends)
        });
        let (base, head) = match ours.await {
            Ok(ends) => ends,
            Err(Apart::Spoiled) => {
                // The round is over, by a push or without one.
                let state = self.group.0.look();
                return state.outcomes.get(&round).cloned().ok_or(Apart::Spoiled);
            }
            Err(end) => return Err(end),
        };
        self.pushes = true;
        let pushed = repository.push_for_retry(branch, &base, &head).await;
        let pushed = pushed.map_err(failure::git);
        let now = waiting.clock.now();
        self.group.0.change(|state| state.pushed(pushed, now))
    }

    /// Waits for something of the round.
    async fn wait<T>(
        &self,
        waiting: &mut Waiting<'_>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, Apart> {
        let round = self.round;
        // What is being pushed cannot be called back: whoever is in it waits for what becomes of it.
        let goes_on = |state: &State| state.round == round && state.is_being_pushed;
        let waited = self.group.0.wait(waiting, goes_on, |state| {
            if state.round != round {
                return Some(Err(Apart::Spoiled));
            }
            ready(state).map(Ok)
        });
        waited.await.map_err(Apart::GaveUp)?
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self {
            round,
            has_made,
            pushes,
            ..
        } = *self;
        self.group.0.change(|state| {
            if state.round != round {
                return;
            }
            if pushes {
                let reason = "the push was broken off".to_owned();
                state.end(Some(Ok(PushOutcome::Unknown { reason })));
            } else if has_made && !state.is_being_pushed {
                state.end(None);
            } else if !has_made {
                state.making -= 1;
                state.is_closed = state.making == 0 && state.made > 0;
            }
        });
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.making + self.made == 0
    }

    /// Says what became of a push, unless all are to try again in another way.
    fn pushed(
        &mut self,
        outcome: Result<PushOutcome, Failure>,
        now: DateTime<Utc>,
    ) -> Result<Result<PushOutcome, Failure>, Apart> {
        let count = self.made;
        match &outcome {
            Ok(PushOutcome::Lost { .. } | PushOutcome::Overtaken { .. }) => self.rest(now),
            Ok(PushOutcome::Pushed) => self.losing = None,
            // One of them may be the reason: each asks for itself, and has an answer of its own.
            Ok(PushOutcome::Denied { .. }) if count > 1 => {
                self.most = 1;
                self.end(None);
                return Err(Apart::Spoiled);
            }
            // It may have been too much at once.
            Ok(PushOutcome::NotTaken { .. }) if count > 1 => self.most = count / 2,
            _ => {}
        }
        self.end(Some(outcome.clone()));
        Ok(outcome)
    }

    /// Draws how long all of them rest after a race that they have lost.
    fn rest(&mut self, now: DateTime<Utc>) {
        let took = self.began.map_or(TimeDelta::zero(), |began| now - began);
        let losing = self.losing.get_or_insert_with(|| Losing {
            since: now,
            windows: Windows::default(),
            until: now,
        });
        let left =
            FORWARD_PATIENCE.saturating_sub((now - losing.since).to_std().unwrap_or_default());
        let pause = losing.windows.draw(took.to_std().unwrap_or_default(), left);
        losing.until = now + TimeDelta::from_std(pause).unwrap_or_default();
    }

    /// Ends the round: whoever still wants to go comes again.
    fn end(&mut self, outcome: Option<Result<PushOutcome, Failure>>) {
        if let Some(outcome) = outcome {
            self.outcomes.insert(self.round, outcome);
        }
        self.round += 1;
        self.making = 0;
        self.made = 0;
        self.announced = 0;
        self.is_closed = false;
        self.is_being_pushed = false;
        self.ends = None;
        self.began = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        clock::ManualClock,
        event::Ending,
        ops::stop::{Stop, StopReason},
    };

    const MINUTE: Duration = Duration::from_secs(60);

    fn id(digit: char) -> CommitId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn clock() -> ManualClock {
        ManualClock::at(DateTime::<Utc>::UNIX_EPOCH)
    }

    async fn enter(group: &Arc<Group>) -> Place {
        let (clock, (_stopper, mut stop)) = (clock(), Stop::channel());
        let mut waiting = Waiting::within(MINUTE, &clock, &mut stop);
        let entered = group.enter(&mut waiting).await;
        entered.unwrap().unwrap()
    }

    #[tokio::test]
    async fn nobody_goes_before_all_who_have_come_have_made_their_commits() {
        let group = GroupPushes::default().on("main");
        let (mut one, mut two) = (enter(&group).await, enter(&group).await);
        assert_eq!(one.ends(), Ok(None));
        one.make(id('a'), id('b')).unwrap();
        let (clock, (_stopper, mut stop)) = (clock(), Stop::channel());
        let mut waiting = Waiting::within(MINUTE, &clock, &mut stop);
        let (all, ()) = tokio::join!(one.all_made(&mut waiting), async {
            tokio::task::yield_now().await;
            // The second one builds on the first one, and what both build on stays.
            assert_eq!(two.ends(), Ok(Some((id('a'), id('b')))));
            two.make(id('c'), id('d')).unwrap();
            assert_eq!(two.ends(), Ok(Some((id('a'), id('d')))));
        });
        assert_eq!(all, Ok(()));
        // Who comes later waits until the round is over.
        let (late, ()) = tokio::join!(enter(&group), async {
            tokio::task::yield_now().await;
            assert_eq!(group.0.look().making, 0, "it is not let in");
            drop(two);
        });
        assert_eq!(late.round, 1);
        assert_eq!(one.ends(), Err(Apart::Spoiled));
        assert_eq!(one.all_made(&mut waiting).await, Err(Apart::Spoiled));
        assert_eq!(one.make(id('a'), id('b')), Err(Apart::Spoiled));
    }

    #[tokio::test]
    async fn who_leaves_without_a_commit_holds_nobody_up() {
        let group = GroupPushes::default().on("main");
        let (mut one, two) = (enter(&group).await, enter(&group).await);
        one.make(id('a'), id('b')).unwrap();
        assert!(!group.0.look().is_closed);
        let (clock, (_stopper, mut stop)) = (clock(), Stop::channel());
        let mut waiting = Waiting::within(MINUTE, &clock, &mut stop);
        let (stood_back, ()) = tokio::join!(two.stand_back(&mut waiting), async {
            tokio::task::yield_now().await;
            assert!(group.0.look().is_closed);
            group.0.change(|state| state.end(None));
        });
        assert_eq!(stood_back, Ok(()));
        // Where nobody is left there is nothing to wait for.
        let alone = enter(&group).await;
        let (_stopper, mut stop) = Stop::channel();
        let mut waiting = Waiting::within(MINUTE, &clock, &mut stop);
        assert_eq!(alone.stand_back(&mut waiting).await, Ok(()));
        assert!(!group.0.look().is_closed);
    }

    #[tokio::test]
    async fn waiting_ends_with_the_time_or_a_wish_to_stop_but_not_during_the_push() {
        let group = GroupPushes::default().on("main");
        let (mut one, _two) = (enter(&group).await, enter(&group).await);
        one.make(id('a'), id('b')).unwrap();
        let (clock, (stopper, mut stop)) = (clock(), Stop::channel());
        let mut waiting = Waiting::within(MINUTE, &clock, &mut stop);
        let (ended, ()) = tokio::join!(one.all_made(&mut waiting), async {
            tokio::task::yield_now().await;
            clock.advance(MINUTE + Duration::from_secs(1));
        });
        assert_eq!(ended, Err(Apart::GaveUp(GaveUp::TimeUp)));
        stopper.stop(StopReason::Terminate);
        let ended = one.all_made(&mut waiting).await;
        let stopped = GaveUp::Stopped(StopReason::Terminate);
        assert_eq!(ended, Err(Apart::GaveUp(stopped)));
        group.0.change(|state| state.is_being_pushed = true);
        let (ended, ()) = tokio::join!(one.all_made(&mut waiting), async {
            tokio::task::yield_now().await;
            group.0.change(|state| state.end(None));
        });
        assert_eq!(ended, Err(Apart::Spoiled));
    }

    #[tokio::test]
    async fn what_a_push_comes_to_decides_whether_all_go_apart() {
        let denied = || PushOutcome::Denied {
            reason: "no".to_owned(),
        };
        let not_taken = || PushOutcome::NotTaken {
            reason: "no".to_owned(),
        };
        let lost = || PushOutcome::Overtaken { tip: id('f') };
        let failed = || Err(Failure::new(Ending::PushDenied, "no"));
        // Commits in the round, the outcome, most commits afterwards, are all told?
        let rows = [
            (3, Ok(PushOutcome::Pushed), MOST, true),
            (3, Ok(lost()), MOST, true),
            (3, failed(), MOST, true),
            (3, Ok(denied()), 1, false),
            (1, Ok(denied()), MOST, true),
            (4, Ok(not_taken()), 2, true),
            (1, Ok(not_taken()), MOST, true),
        ];
        for (made, outcome, most, is_told) in rows {
            let mut state = State {
                made,
                ..State::default()
            };
            let told = state.pushed(outcome.clone(), DateTime::<Utc>::UNIX_EPOCH);
            assert_eq!((state.most, state.round, told.is_ok()), (most, 1, is_told));
            assert_eq!(state.outcomes.contains_key(&0), is_told);
            let is_lost = matches!(outcome, Ok(PushOutcome::Overtaken { .. }));
            assert_eq!(state.losing.is_some(), is_lost);
            if let Ok(Ok(told)) = told {
                assert_eq!(Some(told), outcome.ok());
            }
        }
        let group = GroupPushes::default().on("main");
        group.part();
        let (clock, (_stopper, mut stop)) = (clock(), Stop::channel());
        let mut waiting = Waiting::within(MINUTE, &clock, &mut stop);
        assert!(matches!(group.enter(&mut waiting).await, Ok(None)));
    }

    #[tokio::test]
    async fn a_push_that_is_broken_off_is_in_doubt_for_all() {
        let group = GroupPushes::default().on("main");
        let mut one = enter(&group).await;
        one.make(id('a'), id('b')).unwrap();
        group.0.change(|state| state.is_being_pushed = true);
        one.pushes = true;
        drop(one);
        let state = group.0.look();
        let outcome = state.outcomes.get(&0).cloned();
        assert!(matches!(outcome, Some(Ok(PushOutcome::Unknown { .. }))));
        assert_eq!(state.round, 1);
    }
}
