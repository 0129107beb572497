//! Connections that break during a push: the branch tells what became of it.

use shipgate::git::{CommitId, PushOutcome, Repository};
use tokio::task::JoinSet;

use super::{
    TOKEN, edit, open,
    support::git_server::{Fault, GitServer},
};

const PUSH: &str = "/git-receive-pack";
/// Where the refs are listed for a push and read back after it.
const READ: &str = "service=git-receive-pack";

async fn prepared() -> (GitServer, Repository, CommitId, CommitId) {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    (server, repository, base, ours)
}

/// As [`prepared`], and the refs are known already: a push asks for them only to read back.
async fn prepared_to_push() -> (GitServer, Repository, CommitId, CommitId) {
    let (server, repository, base, ours) = prepared().await;
    repository.can_push("main").await.unwrap();
    (server, repository, base, ours)
}

/// Breaks the connection and returns what the push says and whether the commit is on the branch.
async fn broken(fault: Fault) -> (PushOutcome, bool, CommitId) {
    let (server, repository, base, ours) = prepared().await;
    server.fault(PUSH, fault);
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    (outcome, server.tip("main") == ours.as_str(), base)
}

#[tokio::test]
async fn wherever_the_connection_breaks_the_branch_decides() {
    let mut cases = JoinSet::new();
    for bytes in [0, 1, 3, 4, 50, 100, 150, 170, 180, 200, 300, 400] {
        cases.spawn(broken(Fault::CutRequest(bytes)));
    }
    for bytes in [
        0, 1, 12, 50, 100, 150, 180, 200, 210, 220, 230, 240, 250, 300, 350, 400, 1000,
    ] {
        cases.spawn(broken(Fault::CutAnswer(bytes)));
    }
    let (mut applied, mut not) = (0, 0);
    while let Some(case) = cases.join_next().await {
        let (outcome, is_there, base) = case.unwrap();
        if is_there {
            assert_eq!(outcome, PushOutcome::Pushed);
            applied += 1;
        } else {
            let is_told = matches!(outcome, PushOutcome::NotTaken { .. });
            assert!(is_told, "{outcome:?} on {base}");
            not += 1;
        }
    }
    assert_eq!((applied, not), (17, 12));
}

#[tokio::test]
async fn an_outcome_that_can_not_be_read_back_is_unknown() {
    for fault in [Fault::CutRequest(100), Fault::CutAnswer(10)] {
        let (server, repository, base, ours) = prepared_to_push().await;
        server.fault(PUSH, fault);
        for _ in 0..4 {
            server.fault(READ, Fault::CutRequest(0));
        }
        let outcome = repository.push("main", &base, &ours).await.unwrap();
        assert!(
            matches!(outcome, PushOutcome::Unknown { .. }),
            "{outcome:?}"
        );
        server.heal();
        // The next look tells.
        let tip = repository.remote_tip("refs/heads/main").await.unwrap();
        assert_eq!(tip.unwrap().as_str(), server.tip("main"));
    }
}

#[tokio::test]
async fn even_a_yes_counts_only_when_the_branch_shows_it() {
    let (server, repository, base, ours) = prepared_to_push().await;
    for _ in 0..4 {
        server.fault(READ, Fault::CutRequest(0));
    }
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert!(
        matches!(outcome, PushOutcome::Unknown { .. }),
        "{outcome:?}"
    );

    // A server that says yes and means no.
    let (server, repository, base, ours) = prepared().await;
    server.hook(
        "post-receive",
        &format!("cat > /dev/null\ngit update-ref refs/heads/main {base}"),
    );
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    insta::assert_snapshot!(format!("{outcome:?}"), @r#"Unknown { reason: "the server said it took the push, but the ref does not show it" }"#);
}

#[tokio::test]
async fn a_report_cut_short_by_a_proxy_is_no_refusal() {
    let (server, repository, base, ours) = prepared().await;
    let kind = "Content-Type: application/x-git-receive-pack-result".to_owned();
    for body in ["", "0030", "000eunpack ok\n"] {
        let answer = Fault::Answer("200 OK".to_owned(), vec![kind.clone()], body.to_owned());
        server.fault(PUSH, answer);
        let outcome = repository.push("main", &base, &ours).await.unwrap();
        let is_told = matches!(outcome, PushOutcome::NotTaken { .. });
        assert!(is_told, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_read_back_that_fails_once_is_made_again() {
    let (server, repository, base, ours) = prepared_to_push().await;
    server.fault(READ, Fault::CutRequest(0));
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
}

#[tokio::test]
async fn a_server_that_can_not_be_reached_has_taken_nothing() {
    let (server, repository, base, ours) = prepared().await;
    server.fault(READ, Fault::CutRequest(0));
    let error = repository.push("main", &base, &ours).await.unwrap_err();
    assert!(
        matches!(error, shipgate::git::GitError::Unavailable { .. }),
        "{error}"
    );
    assert_eq!(server.tip("main"), base.as_str());
}

#[tokio::test]
async fn a_push_that_is_given_up_is_finished_before_the_next_call() {
    let (server, repository, base, ours) = prepared().await;
    tokio::select! {
        biased;
        outcome = repository.push("main", &base, &ours) => panic!("{outcome:?}"),
        () = pushing(&server) => {}
    }
    let tip = repository.remote_tip("refs/heads/main").await.unwrap();
    assert_eq!(tip, Some(ours));
}

async fn pushing(server: &GitServer) {
    while !server
        .log()
        .iter()
        .any(|line| line.target.contains("receive-pack"))
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_server_answers_in_place_of_taking_a_push_is_told() {
    let (server, repository, base, ours) = prepared().await;
    let answer = Fault::Answer(
        "413 Payload Too Large".to_owned(),
        vec!["Content-Type: text/plain".to_owned()],
        "too large".to_owned(),
    );
    server.fault(PUSH, answer);
    let outcome = repository.push_for_retry("main", &base, &ours).await;
    let PushOutcome::NotTaken { reason } = outcome.unwrap() else {
        panic!("it was taken");
    };
    let (_, told) = reason.split_once(" answers ").unwrap();
    insta::assert_snapshot!(told, @"HTTP 413: too large");
    let again = repository.push_for_retry("main", &base, &ours).await;
    assert_eq!(again, Ok(PushOutcome::Pushed));
}
