//! What a world's branch holds: the manifests of its services, read as a controller reads them.

use std::collections::BTreeMap;

/// The branch.
pub const BRANCH: &str = "main";
/// The configuration.
pub const CONFIG: &str = "shipgate.yaml";
/// The interval of every watch, in seconds.
pub const INTERVAL: i64 = 20;

/// A service and how it is brought out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// With a canary, or all at once?
    pub has_canary: bool,
    /// Is it judged by a metric, or by its health?
    pub has_metric: bool,
}

/// Every service that a world may have.
pub const SERVICES: [Service; 3] = [
    Service {
        name: "alpha",
        has_canary: true,
        has_metric: false,
    },
    Service {
        name: "beta",
        has_canary: false,
        has_metric: true,
    },
    Service {
        name: "gamma",
        has_canary: true,
        has_metric: true,
    },
];

impl Service {
    /// Path of the stable half.
    pub fn stable(&self) -> String {
        format!("clusters/prod/{}.yaml", self.name)
    }

    /// Path of the canary's half.
    pub fn canary(&self) -> String {
        format!("clusters/prod/{}-canary.yaml", self.name)
    }

    /// Paths of all that may be changed for it.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = vec![self.stable()];
        paths.extend(self.has_canary.then(|| self.canary()));
        paths
    }

    fn config(&self, url: &str) -> String {
        let Self { name, .. } = self;
        let at = |arm: &str| {
            format!(
                "{arm}: {{http: \"{url}/{name}/{arm}/version\", pointer: /version, answers: 1}}"
            )
        };
        let mut text = format!(
            "  {name}:\n    manifests: [\"{{root}}/{name}.yaml\", \"{{root}}/{name}-canary.yaml\"]\n    \
             image: registry.example/shop/{name}\n"
        );
        if self.has_canary {
            text.push_str(&format!(
                "    workloads: {{stable: Deployment/{name}, canary: Deployment/{name}-canary}}\n    \
                 traffic: {{ingress_nginx: Ingress/{name}-canary}}\n    \
                 live:\n      {}\n      {}\n    strategy:\n      canary:\n        canary_replicas: 1\n        \
                 steps:\n          - set_weight: 10\n          - pause: {{duration: 1m}}\n          \
                 - set_weight: 50\n          - pause: {{duration: 1m}}\n        bake_time: 1m\n",
                at("stable"), at("canary")
            ));
        } else {
            text = text.replace(&format!(", \"{{root}}/{name}-canary.yaml\""), "");
            text.push_str(&format!(
                "    workloads: {{stable: Deployment/{name}}}\n    live:\n      {}\n    \
                 strategy:\n      rolling: {{bake_time: 1m}}\n",
                at("stable")
            ));
        }
        text.push_str(&format!(
            "    on_unavailable_after: 2m\n    verification:\n      interval: {INTERVAL}s\n"
        ));
        text.push_str(&if self.has_metric {
            format!(
                "      metrics:\n        - name: errors\n          provider: prometheus\n          \
                 query: 'errors:1m{{service=\"{name}\"}}'\n          threshold_range: {{max: 0.05}}\n"
            )
        } else {
            format!("      health: [{{http: \"{url}/{name}/health\"}}]\n")
        });
        text
    }
}

/// Returns path and text of every file of the first commit.
pub fn files(services: &[Service], url: &str) -> Vec<(String, String)> {
    let mut config = format!(
        "version: 1\nenvironments:\n  production: {{branch: {BRANCH}, root: clusters/prod}}\n\
         providers:\n  prometheus: {{url: \"{url}\"}}\nservices:\n"
    );
    let mut files = vec![
        (
            "policies/production.yaml".to_owned(),
            "version: 1\ntimezone: UTC\nallowed_windows:\n  - days: [mon, tue, wed, thu, fri, sat, sun]\n    \
             hours: \"00:00-24:00\"\n"
                .to_owned(),
        ),
        ("notes.txt".to_owned(), "notes\n".to_owned()),
    ];
    for service in services {
        config.push_str(&service.config(url));
        let own = |text: &str| text.replace("advertisements", service.name);
        let stable = include_str!("../../src/sim/world/advertisements.yaml");
        files.push((service.stable(), own(stable)));
        if service.has_canary {
            let canary = include_str!("../../src/sim/world/advertisements-canary.yaml");
            files.push((service.canary(), own(canary)));
        }
    }
    files.push((CONFIG.to_owned(), config));
    files
}

/// What a commit asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Version of the stable half.
    pub stable: String,
    /// Version of the canary.
    pub canary: String,
    /// Its pods.
    pub replicas: u32,
    /// Its share of the requests.
    pub weight: u32,
}

/// Reads what is wanted of a service.
pub fn wanted(service: &Service, files: &BTreeMap<String, String>) -> Wanted {
    let value = |path: String, key: &str| {
        let text = files.get(&path).map_or("", String::as_str);
        let line = text.lines().find_map(|line| line.split_once(key));
        let rest = line.map_or("", |(_, rest)| rest);
        let rest = rest.split_whitespace().next().unwrap_or_default();
        rest.trim_matches('"').to_owned()
    };
    let tag = |path: String| {
        let image = value(path, "image: ");
        image.rsplit(':').next().unwrap_or_default().to_owned()
    };
    if !service.has_canary {
        return Wanted {
            stable: tag(service.stable()),
            ..Wanted::default()
        };
    }
    Wanted {
        stable: tag(service.stable()),
        canary: tag(service.canary()),
        replicas: value(service.canary(), "replicas: ").parse().unwrap_or(0),
        weight: value(service.canary(), "canary-weight: ")
            .parse()
            .unwrap_or(0),
    }
}

/// Returns the values that are managed, and the text with `#` in the place of each.
pub fn values(text: &str) -> (Vec<String>, String) {
    const MARKS: [&str; 6] = [
        "image: ",
        "tags.datadoghq.com/version: ",
        "DD_VERSION, value: ",
        "value: '",
        "replicas: ",
        "canary-weight: ",
    ];
    let mut values = Vec::new();
    let mut rest = String::new();
    for line in text.split('\n') {
        let mark = MARKS
            .iter()
            .find_map(|mark| line.find(mark).map(|at| at + mark.len()));
        let masked = mark.map(|at| {
            let (head, value) = line.split_at(at);
            let end = value.find(['}', '#']).unwrap_or(value.len());
            let (value, tail) = value.split_at(end);
            values.push(value.to_owned());
            format!("{head}#{tail}")
        });
        rest.push_str(masked.as_deref().unwrap_or(line));
        rest.push('\n');
    }
    (values, rest)
}
