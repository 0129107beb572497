//! The git engine against real git servers: `git http-backend`, `sshd`, and bare folders.
//!
//! With `SHIPGATE_PROVE=1` the same tests run for longer: every cut, more writers, more rounds.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../support/hurried.rs"]
mod hurried;
#[path = "../override/shop.rs"]
mod shop;
#[path = "../support/ssh_keygen.rs"]
mod ssh_keygen;
#[path = "../support/mod.rs"]
mod support;

mod authorship;
mod basics;
mod broken;
mod credential_helper;
mod credentials;
mod cut;
mod estate;
mod journal;
mod others;
mod own_branch;
mod paths;
mod proxy;
mod races;
mod refusals;
mod round_trips;
mod shapes;
mod signing;
mod ssh;
mod tls;
mod together;
mod traps;
mod writers;

use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use shipgate::{
    git::{CommitId, GitError, Repository, RepositoryOptions},
    manifest::SourceFile,
    secret::Secret,
};

const TOKEN: &str = "ghs_canary7Zq93token";
const APP: &str = "clusters/prod/app.yaml";

/// Is this the long version?
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks its own environment how long it shall be"
)]
fn is_proof() -> bool {
    std::env::var_os("SHIPGATE_PROVE").is_some_and(|value| value == "1")
}

fn options(url: impl Into<String>) -> RepositoryOptions {
    RepositoryOptions {
        url: url.into(),
        token: Some(Secret::new(TOKEN)),
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "shipgate".to_owned(),
        author_email: "shipgate@example.com".to_owned(),
        author_is_given: false,
        signer: None,
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
