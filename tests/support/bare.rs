//! Bare repositories on disk, changed with the real git.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Makes a bare repository with manifests, an executable, a link and a submodule entry on `main`.
pub fn seed(repository: &Path) {
    fs::create_dir_all(repository).unwrap();
    git(
        repository,
        &["init", "--quiet", "--bare", "--initial-branch=main", "."],
    );
    for (key, value) in [
        ("http.receivepack", "true"),
        ("receive.denyNonFastForwards", "true"),
        ("receive.denyDeletes", "true"),
        ("receive.autogc", "false"),
    ] {
        git(repository, &["config", key, value]);
    }
    let work = tempfile::tempdir().unwrap();
    let at = work.path();
    git(at, &["clone", "--quiet", repository.to_str().unwrap(), "."]);
    git(at, &["checkout", "--quiet", "-B", "main"]);
    fs::create_dir_all(at.join("clusters/prod")).unwrap();
    fs::write(at.join("clusters/prod/app.yaml"), "image: shop:1.0\n").unwrap();
    fs::write(at.join("clusters/prod/other.yaml"), "image: other:1.0\n").unwrap();
    fs::write(at.join("deploy.sh"), "#!/bin/sh\n").unwrap();
    git(at, &["add", "."]);
    git(at, &["update-index", "--chmod=+x", "deploy.sh"]);
    let target = git_with_input(
        at,
        &["hash-object", "-w", "--stdin"],
        "clusters/prod/app.yaml",
    );
    let commit = "1234567890123456789012345678901234567890";
    git(
        at,
        &[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("120000,{target},link.yaml"),
        ],
    );
    git(
        at,
        &[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{commit},module"),
        ],
    );
    git(at, &["commit", "--quiet", "-m", "first"]);
    git(at, &["push", "--quiet", "origin", "main"]);
}

/// Installs a hook as a shell script.
pub fn install_hook(repository: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(repository.join("hooks")).unwrap();
    let path = repository.join("hooks").join(name);
    let fresh = path.with_extension("new");
    fs::write(&fresh, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&fresh, &path).unwrap();
}

/// Commits a file onto a branch of a bare repository, past all hooks, and returns the new tip.
pub fn others_commit(repository: &Path, branch: &str, path: &str, text: &str) -> String {
    others_commit_all(repository, branch, &[(path.to_owned(), text.to_owned())])
}

/// As [`others_commit`], with several files of `(path, text)` in one commit.
pub fn others_commit_all(repository: &Path, branch: &str, files: &[(String, String)]) -> String {
    let index = tempfile::tempdir().unwrap();
    let index = index.path().join("index");
    let reference = format!("refs/heads/{branch}");
    let run = |arguments: &[&str], input: &str| {
        let mut command = command(repository, arguments);
        command.env("GIT_INDEX_FILE", &index);
        output_of(command, input)
    };
    let before = run(&["rev-parse", &reference], "");
    run(&["read-tree", &before], "");
    for (path, text) in files {
        let blob = run(&["hash-object", "-w", "--stdin"], text);
        run(
            &[
                "update-index",
                "--add",
                "--cacheinfo",
                &format!("100644,{blob},{path}"),
            ],
            "",
        );
    }
    let tree = run(&["write-tree"], "");
    let commit = run(
        &["commit-tree", &tree, "-p", &before, "-m", "somebody else"],
        "",
    );
    run(&["update-ref", &reference, &commit, &before], "");
    commit
}

/// Runs git and returns what it printed, trimmed.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    git_with_input(folder, arguments, "")
}

fn git_with_input(folder: &Path, arguments: &[&str], input: &str) -> String {
    output_of(command(folder, arguments), input)
}

fn output_of(mut command: Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    assert!(
        status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap().trim().to_owned()
}

/// Git without anybody's configuration.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder);
    alone(&mut command);
    command
}

/// Keeps everybody's configuration and the surrounding repository out of a run of git.
pub fn alone(command: &mut Command) {
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_CONFIG_COUNT",
    ] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "somebody")
        .env("GIT_AUTHOR_EMAIL", "somebody@example.com")
        .env("GIT_COMMITTER_NAME", "somebody")
        .env("GIT_COMMITTER_EMAIL", "somebody@example.com");
}
