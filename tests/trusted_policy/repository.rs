//! A bare repository with a strict base branch, and branches with other trees made in one go.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use shipgate::ops::check::sha256;
use tempfile::TempDir;

use super::bare::{alone, git};

/// Where the base branch keeps the policy.
pub const POLICY: &str = "policies/production.yaml";
/// Saturdays alone: on the day of the tests it blocks.
pub const STRICT: &str = "version: 1\ntimezone: UTC\nallowed_windows: [{days: [Sat]}]\n";
/// Any time.
pub const LAX: &str = "version: 1\ntimezone: UTC\nallowed_windows: [{}]\n";
/// The configuration.
pub const CONFIG: &str = r#"version: 1
environments:
  production: {root: clusters/prod}
services:
  advertisements:
    manifests: ["{root}/*.yaml"]
    image: registry.example/shop/advertisements
    workloads: {stable: Deployment/advertisements}
    live: {stable: {http: "http://127.0.0.1:9/version", pointer: /version}}
    strategy: {rolling: {}}
    verification: {interval: 15s, health: [{http: "http://127.0.0.1:9/health"}]}
"#;
const MANIFEST: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: advertisements}
spec:
  template:
    spec:
      containers: [{name: main, image: 'registry.example/shop/advertisements:1.4.1'}]
";

/// What a path becomes.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A plain file.
    File(Vec<u8>),
    /// A file with the executable bit.
    Executable(Vec<u8>),
    /// A symbolic link.
    Link(&'static str),
    /// Another repository.
    Submodule,
    /// Nothing, nor anything below it.
    Gone,
}

impl From<&str> for Entry {
    fn from(text: &str) -> Self {
        Self::File(text.as_bytes().to_vec())
    }
}

/// Changes of a tree, in order.
pub type Changes = Vec<(&'static str, Entry)>;

/// A bare repository and a folder for its checkouts.
pub struct Stage {
    folder: TempDir,
}

impl Stage {
    /// Makes a repository whose `main` has a policy that blocks and, for another environment, one
    /// that allows.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Self { folder };
        fs::create_dir(stage.bare()).unwrap();
        let bare = ["init", "--quiet", "--bare", "--initial-branch=main", "."];
        git(&stage.bare(), &bare);
        let base = vec![
            ("shipgate.yaml", CONFIG.into()),
            (POLICY, STRICT.into()),
            ("policies/staging.yaml", LAX.into()),
            ("clusters/prod/advertisements.yaml", MANIFEST.into()),
        ];
        stage.import(&[("main".to_owned(), None, base)]);
        stage
    }

    /// Returns where the bare repository is.
    pub fn bare(&self) -> PathBuf {
        self.folder.path().join("gitops.git")
    }

    /// Returns the address of the repository.
    pub fn address(&self) -> String {
        self.bare().to_str().unwrap().to_owned()
    }

    /// Makes branches, each one commit on top of another branch (none = a first commit).
    pub fn import(&self, branches: &[(String, Option<&str>, Changes)]) {
        let mut stream = Vec::new();
        for (branch, from, changes) in branches {
            let head = format!(
                "commit refs/heads/{branch}\ncommitter somebody <somebody@example.com> 1700000000 +0000\ndata 1\nx\n"
            );
            stream.extend_from_slice(head.as_bytes());
            if let Some(from) = from {
                stream.extend_from_slice(format!("from refs/heads/{from}^0\n").as_bytes());
            }
            for (path, entry) in changes {
                write_change(&mut stream, path, entry);
            }
            stream.push(b'\n');
        }
        let mut command = Command::new("git");
        command
            .args(["fast-import", "--quiet", "--force"])
            .current_dir(self.bare())
            .stdin(Stdio::piped());
        alone(&mut command);
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&stream).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Makes a checkout of a branch, as a pipeline has it.
    pub fn checkout(&self, branch: &str) -> PathBuf {
        let folder = self.folder.path().join("checkouts").join(branch);
        fs::create_dir_all(&folder).unwrap();
        let address = self.address();
        git(
            &folder,
            &["clone", "--quiet", "--branch", branch, &address, "."],
        );
        folder
    }

    /// Returns the commit that a branch stands on.
    pub fn tip(&self, branch: &str) -> String {
        git(
            &self.bare(),
            &["rev-parse", &format!("refs/heads/{branch}")],
        )
    }

    /// Returns path, commit and digest of the policy on a branch, as git itself has them.
    pub fn policy_on(&self, branch: &str) -> [String; 3] {
        let commit = self.tip(branch);
        let bytes = blob(&self.bare(), &format!("{commit}:{POLICY}"));
        [POLICY.to_owned(), commit, sha256(&bytes)]
    }

    /// Returns every ref with where it stands.
    pub fn references(&self) -> String {
        git(
            &self.bare(),
            &["for-each-ref", "--format=%(refname) %(objectname)"],
        )
    }
}

fn write_change(stream: &mut Vec<u8>, path: &str, entry: &Entry) {
    let quoted = format!("\"{}\"", path.replace('\\', "\\\\"));
    let (mode, bytes) = match entry {
        Entry::File(bytes) => ("100644", bytes.as_slice()),
        Entry::Executable(bytes) => ("100755", bytes.as_slice()),
        Entry::Link(target) => ("120000", target.as_bytes()),
        Entry::Submodule => {
            let commit = "1234567890123456789012345678901234567890";
            stream.extend_from_slice(format!("M 160000 {commit} {quoted}\n").as_bytes());
            return;
        }
        Entry::Gone => {
            stream.extend_from_slice(format!("D {quoted}\n").as_bytes());
            return;
        }
    };
    let head = format!("M {mode} inline {quoted}\ndata {}\n", bytes.len());
    stream.extend_from_slice(head.as_bytes());
    stream.extend_from_slice(bytes);
    stream.push(b'\n');
}

fn blob(repository: &Path, name: &str) -> Vec<u8> {
    let mut command = Command::new("git");
    command
        .args(["cat-file", "blob", name])
        .current_dir(repository);
    alone(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    output.stdout
}
