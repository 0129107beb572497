//! Reads files beside a policy: from the same folder on disk, or from the same commit.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::OnceCell;

use super::failure;
use crate::{
    event::{Ending, Failure},
    git::{CommitId, GitError, LFS_HINT, Repository, TreeEntry, is_lfs_pointer},
    policy::PolicySource,
    yaml::Limits,
};

/// The folder that a policy lies in. Whoever can change a file in it can change the policy too.
pub struct Beside<'a> {
    place: Place<'a>,
    /// The folder, as messages show it; empty = the root, or the folder the command runs in.
    shown: String,
}

enum Place<'a> {
    Disk(PathBuf),
    Commit {
        repository: &'a Repository,
        commit: CommitId,
        listing: OnceCell<Arc<[TreeEntry]>>,
    },
}

impl<'a> Beside<'a> {
    /// Files in the folder of a policy on disk. `policy` is where it is, `source` how the user
    /// wrote it.
    pub fn on_disk(policy: &Path, source: &PolicySource) -> Self {
        let folder = policy.parent().unwrap_or(Path::new(""));
        Self {
            place: Place::Disk(folder.to_owned()),
            shown: folder_of(&source.path).to_owned(),
        }
    }

    /// Files in the folder of a policy that was read from a commit.
    ///
    /// # Errors
    /// [`Ending::Internal`]: the source names no commit.
    pub fn at_source(repository: &'a Repository, source: &PolicySource) -> Result<Self, Failure> {
        let commit = source.commit.as_deref().unwrap_or_default();
        let commit = commit
            .parse()
            .map_err(|error: String| Failure::new(Ending::Internal, error))?;
        Ok(Self::at_commit(
            repository,
            commit,
            folder_of(&source.path).to_owned(),
        ))
    }

    /// Files in a folder of a commit; empty = its root.
    pub fn at_commit(repository: &'a Repository, commit: CommitId, folder: String) -> Self {
        Self {
            place: Place::Commit {
                repository,
                commit,
                listing: OnceCell::new(),
            },
            shown: folder,
        }
    }

    /// Returns the path of a file, as messages show it.
    pub fn path(&self, relative: &str) -> String {
        match self.shown.as_str() {
            "" => relative.to_owned(),
            "/" => format!("/{relative}"),
            folder => format!("{folder}/{relative}"),
        }
    }

    /// Reads a file beside the policy; none = there is no such file. `relative` may lead into
    /// folders, with `/`, but not out. Never follows a link.
    ///
    /// # Errors
    /// [`Ending::ConfigInvalid`]: a path that leads elsewhere; a folder, a link, a submodule or
    /// something behind one; a file above 2 MiB or kept in Git LFS; a name that differs from one
    /// that is there in upper and lower case only, so that machines disagree about which it is.
    /// The git server's own endings where it is asked.
    pub async fn read(&self, relative: &str) -> Result<Option<Vec<u8>>, Failure> {
        check_path(relative)?;
        let path = self.path(relative);
        let bytes = match &self.place {
            Place::Disk(folder) => read_on_disk(folder, relative, &path)?,
            Place::Commit {
                repository,
                commit,
                listing,
            } => {
                let entries = listing
                    .get_or_try_init(|| repository.list(commit))
                    .await
                    .map_err(failure::git)?;
                if let Some(other) = entries.iter().find_map(|entry| other_case(entry, &path)) {
                    return Err(differs_in_case(&path, other));
                }
                repository.read(commit, &path).await.map_err(refused)?
            }
        };
        if let Some(bytes) = &bytes {
            check_content(&path, bytes)?;
        }
        Ok(bytes)
    }
}

/// A path of the repository is the user's or a policy's to mend, not a mistake on the command line.
fn refused(error: GitError) -> Failure {
    let failure = failure::git(error);
    if failure.0.ending != Ending::Usage {
        return failure;
    }
    let mut refused = Failure::new(Ending::ConfigInvalid, failure.0.reason);
    refused.0.hints = failure.0.hints;
    refused
}

fn folder_of(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) => "/",
        Some(end) => &path[..end],
        None => "",
    }
}

fn check_path(relative: &str) -> Result<(), Failure> {
    let part_is_good = |part: &str| !matches!(part, "" | "." | "..");
    let drive = relative.as_bytes().get(1) == Some(&b':');
    let odd = |character: char| character == '\\' || character.is_control();
    if relative.split('/').all(part_is_good) && !drive && !relative.contains(odd) {
        return Ok(());
    }
    Err(Failure::new(
        Ending::ConfigInvalid,
        format!("found {relative:?}, expected a path that stays inside its folder"),
    )
    .hint("write it with /, without . and .."))
}

fn check_content(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    let limit = Limits::SETTINGS.bytes;
    if bytes.len() > limit {
        return Err(Failure::new(
            Ending::ConfigInvalid,
            format!("{path}: is larger than the limit of {limit} bytes"),
        ));
    }
    if is_lfs_pointer(bytes) {
        let reason = format!("{path} is kept in Git LFS");
        return Err(Failure::new(Ending::ConfigInvalid, reason).hint(LFS_HINT));
    }
    Ok(())
}

/// Returns the beginning of an entry's path, up to the part that differs in case alone from the
/// wanted path's, if all parts are the same but for case.
fn other_case<'e>(entry: &'e TreeEntry, wanted: &str) -> Option<&'e str> {
    // Most paths differ at once, and each service of many asks for all of them.
    let first = |path: &str| path.bytes().next().filter(u8::is_ascii);
    if let (Some(one), Some(other)) = (first(&entry.path), first(wanted))
        && !one.eq_ignore_ascii_case(&other)
    {
        return None;
    }
    let mut differs = None;
    let mut length = 0;
    for (part, wanted) in entry.path.split('/').zip(wanted.split('/')) {
        if !same_but_for_case(part, wanted) {
            return None;
        }
        length += part.len();
        if part != wanted && differs.is_none() {
            differs = Some(&entry.path[..length]);
        }
        length += "/".len();
    }
    differs
}

fn same_but_for_case(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.to_lowercase() == other.to_lowercase()
}

fn differs_in_case(path: &str, other: &str) -> Failure {
    Failure::new(
        Ending::ConfigInvalid,
        format!("{path}: there is {other:?}, which differs in upper and lower case only"),
    )
    .hint("keep one of the two names: some machines take them for the same file")
}

/// Goes down part by part and looks at what each one is before going on.
fn read_on_disk(folder: &Path, relative: &str, shown: &str) -> Result<Option<Vec<u8>>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::new(
            Ending::ConfigInvalid,
            format!("{shown}: cannot be read: {error}"),
        )
    };
    let wrong = |what: &str| {
        Failure::new(
            Ending::ConfigInvalid,
            format!("{shown} {what}, expected a file"),
        )
        .hint("name the file itself; shipgate follows no links")
    };
    let mut place = folder.to_owned();
    let above = shown.len() - relative.len();
    let mut so_far = shown[..above].to_owned();
    let mut parts = relative.split('/').peekable();
    while let Some(part) = parts.next() {
        let listed = if place.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &place
        };
        let mut found = false;
        for entry in fs::read_dir(listed).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            let name = name.to_string_lossy();
            if name == part {
                found = true;
            } else if same_but_for_case(&name, part) {
                return Err(differs_in_case(shown, &format!("{so_far}{name}")));
            }
        }
        if !found {
            return Ok(None);
        }
        place.push(part);
        so_far.push_str(part);
        so_far.push('/');
        let kind = fs::symlink_metadata(&place)
            .map_err(unreadable)?
            .file_type();
        let is_last = parts.peek().is_none();
        if kind.is_symlink() {
            return Err(wrong("is or lies behind a symbolic link"));
        }
        if is_last && kind.is_dir() {
            return Err(wrong("is a folder"));
        }
        if is_last && !kind.is_file() {
            return Err(wrong("is a device, pipe or socket"));
        }
        if !is_last && !kind.is_dir() {
            return Err(wrong("lies below a file"));
        }
    }
    let mut bytes = Vec::new();
    fs::File::open(&place)
        .and_then(|file| {
            let most = Limits::SETTINGS.bytes as u64 + 1;
            file.take(most).read_to_end(&mut bytes)
        })
        .map_err(unreadable)?;
    Ok(Some(bytes))
}
