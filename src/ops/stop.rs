//! A wish to stop: signals and the death of the starter, seen between steps and during every wait.

use std::{future::Future, time::Duration};

use tokio::sync::watch;

use super::lookout::Lookout;
use crate::clock::Clock;

/// Why a run should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// SIGINT: a person or a runner cancels.
    Interrupt,
    /// SIGTERM: the machine or the runner ends.
    Terminate,
    /// The process that started us is gone: whatever it promised to others, nothing may be written
    /// in its name any more.
    StarterGone,
    /// Another run goes on with this one, or has ended it: there is nothing left to do here.
    TakenOver,
}

impl StopReason {
    /// Returns what happened, for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted (SIGINT)",
            Self::Terminate => "terminated (SIGTERM)",
            Self::StarterGone => "the process that started this run is gone",
            Self::TakenOver => "another run has taken this one over",
        }
    }
}

/// The side that asks to stop.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<Vec<StopReason>>);

impl Stopper {
    /// Asks once more.
    pub fn stop(&self, reason: StopReason) {
        self.0.send_modify(|reasons| reasons.push(reason));
    }
}

/// The side that is asked.
#[derive(Debug, Clone)]
pub struct Stop {
    receiver: watch::Receiver<Vec<StopReason>>,
    /// How many wishes have been answered already: during the way back only a further one counts.
    answered: usize,
    /// Who looks during a wait whether another run has taken over; none = nobody.
    lookout: Option<Lookout>,
}

impl Stop {
    /// Makes both sides.
    pub fn channel() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(Vec::new());
        let stop = Self {
            receiver,
            answered: 0,
            lookout: None,
        };
        (Stopper(sender), stop)
    }

    /// Returns the wish that waits for an answer. That the starter is gone is never answered: it
    /// counts whatever else was wished before.
    pub fn requested(&self) -> Option<StopReason> {
        let reasons = self.receiver.borrow();
        if reasons.contains(&StopReason::StarterGone) {
            return Some(StopReason::StarterGone);
        }
        reasons.get(self.answered).copied()
    }

    /// Marks all wishes so far as answered.
    pub fn answer(&mut self) {
        self.answered = self.receiver.borrow().len();
    }

    /// Marks all wishes so far as answered, and the next one as well if there was none yet: what
    /// the first wish asks for is being done already.
    pub fn answer_first(&mut self) {
        self.answered = self.receiver.borrow().len().max(1);
    }

    /// Has it looked, in every sleep from now on, whether another run has taken over; none = no more.
    pub fn look_out(&mut self, lookout: Option<Lookout>) {
        self.lookout = lookout;
    }

    /// Returns what the lookout has found: by whom this run was taken over.
    pub fn taken_over_by(&self) -> Option<String> {
        self.lookout.as_ref()?.found()
    }

    /// Waits for a wish. Never ends when there is nobody left who could ask.
    pub async fn wait(&mut self) -> StopReason {
        loop {
            if let Some(reason) = self.requested() {
                return reason;
            }
            if self.receiver.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Sleeps, unless asked to stop before.
    ///
    /// # Errors
    /// The wish, when one came.
    pub async fn sleep(&mut self, clock: &dyn Clock, duration: Duration) -> Result<(), StopReason> {
        if let Some(reason) = self.requested() {
            return Err(reason);
        }
        tokio::select! {
            biased;
            reason = self.wait() => return Err(reason),
            () = clock.sleep(duration) => {}
        }
        let Some(lookout) = self.lookout.clone() else {
            return Ok(());
        };
        if self.or(lookout.is_taken_over(clock)).await? {
            return Err(StopReason::TakenOver);
        }
        Ok(())
    }

    /// Waits for something, unless asked to stop before; what was awaited is then dropped.
    ///
    /// # Errors
    /// The wish, when one came.
    pub async fn or<T>(&mut self, work: impl Future<Output = T>) -> Result<T, StopReason> {
        tokio::select! {
            biased;
            reason = self.wait() => Err(reason),
            done = work => Ok(done),
        }
    }
}
