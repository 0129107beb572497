//! Folders inside the folder of an environment that hold copies of the same workloads, such as one for each
//! region: each is an environment of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    place::is_below,
    places::{Written, common, known_by},
};

/// What a workload is known by in every folder: its kind, and its name or that of its file.
type Key<'a> = (&'a str, &'a str);

/// Returns the folders that hold a copy each, where a folder has some; else the folder itself.
pub(super) fn parts(root: &str, all: Written<'_, '_>) -> Vec<String> {
    copies(root, all).unwrap_or_else(|| vec![root.to_owned()])
}

fn copies(root: &str, all: Written<'_, '_>) -> Option<Vec<String>> {
    let all = written(root, all);
    let mut by_key: BTreeMap<Key<'_>, Vec<Vec<&str>>> = BTreeMap::new();
    for (key, path) in &all {
        by_key
            .entry(*key)
            .or_default()
            .push(path.split('/').collect());
    }
    let repeated = by_key.values().filter(|paths| paths.len() > 1);
    let parting = repeated.filter_map(|paths| {
        let at = common(paths);
        // A file is no folder.
        let first = paths.first().filter(|path| path.len() > at + 1)?;
        Some((at, first.get(..at)?.join("/")))
    });
    let (at, around) = parting.min()?;
    let mut parts: BTreeMap<String, BTreeSet<Key<'_>>> = BTreeMap::new();
    for (key, path) in &all {
        let path_parts: Vec<&str> = path.split('/').collect();
        if is_below(path, &around) && path_parts.len() > at + 1 {
            let part = path_parts[..=at].join("/");
            parts.entry(part).or_default().insert(*key);
        }
    }
    // Where they hold different things, they are the services and no copies.
    let largest = parts.values().max_by_key(|keys| keys.len())?;
    let are_copies = parts.values().all(|keys| keys.is_subset(largest));
    (are_copies && parts.len() > 1).then(|| parts.into_keys().collect())
}

/// Returns the workloads of a folder, each with the path of its file; of what kustomizations of the folder build
/// the paths of those.
fn written<'a>(root: &str, written: Written<'_, 'a>) -> BTreeSet<(Key<'a>, &'a str)> {
    let mut all = BTreeSet::new();
    for workload in written.workloads {
        let here = written
            .built
            .iter()
            .filter(|(path, _)| is_below(path, root));
        let building = here.filter(|(_, files)| files.contains(&workload.path));
        let mut building = building.map(|(path, _)| path.as_str()).peekable();
        let key = known_by(workload, written.images);
        if building.peek().is_some() {
            all.extend(building.map(|path| (key, path)));
        } else if is_below(&workload.path, root) {
            all.insert((key, workload.path.as_str()));
        }
    }
    all
}
