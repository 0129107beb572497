//! HTTPS with a certificate of one's own authority.

use std::{fs, path::Path, process::Command};

use shipgate::git::{PushOutcome, Repository};

use super::{TOKEN, edit, estate::run, open, options, shown, support::git_server::GitServer};

#[tokio::test]
async fn the_ca_file_is_trusted_besides_the_machines_own() {
    let server = GitServer::start_with_tls(TOKEN);
    let mut options = options(server.url());
    options.ca_file = Some(server.certificate.clone());
    let repository = Repository::open(options).unwrap();
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(server.tip("main"), ours.as_str());
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_before_the_token_is_sent() {
    let server = GitServer::start_with_tls(TOKEN);
    let error = open(server.url()).fetch("main").await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &server.origin()), @"
    Unavailable: git server SERVER: invalid peer certificate: UnknownIssuer
    hint: give the certificate of your own authority with --ca-file FILE (or SHIPGATE_CA_FILE)
    ");
    assert_eq!(server.log(), []);
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_told() {
    let server = GitServer::start_with_tls(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let mut messages = Vec::new();
    for (name, text) in [
        ("empty.pem", Some("")),
        ("text.pem", Some("hello")),
        ("none.pem", None),
    ] {
        let path = folder.path().join(name);
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let mut options = options(server.url());
        options.ca_file = Some(path);
        let error = Repository::open(options)
            .unwrap()
            .fetch("main")
            .await
            .unwrap_err();
        messages.push(shown(&error, &folder.path().display().to_string()));
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    Invalid: CA file SERVER/empty.pem: holds no certificate
    hint: name a file with certificates in PEM form
    Invalid: CA file SERVER/text.pem: holds no certificate
    hint: name a file with certificates in PEM form
    Invalid: CA file SERVER/none.pem: No such file or directory (os error 2)
    hint: name a file with certificates in PEM form
    ");
}

#[test]
fn the_command_line_says_what_to_give_for_a_certificate_that_nobody_knows() {
    let server = GitServer::start_with_tls(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let ask = |certificate: Option<&Path>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipgate"));
        command
            .args([
                "history",
                "--service",
                "shop",
                "--environment",
                "production",
            ])
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .env("SHIPGATE_REPOSITORY", server.url())
            .env("SHIPGATE_TOKEN", TOKEN)
            .envs(certificate.map(|path| ("SHIPGATE_CA_FILE", path)));
        run(command)
    };
    let unknown = ask(None).expect(20);
    let said = unknown.said.replace(&server.origin(), "SERVER");
    insta::assert_snapshot!(said, @r"
    UNDETERMINED  git server SERVER: invalid peer certificate: UnknownIssuer

      exit code   20 unavailable

    next: give the certificate of your own authority with --ca-file FILE (or SHIPGATE_CA_FILE)
    ");
    assert_eq!(server.log(), []);
    // The server is trusted then, and the next thing is missing.
    let known = ask(Some(&server.certificate)).expect(3);
    assert!(known.said.contains("shipgate.yaml"), "{}", known.said);
}
