//! `shipgate.yaml` as `init` writes it: every line says what it is, and what is guessed says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use super::{
    found::{Address, Found, Way},
    merged::Service,
    place::Place,
};
use crate::{
    config::traffic_key,
    manifest::{self, ObjectRef, ValuesIn},
};

/// What somebody has said besides.
pub(super) struct Known<'a> {
    /// Address of a service, with `{service}` for its name.
    pub address: Option<&'a str>,
    /// Address of a Prometheus.
    pub prometheus: Option<&'a str>,
}

/// Returns the configuration of some services in some environments.
pub(super) fn config(places: &[Place], services: &[Service], known: &Known<'_>) -> String {
    let mut text = "# yaml-language-server: $schema=shipgate.schema.json
# How this repository is deployed. Written by `shipgate init` from the manifests; what they do not tell is marked `guess`.
# Line 1 is for editors: shipgate schema config > shipgate.schema.json
version: 1
environments:
"
    .to_owned();
    let namespaces = namespaces(places, services);
    for place in places {
        let _ = writeln!(text, "  {}:", scalar(&place.name));
        if !place.root.is_empty() {
            let root = scalar(&place.root);
            let _ = writeln!(text, "    root: {root}   # stands for {{root}} below");
        }
        if let Some(namespace) = namespaces.get(place.name.as_str()) {
            let namespace = scalar(namespace);
            let _ = writeln!(
                text,
                "    namespace: {namespace}   # its services run there"
            );
        }
        let policy = scalar(&format!("policies/{}.yaml", place.name));
        let _ = writeln!(text, "    policy: {policy}   # when it may be deployed to");
    }
    text.push_str("providers:\n");
    match known.prometheus {
        Some(url) => {
            let _ = writeln!(
                text,
                "  prometheus: {{url: {}}}   # `token_env: NAME` names the variable with its token",
                scalar(url)
            );
        }
        None => text.push_str(
            "  {}   # prometheus: {url: \"https://prometheus.example\", token_env: PROMETHEUS_TOKEN}\n",
        ),
    }
    text.push_str("services:\n");
    for service in services {
        let mut found = service.found.clone();
        if !namespaces.is_empty() {
            found.namespace = None;
        }
        for (place, why, _) in &service.elsewhere {
            let line = format!("Not to {place} as it is there: {why}");
            let _ = writeln!(text, "  # {}.", line.replace(char::is_control, " "));
        }
        let other_than = |differs: &dyn Fn(&Found) -> bool| {
            let home = service.homes.iter().find(|(_, it)| differs(it));
            home.map(|(home, _)| home.as_str())
        };
        let differing = Differing {
            address: other_than(&|it| it.address != found.address),
            namespace: other_than(&|it| {
                found.namespace.is_some() && it.namespace != found.namespace
            }),
        };
        write_service(&mut text, &found, differing, known);
    }
    text
}

/// Returns the namespace of each environment, where services are in another one in each: then it is said there
/// once, and not of each service.
fn namespaces<'a>(places: &'a [Place], services: &'a [Service]) -> BTreeMap<&'a str, &'a str> {
    let mut of_places: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
    let mut differ = false;
    for service in services {
        for (home, found) in &service.homes {
            differ |= found.namespace != service.found.namespace;
            let known = of_places.entry(home).or_default();
            known.insert(found.namespace.as_deref());
        }
    }
    let one = |place: &'a Place| match of_places.get(place.name.as_str()) {
        Some(all) if all.len() == 1 => Some((place.name.as_str(), all.first().copied()??)),
        _ => None,
    };
    let all: Option<BTreeMap<&str, &str>> = places.iter().map(one).collect();
    all.filter(|_| differ).unwrap_or_default()
}

/// Environments in which something of a service is another one than what is written.
#[derive(Clone, Copy)]
struct Differing<'a> {
    address: Option<&'a str>,
    namespace: Option<&'a str>,
}

fn guess(differing: Option<&str>) -> String {
    differing.map_or_else(String::new, |place| {
        format!("   # guess: {place} has another")
    })
}

fn write_service(text: &mut String, service: &Found, differing: Differing<'_>, known: &Known<'_>) {
    let because = service.because.replace(char::is_control, " ");
    let _ = writeln!(text, "  # {because}.");
    let _ = writeln!(text, "  {}:", scalar(&service.name));
    let manifests: Vec<String> = service.manifests.iter().map(|it| quoted(it)).collect();
    let _ = writeln!(text, "    manifests: [{}]", manifests.join(", "));
    let _ = writeln!(text, "    image: {}", scalar(&service.image));
    let arms = arms(&service.way);
    if let Way::Chart(_, values, tag) = &service.way {
        let values = match values {
            ValuesIn::File(file) => format!("file: {}", quoted(file)),
            ValuesIn::Object(holder) => format!("object: {}", object(holder)),
        };
        let _ = writeln!(text, "    helm: {{{values}, image_tag: {}}}", scalar(tag));
    }
    let named = arms.iter();
    let named: Vec<String> = named
        .map(|(arm, it)| format!("{arm}: {}", object(it)))
        .collect();
    let guess = match service.way {
        Way::Chart(..) => "   # guess: the name of the release",
        _ => "",
    };
    let _ = writeln!(text, "    workloads: {{{}}}{guess}", named.join(", "));
    match &service.way {
        Way::Canary {
            traffic: Some((of, backend)),
            ..
        } => {
            let key = traffic_key(&of.kind).unwrap_or_default();
            let backend = backend.as_ref();
            let backend =
                backend.map_or_else(String::new, |it| format!(", canary: {}", scalar(it)));
            let _ = writeln!(text, "    traffic: {{{key}: {}{backend}}}", object(of));
        }
        Way::Canary { traffic: None, .. } => text.push_str("    traffic: {replicas: {}}\n"),
        Way::BlueGreen { service, .. } => {
            let _ = writeln!(text, "    traffic: {{service: {}}}", object(service));
        }
        Way::Rolling(_) | Way::Chart(..) | Way::Rollout(..) => {}
    }
    live(text, service, &arms, differing.namespace);
    strategy(text, &service.way);
    verification(text, service, differing.address, known);
}

/// The workloads with the words for them.
fn arms(way: &Way) -> Vec<(&'static str, &ObjectRef)> {
    match way {
        Way::Rolling(workload) | Way::Chart(workload, ..) => vec![("stable", workload)],
        Way::Rollout(holder, _) => vec![("stable", holder)],
        Way::Canary { stable, canary, .. } => vec![("stable", stable), ("canary", canary)],
        Way::BlueGreen { blue, green, .. } => vec![("blue", blue), ("green", green)],
    }
}

fn live(
    text: &mut String,
    service: &Found,
    arms: &[(&'static str, &ObjectRef)],
    differing: Option<&str>,
) {
    text.push_str(
        "    live:   # which version really runs: asked of the cluster, as your kubeconfig leads there; `http`, `argocd` and `flux` do too\n",
    );
    for (arm, _) in arms {
        let mut keys = Vec::new();
        if let Way::Rollout(_, rollout) = &service.way {
            keys.push(format!("workload: {}", object(rollout)));
        }
        if let Some(namespace) = &service.namespace {
            keys.push(format!("namespace: {}", scalar(namespace)));
        }
        let keys = keys.join(", ");
        let _ = writeln!(
            text,
            "      {arm}: {{kubernetes: {{{keys}}}}}{}",
            guess(differing)
        );
    }
}

fn strategy(text: &mut String, way: &Way) {
    text.push_str("    strategy:\n");
    text.push_str(match way {
        Way::Rolling(_) | Way::Chart(..) => {
            "      rolling: {bake_time: 5m}   # watched for so long before it counts as good\n"
        }
        Way::Rollout(..) => {
            "      argo_rollouts: {follow_for: 1h, bake_time: 5m}   # its controller does the steps\n"
        }
        Way::BlueGreen { .. } => {
            "      blue_green: {bake_time: 5m, keep_for: 1h}   # the old colour stays for a way back\n"
        }
        Way::Canary { .. } => {
            "      canary:
        steps:
          - set_weight: 10
          - pause: {duration: 10m}   # watched all the while; worse ends it at once
          - set_weight: 50
          - pause: {duration: 10m}
"
        }
    });
}

fn verification(text: &mut String, service: &Found, differing: Option<&str>, known: &Known<'_>) {
    let (address, guess) = match (known.address, &service.address) {
        (Some(given), _) => (given.replace("{service}", &service.name), String::new()),
        (None, Address::Outside(address)) => (address.clone(), guess(differing)),
        (None, Address::Inside(address)) => (
            address.clone(),
            "   # guess: known inside the cluster only; name the address that your pipeline sees"
                .to_owned(),
        ),
    };
    let health = scalar(&format!(
        "{}{}",
        address.trim_end_matches('/'),
        service.health
    ));
    let _ = writeln!(text, "    verification:\n      interval: 30s");
    let _ = writeln!(text, "      health: [{{http: {health}}}]{guess}");
    let Some(preset) = preset(service) else {
        text.push_str(
            "      # metrics:   # a threshold of your own, or `preset:` (docs/providers.md)
      #   - name: errors
      #     provider: prometheus
      #     query: 'sum(rate(http_requests_total{service=\"{{service}}\",version=\"{{version}}\",status=~\"5..\"}[2m]))'
      #     threshold_range: {max: 1}
",
        );
        return;
    };
    let sign = if known.prometheus.is_some() { "" } else { "# " };
    let _ = writeln!(
        text,
        "      {sign}metrics:\n      {sign}  - {preset}   # errors and duration, the new version compared with the old one"
    );
}

/// Returns the preset that the objects of a canary tell of.
fn preset(service: &Found) -> Option<String> {
    let Way::Canary {
        stable,
        canary,
        traffic,
    } = &service.way
    else {
        return None;
    };
    let namespace = service.namespace.as_ref();
    let namespace = namespace.map(|it| format!("namespace: {}", scalar(it)));
    let kind = traffic.as_ref().map(|(object, _)| object.kind.as_str());
    let (name, with) = match kind {
        _ if service.has_linkerd => (
            "linkerd",
            vec![
                format!("stable: {}", scalar(&stable.name)),
                format!("canary: {}", scalar(&canary.name)),
            ],
        ),
        Some("Ingress") => {
            let ingress = service.ingress.iter();
            let ingress = ingress.map(|it| format!("ingress: {}", scalar(it)));
            ("ingress_nginx", ingress.collect())
        }
        Some("VirtualService") => ("istio", Vec::new()),
        _ => return None,
    };
    let with: Vec<String> = with.into_iter().chain(namespace).collect();
    if with.is_empty() {
        return Some(format!("{{preset: {name}}}"));
    }
    Some(format!("{{preset: {name}, with: {{{}}}}}", with.join(", ")))
}

fn object(object: &ObjectRef) -> String {
    scalar(&object.to_string())
}

/// A text as YAML has it, also in a flow collection: without quotes where nobody could take it for
/// anything else.
fn scalar(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if text.bytes().all(is_plain) && manifest::is_text(text, true) {
        return text.to_owned();
    }
    quoted(text)
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
