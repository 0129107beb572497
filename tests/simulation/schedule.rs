//! The one order of everything that happens in a world: a clock for each run, and what wakes next.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Condvar, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::clock::{Clock, Sleep};

use crate::random::Random;

/// Whatever happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A run begins.
    Begin(usize),
    /// A sleep of a run is over.
    Rested(usize),
    /// A push of a run is let go on.
    Release(usize),
    /// A run dies as by SIGKILL.
    Kill(usize),
    /// A run is sent a signal.
    Signal(usize),
    /// The clock of a run's machine jumps.
    Jump(usize),
    /// The server comes to a push whose writer is long dead.
    Late(usize),
    /// Somebody else commits.
    Rival(usize),
}

/// What is to come, in the order of its time; the seed decides among what comes at the same time.
#[derive(Default)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<(DateTime<Utc>, u64, Wake)>>,
}

impl Agenda {
    /// Adds something.
    pub fn add(&mut self, at: DateTime<Utc>, wake: Wake, random: &mut Random) {
        self.heap.push(Reverse((at, random.next(), wake)));
    }

    /// Takes what comes next.
    pub fn next(&mut self) -> Option<(DateTime<Utc>, Wake)> {
        self.heap.pop().map(|Reverse((at, _, wake))| (at, wake))
    }
}

/// What becomes of a push that is held up at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The server goes on with it.
    Go,
    /// The connection breaks.
    Hang,
}

/// Holds a thread of the server up until there is a verdict.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<Option<Verdict>>, Condvar)>);

impl Gate {
    /// Lets the thread go on.
    pub fn open(&self, verdict: Verdict) {
        let (slot, changed) = &*self.0;
        slot.lock().unwrap().get_or_insert(verdict);
        changed.notify_all();
    }

    /// Waits for the verdict.
    pub fn wait(&self) -> Verdict {
        let (slot, changed) = &*self.0;
        let found = changed.wait_while(slot.lock().unwrap(), |found| found.is_none());
        found.unwrap().unwrap()
    }
}

/// Where a run waits that does not go on by itself.
#[derive(Default)]
struct Waits {
    naps: BTreeMap<u64, DateTime<Utc>>,
    held: Option<(DateTime<Utc>, Gate)>,
    waker: Option<Waker>,
    skew: TimeDelta,
}

/// The time of a world, and where its runs wait.
pub struct Time {
    now: Mutex<DateTime<Utc>>,
    runs: Mutex<BTreeMap<usize, Waits>>,
    naps: Mutex<u64>,
}

impl Time {
    /// Begins.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self {
            now: Mutex::new(now),
            runs: Mutex::default(),
            naps: Mutex::default(),
        }
    }

    /// Returns the time of the world.
    pub fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    /// Goes on to a later time.
    pub fn turn_to(&self, at: DateTime<Utc>) {
        let mut now = self.now.lock().unwrap();
        *now = at.max(*now);
    }

    fn with<T>(&self, run: usize, see: impl FnOnce(&mut Waits) -> T) -> T {
        see(self.runs.lock().unwrap().entry(run).or_default())
    }

    /// Puts a run's clock off the world's by so much more.
    pub fn skew(&self, run: usize, by: TimeDelta) {
        self.with(run, |waits| waits.skew += by);
    }

    /// Holds a push of a run up.
    pub fn hold(&self, run: usize, until: DateTime<Utc>) -> Verdict {
        let gate = Gate::default();
        let waker = self.with(run, |waits| {
            waits.held = Some((until, gate.clone()));
            waits.waker.clone()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
        gate.wait()
    }

    /// Lets a push go on that is held up.
    pub fn release(&self, run: usize, verdict: Verdict) -> bool {
        let held = self.with(run, |waits| waits.held.take());
        if let Some((_, gate)) = &held {
            gate.open(verdict);
        }
        held.is_some()
    }

    /// Returns what a run waits for, if it does not go on by itself.
    pub fn parked(&self, run: usize) -> Option<(DateTime<Utc>, Wake)> {
        self.with(run, |waits| match &waits.held {
            Some((until, _)) => Some((*until, Wake::Release(run))),
            None => {
                let first = waits.naps.values().min();
                first.map(|until| (*until, Wake::Rested(run)))
            }
        })
    }

    /// Lets a run go on until it waits; returns what it came to, or what it waits for.
    pub async fn drive<T>(
        &self,
        run: usize,
        future: &mut Pin<Box<dyn Future<Output = T>>>,
    ) -> Result<T, (DateTime<Utc>, Wake)> {
        poll_fn(|context| {
            self.with(run, |waits| waits.waker = Some(context.waker().clone()));
            if let Poll::Ready(done) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(done));
            }
            match self.parked(run) {
                Some(parked) => Poll::Ready(Err(parked)),
                None => Poll::Pending,
            }
        })
        .await
    }
}

/// The clock of one run's machine.
pub struct RunClock {
    /// The world's.
    pub time: Arc<Time>,
    /// The run.
    pub run: usize,
}

impl Clock for RunClock {
    fn now(&self) -> DateTime<Utc> {
        let skew = self.time.with(self.run, |waits| waits.skew);
        self.time.now() + skew
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        let length = TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(365));
        let until = self.time.now() + length.min(TimeDelta::days(365));
        let mut naps = self.time.naps.lock().unwrap();
        *naps += 1;
        Box::pin(Nap {
            clock: self,
            until,
            id: *naps,
        })
    }

    fn real(&self, _: Duration) -> Duration {
        // Nothing here is slow: a limit in the machine's time would only measure its load.
        Duration::from_secs(600)
    }
}

struct Nap<'a> {
    clock: &'a RunClock,
    until: DateTime<Utc>,
    id: u64,
}

impl Future for Nap<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let RunClock { time, run } = self.clock;
        if time.now() >= self.until {
            return Poll::Ready(());
        }
        time.with(*run, |waits| waits.naps.insert(self.id, self.until));
        Poll::Pending
    }
}

impl Drop for Nap<'_> {
    fn drop(&mut self) {
        let RunClock { time, run } = self.clock;
        time.with(*run, |waits| waits.naps.remove(&self.id));
    }
}
