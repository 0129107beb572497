//! An environment that was found: the folders it is in, and what it is called in the configuration.

use std::collections::{BTreeMap, BTreeSet};

/// An environment that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Its name.
    pub name: String,
    /// What stands for `{root}`: the path of its only folder, or what its folders in `parents` are called;
    /// empty = the whole repository. No slash at the end.
    pub root: String,
    /// The folders that hold one called `root`; the only one is empty where `root` is a whole path.
    pub parents: Vec<String>,
    /// Where it is no folder and single files: what stands before `root` and after it in the path of each.
    pub files: Vec<(String, String)>,
    /// What its outermost kustomizations build from, by the folder of each.
    pub built: BTreeMap<String, BTreeSet<String>>,
}

impl Place {
    /// An environment in one folder.
    pub(super) fn new(name: String, root: &str) -> Self {
        Self {
            name,
            root: root.to_owned(),
            parents: vec![String::new()],
            files: Vec::new(),
            built: BTreeMap::new(),
        }
    }

    /// An environment that is one of several files side by side: what stands before its own word in the path of
    /// each, and after it.
    pub(super) fn of_files(name: String, root: &str, files: Vec<(String, String)>) -> Self {
        Self {
            parents: Vec::new(),
            files,
            ..Self::new(name, root)
        }
    }

    /// Returns where it is, for people.
    pub(super) fn shown(&self) -> String {
        let folders = self.folders().chain(self.own_files());
        let folders: Vec<String> = folders.filter(|folder| !folder.is_empty()).collect();
        if folders.is_empty() {
            ".".to_owned()
        } else {
            folders.join(", ")
        }
    }

    /// Returns the paths of its files, where it is no folder.
    fn own_files(&self) -> impl Iterator<Item = String> + '_ {
        let files = self.files.iter();
        files.map(|(before, after)| format!("{before}{}{after}", self.root))
    }

    /// Returns its folders from the repository's root.
    pub(super) fn folders(&self) -> impl Iterator<Item = String> + '_ {
        self.parents.iter().map(|parent| join(parent, &self.root))
    }

    /// Is it in several folders, one beside each service?
    pub(super) fn is_spread(&self) -> bool {
        self.parents.iter().any(|parent| !parent.is_empty())
    }

    /// Does a file belong to it: is it in a folder of its own, or built from there?
    pub(super) fn holds(&self, path: &str) -> bool {
        self.is_own(path) || self.built.values().any(|files| files.contains(path))
    }

    /// Is a file in a folder of its own?
    pub(super) fn is_own(&self, path: &str) -> bool {
        self.folders().any(|folder| is_below(path, &folder))
            || self.own_files().any(|own| own == path)
    }

    /// Does a file belong to one of its folders: is it in there, or built from there?
    pub(super) fn holds_in(&self, folder: &str, path: &str) -> bool {
        let mut built = self.built.iter();
        is_below(path, folder) || built.any(|(at, files)| is_in(at, folder) && files.contains(path))
    }

    /// Returns the path of a file or folder as a glob of the configuration: with `{root}` where it is in a
    /// folder of its own.
    pub(super) fn named(&self, path: &str) -> String {
        let mut files = self.files.iter().zip(self.own_files());
        if let Some(((before, after), _)) = files.find(|(_, own)| own == path) {
            return format!(
                "{}{{root}}{}",
                globset::escape(before),
                globset::escape(after)
            );
        }
        let inside = self.parents.iter().filter_map(|parent| {
            let folder = join(parent, &self.root);
            Some((parent, rest_in(path, &folder)?))
        });
        // The innermost one.
        let inside = inside.max_by_key(|(parent, _)| parent.len());
        match inside.filter(|_| !self.root.is_empty()) {
            Some((parent, rest)) => {
                let folder = join(&globset::escape(parent), "{root}");
                join(&folder, &globset::escape(rest))
            }
            None => globset::escape(path),
        }
    }

    /// Returns the folders of the kustomizations in one of its folders that build a file, with what each
    /// builds from.
    pub(super) fn building<'a>(
        &'a self,
        folder: &'a str,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a BTreeSet<String>)> {
        let here = self.built.iter().filter(move |(at, _)| is_in(at, folder));
        here.filter(move |(_, files)| files.contains(path))
            .map(|(at, files)| (at.as_str(), files))
    }
}

/// Returns the folder of a file, without a slash at the end.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Joins two parts of a path, of which one may be empty.
pub(super) fn join(parent: &str, rest: &str) -> String {
    match (parent, rest) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{parent}/{rest}"),
    }
}

/// Is a file below a folder?
pub(super) fn is_below(path: &str, root: &str) -> bool {
    root.is_empty()
        || path
            .strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Is a folder another one, or in it?
fn is_in(folder: &str, other: &str) -> bool {
    folder == other || is_below(folder, other)
}

fn rest_in<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if path == folder {
        return Some("");
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_root_where_the_environments_own_folder_is() {
        let one = Place::new("production".to_owned(), "clusters/prod");
        let spread = Place {
            parents: vec!["apps/x".to_owned(), "apps/y/overlays".to_owned()],
            ..Place::new("production".to_owned(), "prod")
        };
        let all = Place::new("production".to_owned(), "");
        let files = [("a/values-", ".yaml"), ("b/values.", ".yml")];
        let files = files.map(|(before, after)| (before.to_owned(), after.to_owned()));
        let file = Place::of_files("production".to_owned(), "prod", files.to_vec());
        let rows = [
            (&file, "a/values-prod.yaml", "a/values-{root}.yaml"),
            (&file, "b/values.prod.yml", "b/values.{root}.yml"),
            (&file, "b/values-prod.yaml", "b/values-prod.yaml"),
            (&file, "a/values.yaml", "a/values.yaml"),
            (&one, "clusters/prod/a/web.yaml", "{root}/a/web.yaml"),
            (&one, "clusters/prod", "{root}"),
            (&one, "clusters/prod2/web.yaml", "clusters/prod2/web.yaml"),
            (&one, "base/[x].yaml", "base/[[]x[]].yaml"),
            (&spread, "apps/x/prod/web.yaml", "apps/x/{root}/web.yaml"),
            (
                &spread,
                "apps/y/overlays/prod/a/b.yaml",
                "apps/y/overlays/{root}/a/b.yaml",
            ),
            (&spread, "apps/z/prod/web.yaml", "apps/z/prod/web.yaml"),
            (&all, "web.yaml", "web.yaml"),
        ];
        for (place, path, named) in rows {
            assert_eq!(place.named(path), named, "{path}");
        }
        assert!(spread.is_own("apps/x/prod/web.yaml"));
        assert!(!spread.holds("apps/z/prod/web.yaml"));
    }
}
