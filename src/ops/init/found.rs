//! Which services there are, and the strategy that fits what is there for each.

use serde_json::Value;

use super::places::Place;
use crate::{
    config::{live::is_object_name, traffic_key},
    manifest::{self, ImageReference, LeadsTo, Manifests, ObjectRef, Surveyed},
};

/// Kinds of workloads that a service may be: those that a cluster can be asked about.
const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];
const ROLLOUT: &str = "Rollout";
/// What says that an Ingress of ingress-nginx is a canary's.
const CANARY_INGRESS: &str = "/metadata/annotations/nginx.ingress.kubernetes.io~1canary";

/// A service that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its name.
    pub name: String,
    /// Its image repository.
    pub image: String,
    /// Its manifests, as the configuration names them.
    pub manifests: Vec<String>,
    /// How it may be deployed.
    pub way: Way,
    /// What tells so, for people.
    pub because: String,
    /// The address that it answers at.
    pub address: Address,
    /// Path of its health check.
    pub health: String,
    /// The Ingress that everyone comes through, and the namespace.
    pub ingress: Option<String>,
    pub namespace: Option<String>,
    /// Do its pods have Linkerd's proxy?
    pub has_linkerd: bool,
}

/// How a service may be deployed by what is there.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// One workload.
    Rolling(ObjectRef),
    /// One workload, written by a chart: values file and key of the tag.
    Chart(ObjectRef, String, String),
    /// Two, and what splits the traffic between them.
    Canary {
        stable: ObjectRef,
        canary: ObjectRef,
        /// The object, with the backend that is the canary where its name does not tell; none = the
        /// numbers of pods.
        traffic: Option<(ObjectRef, Option<String>)>,
    },
    /// Two colours and the Service that leads to one of them.
    BlueGreen {
        blue: ObjectRef,
        green: ObjectRef,
        service: ObjectRef,
    },
    /// What holds the pod template, and the Rollout.
    Rollout(ObjectRef, ObjectRef),
}

/// Where a service answers.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// A host that an Ingress or a route names.
    Outside(String),
    /// The name of a Service, which is known inside the cluster only.
    Inside(String),
}

/// Is an object a workload that a service may be?
pub(super) fn is_workload(object: &Surveyed) -> bool {
    let kind = object.object.kind.as_str();
    let is_written_out = !object.object.name.contains("{{") && !object.path.contains("/templates/");
    (WORKLOADS.contains(&kind) || kind == ROLLOUT) && is_written_out
}

/// What there is in an environment.
pub(super) struct Survey<'a> {
    pub manifests: &'a Manifests,
    pub place: &'a Place,
    /// Its objects.
    pub objects: Vec<&'a Surveyed>,
}

impl<'a> Survey<'a> {
    /// Finds the services; what looks like one and is none is noted.
    pub(super) fn services(&self, notes: &mut Vec<String>) -> Vec<Found> {
        let mut left: Vec<&Surveyed> = self.objects.clone();
        left.retain(|object| is_workload(object));
        let mut found: Vec<Found> = Vec::new();
        // What belongs together is looked for first.
        let rollouts: Vec<&Surveyed> = left.iter().filter(|it| is(it, ROLLOUT)).copied().collect();
        for rollout in rollouts {
            let other = "/spec/workloadRef/name";
            let holder = rollout.text(other).and_then(|name| self.named(&left, name));
            let holder = holder.unwrap_or(rollout);
            let way = Way::Rollout(holder.object.clone(), rollout.object.clone());
            let because = format!("{} brings it out", rollout.object);
            left.retain(|it| !same(it, rollout) && !same(it, holder));
            found.extend(self.service((&rollout.object.name, holder), way, because, notes));
        }
        for workload in left.clone() {
            let Some(stem) = workload.object.name.strip_suffix("-green") else {
                continue;
            };
            let Some(blue) = self.named(&left, &format!("{stem}-blue")) else {
                continue;
            };
            let Some((service, label)) = self.switch(blue, workload) else {
                continue;
            };
            let because = format!(
                "{} and {} are two colours, and `{label}` in the selector of {service} says which one serves",
                blue.object, workload.object
            );
            let way = Way::BlueGreen {
                blue: blue.object.clone(),
                green: workload.object.clone(),
                service,
            };
            left.retain(|it| !same(it, blue) && !same(it, workload));
            found.extend(self.service((stem, blue), way, because, notes));
        }
        for canary in left.clone() {
            let Some(stem) = canary.object.name.strip_suffix("-canary") else {
                continue;
            };
            let names = [
                stem.to_owned(),
                format!("{stem}-stable"),
                format!("{stem}-primary"),
            ];
            let mut names = names.iter();
            let Some(stable) = names.find_map(|name| self.named(&left, name)) else {
                continue;
            };
            left.retain(|it| !same(it, canary));
            let Some((traffic, because)) = self.split(stable, canary) else {
                notes.push(format!(
                    "{} looks like a canary of {}, but nothing splits the traffic between them: it is left out",
                    canary.object, stable.object
                ));
                continue;
            };
            let way = Way::Canary {
                stable: stable.object.clone(),
                canary: canary.object.clone(),
                traffic,
            };
            left.retain(|it| !same(it, stable));
            found.extend(self.service((stem, stable), way, because, notes));
        }
        for workload in left {
            let way = Way::Rolling(workload.object.clone());
            let because = format!("{} is alone", workload.object);
            let name = &workload.object.name;
            found.extend(self.service((name, workload), way, because, notes));
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    fn named(&self, among: &[&'a Surveyed], name: &str) -> Option<&'a Surveyed> {
        let mut among = among.iter();
        among.find(|it| it.object.name == name).copied()
    }

    /// Finds the Service that leads to one of two colours, and the label by which it does.
    fn switch(&self, blue: &Surveyed, green: &Surveyed) -> Option<(ObjectRef, String)> {
        let pair = [&blue.object, &green.object];
        let services = self.objects.iter().filter(|it| is(it, "Service"));
        services
            .filter_map(|service| {
                let colours =
                    manifest::colours(self.manifests, &service.object, None, pair).ok()?;
                Some((service.object.clone(), colours.label))
            })
            // A preview's is called so, and not the one that everyone uses.
            .min_by_key(|(service, _)| service.name.len())
    }

    /// Finds what splits the traffic between two workloads.
    #[expect(
        clippy::type_complexity,
        reason = "an object with a backend, and a sentence"
    )]
    fn split(
        &self,
        stable: &Surveyed,
        canary: &Surveyed,
    ) -> Option<(Option<(ObjectRef, Option<String>)>, String)> {
        let pair = [&stable.object, &canary.object];
        let objects = self.objects.iter().filter(|it| {
            let is_canary = it.text(CANARY_INGRESS) == Some("true");
            traffic_key(&it.object.kind).is_some() && (!is(it, "Ingress") || is_canary)
        });
        for object in objects {
            for name in [None, Some(canary.object.name.as_str())] {
                let found = manifest::leading(self.manifests, &object.object, name, pair);
                let leads = |to: &LeadsTo| {
                    matches!(
                        to,
                        LeadsTo::Pods {
                            canary: true,
                            stable: false,
                            ..
                        }
                    )
                };
                let mut backends = found.into_iter().flatten();
                if backends.any(|backend| backend.is_canary && leads(&backend.to)) {
                    let because = format!(
                        "{} stands beside {}, and {} splits the traffic",
                        canary.object, stable.object, object.object
                    );
                    let traffic = (object.object.clone(), name.map(str::to_owned));
                    return Some((Some(traffic), because));
                }
            }
        }
        let serving = manifest::serving(self.manifests, &stable.object, &canary.object);
        let shared = serving.ok()?.into_iter().find(|it| it.selects_other)?;
        let because = format!(
            "{} stands beside {}, and {} leads to the pods of both",
            canary.object, stable.object, shared.service
        );
        Some((None, because))
    }

    fn service(
        &self,
        (name, workload): (&str, &Surveyed),
        way: Way,
        because: String,
        notes: &mut Vec<String>,
    ) -> Option<Found> {
        let containers = workload.items("/spec/template/spec/containers");
        let image = |container: &Value| container.get("image")?.as_str().map(str::to_owned);
        let repository = |container: &&Value| {
            let image = image(container).unwrap_or_default();
            let path = ImageReference::parse(&image).repository.to_owned();
            path.rsplit('/').next().unwrap_or_default().to_owned()
        };
        // Beside a service's own container there may be others.
        let own = containers.iter().find(|container| {
            container.get("name").and_then(Value::as_str) == Some(name)
                || repository(container) == name
        });
        let own = own.or_else(|| {
            let mut like = containers.iter();
            like.find(|container| repository(container).contains(name))
        });
        let container = match (own, containers) {
            (Some(own), _) => own,
            (None, [only]) => only,
            (None, []) => {
                notes.push(format!(
                    "{} has no containers: it is left out",
                    workload.object
                ));
                return None;
            }
            // The first one may be a proxy.
            (None, several) => {
                let images: Vec<String> = several.iter().filter_map(image).collect();
                notes.push(format!(
                    "{} has {} containers, and neither a name nor an image like its own ({}): it is left out",
                    workload.object,
                    several.len(),
                    images.join(", ")
                ));
                return None;
            }
        };
        let Some(image) = image(container) else {
            notes.push(format!(
                "{} names no image: it is left out",
                workload.object
            ));
            return None;
        };
        let services: Vec<&Surveyed> = {
            let labels = workload.content.pointer("/spec/template/metadata/labels");
            let selects = |service: &&&Surveyed| selects(service, labels);
            let objects = self.objects.iter().filter(|it| is(it, "Service"));
            objects.filter(selects).copied().collect()
        };
        let health = ["readinessProbe", "livenessProbe", "startupProbe"];
        let health = health.iter().find_map(|probe| {
            let path = container.get(probe)?.pointer("/httpGet/path")?;
            path.as_str().filter(|path| path.starts_with('/'))
        });
        let (host, ingress) = self.outside(&services);
        let address = match (host, services.first()) {
            (Some(host), _) => Address::Outside(format!("https://{host}")),
            (None, Some(service)) => Address::Inside(inside(service)),
            (None, None) => Address::Inside(format!("http://{name}")),
        };
        let annotations = "/spec/template/metadata/annotations/linkerd.io~1inject";
        Some(Found {
            name: name.to_owned(),
            image: ImageReference::parse(&image).repository.to_owned(),
            manifests: self.files(&way, &services),
            way,
            because,
            address,
            health: health.unwrap_or("/").to_owned(),
            ingress,
            namespace: workload.namespace.clone(),
            has_linkerd: workload.text(annotations) == Some("enabled"),
        })
    }

    /// Finds the host that one of some Services is reached by from outside, and the Ingress if it is one.
    fn outside(&self, services: &[&Surveyed]) -> (Option<String>, Option<String>) {
        let leads = |object: &Surveyed| {
            let text = object.content.pointer("/spec").map(Value::to_string);
            let text = text.unwrap_or_default();
            let mut names = services.iter().map(|service| &service.object.name);
            names.any(|name| text.contains(&format!("\"{name}\"")))
        };
        let is_host = |host: &str| host.contains('.') && is_object_name(host);
        let objects = self.objects.iter().filter(|object| leads(object));
        for object in objects {
            let hosts: Vec<&str> = match object.object.kind.as_str() {
                "Ingress" if object.text(CANARY_INGRESS) != Some("true") => {
                    let rules = object.items("/spec/rules").iter();
                    rules
                        .filter_map(|rule| rule.get("host")?.as_str())
                        .collect()
                }
                "HTTPRoute" => texts(object.items("/spec/hostnames")),
                "VirtualService" => texts(object.items("/spec/hosts")),
                _ => continue,
            };
            if let Some(host) = hosts.into_iter().find(|host| is_host(host)) {
                let ingress = is(object, "Ingress").then(|| object.object.name.clone());
                return (Some(host.to_owned()), ingress);
            }
        }
        (None, None)
    }

    /// Returns the files that a service is written in.
    fn files(&self, way: &Way, services: &[&Surveyed]) -> Vec<String> {
        if self.place.is_kustomized {
            return self.kustomized();
        }
        let mut wanted: Vec<&ObjectRef> = services.iter().map(|it| &it.object).collect();
        match way {
            Way::Rolling(workload) | Way::Chart(workload, ..) => wanted.push(workload),
            Way::Rollout(holder, rollout) => wanted.extend([holder, rollout]),
            Way::BlueGreen {
                blue,
                green,
                service,
            } => wanted.extend([blue, green, service]),
            Way::Canary {
                stable,
                canary,
                traffic,
            } => {
                wanted.extend([stable, canary]);
                wanted.extend(traffic.iter().map(|(object, _)| object));
            }
        }
        let scales = |object: &Surveyed| {
            let target = ["/spec/scaleTargetRef/kind", "/spec/scaleTargetRef/name"];
            let [kind, name] = target.map(|pointer| object.text(pointer).unwrap_or_default());
            wanted.iter().any(|it| it.kind == kind && it.name == name)
        };
        let own = |object: &&&Surveyed| wanted.contains(&&object.object) || scales(object);
        let files = self.objects.iter().filter(own);
        let mut files: Vec<String> = files.map(|it| self.place.named(&it.path)).collect();
        files.sort();
        files.dedup();
        files
    }

    /// What a kustomization builds is looked at as a whole: it decides where a value is written.
    fn kustomized(&self) -> Vec<String> {
        let outside = self.place.built.iter();
        let outside = outside.map(|path| super::places::folder(path));
        let mut globs: Vec<String> = outside.map(|folder| format!("{folder}/*.yaml")).collect();
        globs.sort();
        globs.dedup();
        globs.insert(0, self.place.everything());
        globs
    }
}

fn is(object: &Surveyed, kind: &str) -> bool {
    object.object.kind == kind
}

fn same(one: &Surveyed, other: &Surveyed) -> bool {
    one.object == other.object && one.path == other.path
}

fn texts(values: &[Value]) -> Vec<&str> {
    values.iter().filter_map(Value::as_str).collect()
}

/// Does a Service select pods with some labels?
fn selects(service: &Surveyed, labels: Option<&Value>) -> bool {
    let selector = service.content.pointer("/spec/selector");
    let Some(selector) = selector.and_then(Value::as_object) else {
        return false;
    };
    let is_there =
        |(key, value): (&String, &Value)| labels.and_then(|labels| labels.get(key)) == Some(value);
    !selector.is_empty() && selector.iter().all(is_there)
}

/// Returns the address of a Service inside its cluster.
fn inside(service: &Surveyed) -> String {
    let name = &service.object.name;
    let host = match &service.namespace {
        Some(namespace) => format!("{name}.{namespace}.svc"),
        None => name.clone(),
    };
    let port = service.items("/spec/ports").first();
    let port = port.and_then(|port| port.get("port")?.as_str());
    match port.filter(|port| *port != "80" && port.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(port) => format!("http://{host}:{port}"),
        None => format!("http://{host}"),
    }
}
