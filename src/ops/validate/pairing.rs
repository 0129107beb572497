//! Do a configuration and the manifests beside it fit together?

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::{
    config::{Config, Environment, Service},
    manifest::{LookedAt, Manifests, Refusal, SourceFile},
    ops::{arms, carried, set::FileSet},
    policy::{Lint, Severity},
};

/// Finds what does not fit together of the configuration and the manifests beside it. Manifests that are
/// not there are for `plan` to tell of.
pub fn lints(config: &Config, path: &Path, now: DateTime<Utc>) -> Vec<Lint> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut lints = Vec::new();
    let mut add = |service: &Service, key: &str, severity, message| {
        let pointer = format!("/services/{}/{key}", service.name);
        let lint = Lint {
            position: config.position(&pointer),
            severity,
            code: "arms",
            message,
        };
        // What is said of one environment is not said again of the next.
        if !lints.contains(&lint) {
            lints.push(lint);
        }
    };
    for service in config.services.values() {
        for (key, message) in arms::configured(service) {
            add(service, key, Severity::Warning, message);
        }
    }
    let shared = |service: &&Service| {
        let strategy = &service.strategy;
        service.helm.is_some() || strategy.traffic_object().is_some() || strategy.canary().is_some()
    };
    for environment in config.environments.values() {
        let mut services = config.services.values().filter(shared).peekable();
        if services.peek().is_none() {
            break;
        }
        let all = everything(folder, environment, now);
        for service in services {
            let own = FileSet::read(folder, &service.globs(environment), now);
            let Ok(own) = own else {
                continue;
            };
            let manifests = beside(own.manifests(), all.as_ref());
            for refusal in carried::refusals(&service.in_environment(environment), &manifests) {
                add(service, "helm", Severity::Error, with_hint(&refusal));
            }
            match arms::in_manifests(service, &manifests) {
                Ok(found) => {
                    if let Some(refusal) = found.refusal {
                        add(service, "traffic", Severity::Error, with_hint(&refusal));
                    }
                    for warning in found.warnings {
                        add(service, "traffic", Severity::Warning, warning);
                    }
                }
                // The branch of the environment may hold others than the folder.
                Err(refusal) => {
                    let message = format!("not looked at: {}", with_hint(&refusal));
                    add(service, "manifests", Severity::Warning, message);
                }
            }
        }
    }
    lints
}

fn with_hint(refusal: &Refusal) -> String {
    match &refusal.hint {
        Some(hint) => format!("{refusal}; {hint}"),
        None => refusal.to_string(),
    }
}

/// Reads every manifest in the folder of an environment; none where one of them cannot be read.
fn everything(folder: &Path, environment: &Environment, now: DateTime<Utc>) -> Option<FileSet> {
    let root = environment.root.trim_matches('/');
    let root = if root == "." {
        String::new()
    } else {
        format!("{}/", globset::escape(root))
    };
    let all = format!("{root}**/*.{{yaml,yml,json}}");
    FileSet::read(folder, &[all], now).ok()
}

/// Returns the manifests of a service with the others of its environment beside them, as a deployment
/// looks at them.
fn beside(own: &Manifests, all: Option<&FileSet>) -> Manifests {
    let Some(all) = all.map(FileSet::manifests) else {
        return own.clone();
    };
    let others = all.paths().filter(|path| own.text(path).is_none());
    let others = others.map(|path| SourceFile {
        path: path.to_owned(),
        bytes: all.text(path).unwrap_or_default().as_bytes().to_vec(),
    });
    own.beside(others.filter_map(LookedAt::new))
}
