//! Why git could not do it: kind, message and the next step.

use std::fmt;

use super::sanitise::sanitise;

/// Why an operation on the repository failed. The branch is as it was, always: whatever may have
/// changed it is a [`super::PushOutcome`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitError {
    /// The server wants other credentials, or these may not do it.
    Denied {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// There is no such repository, or these credentials may not see it.
    NotFound {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// The repository has no such branch.
    BranchMissing {
        /// The branch.
        branch: String,
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// A path that leads to a work tree instead of a bare repository.
    NotBare {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// A repository in a format that shipgate can not write, or that lacks some of its files.
    Unsupported {
        /// What was found.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// No answer: the network, a time-out, a server's own failure. It may work later.
    Unavailable {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// An address, name, path or content that can not be used.
    Invalid {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// A defect of shipgate or of the machine it runs on.
    Internal {
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

impl GitError {
    pub(super) fn denied(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Denied {
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn not_found(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::NotFound {
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn unsupported(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unsupported {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// `found` is what git calls the format, such as `sha256`.
    pub(super) fn object_format(repository: &str, found: &str) -> Self {
        Self::unsupported(
            format!("{repository}: found object format {found}, expected sha1"),
            "keep what is deployed in a repository with SHA-1 ids, git's default: shipgate can write no others",
        )
    }

    pub(super) fn unavailable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unavailable {
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            hint: hint.into(),
        }
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::Internal {
            message: message.into(),
            hint: "run the same command again; if it stays, report it with this message".to_owned(),
        }
    }

    /// The folder for temporary files is not there, is full, or is not ours to write to.
    pub(super) fn no_room(what: &str) -> Self {
        Self::invalid(
            format!("could not {what}"),
            "name a folder with free space that this user may write to in TMPDIR (on Windows TMP)",
        )
    }

    /// Returns an adapter for `map_err`: what was being done, then what libgit2 says.
    pub(super) fn while_doing(what: &str) -> impl Fn(git2::Error) -> Self + '_ {
        move |error| {
            let said = sanitise(error.message());
            if is_full(&said) {
                return Self::no_room(&format!("{what}: {said}"));
            }
            Self::internal(format!("could not {what}: {said}"))
        }
    }

    pub(super) fn branch_missing(branch: &str, repository: &str, branches: &[String]) -> Self {
        Self::BranchMissing {
            branch: branch.to_owned(),
            message: format!("{repository} has no branch {branch:?}"),
            hint: if branches.is_empty() {
                "the repository is empty: push a first commit".to_owned()
            } else {
                named(branches)
            },
        }
    }

    /// The server's `HEAD` stands for no branch that there is: in an empty repository, where it was
    /// detached, or where it names a branch that nobody pushed.
    pub(super) fn default_branch_missing(repository: &str, branches: &[String]) -> Self {
        let message = format!("{repository} has no default branch");
        if branches.is_empty() {
            return Self::not_found(message, "the repository is empty: push a first commit");
        }
        Self::not_found(
            format!("{message}: its HEAD stands for none that there is"),
            format!(
                "name the branch (--branch, --policy-ref), or set HEAD on the server; {}",
                named(branches)
            ),
        )
    }

    /// Returns what happened, as one line.
    pub fn message(&self) -> &str {
        self.parts().0
    }

    /// Returns what to do about it, as one line.
    pub fn hint(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        match self {
            Self::Denied { message, hint }
            | Self::NotFound { message, hint }
            | Self::BranchMissing { message, hint, .. }
            | Self::NotBare { message, hint }
            | Self::Unsupported { message, hint }
            | Self::Unavailable { message, hint }
            | Self::Invalid { message, hint }
            | Self::Internal { message, hint } => (message, hint),
        }
    }
}

/// Does the system say that a disk is full?
fn is_full(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    [
        "no space left",
        "disk quota exceeded",
        "not enough space on the disk",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// Lists the branches that there are, as far as a line holds them.
fn named(branches: &[String]) -> String {
    let named: Vec<_> = branches.iter().take(5).map(String::as_str).collect();
    let more = if branches.len() > named.len() {
        format!(" and {} more", branches.len() - named.len())
    } else {
        String::new()
    };
    format!("branches there: {}{more}", named.join(", "))
}

impl fmt::Display for GitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for GitError {}
