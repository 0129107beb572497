//! `helm`: the keys of a chart's values that hold what is written into a workload elsewhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Environment, Problems, Service, Strategy, Traffic, document::ServiceDocument,
    strategy::read_object,
};
use crate::manifest::{INSTALLERS, Segment, ValuesIn, parse_path};

/// What a path of a file may not hold: it is one file, and no glob.
const WILDCARDS: [char; 5] = ['*', '?', '[', '{', '\\'];

/// Keys of a chart's values, for a service whose workloads are templates of a chart.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HelmDocument {
    /// Path of the values file; `{root}` stands for the environment's folder.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub file: Option<String>,
    /// The object that holds the values inline, instead of a file: an Argo CD Application or ApplicationSet, or a
    /// Flux HelmRelease, such as `HelmRelease/shop`. Its file is one of `manifests`.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1))]
    pub object: Option<String>,
    /// Key of the stable workload's image tag, such as `image.tag`.
    #[schemars(length(min = 1))]
    pub image_tag: String,
    /// Further keys that carry the version of the stable workload.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub version_keys: Vec<String>,
    /// Keys of the canary workload.
    #[serde(default)]
    #[schemars(with = "HelmCanaryDocument")]
    pub canary: Option<HelmCanaryDocument>,
}

/// Keys of the canary workload.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HelmCanaryDocument {
    /// Key of its image tag, such as `canary.image.tag`.
    #[schemars(length(min = 1))]
    pub image_tag: String,
    /// Further keys that carry its version.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub version_keys: Vec<String>,
    /// Key of its number of replicas, such as `canary.replicas`.
    #[schemars(length(min = 1))]
    pub replicas: String,
}

/// Where a service whose workloads are templates of a chart has its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helm {
    /// The values file, by its path from the repository's root, which may hold `{root}` until the environment is
    /// known; or the object that holds them.
    pub values: ValuesIn,
    /// Keys of the stable workload.
    pub stable: HelmKeys,
    /// Keys of the canary workload, where there is one.
    pub canary: Option<HelmKeys>,
}

/// The keys of one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmKeys {
    /// Its image tag.
    pub image_tag: Vec<Segment>,
    /// What else carries its version.
    pub version_keys: Vec<Vec<Segment>>,
    /// Its number of replicas, where that is written.
    pub replicas: Option<Vec<Segment>>,
}

impl HelmKeys {
    /// Returns every key that carries the version, that of the image's tag first.
    pub fn of_version(&self) -> impl Iterator<Item = &Vec<Segment>> {
        std::iter::once(&self.image_tag).chain(&self.version_keys)
    }
}

impl ServiceDocument {
    /// Reads the keys, and notes what a chart's values cannot be used for.
    pub(super) fn helm(
        &self,
        strategy: &Strategy,
        pointer: &str,
        problems: &mut Problems<'_>,
    ) -> Option<Helm> {
        let helm = self.helm.as_ref()?;
        let at = |key: &str| format!("{pointer}/{key}");
        let values = helm.values_in(&at("helm"), problems);
        if !self.version_in.is_empty() {
            problems.at(
                &at("version_in"),
                "names values of a workload, which a chart writes here; name the keys of the values file as `helm.version_keys`",
            );
        }
        let canary = match strategy {
            Strategy::Rolling(_) | Strategy::ArgoRollouts(_) => false,
            Strategy::Canary(canary) => match canary.traffic {
                Traffic::Object { .. } => true,
                Traffic::Replicas => {
                    problems.at(
                        &at("helm"),
                        "numbers of pods are not counted in a chart's values; split the traffic by an object such as `http_route`",
                    );
                    return None;
                }
            },
            Strategy::BlueGreen(_) => {
                problems.at(
                    &at("helm"),
                    "a chart's values do not go with `blue_green`; expected `rolling`, `canary` by an object, or `argo_rollouts`",
                );
                return None;
            }
        };
        if canary != helm.canary.is_some() {
            let problem = if canary {
                "the strategy `canary` needs `helm.canary`, such as `{image_tag: canary.image.tag, replicas: canary.replicas}`"
            } else {
                "the strategy has no canary; remove this"
            };
            let key = if canary { "helm" } else { "helm/canary" };
            problems.at(&at(key), problem);
        }
        let mut key = |below: &str, text: &str| {
            let at = format!("{pointer}/helm/{below}");
            problems.take(&at, parse_path(text), Vec::new())
        };
        let stable = HelmKeys {
            image_tag: key("image_tag", &helm.image_tag),
            version_keys: (0..)
                .zip(&helm.version_keys)
                .map(|(index, text)| key(&format!("version_keys/{index}"), text))
                .collect(),
            replicas: None,
        };
        let canary = helm.canary.as_ref().map(|canary| HelmKeys {
            image_tag: key("canary/image_tag", &canary.image_tag),
            version_keys: (0..)
                .zip(&canary.version_keys)
                .map(|(index, text)| key(&format!("canary/version_keys/{index}"), text))
                .collect(),
            replicas: Some(key("canary/replicas", &canary.replicas)),
        });
        let found = Helm {
            values,
            stable,
            canary,
        };
        if let Some(twice) = found.written_twice() {
            problems.at(
                &at("helm"),
                format!("found the key `{twice}` twice, expected a key of its own for each value"),
            );
        }
        Some(found)
    }
}

impl HelmDocument {
    fn values_in(&self, pointer: &str, problems: &mut Problems<'_>) -> ValuesIn {
        match (&self.file, &self.object) {
            (Some(file), None) => {
                let leads_out = file.starts_with('/') || file.split('/').any(|part| part == "..");
                if leads_out || file.replace("{root}", "").contains(WILDCARDS) {
                    problems.at(
                        &format!("{pointer}/file"),
                        format!(
                            "found `{file}`, expected the path of one file inside the repository"
                        ),
                    );
                }
                ValuesIn::File(file.clone())
            }
            (None, Some(text)) => {
                let at = format!("{pointer}/object");
                let object = read_object(text, &at, problems);
                if !object.kind.is_empty() && !INSTALLERS.contains(&object.kind.as_str()) {
                    problems.at(
                        &at,
                        format!("found {object}, expected one of {}", INSTALLERS.join(", ")),
                    );
                }
                ValuesIn::Object(object)
            }
            (file, _) => {
                let found = if file.is_some() { "both" } else { "neither" };
                problems.at(
                    pointer,
                    format!(
                        "found {found}, expected `file` or `object`: where the chart's values are"
                    ),
                );
                ValuesIn::File(String::new())
            }
        }
    }
}

impl Helm {
    /// Returns the values file; none where an object holds them.
    pub fn file(&self) -> Option<&str> {
        match &self.values {
            ValuesIn::File(file) => Some(file),
            ValuesIn::Object(_) => None,
        }
    }

    /// Returns a key that two values are to have: stable would get what the canary gets.
    fn written_twice(&self) -> Option<String> {
        let keys = std::iter::once(&self.stable).chain(&self.canary);
        let keys = keys.flat_map(|keys| keys.of_version().chain(&keys.replicas));
        let mut seen: Vec<String> = Vec::new();
        for key in keys.filter(|key| !key.is_empty()) {
            let shown = crate::manifest::path_of(key);
            if seen.contains(&shown) {
                return Some(shown);
            }
            seen.push(shown);
        }
        None
    }
}

/// Refuses a values file that two environments share on one branch, unless the service allows it: what is
/// deployed to one of them would be deployed to the other.
pub(super) fn check_files(
    services: &BTreeMap<String, Service>,
    environments: &BTreeMap<String, Environment>,
    problems: &mut Problems<'_>,
) {
    for (name, service) in services {
        let helm = service.helm.as_ref().filter(|_| !service.shared);
        let Some(values) = helm.and_then(Helm::file) else {
            continue;
        };
        let mut seen: Vec<(String, &Environment, &String)> = Vec::new();
        for (environment_name, environment) in environments {
            let file = environment.path(values);
            let same = |(known, other, _): &&(String, &Environment, &String)| {
                *known == file && other.branch == environment.branch
            };
            if let Some((_, _, other)) = seen.iter().find(same) {
                problems.at(
                    &format!("/services/{name}/helm/file"),
                    format!(
                        "`{file}` is the values file of {other} and of {environment_name}, so what is deployed to one is deployed to both; expected a file of each, such as `{{root}}/values.yaml`, or `shared: true` where that is wanted"
                    ),
                );
                break;
            }
            seen.push((file, environment, environment_name));
        }
    }
}
