//! Branches of our own: made, replaced and taken away by compare-and-set, on a server and on a path.

use std::path::Path;

use shipgate::git::{BranchOutcome, Repository};

use super::{
    TOKEN, edit, open,
    support::git_server::{GitServer, git, others_commit, seed},
};

const OURS: &str = "shipgate/production/shop-1.1-3fa9c2d10b7e";

/// As forges do it on branches that are not protected.
fn allow(path: &Path) {
    for key in ["receive.denyNonFastForwards", "receive.denyDeletes"] {
        git(path, &["config", key, "false"]);
    }
}

fn tip(path: &Path) -> String {
    git(
        path,
        &[
            "for-each-ref",
            "--format=%(objectname)",
            &format!("refs/heads/{OURS}"),
        ],
    )
}

async fn made_replaced_and_taken_away(repository: &Repository, path: &Path) {
    allow(path);
    let base = repository.fetch("main").await.unwrap();
    assert_eq!(repository.fetch_own(OURS).await, Ok(None));
    let first = edit(repository, &base, "first\n").await;
    let second = edit(repository, &base, "second\n").await;
    let third = edit(repository, &base, "third\n").await;
    let change = async |expected, new| repository.change_own(OURS, expected, new).await.unwrap();

    assert_eq!(change(None, Some(&first)).await, BranchOutcome::Moved);
    assert_eq!(tip(path), first.as_str());
    assert_eq!(repository.fetch_own(OURS).await, Ok(Some(first.clone())));
    // Made by somebody meanwhile, or moved: nothing is given up.
    let lost = BranchOutcome::Lost {
        tip: Some(first.clone()),
    };
    assert_eq!(change(None, Some(&second)).await, lost);
    assert_eq!(change(Some(&second), Some(&third)).await, lost);
    // The second does not build on the first.
    assert_eq!(
        change(Some(&first), Some(&second)).await,
        BranchOutcome::Moved
    );
    assert_eq!(tip(path), second.as_str());

    let theirs = others_commit(path, OURS, "theirs", "theirs");
    let lost = BranchOutcome::Lost {
        tip: Some(theirs.parse().unwrap()),
    };
    assert_eq!(change(Some(&second), Some(&first)).await, lost);
    assert_eq!(change(Some(&second), None).await, lost);
    assert_eq!(tip(path), theirs);

    let theirs = repository.fetch_own(OURS).await.unwrap();
    git(path, &["config", "receive.denyDeletes", "true"]);
    let denied = change(theirs.as_ref(), None).await;
    assert!(matches!(denied, BranchOutcome::Denied { .. }), "{denied:?}");
    allow(path);
    assert_eq!(change(theirs.as_ref(), None).await, BranchOutcome::Moved);
    assert_eq!(tip(path), "");
    assert_eq!(change(theirs.as_ref(), None).await, BranchOutcome::Moved);
    assert_eq!(git(path, &["rev-parse", "main"]), base.as_str());
}

#[tokio::test]
async fn over_smart_http() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    made_replaced_and_taken_away(&repository, &server.repository).await;
}

#[tokio::test]
async fn on_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.git");
    seed(&path);
    let repository = open(path.display().to_string());
    made_replaced_and_taken_away(&repository, &path).await;
}
