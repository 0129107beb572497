//! A repository whose head weakens its own policy is still judged by the base branch's policy.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::print_stdout,
    reason = "the number of tricks is a figure of docs/reliability.md"
)]

#[path = "../support/bare.rs"]
mod bare;

mod checkout;
mod companions;
mod names;
mod programs;
mod repository;
mod run;
mod trace;
mod tricks;
