//! The journal: one ref, compare-and-set, one winner.

use shipgate::git::{CommitId, JournalOutcome, Proof, Repository, Trailers, message};
use tokio::task::JoinSet;

use super::{TOKEN, at, noon, open, support::git_server::GitServer};

fn record(run: &str, state: &str) -> String {
    let mut trailers = Trailers::new();
    trailers.push("Run", run);
    trailers.push("State", state);
    message(&format!("{state} {run}"), "", &trailers)
}

async fn append(
    repository: &Repository,
    expected: Option<&CommitId>,
    run: &str,
    state: &str,
) -> JournalOutcome {
    let message = record(run, state);
    repository
        .append_journal(
            "production",
            "shop",
            expected,
            &message,
            noon(),
            Proof::ReadBack,
        )
        .await
        .unwrap()
}

fn appended(outcome: JournalOutcome) -> CommitId {
    match outcome {
        JournalOutcome::Appended(id) => id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn records_follow_one_another() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let empty = repository.journal("production", "shop").await.unwrap();
    assert_eq!((empty.tip, empty.records.len()), (None, 0));
    let first = appended(append(&repository, None, "one", "started").await);
    let second = appended(append(&repository, Some(&first), "one", "verified").await);

    let another = open(server.url());
    let journal = another.journal("production", "shop").await.unwrap();
    assert_eq!(journal.tip, Some(second.clone()));
    let told: Vec<_> = journal
        .records
        .iter()
        .map(|record| {
            (
                record.id.clone(),
                record.at,
                record.trailers.get("State").unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [(second, noon(), "verified"), (first, noon(), "started")]
    );
    assert_eq!(
        server.git(&["ls-tree", "refs/shipgate/production/shop"]),
        ""
    );
    assert_eq!(server.git(&["log", "-1", "--format=%s", "main"]), "first");
    server.git(&["fsck", "--strict"]);
}

#[tokio::test]
async fn of_two_writers_one_wins_even_with_the_same_words() {
    let server = GitServer::start(TOKEN);
    let (one, two) = (open(server.url()), open(server.url()));
    let first = appended(append(&one, None, "same", "started").await);
    let lost = append(&two, None, "same", "started").await;
    assert_eq!(
        lost,
        JournalOutcome::Lost {
            tip: Some(first.clone())
        }
    );

    two.journal("production", "shop").await.unwrap();
    let second = appended(append(&two, Some(&first), "same", "advanced").await);
    let lost = append(&one, Some(&first), "same", "advanced").await;
    assert_eq!(
        lost,
        JournalOutcome::Lost {
            tip: Some(second.clone())
        }
    );
    let tip = one
        .remote_tip("refs/shipgate/production/shop")
        .await
        .unwrap();
    assert_eq!(tip, Some(second));
}

#[tokio::test]
async fn of_many_at_once_exactly_one_wins() {
    let server = GitServer::start(TOKEN);
    for round in 0..3 {
        let expected = open(server.url())
            .journal("production", "shop")
            .await
            .unwrap()
            .tip;
        let mut writers = JoinSet::new();
        for _ in 0..6 {
            let (repository, expected) = (open(server.url()), expected.clone());
            writers.spawn(async move {
                repository.journal("production", "shop").await.unwrap();
                append(&repository, expected.as_ref(), "same", "started").await
            });
        }
        let mut winners = 0;
        while let Some(outcome) = writers.join_next().await {
            match outcome.unwrap() {
                JournalOutcome::Appended(_) => winners += 1,
                JournalOutcome::Lost { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
    let journal = open(server.url())
        .journal("production", "shop")
        .await
        .unwrap();
    assert_eq!(journal.records.len(), 3);
}

#[tokio::test]
async fn a_server_without_such_refs_is_told() {
    let server = GitServer::start(TOKEN);
    server.hook(
        "update",
        "case $1 in refs/heads/*) exit 0;; esac\necho 'only branches here' >&2\nexit 1",
    );
    let repository = open(server.url());
    let outcome = append(&repository, None, "one", "started").await;
    insta::assert_snapshot!(format!("{outcome:?}"), @r#"Refused { reason: "only branches here | error: hook declined to update refs/shipgate/production/shop | hook declined" }"#);
}

#[tokio::test]
async fn names_can_not_leave_the_journals_place() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    for name in ["", "..", "a/b", "A", "-x"] {
        assert!(
            repository.journal("production", name).await.is_err(),
            "{name}"
        );
        let appended = repository.append_journal(
            name,
            "shop",
            None,
            "m",
            at("2026-01-01T00:00:00Z"),
            Proof::ReadBack,
        );
        assert!(appended.await.is_err(), "{name}");
    }
    assert_eq!(server.log().len(), 0);
}

#[tokio::test]
async fn a_journal_beside_a_short_history_leaves_it_short() {
    let server = GitServer::start(TOKEN);
    server.others_commit("a", "a");
    let repository = open(server.url());
    let tip = repository.fetch("main").await.unwrap();
    let first = appended(append(&repository, None, "one", "started").await);
    let second = appended(append(&repository, Some(&first), "one", "held").await);
    let journal = repository.journal("production", "shop").await.unwrap();
    assert_eq!((journal.tip, journal.records.len()), (Some(second), 2));
    assert_eq!(repository.log(&tip, 10).await.unwrap().len(), 1);
}

/// Lets only branches through, as some servers do.
const ONLY_BRANCHES: &str =
    "case $1 in refs/heads/*) exit 0;; esac\necho 'only branches here' >&2\nexit 1";

/// Opens the repository as a run does that deploys to `main`.
async fn deploying(server: &GitServer) -> Repository {
    let repository = open(server.url());
    repository.fetch("main").await.unwrap();
    repository
        .journal_beside("production", "main")
        .await
        .unwrap();
    repository
}

fn full_record(service: &str, run: &str, state: &str) -> String {
    let mut trailers = Trailers::new();
    trailers.push("Run", run);
    trailers.push("Service", service);
    trailers.push("Environment", "production");
    trailers.push("State", state);
    message(&format!("{state} {run}"), "", &trailers)
}

async fn append_full(
    repository: &Repository,
    expected: Option<&CommitId>,
    service: &str,
    state: &str,
) -> JournalOutcome {
    let message = full_record(service, "same", state);
    repository
        .append_journal(
            "production",
            service,
            expected,
            &message,
            noon(),
            Proof::ReadBack,
        )
        .await
        .unwrap()
}

#[tokio::test]
async fn a_server_that_takes_branches_alone_has_the_records_there() {
    let server = GitServer::start(TOKEN);
    server.hook("update", ONLY_BRANCHES);
    for number in 0..5 {
        server.others_commit("a", &number.to_string());
    }
    let repository = deploying(&server).await;
    let before = server.tip("main^{tree}");
    let first = appended(append_full(&repository, None, "shop", "started").await);
    // Of another service, and somebody's commit: neither is in its way.
    let other = deploying(&server).await;
    appended(append_full(&other, None, "cart", "started").await);
    server.others_commit("b", "b");
    let second = appended(append_full(&repository, Some(&first), "shop", "verified").await);

    let another = deploying(&server).await;
    let journal = another.journal("production", "shop").await.unwrap();
    let told: Vec<_> = journal.records.iter().map(|record| &record.id).collect();
    assert_eq!(told, [&second, &first]);
    assert_eq!(journal.tip, Some(second.clone()));
    assert_eq!(server.tip("main"), second.to_string());
    assert_eq!(server.tip(&format!("{first}^{{tree}}")), before);
    assert_eq!(server.git(&["for-each-ref", "refs/shipgate"]), "");
    server.git(&["fsck", "--strict"]);
    let warning = repository.journal_warning("production", "shop").await;
    insta::assert_snapshot!(warning.unwrap().unwrap(), @"the git server refuses references under refs/shipgate/ (only branches here | error: hook declined to update refs/shipgate/production/shop | hook declined), so the journal is kept as empty commits on `main`; its newest 1000 commits are searched for it");
    let again = repository.journal_warning("production", "shop").await;
    assert_eq!(again.unwrap(), None);
    // Who does not know the branch sees no journal, and who has not read it writes none.
    let stranger = open(server.url());
    let journal = stranger.journal("production", "shop").await.unwrap();
    assert_eq!(journal.tip, None);
}

#[tokio::test]
async fn whatever_comes_on_top_the_records_on_a_branch_are_read_as_if_for_the_first_time() {
    let server = GitServer::start(TOKEN);
    server.hook("update", ONLY_BRANCHES);
    let (staying, writer) = (deploying(&server).await, deploying(&server).await);
    let made = |tree: &str, parents: &[&str]| {
        let tree = format!("{tree}^{{tree}}");
        let parents = parents.iter().flat_map(|parent| ["-p", parent]);
        let arguments = ["commit-tree", &tree].into_iter().chain(parents);
        let arguments: Vec<&str> = arguments.chain(["-m", "theirs"]).collect();
        server.git(&arguments).trim().to_owned()
    };
    let mut newest = None;
    for step in 0..8 {
        match step {
            1 | 4 => drop(server.others_commit("a", &step.to_string())),
            2 | 6 => {
                writer.journal("production", "shop").await.unwrap();
                let state = if step == 2 { "started" } else { "verified" };
                let outcome = append_full(&writer, newest.as_ref(), "shop", state).await;
                newest = Some(appended(outcome));
            }
            3 => {
                let side = made("main~1", &["main~1"]);
                let merge = made("main", &["main", &side]);
                server.git(&["update-ref", "refs/heads/main", &merge]);
            }
            5 => {
                // Two at once, and a rewritten branch.
                let one = made("main~1", &["main~1"]);
                let other = made(&one, &[&one]);
                server.git(&["update-ref", "refs/heads/main", &other]);
            }
            _ => {}
        }
        staying.fetch("main").await.unwrap();
        let seen = staying.journal("production", "shop").await.unwrap();
        let fresh = deploying(&server).await;
        let fresh = fresh.journal("production", "shop").await.unwrap();
        assert_eq!(seen, fresh, "step {step}");
        assert_eq!(seen.tip, newest, "step {step}");
    }
}

#[tokio::test]
async fn of_many_at_once_exactly_one_wins_on_the_branch_too() {
    let server = GitServer::start(TOKEN);
    server.hook("update", ONLY_BRANCHES);
    for round in 0..3 {
        let expected = deploying(&server).await;
        let expected = expected.journal("production", "shop").await.unwrap().tip;
        let mut writers = JoinSet::new();
        for _ in 0..6 {
            let (repository, expected) = (deploying(&server).await, expected.clone());
            writers.spawn(async move {
                repository.journal("production", "shop").await.unwrap();
                append_full(&repository, expected.as_ref(), "shop", "started").await
            });
        }
        let mut winners = 0;
        while let Some(outcome) = writers.join_next().await {
            match outcome.unwrap() {
                JournalOutcome::Appended(_) => winners += 1,
                JournalOutcome::Lost { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
    let last = deploying(&server).await;
    let journal = last.journal("production", "shop").await.unwrap();
    assert_eq!(journal.records.len(), 3);
}

#[tokio::test]
async fn a_reference_that_somebody_else_may_make_counts() {
    let server = GitServer::start(TOKEN);
    server.hook("update", ONLY_BRANCHES);
    let refused = deploying(&server).await;
    let first = appended(append_full(&refused, None, "shop", "started").await);
    server.hook("update", "exit 0");
    // It has not read what is on the branch, as if both had begun at once.
    let other = open(server.url());
    let reference = appended(append_full(&other, None, "shop", "started").await);
    let lost = append_full(&refused, Some(&first), "shop", "advanced").await;
    assert_eq!(
        lost,
        JournalOutcome::Lost {
            tip: Some(reference.clone())
        }
    );
    let journal = refused.journal("production", "shop").await.unwrap();
    assert_eq!(journal.tip, Some(reference));
}

#[tokio::test]
async fn older_records_than_are_searched_for_do_not_show() {
    let server = GitServer::start(TOKEN);
    server.hook("update", ONLY_BRANCHES);
    let repository = deploying(&server).await;
    let first = appended(append_full(&repository, None, "shop", "started").await);
    let more = |count: usize| {
        let store = git2::Repository::open_bare(&server.repository).unwrap();
        let author = git2::Signature::new("else", "else@example.com", &git2::Time::new(0, 0));
        let author = author.unwrap();
        for _ in 0..count {
            let tip = store.find_reference("refs/heads/main").unwrap();
            let tip = tip.peel_to_commit().unwrap();
            let (main, tree) = (Some("refs/heads/main"), tip.tree().unwrap());
            store
                .commit(main, &author, &author, "somebody else", &tree, &[&tip])
                .unwrap();
        }
    };
    more(900);
    let journal = deploying(&server).await;
    let journal = journal.journal("production", "shop").await.unwrap();
    assert_eq!(journal.tip, Some(first));
    more(100);
    let journal = deploying(&server).await;
    let journal = journal.journal("production", "shop").await.unwrap();
    assert_eq!(journal.tip, None);
}

#[tokio::test]
async fn an_older_state_of_the_journal_is_no_other_run() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let first = appended(append(&repository, None, "one", "started").await);
    let second = appended(append(&repository, Some(&first), "one", "advanced").await);
    // What a copy that lags behind shows.
    let name = "refs/shipgate/production/shop";
    server.git(&["update-ref", name, first.as_str()]);
    let stale = append(&repository, Some(&second), "one", "verified").await;
    assert_eq!(stale, JournalOutcome::Behind);
    server.git(&["update-ref", name, second.as_str()]);
    appended(append(&repository, Some(&second), "one", "verified").await);
}

#[tokio::test]
async fn a_journal_that_only_those_who_push_are_shown_is_told_so() {
    let server = GitServer::start(TOKEN);
    appended(append(&open(server.url()), None, "one", "started").await);
    server.git(&["config", "uploadpack.hideRefs", "refs/shipgate"]);
    let repository = open(server.url());
    let journal = repository.journal("production", "shop").await.unwrap();
    assert_eq!(journal.tip, None);
    let hidden = append(&repository, None, "one", "started").await;
    assert_eq!(hidden, JournalOutcome::Hidden);
}
