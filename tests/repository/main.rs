//! The repository itself: who may use whom, and that its texts and examples are true.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../fuzz/bodies/mod.rs"]
mod bodies;
mod corpus;
mod examples;
mod fragments;
mod layering;
mod links;
mod readme;
mod reference;
#[expect(dead_code, reason = "each test program uses another part of it")]
#[path = "../probe/server.rs"]
mod server;
