//! Reads the manifests of a service from a commit of the GitOps repository.

use std::collections::HashSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{failure, load::Target};
use crate::{
    event::{Ending, Failure},
    git::{CommitId, EntryKind, GitError, Repository, TreeEntry},
    manifest::{Change, Manifests, Refusal, SourceFile, may_select_pods},
};

/// What a way back reads.
#[derive(Debug)]
pub struct ForWayBack {
    /// The manifests.
    pub manifests: Manifests,
    /// Files of the service that cannot be read and hold none of the values: why, a line each.
    pub left_out: Vec<String>,
}

/// Which files have to be there and be readable.
enum Need<'a> {
    /// Every one that the configuration names.
    All,
    /// These, whatever the configuration says by now; what else cannot be read is left out.
    Only(HashSet<&'a str>),
}

impl Need<'_> {
    fn is_needed(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(paths) => paths.contains(path),
        }
    }

    fn names(&self, path: &str) -> bool {
        matches!(self, Self::Only(paths) if paths.contains(path))
    }
}

/// Reads the manifests of a service at a commit.
///
/// # Errors
/// No file matches; as [`manifests_if_any`].
pub async fn manifests(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
) -> Result<Manifests, Failure> {
    let read = read(repository, commit, target, &Need::All).await?;
    let read = read.ok_or_else(|| no_manifest(target, commit))?;
    Ok(read.manifests)
}

/// As [`manifests`]; none where no file matches.
///
/// # Errors
/// A matching path is no file of this repository, or leads through something that
/// is none; a file cannot be read as manifests.
pub async fn manifests_if_any(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
) -> Result<Option<Manifests>, Failure> {
    let read = read(repository, commit, target, &Need::All).await?;
    Ok(read.map(|read| read.manifests))
}

/// As [`manifests`], to take back what was written: the files that hold that are read whatever the
/// configuration names by now, and what somebody else has broken besides keeps nobody from going back.
///
/// # Errors
/// As [`manifests`], of the files with the values.
pub async fn manifests_for_way_back(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
    written: &[Change],
) -> Result<ForWayBack, Failure> {
    let read = way_back_if_any(repository, commit, target, written).await?;
    read.ok_or_else(|| no_manifest(target, commit))
}

/// As [`manifests_for_way_back`]; none where no file is there.
///
/// # Errors
/// As [`manifests_if_any`], of the files with the values.
pub async fn way_back_if_any(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
    written: &[Change],
) -> Result<Option<ForWayBack>, Failure> {
    let paths = written.iter().map(|change| change.path.as_str());
    read(repository, commit, target, &Need::Only(paths.collect())).await
}

async fn read(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
    need: &Need<'_>,
) -> Result<Option<ForWayBack>, Failure> {
    let globs = target.service.globs(&target.environment);
    let set = glob_set(&globs)?;
    let folders: Vec<&str> = globs.iter().map(|glob| folder_of(glob)).collect();
    let may_match = |path: &str| folders.iter().any(|folder| path.starts_with(folder));
    let mut files = Vec::new();
    let mut beside = Vec::new();
    let mut left_out = Vec::new();
    let listing = repository.list(commit).await.map_err(failure::git)?;
    for (position, entry) in listing.iter().enumerate() {
        let is_named = may_match(&entry.path) && set.is_match(&*entry.path);
        let checked = if is_named || need.names(&entry.path) {
            check_kind(entry)
        } else {
            if may_hold_selectors(entry, &target.environment.root) {
                beside.push(position);
            }
            match check_way(entry, &globs) {
                Ok(()) => continue,
                refused => refused,
            }
        };
        let bytes = match checked {
            Ok(()) => repository
                .read(commit, &entry.path)
                .await
                .map_err(unreadable),
            Err(refused) => Err(refused),
        };
        match bytes {
            Ok(None) => {}
            Ok(Some(bytes)) => files.push(SourceFile {
                path: entry.path.to_string(),
                bytes,
            }),
            Err(failure)
                if failure.0.ending == Ending::EditRefused && !need.is_needed(&entry.path) =>
            {
                left_out.push(failure.to_string());
            }
            Err(failure) => return Err(failure),
        }
    }
    if files.is_empty() && left_out.is_empty() {
        return Ok(None);
    }
    let mut put_aside = |refusals: Vec<Refusal>| {
        let is_needed = |refusal: &Refusal| {
            refusal
                .path
                .as_deref()
                .is_none_or(|path| need.is_needed(path))
        };
        let (needed, rest): (Vec<_>, Vec<_>) = refusals.into_iter().partition(is_needed);
        if !needed.is_empty() {
            return Err(failure::refusals(needed));
        }
        left_out.extend(rest.iter().map(Refusal::to_string));
        let paths = rest.into_iter().filter_map(|refusal| refusal.path);
        Ok(paths.collect::<HashSet<String>>())
    };
    if matches!(need, Need::Only(_))
        && let Err(refusals) = Manifests::parse(files.clone())
    {
        let aside = put_aside(refusals)?;
        files.retain(|file| !aside.contains(&file.path));
    }
    let parsed = Manifests::parse(files).map_err(failure::refusals)?;
    if let Err(refusals) = parsed.check_readable() {
        put_aside(refusals)?;
    }
    // What cannot be read (too large, kept elsewhere) selects no pods.
    let selecting = repository
        .read_where(&listing, beside, may_select_pods)
        .await
        .map_err(failure::git)?;
    Ok(Some(ForWayBack {
        manifests: parsed.beside(selecting),
        left_out,
    }))
}

fn no_manifest(target: &Target, commit: &CommitId) -> Failure {
    Failure::new(Ending::EditRefused, none_matches(target, commit))
        .hint("check `manifests` of the service and `root` of the environment in the configuration")
}

/// Makes the globs of a service's manifests ready to be matched.
///
/// # Errors
/// One of them is not valid.
pub(super) fn glob_set(globs: &[String]) -> Result<GlobSet, Failure> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let glob = GlobBuilder::new(glob)
            .literal_separator(true)
            .build()
            .map_err(|error| {
                Failure::new(
                    Ending::ConfigInvalid,
                    format!("the glob `{glob}` is not valid: {}", error.kind()),
                )
            })?;
        set.add(glob);
    }
    set.build().map_err(|error| {
        Failure::new(
            Ending::ConfigInvalid,
            format!("the globs are not valid: {}", error.kind()),
        )
    })
}

/// Returns the folder, with `/` at its end, that all matches of a glob are in: to look at that first is much faster
/// where there are many files.
pub(super) fn folder_of(glob: &str) -> &str {
    let literal = literal_of(glob);
    literal.rfind('/').map_or("", |slash| &literal[..=slash])
}

/// Returns what stands before the first wildcard of a glob.
pub(super) fn literal_of(glob: &str) -> &str {
    let wildcard = glob.find(['*', '?', '[', '{', '\\']);
    wildcard.map_or(glob, |wildcard| &glob[..wildcard])
}

/// Refuses what a glob matches and is no file.
fn check_kind(entry: &TreeEntry) -> Result<(), Failure> {
    let (what, hint) = match entry.kind {
        EntryKind::File | EntryKind::Executable => return Ok(()),
        EntryKind::Symlink => (
            "is a symbolic link, expected a file",
            "name the file itself in `manifests`",
        ),
        EntryKind::Submodule => (
            "is a submodule, expected a file",
            "deploy to the submodule's own repository, or keep the file in this one",
        ),
        EntryKind::Unnameable => (
            "its name is not UTF-8, expected one that is",
            "rename the file, or leave it out of `manifests`",
        ),
    };
    let path = &entry.path;
    Err(Failure::new(Ending::EditRefused, format!("{path}: {what}")).hint(hint))
}

/// Refuses a link or submodule that a glob leads through: what lies behind it is not in this commit.
fn check_way(entry: &TreeEntry, globs: &[String]) -> Result<(), Failure> {
    let (what, hint) = match entry.kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Unnameable => return Ok(()),
        EntryKind::Symlink => (
            "a symbolic link",
            "write the path that the link leads to into `manifests`",
        ),
        EntryKind::Submodule => (
            "a submodule",
            "deploy to the submodule's own repository, or keep the files in this one",
        ),
    };
    let below = format!("{}/", entry.path);
    match globs.iter().find(|glob| glob.starts_with(&below)) {
        None => Ok(()),
        Some(glob) => Err(Failure::new(
            Ending::EditRefused,
            format!(
                "{}: is {what}, and `{glob}` leads into it, expected a folder",
                entry.path
            ),
        )
        .hint(hint)),
    }
}

/// A file that is named in `manifests` and kept in another way than as a file of the commit.
fn unreadable(error: GitError) -> Failure {
    match error {
        GitError::Invalid { message, hint } => {
            Failure::new(Ending::EditRefused, message).hint(hint)
        }
        error => failure::git(error),
    }
}

/// Says that no file of a commit is a manifest of a service.
pub fn none_matches(target: &Target, commit: &CommitId) -> String {
    let globs = target.service.globs(&target.environment);
    let globs: Vec<_> = globs.iter().map(|glob| format!("`{glob}`")).collect();
    format!(
        "no manifest of `{}` matches {} at commit {}",
        target.service.name,
        globs.join(", "),
        commit.short()
    )
}

/// Is a path below the folder of an environment?
pub(super) fn is_below(path: &str, root: &str) -> bool {
    let root = root.trim_matches('/');
    let rest = path.strip_prefix(root);
    root == "." || rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Is it a file, and not a link or a submodule?
pub(super) fn is_file(entry: &TreeEntry) -> bool {
    matches!(entry.kind, EntryKind::File | EntryKind::Executable)
}

/// Is this a file of the environment in which something could stand that selects our pods?
fn may_hold_selectors(entry: &TreeEntry, root: &str) -> bool {
    let manifest = [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| entry.path.ends_with(ending));
    is_below(&entry.path, root) && manifest && is_file(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_glob_matches_is_in_its_folder() {
        for (glob, folder, path) in [
            (
                "clusters/prod/shop.yaml",
                "clusters/prod/",
                "clusters/prod/shop.yaml",
            ),
            (
                "clusters/prod/*.yaml",
                "clusters/prod/",
                "clusters/prod/shop.yaml",
            ),
            (
                "clusters/prod*/a.yaml",
                "clusters/",
                "clusters/production/a.yaml",
            ),
            (
                "clusters/{prod,test}/a.yaml",
                "clusters/",
                "clusters/test/a.yaml",
            ),
            (
                "clusters/[pq]rod/a.yaml",
                "clusters/",
                "clusters/prod/a.yaml",
            ),
            ("**/a.yaml", "", "a.yaml"),
            ("a.yaml", "", "a.yaml"),
            (r"clu\[s\]ters/a.yaml", "", "clu[s]ters/a.yaml"),
        ] {
            assert_eq!(folder_of(glob), folder, "{glob}");
            let set = glob_set(&[glob.to_owned()]).unwrap();
            assert!(set.is_match(path) && path.starts_with(folder), "{glob}");
        }
    }
}
