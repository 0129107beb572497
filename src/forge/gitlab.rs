//! Merge requests of GitLab, over its REST API of version 4:
//! <https://docs.gitlab.com/api/merge_requests/>, <https://docs.gitlab.com/api/projects/>.

use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Address, Checks, Forge, Merge, Merging, Opened, Proposal, PullRequest, Readiness, Reply, State,
    Trouble,
    wire::{Wire, answered, is_commit},
};
use crate::{
    clock::Clock,
    config::pull_request::MergeMethod,
    probe::{Client, excerpt, rest::RestAnswer},
    secret::Secret,
};

/// A project at GitLab.
pub(super) struct GitLab {
    wire: Wire,
    project: String,
}

#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    archived: bool,
    squash_option: Option<String>,
}

/// A merge request; the list has no `head_pipeline`.
#[derive(Deserialize)]
struct Answered {
    iid: u64,
    web_url: String,
    state: String,
    sha: Option<String>,
    merge_commit_sha: Option<String>,
    squash_commit_sha: Option<String>,
    detailed_merge_status: Option<String>,
    #[serde(default)]
    has_conflicts: bool,
    head_pipeline: Option<Pipeline>,
}

#[derive(Deserialize)]
struct Pipeline {
    id: u64,
    status: String,
}

#[derive(Deserialize)]
struct User {
    id: u64,
}

impl GitLab {
    pub(super) fn new(
        address: &Address,
        token: &Secret,
        client: Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let fixed = [("accept", "application/json")];
        // A job's own token may read merge requests and open none, so it is not taken.
        let token = ("private-token", "", token);
        Ok(Self {
            wire: Wire::new(&address.api, client, clock, &fixed, token)?,
            project: address.project.clone(),
        })
    }

    /// The whole name of the project is one segment, so its slashes are written as `%2F`.
    fn below<'a>(&'a self, parts: &[&'a str]) -> Vec<&'a str> {
        [&["projects", self.project.as_str()], parts].concat()
    }

    async fn change(
        &self,
        method: Method,
        parts: &[&str],
        body: Value,
        expected: &[u16],
    ) -> Result<RestAnswer, Trouble> {
        let url = self.wire.address(&self.below(parts), &[]);
        self.wire.ask(method, url, Some(body), expected).await
    }

    async fn get(&self, number: u64) -> Result<Answered, Trouble> {
        let number = number.to_string();
        let parts = self.below(&["merge_requests", &number]);
        let url = self.wire.address(&parts, &[]);
        let answer = self.wire.ask(Method::GET, url, None, &[]).await?;
        self.wire.read(answer)
    }

    fn pull_request(&self, answered: Answered) -> Result<PullRequest, Trouble> {
        // It is empty for a moment after opening, and where the branch is gone.
        let head = answered.sha.clone().unwrap_or_default();
        if !answered.web_url.starts_with("http") || !head.is_empty() && !is_commit(&head) {
            return Err(self.wire.odd());
        }
        let state = match answered.state.as_str() {
            "opened" => State::Open(readiness(&answered)),
            // Locked while it is being merged.
            "locked" => State::Open(Readiness::Blocked("it is being merged".to_owned())),
            "closed" => State::Closed,
            "merged" => {
                // A fast-forward makes no commit: the branch's own one is there.
                let commit = [answered.merge_commit_sha, answered.squash_commit_sha]
                    .into_iter()
                    .flatten()
                    .next()
                    .unwrap_or_else(|| head.clone());
                if !is_commit(&commit) {
                    return Err(self.wire.odd());
                }
                State::Merged { commit }
            }
            _ => return Err(self.wire.odd()),
        };
        Ok(PullRequest {
            number: answered.iid,
            page: excerpt(&answered.web_url),
            head,
            state,
        })
    }

    async fn user_id(&self, name: &str) -> Result<Option<u64>, Trouble> {
        let url = self.wire.address(&["users"], &[("username", name)]);
        let answer = self.wire.ask(Method::GET, url, None, &[]).await?;
        let found: Vec<User> = self.wire.read(answer)?;
        Ok(found.first().map(|user| user.id))
    }

    async fn reviewers(&self, names: &[String]) -> (Vec<u64>, Vec<String>) {
        let (mut ids, mut complaints) = (Vec::new(), Vec::new());
        for name in names {
            match self.user_id(name).await {
                Ok(Some(id)) => ids.push(id),
                Ok(None) => {
                    complaints.push(format!("{name} was not asked for a review: no such user"))
                }
                Err(trouble) => complaints.push(format!(
                    "{name} was not asked for a review: {}",
                    trouble.reason()
                )),
            }
        }
        (ids, complaints)
    }
}

/// Reads the words of `detailed_merge_status`; those that are not known block.
fn readiness(answered: &Answered) -> Readiness {
    let word = answered.detailed_merge_status.as_deref();
    match word {
        _ if answered.has_conflicts => Readiness::Outdated,
        Some("mergeable") => Readiness::Ready,
        Some("conflict" | "need_rebase") => Readiness::Outdated,
        None | Some("unchecked" | "checking" | "preparing" | "approvals_syncing") => {
            Readiness::Unknown
        }
        Some("not_approved" | "requested_changes") => {
            Readiness::Blocked("an approval is missing".to_owned())
        }
        Some("ci_must_pass" | "ci_still_running" | "status_checks_must_pass") => {
            Readiness::Blocked("the pipeline is not through".to_owned())
        }
        Some("draft_status") => Readiness::Blocked("it is a draft".to_owned()),
        Some("discussions_not_resolved") => {
            Readiness::Blocked("a discussion is not resolved".to_owned())
        }
        Some(other) => Readiness::Blocked(format!("GitLab says: {}", excerpt(other))),
    }
}

impl Forge for GitLab {
    fn noun(&self) -> &'static str {
        "merge request"
    }

    fn look_over(&self, method: Option<MergeMethod>) -> Reply<'_, ()> {
        Box::pin(async move {
            let url = self.wire.address(&self.below(&[]), &[]);
            let answer = self.wire.ask(Method::GET, url, None, &[]).await?;
            let project: Project = self.wire.read(answer)?;
            let refused = |what: &str| Err(Trouble::Refused(format!("{} {what}", self.project)));
            match (method, project.squash_option.as_deref()) {
                _ if project.archived => refused("is archived"),
                (Some(MergeMethod::Rebase), _) => refused(
                    "is at GitLab, which rebases where its project says so; expected `merge_method: merge` or `squash`",
                ),
                (Some(MergeMethod::Squash), Some("never")) => {
                    refused("does not allow `merge_method: squash`")
                }
                (Some(MergeMethod::Merge), Some("always")) => {
                    refused("allows only `merge_method: squash`")
                }
                _ => Ok(()),
            }
        })
    }

    fn find<'a>(&'a self, branch: &'a str, target: &'a str) -> Reply<'a, Option<PullRequest>> {
        Box::pin(async move {
            let query = [
                ("source_branch", branch),
                ("target_branch", target),
                ("scope", "all"),
                ("state", "all"),
                ("order_by", "created_at"),
                ("sort", "desc"),
                ("per_page", "1"),
            ];
            let url = self.wire.address(&self.below(&["merge_requests"]), &query);
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
            let (reviewers, complaints) = self.reviewers(proposal.reviewers).await;
            let mut body = json!({
                "source_branch": proposal.branch,
                "target_branch": proposal.target,
                "title": proposal.title,
                "description": proposal.body,
                // We take it away ourselves, and only if nobody else has pushed to it.
                "remove_source_branch": false,
            });
            if !proposal.labels.is_empty() {
                body["labels"] = proposal.labels.join(",").into();
            }
            if !reviewers.is_empty() {
                body["reviewer_ids"] = reviewers.into();
            }
            let answer = self
                .change(Method::POST, &["merge_requests"], body, &[409])
                .await?;
            if answer.status == 409 {
                return Ok(Opened::Exists);
            }
            Ok(Opened::Done {
                pull_request: self.pull_request(self.wire.read(answer)?)?,
                complaints,
            })
        })
    }

    fn look(&self, number: u64) -> Reply<'_, PullRequest> {
        Box::pin(async move { self.pull_request(self.get(number).await?) })
    }

    fn checks<'a>(&'a self, pull_request: &'a PullRequest) -> Reply<'a, Checks> {
        Box::pin(async move {
            let answered = self.get(pull_request.number).await?;
            let Some(Pipeline { id, status }) = answered.head_pipeline else {
                return Ok(Checks::None);
            };
            let name = || vec![format!("pipeline {id}")];
            Ok(match status.as_str() {
                "success" | "skipped" => Checks::Passed,
                "failed" | "canceled" => Checks::Failed(name()),
                // Among them `manual`: somebody has to start something first.
                _ => Checks::Pending(name()),
            })
        })
    }

    fn merge<'a>(&'a self, merge: Merge<'a>) -> Reply<'a, Merging> {
        Box::pin(async move {
            let message = format!("{}\n\n{}", merge.subject, merge.message);
            let squash = merge.method == MergeMethod::Squash;
            let mut body = json!({
                "sha": merge.head,
                "squash": squash,
                "should_remove_source_branch": false,
                "merge_commit_message": message,
            });
            if squash {
                body["squash_commit_message"] = message.into();
            }
            let number = merge.number.to_string();
            let parts = ["merge_requests", number.as_str(), "merge"];
            let expected = [405, 409, 422];
            let answer = self.change(Method::PUT, &parts, body, &expected).await?;
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
            let notes = ["merge_requests", number.as_str(), "notes"];
            let _ = self
                .change(Method::POST, &notes, json!({"body": why}), &[])
                .await;
            let parts = ["merge_requests", number.as_str()];
            let body = json!({"state_event": "close"});
            self.change(Method::PUT, &parts, body, &[]).await?;
            Ok(())
        })
    }
}
