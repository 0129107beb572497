//! Approvals as signed texts: SSH signatures, the list of allowed signers, and what a statement says.
//!
//! ```text
//! one text = statement (JSON) + armoured signature        statement   OneText -> Statement
//! signature over the statement's bytes                     signature   verified with ring: algorithm
//! key of the signature -> principals                       allowed_signers
//! the other way: statement -> signature                    key (a file), agent (ssh-agent)
//! ```
//!
//! The same keys sign commits, in the namespace that git itself uses.
//!
//! Formats are OpenSSH's own (PROTOCOL.sshsig, PROTOCOL.u2f and ssh-keygen(1)), so that the stock
//! `ssh-keygen` makes and checks them too.

mod agent;
mod algorithm;
mod allowed_signers;
mod key;
mod signature;
mod statement;
mod wire;

pub use agent::Agent;
pub use allowed_signers::AllowedSigners;
pub use key::{PrivateKey, PublicKey};
pub use signature::SshSignature;
pub use statement::{LIMIT, OneText, id, write};

/// The namespace of our signatures: one made for something else never counts.
pub const NAMESPACE: &str = "shipgate";

/// The namespace of signatures of commits (git-config(1), `gpg.format`): `git verify-commit` takes
/// no other.
pub const GIT_NAMESPACE: &str = "git";
