//! Where the environments of a repository are: the folders that differ where the same workload is written
//! several times, or what the outermost kustomizations build.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    called::{called, end, environment, is_production, is_word, last, word_in},
    notes::Notes,
    parted,
    place::{Place, folder, is_below},
};
use crate::{
    config::is_name,
    event::{Ending, Failure},
    manifest::{ObjectRef, Surveyed},
};

/// What the outermost kustomizations build, by the path of each.
pub(super) type Built = BTreeMap<String, BTreeSet<String>>;

/// The images that values files are about, by their paths.
pub(super) type Images<'a> = BTreeMap<&'a str, &'a str>;

/// What the repository has.
#[derive(Clone, Copy)]
pub(super) struct Written<'r, 'a> {
    /// The workloads, and the values files of charts.
    pub workloads: &'r [&'a Surveyed],
    /// The images of those.
    pub images: &'r Images<'a>,
    /// What kustomizations build.
    pub built: &'a Built,
}

/// Finds the environments of some workloads, those of production first. `wanted` is the name and the
/// folder that somebody has said.
///
/// # Errors
/// There are several, and none is called so.
pub(super) fn find(
    all: Written<'_, '_>,
    wanted: (Option<&str>, Option<&str>),
    notes: &mut Notes,
) -> Result<Vec<Place>, Failure> {
    let (name, root) = wanted;
    let mut places = match root {
        Some(root) => vec![below(root.trim_end_matches('/').trim_start_matches("./"))],
        None => found(all),
    };
    for place in &mut places {
        for (path, files) in all.built {
            if place.is_own(path) {
                let at = folder(path);
                let known = place.built.entry(at.to_owned()).or_default();
                known.extend(files.iter().cloned());
            }
        }
    }
    if let ([one], Some(name)) = (&mut places[..], name) {
        name.clone_into(&mut one.name);
    }
    places.retain(|place| {
        let is_usual = is_name(&place.name);
        if !is_usual {
            notes.add(format!(
                "{} is left out: no environment can be called as the folder is (at most 63 of a-z 0-9 -); `--root FOLDER --environment NAME` names it",
                place.root
            ));
        }
        is_usual
    });
    places.sort_by_key(|place| (!is_production(&place.name), place.name.clone()));
    places.dedup_by(|one, other| one.name == other.name);
    let Some(name) = name.filter(|_| places.len() > 1) else {
        return Ok(places);
    };
    let found: Vec<String> = places.iter().map(|place| place.name.clone()).collect();
    places.retain(|place| place.name == name);
    if places.is_empty() {
        let reason = format!(
            "--environment: found `{name}`, and the environments here are {}",
            found.join(", ")
        );
        return Err(Failure::new(Ending::Usage, reason).hint(
            "name one of them, or give the folder of yours as --root; without both all are written",
        ));
    }
    Ok(places)
}

/// Finds the folders of environments, and makes one environment of those that are called the same.
fn found(all: Written<'_, '_>) -> Vec<Place> {
    let Written {
        workloads, built, ..
    } = all;
    let roots = kustomized(workloads, built)
        .or_else(|| repeated(all))
        .or_else(|| siblings(workloads));
    let Some(roots) = roots else {
        let files = values_files(workloads);
        return files.unwrap_or_else(|| vec![below(&only(workloads))]);
    };
    let parts = roots.iter().flat_map(|root| parted::parts(root, all));
    let mut roots: BTreeSet<String> = parts.collect();
    if let [one] = &roots.iter().collect::<Vec<_>>()[..] {
        return vec![below(one)];
    }
    // What is in none of them may be in a folder that is called as one of them is.
    let words: BTreeSet<String> = roots.iter().map(|root| last(root).to_owned()).collect();
    for workload in workloads {
        let path = &workload.path;
        let is_built = built.values().any(|files| files.contains(path));
        if is_built || roots.iter().any(|root| is_below(path, root)) {
            continue;
        }
        let parts: Vec<&str> = folder(path).split('/').collect();
        if let Some(at) = parts.iter().rposition(|part| words.contains(*part)) {
            roots.insert(parts[..=at].join("/"));
        }
    }
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for root in roots {
        named.entry(called(&root)).or_default().push(root);
    }
    if named.values().all(|roots| roots.len() == 1) {
        let one = |(name, roots): (String, Vec<String>)| Place::new(name, &roots.concat());
        return named.into_iter().map(one).collect();
    }
    let inside = |root: &str| workloads_in(root, workloads, built);
    let are_copies = |roots: &Vec<String>| {
        let (first, second) = (inside(&roots[0]), roots.get(1).map(|it| inside(it)));
        second.is_some_and(|second| first.is_subset(&second) || second.is_subset(&first))
    };
    if named
        .values()
        .any(|roots| roots.len() > 1 && are_copies(roots))
    {
        return named.into_iter().flat_map(apart).collect();
    }
    named.into_iter().map(spread).collect()
}

/// The same workloads in several folders that are called the same, such as one for each cluster: each is an
/// environment of its own, called by what they differ in.
fn apart((name, roots): (String, Vec<String>)) -> Vec<Place> {
    let paths: Vec<Vec<&str>> = roots.iter().map(|root| root.split('/').collect()).collect();
    let at = common(&paths);
    let own = paths.iter().map(|path| match path.get(at) {
        Some(part) if roots.len() > 1 && environment(part) != name => {
            let name = format!("{name}-{}", environment(part));
            Place::new(name, &path.join("/"))
        }
        _ => Place::new(name.clone(), &path.join("/")),
    });
    own.collect()
}

/// Other workloads in several folders that are called the same, such as one beside each service: they are
/// one environment.
fn spread((name, roots): (String, Vec<String>)) -> Place {
    // What stands for `{root}` is the same in all: what most of them end with.
    let ends: Vec<(&str, &str)> = roots.iter().map(|root| end(root)).collect();
    let count = |end: &str| ends.iter().filter(|(_, other)| *other == end).count();
    let most = ends.iter().map(|(_, end)| *end);
    let most = most.max_by_key(|end| (count(end), std::cmp::Reverse(*end)));
    let most = most.unwrap_or_default();
    let of_it = ends.iter().filter(|(_, end)| *end == most);
    Place {
        parents: of_it.map(|(parent, _)| (*parent).to_owned()).collect(),
        ..Place::new(name, most)
    }
}

/// The workloads below a folder, or built from there.
fn workloads_in<'a>(
    root: &str,
    workloads: &[&'a Surveyed],
    built: &Built,
) -> BTreeSet<&'a ObjectRef> {
    let here = |path: &str| {
        let mut built = built.iter();
        is_below(path, root) || built.any(|(at, files)| folder(at) == root && files.contains(path))
    };
    let all = workloads.iter().filter(|workload| here(&workload.path));
    all.map(|workload| &workload.object).collect()
}

fn below(root: &str) -> Place {
    let root = if root == "." { "" } else { root };
    let parts = root.rsplit('/');
    let word = parts.into_iter().find(|part| is_word(part));
    Place::new(environment(word.unwrap_or("production")), root)
}

/// Every folder of an outermost kustomization that builds a workload, or the one around it that is called as
/// environments are.
fn kustomized(workloads: &[&Surveyed], built: &Built) -> Option<BTreeSet<String>> {
    let builds_some = |files: &BTreeSet<String>| {
        let mut all = workloads.iter();
        all.any(|workload| files.contains(&workload.path))
    };
    let roots = built.iter().filter(|(_, files)| builds_some(files));
    let roots = roots.map(|(path, _)| {
        let path: Vec<&str> = path.split('/').collect();
        let folders = path.len() - 1;
        path[..word_in(&path).map_or(folders, |at| at + 1)].join("/")
    });
    let roots: BTreeSet<String> = roots.collect();
    (!roots.is_empty()).then_some(roots)
}

/// The folders by which the files differ that hold the same workload.
fn repeated(all: Written<'_, '_>) -> Option<BTreeSet<String>> {
    let mut paths: BTreeMap<(&str, &str), Vec<Vec<&str>>> = BTreeMap::new();
    for workload in all.workloads {
        let path: Vec<&str> = workload.path.split('/').collect();
        let key = known_by(workload, all.images);
        paths.entry(key).or_default().push(path);
    }
    let mut roots = BTreeSet::new();
    for same in paths.values().filter(|same| same.len() > 1) {
        // Folders that are called as environments are tell more than where the paths part.
        let of_word = |path: &Vec<&str>| Some(path[..=word_in(path)?].join("/"));
        let of_words: Option<BTreeSet<String>> = same.iter().map(of_word).collect();
        if let Some(of_words) = of_words.filter(|all| all.len() > 1) {
            roots.extend(of_words);
            continue;
        }
        let common = common(same);
        // A file is no folder.
        let folders = same.iter().filter(|path| path.len() > common + 1);
        roots.extend(folders.map(|path| path[..=common].join("/")));
    }
    (roots.len() > 1).then_some(roots)
}

/// Returns what a workload is known by in every folder: its kind, and its name or that of its file.
pub(super) fn known_by<'a>(workload: &'a Surveyed, images: &Images<'a>) -> (&'a str, &'a str) {
    match workload.object.kind.as_str() {
        // A values file is called as the others are, also of other services: what it runs tells them apart.
        ObjectRef::FILE => {
            let image = images.get(workload.path.as_str());
            let image = image.map_or(ObjectRef::FILE, |image| last(image));
            (image, last(&workload.path))
        }
        kind => (kind, &workload.object.name),
    }
}

/// Folders side by side, of which one is called as an environment is.
fn siblings(workloads: &[&Surveyed]) -> Option<BTreeSet<String>> {
    let paths: Vec<Vec<&str>> = workloads
        .iter()
        .map(|workload| workload.path.split('/').collect())
        .collect();
    let common = common(&paths);
    let folders = paths.iter().filter(|path| path.len() > common + 1);
    let roots: BTreeSet<String> = folders.map(|path| path[..=common].join("/")).collect();
    let is_it = roots.len() > 1 && roots.iter().any(|root| is_word(last(root)));
    is_it.then_some(roots)
}

/// Values files side by side that are called by environments: `values-prod.yaml` and `values-staging.yaml`, of one
/// chart or of several.
fn values_files(workloads: &[&Surveyed]) -> Option<Vec<Place>> {
    // What stands before the word and after it, by the word.
    let mut sets: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let files = workloads
        .iter()
        .filter(|it| it.object.kind == ObjectRef::FILE);
    for path in files.map(|file| file.path.as_str()) {
        let at = path.rfind('/').map_or(0, |slash| slash + 1);
        let Some((stem, _)) = path[at..].rsplit_once('.') else {
            continue;
        };
        let (before, after) = (path.split_at(at + stem.len()).0, &path[at + stem.len()..]);
        let Some(separator) = before.rfind(['-', '.', '_', '/']) else {
            continue;
        };
        let (before, word) = before.split_at(separator + 1);
        if is_word(word) {
            sets.entry((before, after)).or_default().insert(word);
        }
    }
    // What stands for `{root}` is one word for each environment: the first set says which there are.
    let words = sets.values().find(|words| words.len() > 1)?.clone();
    let place = |word: &str| {
        let of_word = sets.iter().filter(|(_, words)| words.contains(word));
        let files = of_word.map(|((before, after), _)| ((*before).to_owned(), (*after).to_owned()));
        Place::of_files(environment(word), word, files.collect())
    };
    Some(words.into_iter().map(place).collect())
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
    let named = shared.iter().position(|part| is_word(part));
    shared[..named.map_or(shared.len(), |at| at + 1)].join("/")
}

/// Returns how many parts all of some paths begin with.
pub(super) fn common(paths: &[Vec<&str>]) -> usize {
    let Some((first, others)) = paths.split_first() else {
        return 0;
    };
    let is_shared = |at: usize, part: &&str| others.iter().all(|other| other.get(at) == Some(part));
    let parts = first.iter().enumerate();
    parts.take_while(|(at, part)| is_shared(*at, part)).count()
}
