//! Reads what a run is about from the GitOps repository: configuration, policy, manifests.

use std::path::Path;

use globset::{GlobBuilder, GlobSetBuilder};

use super::{
    beside::Beside,
    check::{read_file, sha256},
    failure,
};
use crate::{
    config::{Config, Environment, Service},
    event::{Ending, Failure},
    git::{CommitId, EntryKind, Repository, TreeEntry},
    manifest::{Manifests, SourceFile},
    policy::PolicySource,
};

/// A service in an environment, on the branch that its controller follows.
#[derive(Debug, Clone)]
pub struct Target {
    /// The whole configuration.
    pub config: Config,
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The environment's name.
    pub environment_name: String,
    /// The branch.
    pub branch: String,
    /// The branch's head when it was read.
    pub tip: CommitId,
    /// Path of the configuration in the repository.
    pub config_path: String,
}

/// A service in an environment, without a branch: what `verify` needs.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The whole configuration.
    pub config: Config,
    /// The service.
    pub service: Service,
    /// The environment's name.
    pub environment_name: String,
    /// The environment.
    pub environment: Environment,
}

impl From<Target> for Subject {
    fn from(target: Target) -> Self {
        Self {
            config: target.config,
            service: target.service,
            environment_name: target.environment_name,
            environment: target.environment,
        }
    }
}

/// Reads the configuration from disk and finds the service and the environment in it. `shown` is
/// the path as the user wrote it.
///
/// # Errors
/// As [`target`], without the git server.
pub fn subject_on_disk(
    path: &Path,
    shown: &str,
    service: Option<&str>,
    environment: Option<&str>,
) -> Result<Subject, Failure> {
    let (_, text) = read_file(path, shown)?;
    let config = Config::parse(&text).map_err(|findings| failure::findings(shown, &findings))?;
    let (environment_name, environment) =
        pick("environment", environment, &config.environments, shown)?;
    let (_, service) = pick("service", service, &config.services, shown)?;
    Ok(Subject {
        service: service.clone(),
        environment: environment.clone(),
        environment_name,
        config,
    })
}

/// Where to find the configuration.
#[derive(Debug, Clone)]
pub struct ConfigSource<'a> {
    /// Branch to read it from; none = the repository's default branch.
    pub branch: Option<&'a str>,
    /// Path in the repository.
    pub path: &'a str,
}

/// Reads the configuration and finds the service and the environment in it.
///
/// # Errors
/// The git server does not answer or refuses; no configuration there, or an invalid one; unknown
/// service or environment (none given is fine where there is exactly one).
pub async fn target(
    repository: &Repository,
    source: &ConfigSource<'_>,
    service: Option<&str>,
    environment: Option<&str>,
) -> Result<Target, Failure> {
    let read_from = match source.branch {
        Some(branch) => branch.to_owned(),
        None => repository.default_branch().await.map_err(failure::git)?,
    };
    let tip = repository.fetch(&read_from).await.map_err(failure::git)?;
    let config = config(repository, &tip, source.path).await?;
    let (environment_name, found) = pick(
        "environment",
        environment,
        &config.environments,
        source.path,
    )?;
    let (_, service) = pick("service", service, &config.services, source.path)?;
    let branch = found.branch.clone().unwrap_or_else(|| read_from.clone());
    // The configuration counts as it is on the branch that is deployed to.
    let (tip, config) = if branch == read_from {
        (tip, config.clone())
    } else {
        let tip = repository.fetch(&branch).await.map_err(failure::git)?;
        let config = self::config(repository, &tip, source.path).await?;
        (tip, config)
    };
    let (_, found) = pick(
        "environment",
        Some(&environment_name),
        &config.environments,
        source.path,
    )?;
    let (_, service) = pick(
        "service",
        Some(&service.name),
        &config.services,
        source.path,
    )?;
    Ok(Target {
        service: service.clone(),
        environment: found.clone(),
        environment_name,
        branch,
        tip,
        config,
        config_path: source.path.to_owned(),
    })
}

/// Reads the configuration of a target again, as it was at an earlier commit of its branch.
///
/// # Errors
/// As [`target`].
pub async fn target_at(
    repository: &Repository,
    target: &Target,
    commit: &CommitId,
) -> Result<Target, Failure> {
    let path = &target.config_path;
    let config = config(repository, commit, path).await?;
    let environment = Some(target.environment_name.as_str());
    let (_, environment) = pick("environment", environment, &config.environments, path)?;
    let service = Some(target.service.name.as_str());
    let (_, service) = pick("service", service, &config.services, path)?;
    Ok(Target {
        service: service.clone(),
        environment: environment.clone(),
        environment_name: target.environment_name.clone(),
        branch: target.branch.clone(),
        tip: commit.clone(),
        config_path: path.clone(),
        config,
    })
}

async fn config(repository: &Repository, commit: &CommitId, path: &str) -> Result<Config, Failure> {
    let bytes = repository
        .read(commit, path)
        .await
        .map_err(failure::git)?
        .ok_or_else(|| {
            Failure::new(
                Ending::ConfigInvalid,
                format!(
                    "there is no `{path}` at commit {} of the repository",
                    commit.short()
                ),
            )
            .hint("commit a configuration there, or name another with --config")
        })?;
    let text = text(path, bytes)?;
    Config::parse(&text).map_err(|findings| failure::findings(path, &findings))
}

fn text(path: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Failure::new(
            Ending::ConfigInvalid,
            format!("{path}: byte {offset} is not UTF-8"),
        )
    })
}

fn pick<'a, T>(
    what: &str,
    wanted: Option<&str>,
    known: &'a std::collections::BTreeMap<String, T>,
    path: &str,
) -> Result<(String, &'a T), Failure> {
    let names: Vec<String> = known.keys().cloned().collect();
    match wanted {
        Some(name) => known
            .get(name)
            .map(|found| (name.to_owned(), found))
            .ok_or_else(|| {
                let message = crate::yaml::typed::unknown(what, name, &names);
                Failure::new(Ending::ConfigInvalid, format!("{path}: {message}"))
            }),
        None => match known.iter().next() {
            Some((name, found)) if known.len() == 1 => Ok((name.clone(), found)),
            _ => Err(Failure::new(
                Ending::Usage,
                format!(
                    "{path} has several: name one with --{what} ({})",
                    names.join(", ")
                ),
            )),
        },
    }
}

/// Reads the policy of an environment by commit id from a branch that the caller trusts.
///
/// # Errors
/// The git server does not answer or refuses; there is no policy.
pub async fn policy(
    repository: &Repository,
    policy_ref: Option<&str>,
    path: &str,
) -> Result<(String, PolicySource), Failure> {
    let branch = match policy_ref {
        Some(branch) => branch.to_owned(),
        None => repository.default_branch().await.map_err(failure::git)?,
    };
    let commit = repository.fetch(&branch).await.map_err(failure::git)?;
    let bytes = Beside::at_commit(repository, commit.clone(), String::new())
        .read(path)
        .await?
        .ok_or_else(|| {
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
    };
    Ok((text(path, bytes)?, source))
}

/// Reads the manifests of a service at a commit.
///
/// # Errors
/// No file matches; a matching path is a symbolic link; a file cannot be read as manifests.
pub async fn manifests(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
) -> Result<Manifests, Failure> {
    let globs = target.service.globs(&target.environment);
    let mut set = GlobSetBuilder::new();
    for glob in &globs {
        let glob = GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .map_err(|error| {
                Failure::new(
                    Ending::ConfigInvalid,
                    format!("the glob `{glob}` is not valid: {}", error.kind()),
                )
            })?;
        set.add(glob);
    }
    let set = set.build().map_err(|error| {
        Failure::new(
            Ending::ConfigInvalid,
            format!("the globs are not valid: {}", error.kind()),
        )
    })?;
    let mut files = Vec::new();
    let mut beside = Vec::new();
    for entry in repository.list(commit).await.map_err(failure::git)? {
        if !set.is_match(&entry.path) {
            if may_hold_services(&entry, &target.environment.root) {
                beside.push(entry.path);
            }
            continue;
        }
        match entry.kind {
            EntryKind::File | EntryKind::Executable => {}
            EntryKind::Symlink | EntryKind::Submodule => {
                return Err(Failure::new(
                    Ending::EditRefused,
                    format!(
                        "{}: is a symbolic link or submodule, expected a file",
                        entry.path
                    ),
                )
                .hint("name the file itself in `manifests`"));
            }
        }
        if let Some(bytes) = repository
            .read(commit, &entry.path)
            .await
            .map_err(failure::git)?
        {
            files.push(SourceFile {
                path: entry.path,
                bytes,
            });
        }
    }
    if files.is_empty() {
        return Err(Failure::new(
            Ending::EditRefused,
            format!(
                "no manifest of `{}` matches {} at commit {}",
                target.service.name,
                globs
                    .iter()
                    .map(|glob| format!("`{glob}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
                commit.short()
            ),
        )
        .hint(
            "check `manifests` of the service and `root` of the environment in the configuration",
        ));
    }
    let manifests = Manifests::parse(files).map_err(failure::refusals)?;
    let mut services = Vec::new();
    for path in beside {
        // What cannot be read (too large, kept elsewhere) is no Service.
        let bytes = repository.read(commit, &path).await.ok().flatten();
        if let Some(bytes) = bytes.filter(|bytes| names_service(bytes)) {
            services.push(SourceFile { path, bytes });
        }
    }
    Ok(manifests.beside(services))
}

/// Is this a file of the environment in which a Service could stand that selects our pods?
fn may_hold_services(entry: &TreeEntry, root: &str) -> bool {
    let root = root.trim_matches('/');
    let inside = root == "."
        || entry
            .path
            .strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'));
    let manifest = [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| entry.path.ends_with(ending));
    inside && manifest && matches!(entry.kind, EntryKind::File | EntryKind::Executable)
}

fn names_service(bytes: &[u8]) -> bool {
    bytes
        .windows(b"Service".len())
        .any(|window| window == b"Service")
}
