//! What a person has approved: the statement, who stands behind it, and where it was found.

use std::fmt;

use chrono::{DateTime, Utc};

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// A deployment that asks for an approval may go.
    Approval,
    /// A deployment may go although rules block it.
    Override,
}

impl StatementKind {
    /// Returns the word in a statement.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Override => "override",
        }
    }
}

/// What somebody has approved: one version of one service in one environment, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Approval or override.
    pub kind: StatementKind,
    /// The service.
    pub service: String,
    /// The version.
    pub version: String,
    /// The environment.
    pub environment: String,
    /// From when on it is good.
    pub not_before: DateTime<Utc>,
    /// From when on it is not good any more.
    pub expires: DateTime<Utc>,
    /// Rules that an override is for: reason codes such as `blocked-date`.
    pub rules: Vec<String>,
    /// Incident or change that an override is for.
    pub ticket: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A person, as one system knows them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// Principal of an SSH key in `allowed_signers`.
    Principal(String),
    /// Login at GitHub.
    GitHub(String),
    /// Login at GitLab.
    GitLab(String),
    /// What the run was told or its machine calls the person; nobody vouches for it.
    Local(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(name) => formatter.write_str(name),
            Self::GitHub(login) => write!(formatter, "github:{login}"),
            Self::GitLab(login) => write!(formatter, "gitlab:{login}"),
            Self::Local(name) => write!(formatter, "local:{name}"),
        }
    }
}

/// Where an approval comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalSource {
    /// A statement signed with an SSH key.
    Signature,
    /// A reviewer let a GitHub Actions run into an environment.
    GitHubRun,
    /// A reviewer approved a GitHub pull request.
    GitHubReview,
}

/// An approval or override as it was presented or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// SHA-256 of its bytes in hexadecimal, or what names it at its source: `github-run/123/alice`.
    pub id: String,
    /// Where it comes from.
    pub source: ApprovalSource,
    /// Who it is from, or why nobody can be believed to stand behind it.
    pub by: Result<Identity, String>,
    /// What it says; none if it cannot be read.
    pub statement: Option<Statement>,
    /// Run that used it up, if another one did.
    pub used_by: Option<String>,
}
