//! Reads the manifests of a service from a commit of the GitOps repository.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{failure, load::Target};
use crate::{
    event::{Ending, Failure},
    git::{CommitId, EntryKind, GitError, Repository, TreeEntry},
    manifest::{Manifests, SourceFile, may_select_pods},
};

/// Reads the manifests of a service at a commit.
///
/// # Errors
/// No file matches; as [`manifests_if_any`].
pub async fn manifests(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
) -> Result<Manifests, Failure> {
    let found = manifests_if_any(repository, commit, target).await?;
    found.ok_or_else(|| {
        let reason = none_matches(target, commit);
        Failure::new(Ending::EditRefused, reason).hint(
            "check `manifests` of the service and `root` of the environment in the configuration",
        )
    })
}

/// Reads the manifests of a service at a commit; none where no file matches.
///
/// # Errors
/// A matching path is no file of this repository, or leads through something that
/// is none; a file cannot be read as manifests.
pub async fn manifests_if_any(
    repository: &Repository,
    commit: &CommitId,
    target: &Target,
) -> Result<Option<Manifests>, Failure> {
    let globs = target.service.globs(&target.environment);
    let set = glob_set(&globs)?;
    let mut files = Vec::new();
    let mut beside = Vec::new();
    let listing = repository.list(commit).await.map_err(failure::git)?;
    for (position, entry) in listing.iter().enumerate() {
        if !set.is_match(&entry.path) {
            check_way(entry, &globs)?;
            if may_hold_selectors(entry, &target.environment.root) {
                beside.push(position);
            }
            continue;
        }
        check_kind(entry)?;
        if let Some(bytes) = repository
            .read(commit, &entry.path)
            .await
            .map_err(unreadable)?
        {
            files.push(SourceFile {
                path: entry.path.clone(),
                bytes,
            });
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    let manifests = Manifests::parse(files).map_err(failure::refusals)?;
    manifests.check_readable().map_err(failure::refusals)?;
    // What cannot be read (too large, kept elsewhere) selects no pods.
    let selecting = repository
        .read_where(&listing, beside, may_select_pods)
        .await
        .map_err(failure::git)?;
    Ok(Some(manifests.beside(selecting)))
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
