//! Flags that say which policy judges and where it is read, for commands that change nothing.

use std::path::PathBuf;

use clap::Args;

use super::{Session, repository::RepositoryArguments};
use crate::{
    event::Failure,
    ops::{
        check,
        load::{self, Services},
        watch::Endpoints,
    },
    policy::Policy,
    probe::prometheus::Endpoint,
};

/// Which policy.
#[derive(Debug, Clone, Args)]
pub struct PolicyArguments {
    /// Policy file on disk; with --repository a path in the repository [default: the environment's]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Is the policy a path in the repository, not on disk? So it is with --repository, and for
    /// pipelines: a checkout must not bring the policy that judges it.
    #[arg(skip)]
    pub in_repository: bool,
    /// Branch the policy is read from, by commit id [default: the repository's default branch]
    #[arg(long, value_name = "BRANCH")]
    policy_ref: Option<String>,
}

/// A policy with what the configuration says besides.
pub struct Found {
    /// The policy.
    pub policy: Policy,
    /// The environment, if it is known.
    pub environment: Option<String>,
    /// The services that are meant; empty where none is known.
    pub services: Vec<String>,
    /// The configuration's Prometheus, where the policy wants one.
    pub prometheus: Option<Endpoint>,
}

impl PolicyArguments {
    /// Reads the policy from disk, or from the repository.
    ///
    /// # Errors
    /// It cannot be read or is not valid; no repository is named; the configuration does not know
    /// the environment or a service.
    pub async fn find(
        &self,
        repository: &RepositoryArguments,
        services: &Services,
        session: &Session,
    ) -> Result<Found, Failure> {
        let in_repository = self.in_repository || repository.repository.is_some();
        match &self.policy {
            Some(file) if !in_repository => on_disk(file, repository, services, session),
            _ => self.in_its_repository(repository, services, session).await,
        }
    }

    async fn in_its_repository(
        &self,
        repository: &RepositoryArguments,
        services: &Services,
        session: &Session,
    ) -> Result<Found, Failure> {
        let opened = repository
            .open(session)
            .map_err(|failure| failure.hint("or name a policy on disk: --policy FILE"))?;
        let site = repository.site(&opened).await?;
        let services = load::services(&site.config, services, &repository.config)?;
        let named = self.policy.as_ref().map(|path| path.display().to_string());
        let path = named.as_deref().unwrap_or(&site.environment.policy);
        let (text, source) =
            load::policy(opened.repository(), self.policy_ref.as_deref(), path).await?;
        let policy = check::load(source, &text)?;
        let context = &session.context;
        let prometheus = if policy.wants_traffic() {
            Endpoints::new(&site.config.providers, |name| context.secret(name))?.prometheus
        } else {
            None
        };
        Ok(Found {
            policy,
            environment: Some(site.environment_name),
            services,
            prometheus,
        })
    }
}

fn on_disk(
    file: &std::path::Path,
    repository: &RepositoryArguments,
    services: &Services,
    session: &Session,
) -> Result<Found, Failure> {
    let folder = &session.context.folder;
    let (source, text) = check::read_file(&folder.join(file), &file.display().to_string())?;
    let services = match services {
        Services::Named(names) => names.clone(),
        Services::All => {
            let path = &repository.config;
            let config = load::config_on_disk(&folder.join(path), path)?;
            load::services(&config, services, path)?
        }
    };
    Ok(Found {
        policy: check::load(source, &text)?,
        environment: repository.environment.clone(),
        services,
        prometheus: None,
    })
}
