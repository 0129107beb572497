//! What people are told of a run: the form that each place wants, that nothing in it is markup or a
//! secret, and that nobody who is slow, silent or gone changes anything.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/fault_clock.rs"]
mod fault_clock;
#[path = "../probe/faults.rs"]
mod faults;
mod forms;
#[path = "../support/hurried.rs"]
mod hurried;
mod runs;
#[path = "../probe/server.rs"]
mod server;
mod settings;
#[path = "../override/shop.rs"]
mod shop;
mod slack;
