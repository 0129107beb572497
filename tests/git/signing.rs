//! Signed commits: git itself takes them, on the branch and in the journal.

use std::{fs, path::Path, sync::Arc};

use shipgate::{
    git::{CommitRules, CommitSigner, GitError, JournalOutcome, Proof, Repository, Signing},
    ops::signer::Signer,
    sign::{PrivateKey, PublicKey},
};

use super::{
    TOKEN, edit, noon, options,
    ssh_keygen::{Keys, SshAgent},
    support::git_server::{GitServer, git},
};

const RECORD: &str = "start\n\nShipgate-State: started\n";

fn from_file(keys: &Keys, name: &str) -> Signer {
    let text = fs::read_to_string(keys.path(name)).unwrap();
    Signer::Key(Box::new(PrivateKey::parse(&text).unwrap()))
}

fn open(server: &GitServer, signer: impl CommitSigner + 'static) -> Repository {
    let mut options = options(server.url());
    options.signer = Some(Arc::new(signer));
    Repository::open(options).unwrap()
}

/// What `git verify-commit` says with this one key in its list of allowed signers.
fn verdict(keys: &Keys, repository: &Path, commit: &str, key: &str) -> Result<String, String> {
    let signers = keys.path("signers");
    let line = format!("release@example.com {}\n", keys.public(key));
    fs::write(&signers, line).unwrap();
    let ran = std::process::Command::new("git")
        .args(["-c", "gpg.format=ssh", "-c"])
        .arg(format!("gpg.ssh.allowedSignersFile={}", signers.display()))
        .args(["verify-commit", commit])
        .current_dir(repository)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    let said = said.split(" key SHA256").next().unwrap().to_owned();
    if ran.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

#[tokio::test]
async fn git_takes_the_signatures_of_files_and_agents() {
    let Some(keys) = Keys::new() else { return };
    keys.key("ed25519");
    keys.make("p256", &["ecdsa", "-b", "256"], "");
    keys.make("p384", &["ecdsa", "-b", "384"], "");
    keys.make("rsa", &["rsa", "-b", "2048"], "");
    keys.key("other");
    let agent = SshAgent::start(keys.folder.path());
    for name in ["ed25519", "rsa"] {
        assert_eq!(
            agent.add(&["-q", keys.path(name).to_str().unwrap()]),
            Some(0)
        );
    }
    let kept = |name: &str| Signer::Agent {
        socket: agent.socket.clone(),
        key: Some(PublicKey::parse(&keys.public(name)).unwrap()),
    };
    let rows = [
        (
            "ed25519",
            from_file(&keys, "ed25519"),
            "Good \"git\" signature for release@example.com with ED25519",
        ),
        (
            "p256",
            from_file(&keys, "p256"),
            "Good \"git\" signature for release@example.com with ECDSA",
        ),
        (
            "p384",
            from_file(&keys, "p384"),
            "Good \"git\" signature for release@example.com with ECDSA",
        ),
        (
            "ed25519",
            kept("ed25519"),
            "Good \"git\" signature for release@example.com with ED25519",
        ),
        (
            "rsa",
            kept("rsa"),
            "Good \"git\" signature for release@example.com with RSA",
        ),
    ];
    for (name, signer, said) in rows {
        let server = GitServer::start(TOKEN);
        let repository = open(&server, signer);
        let base = repository.fetch("main").await.unwrap();
        let first = repository
            .append_journal("production", "shop", None, RECORD, noon(), Proof::ReadBack)
            .await
            .unwrap();
        let JournalOutcome::Appended(record) = first else {
            panic!("{first:?}");
        };
        let ours = edit(&repository, &base, "ours\n").await;
        repository.push("main", &base, &ours).await.unwrap();
        for commit in [&record, &ours] {
            let path = &server.repository;
            let good = verdict(&keys, path, commit.as_str(), name);
            assert_eq!(good.as_deref(), Ok(said), "{name}");
            assert!(verdict(&keys, path, commit.as_str(), "other").is_err());
        }
        assert_eq!(server.git(&["fsck", "--strict", "--no-dangling"]), "");
        // What it says is read as from any other commit.
        let journal = repository.journal("production", "shop").await.unwrap();
        assert_eq!(journal.records.len(), 1);
        assert_eq!(repository.log(&ours, 1).await.unwrap().len(), 1);
    }
}

/// Cannot sign.
#[derive(Debug)]
struct Gone;

impl CommitSigner for Gone {
    fn sign<'a>(&'a self, _commit: &'a [u8]) -> Signing<'a> {
        Box::pin(async { Err("the agent is gone".to_owned()) })
    }
}

#[tokio::test]
async fn what_can_not_be_signed_is_not_written() {
    let server = GitServer::start(TOKEN);
    let before = server.git(&["for-each-ref"]);
    let repository = open(&server, Gone);
    let base = repository.fetch("main").await.unwrap();
    let files = vec![super::file(super::APP, "ours\n")];
    let commit = repository.commit(&base, files, "ours", noon()).await;
    let record =
        repository.append_journal("production", "shop", None, RECORD, noon(), Proof::ReadBack);
    for error in [commit.unwrap_err(), record.await.unwrap_err()] {
        assert!(matches!(error, GitError::Unavailable { .. }), "{error:?}");
        assert_eq!(
            error.message(),
            "could not sign a commit: the agent is gone"
        );
    }
    assert_eq!(server.git(&["for-each-ref"]), before);
}

#[tokio::test]
async fn the_repository_says_as_whom_and_whether_to_sign() {
    let server = GitServer::start(TOKEN);
    let rules = |must_sign| CommitRules {
        author: Some(("Release Train".to_owned(), "train@example.com".to_owned())),
        must_sign,
    };
    for (is_given, author) in [
        (false, "Release Train <train@example.com>"),
        (true, "shipgate <shipgate@example.com>"),
    ] {
        let mut options = options(server.url());
        options.author_is_given = is_given;
        let repository = Repository::open(options).unwrap();
        let base = repository.fetch("main").await.unwrap();
        repository.obey(rules(false)).await.unwrap();
        let ours = edit(&repository, &base, &format!("{is_given}\n")).await;
        repository.push("main", &base, &ours).await.unwrap();
        let format = "--format=%an <%ae>,%cn <%ce>";
        let said = git(&server.repository, &["log", "-1", format, "main"]);
        assert_eq!(said, format!("{author},{author}"));
        repository.obey(rules(true)).await.unwrap();
        let record =
            repository.append_journal("production", "shop", None, RECORD, noon(), Proof::ReadBack);
        let error = record.await.unwrap_err();
        assert!(matches!(error, GitError::Invalid { .. }), "{error:?}");
        assert!(error.hint().contains("--signing-key"), "{error:?}");
    }
}
