//! `pull_request` of an environment: changes land through a pull or merge request, not by a push.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{Problems, Service, Strategy, provider::web_address};
use crate::units::{is_loopback, parse_duration};

/// Below the hour after which GitLab ends a job that sets no limit of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(50 * 60);

/// How the changes of an environment land where its branch takes no push.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullRequestDocument {
    /// Which forge it is. Default: what github.com, ghe.com and gitlab.com are; else it must be said.
    #[serde(default)]
    #[schemars(with = "ForgeKind")]
    pub forge: Option<ForgeKind>,
    /// Base address of its API, on the repository's own host. Default: where the forge has it.
    #[serde(default)]
    #[schemars(with = "String")]
    pub api: Option<String>,
    /// What a run waits for. Default: merge.
    #[serde(default)]
    #[schemars(with = "WaitFor")]
    pub wait_for: Option<WaitFor>,
    /// How shipgate merges once everything lets it. Default: it does not; somebody merges.
    #[serde(default)]
    #[schemars(with = "MergeMethod")]
    pub merge_method: Option<MergeMethod>,
    /// How long a run waits. Default: 50m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub timeout: Option<String>,
    /// How a bad version is taken back. Default: pull_request.
    #[serde(default)]
    #[schemars(with = "WayBack")]
    pub way_back: Option<WayBack>,
    /// Labels that it gets.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub labels: Vec<String>,
    /// User names of whom a review is asked; on GitHub also `organization/team`.
    #[serde(default)]
    #[schemars(length(max = 20))]
    pub reviewers: Vec<String>,
}

/// A kind of forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// GitHub, GitHub Enterprise Server and Cloud.
    GitHub,
    /// GitLab.
    GitLab,
}

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitFor {
    /// Until it is merged.
    #[default]
    Merge,
    /// Until its checks are through; the same deploy again goes on once it is merged.
    Checks,
}

/// How it is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MergeMethod {
    /// With the project's usual kind of merge.
    Merge,
    /// As one new commit.
    Squash,
    /// Rebased onto the branch; GitHub only.
    Rebase,
}

/// How a bad version is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// By a second pull request.
    #[default]
    PullRequest,
    /// By a push to the branch, which must let shipgate through then.
    Push,
}

/// How the changes of an environment land where its branch takes no push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Which forge; none = what the host is known to be.
    pub forge: Option<ForgeKind>,
    /// Base address of its API; none = where the forge has it.
    pub api: Option<Url>,
    /// What a run waits for.
    pub wait_for: WaitFor,
    /// How shipgate merges; none = somebody else does.
    pub merge_method: Option<MergeMethod>,
    /// How long a run waits.
    pub timeout: Duration,
    /// How a bad version is taken back.
    pub way_back: WayBack,
    /// Labels.
    pub labels: Vec<String>,
    /// Whom a review is asked of.
    pub reviewers: Vec<String>,
}

impl PullRequestDocument {
    pub(super) fn validate(self, pointer: &str, problems: &mut Problems<'_>) -> PullRequest {
        let api = self.api.and_then(|text| {
            let at = format!("{pointer}/api");
            match web_address(&text) {
                Ok(url) if url.scheme() == "https" || is_loopback(&url) => Some(url),
                Ok(_) => {
                    problems.at(&at, "a token is sent there, so it must begin with https://");
                    None
                }
                Err(error) => {
                    problems.at(&at, error);
                    None
                }
            }
        });
        if self.wait_for == Some(WaitFor::Checks) && self.merge_method.is_some() {
            problems.at(
                &format!("{pointer}/wait_for"),
                "`wait_for: checks` leaves before it is merged, and `merge_method` merges; expected one of them",
            );
        }
        if (self.forge, self.merge_method) == (Some(ForgeKind::GitLab), Some(MergeMethod::Rebase)) {
            problems.at(
                &format!("{pointer}/merge_method"),
                "GitLab rebases where its project says so; expected `merge` or `squash`",
            );
        }
        for (key, words) in [("labels", &self.labels), ("reviewers", &self.reviewers)] {
            for (index, word) in words.iter().enumerate() {
                // GitLab takes labels as one text with commas.
                let odd = |character: char| character.is_control() || character == ',';
                if word.trim() != word || word.is_empty() || word.contains(odd) {
                    problems.at(
                        &format!("{pointer}/{key}/{index}"),
                        "expected a name without commas and without blanks around it",
                    );
                }
            }
        }
        let timeout = match self.timeout {
            None => DEFAULT_TIMEOUT,
            Some(text) => problems.take(
                &format!("{pointer}/timeout"),
                parse_duration(&text),
                DEFAULT_TIMEOUT,
            ),
        };
        PullRequest {
            forge: self.forge,
            api,
            wait_for: self.wait_for.unwrap_or_default(),
            merge_method: self.merge_method,
            timeout,
            way_back: self.way_back.unwrap_or_default(),
            labels: self.labels,
            reviewers: self.reviewers,
        }
    }
}

/// Every service may be deployed to every environment, so none may need what a pull request cannot
/// do yet: change a weight step by step.
pub(super) fn check_strategy(service: &Service, environment: &str, problems: &mut Problems<'_>) {
    let why = match service.strategy {
        Strategy::Rolling(_) => return,
        Strategy::BlueGreen(_) => "a switch by pull request is not supported yet",
        Strategy::Canary(_) => "a weight step by pull request is not supported yet",
        Strategy::ArgoRollouts(_) => "a Rollout is not followed through one yet",
    };
    problems.at(
        &format!("/services/{}/strategy", service.name),
        format!(
            "`{}` does not go with `environments.{environment}.pull_request`: {why}; expected `rolling`",
            service.strategy.name()
        ),
    );
}
