//! Is what a configuration names there, in the checkout that it is the configuration of?

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    config::{Config, Environment, Service},
    event::Failure,
    git::Checkout,
    manifest::{Manifests, SourceFile},
    ops::{failure, set::FileSet, trial},
    policy::{Lint, Severity},
    yaml::Limits,
};

/// What makes a path a glob.
const WILDCARDS: [char; 5] = ['*', '?', '[', '{', '\\'];
/// The one placeholder of `manifests`.
const ROOT: &str = "{root}";

/// Finds what a configuration names and is not there, in the environments whose branch is checked out in the folder of
/// the configuration. Where that is no root of a checkout, or another branch's, only `plan` can tell.
pub fn lints(config: &Arc<Config>, path: &Path, now: DateTime<Utc>) -> Vec<Lint> {
    let mut lints = placeholders(config);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Some(checkout) = Checkout::at(folder) else {
        return lints;
    };
    let environments = config.environments.iter();
    let (here, elsewhere): (Vec<_>, Vec<_>) = environments.partition(|(_, environment)| {
        let branch = environment.branch.as_ref();
        branch.is_none_or(|branch| checkout.branch.as_ref() == Some(branch))
    });
    let mut there = Vec::new();
    for (name, environment) in here {
        let policy = policy(config, folder, (name, environment));
        // Regions have one policy.
        lints.extend(policy.filter(|lint| !lints.contains(lint)));
        match root(config, folder, (name, environment)) {
            Some(lint) => lints.push(lint),
            None => there.push((name.as_str(), environment)),
        }
    }
    // A service may be in some environments only: it is odd where it is in none.
    if elsewhere.is_empty() {
        let services = config.services.values();
        lints.extend(services.filter_map(|service| refused(config, folder, service, &there, now)));
    }
    lints
}

fn warning(config: &Config, pointer: &str, code: &'static str, message: String) -> Lint {
    Lint {
        position: config.position(pointer),
        severity: Severity::Warning,
        code,
        message,
    }
}

/// Finds braces around a single word: they look like a placeholder, and are a glob of that word.
fn placeholders(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for service in config.services.values() {
        for (index, glob) in service.manifests.iter().enumerate() {
            let mut rest = glob.replace(ROOT, "");
            while let Some((_, after)) = rest.split_once('{') {
                let Some((inside, after)) = after.split_once('}') else {
                    break;
                };
                if !inside.is_empty() && !inside.contains([',', '{']) {
                    let pointer = format!("/services/{}/manifests/{index}", service.name);
                    let message = format!(
                        "`{{{inside}}}` stands for nothing and means the text `{inside}`, expected `{ROOT}`: the folder of the environment"
                    );
                    lints.push(warning(config, &pointer, "placeholder", message));
                }
                rest = after.to_owned();
            }
        }
    }
    lints
}

/// Returns where an environment, or the one it is a region of, has a key.
fn pointer(config: &Config, name: &str, environment: &Environment, key: &str) -> String {
    let whole = environment.whole(name);
    let region = environment.region.as_ref().filter(|_| key == "root");
    let index = region.and_then(|it| {
        let names = &config.regions.get(whole)?.names;
        names.iter().position(|name| *name == it.region)
    });
    match index {
        Some(index) => format!("/environments/{whole}/regions/{index}/{key}"),
        None => format!("/environments/{whole}/{key}"),
    }
}

/// Finds a folder of manifests that is not there, where a service has its own below it.
fn root(config: &Config, folder: &Path, (name, environment): (&str, &Environment)) -> Option<Lint> {
    let root = environment.root.trim_matches('/');
    let below = format!("{ROOT}/");
    let mut services = config.services.values();
    let is_folder = services.any(|it| it.manifests.iter().any(|glob| glob.starts_with(&below)));
    if !is_folder || folder.join(root).is_dir() {
        return None;
    }
    let message = format!(
        "found `{root}`, and there is no such folder in this checkout; expected the one that has the manifests of {name}"
    );
    let pointer = pointer(config, name, environment, "root");
    Some(warning(config, &pointer, "missing", message))
}

/// Finds a policy that is not there. Where no policy is, they may be in a repository of their own.
fn policy(
    config: &Config,
    folder: &Path,
    (name, environment): (&str, &Environment),
) -> Option<Lint> {
    let path = &environment.policy;
    if folder.join(path).is_file() {
        return None;
    }
    let (of, _) = path.rsplit_once('/').unwrap_or(("", path));
    let pointer = pointer(config, name, environment, "policy");
    if !folder.join(of).is_dir() {
        let message = format!(
            "there is no `{path}` in this checkout: without a policy nothing is let through, unless --policy-repository names where it is"
        );
        let lint = warning(config, &pointer, "missing", message);
        let severity = Severity::Info;
        return Some(Lint { severity, ..lint });
    }
    let beside = names(&folder.join(of));
    let found = match &beside[..] {
        [] => String::new(),
        names => format!("; found {}", names.join(", ")),
    };
    let message = format!(
        "there is no `{path}` in this checkout, and without a policy nothing is let through{found}"
    );
    Some(warning(config, &pointer, "missing", message))
}

/// The names of the YAML files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    names.sort();
    names
}

/// Finds a service that would be refused in every environment; the first reason is told.
fn refused(
    config: &Arc<Config>,
    folder: &Path,
    service: &Service,
    environments: &[(&str, &Environment)],
    now: DateTime<Utc>,
) -> Option<Lint> {
    let mut first = None;
    for (name, environment) in environments {
        let tried = trial::target(config, service, (name, environment)).and_then(|target| {
            let manifests = manifests(folder, service, environment, now)?;
            trial::replay(&target, &manifests)
        });
        match tried {
            Ok(_) => return None,
            Err(failure) => first = first.or(Some((*name, failure))),
        }
    }
    let (name, Failure(outcome)) = first?;
    let hints = outcome.hints.iter().map(|hint| format!("; {hint}"));
    let message = format!(
        "a deployment to {name} would be refused: {}{}",
        outcome.reason,
        hints.collect::<String>()
    );
    let pointer = format!("/services/{}", service.name);
    Some(warning(config, &pointer, "refused", message))
}

/// Reads the manifests of a service: what any of its globs matches.
fn manifests(
    folder: &Path,
    service: &Service,
    environment: &Environment,
    now: DateTime<Utc>,
) -> Result<Manifests, Failure> {
    let mut files: BTreeMap<String, SourceFile> = BTreeMap::new();
    let mut nothing = None;
    for glob in service.globs(environment) {
        // Most name one file: the folder, with those of thousands of services, need not be listed for each.
        if let Some(file) = file(folder, &glob) {
            files.insert(file.path.clone(), file);
            continue;
        }
        match FileSet::read(folder, &[glob], now) {
            Ok(found) => {
                let manifests = found.manifests();
                let paths = manifests.paths().map(str::to_owned);
                files.extend(paths.map(|path| {
                    let bytes = manifests.text(&path).unwrap_or_default().into();
                    (path.clone(), SourceFile { path, bytes })
                }));
            }
            Err(failure) => nothing = nothing.or(Some(failure)),
        }
    }
    match nothing.filter(|_| files.is_empty()) {
        // Its hints are about flags of another command.
        Some(Failure(outcome)) => Err(Failure::new(outcome.ending, outcome.reason)),
        None => Manifests::parse(files.into_values().collect()).map_err(failure::refusals),
    }
}

/// Reads the file that a glob without wildcards names, where there is one of the usual kind and size.
fn file(folder: &Path, path: &str) -> Option<SourceFile> {
    if path.contains(WILDCARDS) {
        return None;
    }
    let whole = folder.join(path);
    let found = fs::symlink_metadata(&whole).ok()?;
    if !found.is_file() || found.len() > Limits::MANIFEST.bytes as u64 {
        return None;
    }
    let bytes = fs::read(&whole).ok()?;
    let path = path.to_owned();
    Some(SourceFile { path, bytes })
}
