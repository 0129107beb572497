//! What GitHub's API answers, as far as it is read: the keys and words of its documentation.

use serde::Deserialize;

/// An entry of "get the review history for a workflow run".
#[derive(Debug, Deserialize)]
pub(super) struct EnvironmentApproval {
    pub(super) state: ApprovalState,
    pub(super) environments: Vec<Environment>,
    pub(super) user: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ApprovalState {
    Approved,
    Rejected,
    Pending,
}

#[derive(Debug, Deserialize)]
pub(super) struct Environment {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// An entry of "list pull requests associated with a commit".
#[derive(Debug, Deserialize)]
pub(super) struct PullRequest {
    pub(super) number: u64,
    pub(super) user: Option<User>,
    pub(super) head: Head,
    pub(super) merged_at: Option<String>,
    pub(super) merge_commit_sha: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub(super) sha: String,
}

impl PullRequest {
    /// Did merging it bring this very commit? An open one names the commit of a merge that was only
    /// tried.
    pub(super) fn brought(&self, commit: &str) -> bool {
        self.merged_at.is_some()
            && is_commit(&self.head.sha)
            && (self.head.sha == commit || self.merge_commit_sha.as_deref() == Some(commit))
    }
}

/// An entry of "list reviews for a pull request".
#[derive(Debug, Deserialize)]
pub(super) struct PullRequestReview {
    pub(super) id: u64,
    pub(super) user: Option<User>,
    pub(super) state: ReviewState,
    pub(super) commit_id: Option<String>,
    /// Only a review that is pending has none.
    pub(super) submitted_at: Option<String>,
}

/// What "get a workflow run" answers.
#[derive(Debug, Deserialize)]
pub(super) struct WorkflowRun {
    pub(super) created_at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ReviewState {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
    Pending,
}

/// Is it a whole commit id, SHA-1 or SHA-256?
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
