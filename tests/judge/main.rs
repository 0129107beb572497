//! The judge against numbers that other programs computed, and against its own promises.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read its rows should stop"
)]

mod expectation;
mod golden;
mod intervals;
mod latency;
mod properties;
mod traffic_plan;
