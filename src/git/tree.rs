//! Files of a commit: read, list, and a new commit with some of them changed.

use std::{collections::BTreeSet, rc::Rc, sync::Arc};

use chrono::{DateTime, Utc};
use git2::{FileMode, ObjectType, Oid, Tree};

use super::{
    commit_id::CommitId,
    error::GitError,
    known::Wanted,
    lfs::{LFS_HINT, LONGEST_POINTER, is_lfs_pointer},
    local::Local,
    names::check_path,
    signing, write,
};
use crate::manifest::{LookedAt, SourceFile};

/// Largest file that is read, in bytes.
const LARGEST_FILE: usize = 16 << 20;
/// Most files of a repository, and how deep they may lie: trees that share subtrees can name more
/// files than any disk holds.
const MOST_FILES: usize = 1_000_000;
const DEEPEST: usize = 128;

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
    /// Anything whose path is not UTF-8; the path shown has U+FFFD in it and leads nowhere.
    Unnameable,
}

/// One path of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path from the root, with `/`.
    pub path: Arc<str>,
    /// What it is.
    pub kind: EntryKind,
    id: Oid,
}

/// What is right in a folder, in the order of git's trees.
#[derive(Debug, Clone)]
pub(super) enum InFolder {
    /// A file.
    File(TreeEntry),
    /// A folder: its path with `/` at its end, and is that UTF-8?
    Folder(Oid, Arc<str>, bool),
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

/// Lists the files of a commit in the order of git's trees.
pub(super) fn list(local: &Local, commit: &CommitId) -> Result<Arc<[TreeEntry]>, GitError> {
    let root = tree_of(local, commit.oid())?;
    if let Some(known) = local.known.borrow().listing(root.id()) {
        return Ok(known);
    }
    let mut listing = Listing {
        local,
        entries: Vec::new(),
        folders: 0,
    };
    listing.collect(root.id(), &Arc::from(""), true, 0)?;
    let entries: Arc<[TreeEntry]> = listing.entries.into();
    local.known.borrow_mut().listed(root.id(), &entries);
    Ok(entries)
}

/// The way through the folders of a commit.
struct Listing<'a> {
    local: &'a Local,
    entries: Vec<TreeEntry>,
    folders: usize,
}

impl Listing<'_> {
    /// Adds what is in a folder. `path` is empty, or ends with `/`.
    fn collect(
        &mut self,
        folder: Oid,
        path: &Arc<str>,
        is_nameable: bool,
        depth: usize,
    ) -> Result<(), GitError> {
        let known = self.local.known.borrow().folder(folder, path);
        let known = match known {
            Some(known) => known,
            None => self.read(folder, path, is_nameable)?,
        };
        self.folders += 1;
        let too_many = self.entries.len() + known.len() + self.folders > MOST_FILES;
        if too_many || depth > DEEPEST {
            return Err(GitError::unsupported(
                format!(
                    "the repository has more than {MOST_FILES} files or folders deeper than {DEEPEST}"
                ),
                "keep what is deployed in a repository of its own",
            ));
        }
        for entry in known.iter() {
            match entry {
                InFolder::File(file) => self.entries.push(file.clone()),
                InFolder::Folder(id, path, is_nameable) => {
                    self.collect(*id, path, *is_nameable, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Reads a folder. Of those of a commit most are as they were at the one before.
    fn read(
        &self,
        folder: Oid,
        path: &Arc<str>,
        is_nameable: bool,
    ) -> Result<Rc<[InFolder]>, GitError> {
        let tree = self
            .local
            .store
            .find_tree(folder)
            .map_err(GitError::while_doing("read a folder"))?;
        let entries = tree.iter().filter_map(|entry| {
            let is_nameable = is_nameable && entry.name().is_ok();
            let name = String::from_utf8_lossy(entry.name_bytes());
            let id = entry.id();
            if entry.kind() == Some(ObjectType::Tree) {
                let path = format!("{path}{name}/").into();
                return Some(InFolder::Folder(id, path, is_nameable));
            }
            let kind = kind_of(entry.filemode())?;
            let kind = if is_nameable {
                kind
            } else {
                EntryKind::Unnameable
            };
            let path = format!("{path}{name}").into();
            Some(InFolder::File(TreeEntry { path, kind, id }))
        });
        let entries: Rc<[InFolder]> = entries.collect();
        let mut known = self.local.known.borrow_mut();
        known.read_folder(folder, path, &entries);
        Ok(entries)
    }
}

/// Reads those of some listed files that `wanted` is true for. What can not be read (too large, kept
/// elsewhere, no file, no text) is left out.
pub(super) fn read_where(
    local: &Local,
    listing: &[TreeEntry],
    positions: Vec<usize>,
    wanted: Wanted,
) -> Result<Vec<LookedAt>, GitError> {
    let mut files = Vec::new();
    let entries = positions.iter().filter_map(|it| listing.get(*it));
    let entries = entries.filter(|it| matches!(it.kind, EntryKind::File | EntryKind::Executable));
    for TreeEntry { path, id, .. } in entries {
        if local.known.borrow().is_unwanted(*id, wanted) {
            continue;
        }
        if let Some(known) = local.known.borrow().looked_at(*id, path, wanted) {
            files.push(known);
            continue;
        }
        match check_path(path).and_then(|()| content(local, *id, path)) {
            Ok(bytes) if wanted(&bytes) => {
                let Some(file) = LookedAt::new(SourceFile {
                    path: path.to_string(),
                    bytes: bytes.to_vec(),
                }) else {
                    continue;
                };
                let mut known = local.known.borrow_mut();
                known.look_at(*id, path, wanted, &file, bytes.len());
                files.push(file);
            }
            Ok(_) => local.known.borrow_mut().unwanted(*id, wanted),
            Err(GitError::Invalid { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(files)
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
    content(local, id, path).map(|bytes| Some(bytes.to_vec()))
}

fn content(local: &Local, id: Oid, path: &str) -> Result<Rc<[u8]>, GitError> {
    if let Some(known) = local.known.borrow().file(id) {
        return Ok(known);
    }
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
    if is_lfs_pointer(blob.content()) {
        return Err(kept_elsewhere(path));
    }
    let bytes: Rc<[u8]> = blob.content().into();
    local.known.borrow_mut().read(id, &bytes);
    Ok(bytes)
}

fn kept_elsewhere(path: &str) -> GitError {
    GitError::invalid(format!("{path} is kept in Git LFS"), LFS_HINT)
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
    let mut edits = Vec::with_capacity(files.len());
    for file in files {
        check_path(&file.path)?;
        if !paths.insert(&file.path) {
            return Err(GitError::internal(format!("{} is given twice", file.path)));
        }
        let mode = match find_file(local, &root, &file.path)? {
            Some((id, _)) if is_pointer(local, id)? => return Err(kept_elsewhere(&file.path)),
            Some((_, 0o100755)) => FileMode::BlobExecutable,
            Some(_) | None => FileMode::Blob,
        };
        edits.push((file, mode));
    }
    let tree = if edits.is_empty() {
        root.id()
    } else {
        write::tree(local, &root, &edits)?
    };
    write_commit(local, tree, &[&parent], message, at)
}

/// Does a file say where its content is kept? Larger ones are not looked into.
fn is_pointer(local: &Local, id: Oid) -> Result<bool, GitError> {
    let reading = GitError::while_doing("read a file");
    let (size, _) = local
        .store
        .odb()
        .and_then(|objects| objects.read_header(id))
        .map_err(&reading)?;
    if size > LONGEST_POINTER {
        return Ok(false);
    }
    let blob = local.store.find_blob(id).map_err(&reading)?;
    Ok(is_lfs_pointer(blob.content()))
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
