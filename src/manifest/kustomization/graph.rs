//! Which kustomizations build a file, from the inside out: the order in which they take effect.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    manifest::{Manifests, ObjectRef, cursor::Cursor, manifests::views_with, object::View},
    yaml::{Document, NodeId},
};

/// The file names that kustomize looks for.
const FILE_NAMES: &[&str] = &["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// How deep kustomizations are followed; real ones are three or four deep.
const DEPTH: usize = 50;

/// Index of a kustomization in its [`Graph`].
type Layer = usize;

/// The files that a kustomization builds, each with the kustomizations that it goes through on its way.
type Built = Vec<(String, Vec<Layer>)>;

/// The kustomizations among the files, and what they build.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Graph {
    kustomizations: Vec<Kustomization>,
    /// The kustomization in each folder.
    folders: HashMap<String, Layer>,
    /// File -> for each outermost kustomization that builds it, the way from the inside out.
    ways: HashMap<String, Vec<Vec<Layer>>>,
    /// Files that are patches.
    patches: HashSet<String>,
}

/// A kustomization and the paths that it names, from the repository's root.
#[derive(Debug)]
struct Kustomization {
    path: String,
    folder: String,
    resources: Vec<String>,
    components: Vec<String>,
    patches: Vec<String>,
}

impl Graph {
    /// Reads the kustomizations among some files.
    pub(in crate::manifest) fn read(manifests: &Manifests) -> Self {
        let kustomizations: Vec<Kustomization> =
            views(manifests).map(Kustomization::read).collect();
        let patches = kustomizations
            .iter()
            .flat_map(|kustomization| kustomization.patches.iter().cloned())
            .collect();
        let folders = kustomizations.iter().enumerate();
        let folders = folders.map(|(layer, kustomization)| (kustomization.folder.clone(), layer));
        let mut graph = Self {
            folders: folders.collect(),
            kustomizations,
            ways: HashMap::new(),
            patches,
        };
        graph.follow();
        graph
    }

    /// Is there no kustomization?
    pub(in crate::manifest) fn is_empty(&self) -> bool {
        self.kustomizations.is_empty()
    }

    /// Does a kustomization build a file?
    pub(super) fn builds(&self, path: &str) -> bool {
        self.ways.contains_key(path)
    }

    /// Is a file a patch of a kustomization?
    pub(in crate::manifest) fn is_patch(&self, path: &str) -> bool {
        self.patches.contains(path)
    }

    /// Returns the kustomizations that have a file as a patch.
    pub(super) fn patching_with(&self, path: &str) -> Vec<&str> {
        let has_it = |kustomization: &&Kustomization| {
            let mut patches = kustomization.patches.iter();
            patches.any(|patch| patch == path)
        };
        let kustomizations = if self.is_patch(path) {
            self.kustomizations.as_slice()
        } else {
            &[]
        };
        kustomizations
            .iter()
            .filter(has_it)
            .map(|kustomization| kustomization.path.as_str())
            .collect()
    }

    /// Leaves the objects themselves of what may also be patches of them.
    pub(in crate::manifest) fn drop_patches(&self, views: &mut Vec<View<'_>>) {
        let objects = self.objects(views);
        views.retain(|view| !self.is_patch(view.path()) || !objects.contains(view.reference()));
    }

    /// Leaves what are patches of objects that are there.
    pub(in crate::manifest) fn keep_patches(&self, views: &mut Vec<View<'_>>) {
        let objects = self.objects(views);
        views.retain(|view| self.is_patch(view.path()) && objects.contains(view.reference()));
    }

    /// The objects that are written in other files than patches.
    fn objects(&self, views: &[View<'_>]) -> HashSet<ObjectRef> {
        let own = views.iter().filter(|view| !self.is_patch(view.path()));
        own.map(|view| view.reference().clone()).collect()
    }

    /// Returns the files that a kustomization builds, in the order of their paths.
    pub(super) fn built_by(&self, kustomization: &str) -> impl Iterator<Item = &str> {
        let is_it = |layer: &Layer| {
            let layer = self.kustomizations.get(*layer);
            layer.is_some_and(|layer| layer.path == kustomization)
        };
        let goes_through = |ways: &Vec<Vec<Layer>>| ways.iter().flatten().any(is_it);
        let mut files: Vec<&str> = self
            .ways
            .iter()
            .filter(|(_, ways)| goes_through(ways))
            .map(|(path, _)| path.as_str())
            .collect();
        files.sort_unstable();
        files.into_iter()
    }

    /// Returns the outermost kustomizations, each with the files and the kustomizations that it builds from.
    pub(in crate::manifest) fn outermost(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (file, ways) in &self.ways {
            for way in ways {
                let layers = way
                    .iter()
                    .filter_map(|layer| self.kustomizations.get(*layer));
                let paths: Vec<&String> = layers.map(|layer| &layer.path).collect();
                let Some(outermost) = paths.last() else {
                    continue;
                };
                let built = found.entry((*outermost).clone()).or_default();
                built.insert(file.clone());
                built.extend(paths.into_iter().cloned());
            }
        }
        found
    }

    /// Returns the ways that a file takes through kustomizations, one for each outermost of them.
    pub(super) fn ways<'a>(&self, manifests: &'a Manifests, path: &str) -> Vec<Vec<Cursor<'a>>> {
        let ways = self.ways.get(path).map(Vec::as_slice).unwrap_or_default();
        let cursors = |way: &Vec<Layer>| {
            let layers = way
                .iter()
                .filter_map(|layer| self.kustomizations.get(*layer));
            layers
                .filter_map(|kustomization| cursor(manifests, &kustomization.path))
                .collect()
        };
        ways.iter().map(cursors).collect()
    }

    /// Returns all kustomizations.
    pub(super) fn all<'a>(&self, manifests: &'a Manifests) -> Vec<Cursor<'a>> {
        self.kustomizations
            .iter()
            .filter_map(|kustomization| cursor(manifests, &kustomization.path))
            .collect()
    }

    fn follow(&mut self) {
        let parts: HashSet<Layer> = self
            .kustomizations
            .iter()
            .flat_map(|kustomization| {
                kustomization
                    .resources
                    .iter()
                    .chain(&kustomization.components)
            })
            .filter_map(|path| self.in_folder(path))
            .collect();
        let mut known = HashMap::new();
        for layer in (0..self.kustomizations.len()).filter(|layer| !parts.contains(layer)) {
            for (file, way) in self.built(layer, 0, &mut known) {
                self.ways.entry(file).or_default().push(way);
            }
        }
    }

    fn in_folder(&self, folder: &str) -> Option<Layer> {
        self.folders.get(folder).copied()
    }

    /// Returns what a kustomization builds: its resources first, then its components, which take
    /// effect on all of these, then what it does itself.
    fn built(&self, layer: Layer, depth: usize, known: &mut HashMap<Layer, Built>) -> Built {
        if let Some(built) = known.get(&layer) {
            return built.clone();
        }
        let Some(kustomization) = self.kustomizations.get(layer).filter(|_| depth < DEPTH) else {
            return Built::new();
        };
        // One that leads back to itself builds nothing.
        known.insert(layer, Built::new());
        let mut built = Built::new();
        for path in &kustomization.resources {
            match self.in_folder(path) {
                Some(inner) => built.extend(self.built(inner, depth + 1, known)),
                None => built.push((path.clone(), Vec::new())),
            }
        }
        for component in &kustomization.components {
            let Some(component) = self.in_folder(component) else {
                continue;
            };
            let own = self.built(component, depth + 1, known);
            let applied = self.applied(component, depth + 1);
            for (_, way) in &mut built {
                way.extend(&applied);
            }
            built.extend(own);
        }
        // The object of a patch file is looked at where nothing else holds the object.
        built.extend(
            kustomization
                .patches
                .iter()
                .map(|path| (path.clone(), Vec::new())),
        );
        let mut seen = HashSet::new();
        built.retain(|(file, _)| seen.insert(file.clone()));
        for (_, way) in &mut built {
            way.push(layer);
        }
        known.insert(layer, built.clone());
        built
    }

    /// Returns what a component brings into effect, itself last.
    fn applied(&self, component: Layer, depth: usize) -> Vec<Layer> {
        let mut applied = Vec::new();
        if let Some(kustomization) = self.kustomizations.get(component).filter(|_| depth < DEPTH) {
            let inner = kustomization.components.iter();
            for inner in inner.filter_map(|path| self.in_folder(path)) {
                if inner != component && !applied.contains(&inner) {
                    applied.extend(self.applied(inner, depth + 1));
                }
            }
        }
        applied.push(component);
        applied
    }
}

impl Kustomization {
    fn read(view: View<'_>) -> Self {
        let (folder, _) = split(view.path());
        let document: &Document = view.document;
        let root = view.object.root;
        let texts = |key: &str| -> Vec<String> {
            let list = document.get(root, key);
            let items = list.into_iter().flat_map(|list| document.items(list));
            let texts = items.filter_map(|item| document.text(item));
            texts.filter_map(|path| resolved(folder, path)).collect()
        };
        let paths_of = |key: &str| -> Vec<String> {
            let list = document.get(root, key);
            let items = list.into_iter().flat_map(|list| document.items(list));
            let path = |item: NodeId| document.text(document.get(item, "path")?);
            let paths = items.filter_map(path);
            paths.filter_map(|path| resolved(folder, path)).collect()
        };
        Self {
            path: view.path().to_owned(),
            folder: folder.to_owned(),
            resources: [texts("resources"), texts("bases")].concat(),
            components: texts("components"),
            patches: [
                texts("patchesStrategicMerge"),
                paths_of("patches"),
                paths_of("patchesJson6902"),
            ]
            .concat(),
        }
    }
}

/// Iterates over the kustomizations among some files.
fn views(manifests: &Manifests) -> impl Iterator<Item = View<'_>> {
    manifests
        .parsed_files()
        .filter(|file| is_kustomization(&file.path))
        .filter_map(|file| views_with(file, &[]).next())
}

fn cursor<'a>(manifests: &'a Manifests, path: &str) -> Option<Cursor<'a>> {
    let file = manifests.parsed_file(path)?;
    views_with(file, &[]).next().map(Cursor::new)
}

/// Does a file have a name that kustomize looks for?
pub(in crate::manifest) fn is_kustomization(path: &str) -> bool {
    FILE_NAMES.contains(&split(path).1)
}

/// Returns those of some kustomizations (path and text) that may build one of some files, also through another
/// of them: every word that leads there counts, so rather one too many than one too few.
pub(in crate::manifest) fn reaching<'a>(
    kustomizations: &[(&'a str, &'a str)],
    files: impl IntoIterator<Item = String>,
) -> Vec<&'a str> {
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut reached: HashSet<String> = files.into_iter().collect();
    // There may be a thousand of them, and mostly a look at the end of each word is enough.
    let mut names: HashSet<String> = reached.iter().map(|path| last(path)).collect();
    let mut left: Vec<(&str, &str)> = kustomizations.to_vec();
    let mut found = Vec::new();
    loop {
        let (more, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(path, text)| {
            let (folder, _) = split(path);
            let mut words = text.split(|it: char| it.is_whitespace() || ",[]{}'\"".contains(it));
            words.any(|word| {
                let end = word.trim_end_matches('/').rsplit('/').next();
                let end = end.unwrap_or_default();
                let may_lead = end == ".." || end == "." || names.contains(end);
                may_lead && resolved(folder, word).is_some_and(|path| reached.contains(&path))
            })
        });
        if more.is_empty() {
            return found;
        }
        for (path, _) in more {
            // Others name the folder, or the file itself.
            for path in [split(path).0, path] {
                names.insert(last(path));
                reached.insert(path.to_owned());
            }
            found.push(path);
        }
        left = rest;
    }
}

/// Takes a path apart into folder and file name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Returns the path from the repository's root of a path that is written in the file of a folder; none
/// where it leads out of the repository, or to another machine.
fn resolved(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains("://") || path.contains('\n') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns the path from the repository's root of a path that a kustomization names.
pub(super) fn file_of(kustomization: &Cursor<'_>, path: &str) -> Option<String> {
    resolved(split(kustomization.view.path()).0, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_build_a_file_is_found_through_others() {
        let all = [
            (
                "base/shop/kustomization.yaml",
                "resources:\n  - shop.yaml\n",
            ),
            ("base/cart/kustomization.yaml", "resources: [cart.yaml]\n"),
            (
                "prod/shop/kustomization.yaml",
                "resources: ['../../base/shop/']\n",
            ),
            ("prod/kustomization.yaml", "resources: [\"shop\", ./cart]\n"),
            (
                "prod/cart/kustomization.yaml",
                "resources: [../../base/cart]\n",
            ),
            ("prod/shop/eu/kustomization.yaml", "resources:\n- ..\n"),
            (
                "other/kustomization.yaml",
                "resources: [https://git.example/base/shop]\n",
            ),
            (
                "staging/kustomization.yaml",
                "# shop.yaml is elsewhere: base/shop\n",
            ),
        ];
        let found = |files: &[&str]| {
            let files = files.iter().map(|file| (*file).to_owned());
            let mut found = reaching(&all, files);
            found.sort_unstable();
            found.join(" ")
        };
        assert_eq!(
            found(&["base/shop/shop.yaml"]),
            "base/shop/kustomization.yaml prod/kustomization.yaml prod/shop/eu/kustomization.yaml \
             prod/shop/kustomization.yaml"
        );
        assert_eq!(found(&["base/shop/other.yaml", "shop.yaml"]), "");
    }
}
