//! SSH: the same as HTTP, and its own refusals. Where no `sshd` is installed the tests end early,
//! but never in CI.

use std::{fs, net::TcpListener};

use shipgate::git::{ConnectionOptions, GitError, PushOutcome, Repository};

use super::{
    edit, options,
    support::{
        git_server::{git, install_hook, others_commit},
        sshd::Sshd,
    },
};

fn open(server: &Sshd, url: &str, identity: &str, known_hosts: &str) -> Repository {
    let connection = ConnectionOptions {
        ssh_identity_file: Some(server.folder.path().join(identity)),
        ssh_known_hosts: Some(server.folder.path().join(known_hosts)),
        ..ConnectionOptions::default()
    };
    Repository::open_with(options(url), connection).unwrap()
}

#[tokio::test]
async fn ssh_serves_like_http() {
    let Some(server) = Sshd::start() else { return };
    let path = server.path();
    others_commit(&path, "main", "a", "a");
    let repository = open(&server, &server.url(), "id", "known_hosts");
    let base = repository.fetch("main").await.unwrap();
    assert_eq!(repository.log(&base, 9).await.unwrap().len(), 1);
    assert_eq!(repository.default_branch().await.unwrap(), "main");
    assert_eq!(repository.can_push("main").await, Ok(()));
    let ours = edit(&repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(git(&path, &["rev-parse", "main"]), ours.as_str());

    let late = edit(&repository, &base, "late\n").await;
    let outcome = repository.push("main", &base, &late).await.unwrap();
    assert_eq!(outcome, PushOutcome::Lost { tip: ours.clone() });

    install_hook(&path, "pre-receive", "echo 'protected' >&2\nexit 1");
    let next = edit(&repository, &ours, "next\n").await;
    let outcome = repository.push("main", &ours, &next).await.unwrap();
    insta::assert_snapshot!(format!("{outcome:?}"), @r#"Denied { reason: "protected | pre-receive hook declined" }"#);
}

#[tokio::test]
async fn ssh_refusals_are_told_apart() {
    let Some(server) = Sshd::start() else { return };
    let stranger = open(&server, &server.url(), "stranger", "known_hosts");
    let error = stranger.fetch("main").await.unwrap_err();
    assert!(matches!(error, GitError::Denied { .. }), "{error:?}");

    fs::write(server.folder.path().join("nobody"), "").unwrap();
    let unknown_host = open(&server, &server.url(), "id", "nobody");
    let error = unknown_host.can_push("main").await.unwrap_err();
    assert!(matches!(error, GitError::Denied { .. }), "{error:?}");
    assert!(error.hint().contains("host key"), "{error:?}");

    let nowhere = open(
        &server,
        &server.url().replace("shop.git", "none.git"),
        "id",
        "known_hosts",
    );
    let error = nowhere.fetch("main").await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");

    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let closed = server
        .url()
        .replace(&format!(":{}", server.port), &format!(":{free}"));
    let closed = open(&server, &closed, "id", "known_hosts");
    let error = closed.fetch("main").await.unwrap_err();
    assert!(matches!(error, GitError::Unavailable { .. }), "{error:?}");
}
