//! Approvals: how they are given, found and judged.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/bare.rs"]
mod bare;
#[cfg(unix)]
mod command;
#[path = "../support/fault_clock.rs"]
mod fault_clock;
#[path = "../probe/faults.rs"]
mod faults;
#[cfg(unix)]
mod found;
mod github;
#[path = "../support/hurried.rs"]
mod hurried;
mod policy;
#[path = "../probe/server.rs"]
mod server;
mod signatures;
#[path = "../support/ssh_keygen.rs"]
mod ssh_keygen;
