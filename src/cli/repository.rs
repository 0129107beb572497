//! Flags and environment that say which GitOps repository, with which credentials, for which service.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{Context, Session};
use crate::{
    clock::Clock,
    event::{Ending, Failure},
    git::{ConnectionOptions, Repository, RepositoryOptions},
    ops::{
        deploy::Outside,
        failure,
        load::{self, ConfigSource, Site, Target},
    },
    probe,
    secret::Secret,
};

/// How long one call to the git server may take.
const GIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Which repository and what in it.
#[derive(Debug, Clone, Args)]
pub struct RepositoryArguments {
    /// Address of the GitOps repository (https, ssh, or a bare path); in GitHub Actions and GitLab
    /// CI the default is the repository of the pipeline. A token is taken from SHIPGATE_TOKEN
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub repository: Option<String>,
    /// Branch with the configuration [default: the repository's default branch]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub branch: Option<String>,
    /// Path of the configuration in the repository
    #[arg(long, value_name = "PATH", default_value = "shipgate.yaml", value_parser = NonEmptyStringValueParser::new())]
    pub config: String,
    /// Service [default: the only one, of `history` all]; `check` and `history` take several, `a,b` or
    /// the flag again
    #[arg(long, value_delimiter = ',', value_parser = name)]
    pub service: Vec<String>,
    /// Environment [default: the only one]
    #[arg(long, value_parser = name)]
    pub environment: Option<String>,
    /// PEM file with further certificate authorities
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
}

/// Reads the name of a service, an environment or the like. Blanks around it would make it another
/// name, which no rule of a policy is about.
///
/// # Errors
/// It is empty, begins or ends with a blank, or has control characters in it.
pub fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.trim() != text || text.contains(char::is_control) {
        return Err("expected a name without blanks around it".to_owned());
    }
    Ok(text.to_owned())
}

/// Finds a secret by the name of its variable.
pub type Secrets = Box<dyn Fn(&str) -> Option<Secret>>;

/// An open repository and what is needed around it.
pub struct Opened {
    repository: Repository,
    client: probe::Client,
    clock: Arc<dyn Clock>,
    secrets: Secrets,
}

impl Opened {
    /// Opens a repository; nothing is asked of the network yet.
    ///
    /// # Errors
    /// Its address is not one, or leads to no bare repository.
    pub fn connect(
        options: RepositoryOptions,
        connection: ConnectionOptions,
        clock: Arc<dyn Clock>,
        secrets: Secrets,
    ) -> Result<Self, Failure> {
        let client = client(options.ca_file.clone());
        Ok(Self {
            repository: Repository::open_with(options, connection).map_err(failure::git)?,
            client,
            clock,
            secrets,
        })
    }

    /// Returns what operations work with.
    pub fn outside(&self) -> Outside<'_> {
        Outside {
            repository: &self.repository,
            client: &self.client,
            clock: self.clock.clone(),
            secrets: &*self.secrets,
        }
    }

    /// Returns the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }
}

impl RepositoryArguments {
    /// Returns the address of the repository: the flag, the variable, else the pipeline's own.
    fn address(&self, context: &Context) -> Option<String> {
        let named = || context.variable("SHIPGATE_REPOSITORY").map(str::to_owned);
        self.repository
            .clone()
            .or_else(named)
            .or_else(|| pipeline_repository(context))
    }

    /// Is a repository named, by a flag, a variable or the pipeline?
    pub fn is_remote(&self, context: &Context) -> bool {
        self.address(context).is_some()
    }

    /// Is the GitOps repository the one that the pipeline runs for?
    pub fn is_the_pipelines_own(&self, context: &Context) -> bool {
        let bare = |url: String| {
            let url = url.trim_end_matches('/');
            url.strip_suffix(".git").unwrap_or(url).to_lowercase()
        };
        self.address(context).map(bare) == pipeline_repository(context).map(bare)
    }

    /// Opens the repository; nothing is asked of the network yet.
    ///
    /// # Errors
    /// No repository is named, or its address is not one.
    pub fn open(&self, session: &Session) -> Result<Opened, Failure> {
        let context = &session.context;
        let url = self.address(context).ok_or_else(|| {
            Failure::new(Ending::Usage, "no GitOps repository is named")
                .hint("give --repository URL or set SHIPGATE_REPOSITORY")
        })?;
        let (token, token_user) = token(context, &url);
        let options = RepositoryOptions {
            token,
            token_user,
            ca_file: self.ca_file.clone(),
            checkout: Some(context.folder.clone()),
            ..options(url)
        };
        let environment = context.environment.clone();
        let connection = ConnectionOptions {
            environment: environment.clone(),
            ..ConnectionOptions::default()
        };
        let secrets = move |name: &str| {
            environment
                .get(name)
                .filter(|value| !value.is_empty())
                .map(Secret::new)
        };
        Opened::connect(
            options,
            connection,
            context.clock.clone(),
            Box::new(secrets),
        )
    }

    /// Reads the configuration and finds service and environment in it.
    ///
    /// # Errors
    /// As [`load::target`].
    pub async fn target(&self, opened: &Opened) -> Result<Target, Failure> {
        let source = ConfigSource {
            branch: self.branch.as_deref(),
            path: &self.config,
        };
        load::target(
            opened.repository(),
            &source,
            self.one_service()?,
            self.environment.as_deref(),
        )
        .await
    }

    /// Returns the service, for commands that are about one.
    ///
    /// # Errors
    /// Several are named.
    pub fn one_service(&self) -> Result<Option<&str>, Failure> {
        match &self.service[..] {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            several => Err(Failure::new(
                Ending::Usage,
                format!(
                    "one service at a time; found {} with --service",
                    several.len()
                ),
            )),
        }
    }

    /// Reads the configuration and finds the environment in it.
    ///
    /// # Errors
    /// As [`load::site`].
    pub async fn site(&self, opened: &Opened) -> Result<Site, Failure> {
        let source = ConfigSource {
            branch: self.branch.as_deref(),
            path: &self.config,
        };
        load::site(opened.repository(), &source, self.environment.as_deref()).await
    }
}

/// Returns what every connection to a repository has in common.
pub fn options(url: String) -> RepositoryOptions {
    RepositoryOptions {
        url,
        token: None,
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "shipgate".to_owned(),
        author_email: "shipgate@users.noreply.invalid".to_owned(),
        timeout: GIT_TIMEOUT,
    }
}

/// Makes the HTTP client of all probes.
pub fn client(ca_file: Option<PathBuf>) -> probe::Client {
    probe::Client::new(probe::ClientOptions {
        ca_file,
        user_agent: concat!("shipgate/", env!("CARGO_PKG_VERSION")).to_owned(),
    })
}

/// Finds out who started the run, for trailers.
pub fn actor(context: &Context) -> Option<String> {
    [
        "SHIPGATE_ACTOR",
        "GITHUB_ACTOR",
        "GITLAB_USER_LOGIN",
        "USER",
    ]
    .iter()
    .find_map(|name| context.variable(name).map(str::to_owned))
}

/// Finds the address of the pipeline run, for trailers.
pub fn pipeline(context: &Context) -> Option<String> {
    if let (Some(server), Some(repository), Some(run)) = (
        context.variable("GITHUB_SERVER_URL"),
        context.variable("GITHUB_REPOSITORY"),
        context.variable("GITHUB_RUN_ID"),
    ) {
        return Some(format!("{server}/{repository}/actions/runs/{run}"));
    }
    context.variable("CI_JOB_URL").map(str::to_owned)
}

fn pipeline_repository(context: &Context) -> Option<String> {
    if let (Some(server), Some(repository)) = (
        context.variable("GITHUB_SERVER_URL"),
        context.variable("GITHUB_REPOSITORY"),
    ) {
        return Some(format!("{server}/{repository}.git"));
    }
    context
        .variable("CI_PROJECT_URL")
        .map(|url| format!("{url}.git"))
}

/// The explicit token, else GitLab's job token for its own server.
fn token(context: &Context, url: &str) -> (Option<Secret>, Option<String>) {
    if let Some(token) = context.secret("SHIPGATE_TOKEN") {
        return (
            Some(token),
            context.variable("SHIPGATE_TOKEN_USER").map(str::to_owned),
        );
    }
    let host = context.variable("CI_SERVER_HOST");
    let same_server = host.is_some_and(|host| {
        url::Url::parse(url)
            .is_ok_and(|url| url.host_str() == Some(host) && url.scheme() == "https")
    });
    if same_server && let Some(token) = context.secret("CI_JOB_TOKEN") {
        return (Some(token), Some("gitlab-ci-token".to_owned()));
    }
    (None, None)
}
