//! What people have approved at GitHub: who let a workflow run into an environment, and who
//! approved the pull request that a commit came from.
//!
//! REST API, version 2022-11-28: <https://docs.github.com/en/rest/actions/workflow-runs>,
//! <https://docs.github.com/en/rest/commits/commits>, <https://docs.github.com/en/rest/pulls/reviews>.

mod schema;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{
    Method, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use serde::de::DeserializeOwned;

use schema::{
    ApprovalState, EnvironmentApproval, PullRequest, PullRequestReview, ReviewState, User,
    WorkflowRun, is_commit,
};

use super::{
    Client,
    client::{Answer, Call},
    text::origin,
};
use crate::{
    clock::Clock,
    secret::Secret,
    units::{Nonsense, is_loopback},
};

/// How long one answer may take, with every further try.
const TIMEOUT: Duration = Duration::from_secs(10);
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// The most that GitHub gives at once.
const PER_PAGE: usize = 100;
/// More pages than this are no list that anybody reviewed; a server that always has a next page
/// ends here.
const PAGES: usize = 10;

/// A repository at GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    api: Url,
    owner: String,
    name: String,
    token: Option<Secret>,
}

/// Somebody let a workflow run into an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunApproval {
    /// Who, as GitHub writes the login.
    pub login: String,
}

/// Somebody approved the pull request from which a commit came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Who, as GitHub writes the login.
    pub login: String,
    /// Number of the pull request.
    pub pull_request: u64,
    /// Number of the review.
    pub id: u64,
    /// When it was given, where GitHub says so.
    pub submitted_at: Option<DateTime<Utc>>,
}

impl Repository {
    /// Makes a repository of the API's base address, such as `https://api.github.com`, and its name
    /// `owner/name`.
    ///
    /// # Errors
    /// The address is neither `https` nor of this machine, or the name is none.
    pub fn new(api: &str, name: &str, token: Option<Secret>) -> Result<Self, Nonsense> {
        let nonsense = |found: &str, expected| Nonsense {
            found: super::excerpt(found),
            expected,
        };
        let expected = "the base address of GitHub's API without credentials or query, such as https://api.github.com";
        let url: Url = api.parse().map_err(|_| nonsense(api, expected))?;
        let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if !safe || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty()
        {
            // What stands before and after the origin may be a secret.
            return Err(nonsense(&origin(&url), expected));
        }
        let (owner, repository) = name
            .split_once('/')
            .filter(|(owner, repository)| is_path_word(owner) && is_path_word(repository))
            .ok_or_else(|| nonsense(name, "a repository such as octocat/hello-world"))?;
        Ok(Self {
            api: url,
            owner: owner.to_owned(),
            name: repository.to_owned(),
            token,
        })
    }

    /// Asks who let a workflow run into an environment. Names of environments are compared without
    /// regard to case, as GitHub does.
    ///
    /// Nobody did where anybody refused: the answer has neither times nor an order that is
    /// documented, so which came last is not known. Machines are not people.
    ///
    /// # Errors
    /// No whole answer, or one that is not as documented; the reason as a clause.
    pub async fn run_approvals(
        &self,
        client: &Client,
        clock: &dyn Clock,
        run: u64,
        environment: &str,
    ) -> Result<Vec<RunApproval>, String> {
        let run = run.to_string();
        let url = self.address(&["actions", "runs", &run, "approvals"]);
        let answer = self.ask(client, clock, url).await?;
        // The list has no pages; one that has would hide a refusal.
        if answer.has_next_page {
            return Err(self.odd("a part of a list"));
        }
        let entries: Vec<EnvironmentApproval> = self.read(&answer)?;
        let mut approvals: Vec<RunApproval> = Vec::new();
        for entry in entries {
            let is_meant = entry
                .environments
                .iter()
                .any(|known| known.name.to_lowercase() == environment.to_lowercase());
            match entry.state {
                _ if !is_meant => {}
                ApprovalState::Rejected => return Ok(Vec::new()),
                // Only a comment.
                ApprovalState::Pending => {}
                ApprovalState::Approved => {
                    let Some(login) = self.person(entry.user)? else {
                        continue;
                    };
                    if !approvals.iter().any(|earlier| earlier.login == login) {
                        approvals.push(RunApproval { login });
                    }
                }
            }
        }
        Ok(approvals)
    }

    /// Asks when a workflow run was begun for the first time; running it again changes nothing in that.
    ///
    /// # Errors
    /// As [`Self::run_approvals`].
    pub async fn run_began(
        &self,
        client: &Client,
        clock: &dyn Clock,
        run: u64,
    ) -> Result<DateTime<Utc>, String> {
        let url = self.address(&["actions", "runs", &run.to_string()]);
        let answer = self.ask(client, clock, url).await?;
        let run: WorkflowRun = self.read(&answer)?;
        instant(&run.created_at).ok_or_else(|| self.odd("a time that is none"))
    }

    /// Asks who approved the pull requests from which a commit came: merged ones whose merge made
    /// this commit, or whose head it is.
    ///
    /// Of each person the latest review counts that says something (comments do not). It counts if
    /// it approves the very head that was merged and was not dismissed since, and if the person is
    /// not the author.
    ///
    /// # Errors
    /// No whole answer, or one that is not as documented; the reason as a clause.
    pub async fn reviews(
        &self,
        client: &Client,
        clock: &dyn Clock,
        commit: &str,
    ) -> Result<Vec<Review>, String> {
        if !is_commit(commit) {
            return Err(format!("`{}` is no commit id", super::excerpt(commit)));
        }
        let url = self.address(&["commits", commit, "pulls"]);
        let pulls: Vec<PullRequest> = self.all_pages(client, clock, url).await?;
        let mut found = Vec::new();
        for pull in pulls.iter().filter(|pull| pull.brought(commit)) {
            let number = pull.number.to_string();
            let url = self.address(&["pulls", &number, "reviews"]);
            let reviews: Vec<PullRequestReview> = self.all_pages(client, clock, url).await?;
            found.extend(self.standing(pull, reviews)?);
        }
        Ok(found)
    }

    /// Keeps each person's latest review that says something, where it approves the head.
    fn standing(
        &self,
        pull: &PullRequest,
        reviews: Vec<PullRequestReview>,
    ) -> Result<Vec<Review>, String> {
        // The list is in chronological order.
        let mut latest: BTreeMap<String, (String, PullRequestReview)> = BTreeMap::new();
        for mut review in reviews {
            if matches!(review.state, ReviewState::Commented | ReviewState::Pending) {
                continue;
            }
            let user = review.user.take();
            if let Some(login) = self.person(user)? {
                latest.insert(login.to_lowercase(), (login, review));
            }
        }
        // An author whose account is gone could be anybody.
        let Some(author) = &pull.user else {
            return Ok(Vec::new());
        };
        let author = author.login.to_lowercase();
        Ok(latest
            .into_iter()
            .filter(|(login, (_, review))| {
                *login != author
                    && review.state == ReviewState::Approved
                    && review.commit_id.as_deref() == Some(pull.head.sha.as_str())
            })
            .map(|(_, (login, review))| Review {
                login,
                pull_request: pull.number,
                id: review.id,
                submitted_at: review.submitted_at.as_deref().and_then(instant),
            })
            .collect())
    }

    /// Returns the login of a person; none for an account that is gone or a machine's.
    fn person(&self, user: Option<User>) -> Result<Option<String>, String> {
        let Some(user) = user.filter(|user| user.kind == "User") else {
            return Ok(None);
        };
        let good = (1..=100).contains(&user.login.len())
            && user
                .login
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if good {
            Ok(Some(user.login))
        } else {
            Err(self.odd("a login that is none"))
        }
    }

    fn address(&self, parts: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["repos", &self.owner, &self.name])
                .extend(parts);
        }
        url
    }

    /// Reads a list to its end. The next page is asked for at our own address, whatever address
    /// the answer names: a token goes nowhere else.
    async fn all_pages<T: DeserializeOwned>(
        &self,
        client: &Client,
        clock: &dyn Clock,
        url: Url,
    ) -> Result<Vec<T>, String> {
        let mut list = Vec::new();
        for page in 1..=PAGES {
            let mut url = url.clone();
            url.query_pairs_mut()
                .append_pair("per_page", &PER_PAGE.to_string())
                .append_pair("page", &page.to_string());
            let answer = self.ask(client, clock, url).await?;
            list.extend(self.read::<Vec<T>>(&answer)?);
            if !answer.has_next_page {
                return Ok(list);
            }
        }
        Err(self.odd(&format!("more than {} entries", PAGES * PER_PAGE)))
    }

    async fn ask(&self, client: &Client, clock: &dyn Clock, url: Url) -> Result<Answer, String> {
        let mut headers = HeaderMap::from_iter([
            (
                ACCEPT,
                HeaderValue::from_static("application/vnd.github+json"),
            ),
            (
                HeaderName::from_static("x-github-api-version"),
                HeaderValue::from_static("2022-11-28"),
            ),
        ]);
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                .map_err(|_| "the token for GitHub has characters that HTTP does not allow")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let call = Call {
            method: Method::GET,
            url,
            headers,
            body: String::new(),
            timeout: TIMEOUT,
            body_limit: BODY_LIMIT,
            retry: true,
        };
        client.ask(clock, call).await
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, String> {
        let Some(body) = &answer.body else {
            return Err(self.odd("more than 8 MiB"));
        };
        let hint = match answer.status.as_u16() {
            200 => {
                return serde_json::from_slice(body)
                    .map_err(|_| self.odd("something that GitHub's API does not document"));
            }
            300..=399 => ": redirects are not followed, so the address must be the final one",
            401 => ": is the token right?",
            403 | 429 => ": may the token read actions and pull requests, or is its limit used up?",
            404 => ": is it there, and may the token see it?",
            _ => "",
        };
        let status = answer.status.as_u16();
        Err(self.odd(&format!("status {status}{hint}")))
    }

    fn odd(&self, what: &str) -> String {
        format!("{} answered with {what}", origin(&self.api))
    }
}

/// Reads a time as GitHub writes it, RFC 3339.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    Some(instant.to_utc())
}

/// Is it a part of a repository's name, and none that a path would read as something else?
fn is_path_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=100).contains(&text.len()) && text.bytes().all(allowed) && !matches!(text, "." | "..")
}
