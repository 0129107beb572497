//! Reads what a run is about from the GitOps repository: configuration, service, environment.

mod pick;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::{beside::Beside, check::read_file, command::Flags, failure};
use crate::{
    config::{Config, Environment, Service, query::Variables},
    event::{Ending, Failure},
    git::{CommitId, CommitRules, Repository},
    units::ProgramName,
};

pub use super::manifests::{
    manifests, manifests_for_way_back, manifests_if_any, none_matches, way_back_if_any,
};
pub use pick::{HAS_REGIONS, picked};
use pick::{listed, names, pick_environment};
pub(super) use pick::{pick, unknown};

/// A service in an environment, on the branch that its controller follows.
#[derive(Debug, Clone)]
pub struct Target {
    /// The whole configuration.
    pub config: Arc<Config>,
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The environment's name.
    pub environment_name: String,
    /// The branch.
    pub branch: String,
    /// The branch of environments that name none: the one that the configuration was read from first.
    pub usual_branch: String,
    /// The branch's head when it was read.
    pub tip: CommitId,
    /// Path of the configuration in the repository.
    pub config_path: String,
    /// Flags that lead to the configuration, for commands that messages name.
    pub flags: Flags,
    /// The programs that the policy allows; none before it was asked.
    pub programs: Vec<ProgramName>,
}

impl Target {
    /// Returns the names of the service and of the environment.
    pub fn place(&self) -> (&str, &str) {
        (&self.service.name, &self.environment_name)
    }

    /// Returns what texts of the configuration may say of the environment.
    pub fn variables(&self) -> Variables {
        self.environment.variables(&self.environment_name)
    }
}

/// A service in an environment, without a branch: what `verify` needs.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The whole configuration.
    pub config: Arc<Config>,
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
    let config = config_on_disk(path, shown)?;
    let (environment_name, environment) = pick_environment(environment, &config, shown)?;
    let (_, service) = pick("service", service, &config.services, shown)?;
    Ok(Subject {
        service: service.in_environment(environment),
        environment: environment.clone(),
        environment_name,
        config: Arc::new(config),
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

/// An environment, on the branch that its controller follows.
#[derive(Debug, Clone)]
pub struct Site {
    /// The whole configuration.
    pub config: Arc<Config>,
    /// The environment.
    pub environment: Environment,
    /// The environment's name.
    pub environment_name: String,
    /// The branch.
    pub branch: String,
    /// The branch of environments that name none: the one that the configuration was read from first.
    pub usual_branch: String,
    /// The branch's head when it was read.
    pub tip: CommitId,
    /// Path of the configuration in the repository.
    pub config_path: String,
    /// Flags that lead to the configuration, for commands that messages name.
    pub flags: Flags,
}

impl Site {
    /// Returns one of its services in it.
    pub fn target(&self, service: &Service) -> Target {
        Target {
            config: Arc::clone(&self.config),
            service: service.in_environment(&self.environment),
            environment: self.environment.clone(),
            environment_name: self.environment_name.clone(),
            branch: self.branch.clone(),
            usual_branch: self.usual_branch.clone(),
            tip: self.tip.clone(),
            config_path: self.config_path.clone(),
            flags: self.flags.clone(),
            programs: Vec::new(),
        }
    }
}

/// Reads the configuration and finds the environment in it.
///
/// # Errors
/// The git server does not answer or refuses; no configuration there, or an invalid one; unknown
/// environment (none given is fine where there is exactly one).
pub async fn site(
    repository: &Repository,
    source: &ConfigSource<'_>,
    environment: Option<&str>,
) -> Result<Site, Failure> {
    let (read_from, tip) = match source.branch {
        Some(branch) => {
            let tip = repository.fetch(branch).await.map_err(failure::git)?;
            (branch.to_owned(), tip)
        }
        None => repository.fetch_default().await.map_err(failure::git)?,
    };
    let config = config(repository, &tip, source.path).await?;
    let (environment_name, found) = pick_environment(environment, &config, source.path)?;
    let branch = found.branch.clone().unwrap_or_else(|| read_from.clone());
    repository
        .journal_beside(&environment_name, &branch)
        .await
        .map_err(failure::git)?;
    // The configuration counts as it is on the branch that is deployed to.
    let (tip, config) = if branch == read_from {
        (tip, Arc::clone(&config))
    } else {
        let tip = repository
            .fetch_as_listed(&branch)
            .await
            .map_err(failure::git)?;
        let config = self::config(repository, &tip, source.path).await?;
        (tip, config)
    };
    let (_, found) = pick(
        "environment",
        Some(&environment_name),
        &config.environments,
        source.path,
    )?;
    let rules = CommitRules {
        author: config.git.author.clone(),
        must_sign: config.git.sign_commits,
    };
    repository.obey(rules).await.map_err(failure::git)?;
    Ok(Site {
        environment: found.clone(),
        environment_name,
        branch,
        usual_branch: read_from,
        tip,
        config,
        config_path: source.path.to_owned(),
        flags: Flags::to(repository, source),
    })
}

/// Reads the configuration and finds the service and the environment in it.
///
/// # Errors
/// As [`site`]; unknown service (none given is fine where there is exactly one).
pub async fn target(
    repository: &Repository,
    source: &ConfigSource<'_>,
    service: Option<&str>,
    environment: Option<&str>,
) -> Result<Target, Failure> {
    let wanted = repository.journals_wanted(environment, service).await;
    wanted.map_err(failure::git)?;
    let site = site(repository, source, environment).await?;
    let (_, service) = pick("service", service, &site.config.services, source.path)?;
    Ok(Target {
        service: service.in_environment(&site.environment),
        environment: site.environment,
        environment_name: site.environment_name,
        branch: site.branch,
        usual_branch: site.usual_branch,
        tip: site.tip,
        config: site.config,
        config_path: source.path.to_owned(),
        flags: site.flags,
        programs: Vec::new(),
    })
}

/// A service as somebody named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// File and line that name it, such as `changed.txt:3`; none = a flag does.
    pub place: Option<String>,
}

impl From<&str> for Named {
    fn from(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: None,
        }
    }
}

/// Which services somebody means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Services {
    /// These; none named = the only one that there is.
    Named(Vec<Named>),
    /// Every one of the configuration.
    All,
}

/// Returns the services that are meant. `path` is where the configuration was read.
///
/// # Errors
/// A service that is not in the configuration; none named where there are several.
pub fn services<'a>(
    config: &'a Config,
    services: &Services,
    path: &str,
) -> Result<Vec<&'a Service>, Failure> {
    let known = &config.services;
    let find = |named: &Named| {
        let found = known.get(&named.name);
        found.ok_or_else(|| {
            let names = names(known);
            let Some(place) = &named.place else {
                return unknown("service", &named.name, &names, path);
            };
            let mut failure = unknown("service", &named.name, &names, place);
            failure.0.hints = vec![format!("{path} has: {}", listed(&names))];
            failure
        })
    };
    match services {
        Services::All => Ok(known.values().collect()),
        Services::Named(names) if names.is_empty() => {
            Ok(vec![pick("service", None, known, path)?.1])
        }
        Services::Named(names) => names.iter().map(find).collect(),
    }
}

/// Reads the configuration from disk. `shown` is the path as the user wrote it.
///
/// # Errors
/// It cannot be read, or is not valid.
pub fn config_on_disk(path: &Path, shown: &str) -> Result<Config, Failure> {
    let (_, text) = read_file(path, shown)?;
    Config::parse(&text).map_err(|findings| failure::findings(shown, &findings))
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
        service: service.in_environment(environment),
        environment: environment.clone(),
        environment_name: target.environment_name.clone(),
        branch: target.branch.clone(),
        usual_branch: target.usual_branch.clone(),
        tip: commit.clone(),
        config_path: path.clone(),
        flags: target.flags.clone(),
        programs: target.programs.clone(),
        config,
    })
}

pub(super) async fn config(
    repository: &Repository,
    commit: &CommitId,
    path: &str,
) -> Result<Arc<Config>, Failure> {
    let bytes = read(repository, commit, path).await?.ok_or_else(|| {
        Failure::new(
            Ending::ConfigInvalid,
            format!(
                "there is no `{path}` at commit {} of the repository",
                commit.short()
            ),
        )
        .hint("commit a configuration there, or name another with --config")
    })?;
    parse(path, bytes)
}

/// Configurations that are kept: that of the branch that is deployed to, and that of the trusted one.
const KEPT: usize = 2;

/// The last configurations with the bytes that they were made of. The same bytes mean the same, whoever
/// asks: the services of one run, of which each reads the newest commit, make it once.
static PARSED: Mutex<VecDeque<(Vec<u8>, Arc<Config>)>> = Mutex::new(VecDeque::new());

pub(super) fn parse(path: &str, bytes: Vec<u8>) -> Result<Arc<Config>, Failure> {
    let parsed = || PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = parsed().iter().find(|(of, _)| *of == bytes) {
        return Ok(Arc::clone(known));
    }
    let text = text(path, bytes)?;
    let config = Config::parse(&text).map_err(|findings| failure::findings(path, &findings))?;
    let config = Arc::new(config);
    let mut parsed = parsed();
    if parsed.len() == KEPT {
        parsed.pop_front();
    }
    parsed.push_back((text.into_bytes(), Arc::clone(&config)));
    Ok(config)
}

pub(super) fn text(path: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Failure::new(
            Ending::ConfigInvalid,
            format!("{path}: byte {offset} is not UTF-8"),
        )
    })
}

/// Reads a file of a commit as strictly as those beside a policy are read.
pub(super) async fn read(
    repository: &Repository,
    commit: &CommitId,
    path: &str,
) -> Result<Option<Vec<u8>>, Failure> {
    Beside::at_commit(repository, commit.clone(), String::new())
        .read(path)
        .await
}
