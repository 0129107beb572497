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
mod shapes;
mod signals;
mod stage;
mod story;

use std::time::Duration;

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

/// Runs jobs, so many at a time, and returns their results in the order of the jobs.
fn side_by_side<J: Send, T: Send>(
    at_a_time: usize,
    jobs: Vec<J>,
    run: impl Fn(J) -> T + Sync,
) -> Vec<T> {
    let mut results = Vec::new();
    let mut jobs = jobs.into_iter().peekable();
    while jobs.peek().is_some() {
        let batch: Vec<J> = jobs.by_ref().take(at_a_time).collect();
        let ran: Vec<T> = std::thread::scope(|scope| {
            let run = &run;
            let threads: Vec<_> = batch
                .into_iter()
                .map(|job| scope.spawn(move || run(job)))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        results.extend(ran);
    }
    results
}
