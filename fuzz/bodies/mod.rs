//! What each fuzz target does with its bytes; `tests/repository/corpus.rs` does the same with the kept ones.
//!
//! A body panics where a promise is broken, and returns where the bytes were taken or refused.

pub mod allowed_signers;
pub mod approval;
pub mod calendar;
pub mod cost;
pub mod findings;
pub mod manifest;
pub mod policy;
