//! The `shipgate` program as a pipeline runs it, against real servers: git behind HTTP, SSH and a
//! path, a Prometheus that scrapes every second, and a cluster that follows the branch.
//!
//! With `SHIPGATE_PROVE=1` the same tests run for longer: more seeds, more kills.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test of real processes reads the real clock and its own environment"
)]

#[path = "../support/prometheus.rs"]
mod prometheus;
#[path = "../support/mod.rs"]
mod support;

mod blue_green;
mod canaries;
mod cancel;
mod cluster;
mod gate;
mod gitlab;
mod kill_loop;
mod kills;
mod pipeline;
mod process;
mod refusals;
mod remotes;
mod resumed;
mod shapes;
mod signals;
mod stage;
mod story;

use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

/// Longest time for anything that is waited for here.
const LIMIT: Duration = Duration::from_secs(60);

/// Is this the long version?
fn is_proof() -> bool {
    std::env::var_os("SHIPGATE_PROVE").is_some_and(|value| value == "1")
}

/// Waits until `ask` has an answer.
#[track_caller]
fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    prometheus::until(LIMIT, ask).unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// How many jobs run at a time, whichever tests they are of. Most of what a job does is to wait for
/// scrapes and pauses of seconds, so two cores have enough of so many.
const AT_A_TIME: usize = 8;

/// A place among the jobs that run.
struct Seat;

/// How many places are taken.
static TAKEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Seat {
    fn take() -> Self {
        let (taken, left) = &TAKEN;
        let mut taken = left
            .wait_while(taken.lock().unwrap(), |taken| *taken >= AT_A_TIME)
            .unwrap();
        *taken += 1;
        Self
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (taken, left) = &TAKEN;
        *taken.lock().unwrap() -= 1;
        left.notify_one();
    }
}

/// Runs jobs side by side, each as soon as there is a place for it, and returns their results in the
/// order of the jobs.
fn side_by_side<J: Send, T: Send>(jobs: Vec<J>, run: impl Fn(J) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                scope.spawn(move || {
                    let _seat = Seat::take();
                    run(job)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}
