//! Policies: what they may say, what they decide, and when they open next.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/bare.rs"]
mod bare;
#[cfg(target_os = "linux")]
mod beside;
mod calendar;
#[cfg(target_os = "linux")]
mod calendar_files;
mod cases;
mod findings;
mod forms;
mod hostile;
mod next;
mod recurrence;
mod rules;
mod sync_windows;
mod time;
mod time_once;
mod time_properties;
mod time_rules;
mod time_schedule;
mod time_zones;
mod verdict;
