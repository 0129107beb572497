//! The git engine against real git servers: `git http-backend`, `sshd`, and bare folders.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod basics;
mod broken;
mod credentials;
mod journal;
mod paths;
mod races;
mod refusals;
mod shapes;
mod ssh;
mod tls;

use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use shipgate::{
    git::{CommitId, GitError, Repository, RepositoryOptions},
    manifest::SourceFile,
    secret::Secret,
};

const TOKEN: &str = "ghs_canary7Zq93token";
const APP: &str = "clusters/prod/app.yaml";

fn options(url: impl Into<String>) -> RepositoryOptions {
    RepositoryOptions {
        url: url.into(),
        token: Some(Secret::new(TOKEN)),
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "shipgate".to_owned(),
        author_email: "shipgate@example.com".to_owned(),
        timeout: Duration::from_secs(30),
    }
}

fn open(url: impl Into<String>) -> Repository {
    Repository::open(options(url)).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    at("2026-03-02T12:00:00Z")
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

/// Makes a commit that writes `text` into the application's manifest.
async fn edit(repository: &Repository, base: &CommitId, text: &str) -> CommitId {
    repository
        .commit(
            base,
            vec![file(APP, text)],
            &format!("deploy {text}"),
            noon(),
        )
        .await
        .unwrap()
}

/// Renders an error as people see it, without what differs from run to run.
fn shown(error: &GitError, server: &str) -> String {
    let kind = format!("{error:?}");
    let kind = kind.split([' ', '{']).next().unwrap();
    format!("{kind}: {}\nhint: {}", error.message(), error.hint()).replace(server, "SERVER")
}

/// A folder's files with their modes.
fn tree(repository: &Path, commit: &str) -> String {
    support::git_server::git(repository, &["ls-tree", "-r", commit])
}
