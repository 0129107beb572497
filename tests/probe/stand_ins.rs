//! Stand-ins for services that no test can reach.

#[path = "../support/cloudwatch.rs"]
pub mod cloudwatch;
#[path = "../support/datadog.rs"]
pub mod datadog;
#[path = "../support/newrelic.rs"]
pub mod newrelic;
