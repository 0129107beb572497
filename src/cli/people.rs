//! Who the pipeline says we are: the people whose own approvals never count, and the run of GitHub
//! Actions whose approvals may.

use super::{
    Context,
    repository::{actor, pipeline},
};
use crate::{
    audit::AuditFile,
    event::{Ending, Failure},
    ops::{asker::Asker, github_approvals::GitHubRun},
    policy::Identity,
    probe::github::Repository,
};

/// Puts together who asks the gate and what they bring along.
///
/// # Errors
/// As [`github_run`].
pub fn asker(context: &Context, audit: Option<AuditFile>) -> Result<Asker, Failure> {
    let mut deployers = deployers(context).into_iter();
    Ok(Asker {
        deployer: deployers.next(),
        restarted_by: deployers.next(),
        actor: actor(context),
        pipeline: pipeline(context),
        github: github_run(context)?,
        audit,
    })
}

/// Who deploys: whoever started the pipeline, and whoever started it again.
///
/// A system's name for somebody is believed only inside of that system's pipelines. Anything else
/// is what somebody says, and nobody vouches for it.
fn deployers(context: &Context) -> Vec<Identity> {
    let is_true = |name| context.variable(name) == Some("true");
    let named = |name| context.variable(name).map(str::to_owned);
    if is_true("GITHUB_ACTIONS") {
        let mut people: Vec<Identity> = ["GITHUB_ACTOR", "GITHUB_TRIGGERING_ACTOR"]
            .into_iter()
            .filter_map(named)
            .map(Identity::GitHub)
            .collect();
        people.dedup();
        return people;
    }
    if is_true("GITLAB_CI") {
        return named("GITLAB_USER_LOGIN")
            .map(Identity::GitLab)
            .into_iter()
            .collect();
    }
    named("SHIPGATE_ACTOR")
        .or_else(|| named("USER"))
        .map(Identity::Local)
        .into_iter()
        .collect()
}

/// Returns the run of GitHub Actions that we are a part of; none elsewhere.
///
/// # Errors
/// [`Ending::Usage`]: the variables that GitHub sets say something else than GitHub does.
fn github_run(context: &Context) -> Result<Option<GitHubRun>, Failure> {
    if context.variable("GITHUB_ACTIONS") != Some("true") {
        return Ok(None);
    }
    let (Some(api), Some(name), Some(run), Some(commit)) = (
        context.variable("GITHUB_API_URL"),
        context.variable("GITHUB_REPOSITORY"),
        context.variable("GITHUB_RUN_ID"),
        context.variable("GITHUB_SHA"),
    ) else {
        return Ok(None);
    };
    let wrong = |what: &str, problem: String| {
        Failure::new(Ending::Usage, format!("{what}: {problem}"))
            .hint("GitHub sets these variables itself; is one of them set in the workflow?")
    };
    let token = context
        .secret("SHIPGATE_GITHUB_TOKEN")
        .or_else(|| context.secret("GITHUB_TOKEN"));
    let repository = Repository::new(api, name, token)
        .map_err(|nonsense| wrong("GITHUB_API_URL and GITHUB_REPOSITORY", nonsense.to_string()))?;
    let run = run
        .parse()
        .map_err(|_| wrong("GITHUB_RUN_ID", format!("found {run:?}, expected a number")))?;
    let is_tag = context.variable("GITHUB_REF_TYPE") == Some("tag");
    let tag = context.variable("GITHUB_REF_NAME").filter(|_| is_tag);
    Ok(Some(GitHubRun {
        repository,
        name: name.to_owned(),
        run,
        commit: commit.to_owned(),
        tag: tag.map(str::to_owned),
    }))
}
