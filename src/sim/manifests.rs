//! What the manifests ask the cluster for: versions, replicas and the canary's weight.

use super::{Arm, Shape, shape::ReleaseValues, shop::ROOT};
use crate::{
    units::Weight,
    yaml::{Document, Limits, NodeId, documents},
};

const WEIGHT_ANNOTATION: &str = "nginx.ingress.kubernetes.io/canary-weight";

/// The release that the chart is installed as.
const RELEASE: &str = "advertisements";

/// What one commit asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Desired {
    stable: WantedWorkload,
    canary: WantedWorkload,
    /// Share of the requests that the canary should get; none where its share of the pods is that.
    pub(super) weight: Option<Weight>,
}

impl Desired {
    /// Returns what is asked for one arm.
    pub(super) fn workload(&self, arm: Arm) -> &WantedWorkload {
        match arm {
            Arm::Stable => &self.stable,
            Arm::Canary => &self.canary,
        }
    }
}

/// What one Deployment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedWorkload {
    /// The image's tag.
    pub(super) version: String,
    /// How many pods.
    pub(super) replicas: u32,
    /// `matchLabels`, which Kubernetes never lets anyone change.
    pub(super) selector: Vec<(String, String)>,
}

/// Reads the manifests of one commit, given as path and bytes.
///
/// # Errors
/// A file is not YAML, or an object or value that the cluster needs is missing or nonsense.
pub(super) fn read(files: &[(String, Vec<u8>)], shape: Shape) -> Result<Desired, String> {
    let mut found = Vec::new();
    let values = shape
        .release_values()
        .map(|values| Values::read(&values, files))
        .transpose()?;
    for (path, bytes) in files {
        if !path.ends_with(".yaml") {
            continue;
        }
        let text = std::str::from_utf8(bytes).map_err(|_| format!("{path}: not UTF-8"))?;
        let text = match &values {
            Some(values) if path.contains("/templates/") => rendered(text, values)?,
            _ => text.to_owned(),
        };
        let parsed =
            documents(&text, &Limits::MANIFEST).map_err(|error| format!("{path}:{error}"))?;
        found.extend(parsed.into_iter().map(|document| Manifest {
            path: path.clone(),
            document,
        }));
    }
    let object = |kind: &str, name: &str| {
        found
            .iter()
            .find(|manifest| {
                manifest.text(&["kind"]) == Some(kind)
                    && manifest.text(&["metadata", "name"]) == Some(name)
            })
            .ok_or_else(|| format!("no {kind}/{name} in {ROOT}"))
    };
    if shape == Shape::BlueGreen {
        return Ok(Desired {
            stable: object("Deployment", "advertisements-blue")?.workload()?,
            canary: object("Deployment", "advertisements-green")?.workload()?,
            weight: Some(object("Service", "advertisements")?.colour()?),
        });
    }
    // What brings it out is not told apart: a Rollout's pods start as those of a Deployment do.
    let stable = object("Deployment", "advertisements")
        .or_else(|missing| object("Rollout", "advertisements").map_err(|_| missing))?;
    Ok(Desired {
        stable: stable.workload()?,
        canary: object("Deployment", "advertisements-canary")?.workload()?,
        weight: match shape {
            Shape::Ingress | Shape::Chart | Shape::HelmRelease | Shape::Application => {
                Some(object("Ingress", "advertisements-canary")?.weight()?)
            }
            Shape::HttpRoute => Some(object("HTTPRoute", "advertisements")?.share(
                &["spec", "rules"],
                &["backendRefs"],
                &["name"],
            )?),
            Shape::VirtualService => Some(object("VirtualService", "advertisements")?.share(
                &["spec", "http"],
                &["route"],
                &["destination", "host"],
            )?),
            Shape::Traefik => Some(object("TraefikService", "advertisements")?.share(
                &[],
                &["spec", "weighted", "services"],
                &["name"],
            )?),
            Shape::Replicas | Shape::BlueGreen => None,
        },
    })
}

/// The values that the chart is rendered with.
struct Values {
    manifest: Manifest,
    /// The keys that lead to them.
    at: &'static [&'static str],
}

impl Values {
    fn read(values: &ReleaseValues, files: &[(String, Vec<u8>)]) -> Result<Self, String> {
        let path = values.path();
        let file = files.iter().find(|(known, _)| *known == path);
        let bytes = file.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|_| format!("{path}: not UTF-8"))?;
        let manifest = Manifest::first(&path, &text)?;
        // They may be a text themselves.
        let inside = manifest.text(values.at).map(str::to_owned);
        Ok(match inside.filter(|_| !values.at.is_empty()) {
            Some(text) => Self {
                manifest: Manifest::first(&path, &text)?,
                at: &[],
            },
            None => Self {
                manifest,
                at: values.at,
            },
        })
    }

    fn text(&self, key: &str) -> Option<&str> {
        let keys: Vec<&str> = self.at.iter().copied().chain(key.split('.')).collect();
        self.manifest.text(&keys)
    }

    fn wrong(&self, what: &str) -> String {
        self.manifest.wrong(what)
    }
}

/// Renders a template as far as the shop's go: `{{ .Values.key }}`, `| quote` and the release's name.
fn rendered(template: &str, values: &Values) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, action)) = rest.split_once("{{") {
        let (action, after) = action
            .split_once("}}")
            .ok_or_else(|| values.wrong("a template action has no end"))?;
        let (name, quotes) = match action.trim().strip_suffix("| quote") {
            Some(name) => (name.trim(), "\""),
            None => (action.trim(), ""),
        };
        let value = match name.strip_prefix(".Values.") {
            Some(key) => {
                let value = values.text(key);
                value.ok_or_else(|| values.wrong(&format!("no value `{key}`")))?
            }
            None => RELEASE,
        };
        text.push_str(&format!("{before}{quotes}{value}{quotes}"));
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

struct Manifest {
    path: String,
    document: Document,
}

impl Manifest {
    /// Reads the first document of a text.
    fn first(path: &str, text: &str) -> Result<Self, String> {
        let parsed =
            documents(text, &Limits::MANIFEST).map_err(|error| format!("{path}:{error}"))?;
        let document = parsed.into_iter().next();
        Ok(Self {
            path: path.to_owned(),
            document: document.ok_or_else(|| format!("{path}: no values"))?,
        })
    }

    fn node(&self, keys: &[&str]) -> Option<NodeId> {
        self.below(self.document.root(), keys)
    }

    fn below(&self, node: NodeId, keys: &[&str]) -> Option<NodeId> {
        let mut keys = keys.iter();
        keys.try_fold(node, |node, key| self.document.get(node, key))
    }

    fn text(&self, keys: &[&str]) -> Option<&str> {
        self.document.text(self.node(keys)?)
    }

    fn workload(&self) -> Result<WantedWorkload, String> {
        let container = self
            .node(&["spec", "template", "spec", "containers"])
            .and_then(|node| self.document.items(node).next());
        let image = container
            .and_then(|container| self.document.get(container, "image"))
            .and_then(|image| self.document.text(image))
            .ok_or_else(|| self.wrong("no container with an image"))?;
        let (_, version) = image
            .rsplit_once(':')
            .ok_or_else(|| self.wrong(&format!("image {image:?} has no tag")))?;
        let replicas = match self.text(&["spec", "replicas"]) {
            None => 1,
            Some(text) => text
                .parse()
                .map_err(|_| self.wrong(&format!("replicas {text:?} is not a number")))?,
        };
        let selector = self
            .node(&["spec", "selector", "matchLabels"])
            .into_iter()
            .flat_map(|node| self.document.entries(node))
            .filter_map(|(key, value)| {
                let (key, value) = (self.document.text(key)?, self.document.text(value)?);
                Some((key.to_owned(), value.to_owned()))
            })
            .collect();
        Ok(WantedWorkload {
            version: version.to_owned(),
            replicas,
            selector,
        })
    }

    /// Reads which colour everyone is sent to: all of the requests, or none, to the green one.
    fn colour(&self) -> Result<Weight, String> {
        match self.text(&["spec", "selector", "colour"]) {
            Some("blue") => Ok(Weight::ZERO),
            Some("green") => Ok(Weight::FULL),
            found => Err(self.wrong(&format!("selects the colour {found:?}"))),
        }
    }

    fn weight(&self) -> Result<Weight, String> {
        match self.text(&["metadata", "annotations", WEIGHT_ANNOTATION]) {
            None => Ok(Weight::ZERO),
            Some(text) => text
                .parse()
                .map_err(|error| self.wrong(&format!("{WEIGHT_ANNOTATION}: {error}"))),
        }
    }

    /// Returns the share of the requests that the canary gets of the backends of the first rule.
    fn share(&self, rules: &[&str], backends: &[&str], name: &[&str]) -> Result<Weight, String> {
        let rule = if rules.is_empty() {
            Some(self.document.root())
        } else {
            let rules = self.node(rules);
            rules.and_then(|rules| self.document.items(rules).next())
        };
        let list = rule.and_then(|rule| self.below(rule, backends));
        let list = list.ok_or_else(|| self.wrong("no backends"))?;
        let (mut canary, mut all) = (0, 0);
        for backend in self.document.items(list) {
            let text = |keys: &[&str]| self.document.text(self.below(backend, keys)?);
            let weight: u64 = match text(&["weight"]) {
                None => 1,
                Some(text) => text
                    .parse()
                    .map_err(|_| self.wrong(&format!("weight {text:?} is not a number")))?,
            };
            all += weight;
            if text(name) == Some("advertisements-canary") {
                canary += weight;
            }
        }
        let percent = (canary * 100).checked_div(all);
        let percent = percent.ok_or_else(|| self.wrong("all weights are 0"))?;
        Weight::new(percent).map_err(|error| self.wrong(&error.to_string()))
    }

    fn wrong(&self, what: &str) -> String {
        format!("{}: {what}", self.path)
    }
}
