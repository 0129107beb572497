//! Flags that say which services a command is about, where it may be about several.

use std::{
    collections::{BTreeMap, HashSet},
    num::NonZeroUsize,
    path::PathBuf,
};

use clap::Args;

use super::{
    Session,
    repository::{RepositoryArguments, name},
};
use crate::{
    event::{Ending, Failure},
    ops::{
        check,
        fleet::Pace,
        load::{Named, Services, Site},
        regions::Group,
    },
    units::Version,
};

/// Most services under way at once where nobody says otherwise: few enough for one git server and one
/// pair of eyes.
const MAX_PARALLEL: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");

/// Which services, besides `--service a,b`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServicesArguments {
    /// All services of the configuration; the worst end is the exit code
    #[arg(long, conflicts_with_all = ["service", "service_list"])]
    pub all: bool,
    /// File with services, one a line; the worst end is the exit code
    #[arg(long, value_name = "FILE", conflicts_with = "service")]
    pub service_list: Option<PathBuf>,
}

impl ServicesArguments {
    /// Returns the services that are meant; each once, in the order in which they were named.
    ///
    /// # Errors
    /// The file cannot be read, or names none.
    pub fn services(
        &self,
        repository: &RepositoryArguments,
        session: &Session,
    ) -> Result<Services, Failure> {
        if self.all {
            return Ok(Services::All);
        }
        let Some(file) = &self.service_list else {
            let named = repository.service.iter().map(String::as_str);
            return Ok(Services::Named(distinct(named.map(Named::from))));
        };
        let shown = file.display().to_string();
        let (_, text) = check::read_file(&session.context.folder.join(file), &shown)?;
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let named = lines.map(|(number, line)| {
            let place = format!("{shown}:{number}");
            readable(line).map_err(|problem| {
                let reason = format!("{place}: {problem}");
                Failure::new(Ending::ConfigInvalid, reason)
                    .hint("write one service a line, `name` or `name=version`")
            })?;
            Ok(Named {
                name: line.to_owned(),
                place: Some(place),
            })
        });
        let names = distinct(named.collect::<Result<Vec<_>, _>>()?.into_iter());
        if names.is_empty() {
            let reason = format!("{shown}: names no service; expected one a line");
            return Err(Failure::new(Ending::ConfigInvalid, reason));
        }
        Ok(Services::Named(names))
    }

    /// As [`Self::services`], for a command to which nobody says a version.
    ///
    /// # Errors
    /// As [`Self::services`]; a service that is named with a version.
    pub fn without_versions(
        &self,
        repository: &RepositoryArguments,
        session: &Session,
    ) -> Result<Services, Failure> {
        let services = self.services(repository, session)?;
        let Services::Named(names) = &services else {
            return Ok(services);
        };
        let versioned = names.iter().find_map(|named| {
            let (service, _) = named.name.split_once('=')?;
            Some((named, service))
        });
        let Some((named, service)) = versioned else {
            return Ok(services);
        };
        let place = named.place.as_deref().unwrap_or("--service");
        let (name, command) = (&named.name, session.command);
        let reason = format!("{place}: found `{name}`, and `{command}` takes no version");
        Err(Failure::new(Ending::Usage, reason).hint(format!("name the service alone: {service}")))
    }

    /// Is the answer one for several services, even if it is about one?
    pub fn are_several(&self, services: &Services) -> bool {
        self.service_list.is_some()
            || !matches!(services, Services::Named(names) if names.len() < 2)
    }
}

/// How several services are run.
#[derive(Debug, Clone, Args)]
pub struct PaceArguments {
    /// Of several services: most that are under way at once
    #[arg(long, value_name = "N", default_value_t = MAX_PARALLEL)]
    pub max_parallel: NonZeroUsize,
    /// Of several services: begin others even after one has not ended well
    #[arg(long)]
    pub keep_going: bool,
    /// Of several services: the first commit of all of them is one; all or none of it is pushed
    #[arg(long, conflicts_with_all = ["max_parallel", "drill"])]
    pub one_commit: bool,
}

impl PaceArguments {
    /// Returns the pace of a command that only looks: it looks at all.
    pub fn all() -> Self {
        Self {
            max_parallel: MAX_PARALLEL,
            keep_going: true,
            one_commit: false,
        }
    }

    /// Returns the pace in an environment; what is only shown is shown of all.
    ///
    /// # Errors
    /// One commit where each service has a pull request of its own, or in several regions.
    pub fn pace_in(
        &self,
        site: &Site,
        group: Option<&Group>,
        dry_run: bool,
    ) -> Result<Pace, Failure> {
        if self.one_commit && group.is_some() {
            let reason = "--one-commit is for one region at a time, and this is about several";
            let failure = Failure::new(Ending::Usage, reason);
            return Err(failure.hint("name one with --region"));
        }
        if self.one_commit && site.environment.pull_request.is_some() {
            let reason = format!(
                "--one-commit: changes of `{}` land through pull requests, one for each service",
                site.environment_name
            );
            let failure = Failure::new(Ending::Usage, reason);
            return Err(failure.hint("run it without --one-commit"));
        }
        let pace = Pace::from(self);
        Ok(Pace {
            keep_going: pace.keep_going || dry_run,
            ..pace
        })
    }
}

impl From<&PaceArguments> for Pace {
    fn from(arguments: &PaceArguments) -> Self {
        Self {
            max_parallel: arguments.max_parallel,
            keep_going: arguments.keep_going,
            one_commit: arguments.one_commit,
        }
    }
}

/// Which version of which service: `--version` for all, `NAME=VERSION` for one.
#[derive(Debug, Clone, Default)]
pub struct Versions {
    of_all: Option<Version>,
    of: BTreeMap<String, Version>,
}

impl Versions {
    /// Takes the versions that services were named with off their names.
    ///
    /// # Errors
    /// A version that is none; a service that is named with two.
    pub fn take(services: Services, of_all: Option<Version>) -> Result<(Services, Self), Failure> {
        let mut versions = Self {
            of_all,
            of: BTreeMap::new(),
        };
        let Services::Named(names) = services else {
            return Ok((services, versions));
        };
        let mut bare: Vec<Named> = Vec::with_capacity(names.len());
        for Named { name, place } in names {
            let (service, version) = match name.split_once('=') {
                Some((service, version)) => {
                    let version = version.parse::<Version>().map_err(|error| {
                        Failure::new(Ending::Usage, format!("--service {name}: {error}"))
                    })?;
                    (service.to_owned(), Some(version))
                }
                None => (name, None),
            };
            if bare.iter().any(|known| known.name == service) {
                let reason = format!("`{service}` is named twice");
                return Err(Failure::new(Ending::Usage, reason).hint("name each service once"));
            }
            versions.of.extend(version.map(|it| (service.clone(), it)));
            bare.push(Named {
                name: service,
                place,
            });
        }
        Ok((Services::Named(bare), versions))
    }

    /// Takes the version that was planned for a service.
    pub fn plan(&mut self, service: &str, version: &Version) {
        self.of.insert(service.to_owned(), version.clone());
    }

    /// Is a version said of any service?
    pub fn are_said(&self) -> bool {
        self.of_all.is_some() || !self.of.is_empty()
    }

    /// Returns the version that was said of a service, if one was; none = of the only one there is.
    pub fn said_of(&self, service: Option<&str>) -> Option<&Version> {
        let own = service.and_then(|name| self.of.get(name));
        own.or(self.of_all.as_ref())
    }

    /// Returns the version of a service; none = of the only one there is.
    ///
    /// # Errors
    /// Nobody said which.
    pub fn of(&self, service: Option<&str>) -> Result<Version, Failure> {
        self.said_of(service).cloned().ok_or_else(|| {
            let of = service
                .map(|name| format!(" of `{name}`"))
                .unwrap_or_default();
            Failure::new(
                Ending::Usage,
                format!("which version{of} to deploy is not said"),
            )
            .hint("give --version VERSION, or --service NAME=VERSION for one of several")
        })
    }
}

/// Is this a service, with a version or without one?
fn readable(line: &str) -> Result<(), String> {
    let (service, version) = match line.split_once('=') {
        Some((service, version)) => (service, Some(version)),
        None => (line, None),
    };
    name(service).map_err(|problem| format!("found {service:?}, {problem}"))?;
    match version.map(str::parse::<Version>) {
        Some(Err(error)) => Err(format!("version of `{service}`: {error}")),
        Some(Ok(_)) | None => Ok(()),
    }
}

fn distinct(names: impl Iterator<Item = Named>) -> Vec<Named> {
    let mut seen = HashSet::new();
    names
        .filter(|named| seen.insert(named.name.clone()))
        .collect()
}
