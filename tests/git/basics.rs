//! Fetch, read, commit, push and read back over smart HTTP.

use shipgate::git::{EntryKind, PushOutcome};

use super::{
    APP, TOKEN, at, edit, file, noon, open, shown,
    support::git_server::{GitServer, git},
    tree,
};

#[tokio::test]
async fn a_commit_reaches_the_branch_and_changes_only_its_paths() {
    let server = GitServer::start(TOKEN);
    let before = tree(&server.repository, "main");
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    assert_eq!(base.as_str(), server.tip("main"));
    assert_eq!(
        repository.read(&base, APP).await.unwrap().unwrap(),
        b"image: shop:1.0\n"
    );
    assert_eq!(repository.read(&base, "clusters/none.yaml").await, Ok(None));
    let files = vec![
        file(APP, "image: shop:1.1\n"),
        file("deploy.sh", "#!/bin/sh\nexit\n"),
        file("new/folder/a.yaml", "a: 1\n"),
    ];
    let message = "deploy shop 1.1\n\nShipgate-Run: 3f2a\n";
    let commit = repository
        .commit(&base, files, message, noon())
        .await
        .unwrap();
    assert_eq!(
        repository.push("main", &base, &commit).await.unwrap(),
        PushOutcome::Pushed
    );
    assert_eq!(server.tip("main"), commit.as_str());
    let tip = repository.remote_tip("refs/heads/main").await.unwrap();
    assert_eq!(tip, Some(commit.clone()));

    let changed = server.git(&["diff", "--name-status", base.as_str(), commit.as_str()]);
    insta::assert_snapshot!(changed, @"
    M	clusters/prod/app.yaml
    M	deploy.sh
    A	new/folder/a.yaml
    ");
    let modes = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| format!("{} {}", &line[..6], line.split('\t').nth(1).unwrap()))
            .filter(|line| !line.contains("new/"))
            .collect()
    };
    assert_eq!(modes(&tree(&server.repository, "main")), modes(&before));
    assert_eq!(
        server.git(&["show", "main:clusters/prod/app.yaml"]),
        "image: shop:1.1"
    );
    insta::assert_snapshot!(
        server.git(&["log", "-1", "--format=%an <%ae> %at%n%cn <%ce> %ct%n%B", "main"]),
        @"
    shipgate <shipgate@example.com> 1772452800
    shipgate <shipgate@example.com> 1772452800
    deploy shop 1.1

    Shipgate-Run: 3f2a
    "
    );
    server.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn the_same_input_makes_the_same_commit() {
    let server = GitServer::start(TOKEN);
    let (one, two) = (open(server.url()), open(server.url()));
    let base = one.fetch("main").await.unwrap();
    two.fetch("main").await.unwrap();
    assert_eq!(edit(&one, &base, "x").await, edit(&two, &base, "x").await);
    let later = one
        .commit(
            &base,
            vec![file(APP, "x")],
            "deploy x",
            at("2026-03-02T12:00:01Z"),
        )
        .await
        .unwrap();
    assert_ne!(later, edit(&one, &base, "x").await);
}

#[tokio::test]
async fn files_are_listed_with_their_kind() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let entries = repository.list(&base).await.unwrap();
    let listed: Vec<_> = entries
        .iter()
        .map(|entry| (&*entry.path, entry.kind))
        .collect();
    assert_eq!(
        listed,
        [
            ("clusters/prod/app.yaml", EntryKind::File),
            ("clusters/prod/other.yaml", EntryKind::File),
            ("deploy.sh", EntryKind::Executable),
            ("link.yaml", EntryKind::Symlink),
            ("module", EntryKind::Submodule),
        ]
    );
}

#[tokio::test]
async fn links_folders_and_ways_out_are_refused() {
    let server = GitServer::start(TOKEN);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    server.others_commit("large.yaml", pointer);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let mut messages = Vec::new();
    for path in [
        "link.yaml",
        "link.yaml/x",
        "module",
        "module/x",
        "clusters",
        "deploy.sh/x",
        "../x",
        "/etc/passwd",
        ".git/config",
        "large.yaml",
    ] {
        let read = repository.read(&base, path).await;
        let committed = repository
            .commit(&base, vec![file(path, "x")], "m", noon())
            .await
            .unwrap_err();
        assert_eq!(read.unwrap_err(), committed, "{path}");
        messages.push(committed.message().to_owned());
    }
    insta::assert_snapshot!(messages.join("\n"), @r#"
    link.yaml is or lies behind a symbolic link, expected a file
    link.yaml/x is or lies behind a symbolic link, expected a file
    module is or lies in a submodule, expected a file
    module/x is or lies in a submodule, expected a file
    clusters is a folder, expected a file
    deploy.sh/x lies below a file, expected a file
    found "../x", expected a path inside the repository
    found "/etc/passwd", expected a path inside the repository
    found ".git/config", expected a path inside the repository
    large.yaml is kept in Git LFS
    "#);
}

#[tokio::test]
async fn history_comes_when_it_is_asked_for() {
    let server = GitServer::start(TOKEN);
    let first = server.tip("main").parse().unwrap();
    for number in 0..5 {
        server.others_commit("log.txt", &number.to_string());
    }
    let repository = open(server.url());
    let tip = repository.fetch("main").await.unwrap();
    let short = repository.log(&tip, 100).await.unwrap();
    assert_eq!((short.len(), short[0].parents.len()), (1, 0));

    let whole = repository.fetch_history("main").await.unwrap();
    assert_eq!(whole, tip);
    let entries = repository.log(&tip, 100).await.unwrap();
    assert_eq!(entries.len(), 6);
    assert_eq!(entries[0].parents, [entries[1].id.clone()]);
    assert_eq!(
        (entries[5].id.clone(), entries[5].subject.as_str()),
        (first, "first")
    );
    assert_eq!(entries[0].author, "somebody <somebody@example.com>");
    assert_eq!(repository.log(&tip, 2).await.unwrap().len(), 2);

    // A later fetch adds to the history and cuts nothing off.
    server.others_commit("log.txt", "more");
    let tip = repository.fetch("main").await.unwrap();
    assert_eq!(repository.log(&tip, 100).await.unwrap().len(), 7);
}

#[tokio::test]
async fn ancestry_is_told_even_from_a_cut_history() {
    let server = GitServer::start(TOKEN);
    let first = server.tip("main").parse().unwrap();
    server.git(&["branch", "side"]);
    for number in 0..5 {
        server.others_commit("log.txt", &number.to_string());
    }
    let side = super::support::git_server::others_commit(&server.repository, "side", "s", "s");
    let side = side.parse().unwrap();
    let repository = open(server.url());
    let tip = repository.fetch("main").await.unwrap();
    assert_eq!(repository.contains(&tip, &tip).await, Ok(true));
    assert_eq!(repository.contains(&tip, &first).await, Ok(true));
    assert_eq!(repository.contains(&tip, &side).await, Ok(false));
    assert!(
        repository.contains(&side, &tip).await.is_err(),
        "not fetched"
    );
    repository.fetch("side").await.unwrap();
    assert_eq!(repository.contains(&side, &first).await, Ok(true));
    assert_eq!(repository.contains(&side, &tip).await, Ok(false));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let server = GitServer::start(TOKEN);
    server.git(&["branch", "develop"]);
    let repository = open(server.url());
    assert_eq!(repository.default_branch().await.unwrap(), "main");
    let missing = repository.fetch("mian").await.unwrap_err();
    insta::assert_snapshot!(shown(&missing, &server.origin()), @r#"
    BranchMissing: SERVER/shop.git has no branch "mian"
    hint: branches there: develop, main
    "#);
    assert_eq!(repository.fetch_history("mian").await, Err(missing.clone()));
    assert_eq!(repository.can_push("mian").await, Err(missing));
    assert_eq!(repository.can_push("main").await, Ok(()));
    assert_eq!(repository.remote_tip("refs/heads/mian").await, Ok(None));
    for name in ["main", "", "-x", "refs/heads/../x"] {
        assert!(repository.remote_tip(name).await.is_err(), "{name}");
    }
    let elsewhere = "1111111111111111111111111111111111111111".parse().unwrap();
    let error = repository.read(&elsewhere, APP).await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &server.origin()), @"
    Invalid: commit 1111111111111111111111111111111111111111 is not in what was fetched from SERVER/shop.git
    hint: fetch the branch that holds it, with its history
    ");
}

#[tokio::test]
async fn an_empty_repository_is_no_mystery() {
    let server = GitServer::start(TOKEN);
    let empty = server.repository.with_file_name("empty.git");
    std::fs::create_dir(&empty).unwrap();
    git(&empty, &["init", "--quiet", "--bare", "."]);
    let repository = open(format!("{}/empty.git", server.origin()));
    let error = repository.fetch("main").await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &server.origin()), @r#"
    BranchMissing: SERVER/empty.git has no branch "main"
    hint: the repository is empty: push a first commit
    "#);
    let error = repository.default_branch().await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &server.origin()), @"
    NotFound: SERVER/empty.git has no default branch
    hint: the repository is empty: push a first commit
    ");
}
