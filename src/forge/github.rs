//! Pull requests of GitHub, over its REST API of version 2022-11-28:
//! <https://docs.github.com/en/rest/pulls/pulls>, <https://docs.github.com/en/rest/checks/runs>,
//! <https://docs.github.com/en/rest/commits/statuses>.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Address, Checks, Forge, Merge, Merging, Opened, Proposal, PullRequest, Readiness, Reply, State,
    Trouble,
    wire::{Wire, answered, is_commit, said},
};
use crate::{
    clock::Clock,
    config::pull_request::MergeMethod,
    probe::{Client, excerpt, rest::RestAnswer},
    secret::Secret,
};

/// A repository at GitHub.
pub(super) struct GitHub {
    wire: Wire,
    owner: String,
    name: String,
    /// The pull request as it was seen last, with what names that answer: asked so again it costs
    /// nothing of the limit of requests.
    seen: Mutex<Option<(String, PullRequest)>>,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    archived: bool,
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
}

/// A pull request; the list has neither `mergeable` nor `mergeable_state`.
#[derive(Deserialize)]
struct Answered {
    number: u64,
    html_url: String,
    state: OpenOrClosed,
    #[serde(default)]
    draft: bool,
    head: Head,
    merged_at: Option<String>,
    merge_commit_sha: Option<String>,
    mergeable: Option<bool>,
    mergeable_state: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OpenOrClosed {
    Open,
    Closed,
}

#[derive(Deserialize)]
struct Head {
    sha: String,
}

#[derive(Deserialize)]
struct CheckRun {
    name: String,
    status: String,
    conclusion: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    context: String,
    state: String,
}

impl GitHub {
    pub(super) fn new(
        address: &Address,
        token: &Secret,
        client: Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let (owner, name) = address.project.split_once('/').unwrap_or_default();
        let fixed = [
            ("accept", "application/vnd.github+json"),
            ("x-github-api-version", "2022-11-28"),
        ];
        let token = ("authorization", "Bearer ", token);
        Ok(Self {
            wire: Wire::new(&address.api, client, clock, &fixed, token)?,
            owner: owner.to_owned(),
            name: name.to_owned(),
            seen: Mutex::new(None),
        })
    }

    fn below<'a>(&'a self, parts: &[&'a str]) -> Vec<&'a str> {
        [&["repos", &self.owner, &self.name], parts].concat()
    }

    async fn post(
        &self,
        parts: &[&str],
        body: Value,
        expected: &[u16],
    ) -> Result<RestAnswer, Trouble> {
        let url = self.wire.address(&self.below(parts), &[]);
        self.wire.ask(Method::POST, url, Some(body), expected).await
    }

    fn pull_request(&self, answered: Answered) -> Result<PullRequest, Trouble> {
        let Answered {
            number,
            html_url,
            head,
            ..
        } = &answered;
        if !is_commit(&head.sha) || !html_url.starts_with("http") {
            return Err(self.wire.odd());
        }
        let (number, page, head) = (*number, excerpt(html_url), head.sha.clone());
        let state = match (answered.state, &answered.merged_at) {
            (OpenOrClosed::Open, _) => State::Open(readiness(&answered)),
            (OpenOrClosed::Closed, None) => State::Closed,
            // Before the merge it names a commit of a merge that was only tried.
            (OpenOrClosed::Closed, Some(_)) => State::Merged {
                commit: answered
                    .merge_commit_sha
                    .filter(|id| is_commit(id))
                    .ok_or_else(|| self.wire.odd())?,
            },
        };
        Ok(PullRequest {
            number,
            page,
            head,
            state,
        })
    }

    /// Sets labels and asks for reviews. Returns what did not work: the change itself is proposed.
    async fn dress(&self, number: u64, proposal: &Proposal<'_>) -> Vec<String> {
        let number = number.to_string();
        let mut complaints = Vec::new();
        if !proposal.labels.is_empty() {
            let body = json!({"labels": proposal.labels});
            let set = self.post(&["issues", &number, "labels"], body, &[]).await;
            if let Err(trouble) = set {
                complaints.push(format!("it has no labels: {}", trouble.reason()));
            }
        }
        if !proposal.reviewers.is_empty() {
            let (teams, people): (Vec<&String>, Vec<&String>) = proposal
                .reviewers
                .iter()
                .partition(|name| name.contains('/'));
            let teams: Vec<&str> = teams
                .iter()
                .filter_map(|name| name.split_once('/').map(|(_, team)| team))
                .collect();
            let body = json!({"reviewers": people, "team_reviewers": teams});
            let parts = ["pulls", number.as_str(), "requested_reviewers"];
            if let Err(trouble) = self.post(&parts, body, &[]).await {
                complaints.push(format!(
                    "nobody was asked for a review: {}",
                    trouble.reason()
                ));
            }
        }
        complaints
    }

    async fn read_checks(&self, commit: &str) -> Result<Checks, Trouble> {
        let parts = self.below(&["commits", commit, "check-runs"]);
        let list = |key: &'static str| {
            move |mut page: Value| page.get_mut(key).map(Value::take).unwrap_or_default()
        };
        let runs: Vec<CheckRun> = self.wire.all_pages(&parts, &[], list("check_runs")).await?;
        let parts = self.below(&["commits", commit, "status"]);
        let statuses: Vec<Status> = self.wire.all_pages(&parts, &[], list("statuses")).await?;
        let (mut failed, mut pending) = (Vec::new(), Vec::new());
        let none = runs.is_empty() && statuses.is_empty();
        for run in runs {
            let name = excerpt(&run.name);
            match (run.status.as_str(), run.conclusion.as_deref()) {
                ("completed", Some("success" | "neutral" | "skipped")) => {}
                ("completed", Some("failure" | "cancelled" | "timed_out" | "startup_failure")) => {
                    failed.push(name);
                }
                // Among them `action_required` and `stale`: somebody has to do something first.
                _ => pending.push(name),
            }
        }
        for status in statuses {
            let name = excerpt(&status.context);
            match status.state.as_str() {
                "success" => {}
                "failure" | "error" => failed.push(name),
                _ => pending.push(name),
            }
        }
        Ok(match (none, failed.is_empty(), pending.is_empty()) {
            (true, ..) => Checks::None,
            (_, false, _) => Checks::Failed(failed),
            (_, _, false) => Checks::Pending(pending),
            _ => Checks::Passed,
        })
    }
}

/// Reads the words of `mergeable_state` as GraphQL's `MergeStateStatus` explains them; those that
/// are not known block.
fn readiness(answered: &Answered) -> Readiness {
    let word = answered.mergeable_state.as_deref().unwrap_or("unknown");
    match (answered.mergeable, word) {
        _ if answered.draft => Readiness::Blocked("it is a draft".to_owned()),
        (Some(false), _) | (_, "dirty" | "behind") => Readiness::Outdated,
        (None, _) | (_, "unknown") => Readiness::Unknown,
        (Some(true), "clean" | "has_hooks") => Readiness::Ready,
        (_, "unstable") => Readiness::Blocked("checks are not through".to_owned()),
        (_, "blocked") => Readiness::Blocked("reviews or checks are missing".to_owned()),
        (_, other) => Readiness::Blocked(format!("GitHub says: {}", excerpt(other))),
    }
}

impl Forge for GitHub {
    fn noun(&self) -> &'static str {
        "pull request"
    }

    fn look_over(&self, method: Option<MergeMethod>) -> Reply<'_, ()> {
        Box::pin(async move {
            let url = self.wire.address(&self.below(&[]), &[]);
            let answer = self.wire.ask(Method::GET, url, None, &[]).await?;
            let repository: Repository = self.wire.read(answer)?;
            let project = format!("{}/{}", self.owner, self.name);
            if repository.archived {
                return Err(Trouble::Refused(format!("{project} is archived")));
            }
            let (word, allowed) = match method {
                None => return Ok(()),
                Some(MergeMethod::Merge) => ("merge", repository.allow_merge_commit),
                Some(MergeMethod::Squash) => ("squash", repository.allow_squash_merge),
                Some(MergeMethod::Rebase) => ("rebase", repository.allow_rebase_merge),
            };
            match allowed {
                Some(false) => Err(Trouble::Refused(format!(
                    "{project} does not allow `merge_method: {word}`"
                ))),
                _ => Ok(()),
            }
        })
    }

    fn find<'a>(&'a self, branch: &'a str, target: &'a str) -> Reply<'a, Option<PullRequest>> {
        Box::pin(async move {
            let head = format!("{}:{branch}", self.owner);
            let query = [
                ("head", head.as_str()),
                ("base", target),
                ("state", "all"),
                ("sort", "created"),
                ("direction", "desc"),
                ("per_page", "1"),
            ];
            let url = self.wire.address(&self.below(&["pulls"]), &query);
            let answer = self.wire.ask(Method::GET, url, None, &[]).await?;
            let found: Vec<Answered> = self.wire.read(answer)?;
            match found.into_iter().next() {
                None => Ok(None),
                Some(found) => Ok(Some(self.pull_request(found)?)),
            }
        })
    }

    fn open<'a>(&'a self, proposal: Proposal<'a>) -> Reply<'a, Opened> {
        Box::pin(async move {
            let body = json!({
                "title": proposal.title,
                "head": proposal.branch,
                "base": proposal.target,
                "body": proposal.body,
                "maintainer_can_modify": false,
            });
            let answer = self.post(&["pulls"], body, &[422]).await?;
            if answer.status == 422 {
                let said = said(&answer);
                return if said.contains("A pull request already exists") {
                    Ok(Opened::Exists)
                } else {
                    Err(Trouble::Refused(format!(
                        "{} opens no pull request: {said}",
                        self.wire.origin()
                    )))
                };
            }
            let pull_request = self.pull_request(self.wire.read(answer)?)?;
            let complaints = self.dress(pull_request.number, &proposal).await;
            Ok(Opened::Done {
                pull_request,
                complaints,
            })
        })
    }

    fn look(&self, number: u64) -> Reply<'_, PullRequest> {
        Box::pin(async move {
            let text = number.to_string();
            let url = self.wire.address(&self.below(&["pulls", &text]), &[]);
            let lock = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = lock().clone().filter(|(_, seen)| seen.number == number);
            let tag = seen.as_ref().map(|(tag, _)| tag.as_str());
            let answer = self.wire.get_if_changed(url, tag).await?;
            if answer.status == 304 {
                return seen.map(|(_, seen)| seen).ok_or_else(|| self.wire.odd());
            }
            let tag = answer.tag.clone();
            let pull_request = self.pull_request(self.wire.read(answer)?)?;
            *lock() = tag.map(|tag| (tag, pull_request.clone()));
            Ok(pull_request)
        })
    }

    fn checks<'a>(&'a self, pull_request: &'a PullRequest) -> Reply<'a, Checks> {
        Box::pin(self.read_checks(&pull_request.head))
    }

    fn merge<'a>(&'a self, merge: Merge<'a>) -> Reply<'a, Merging> {
        Box::pin(async move {
            let method = match merge.method {
                MergeMethod::Merge => "merge",
                MergeMethod::Squash => "squash",
                MergeMethod::Rebase => "rebase",
            };
            let body = json!({
                "commit_title": merge.subject,
                "commit_message": merge.message,
                "sha": merge.head,
                "merge_method": method,
            });
            let number = merge.number.to_string();
            let parts = self.below(&["pulls", &number, "merge"]);
            let url = self.wire.address(&parts, &[]);
            let expected = [405, 409, 422];
            let answer = self
                .wire
                .ask(Method::PUT, url, Some(body), &expected)
                .await?;
            Ok(match answer.status {
                200 => Merging::Done,
                _ => Merging::NotNow(answered(&answer)),
            })
        })
    }

    fn close<'a>(&'a self, number: u64, why: &'a str) -> Reply<'a, ()> {
        Box::pin(async move {
            let number = number.to_string();
            // The word is worth less than the deed.
            let parts = ["issues", number.as_str(), "comments"];
            let _ = self.post(&parts, json!({"body": why}), &[]).await;
            let url = self.wire.address(&self.below(&["pulls", &number]), &[]);
            let body = Some(json!({"state": "closed"}));
            self.wire.ask(Method::PATCH, url, body, &[422]).await?;
            Ok(())
        })
    }
}
