//! The one thread on which all git work of a repository runs, one job after the other.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tokio::sync::{oneshot, watch};

use super::error::GitError;

type Job<W> = Box<dyn FnOnce(&mut W) + Send>;

/// How long dropping a repository waits for its thread: only computation can keep it that long,
/// calls to the outside are broken off at once.
const LONGEST_FAREWELL: Duration = Duration::from_secs(2);

/// A way to a thread that owns a `W` and does jobs on it. The thread ends with the last way to it.
pub(super) struct Worker<W> {
    thread: Arc<Thread<W>>,
    /// The longest that a call of this way's jobs may take.
    longest: Longest,
}

struct Thread<W> {
    jobs: Option<mpsc::Sender<Job<W>>>,
    stop: watch::Sender<bool>,
    /// What counts for the job that is just done: that of the way it came by.
    longest: Longest,
    /// Shared between threads only because everything that awaits on a repository is.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl<W: 'static> Worker<W> {
    /// Starts the thread; `make` builds on it what it owns.
    pub(super) fn start(
        make: impl FnOnce(Calls) -> Result<W, GitError> + Send + 'static,
    ) -> Result<Self, GitError> {
        let (jobs, inbox) = mpsc::channel::<Job<W>>();
        let (stop, stopped) = watch::channel(false);
        let (started, start) = mpsc::sync_channel(1);
        let (end, ended) = mpsc::sync_channel::<()>(1);
        let longest = Longest::default();
        let lent = longest.clone();
        let body = move || {
            let _end = end;
            let made = Calls::new(stopped, lent).and_then(make);
            match made {
                Err(error) => drop(started.send(Err(error))),
                Ok(mut owned) => {
                    drop(started.send(Ok(())));
                    for job in inbox {
                        job(&mut owned);
                    }
                }
            }
        };
        thread::Builder::new()
            .name("git".to_owned())
            .spawn(body)
            .map_err(|error| GitError::internal(format!("could not start a thread: {error}")))?;
        start.recv().map_err(|_| thread_gone())??;
        Ok(Self {
            thread: Arc::new(Thread {
                jobs: Some(jobs),
                stop,
                longest,
                ended: Mutex::new(ended),
            }),
            longest: Longest::default(),
        })
    }

    /// Returns another way to the same thread, without a limit of its own yet.
    pub(super) fn share(&self) -> Self {
        Self {
            thread: Arc::clone(&self.thread),
            longest: Longest::default(),
        }
    }

    /// Lets no call to the outside take longer than this, for the jobs of this way that begin from
    /// now on; none = each its own limit.
    pub(super) fn shorten(&self, longest: Option<Duration>) {
        let longest = longest.map(|longest| u64::try_from(longest.as_millis()));
        self.longest
            .set(longest.and_then(Result::ok).unwrap_or(u64::MAX));
    }

    /// Returns the longest that a call of this way's jobs may take, as it will be when that counts.
    pub(super) fn longest(&self) -> Longest {
        self.longest.clone()
    }

    /// Does a job on the thread and waits for its result without blocking. When the caller goes
    /// away, a job that has not begun is left out and one that has begun is finished.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut W) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, GitError> {
        let (answer, answered) = oneshot::channel();
        let (own, counts) = (self.longest.clone(), self.thread.longest.clone());
        let job: Job<W> = Box::new(move |owned| {
            if !answer.is_closed() {
                counts.set(own.get());
                // Nobody waits any more: then nobody misses the answer.
                let _ = answer.send(job(owned));
            }
        });
        let sent = self.thread.jobs.as_ref().map(|jobs| jobs.send(job));
        match sent {
            Some(Ok(())) => answered.await.map_err(|_| thread_gone())?,
            _ => Err(thread_gone()),
        }
    }
}

impl<W> Drop for Thread<W> {
    fn drop(&mut self) {
        // Every receiver may be gone already, together with the thread.
        let _ = self.stop.send(true);
        self.jobs = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(LONGEST_FAREWELL);
    }
}

fn thread_gone() -> GitError {
    GitError::internal("the git thread has ended")
}

/// Calls to the outside from the git thread: each has a limit and ends when the repository is
/// dropped.
pub(super) struct Calls {
    runtime: tokio::runtime::Runtime,
    stopped: watch::Receiver<bool>,
    longest: Longest,
}

/// The longest that any call may take, whatever its own limit is, in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Longest(Arc<AtomicU64>);

impl Default for Longest {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl Longest {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn set(&self, milliseconds: u64) {
        self.0.store(milliseconds, Ordering::SeqCst);
    }
}

/// Why a call was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupted {
    /// It took longer than its limit.
    TimedOut,
    /// The repository was dropped.
    Stopped,
}

impl Calls {
    fn new(stopped: watch::Receiver<bool>, longest: Longest) -> Result<Self, GitError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| GitError::internal(format!("could not start a runtime: {error}")))?;
        Ok(Self {
            runtime,
            stopped,
            longest,
        })
    }

    /// Returns how long a call with this limit of its own may take.
    pub(super) fn limit(&self, own: Duration) -> Duration {
        own.min(Duration::from_millis(self.longest.get()))
    }

    /// Waits for a future, at most `limit` of the machine's time.
    pub(super) fn wait<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Interrupted> {
        let limit = self.limit(limit);
        let mut stopped = self.stopped.clone();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => Err(Interrupted::Stopped),
                ended = tokio::time::timeout(limit, future) => ended.map_err(|_| Interrupted::TimedOut),
            }
        })
    }

    /// Lets time pass, unless the repository is dropped.
    pub(super) fn pause(&self, duration: Duration) {
        // It always ends as one of the two interruptions.
        let _ = self.wait(duration, std::future::pending::<()>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn jobs_run_in_order_and_answer() {
        let worker = Worker::start(|_| Ok(0)).unwrap();
        let add = |number: i32| {
            worker.run(move |sum: &mut i32| {
                *sum += number;
                Ok(*sum)
            })
        };
        let (first, second) = tokio::join!(add(1), add(10));
        assert_eq!((first, second), (Ok(1), Ok(11)));
    }

    #[tokio::test]
    async fn dropping_breaks_off_a_call() {
        let worker = Worker::start(Ok).unwrap();
        let (begun, beginning) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        {
            let job = worker.run(move |calls: &mut Calls| {
                let _ = begun.send(());
                tell.send(calls.wait(LONG, std::future::pending::<()>()))
                    .unwrap();
                Ok(())
            });
            tokio::select! {
                biased;
                _ = job => panic!("it waits for ever"),
                _ = beginning => {}
            }
        }
        drop(worker);
        assert_eq!(told.recv().unwrap(), Err(Interrupted::Stopped));
    }

    #[tokio::test]
    async fn a_call_has_a_limit() {
        let worker = Worker::start(Ok).unwrap();
        let ended = worker
            .run(|calls: &mut Calls| {
                Ok(calls.wait(Duration::from_millis(1), std::future::pending::<()>()))
            })
            .await;
        assert_eq!(ended, Ok(Err(Interrupted::TimedOut)));
    }

    #[tokio::test]
    async fn each_way_has_its_own_limit() {
        let worker = Worker::start(Ok).unwrap();
        let other = worker.share();
        worker.shorten(Some(Duration::from_millis(1)));
        let limit = |calls: &mut Calls| Ok(calls.limit(LONG));
        assert_eq!(other.run(limit).await, Ok(LONG));
        assert_eq!(worker.run(limit).await, Ok(Duration::from_millis(1)));
        drop(worker);
        assert_eq!(
            other.run(limit).await,
            Ok(LONG),
            "the thread is still there"
        );
    }

    #[test]
    fn what_can_not_be_made_is_an_error() {
        let made = Worker::<()>::start(|_| Err(GitError::internal("no")));
        assert_eq!(made.err(), Some(GitError::internal("no")));
    }
}
