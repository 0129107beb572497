//! Records of several services that wait at the same time: they go in one push, and each has an outcome of
//! its own.

use futures_util::future::join_all;
use shipgate::git::{CommitId, GitError, JournalOutcome, Proof, Repository, Trailers, message};

use super::{TOKEN, noon, open, support::git_server::GitServer};

pub const SERVICES: [&str; 6] = ["api", "blog", "cart", "docs", "mail", "web"];

fn reference(service: &str) -> String {
    format!("refs/shipgate/production/{service}")
}

async fn append(
    repository: &Repository,
    expected: Option<CommitId>,
    service: &str,
    state: &str,
) -> Result<JournalOutcome, GitError> {
    let mut trailers = Trailers::new();
    trailers.push("Run", service);
    trailers.push("Service", service);
    trailers.push("Environment", "production");
    trailers.push("State", state);
    let message = message(&format!("{state} {service}"), "", &trailers);
    let own = repository.share();
    let expected = expected.as_ref();
    own.append_journal(
        "production",
        service,
        expected,
        &message,
        noon(),
        Proof::ReadBack,
    )
    .await
}

/// Writes a first record of every service at the same time.
pub async fn start_all(repository: &Repository) -> Vec<Result<JournalOutcome, GitError>> {
    let started = SERVICES.map(|service| append(repository, None, service, "started"));
    join_all(started).await
}

/// Checks each outcome against what the server has. Returns how many records are there.
pub fn check(server: &GitServer, outcomes: &[Result<JournalOutcome, GitError>]) -> usize {
    let mut there = 0;
    for (service, outcome) in SERVICES.iter().zip(outcomes) {
        let refs = server.git(&[
            "for-each-ref",
            "--format=%(objectname)",
            &reference(service),
        ]);
        match (outcome, refs.trim()) {
            (Ok(JournalOutcome::Appended(id)), tip) if tip == id.as_str() => there += 1,
            (Ok(JournalOutcome::NotTaken { .. } | JournalOutcome::Refused { .. }), "")
            | (Err(GitError::Unavailable { .. }), "") => {}
            (outcome, tip) => panic!("{service}: {outcome:?}, and the server has {tip:?}"),
        }
    }
    there
}

fn pushes(server: &GitServer) -> usize {
    let log = server.log();
    let is_push =
        |method: &str, target: &str| method == "POST" && target.ends_with("/git-receive-pack");
    log.iter()
        .filter(|line| is_push(&line.method, &line.target))
        .count()
}

#[tokio::test]
async fn what_waits_goes_in_one_push() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let started = start_all(&repository).await;
    assert_eq!(check(&server, &started), SERVICES.len(), "{started:?}");
    let first = pushes(&server);
    assert!(first < SERVICES.len(), "{first} pushes");
    let ids = started.into_iter().map(|outcome| match outcome {
        Ok(JournalOutcome::Appended(id)) => Some(id),
        other => panic!("{other:?}"),
    });
    let next = SERVICES.iter().zip(ids);
    let next = next.map(|(service, id)| append(&repository, id, service, "verified"));
    let verified = join_all(next).await;
    assert_eq!(check(&server, &verified), SERVICES.len(), "{verified:?}");
    for service in SERVICES {
        let journal = open(server.url());
        let journal = journal.journal("production", service).await.unwrap();
        let states = journal
            .records
            .iter()
            .map(|it| it.trailers.get("State").unwrap().to_owned());
        assert_eq!(
            states.collect::<Vec<_>>(),
            ["verified", "started"],
            "{service}"
        );
    }
    server.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn somebody_else_in_one_journal_keeps_no_other() {
    let server = GitServer::start(TOKEN);
    let (repository, other) = (open(server.url()), open(server.url()));
    let theirs = append(&other, None, "cart", "started").await;
    let Ok(JournalOutcome::Appended(theirs)) = theirs else {
        panic!("{theirs:?}");
    };
    let started = start_all(&repository).await;
    for (service, outcome) in SERVICES.iter().zip(started) {
        match outcome.unwrap() {
            JournalOutcome::Lost { tip } if *service == "cart" => {
                assert_eq!(tip, Some(theirs.clone()));
            }
            JournalOutcome::Appended(id) if *service != "cart" => {
                assert_eq!(server.tip(&reference(service)), id.as_str());
            }
            outcome => panic!("{service}: {outcome:?}"),
        }
    }
    assert_eq!(server.tip(&reference("cart")), theirs.as_str());
}

#[tokio::test]
async fn one_that_is_refused_keeps_no_other_whichever_way_the_server_refuses() {
    let refusals = [
        (
            "update",
            "case $1 in */cart) echo 'not the cart' >&2; exit 1;; esac",
        ),
        // Of several references it refuses all for one.
        (
            "pre-receive",
            "while read old new name; do case $name in */cart) echo 'not the cart' >&2; exit 1;; esac; done",
        ),
    ];
    for (hook, script) in refusals {
        let server = GitServer::start(TOKEN);
        server.hook(hook, script);
        let started = start_all(&open(server.url())).await;
        assert_eq!(check(&server, &started), SERVICES.len() - 1, "{hook}");
        match &started[2] {
            Ok(JournalOutcome::Refused { reason }) => assert!(reason.contains("not the cart")),
            other => panic!("{hook}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_asked_at_the_same_time_is_asked_once() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let lists = || {
        let log = server.log();
        let lists = log.iter().filter(|line| line.target.contains("info/refs"));
        lists.count()
    };
    let tip = server.tip("main");
    let ways: Vec<Repository> = SERVICES.iter().map(|_| repository.share()).collect();
    let asked = join_all(ways.iter().map(Repository::fetch_default)).await;
    for found in asked {
        let (branch, found) = found.unwrap();
        assert_eq!((branch.as_str(), found.as_str()), ("main", tip.as_str()));
    }
    let first = lists();
    assert!(first < SERVICES.len(), "{first} lists");
    // What somebody else has pushed since is there for whoever asks then.
    let newer = server.others_commit("theirs.yaml", "theirs\n");
    for way in &ways[..2] {
        assert_eq!(way.fetch("main").await.unwrap().as_str(), newer);
    }
    assert_eq!(lists(), first + 2);
}
