//! Several services in one run, by the program itself, with a real git server: the order, one that
//! fails, and one commit for all.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test of real processes reads its own environment"
)]

#[expect(dead_code, reason = "each test program uses another part of it")]
#[path = "../probe/server.rs"]
mod server;
mod stage;
#[path = "../support/mod.rs"]
mod support;

mod one_commit;
mod planned;
mod pushed_together;
mod regions;
mod regions_of_several;
mod side_by_side;
mod taken_back;
