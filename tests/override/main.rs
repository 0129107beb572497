//! Approvals and overrides from the command line to the branch: what they let through, what they
//! leave behind, and that nothing is pushed before everybody who has to know it knows it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod github;
#[path = "../probe/server.rs"]
mod server;
mod shop;
