//! What several test programs share.

pub mod git_server;
