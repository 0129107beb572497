//! Approvals that GitHub knows of: who let this pipeline run into its environment, and who approved
//! the pull request that its commit came from.
//!
//! A run's approval is for this run and counts where GitHub's environment is called as ours. A
//! review is of a commit, so it counts only where the version is known to be made of it: the
//! version has the commit's id in it, or the run is for the tag of that name.

use chrono::{DateTime, TimeDelta, Utc};

use super::{approvals, asker::Place, case::Case};
use crate::{
    event::{Event, Failure, Reporter},
    policy::{ApprovalSource, Identity, Presented, Request, Statement, StatementKind},
    probe::github::Repository,
};

/// How long it counts: it is asked for again by every run.
const GOOD_FOR: TimeDelta = TimeDelta::minutes(5);
/// The fewest digits of a commit's id that name it, as git shortens it.
const SHORTEST_ID: usize = 7;

/// The run of GitHub Actions that we are a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubRun {
    /// The repository whose workflow it is.
    pub repository: Repository,
    /// Its name, `owner/name`.
    pub name: String,
    /// Number of the run, the same for every attempt.
    pub run: u64,
    /// The commit that it is for, full id.
    pub commit: String,
    /// The tag that it is for, where it is for one.
    pub tag: Option<String>,
}

/// Asks GitHub for the approvals that the policy accepts. That it does not answer is said, and
/// nobody has approved then.
///
/// # Errors
/// The git server does not answer whether one of them was used before.
pub async fn gather(
    github: &GitHubRun,
    case: &Case,
    place: &Place<'_>,
    reporter: &mut dyn Reporter,
) -> Result<Vec<Presented>, Failure> {
    let mut found = asked(github, case, place, reporter).await;
    if !found.is_empty() {
        approvals::mark_used(&mut found, &case.request, place.repository, true).await?;
    }
    Ok(found)
}

/// As [`gather`], for what waits for a person: each with the earliest instant at which it can have been
/// given, and none that any run has used. Of an approval of a run GitHub does not say when it was
/// given, only when the run began.
///
/// # Errors
/// As [`gather`].
pub async fn gather_with_times(
    github: &GitHubRun,
    case: &Case,
    place: &Place<'_>,
    reporter: &mut dyn Reporter,
) -> Result<Vec<Presented>, Failure> {
    let mut found = asked(github, case, place, reporter).await;
    let of_run = |one: &&mut Presented| one.source == ApprovalSource::GitHubRun;
    if found.iter_mut().any(|one| of_run(&one)) {
        let began = github
            .repository
            .run_began(place.client, place.clock, github.run);
        match began.await {
            Ok(began) => found
                .iter_mut()
                .filter(of_run)
                .for_each(|one| one.given_at = Some(began)),
            Err(reason) => reporter.event(&Event::Warning(format!(
                "nobody knows when run {} began: {reason}",
                github.run
            ))),
        }
    }
    if !found.is_empty() {
        approvals::mark_used(&mut found, &case.request, place.repository, false).await?;
    }
    Ok(found)
}

async fn asked(
    github: &GitHubRun,
    case: &Case,
    place: &Place<'_>,
    reporter: &mut dyn Reporter,
) -> Vec<Presented> {
    let Place { client, clock, .. } = *place;
    let policy = &case.policy;
    let mut presented = Vec::new();
    let Some(statement) = statement(&case.request, place.at) else {
        return presented;
    };
    let GitHubRun {
        repository,
        name,
        run,
        commit,
        ..
    } = github;
    let approval = |source, id: String, login: String| Presented {
        id,
        source,
        by: Ok(Identity::GitHub(login)),
        statement: Some(statement.clone()),
        given_at: None,
        used_by: None,
    };
    if policy.accepts(ApprovalSource::GitHubRun) {
        let environment = &statement.environment;
        match repository
            .run_approvals(client, clock, *run, environment)
            .await
        {
            Ok(approvals) => presented.extend(approvals.into_iter().map(|found| {
                let id = format!("github-run/{name}/{run}/{}", found.login);
                approval(ApprovalSource::GitHubRun, id, found.login)
            })),
            Err(reason) => reporter.event(&Event::Warning(format!(
                "nobody knows who approved run {run}: {reason}"
            ))),
        }
    }
    if policy.accepts(ApprovalSource::GitHubReview) {
        if !is_made_of(&statement.version, github) {
            reporter.event(&Event::Note(format!(
                "reviews of {} were not looked at: nothing shows that {} is made of it (the version \
                 has not the commit's id in it, and the run is not for a tag of that name)",
                short(commit),
                statement.version
            )));
            return presented;
        }
        match repository.reviews(client, clock, commit).await {
            Ok(reviews) => presented.extend(reviews.into_iter().map(|found| {
                let id = format!(
                    "github-review/{name}/{}/{}/{}",
                    found.pull_request, found.id, found.login
                );
                Presented {
                    given_at: found.submitted_at,
                    ..approval(ApprovalSource::GitHubReview, id, found.login)
                }
            })),
            Err(reason) => reporter.event(&Event::Warning(format!(
                "nobody knows who reviewed {}: {reason}",
                short(commit)
            ))),
        }
    }
    presented
}

/// What GitHub's approvals say for this request; nothing where it does not name everything.
fn statement(request: &Request, now: DateTime<Utc>) -> Option<Statement> {
    Some(Statement {
        kind: StatementKind::Approval,
        service: request.service.clone()?,
        version: request.version.as_ref()?.to_string(),
        environment: request.environment.clone()?,
        not_before: now,
        expires: now + GOOD_FOR,
        rules: Vec::new(),
        ticket: None,
        reason: None,
    })
}

/// Is a version known to be made of the commit that the run is for?
fn is_made_of(version: &str, github: &GitHubRun) -> bool {
    let bare = |text: &str| text.strip_prefix('v').unwrap_or(text).to_owned();
    let is_the_tag = github
        .tag
        .as_ref()
        .is_some_and(|tag| bare(tag) == bare(version));
    let has_the_id = version
        .split(|character: char| !character.is_ascii_alphanumeric())
        .map(|word| word.strip_prefix('g').unwrap_or(word))
        .any(|word| word.len() >= SHORTEST_ID && github.commit.starts_with(word));
    is_the_tag || has_the_id
}

fn short(commit: &str) -> &str {
    commit.get(..SHORTEST_ID).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_made_of_a_commit_only_if_it_says_so() {
        let rows = [
            ("1.4.2", None, false),
            ("1.4.2", Some("v1.4.2"), true),
            ("v1.4.2", Some("1.4.2"), true),
            ("1.4.2", Some("1.4.3"), false),
            ("6dcb09b", None, true),
            ("sha-6dcb09b5b578", None, true),
            ("1.4.2-3-g6dcb09b5", None, true),
            ("6dcb09b5b57875f334f61aebed695e2e4193db5e", None, true),
            ("6dcb09", None, false),
            ("6dcb09c", None, false),
            ("x6dcb09b", None, false),
        ];
        for (version, tag, expected) in rows {
            let github = GitHubRun {
                repository: Repository::new("https://api.github.com", "shop/ads", None).unwrap(),
                name: "shop/ads".to_owned(),
                run: 1,
                commit: "6dcb09b5b57875f334f61aebed695e2e4193db5e".to_owned(),
                tag: tag.map(str::to_owned),
            };
            assert_eq!(is_made_of(version, &github), expected, "{version}");
        }
    }
}
