//! All of git behind one [`Repository`]: read a ref, commit tree objects, push, read back, journal.
//!
//! ```text
//! Repository --jobs--> Worker (one thread) --trait Remote--> Smart   https, http   libgit2 over our own transport
//!                                                            Program ssh, paths    the `git` program
//! ```
//!
//! Nothing here touches a work tree: commits are made as objects in a bare folder of our own, and
//! neither configuration, hooks, filters nor helpers of any checkout take part. Every push is a
//! compare-and-set, and its outcome is what reading the ref back says.

mod approvals;
mod branch_journal;
mod checkout;
mod client;
mod commit_id;
mod connect;
mod credential_helper;
mod credentials;
mod ends;
mod error;
mod extra_header;
mod history;
mod http;
mod http_refusals;
mod ignored;
mod journal;
mod kind;
mod known;
mod lfs;
mod local;
mod location;
mod names;
mod outbox;
mod outgoing;
mod own_branch;
mod own_folder;
mod program;
mod program_remote;
mod proxy;
mod push;
mod questions;
mod records;
mod register;
mod remote;
mod repository;
mod sanitise;
mod signing;
mod smart;
mod source;
mod trailers;
mod transport;
mod tree;
mod worker;
mod write;

pub use approvals::KeptApproval;
pub use checkout::Checkout;
pub use commit_id::CommitId;
pub use connect::RepositoryOptions;
pub use credentials::{Credentials, ServerToken};
pub use error::GitError;
pub use history::{LogEntry, Past};
pub use ignored::Ignored;
pub use journal::{Journal, JournalOutcome, JournalRecord};
pub use lfs::{LFS_HINT, is_lfs_pointer};
pub use names::journal_reference;
pub use own_branch::BranchOutcome;
pub use program::ConnectionOptions;
pub use push::{Proof, PushOutcome};
pub use repository::{Repository, Turn};
pub use signing::{CommitRules, CommitSigner, Signing};
pub use source::author_time;
pub use trailers::{Trailers, message};
pub use tree::{EntryKind, TreeEntry};
