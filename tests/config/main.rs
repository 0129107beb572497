//! `shipgate.yaml`: what it may say, and how every mistake in it is told.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod checkout;
mod messages;
mod strategies;
mod validate;
