//! Repositories and checkouts of every kind: each works, or is refused with a reason.
//!
//! With `SHIPGATE_PROVE=1` many more random trees are tried.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests of the program itself give it an environment, and say what they do not try"
)]

mod checkouts;
mod manifests;
mod order;
mod random;
mod remotes;
mod shop;
mod trees;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use shipgate::{
    git::{CommitId, PushOutcome, Repository},
    manifest::SourceFile,
};
use tempfile::TempDir;

use super::{
    noon, open,
    support::{bare::alone, git_server::git},
};

/// What stands at a path of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    mode: &'static str,
    path: Vec<u8>,
    /// The bytes of a file, the goal of a link, the commit of a submodule.
    content: Vec<u8>,
}

impl Entry {
    fn new(mode: &'static str, path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self {
            mode,
            path: path.as_ref().to_owned(),
            content: content.as_ref().to_owned(),
        }
    }

    fn file(path: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self::new("100644", path, content)
    }
}

/// Commits entries with the git program, on top of a commit or of nothing, and returns the commit.
fn import(repository: &Path, branch: &str, from: Option<&str>, entries: &[Entry]) -> String {
    let mut stream = format!(
        "commit refs/heads/{branch}\ncommitter somebody <somebody@example.com> 1772452800 +0000\ndata 5\nfirst\n"
    )
    .into_bytes();
    if let Some(from) = from {
        stream.extend(format!("from {from}\n").bytes());
    }
    for Entry {
        mode,
        path,
        content,
    } in entries
    {
        let path: String = path.iter().map(|byte| format!("\\{byte:03o}")).collect();
        if *mode == "160000" {
            let commit = String::from_utf8_lossy(content);
            stream.extend(format!("M {mode} {commit} \"{path}\"\n").bytes());
        } else {
            let length = content.len();
            stream.extend(format!("M {mode} inline \"{path}\"\ndata {length}\n").bytes());
            stream.extend(content);
            stream.push(b'\n');
        }
    }
    let mut command = Command::new("git");
    alone(&mut command);
    let mut child = command
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&stream).unwrap();
    assert!(child.wait().unwrap().success());
    git(repository, &["rev-parse", &format!("refs/heads/{branch}")])
}

/// Makes a bare repository with a first commit of these entries on `main`.
fn bare(entries: &[Entry]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.git");
    fs::create_dir(&path).unwrap();
    let init = ["init", "--quiet", "--bare", "--initial-branch=main", "."];
    git(&path, &init);
    import(&path, "main", None, entries);
    (folder, path)
}

/// Opens a bare repository by its path.
fn at_path(path: &Path) -> Repository {
    open(path.display().to_string())
}

fn edit(path: &str, bytes: impl AsRef<[u8]>) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        bytes: bytes.as_ref().to_owned(),
    }
}

/// Edits files of `main` through a repository and pushes that.
async fn push(repository: &Repository, files: Vec<SourceFile>) -> (CommitId, CommitId) {
    let mut commits = push_all(repository, vec![files]).await;
    let new = commits.pop().unwrap();
    (commits.pop().unwrap(), new)
}

/// Makes a commit of each edit on top of the one before, and pushes them together. Returns the head
/// of `main` and the commits.
async fn push_all(repository: &Repository, edits: Vec<Vec<SourceFile>>) -> Vec<CommitId> {
    let mut commits = vec![repository.fetch("main").await.unwrap()];
    for files in edits {
        let base = commits.last().unwrap();
        let commit = repository.commit(base, files, "deploy", noon()).await;
        commits.push(commit.unwrap());
    }
    let (base, new) = (&commits[0], commits.last().unwrap());
    let outcome = repository.push("main", base, new).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    commits
}

/// The tree of a commit.
fn tree(repository: &Path, commit: &str) -> String {
    git(repository, &["rev-parse", &format!("{commit}^{{tree}}")])
}

/// What two commits differ in: `M clusters/prod/app.yaml 100644`, with the mode of the new one.
fn difference(repository: &Path, from: &str, to: &str) -> Vec<String> {
    let raw = ["diff-tree", "-r", "-z", "--raw", "--no-renames", from, to];
    let text = git_lossy(repository, &raw);
    let fields: Vec<&str> = text.split('\0').filter(|field| !field.is_empty()).collect();
    let lines = fields.chunks(2).map(|pair| {
        let words: Vec<&str> = pair[0].split(' ').collect();
        format!("{} {} {}", words[4], pair[1], words[1])
    });
    lines.collect()
}

/// As [`git`], for output that is not all text.
fn git_lossy(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    alone(&mut command);
    let output = command
        .args(["--no-replace-objects"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every file below a folder with its bytes and its last change, so that nothing is touched unseen.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let about = fs::symlink_metadata(&path).unwrap();
            if about.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap_or_default();
                found.insert(path, (bytes, about.modified().unwrap()));
            }
        }
    }
    found
}

/// Gives a folder to another user (nobody), and says whether that is possible here.
fn give_away(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_root = fs::metadata(folder).unwrap().uid() == 0;
    if is_root {
        own(folder, "65534:65534");
    } else {
        println!("not root: folders of another user are not tried");
    }
    is_root
}

/// Changes the owner of a folder and of all that is in it.
fn own(folder: &Path, owner: &str) {
    let changed = Command::new("chown")
        .args(["-R", owner])
        .arg(folder)
        .status();
    assert!(changed.unwrap().success());
}
