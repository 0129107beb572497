//! Which services are in a folder of an environment, and the strategy that fits what is there for each.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    found::{Found, ROLLOUT, Way, is_workload},
    notes::Notes,
    place::{Place, folder},
};
use crate::{
    config::traffic_key,
    manifest::{self, LeadsTo, Manifests, ObjectRef, Surveyed},
};

/// What says that an Ingress of ingress-nginx is a canary's.
pub(super) const CANARY_INGRESS: &str = "/metadata/annotations/nginx.ingress.kubernetes.io~1canary";

/// What there is in a folder of an environment.
pub(super) struct Survey<'a> {
    /// The files in the folder, or built from there.
    pub manifests: &'a Manifests,
    /// The environment.
    pub place: &'a Place,
    /// All environments.
    pub places: &'a [Place],
    /// The folder, from the repository's root.
    pub folder: &'a str,
    /// Its objects.
    pub objects: Vec<&'a Surveyed>,
    /// Files of which not everything can be read.
    pub unreadable: &'a BTreeSet<String>,
}

impl<'a> Survey<'a> {
    /// Finds the services; what looks like one and is none is noted.
    pub(super) fn services(&self, notes: &mut Notes) -> Vec<Found> {
        let mut left: Vec<&Surveyed> = self.objects.clone();
        left.retain(|object| is_workload(object));
        let mut found: Vec<Found> = Vec::new();
        // What belongs together is looked for first.
        let rollouts: Vec<&Surveyed> = left.iter().filter(|it| is(it, ROLLOUT)).copied().collect();
        for rollout in rollouts {
            let other = "/spec/workloadRef/name";
            // The Rollout is often called as what it refers to.
            let others = left.iter().filter(|it| !same(it, rollout)).copied();
            let others: Vec<&Surveyed> = others.collect();
            let holder = rollout.text(other);
            let holder = holder.and_then(|name| self.named(&others, name));
            let holder = holder.unwrap_or(rollout);
            let way = Way::Rollout(holder.object.clone(), rollout.object.clone());
            let because = format!("{} brings it out", rollout.object);
            left.retain(|it| !same(it, rollout) && !same(it, holder));
            let all = [holder, rollout];
            found.extend(self.service((&rollout.object.name, &all), way, because, notes));
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
            found.extend(self.service((stem, &[blue, workload]), way, because, notes));
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
            if let Some(route) = self.unknown_subsets(stable) {
                notes.about(
                    [canary],
                    format!(
                        "{} looks like a canary of {}, and {} has subsets of them, but no DestinationRule in the repository says which pods those are: it is left out",
                        canary.object, stable.object, route.object
                    ),
                );
                continue;
            }
            let Some((traffic, because)) = self.split(stable, canary) else {
                notes.about(
                    [canary],
                    format!(
                        "{} looks like a canary of {}, but nothing splits the traffic between them: it is left out",
                        canary.object, stable.object
                    ),
                );
                continue;
            };
            let way = Way::Canary {
                stable: stable.object.clone(),
                canary: canary.object.clone(),
                traffic,
            };
            left.retain(|it| !same(it, stable));
            found.extend(self.service((stem, &[stable, canary]), way, because, notes));
        }
        for workload in left {
            let way = Way::Rolling(workload.object.clone());
            let because = format!("{} is alone", workload.object);
            let name = &workload.object.name;
            found.extend(self.service((name, &[workload]), way, because, notes));
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

    /// Finds a VirtualService that leads to subsets of a workload's Service which nothing in the repository
    /// describes.
    fn unknown_subsets(&self, stable: &Surveyed) -> Option<&'a Surveyed> {
        let services = self.selecting(stable);
        let is_of = |host: &str| {
            let name = host.split('.').next().unwrap_or_default();
            services.iter().any(|service| service.object.name == name)
        };
        let is_described = |host: &str| {
            let name = host.split('.').next();
            let mut rules = self.objects.iter().filter(|it| is(it, "DestinationRule"));
            rules.any(|rule| {
                let of = rule.text("/spec/host").and_then(|it| it.split('.').next());
                of == name && !rule.items("/spec/subsets").is_empty()
            })
        };
        let routes = self.objects.iter().filter(|it| is(it, "VirtualService"));
        let mut unknown = routes.filter(|route| {
            let routes = route.items("/spec/http").iter();
            let destinations = routes.flat_map(|it| it.get("route").and_then(Value::as_array));
            let mut destinations = destinations
                .flatten()
                .filter_map(|it| it.get("destination"));
            destinations.any(|to| {
                let host = to.get("host").and_then(Value::as_str).unwrap_or_default();
                to.get("subset").is_some() && is_of(host) && !is_described(host)
            })
        });
        unknown.next().copied()
    }

    /// Finds the Services that select the pods of a workload.
    pub(super) fn selecting(&self, workload: &Surveyed) -> Vec<&'a Surveyed> {
        let labels = workload.content.pointer("/spec/template/metadata/labels");
        let services = self.objects.iter().filter(|it| is(it, "Service"));
        let selected = services.filter(|service| selects(service, labels));
        selected.copied().collect()
    }

    /// Finds the outermost kustomization of this folder that a workload is built by.
    pub(super) fn builder(&self, workload: &Surveyed) -> Option<&'a Surveyed> {
        let (at, _) = self.place.building(self.folder, &workload.path).next()?;
        let mut objects = self.objects.iter();
        let found =
            objects.find(|it| folder(&it.path) == at && manifest::is_kustomization(&it.path));
        found.copied()
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
}

pub(super) fn is(object: &Surveyed, kind: &str) -> bool {
    object.object.kind == kind
}

fn same(one: &Surveyed, other: &Surveyed) -> bool {
    one.object == other.object && one.path == other.path
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
