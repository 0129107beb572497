//! Where the environments of a repository are: the folders that differ where the same workload is written
//! several times, or what the outermost kustomizations build.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{ObjectRef, Surveyed};

/// What folders are called that hold an environment.
const ENVIRONMENTS: [&str; 17] = [
    "production",
    "prod",
    "prd",
    "live",
    "staging",
    "stage",
    "stg",
    "preprod",
    "pre-production",
    "uat",
    "qa",
    "integration",
    "test",
    "testing",
    "development",
    "develop",
    "dev",
];

/// Those of them that mean production.
const PRODUCTION: [&str; 4] = ["production", "prod", "prd", "live"];

/// An environment that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its name.
    pub name: String,
    /// Its folder from the repository's root, without a slash at the end; empty = the whole repository.
    pub root: String,
    /// Files outside of the folder that belong to it all the same: what its kustomization builds.
    pub built: BTreeSet<String>,
    /// Is it what a kustomization builds?
    pub is_kustomized: bool,
}

impl Place {
    /// Does a file belong to it?
    pub(super) fn holds(&self, path: &str) -> bool {
        is_below(path, &self.root) || self.built.contains(path)
    }

    /// Is a file in its folder?
    pub(super) fn is_own(&self, path: &str) -> bool {
        is_below(path, &self.root)
    }

    /// Returns the path of a file as a glob of the configuration: with `{root}` where it is in the folder.
    pub(super) fn named(&self, path: &str) -> String {
        match path.strip_prefix(&format!("{}/", self.root)) {
            Some(rest) if !self.root.is_empty() => format!("{{root}}/{}", globset::escape(rest)),
            _ => globset::escape(path),
        }
    }

    /// Returns the glob of every manifest in the folder.
    pub(super) fn everything(&self) -> String {
        let all = "**/*.yaml".to_owned();
        if self.root.is_empty() {
            return all;
        }
        format!("{{root}}/{all}")
    }
}

/// Finds the environments of some workloads, that of production first. `wanted` is the name and the folder
/// that somebody has said.
pub(super) fn find(
    workloads: &[&Surveyed],
    built: &BTreeMap<String, BTreeSet<String>>,
    wanted: (Option<&str>, Option<&str>),
) -> Vec<Place> {
    let (name, root) = wanted;
    let mut places = match root {
        Some(root) => vec![below(root.trim_end_matches('/').trim_start_matches("./"))],
        None => kustomized(workloads, built)
            .or_else(|| repeated(workloads))
            .or_else(|| siblings(workloads))
            .unwrap_or_else(|| vec![below(&only(workloads))]),
    };
    for place in &mut places {
        let own = built.iter().filter(|(path, _)| folder(path) == place.root);
        for (_, files) in own {
            place.is_kustomized = true;
            let outside = files.iter().filter(|path| !is_below(path, &place.root));
            place.built.extend(outside.cloned());
        }
    }
    if let ([one], Some(name)) = (&mut places[..], name) {
        name.clone_into(&mut one.name);
    }
    places.sort_by_key(|place| (place.name != "production", place.name.clone()));
    places.dedup_by(|one, other| one.name == other.name);
    places
}

fn below(root: &str) -> Place {
    let root = if root == "." { "" } else { root };
    let parts = root.rsplit('/');
    let word = parts
        .into_iter()
        .find(|part| ENVIRONMENTS.contains(&part.to_lowercase().as_str()));
    Place {
        name: environment(word.unwrap_or("production")),
        root: root.to_owned(),
        built: BTreeSet::new(),
        is_kustomized: false,
    }
}

/// Every folder of an outermost kustomization that builds a workload.
fn kustomized(
    workloads: &[&Surveyed],
    built: &BTreeMap<String, BTreeSet<String>>,
) -> Option<Vec<Place>> {
    let builds_some = |files: &BTreeSet<String>| {
        let mut all = workloads.iter();
        all.any(|workload| files.contains(&workload.path))
    };
    let roots = built.iter().filter(|(_, files)| builds_some(files));
    let roots: Vec<&str> = roots.map(|(path, _)| folder(path)).collect();
    match roots.as_slice() {
        [] => None,
        [one] => Some(vec![below(one)]),
        several => Some(several.iter().map(|root| called(root)).collect()),
    }
}

/// The folders by which the files differ that hold the same workload.
fn repeated(workloads: &[&Surveyed]) -> Option<Vec<Place>> {
    let mut paths: BTreeMap<(&str, &str), Vec<Vec<&str>>> = BTreeMap::new();
    for workload in workloads {
        let path: Vec<&str> = workload.path.split('/').collect();
        let last = path.last().copied().unwrap_or_default();
        // A values file is called as the others are.
        let key = match workload.object.kind.as_str() {
            ObjectRef::FILE => (ObjectRef::FILE, last),
            kind => (kind, workload.object.name.as_str()),
        };
        paths.entry(key).or_default().push(path);
    }
    let mut roots = BTreeSet::new();
    for same in paths.values().filter(|same| same.len() > 1) {
        let common = common(same);
        for path in same {
            // A file is no folder.
            if path.len() > common + 1 {
                roots.insert(path[..=common].join("/"));
            }
        }
    }
    (roots.len() > 1).then(|| roots.iter().map(|root| called(root)).collect())
}

/// Folders side by side, of which one is called as an environment is.
fn siblings(workloads: &[&Surveyed]) -> Option<Vec<Place>> {
    let paths: Vec<Vec<&str>> = workloads
        .iter()
        .map(|workload| workload.path.split('/').collect())
        .collect();
    let common = common(&paths);
    let folders = paths.iter().filter(|path| path.len() > common + 1);
    let roots: BTreeSet<String> = folders.map(|path| path[..=common].join("/")).collect();
    let is_named = |root: &String| {
        let last = root.rsplit('/').next().unwrap_or_default();
        ENVIRONMENTS.contains(&last.to_lowercase().as_str())
    };
    let is_it = roots.len() > 1 && roots.iter().any(is_named);
    is_it.then(|| roots.iter().map(|root| called(root)).collect())
}

/// The folder that every workload is in, up to a part of it that names an environment.
fn only(workloads: &[&Surveyed]) -> String {
    let folders: Vec<Vec<&str>> = workloads
        .iter()
        .map(|workload| folder(&workload.path).split('/').collect())
        .collect();
    let Some(first) = folders.first() else {
        return String::new();
    };
    let shared = &first[..common(&folders)];
    let named = shared
        .iter()
        .position(|part| ENVIRONMENTS.contains(&part.to_lowercase().as_str()));
    shared[..named.map_or(shared.len(), |at| at + 1)].join("/")
}

/// An environment that is called as its folder.
fn called(root: &str) -> Place {
    let last = root.rsplit('/').next().unwrap_or_default();
    Place {
        name: environment(if last.is_empty() { "production" } else { last }),
        ..below(root)
    }
}

fn environment(word: &str) -> String {
    let word = word.to_lowercase();
    if PRODUCTION.contains(&word.as_str()) {
        return "production".to_owned();
    }
    let is_usual = |character: char| character.is_ascii_alphanumeric() || character == '-';
    word.replace(|character| !is_usual(character), "-")
}

/// Returns how many parts all of some paths begin with.
fn common(paths: &[Vec<&str>]) -> usize {
    let Some((first, others)) = paths.split_first() else {
        return 0;
    };
    let is_shared = |at: usize, part: &&str| others.iter().all(|other| other.get(at) == Some(part));
    let parts = first.iter().enumerate();
    parts.take_while(|(at, part)| is_shared(*at, part)).count()
}

/// Returns the folder of a file, without a slash at the end.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn is_below(path: &str, root: &str) -> bool {
    root.is_empty()
        || path
            .strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'))
}
