//! Prometheus, Alertmanager and a container registry as they really answer.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod alertmanager;
mod counters;
mod presets;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/prometheus.rs"]
mod prometheus;
mod queries;
mod registry;
mod thresholds;
#[path = "../support/verification.rs"]
mod verification;
