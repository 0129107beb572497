//! `regions` of an environment: the same services in several places, one after the other.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use url::Url;

use super::{Environment, Live, Problems, Service, Strategy, document::EnvironmentDocument};
use crate::units::parse_duration;

/// One region, as it is written.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionDocument {
    /// Its name; stands for `{{region}}` in queries and addresses.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Folder of its manifests; stands for `{root}` in `manifests`.
    #[schemars(length(min = 1))]
    pub root: String,
    /// Kubernetes namespace there. Default: the environment's.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub namespace: Option<String>,
    /// Name or address of the cluster there. Default: the environment's.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub cluster: Option<String>,
}

/// What is taken back where a version is bad in one region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnRegionFailure {
    /// That region alone; those before it keep the version.
    #[default]
    FailedRegion,
    /// That region, then those before it, the last one first.
    All,
}

/// The regions of an environment. Each of them is an environment of its own, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    /// Their names, in the order in which a version goes to them.
    pub names: Vec<String>,
    /// How long a version is watched in one before it goes to the next.
    pub bake_time: Duration,
    /// What is taken back where it is bad in one.
    pub on_failure: OnRegionFailure,
}

/// Which region of which environment another one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionOf {
    /// The whole environment's name.
    pub environment: String,
    /// The region's name.
    pub region: String,
}

/// Returns the name that a region has as an environment of its own.
pub fn environment_name(environment: &str, region: &str) -> String {
    format!("{environment}-{region}")
}

impl EnvironmentDocument {
    /// Takes the regions apart: what is left of each is an environment with a folder of its own; none
    /// where there are no regions.
    pub(super) fn regions(
        &self,
        name: &str,
        pointer: &str,
        problems: &mut Problems<'_>,
    ) -> Option<(Regions, Vec<Self>)> {
        let Some(documents) = &self.regions else {
            for (key, is_there) in [
                ("bake_time", self.bake_time.is_some()),
                ("on_region_failure", self.on_region_failure.is_some()),
            ] {
                if is_there {
                    let message = "found no `regions`, which this is about";
                    problems.at(&format!("{pointer}/{key}"), message);
                }
            }
            return None;
        };
        let at = format!("{pointer}/regions");
        if documents.is_empty() {
            problems.at(&at, "found no region, expected at least one");
        }
        if let Some(root) = &self.root {
            let message = format!("found `{root}`, and each region has a `root` of its own");
            problems.at(&format!("{pointer}/root"), message);
        }
        for (index, document) in documents.iter().enumerate() {
            let before = documents.get(..index).unwrap_or_default();
            document.check(name, before, &format!("{at}/{index}"), problems);
        }
        let bake_time = match &self.bake_time {
            Some(text) => problems.take(
                &format!("{pointer}/bake_time"),
                parse_duration(text),
                Duration::ZERO,
            ),
            None => {
                let message = "expected `bake_time` beside it, such as `bake_time: 30m`: how long a version is watched in one region before it goes to the next";
                problems.at(&at, message);
                Duration::ZERO
            }
        };
        let regions = Regions {
            names: documents.iter().map(|it| it.name.clone()).collect(),
            bake_time,
            on_failure: self.on_region_failure.unwrap_or_default(),
        };
        let own = |document: &RegionDocument| Self {
            root: Some(document.root.clone()),
            policy: Some(match &self.policy {
                Some(policy) => policy.clone(),
                None => Environment::usual_policy(name),
            }),
            namespace: document.namespace.clone().or(self.namespace.clone()),
            cluster: document.cluster.clone().or(self.cluster.clone()),
            regions: None,
            bake_time: None,
            on_region_failure: None,
            ..self.clone()
        };
        Some((regions, documents.iter().map(own).collect()))
    }
}

impl RegionDocument {
    /// Checks one against those before it.
    fn check(&self, environment: &str, before: &[Self], at: &str, problems: &mut Problems<'_>) {
        if before.iter().any(|other| other.name == self.name) {
            let message = format!("`{}` is there twice", self.name);
            problems.at(&format!("{at}/name"), message);
        }
        super::document::check_name(&self.name, "a region", &format!("{at}/name"), problems);
        let name = environment_name(environment, &self.name);
        super::document::check_name(
            &name,
            "a region with its environment's in front",
            &format!("{at}/name"),
            problems,
        );
        let other = before
            .iter()
            .find(|other| holds(&other.root, &self.root) || holds(&self.root, &other.root));
        if let Some(other) = other {
            let message = format!(
                "found `{}`, which shares files with `{}` of {}; expected a folder of its own",
                self.root, other.root, other.name
            );
            problems.at(&format!("{at}/root"), message);
        }
    }
}

/// Is a folder the other one, or around it?
fn holds(folder: &str, other: &str) -> bool {
    let parts = |path: &str| -> Vec<String> {
        let parts = path.split('/').filter(|part| !["", "."].contains(part));
        parts.map(str::to_owned).collect()
    };
    parts(other).starts_with(&parts(folder))
}

/// Notes regions that have the name of another environment.
pub(super) fn check_names(
    regions: &BTreeMap<String, Regions>,
    named: &[String],
    problems: &mut Problems<'_>,
) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for (environment, its) in regions {
        for (index, region) in its.names.iter().enumerate() {
            let name = environment_name(environment, region);
            let is_elsewhere =
                |(known, other): &(String, String)| *known == name && other != environment;
            if named.contains(&name) || seen.iter().any(is_elsewhere) {
                problems.at(
                    &format!("/environments/{environment}/regions/{index}/name"),
                    format!(
                        "as an environment it is `{name}`, and there is one of that name already"
                    ),
                );
            }
            seen.push((name, environment.clone()));
        }
    }
}

/// Notes the globs that are about the same files in every region.
pub(super) fn check_globs(
    services: &BTreeMap<String, Service>,
    regions: &BTreeMap<String, Regions>,
    problems: &mut Problems<'_>,
) {
    let Some((environment, its)) = regions.iter().find(|(_, its)| its.names.len() > 1) else {
        return;
    };
    for (name, service) in services {
        check_addresses(service, (environment, its), problems);
        for (index, glob) in service.manifests.iter().enumerate() {
            if !glob.starts_with("{root}") {
                problems.at(
                    &format!("/services/{name}/manifests/{index}"),
                    format!(
                        "`{glob}` is the same in all {} regions of {environment}, so what is deployed to one is deployed to all; expected it to begin with `{{root}}`",
                        its.names.len()
                    ),
                );
            }
        }
    }
}

/// Notes the addresses of `live` that are the same in every region: what runs in one would count for
/// another one.
fn check_addresses(
    service: &Service,
    (environment, its): (&String, &Regions),
    problems: &mut Problems<'_>,
) {
    let of = |region: &String| RegionOf {
        environment: environment.clone(),
        region: region.clone(),
    };
    let [first, second, ..] = &its.names[..] else {
        return;
    };
    for (word, workload) in service.strategy.workloads() {
        if let Live::Http { url, .. } = &workload.live
            && first != second
            && of(first).fill(url) == of(second).fill(url)
        {
            problems.at(
                &format!("/services/{}/live/{word}/http", service.name),
                format!(
                    "asks the same address in all {} regions of {environment}; use `{{{{region}}}}`",
                    its.names.len()
                ),
            );
        }
    }
}

/// Notes the addresses of `live` that want a region where an environment has none.
pub(super) fn check_without(
    services: &BTreeMap<String, Service>,
    environments: &BTreeMap<String, Environment>,
    problems: &mut Problems<'_>,
) {
    let mut without = environments.iter().filter(|(_, it)| it.region.is_none());
    let Some((environment, _)) = without.next() else {
        return;
    };
    for service in services.values() {
        for (word, workload) in service.strategy.workloads() {
            if let Live::Http { url, .. } = &workload.live
                && forms("region")
                    .iter()
                    .any(|form| url.as_str().contains(form))
            {
                problems.at(
                    &format!("/services/{}/live/{word}/http", service.name),
                    format!(
                        "`{{{{region}}}}` stands for nothing in {environment}, which has no `regions`; give it a list of one"
                    ),
                );
            }
        }
    }
}

/// How a variable can stand in an address: a path holds braces in their escaped form.
fn forms(variable: &str) -> [String; 2] {
    [
        format!("{{{{{variable}}}}}"),
        format!("%7B%7B{variable}%7D%7D"),
    ]
}

impl RegionOf {
    /// Fills the region into an address of `live`.
    fn fill(&self, url: &Url) -> Url {
        let mut text = url.as_str().to_owned();
        for (name, value) in [("region", &self.region), ("environment", &self.environment)] {
            for form in forms(name) {
                text = text.replace(&form, value);
            }
        }
        text.parse().unwrap_or_else(|_| url.clone())
    }

    /// Fills the region into all addresses of `live` of a service.
    pub(super) fn fill_all(&self, strategy: &mut Strategy) {
        let workloads = match strategy {
            Strategy::Rolling(rolling) => vec![&mut rolling.stable],
            Strategy::Canary(canary) => vec![&mut canary.stable, &mut canary.canary],
            Strategy::BlueGreen(pair) => vec![&mut pair.blue, &mut pair.green],
            Strategy::ArgoRollouts(argo) => vec![&mut argo.stable],
        };
        for workload in workloads {
            if let Live::Http { url, .. } = &mut workload.live {
                *url = self.fill(url);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_filled_into_host_and_path() {
        let of = RegionOf {
            environment: "production".to_owned(),
            region: "eu".to_owned(),
        };
        let url: Url = "https://{{region}}.shop.example/{{environment}}/{{region}}?r={{region}}"
            .parse()
            .unwrap();
        assert_eq!(
            of.fill(&url).as_str(),
            "https://eu.shop.example/production/eu?r=eu"
        );
    }

    #[test]
    fn folders_share_files_where_one_is_in_the_other() {
        let rows = [
            ("clusters/eu", "clusters/eu/", true),
            ("clusters/eu", "clusters/eu-west", false),
            ("clusters", "./clusters/eu", true),
            (".", "clusters", true),
            ("clusters/eu", "clusters", false),
        ];
        for (folder, other, wanted) in rows {
            assert_eq!(holds(folder, other), wanted, "{folder} {other}");
        }
    }
}
