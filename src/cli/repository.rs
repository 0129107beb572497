//! Flags and environment that say which GitOps repository, with which credentials, for which service.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, builder::NonEmptyStringValueParser};
use url::Url;

use super::{
    Context, Session,
    authorship::{Author, AuthorshipArguments, OURSELVES},
    pipeline,
};
use crate::{
    clock::Clock,
    config::regions::environment_name,
    event::{Ending, Failure},
    git::{CommitSigner, ConnectionOptions, Repository, RepositoryOptions, ServerToken},
    ops::{
        deploy::Outside,
        failure,
        load::{self, ConfigSource, HAS_REGIONS, Site, Target},
        lookout::LOOK,
        regions::Group,
        signer::Signer,
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
    /// Service [default: the only one, of `history` all]; `check`, `plan`, `deploy`, `rollback`, `recover`
    /// and `history` take several, `a,b` or the flag again
    #[arg(long, value_delimiter = ',', value_parser = name)]
    pub service: Vec<String>,
    /// Environment [default: the only one]
    #[arg(long, value_parser = name)]
    pub environment: Option<String>,
    /// Region of the environment [default: of `check`, `plan`, `deploy`, `rollback`, `recover` and
    /// `history` all]; these take several, `a,b` or the flag again
    #[arg(long, value_delimiter = ',', value_parser = name, requires = "environment")]
    pub region: Vec<String>,
    /// PEM file with further certificate authorities
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Private key for an SSH address [default: SHIPGATE_SSH_KEY, else the SSH agent and what
    /// OpenSSH's own configuration names]
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Option<PathBuf>,
    /// Host keys of SSH servers, as known_hosts has them [default: SHIPGATE_KNOWN_HOSTS, else what
    /// OpenSSH's own configuration names]
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,
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
            convoy: None,
            pushes: None,
            lookout: Some(LOOK),
            batch: None,
        }
    }

    /// Returns the repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }
}

/// An environment, or several regions of one.
pub struct Whole {
    /// The environment; of several regions the first.
    pub site: Site,
    /// The regions, where there are several.
    pub group: Option<Group>,
}

impl RepositoryArguments {
    /// Returns the address of the repository: the flag, the variable, else the pipeline's own.
    fn address(&self, context: &Context) -> Option<String> {
        let named = || context.variable("SHIPGATE_REPOSITORY").map(str::to_owned);
        self.repository
            .clone()
            .or_else(named)
            .or_else(|| pipeline::repository(context))
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
        self.address(context).map(bare) == pipeline::repository(context).map(bare)
    }

    /// Opens the repository; nothing is asked of the network yet.
    ///
    /// # Errors
    /// No repository is named, or its address is not one.
    pub fn open(&self, session: &Session) -> Result<Opened, Failure> {
        let author = AuthorshipArguments::default().author(&session.context)?;
        self.open_for(session, author, None)
    }

    /// Opens the repository for a command that commits; nothing is asked of the network yet.
    ///
    /// # Errors
    /// As [`Self::open`]; a key to sign with that cannot be used.
    pub async fn open_as(
        &self,
        session: &Session,
        authorship: &AuthorshipArguments,
    ) -> Result<Opened, Failure> {
        let author = authorship.author(&session.context)?;
        let signer = authorship.signer(&session.context).await?;
        self.open_for(session, author, signer)
    }

    fn open_for(
        &self,
        session: &Session,
        author: Author,
        signer: Option<Signer>,
    ) -> Result<Opened, Failure> {
        let context = &session.context;
        let url = self.address(context).ok_or_else(|| {
            Failure::new(Ending::Usage, "no GitOps repository is named")
                .hint("give --repository URL or set SHIPGATE_REPOSITORY")
        })?;
        let file = |given: &Option<PathBuf>, variable: &str| {
            let named = || context.variable(variable).map(PathBuf::from);
            let path = given.clone().or_else(named);
            path.map(|path| context.folder.join(path))
        };
        let options = RepositoryOptions {
            token: context.secret("SHIPGATE_TOKEN"),
            token_user: context.variable("SHIPGATE_TOKEN_USER").map(str::to_owned),
            ca_file: file(&self.ca_file, "SHIPGATE_CA_FILE"),
            checkout: Some(context.folder.clone()),
            author_name: author.name,
            author_email: author.email,
            author_is_given: author.is_given,
            signer: signer.map(|signer| Arc::new(signer) as Arc<dyn CommitSigner>),
            ..options(url)
        };
        let environment = context.environment.clone();
        let connection = ConnectionOptions {
            environment: environment.clone(),
            ssh_identity_file: present("--ssh-key", file(&self.ssh_key, "SHIPGATE_SSH_KEY"))?,
            ssh_known_hosts: present(
                "--known-hosts",
                file(&self.known_hosts, "SHIPGATE_KNOWN_HOSTS"),
            )?,
            job_token: job_token(context),
            asks_credential_helpers: context.person_is_at_the_keyboard(),
            ..ConnectionOptions::default()
        };
        let secrets = move |name: &str| {
            environment
                .get(name)
                .filter(|value| !value.is_empty())
                .map(Secret::new)
        };
        let opened = Opened::connect(
            options,
            connection,
            context.clock.clone(),
            Box::new(secrets),
        )?;
        Ok(Opened {
            repository: opened.repository.named_in_commands(),
            ..opened
        })
    }

    /// Reads the configuration and finds service and environment in it.
    ///
    /// # Errors
    /// As [`load::target`].
    pub async fn target(&self, opened: &Opened) -> Result<Target, Failure> {
        load::target(
            opened.repository(),
            &self.source(),
            self.one_service()?,
            self.environment()?.as_deref(),
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
        let environment = self.environment()?;
        load::site(opened.repository(), &self.source(), environment.as_deref()).await
    }

    /// Reads the configuration and finds the environment in it, or the regions of it that are meant.
    ///
    /// # Errors
    /// As [`Self::site`] and [`Self::group`].
    pub async fn whole(&self, opened: &Opened) -> Result<Whole, Failure> {
        if self.region.len() < 2 {
            match self.site(opened).await {
                Err(failure) if has_regions(&failure) => {}
                site => {
                    let site = site?;
                    return Ok(Whole { site, group: None });
                }
            }
        }
        let group = self.group(opened).await?;
        let environment = group.picked.first().map(|it| group.environment_of(it));
        let source = self.source();
        let site = load::site(opened.repository(), &source, environment.as_deref()).await?;
        Ok(Whole {
            site,
            group: Some(group),
        })
    }

    /// Returns where the configuration is read.
    pub fn source(&self) -> ConfigSource<'_> {
        ConfigSource {
            branch: self.branch.as_deref(),
            path: &self.config,
        }
    }

    /// Returns the environment, for commands that are about one region at a time: of a region the name
    /// that it has as an environment of its own.
    ///
    /// # Errors
    /// Several regions are named.
    pub fn environment(&self) -> Result<Option<String>, Failure> {
        match (&self.region[..], &self.environment) {
            ([], environment) => Ok(environment.clone()),
            ([region], Some(environment)) => Ok(Some(environment_name(environment, region))),
            (several, _) => Err(Failure::new(
                Ending::Usage,
                format!(
                    "one region at a time; found {} with --region",
                    several.len()
                ),
            )),
        }
    }

    /// Reads the configuration and finds the regions that are meant.
    ///
    /// # Errors
    /// As [`Group::read`].
    pub async fn group(&self, opened: &Opened) -> Result<Group, Failure> {
        let environment = self.environment.as_deref();
        Group::read(
            opened.repository(),
            &self.source(),
            environment,
            &self.region,
        )
        .await
    }
}

/// Is an environment meant whose regions are deployed to one after the other?
pub fn has_regions(failure: &Failure) -> bool {
    failure.0.reason_code == HAS_REGIONS
}

/// Returns what every connection to a repository has in common.
pub fn options(url: String) -> RepositoryOptions {
    RepositoryOptions {
        url,
        token: None,
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: OURSELVES.0.to_owned(),
        author_email: OURSELVES.1.to_owned(),
        author_is_given: false,
        signer: None,
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

/// Sees that a file is there: OpenSSH would only warn, and go on without it.
fn present(flag: &str, path: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    match path {
        Some(path) if !path.is_file() => Err(Failure::new(
            Ending::Usage,
            format!("{flag} {}: there is no such file", path.display()),
        )
        .hint("nothing was changed; give the path of the file")),
        path => Ok(path),
    }
}

/// GitLab's token of this job, for GitLab itself. Where the runner does not say which server that
/// is, nobody gets it.
fn job_token(context: &Context) -> Option<ServerToken> {
    let protocol = context.variable("CI_SERVER_PROTOCOL").unwrap_or("https");
    let host = context.variable("CI_SERVER_HOST")?;
    let port = context.variable("CI_SERVER_PORT");
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(ServerToken {
        server: Url::parse(&format!("{protocol}://{host}{port}")).ok()?,
        token: context.secret("CI_JOB_TOKEN")?,
    })
}
