//! What providers and services answer when they are broken, and that none of it is ever read as
//! good, leaks a secret or costs more than its limit.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod alertmanager;
mod cloudwatch;
mod compared;
mod counters;
#[path = "../support/counting.rs"]
mod counting;
mod datadog;
mod datadog_checks;
mod datadog_clients;
mod faults;
mod health;
mod latency;
mod live;
mod newrelic;
#[cfg(target_os = "linux")]
mod program;
mod prometheus;
mod registry;
mod scrapes;
mod server;
mod stand_ins;
mod traffic;
#[path = "../support/verification.rs"]
mod verification;
mod verify;
mod web;
mod windows;
