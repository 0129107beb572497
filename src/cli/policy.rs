//! Flags that say which policy judges and where it is read, for commands that change nothing.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    Session,
    repository::{Opened, RepositoryArguments},
};
use crate::{
    clock::Clock,
    config::{Config, Service},
    event::Failure,
    ops::{
        asker::Place,
        beside::Beside,
        case::{Case, plan},
        check,
        check_many::Asked,
        gate::Question,
        load::{self, Services},
        watch::Endpoints,
    },
    policy::{PolicySource, Request},
    probe::Client,
    units::with_slashes,
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
    pub policy_ref: Option<String>,
}

/// What is judged, and for whom.
pub struct Found {
    /// Policy, request and facts, for no service in particular.
    pub case: Case,
    /// The services that are meant; empty where none is known.
    pub services: Vec<Asked>,
    /// The configuration's providers, where the policy asks one.
    pub endpoints: Endpoints,
    /// Where the policy comes from.
    pub origin: Origin,
}

/// Where a policy comes from.
pub enum Origin {
    /// A file on disk.
    Disk(PathBuf),
    /// A repository.
    Repository(Box<Opened>),
}

impl Origin {
    /// Returns the folder of the policy.
    ///
    /// # Errors
    /// The policy does not say which commit it was read at.
    pub fn beside(&self, source: &PolicySource) -> Result<Beside<'_>, Failure> {
        match self {
            Self::Disk(path) => Ok(Beside::on_disk(path, source)),
            Self::Repository(opened) => Beside::at_source(opened.repository(), source),
        }
    }

    /// Returns where approvals may be that have to be good at an instant.
    pub fn place<'a>(
        &'a self,
        beside: &'a Beside<'a>,
        client: &'a Client,
        clock: &'a dyn Clock,
        at: DateTime<Utc>,
    ) -> Place<'a> {
        Place {
            beside,
            repository: match self {
                Self::Disk(_) => None,
                Self::Repository(opened) => Some(opened.repository()),
            },
            client,
            clock,
            at,
        }
    }
}

impl Found {
    /// Returns the case of the first service.
    pub fn case_of_one(&self) -> Case {
        let first = self.services.first();
        let name = first.map(|asked| asked.service.as_str());
        let plan = first.and_then(|asked| asked.plan.clone());
        self.case.clone().of_service(name, plan)
    }
}

impl PolicyArguments {
    /// Reads the policy and what lies beside it from disk, or from the repository. The question's
    /// own policy and branch are those of these flags.
    ///
    /// # Errors
    /// It cannot be read or is not valid; no repository is named; the configuration does not know
    /// the environment or a service.
    pub async fn find(
        &self,
        question: Question<'_>,
        repository: &RepositoryArguments,
        services: &Services,
        session: &Session,
    ) -> Result<Found, Failure> {
        let in_repository = self.in_repository || repository.repository.is_some();
        match &self.policy {
            Some(file) if !in_repository => {
                on_disk(file, &question, repository, services, session).await
            }
            _ => {
                let shown = |path: &PathBuf| with_slashes(&path.display().to_string());
                let named = self.policy.as_ref().map(shown);
                let question = Question {
                    policy: named.as_deref(),
                    policy_ref: self.policy_ref.as_deref(),
                    ..question
                };
                in_its_repository(&question, repository, services, session).await
            }
        }
    }
}

async fn in_its_repository(
    question: &Question<'_>,
    repository: &RepositoryArguments,
    services: &Services,
    session: &Session,
) -> Result<Found, Failure> {
    let opened = repository
        .open(session)
        .map_err(|failure| failure.hint("or name a policy on disk: --policy FILE"))?;
    let site = repository.site(&opened).await?;
    let services = asked(&site.config, services, &repository.config)?;
    let case = Case::read_for(question, opened.repository(), (&site).into()).await?;
    let context = &session.context;
    let endpoints = if case.policy.asks_providers() {
        Endpoints::new(&site.config.providers, |name| context.secret(name))?
    } else {
        Endpoints::default()
    };
    Ok(Found {
        case,
        services,
        endpoints,
        origin: Origin::Repository(Box::new(opened)),
    })
}

async fn on_disk(
    file: &Path,
    question: &Question<'_>,
    repository: &RepositoryArguments,
    services: &Services,
    session: &Session,
) -> Result<Found, Failure> {
    let folder = &session.context.folder;
    let path = folder.join(file);
    let (source, text) = check::read_file(&path, &file.display().to_string())?;
    let beside = Beside::on_disk(&path, &source);
    let services = match services {
        Services::Named(names) => {
            let names = names.iter().map(|named| named.name.clone());
            names.map(Asked::by_name).collect()
        }
        Services::All => {
            let shown = &repository.config;
            let config = load::config_on_disk(&folder.join(shown), shown)?;
            asked(&config, services, shown)?
        }
    };
    let request = Request {
        environment: repository.environment()?,
        whole_environment: (!repository.region.is_empty())
            .then(|| repository.environment.clone())
            .flatten(),
        version: question.version.cloned(),
        ..Request::new(question.action)
    };
    let policy = check::load_beside(source, &text, &beside).await?;
    Ok(Found {
        case: Case::new(policy, request, question.circumstances, &beside).await?,
        services,
        endpoints: Endpoints::default(),
        origin: Origin::Disk(path),
    })
}

/// The services of a configuration that are meant, each with what its deployment would do.
fn asked(config: &Config, services: &Services, path: &str) -> Result<Vec<Asked>, Failure> {
    let found = load::services(config, services, path)?;
    let asked = |service: &Service| Asked {
        service: service.name.clone(),
        plan: Some(plan(service, path)),
    };
    Ok(found.into_iter().map(asked).collect())
}
