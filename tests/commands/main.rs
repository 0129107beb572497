//! Commands as processes: what they print, write and exit with.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod audit;
#[path = "../support/bare.rs"]
mod bare;
mod check;
mod check_many;
mod demo;
#[cfg(unix)]
mod examples;
#[cfg(unix)]
mod gate;
mod help;
mod init;
#[cfg(unix)]
mod init_releases;
#[cfg(unix)]
mod init_repositories;
#[cfg(unix)]
mod newcomer;
#[cfg(unix)]
mod pages;
mod plan;
mod runbook;
#[cfg(unix)]
mod terminal;
