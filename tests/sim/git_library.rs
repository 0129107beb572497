//! The world's git server as libgit2 and plain HTTP clients see it.

use std::{cell::RefCell, path::Path};

use git2::{
    Cred, ErrorCode, FetchOptions, PushOptions, RemoteCallbacks, Repository, Signature,
    build::TreeUpdateBuilder,
};
use shipgate::sim::{Faults, Scenario};

use crate::stage::Stage;

/// Everything that a push was told.
#[derive(Debug, Default)]
struct Told {
    statuses: Vec<(String, Option<String>)>,
    text: String,
}

fn credentials(token: &str) -> RemoteCallbacks<'_> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.credentials(move |_, _, _| Cred::userpass_plaintext("x-access-token", token));
    callbacks
}

fn open(stage: &Stage, name: &str) -> Repository {
    let repository = Repository::init_bare(stage.folder.path().join(name)).unwrap();
    repository.remote("origin", &stage.world.git_url()).unwrap();
    repository
}

fn fetch(stage: &Stage, repository: &Repository, depth: i32) {
    let mut options = FetchOptions::new();
    options
        .remote_callbacks(credentials(stage.world.token()))
        .depth(depth);
    repository
        .find_remote("origin")
        .unwrap()
        .fetch(
            &["+refs/heads/main:refs/heads/main"],
            Some(&mut options),
            None,
        )
        .unwrap();
}

fn commit(repository: &Repository, path: &str) -> git2::Oid {
    let parent = repository
        .find_reference("refs/heads/main")
        .unwrap()
        .peel_to_commit()
        .unwrap();
    let blob = repository.blob(path.as_bytes()).unwrap();
    let tree = TreeUpdateBuilder::new()
        .upsert(path, blob, git2::FileMode::Blob)
        .create_updated(repository, &parent.tree().unwrap())
        .unwrap();
    let tree = repository.find_tree(tree).unwrap();
    let author = Signature::now("Test", "test@shop.example").unwrap();
    repository
        .commit(
            Some("refs/heads/main"),
            &author,
            &author,
            &format!("add {path}"),
            &tree,
            &[&parent],
        )
        .unwrap()
}

fn push(
    stage: &Stage,
    repository: &Repository,
    refspecs: &[&str],
) -> (Result<(), git2::Error>, Told) {
    let told = RefCell::new(Told::default());
    let result = {
        let mut callbacks = credentials(stage.world.token());
        callbacks.push_update_reference(|name, status| {
            let status = status.map(str::to_owned);
            told.borrow_mut().statuses.push((name.to_owned(), status));
            Ok(())
        });
        callbacks.sideband_progress(|text| {
            told.borrow_mut()
                .text
                .push_str(&String::from_utf8_lossy(text));
            true
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks);
        let mut remote = repository.find_remote("origin").unwrap();
        remote.push(refspecs, Some(&mut options))
    };
    (result, told.into_inner())
}

#[test]
fn libgit2_fetches_one_commit_and_pushes_on_top_of_it() {
    let stage = Stage::new(Scenario::Healthy);
    for round in 0..3 {
        let path = format!("notes/{round}.md");
        stage
            .world
            .write(&path, b"a note\n", "notes: one more")
            .unwrap();
    }
    let repository = open(&stage, "client.git");
    fetch(&stage, &repository, 1);
    assert!(repository.is_shallow());
    for round in 0..3 {
        let pushed = commit(&repository, &format!("file-{round}"));
        // With its history cut, the client cannot tell that this is no step back: it has to insist.
        let journal = "+refs/heads/main:refs/shipgate/production/advertisements";
        let (result, told) = push(&stage, &repository, &["refs/heads/main", journal]);
        result.unwrap();
        assert_eq!(told.statuses.len(), 2);
        assert!(
            told.statuses.iter().all(|(_, status)| status.is_none()),
            "{told:?}"
        );
        assert_eq!(stage.world.tip().unwrap(), pushed.to_string());
        stage
            .world
            .write("notes/other.md", &[round + b'0'], "notes: again")
            .unwrap();
        fetch(&stage, &repository, if round == 1 { 2 } else { 1 });
        let tip = repository.refname_to_id("refs/heads/main").unwrap();
        assert_eq!(tip.to_string(), stage.world.tip().unwrap());
    }
    let whole = open(&stage, "whole.git");
    fetch(&stage, &whole, 0);
    assert!(!whole.is_shallow());
    let mut walk = whole.revwalk().unwrap();
    walk.push_ref("refs/heads/main").unwrap();
    assert_eq!(walk.count(), 10);
}

#[test]
fn libgit2_is_told_who_refused_and_why() {
    let stage = Stage::new(Scenario::Healthy);
    let repository = open(&stage, "client.git");
    fetch(&stage, &repository, 1);
    commit(&repository, "file");
    let first = stage.world.tip().unwrap();

    stage.world.set_faults(Faults {
        protect_branch: true,
        ..Faults::default()
    });
    let (_, told) = push(&stage, &repository, &["refs/heads/main"]);
    let refused = "protected branch hook declined".to_owned();
    assert_eq!(
        told.statuses,
        [("refs/heads/main".to_owned(), Some(refused))]
    );
    assert!(
        told.text.contains("changes go through a pull request"),
        "{told:?}"
    );
    assert_eq!(stage.world.tip().unwrap(), first);

    stage.world.set_faults(Faults {
        rivals: 1,
        ..Faults::default()
    });
    let (_, told) = push(&stage, &repository, &["refs/heads/main"]);
    let lost = "failed to update ref".to_owned();
    assert_eq!(told.statuses, [("refs/heads/main".to_owned(), Some(lost))]);
    assert!(
        told.text
            .contains("cannot lock ref 'refs/heads/main': is at"),
        "{told:?}"
    );
    assert_eq!(stage.world.log().unwrap().len(), 2);

    let (result, _) = push(&stage, &repository, &["refs/heads/main"]);
    assert_eq!(result.unwrap_err().code(), ErrorCode::NotFastForward);
}

#[test]
fn requests_that_no_git_client_sends_are_refused() {
    let stage = Stage::new(Scenario::Healthy);
    let url = stage.world.git_url();
    let tip = stage.world.tip().unwrap();
    let post = |service: &str, body: String| {
        let response = stage
            .client
            .post(format!("{url}/{service}"))
            .basic_auth("x-access-token", Some(stage.world.token()))
            .body(body)
            .send()
            .unwrap();
        let status = response.status().as_u16();
        let bytes = response.bytes().unwrap();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    };
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let zero = "0".repeat(40);
    let nobody = "1".repeat(40);

    assert_eq!(post("git-upload-pack", "zzzz".to_owned()).0, 400);
    assert_eq!(post("git-upload-pack", line("want me")).0, 400);
    assert_eq!(post("git-upload-pack", line("filter blob:none")).0, 400);
    assert_eq!(post("git-receive-pack", line("main")).0, 400);
    assert_eq!(
        post("git-receive-pack", "0000".to_owned()),
        (200, String::new())
    );
    let (_, text) = post(
        "git-upload-pack",
        line(&format!("want {nobody}\n")) + "0000",
    );
    assert!(text.contains("ERR upload-pack: not our ref"), "{text}");

    // A branch never stands on something that is not there.
    let command = line(&format!("{tip} {nobody} refs/heads/main\0report-status"));
    let empty = "0000PACK\0\0\0\u{2}\0\0\0\0".to_owned();
    let (_, text) = post("git-receive-pack", command.clone() + &empty);
    assert!(
        text.contains("ng refs/heads/main missing necessary objects"),
        "{text}"
    );
    let (_, text) = post("git-receive-pack", command + "0000PACK");
    assert!(text.contains("unpack the pack is cut short"), "{text}");
    assert!(text.contains("ng refs/heads/main unpacker error"), "{text}");
    let command = line(&format!("{zero} {tip} refs/heads/../up\0report-status"));
    let (_, text) = post("git-receive-pack", command + &empty);
    assert!(text.contains("ng refs/heads/../up"), "{text}");
    assert_eq!(stage.world.tip().unwrap(), tip);
    assert_eq!(stage.world.references().unwrap().len(), 1);
    assert!(!Path::new(stage.folder.path()).join("up").exists());

    let response = stage.client.get(format!("{url}/info/refs")).send().unwrap();
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("Basic "), "{challenge}");
}
