//! How long judging takes: `cargo bench --bench judge`. Each row is the best of nine runs.
//!
//! The first rows are a whole step rebuilt from its polls, as after a restart. The others are what the
//! next poll costs by how many came before it: with a given dispersion always the same, with a measured
//! one all evidence is added up again, because all of it is divided by what was measured.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a stopwatch with a table on the terminal; a surprise ends it"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use shipgate::analysis::judge::{Counts, Dispersion, Judge, Parameters, Poll};

const METRICS: u32 = 5;
const POLLS: u32 = 10_000;

fn main() {
    // `cargo bench` says so; anything else only looks whether it runs.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (runs, polls) = if measured { (9, POLLS) } else { (1, 100) };
    for (name, dispersion) in [
        ("measured", Dispersion::Auto),
        ("given", Dispersion::Fixed(1.2)),
    ] {
        let whole = best(runs, || {
            for metric in 0..METRICS {
                let mut judge = judge_after(polls, dispersion, metric);
                black_box(judge.evaluate());
            }
        });
        println!(
            "{:>10.3} ms  {polls} polls x {METRICS} metrics, dispersion {name}   target: under 20 ms",
            whole.as_secs_f64() * 1e3
        );
    }
    let each = best(runs, || {
        let mut judge = judge_after(0, Dispersion::Fixed(1.2), 0);
        for number in 0..polls {
            judge.push(poll(number, 0));
            black_box(judge.evaluate());
        }
    });
    println!(
        "{:>10.3} ms  {polls} polls of one metric, asked after each, dispersion given",
        each.as_secs_f64() * 1e3
    );
    for (name, dispersion) in [
        ("measured", Dispersion::Auto),
        ("given", Dispersion::Fixed(1.2)),
    ] {
        for before in [10, 100, 1_000, 10_000] {
            let before = polls.min(before);
            let mut judge = judge_after(before, dispersion, 0);
            judge.evaluate();
            let next = best(runs, || {
                let mut judge = judge.clone();
                let start = Instant::now();
                judge.push(poll(before, 0));
                black_box(judge.evaluate());
                black_box(&mut judge);
                start.elapsed()
            });
            println!(
                "{:>10.3} us  the next poll after {before}, dispersion {name}",
                next.as_secs_f64() * 1e6
            );
        }
    }
}

/// What a run took: the time that it says itself, else from its beginning to its end.
trait Took {
    fn took(self, whole: Duration) -> Duration;
}

impl Took for () {
    fn took(self, whole: Duration) -> Duration {
        whole
    }
}

impl Took for Duration {
    fn took(self, _: Duration) -> Duration {
        self
    }
}

fn best<T: Took>(runs: u32, mut run: impl FnMut() -> T) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            run().took(start.elapsed())
        })
        .min()
        .unwrap()
}

fn judge_after(polls: u32, dispersion: Dispersion, metric: u32) -> Judge {
    let parameters = Parameters {
        dispersion,
        metrics: METRICS,
        max_polls: POLLS,
        ..Parameters::default()
    };
    let mut judge = Judge::new(parameters).unwrap();
    for number in 0..polls {
        judge.push(poll(number, metric));
    }
    judge
}

/// Counts of a healthy canary with 5 % of 100 requests a second, a little different each time, and with
/// a burst now and then: so that the dispersion is between its limits and moves with every poll.
fn poll(number: u32, metric: u32) -> Poll {
    let turn = number.wrapping_mul(2_654_435_761).rotate_left(metric * 5);
    let below = |limit: u32, shift: u32| f64::from((turn >> shift) % limit);
    let burst = if turn.is_multiple_of(16) { 9.0 } else { 0.0 };
    Poll {
        canary: Counts::new(140.0 + below(20, 3), below(4, 7) + burst).unwrap(),
        stable: Counts::new(2800.0 + below(100, 11), 20.0 + below(20, 17)).unwrap(),
    }
}
