//! What a person has approved: the statement, who stands behind it, and where it was found.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Effect, Verdict, document::ApprovalsDocument, people::Likeness, rules::Policy,
    scope::NamePattern, wording::shown,
};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalSource {
    /// A statement signed with an SSH key.
    Signature,
    /// A reviewer let a GitHub Actions run into an environment.
    #[serde(rename = "github_run")]
    GitHubRun,
    /// A reviewer approved a GitHub pull request.
    #[serde(rename = "github_review")]
    GitHubReview,
}

impl ApprovalSource {
    /// Returns the word in a policy.
    pub fn word(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::GitHubRun => "github_run",
            Self::GitHubReview => "github_review",
        }
    }
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
    /// The earliest instant at which it can have been given; none where nobody says.
    pub given_at: Option<DateTime<Utc>>,
    /// Run that used it up, if another one did.
    pub used_by: Option<String>,
}

/// What a policy asks of approvals.
#[derive(Debug, Clone)]
pub(super) struct ApprovalRules {
    /// How many different people.
    pub(super) minimum: usize,
    /// Path of the list of keys, beside the policy.
    pub(super) allowed_signers: String,
    pub(super) sources: Vec<ApprovalSource>,
    /// Longest time from the beginning of a statement to its expiry.
    pub(super) max_age: TimeDelta,
    /// Does the policy say anything about them?
    pub(super) written: bool,
}

impl Default for ApprovalRules {
    /// What a policy asks that says nothing: one person's signature, good for a day.
    fn default() -> Self {
        let document = ApprovalsDocument::default();
        Self {
            minimum: document.minimum as usize,
            allowed_signers: document.allowed_signers,
            sources: document.sources,
            max_age: TimeDelta::days(1),
            written: false,
        }
    }
}

/// What a policy asks of overrides.
#[derive(Debug, Clone)]
pub(super) struct OverrideRules {
    /// What the whole ticket must look like.
    pub(super) ticket: Regex,
    /// The same, as it is written.
    pub(super) ticket_pattern: String,
    /// Words of the reason codes that may be lifted.
    pub(super) rules: Vec<String>,
    /// How many different people.
    pub(super) minimum: usize,
    /// Longest time from the beginning of a statement to its expiry.
    pub(super) max_age: TimeDelta,
    /// Principals who may; absent = whoever is in the list of keys.
    pub(super) approvers: Option<Vec<NamePattern>>,
    /// Name of the variable with the Slack webhook that is told before anything is pushed.
    pub(super) slack_webhook_env: Option<String>,
    /// 1-based line.
    pub(super) line: usize,
}

/// An approval that let something through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Id of what was presented; the trailer `Approval` records it.
    pub id: String,
    /// Who it is from.
    pub by: Identity,
}

/// Overrides that let something through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// Ids of what was presented; the trailer `Override` records them, separated by spaces.
    pub ids: Vec<String>,
    /// Incident or change.
    pub ticket: String,
    /// Who stands behind it.
    pub approvers: Vec<Identity>,
    /// Why.
    pub reason: String,
    /// Words of the reason codes that were lifted.
    pub rules: Vec<String>,
    /// From when on it is not good any more.
    pub expires: DateTime<Utc>,
}

impl Policy {
    /// Returns the path of the list of keys whose signatures count, counted from the policy's own
    /// folder.
    pub fn allowed_signers(&self) -> &str {
        &self.approvals.allowed_signers
    }

    /// Does the policy say who approves? Where it does not, a list of keys beside it may.
    pub fn names_approvers(&self) -> bool {
        self.approvals.written || !self.people.is_empty()
    }

    /// Returns where approvals may come from.
    pub fn approval_sources(&self) -> &[ApprovalSource] {
        &self.approvals.sources
    }

    /// Do approvals from there count?
    pub fn accepts(&self, source: ApprovalSource) -> bool {
        self.approvals.sources.contains(&source)
    }

    /// Returns who owns a key that is listed under these principals: the one that `people` knows,
    /// else the first.
    ///
    /// # Errors
    /// They are different people, or there is none; the text says which.
    pub fn owner(&self, principals: &[String]) -> Result<Identity, String> {
        let known = principals.iter().cloned().map(Identity::Principal);
        let mut known = known.filter(|identity| self.people.knows(identity));
        let Some(owner) = known.next() else {
            let first = principals.first();
            let first = first.ok_or_else(|| "its key is nobody's in particular".to_owned())?;
            return Ok(Identity::Principal(first.clone()));
        };
        match known.find(|other| self.people.compare(&owner, other) != Likeness::Same) {
            None => Ok(owner),
            Some(other) => Err(format!(
                "its key belongs to two people: {} and {}",
                shown(&owner.to_string()),
                shown(&other.to_string())
            )),
        }
    }

    /// May an override lift what stops this verdict, at least in part?
    pub fn could_override(&self, verdict: &Verdict) -> bool {
        let Some(overriding) = &self.overriding else {
            return false;
        };
        verdict.reasons.iter().any(|reason| {
            reason.effect == Effect::Blocks
                && overriding
                    .rules
                    .iter()
                    .any(|rule| rule == reason.code.word())
        })
    }

    /// Returns the name of the variable that holds the Slack webhook which is told of an override
    /// before anything is pushed.
    pub fn override_slack_webhook_env(&self) -> Option<&str> {
        self.overriding.as_ref()?.slack_webhook_env.as_deref()
    }
}
