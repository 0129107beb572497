//! Clones of the world's remote, made and used by the `git` program.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::stage::Stage;

/// A clone, and the program that works in it.
pub struct Clone {
    /// Its work tree.
    pub folder: PathBuf,
}

impl Clone {
    /// Clones the world's remote into a new folder beside it.
    pub fn of(stage: &Stage, name: &str, options: &[&str]) -> Self {
        Self::from(stage, &address(stage), name, options)
    }

    /// Clones a repository into a new folder beside the world's remote.
    pub fn from(stage: &Stage, url: &str, name: &str, options: &[&str]) -> Self {
        let folder = stage.folder.path().join(name);
        let mut arguments = vec!["clone", "--quiet"];
        arguments.extend(options);
        let here = stage.folder.path();
        let output = git(here, arguments.iter().copied().chain([url, name]));
        assert_success(&output);
        Self { folder }
    }

    /// Runs a git command.
    pub fn git(&self, arguments: &[&str]) -> Output {
        git(&self.folder, arguments)
    }

    /// Runs a git command that must succeed and returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.git(arguments);
        assert_success(&output);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits one new file and returns the commit.
    pub fn commit(&self, name: &str) -> String {
        fs::write(self.folder.join(name), format!("{name}\n")).unwrap();
        self.run(&["add", name]);
        self.run(&["commit", "--quiet", "-m", &format!("add {name}")]);
        self.run(&["rev-parse", "HEAD"])
    }

    /// Is a part of the history missing?
    pub fn is_shallow(&self) -> bool {
        self.run(&["rev-parse", "--is-shallow-repository"]) == "true"
    }

    /// Counts the commits of a reference.
    pub fn commits(&self, reference: &str) -> usize {
        self.run(&["rev-list", "--count", reference])
            .parse()
            .unwrap()
    }
}

/// Runs the git program, free of the machine's settings.
pub fn git<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new("git")
        .args(["-c", "protocol.version=2", "-c", "gc.auto=0"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Test")
        .env("GIT_AUTHOR_EMAIL", "test@shop.example")
        .env("GIT_COMMITTER_NAME", "Test")
        .env("GIT_COMMITTER_EMAIL", "test@shop.example")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("the git program is installed wherever these tests run")
}

/// Stops the test with what git said.
pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// Returns what git said.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the remote's address with its token.
pub fn address(stage: &Stage) -> String {
    with_token(stage, stage.world.token())
}

/// Returns the remote's address with a token of choice.
pub fn with_token(stage: &Stage, token: &str) -> String {
    let url = stage.world.git_url();
    url.replacen("http://", &format!("http://x-access-token:{token}@"), 1)
}

/// Everything in the remote is whole and reachable commits lack nothing.
pub fn assert_remote_is_sound(stage: &Stage) {
    let remote = stage.folder.path().join("gitops.git");
    assert_success(&git(&remote, ["fsck", "--full", "--strict"]));
}
