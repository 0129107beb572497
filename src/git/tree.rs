//! Files of a commit: read, list, and a new commit with some of them changed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use git2::{ErrorCode, FileMode, ObjectType, Oid, Tree, build::TreeUpdateBuilder};

use super::{commit_id::CommitId, error::GitError, local::Local, names::check_path, signing};
use crate::manifest::SourceFile;

/// Largest file that is read, in bytes.
const LARGEST_FILE: usize = 16 << 20;
/// Most files of a repository, and how deep they may lie: trees that share subtrees can name more
/// files than any disk holds.
const MOST_FILES: usize = 1_000_000;
const DEEPEST: usize = 128;
/// How a file begins whose content is kept elsewhere (Git LFS pointer format).
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a path of a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link.
    Symlink,
    /// Another repository.
    Submodule,
}

/// One path of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path from the root, with `/`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

fn kind_of(mode: i32) -> Option<EntryKind> {
    match mode {
        0o100755 => Some(EntryKind::Executable),
        0o120000 => Some(EntryKind::Symlink),
        0o160000 => Some(EntryKind::Submodule),
        mode if mode & 0o170000 == 0o100000 => Some(EntryKind::File),
        _ => None,
    }
}

/// Lists the files of a commit in the order of git's trees. Paths that are not UTF-8 are left out:
/// no pattern of ours can name them.
pub(super) fn list(local: &Local, commit: &CommitId) -> Result<Vec<TreeEntry>, GitError> {
    let root = tree_of(local, commit.oid())?;
    let mut entries = Vec::new();
    collect(local, &root, "", 0, &mut entries)?;
    Ok(entries)
}

fn collect(
    local: &Local,
    tree: &Tree<'_>,
    prefix: &str,
    depth: usize,
    entries: &mut Vec<TreeEntry>,
) -> Result<(), GitError> {
    for entry in tree.iter() {
        let Ok(name) = entry.name() else { continue };
        let path = format!("{prefix}{name}");
        if let Some(kind) = kind_of(entry.filemode()) {
            entries.push(TreeEntry { path, kind });
        } else if entry.kind() == Some(ObjectType::Tree) && depth < DEEPEST {
            let below = local
                .store
                .find_tree(entry.id())
                .map_err(GitError::while_doing("read a folder"))?;
            collect(local, &below, &format!("{path}/"), depth + 1, entries)?;
        }
        if entries.len() > MOST_FILES || depth >= DEEPEST {
            return Err(GitError::invalid(
                format!(
                    "the repository has more than {MOST_FILES} files or folders deeper than {DEEPEST}"
                ),
                "name a smaller repository",
            ));
        }
    }
    Ok(())
}

/// Reads a file of a commit; none = there is no such path.
pub(super) fn read(
    local: &Local,
    commit: &CommitId,
    path: &str,
) -> Result<Option<Vec<u8>>, GitError> {
    check_path(path)?;
    let root = tree_of(local, commit.oid())?;
    let Some((id, _)) = find_file(local, &root, path)? else {
        return Ok(None);
    };
    content(local, id, path).map(Some)
}

fn content(local: &Local, id: Oid, path: &str) -> Result<Vec<u8>, GitError> {
    let reading = GitError::while_doing("read a file");
    let (size, _) = local
        .store
        .odb()
        .and_then(|objects| objects.read_header(id))
        .map_err(&reading)?;
    if size > LARGEST_FILE {
        return Err(GitError::invalid(
            format!("{path}: found {size} bytes, expected at most {LARGEST_FILE}"),
            "split the file",
        ));
    }
    let blob = local.store.find_blob(id).map_err(&reading)?;
    if blob.content().starts_with(LFS_POINTER) {
        return Err(GitError::invalid(
            format!("{path} is kept in Git LFS"),
            "keep the file in git itself: take it out of .gitattributes",
        ));
    }
    Ok(blob.content().to_vec())
}

/// Finds a file and its mode. Links and submodules on the way are refused, not followed.
fn find_file(local: &Local, root: &Tree<'_>, path: &str) -> Result<Option<(Oid, i32)>, GitError> {
    let mut tree = root.clone();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let Some((id, mode)) = tree
            .get_name(part)
            .map(|entry| (entry.id(), entry.filemode()))
        else {
            return Ok(None);
        };
        let is_last = parts.peek().is_none();
        match kind_of(mode) {
            Some(EntryKind::Symlink) => {
                return Err(refused(path, "is or lies behind a symbolic link"));
            }
            Some(EntryKind::Submodule) => return Err(refused(path, "is or lies in a submodule")),
            Some(_) if is_last => return Ok(Some((id, mode))),
            Some(_) => return Err(refused(path, "lies below a file")),
            None if is_last => return Err(refused(path, "is a folder")),
            None => {
                tree = local
                    .store
                    .find_tree(id)
                    .map_err(GitError::while_doing("read a folder"))?;
            }
        }
    }
    Ok(None)
}

fn refused(path: &str, what: &str) -> GitError {
    GitError::invalid(
        format!("{path} {what}, expected a file"),
        "name the file itself; shipgate follows no links",
    )
}

fn tree_of(local: &Local, commit: Oid) -> Result<Tree<'_>, GitError> {
    local
        .commit_of(commit)?
        .tree()
        .map_err(GitError::while_doing("read the files of a commit"))
}

/// Makes a commit on `base` in which these files have these bytes and all else is as it was. Modes
/// stay; a new file is a plain one. No files = a commit that changes nothing.
pub(super) fn commit(
    local: &Local,
    base: &CommitId,
    files: &[SourceFile],
    message: &str,
    at: DateTime<Utc>,
) -> Result<CommitId, GitError> {
    let parent = local.commit_of(base.oid())?;
    let root = tree_of(local, base.oid())?;
    let mut paths = BTreeSet::new();
    let mut builder = TreeUpdateBuilder::new();
    for file in files {
        check_path(&file.path)?;
        if !paths.insert(&file.path) {
            return Err(GitError::internal(format!("{} is given twice", file.path)));
        }
        let mode = match find_file(local, &root, &file.path)? {
            // Reading it refuses what is kept elsewhere.
            Some((id, mode)) => content(local, id, &file.path).map(|_| mode)?,
            None => 0o100644,
        };
        let mode = match kind_of(mode) {
            Some(EntryKind::Executable) => FileMode::BlobExecutable,
            _ => FileMode::Blob,
        };
        let blob = local
            .store
            .blob(&file.bytes)
            .map_err(GitError::while_doing("keep a file"))?;
        builder.upsert(file.path.as_str(), blob, mode);
    }
    let tree = if files.is_empty() {
        root.id()
    } else {
        builder
            .create_updated(&local.store, &root)
            .map_err(|error| {
                if error.code() == ErrorCode::Directory {
                    GitError::internal("a file to change lies below another")
                } else {
                    GitError::while_doing("put the files together")(error)
                }
            })?
    };
    write_commit(local, tree, &[&parent], message, at)
}

/// Writes a commit object with our author. The time is kept to the second.
pub(super) fn write_commit(
    local: &Local,
    tree: Oid,
    parents: &[&git2::Commit<'_>],
    message: &str,
    at: DateTime<Utc>,
) -> Result<CommitId, GitError> {
    if message.trim().is_empty() || message.contains('\0') {
        return Err(GitError::internal(
            "a commit message is empty or holds a NUL",
        ));
    }
    let tree = local
        .store
        .find_tree(tree)
        .map_err(GitError::while_doing("make a commit"))?;
    signing::write(local, &tree, parents, message, at)
}
