//! What several test programs share.

mod bare;
pub mod git_server;
mod identity;
pub mod sshd;
