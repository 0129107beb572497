//! Which policy judges: read by commit id from a branch that a pull request cannot change.

use super::{
    check::sha256,
    failure,
    load::{Site, Target, parse, read, text},
};
use crate::{
    config::Environment,
    event::{Ending, Failure},
    git::{CommitId, Repository},
    policy::PolicySource,
};

/// A policy from a branch that the caller trusts, and what the configuration there says of the
/// environment that it is for.
#[derive(Debug, Clone)]
pub struct TrustedPolicy {
    /// Its text.
    pub text: String,
    /// Where it was read.
    pub source: PolicySource,
    /// The environment as that same commit has it; none = it has no such environment.
    pub environment: Option<Environment>,
}

/// An environment as the branch says that is deployed to.
#[derive(Debug, Clone, Copy)]
pub struct SiteRef<'a> {
    /// The environment's name.
    pub name: &'a str,
    /// The environment.
    pub environment: &'a Environment,
    /// The branch.
    pub branch: &'a str,
    /// The branch's head when it was read.
    pub tip: &'a CommitId,
    /// Path of the configuration in the repository.
    pub config_path: &'a str,
}

impl<'a> SiteRef<'a> {
    /// Returns the environment that it is a region of, as the configuration says where policies are
    /// read, `trusted`; as its own says where that one does not know it.
    pub fn whole(&self, trusted: Option<&'a Environment>) -> Option<&'a str> {
        let region = trusted.unwrap_or(self.environment).region.as_ref();
        region.map(|it| it.environment.as_str())
    }
}

impl<'a> From<&'a Target> for SiteRef<'a> {
    fn from(target: &'a Target) -> Self {
        Self {
            name: &target.environment_name,
            environment: &target.environment,
            branch: &target.branch,
            tip: &target.tip,
            config_path: &target.config_path,
        }
    }
}

impl<'a> From<&'a Site> for SiteRef<'a> {
    fn from(site: &'a Site) -> Self {
        Self {
            name: &site.environment_name,
            environment: &site.environment,
            branch: &site.branch,
            tip: &site.tip,
            config_path: &site.config_path,
        }
    }
}

/// Reads the policy of a place by commit id from a branch that the caller trusts.
///
/// Where nobody names its path, the configuration at that same commit does: the branch that is
/// deployed to could name another environment's policy, and be judged by that.
///
/// # Errors
/// As [`policy`]; the configuration at that commit is invalid, or does not bear out a path that the
/// target's own names.
pub async fn policy_of(
    repository: &Repository,
    policy_ref: Option<&str>,
    named: Option<&str>,
    place: SiteRef<'_>,
) -> Result<TrustedPolicy, Failure> {
    let branch = trusted_branch(repository, policy_ref).await?;
    // One look at a branch: what was just read of it and the policy belong together.
    let commit = if branch == place.branch {
        place.tip.clone()
    } else {
        repository
            .fetch_as_listed(&branch)
            .await
            .map_err(failure::git)?
    };
    let (config_path, name) = (place.config_path, place.name);
    let environment = if commit == *place.tip {
        Some(place.environment.clone())
    } else {
        let bytes = read(repository, &commit, config_path).await?;
        let there = bytes.map(|bytes| parse(config_path, bytes)).transpose()?;
        there.and_then(|config| config.environments.get(name).cloned())
    };
    let own = &place.environment.policy;
    let path = match (named, &environment) {
        (Some(path), _) => path,
        (None, Some(environment)) => &environment.policy,
        (None, None) if *own == Environment::usual_policy(name) => own,
        (None, None) => return Err(not_borne_out(place, &branch, &commit)),
    };
    let (text, source) = policy_at(repository, &commit, &branch, path).await?;
    Ok(TrustedPolicy {
        text,
        source,
        environment,
    })
}

fn not_borne_out(place: SiteRef<'_>, branch: &str, commit: &CommitId) -> Failure {
    Failure::new(
        Ending::ConfigInvalid,
        format!(
            "{}: on branch `{}` the policy of `{}` is `{}`, and branch `{branch}` (commit {}), where \
             policies are read, does not say so",
            place.config_path,
            place.branch,
            place.name,
            place.environment.policy,
            commit.short()
        ),
    )
    .hint("write the environment into the configuration there, or name the path with --policy")
}

async fn trusted_branch(
    repository: &Repository,
    policy_ref: Option<&str>,
) -> Result<String, Failure> {
    match policy_ref {
        Some(branch) => Ok(branch.to_owned()),
        None => repository.default_branch().await.map_err(failure::git),
    }
}

/// Reads a policy by commit id from a branch that the caller trusts.
///
/// # Errors
/// The git server does not answer or refuses; there is no policy.
pub async fn policy(
    repository: &Repository,
    policy_ref: Option<&str>,
    path: &str,
) -> Result<(String, PolicySource), Failure> {
    let branch = trusted_branch(repository, policy_ref).await?;
    let commit = repository.fetch(&branch).await.map_err(failure::git)?;
    policy_at(repository, &commit, &branch, path).await
}

async fn policy_at(
    repository: &Repository,
    commit: &CommitId,
    branch: &str,
    path: &str,
) -> Result<(String, PolicySource), Failure> {
    let bytes = read(repository, commit, path).await?.ok_or_else(|| {
        Failure::new(
            Ending::ConfigInvalid,
            format!(
                "there is no policy `{path}` on branch `{branch}` (commit {})",
                commit.short()
            ),
        )
        .hint("commit a policy there; without one nothing is let through")
    })?;
    let source = PolicySource {
        path: path.to_owned(),
        commit: Some(commit.to_string()),
        sha256: sha256(&bytes),
        ..PolicySource::default()
    };
    Ok((text(path, bytes)?, source))
}
