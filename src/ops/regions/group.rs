//! Which regions of which environment are meant.

use crate::{
    config::{
        Config,
        regions::{Regions, environment_name},
    },
    event::{Ending, Failure},
    git::Repository,
    ops::{
        failure,
        load::{self, ConfigSource},
    },
};

/// An environment with regions, and which of them are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The environment's name.
    pub environment: String,
    /// All its regions.
    pub regions: Regions,
    /// The names of those that are meant, in the order of the list.
    pub picked: Vec<String>,
    /// The service, where there is only one.
    pub only_service: Option<String>,
}

impl Group {
    /// Reads the configuration and finds regions in it; none named = all of the environment.
    ///
    /// # Errors
    /// The git server does not answer or refuses; no configuration there, or an invalid one; an
    /// environment without regions, or without one that is named.
    pub async fn read(
        repository: &Repository,
        source: &ConfigSource<'_>,
        environment: Option<&str>,
        wanted: &[String],
    ) -> Result<Self, Failure> {
        let (read_from, tip) = match source.branch {
            Some(branch) => {
                let tip = repository.fetch(branch).await.map_err(failure::git)?;
                (branch.to_owned(), tip)
            }
            None => repository.fetch_default().await.map_err(failure::git)?,
        };
        let config = load::config(repository, &tip, source.path).await?;
        let group = Self::of(&config, environment, wanted, source.path)?;
        let mut names = group.picked.iter();
        let branch = names.find_map(|region| {
            let found = config.environments.get(&group.environment_of(region))?;
            found.branch.clone()
        });
        // The configuration counts as it is on the branch that is deployed to.
        match branch.filter(|branch| *branch != read_from) {
            Some(branch) => {
                let tip = repository.fetch(&branch).await.map_err(failure::git)?;
                let config = load::config(repository, &tip, source.path).await?;
                Self::of(&config, Some(&group.environment), wanted, source.path)
            }
            None => Ok(group),
        }
    }

    fn of(
        config: &Config,
        environment: Option<&str>,
        wanted: &[String],
        path: &str,
    ) -> Result<Self, Failure> {
        let Some((name, regions)) = regions_of(environment, config) else {
            let (name, _) = load::pick("environment", environment, &config.environments, path)?;
            let reason = format!("{path}: `{name}` has no regions");
            return Err(Failure::new(Ending::ConfigInvalid, reason).hint("run it without --region"));
        };
        if let Some(unknown) = wanted.iter().find(|it| !regions.names.contains(it)) {
            return Err(load::unknown("region", unknown, &regions.names, path));
        }
        let mut picked = regions.names.clone();
        picked.retain(|region| wanted.is_empty() || wanted.contains(region));
        Ok(Self {
            environment: name.clone(),
            regions: regions.clone(),
            picked,
            only_service: match config.services.len() {
                1 => config.services.keys().next().cloned(),
                _ => None,
            },
        })
    }

    /// Says that something is about so many of the regions: `all 3 regions of production`.
    pub fn said(&self, number: usize) -> String {
        let all = self.regions.names.len();
        let environment = &self.environment;
        match number {
            1 => format!("1 of the {all} regions of {environment}"),
            number if number == all => format!("all {all} regions of {environment}"),
            number => format!("{number} of the {all} regions of {environment}"),
        }
    }

    /// Returns the name that one of the regions has as an environment of its own.
    pub fn environment_of(&self, region: &str) -> String {
        environment_name(&self.environment, region)
    }
}

/// Returns the environment with regions that is meant; none named = the only one that there is.
pub(in crate::ops) fn regions_of<'a>(
    wanted: Option<&str>,
    config: &'a Config,
) -> Option<(&'a String, &'a Regions)> {
    if let Some(name) = wanted {
        return config.regions.get_key_value(name);
    }
    let (name, regions) = config.regions.iter().next()?;
    let mut all = config.environments.values();
    let is_its = |of: &crate::config::regions::RegionOf| of.environment == *name;
    all.all(|it| it.region.as_ref().is_some_and(is_its))
        .then_some((name, regions))
}
