//! What a service's objects say of it: its image, its address, its files.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    found::{Address, Found, Way},
    notes::Notes,
    place::{folder, is_below, join},
    survey::{CANARY_INGRESS, Survey, is},
};
use crate::{
    config::{is_name, live::is_object_name},
    manifest::{ImageReference, ObjectRef, Surveyed},
};

impl Survey<'_> {
    /// Makes a service of some workloads, of which the first holds its pods; why there is none is noted.
    pub(super) fn service(
        &self,
        (name, all): (&str, &[&Surveyed]),
        way: Way,
        because: String,
        notes: &mut Notes,
    ) -> Option<Found> {
        let workload = *all.first()?;
        if !is_name(name) {
            notes.about(
                all.iter().copied(),
                format!(
                    "{} is left out: no service can be called {name} (at most 63 of a-z 0-9 -)",
                    workload.object
                ),
            );
            return None;
        }
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
                let why = format!("{} has no containers: it is left out", workload.object);
                notes.about(all.iter().copied(), why);
                return None;
            }
            // The first one may be a proxy.
            (None, several) => {
                let images: Vec<String> = several.iter().filter_map(image).collect();
                let why = format!(
                    "{} has {} containers, and neither a name nor an image like its own ({}): it is left out",
                    workload.object,
                    several.len(),
                    images.join(", ")
                );
                notes.about(all.iter().copied(), why);
                return None;
            }
        };
        let Some(image) = image(container) else {
            let why = format!("{} names no image: it is left out", workload.object);
            notes.about(all.iter().copied(), why);
            return None;
        };
        let services = self.selecting(workload);
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
        let builder = self.builder(workload);
        let renamed = |key: &str| {
            builder
                .and_then(|it| it.text(key))
                .filter(|it| !it.is_empty())
        };
        if let Some(affix) = renamed("/namePrefix").or(renamed("/nameSuffix")) {
            let path = builder.map_or("", |it| &it.path);
            notes.add(format!(
                "{path} adds `{affix}` to the name of {}: name what it is called in the cluster in `live`, as in kubernetes: {{workload: …}}",
                workload.object
            ));
        }
        let namespace = renamed("/namespace").or(workload.namespace.as_deref());
        let annotations = "/spec/template/metadata/annotations/linkerd.io~1inject";
        Some(Found {
            name: name.to_owned(),
            image: ImageReference::parse(&image).repository.to_owned(),
            manifests: self.files(&way, workload, &services),
            workloads: all
                .iter()
                .map(|it| (it.path.clone(), it.object.clone()))
                .collect(),
            way,
            because,
            address,
            health: health.unwrap_or("/").to_owned(),
            ingress,
            namespace: namespace.map(str::to_owned),
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
    fn files(&self, way: &Way, workload: &Surveyed, services: &[&Surveyed]) -> Vec<String> {
        let mut building = self.place.building(self.folder, &workload.path).peekable();
        if building.peek().is_some() {
            return self.kustomized(building);
        }
        if self.place.is_spread() {
            // What selects pods must be seen, too, and `{root}` alone does not lead to it.
            return self.globs(self.folder, true);
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
    fn kustomized<'b>(
        &self,
        building: impl Iterator<Item = (&'b str, &'b BTreeSet<String>)>,
    ) -> Vec<String> {
        let (mut own, mut outside) = (Vec::new(), Vec::new());
        for (at, files) in building {
            own.extend(self.globs(at, true));
            let elsewhere = files.iter().filter(|path| !is_below(path, at));
            let folders: BTreeSet<&str> = elsewhere.map(|path| folder(path)).collect();
            outside.extend(folders.into_iter().flat_map(|it| self.globs(it, false)));
        }
        for globs in [&mut own, &mut outside] {
            globs.sort();
            globs.dedup();
        }
        outside.retain(|glob| !own.contains(glob));
        own.extend(outside);
        own
    }

    /// Returns the glob of every manifest in a folder, `deep` in its folders too; the paths of those that can
    /// be read where one cannot be.
    fn globs(&self, of: &str, deep: bool) -> Vec<String> {
        let is_here = |path: &str| match deep {
            true => is_below(path, of),
            false => folder(path) == of,
        };
        // The glob is that of the same folder of every environment.
        let own = self.place.named(of);
        let is_met = |path: &String| {
            let mut named = self.places.iter().map(|place| place.named(path));
            named.any(|named| match deep {
                true => is_below(&named, &own),
                false => folder(&named) == own,
            })
        };
        if self.unreadable.iter().any(is_met) {
            let paths = self.manifests.paths();
            let readable = paths.filter(|path| is_here(path) && !self.unreadable.contains(*path));
            return readable.map(|path| self.place.named(path)).collect();
        }
        let any = match deep {
            true => format!("**/{}", self.any()),
            false => self.any().to_owned(),
        };
        vec![join(&own, &any)]
    }

    /// The glob of a manifest's name, as they are called here.
    fn any(&self) -> &'static str {
        let mut paths = self.manifests.paths();
        if paths.all(|path| path.ends_with(".yaml")) {
            "*.yaml"
        } else {
            "*.{yaml,yml,json}"
        }
    }
}

fn texts(values: &[Value]) -> Vec<&str> {
    values.iter().filter_map(Value::as_str).collect()
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
