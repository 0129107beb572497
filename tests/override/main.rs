//! Approvals and overrides from the command line to the branch: what they let through, what they
//! leave behind, and that nothing is pushed before everybody who has to know it knows it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod announced;
mod github;
mod holds;
#[path = "../support/hurried.rs"]
mod hurried;
mod keys;
mod known_bad;
mod overriding;
#[path = "../probe/server.rs"]
mod server;
mod shop;
mod signed;
#[path = "../support/ssh_keygen.rs"]
mod ssh_keygen;
