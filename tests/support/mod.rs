//! What several test programs share.

pub mod bare;
pub mod git_server;
pub mod identity;
pub mod sshd;
