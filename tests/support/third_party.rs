//! Somebody else who commits to a bare repository: several files at once, merges, any message.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::path::Path;

use git2::{Commit, FileMode, Oid, Repository, Signature, Time, build::TreeUpdateBuilder};

/// A bare repository, seen from its own disk.
pub struct ThirdParty(Repository);

/// One file to be: its path and its new text, none = it is deleted.
pub type Edit<'a> = (&'a str, Option<&'a str>);

impl ThirdParty {
    /// Opens it.
    pub fn at(folder: &Path) -> Self {
        Self(Repository::open_bare(folder).unwrap())
    }

    /// The newest commit of the default branch.
    pub fn tip(&self) -> Oid {
        self.0.head().unwrap().target().unwrap()
    }

    /// Commits to the default branch.
    pub fn commit(&self, edits: &[Edit<'_>], message: &str, at: i64) -> Oid {
        let id = self.commit_on(&[self.tip()], edits, message, at);
        self.move_to(id);
        id
    }

    /// Makes a commit whose files are those of its first parent, edited. No branch moves.
    pub fn commit_on(&self, parents: &[Oid], edits: &[Edit<'_>], message: &str, at: i64) -> Oid {
        let parents: Vec<Commit<'_>> = parents
            .iter()
            .map(|id| self.0.find_commit(*id).unwrap())
            .collect();
        let base = parents[0].tree().unwrap();
        let mut update = TreeUpdateBuilder::new();
        for (path, text) in edits {
            match text {
                Some(text) => {
                    let blob = self.0.blob(text.as_bytes()).unwrap();
                    update.upsert(*path, blob, FileMode::Blob);
                }
                None => {
                    update.remove(*path);
                }
            }
        }
        let tree = update.create_updated(&self.0, &base).unwrap();
        let tree = self.0.find_tree(tree).unwrap();
        let who = Signature::new("Robin", "robin@example.com", &Time::new(at, 0)).unwrap();
        let parents: Vec<&Commit<'_>> = parents.iter().collect();
        self.0
            .commit(None, &who, &who, message, &tree, &parents)
            .unwrap()
    }

    /// Moves the default branch, also where that loses commits.
    pub fn move_to(&self, id: Oid) {
        let head = self.0.head().unwrap();
        let name = head.name().unwrap();
        self.0.reference(name, id, true, "a test").unwrap();
    }

    /// The message of a commit.
    pub fn message(&self, id: Oid) -> String {
        let commit = self.0.find_commit(id).unwrap();
        commit.message().unwrap().to_owned()
    }

    /// The parents of a commit.
    pub fn parents(&self, id: Oid) -> Vec<Oid> {
        self.0.find_commit(id).unwrap().parent_ids().collect()
    }

    /// A file of a commit.
    pub fn text(&self, id: Oid, path: &str) -> Option<String> {
        let tree = self.0.find_commit(id).unwrap().tree().unwrap();
        let entry = tree.get_path(Path::new(path)).ok()?;
        let blob = self.0.find_blob(entry.id()).unwrap();
        Some(String::from_utf8(blob.content().to_vec()).unwrap())
    }

    /// Every file below a folder of a commit, with its text.
    pub fn files(&self, id: Oid) -> Vec<(String, String)> {
        let tree = self.0.find_commit(id).unwrap().tree().unwrap();
        let mut files = Vec::new();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            if let Ok(blob) = self.0.find_blob(entry.id()) {
                let text = String::from_utf8(blob.content().to_vec()).unwrap();
                files.push((format!("{folder}{}", entry.name().unwrap()), text));
            }
            git2::TreeWalkResult::Ok
        })
        .unwrap();
        files
    }
}
