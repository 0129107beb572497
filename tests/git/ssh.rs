//! SSH: the same as HTTP, and its own refusals. Where no `sshd` is installed the tests end early,
//! but never in CI.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::PathBuf};

use shipgate::git::{ConnectionOptions, GitError, PushOutcome, Repository};

use super::{
    edit, options,
    ssh_keygen::SshAgent,
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
    assert!(error.hint().contains("--ssh-key"), "{error:?}");

    fs::write(server.folder.path().join("nobody"), "").unwrap();
    let unknown_host = open(&server, &server.url(), "id", "nobody");
    let error = unknown_host.can_push("main").await.unwrap_err();
    assert!(matches!(error, GitError::Denied { .. }), "{error:?}");
    assert!(error.hint().contains("ssh-keyscan"), "{error:?}");
    let hosts = server.folder.path().join("nobody");
    assert_eq!(
        fs::read_to_string(&hosts).unwrap(),
        "",
        "nothing is taken on trust"
    );

    let key = fs::read_to_string(server.folder.path().join("stranger.pub")).unwrap();
    fs::write(&hosts, format!("[127.0.0.1]:{} {key}", server.port)).unwrap();
    let other_host = open(&server, &server.url(), "id", "nobody");
    let error = other_host.fetch("main").await.unwrap_err();
    let said = error.message().replace(&server.url(), "SERVER");
    insta::assert_snapshot!(said, @"SERVER: the server shows another host key than the known one");
    assert!(matches!(error, GitError::Denied { .. }), "{error:?}");

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

/// Counts connections: a program of the same name that notes each, then is OpenSSH.
fn counted(server: &Sshd, identity: &str) -> (Repository, PathBuf) {
    let folder = server.folder.path().join(format!("counted-{identity}"));
    fs::create_dir(&folder).unwrap();
    let (count, program) = (folder.join("count"), folder.join("ssh"));
    let script = format!("#!/bin/sh\necho >>{}\nexec ssh \"$@\"\n", count.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let command = server
        .command()
        .replacen("ssh", &program.display().to_string(), 1)
        .replace("/id ", &format!("/{identity} "));
    let environment = [("PATH", path()), ("GIT_SSH_COMMAND", command)];
    let connection = ConnectionOptions {
        environment: environment
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        ..ConnectionOptions::default()
    };
    let repository = Repository::open_with(options(server.url()), connection).unwrap();
    (repository, count)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an SSH address needs the git program"
)]
fn path() -> String {
    std::env::var("PATH").unwrap()
}

#[tokio::test]
async fn a_key_that_is_refused_is_tried_once() {
    let Some(server) = Sshd::start() else { return };
    for (identity, is_let_in) in [("stranger", false), ("id", true)] {
        let (repository, count) = counted(&server, identity);
        let fetched = repository.fetch("main").await;
        assert_eq!(fetched.is_ok(), is_let_in, "{fetched:?}");
        assert_eq!(fs::read_to_string(count).unwrap(), "\n");
    }
}

#[tokio::test]
async fn the_agent_is_asked_where_no_key_is_named() {
    let Some(server) = Sshd::start() else { return };
    let at = server.folder.path();
    let agent = SshAgent::start(at);
    let connection = ConnectionOptions {
        environment: [
            ("PATH".to_owned(), path()),
            (
                "SSH_AUTH_SOCK".to_owned(),
                agent.socket.display().to_string(),
            ),
        ]
        .into(),
        ssh_known_hosts: Some(at.join("known_hosts")),
        ..ConnectionOptions::default()
    };
    for (key, is_let_in) in [("stranger", false), ("id", true)] {
        assert_eq!(agent.add(&["-q", at.join(key).to_str().unwrap()]), Some(0));
        let repository = Repository::open_with(options(server.url()), connection.clone()).unwrap();
        let fetched = repository.fetch("main").await;
        assert_eq!(fetched.is_ok(), is_let_in, "{fetched:?}");
    }
}
