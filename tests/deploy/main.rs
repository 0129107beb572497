//! Whole deployments on the embedded world: how they end, and what is left, whatever goes wrong.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod endings;
mod stage;
mod trail;
mod wire;
