//! Whole systems made up from seeds: several runs at once on one branch, whatever goes wrong. A seed
//! that fails prints what happened, and happens the same way again: `SHIPGATE_SEED=7`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/bare.rs"]
mod bare;
mod cluster;
#[path = "../support/git_server.rs"]
mod git_server;
#[path = "../support/identity.rs"]
mod identity;
mod landed;
mod many;
mod planted;
mod probes;
mod pushes;
#[path = "../support/random.rs"]
mod random;
mod real;
mod rivals;
mod runs;
mod schedule;
mod script;
mod server;
mod shop;
mod story;
mod world;
