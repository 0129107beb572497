//! Whole deployments on the embedded world: how they end, and what is left, whatever goes wrong.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod again;
mod argo_rollouts;
mod blue_green;
mod branch_journal;
mod charts;
mod compared;
#[path = "../support/counting.rs"]
mod counting;
mod drill;
mod endings;
mod every_call;
mod expired;
mod faults;
#[path = "../support/forge/mod.rs"]
mod forge;
mod had_users;
mod healthy;
#[path = "../support/hurried.rs"]
mod hurried;
mod interleavings;
mod killed;
mod known_bad;
mod late_push;
mod latency;
mod left_behind;
mod live;
mod meanwhile;
mod outages;
mod overrun;
mod pods_gone;
mod progressive;
mod pull_requests;
mod races;
#[path = "../support/random.rs"]
mod random;
mod refused;
mod rewritten;
mod rollback;
mod runs;
#[expect(dead_code, reason = "each test program uses another part of it")]
#[path = "../probe/server.rs"]
mod server;
mod shapes;
mod stage;
mod stand_in;
mod stopped;
mod superseded;
#[path = "../support/mod.rs"]
mod support;
mod taken_over;
#[path = "../support/third_party.rs"]
mod third_party;
mod trail;
mod trust;
mod waiting;
mod way_back;
mod wire;
mod worlds;

/// Is this the long version?
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads its own environment"
)]
fn is_proof() -> bool {
    std::env::var_os("SHIPGATE_PROVE").is_some_and(|value| value == "1")
}
