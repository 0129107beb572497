//! The judge as shipped, on made-up traffic where the truth is known, beside the rules that others use
//! on the same traffic.
//!
//! `traffic` makes a step up, `rules` look at it after every poll, `engine` counts how it ended,
//! `rank_test` is Kayenta's. Tables: `null` (a canary as good as stable), `detection` (one that is
//! worse), `robustness` (traffic that is not as nice as the theorem's), `before_after` (no stable arm);
//! `picture` prints two steps poll by poll.
//!
//! A sample runs with the other tests. `SHIPGATE_PROVE_JUDGE` says how many runs a row gets instead,
//! and each row is printed for `benches/prove.py`, which writes the tables of `docs/judge.md`.

mod before_after;
mod detection;
mod engine;
mod null;
mod picture;
mod rank_test;
mod robustness;
mod rules;
mod traffic;

use engine::{Setting, Simulated};
use rules::Rule;

/// What others use, on the same steps.
const PEERS: [(&str, Rule); 4] = [
    ("fixed", Rule::FixedThreshold),
    ("z_five", Rule::FIVE_PERCENT),
    ("z_one", Rule::ONE_PERCENT),
    ("rank", Rule::RankTest),
];

/// How many runs a row gets where a sample is not enough.
#[expect(
    clippy::disallowed_methods,
    reason = "the one question that the environment of a test answers"
)]
fn proof() -> Option<u64> {
    let runs = std::env::var("SHIPGATE_PROVE_JUDGE").ok()?;
    Some(runs.parse().unwrap())
}

/// Runs a setting: a few times here, often and on every core where that is wanted.
#[expect(clippy::print_stdout, reason = "the tables are made of it")]
fn simulate(setting: &Setting, few: u64) -> Simulated {
    let Some(runs) = proof() else {
        return setting.simulate(few, false);
    };
    let simulated = setting.simulate(runs, true);
    println!("{}", simulated.line(setting));
    simulated
}

/// The judge's rules and after them everybody else's.
fn with_peers(ours: &[(&'static str, Rule)]) -> Vec<(&'static str, Rule)> {
    ours.iter().chain(&PEERS).copied().collect()
}

/// A share as a percentage.
fn percent(share: f64) -> String {
    format!("{} %", (share * 100_000.0).round() / 1000.0)
}
