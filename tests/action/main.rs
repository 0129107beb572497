//! The GitHub action, called the way the runner calls it: node, INPUT_ variables, signals, files.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test of real processes polls the real clock and passes PATH on"
)]

mod agreed;
#[path = "../support/bare.rs"]
mod bare;
mod fetched;
mod runner;
#[expect(dead_code, reason = "each test program uses another part of it")]
#[path = "../probe/server.rs"]
mod server;
mod started;
