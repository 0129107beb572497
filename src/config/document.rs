//! What is written in `shipgate.yaml`, before its meaning is checked.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Config, Environment, OnFailure, Problems,
    git::GitDocument,
    helm::HelmDocument,
    live::LivesDocument,
    notification::NotificationDocument,
    provider::{Providers, RawProviders},
    pull_request::{self, PullRequestDocument},
    regions::{self, OnRegionFailure, RegionDocument, RegionOf},
    strategy::{StrategyDocument, TrafficDocument, WorkloadsDocument},
    verification::RawVerification,
    version_in::CarrierDocument,
};

/// The configuration of a GitOps repository: its environments and services.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigDocument {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Environments by name.
    #[schemars(extend("minProperties" = 1))]
    pub environments: BTreeMap<String, EnvironmentDocument>,
    /// As whom commits to this repository are made.
    #[serde(default)]
    pub git: GitDocument,
    /// Where metrics are asked for.
    #[serde(default)]
    pub providers: RawProviders,
    /// Who is told of what happens to deployments, by name. Nothing here decides anything.
    #[serde(default)]
    pub notifications: BTreeMap<String, NotificationDocument>,
    /// Services by name.
    #[schemars(extend("minProperties" = 1))]
    pub services: BTreeMap<String, ServiceDocument>,
}

/// One environment.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentDocument {
    /// Branch that the controller follows. Default: the branch this file was read from.
    #[serde(default)]
    #[schemars(with = "String")]
    pub branch: Option<String>,
    /// Folder of its manifests; stands for `{root}` in `manifests`, also in the middle of a path, as in
    /// `apps/shop/{root}/*.yaml`. Default: the whole repository.
    #[serde(default)]
    #[schemars(with = "String")]
    pub root: Option<String>,
    /// Path of its policy. Default: `policies/<environment>.yaml`.
    #[serde(default)]
    #[schemars(with = "String")]
    pub policy: Option<String>,
    /// Kubernetes namespace that its services run in, for policies whose rules name namespaces.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub namespace: Option<String>,
    /// Name or address of the cluster that its services run in, for policies whose rules name
    /// clusters.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub cluster: Option<String>,
    /// Lets changes land through a pull or merge request, for a branch that takes no push. Default:
    /// they are pushed.
    #[serde(default)]
    #[schemars(with = "PullRequestDocument")]
    pub pull_request: Option<PullRequestDocument>,
    /// Regions that a version goes to one after the other, each with a folder of its own.
    #[serde(default)]
    #[schemars(with = "Vec<RegionDocument>", length(min = 1, max = 100))]
    pub regions: Option<Vec<RegionDocument>>,
    /// Of regions: how long a version is watched in one before it goes to the next, such as 30m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub bake_time: Option<String>,
    /// Of regions: what is taken back where a version is bad in one. Default: `failed_region`.
    #[serde(default)]
    #[schemars(with = "OnRegionFailure")]
    pub on_region_failure: Option<OnRegionFailure>,
}

/// One service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceDocument {
    /// Globs of its manifests; `{root}` stands for the environment's folder.
    #[schemars(length(min = 1))]
    pub manifests: Vec<String>,
    /// Image repository without tag.
    #[schemars(length(min = 1))]
    pub image: String,
    /// What carries the version in a workload besides image, version labels and `DD_VERSION`.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub version_in: Vec<CarrierDocument>,
    /// Keys of a chart's values, where a Helm chart writes the workloads.
    #[serde(default)]
    #[schemars(with = "HelmDocument")]
    pub helm: Option<HelmDocument>,
    /// Its workloads as `Kind/name`.
    pub workloads: WorkloadsDocument,
    /// What splits the traffic between stable and canary.
    #[serde(default)]
    #[schemars(with = "TrafficDocument")]
    pub traffic: Option<TrafficDocument>,
    /// Where it is seen which version the workloads really run.
    pub live: LivesDocument,
    /// How it is deployed: exactly one of the strategies.
    pub strategy: StrategyDocument,
    /// How it is judged: health checks and metrics.
    pub verification: RawVerification,
    /// How long a workload may take until it is live. Default: 10m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub progress_deadline: Option<String>,
    /// How long providers may fail to answer before a deployment is left as it is. Default: 5m.
    #[serde(default)]
    #[schemars(with = "String")]
    pub on_unavailable_after: Option<String>,
    /// What a deployment does when its new version was judged worse. Default: `rollback`.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Services that are deployed before this one where several are deployed at once; this one is left
    /// alone unless they end well.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub depends_on: Vec<String>,
    /// May a file be changed that belongs to another environment of the same branch too? What is
    /// deployed to one is then deployed to both. Default: no.
    #[serde(default)]
    pub shared: bool,
    /// May `deploy --drill` bring a version and force its way back? Default: no.
    #[serde(default)]
    pub drills: bool,
}

impl ConfigDocument {
    pub(super) fn validate(self, problems: &mut Problems<'_>) -> Config {
        let named = names(&self.environments);
        let mut environments: BTreeMap<String, Environment> = BTreeMap::new();
        let mut all_regions = BTreeMap::new();
        for (name, environment) in self.environments {
            let pointer = format!("/environments/{}", crate::yaml::value::escape(&name));
            check_name(&name, "an environment", &pointer, problems);
            let Some((regions, documents)) = environment.regions(&name, &pointer, problems) else {
                let environment = environment.validate(&name, &pointer, problems);
                environments.insert(name, environment);
                continue;
            };
            for (index, (region, document)) in regions.names.iter().zip(documents).enumerate() {
                let at = format!("{pointer}/regions/{index}");
                let own = regions::environment_name(&name, region);
                let environment = Environment {
                    region: Some(RegionOf {
                        environment: name.clone(),
                        region: region.clone(),
                    }),
                    ..document.validate(&own, &at, problems)
                };
                environments.insert(own, environment);
            }
            all_regions.insert(name, regions);
        }
        regions::check_names(&all_regions, &named, problems);
        let git = self.git.validate(problems);
        let providers = self.providers.validate().unwrap_or_else(|found| {
            problems.all("/providers", found);
            Providers::default()
        });
        let services: BTreeMap<_, _> = self
            .services
            .into_iter()
            .map(|(name, service)| {
                let pointer = format!("/services/{}", crate::yaml::value::escape(&name));
                check_name(&name, "a service", &pointer, problems);
                let service = service.validate(&name, &pointer, problems);
                (name, service)
            })
            .collect();
        super::dependencies::check(&services, problems);
        regions::check_globs(&services, &all_regions, problems);
        regions::check_without(&services, &environments, problems);
        let known_services = names(&services);
        let mut known_environments = names(&environments);
        known_environments.extend(names(&all_regions));
        let notifications = self
            .notifications
            .into_iter()
            .filter_map(|(name, notification)| {
                let pointer = format!("/notifications/{}", crate::yaml::value::escape(&name));
                check_name(&name, "a target of notifications", &pointer, problems);
                let (services, environments) = (&known_services, &known_environments);
                let checked = notification.validate(&pointer, services, environments, problems)?;
                Some((name, checked))
            })
            .collect();
        let by_pull_request = environments
            .iter()
            .find(|(_, environment)| environment.pull_request.is_some());
        for (name, service) in &services {
            super::live::check_providers(service, &providers, problems);
            if let Some((environment, _)) = by_pull_request {
                pull_request::check_strategy(service, environment, problems);
            }
            let too_often = service.verification.asked_too_often(&providers);
            problems.all(&format!("/services/{name}/verification"), too_often);
            for (list, named) in service.verification.asked() {
                if named.is_missing(&providers, problems) {
                    let pointer = format!("/services/{name}/verification/{list}");
                    let who = list.trim_end_matches('s');
                    problems.at(&pointer, named.missing_with_example(&format!("a {who}")));
                }
            }
        }
        super::helm::check_files(&services, &environments, problems);
        Config {
            environments,
            regions: all_regions,
            git,
            providers,
            notifications,
            services,
            located: Arc::new(problems.located.clone()),
        }
    }
}

impl EnvironmentDocument {
    fn validate(self, name: &str, pointer: &str, problems: &mut Problems<'_>) -> Environment {
        let root = self.root.unwrap_or_else(|| ".".to_owned());
        let policy = self
            .policy
            .unwrap_or_else(|| Environment::usual_policy(name));
        for (key, path) in [("root", &root), ("policy", &policy)] {
            if path.starts_with('/') || path.split('/').any(|part| part == "..") {
                problems.at(
                    &format!("{pointer}/{key}"),
                    format!("found `{path}`, expected a path inside the repository"),
                );
            }
        }
        Environment {
            branch: self.branch,
            root,
            policy,
            namespace: self.namespace,
            cluster: self.cluster,
            pull_request: self.pull_request.map(|pull_request| {
                pull_request.validate(&format!("{pointer}/pull_request"), problems)
            }),
            region: None,
        }
    }
}

fn names<T>(named: &BTreeMap<String, T>) -> Vec<String> {
    named.keys().cloned().collect()
}

/// May a service or an environment be called so? Names become parts of git references and of metric labels,
/// so they are kept to a plain grammar (a DNS label, as Kubernetes names are).
pub fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

/// Notes a name that is none, see [`is_name`].
pub(super) fn check_name(name: &str, what: &str, pointer: &str, problems: &mut Problems<'_>) {
    if !is_name(name) {
        problems.at(
            pointer,
            format!("`{name}` cannot be the name of {what}: expected at most 63 of a-z 0-9 -, such as `shop-web`"),
        );
    }
}
