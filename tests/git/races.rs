//! Races: somebody else pushes in between, in every place where they can.

use shipgate::git::{CommitId, PushOutcome, Repository};
use tokio::task::JoinSet;

use super::{APP, TOKEN, edit, file, noon, open, support::git_server::GitServer};

/// Puts a commit of somebody else into the object store without moving a ref, and a hook that moves
/// `main` to it while our push is under way.
fn ambush(server: &GitServer) -> String {
    let before = server.tip("main");
    let theirs = server.others_commit("theirs.yaml", "theirs\n");
    server.git(&["update-ref", "refs/heads/main", &before]);
    server.hook(
        "pre-receive",
        &format!(
            "cat > /dev/null\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {theirs} {before}\nrm hooks/pre-receive"
        ),
    );
    theirs
}

#[tokio::test]
async fn somebody_pushed_before_us() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let theirs = server.others_commit("theirs.yaml", "theirs\n");
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(
        outcome,
        PushOutcome::Lost {
            tip: theirs.parse().unwrap()
        }
    );
    assert_eq!(server.tip("main"), theirs);

    let base = repository.fetch("main").await.unwrap();
    assert_eq!(base.as_str(), theirs);
    let ours = edit(&repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(server.git(&["show", "main:theirs.yaml"]), "theirs");
    assert_eq!(server.git(&["show", &format!("main:{APP}")]), "ours");
}

#[tokio::test]
async fn somebody_pushed_while_our_pack_was_on_its_way() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let theirs = ambush(&server);
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(
        outcome,
        PushOutcome::Lost {
            tip: theirs.parse().unwrap()
        }
    );
    assert_eq!(server.tip("main"), theirs);
}

#[tokio::test]
async fn a_race_that_is_run_again_is_not_looked_into_before() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let lost = edit(&repository, &base, "lost\n").await;
    let theirs: CommitId = ambush(&server).parse().unwrap();
    let seen = server.log().len();
    let outcome = repository.push_for_retry("main", &base, &lost).await;
    let tip = theirs.clone();
    assert_eq!(outcome, Ok(PushOutcome::Overtaken { tip }));
    // The refs, the push, and the refs again: no fetch.
    assert_eq!(server.log().len() - seen, 3);
    assert_eq!(repository.fetch("main").await.unwrap(), theirs);
    assert_eq!(repository.follows(&theirs, &lost).await, Ok(false));

    // A proxy sends the push twice: it lands, somebody builds on it, and the server refuses the second.
    let landed = edit(&repository, &theirs, "landed\n").await;
    let outcome = repository.push("main", &theirs, &landed).await;
    assert_eq!(outcome, Ok(PushOutcome::Pushed));
    let next: CommitId = server
        .others_commit("theirs.yaml", "next\n")
        .parse()
        .unwrap();
    let outcome = repository.push_for_retry("main", &theirs, &landed).await;
    let tip = next.clone();
    assert_eq!(outcome, Ok(PushOutcome::Overtaken { tip }));
    assert_eq!(repository.fetch("main").await.unwrap(), next);
    assert_eq!(repository.follows(&next, &landed).await, Ok(true));
}

#[tokio::test]
async fn a_lock_of_somebody_who_is_just_writing_is_worth_another_try() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let lock = server.repository.join("refs/heads/main.lock");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    let PushOutcome::Locked { reason } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("cannot lock ref"), "{reason}");
    // Nothing is in the way any more.
    std::fs::remove_file(lock).unwrap();
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
}

#[tokio::test]
async fn a_cut_history_is_enough_for_every_outcome() {
    let server = GitServer::start(TOKEN);
    for number in 0..5 {
        server.others_commit("log.txt", &number.to_string());
    }
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);

    let late = edit(&repository, &base, "late\n").await;
    server.others_commit("log.txt", "theirs");
    let theirs: CommitId = server.others_commit("log.txt", "more").parse().unwrap();
    let outcome = repository.push("main", &base, &late).await.unwrap();
    assert_eq!(
        outcome,
        PushOutcome::Lost {
            tip: theirs.clone()
        }
    );
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(repository.fetch("main").await.unwrap(), theirs);
    assert_eq!(repository.log(&theirs, 99).await.unwrap().len(), 4);
    server.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn somebody_built_on_our_commit() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    // Right after ours is in, they are on top of it.
    server.hook(
        "post-receive",
        "cat > /dev/null\ntree=$(git rev-parse main^{tree})\ntheirs=$(git commit-tree $tree -p main -m top)\ngit update-ref refs/heads/main $theirs",
    );
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(server.tip("main~1"), ours.as_str());
}

#[tokio::test]
async fn a_push_again_of_what_is_there_is_a_success() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    for _ in 0..2 {
        let outcome = repository.push("main", &base, &ours).await.unwrap();
        assert_eq!(outcome, PushOutcome::Pushed);
    }
    server.others_commit("theirs.yaml", "theirs\n");
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
}

#[tokio::test]
async fn nothing_is_ever_forced() {
    let server = GitServer::start(TOKEN);
    server.git(&["config", "receive.denyNonFastForwards", "false"]);
    let old = server.tip("main");
    server.others_commit("theirs.yaml", "theirs\n");
    let repository = open(server.url());
    let tip = repository.fetch_history("main").await.unwrap();
    let old: CommitId = old.parse().unwrap();
    let beside = edit(&repository, &old, "ours\n").await;
    for new in [&old, &beside, &tip] {
        let error = repository.push("main", &tip, new).await.unwrap_err();
        assert!(error.message().contains("does not build on"), "{error}");
    }
    assert_eq!(server.tip("main"), tip.as_str());
}

#[tokio::test]
async fn what_was_expected_counts_even_where_the_commit_would_fit() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let old = repository.fetch("main").await.unwrap();
    server.others_commit("theirs.yaml", "theirs\n");
    let tip = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &tip, "ours\n").await;
    let outcome = repository.push("main", &old, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Lost { tip: tip.clone() });
    assert_eq!(server.tip("main"), tip.as_str());
}

#[tokio::test]
async fn a_deleted_branch_is_not_made_again() {
    let server = GitServer::start(TOKEN);
    server.git(&["branch", "release"]);
    let repository = open(server.url());
    let base = repository.fetch("release").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    server.git(&["branch", "-D", "release"]);
    let error = repository.push("release", &base, &ours).await.unwrap_err();
    assert_eq!(error, repository.fetch("release").await.unwrap_err());
    assert_eq!(server.git(&["branch", "--list", "release"]), "");
}

async fn write_until_it_is_there(repository: Repository, writer: usize, commits: usize) {
    for number in 0..commits {
        loop {
            let base = repository.fetch("main").await.unwrap();
            let path = format!("writers/{writer}-{number}.yaml");
            let subject = format!("{writer}-{number}");
            let commit = repository
                .commit(&base, vec![file(&path, &subject)], &subject, noon())
                .await
                .unwrap();
            match repository.push("main", &base, &commit).await.unwrap() {
                PushOutcome::Pushed => break,
                PushOutcome::Lost { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn eight_writers_all_get_their_commits_in_once() {
    let server = GitServer::start(TOKEN);
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        writers.spawn(write_until_it_is_there(open(server.url()), writer, 5));
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let subjects = server.git(&["log", "--format=%s", "main"]);
    let mut subjects: Vec<_> = subjects.lines().collect();
    subjects.sort_unstable();
    let mut expected: Vec<String> = (0..8)
        .flat_map(|writer| (0..5).map(move |number| format!("{writer}-{number}")))
        .collect();
    expected.push("first".to_owned());
    expected.sort_unstable();
    assert_eq!(subjects, expected);
    let files = server.git(&["ls-tree", "--name-only", "main", "writers/"]);
    assert_eq!(files.lines().count(), 40);
    server.git(&["fsck", "--strict"]);
}
