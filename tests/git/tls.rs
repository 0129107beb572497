//! HTTPS with a certificate of one's own authority.

use std::fs;

use shipgate::git::{PushOutcome, Repository};

use super::{TOKEN, edit, open, options, shown, support::git_server::GitServer};

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
    hint: give the certificate of your own authority as the CA file
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
