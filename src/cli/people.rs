//! Who the pipeline says we are, and what they bring along: the people whose own approvals never
//! count, the signed approvals that were handed over, the run of GitHub Actions that was approved.

use std::path::PathBuf;

use clap::Args;

use super::{Context, pipeline};
use crate::{
    audit::AuditFile,
    event::{Ending, Failure},
    ops::{approvals, asker::Asker, github_approvals::GitHubRun},
    policy::Identity,
    probe::github::Repository,
};

/// Signed approvals and overrides that are handed over.
#[derive(Debug, Clone, Default, Args)]
pub struct ApprovalArguments {
    /// File with a signed approval or override, as `shipgate approve` makes it; again for each.
    /// A text in the variable SHIPGATE_APPROVAL counts too, and so do those kept in the repository
    #[arg(long, value_name = "FILE")]
    pub approval: Vec<PathBuf>,
}

impl ApprovalArguments {
    fn given(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let read = |path: &PathBuf| {
            let shown = path.display().to_string();
            approvals::read_file(&context.folder.join(path), &shown)
        };
        let mut given: Vec<String> = self.approval.iter().map(read).collect::<Result<_, _>>()?;
        given.extend(context.variable("SHIPGATE_APPROVAL").map(str::to_owned));
        Ok(given)
    }
}

/// Puts together who asks the gate and what they bring along.
///
/// # Errors
/// [`Ending::Usage`]: a file cannot be read, or the variables that GitHub sets say something else
/// than GitHub does.
pub fn asker(
    context: &Context,
    approvals: &ApprovalArguments,
    audit: Option<AuditFile>,
) -> Result<Asker, Failure> {
    let mut deployers = deployers(context).into_iter();
    Ok(Asker {
        given: approvals.given(context)?,
        deployer: deployers.next(),
        restarted_by: deployers.next(),
        actor: pipeline::actor(context),
        pipeline: pipeline::run_url(context),
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
