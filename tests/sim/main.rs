//! The embedded world: a cluster that follows its git remote, traffic, metrics and stories.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod clone;
mod cluster;
mod git_library;
mod git_program;
mod metrics;
mod stage;
