//! What a person is told of a run that is not finished, of a journal that is none, of a server that
//! says nothing, and of a command line that cannot be read.

use chrono::TimeDelta;
use serde_json::Value;
use shipgate::{
    clock::{Clock, SystemClock},
    git::{JournalOutcome, Proof, Trailers, message},
};

use super::{
    estate::{Estate, run},
    open,
    support::git_server::Fault,
};

/// Version and state of a run, until when it holds the journal, the version wanted, the exit code of
/// `check`, and what is said.
type Row<'a> = (
    &'a str,
    &'a str,
    Option<TimeDelta>,
    &'a str,
    i32,
    &'a [&'a str],
);

/// Writes a record of a run that goes on, or has ended without an end.
async fn unfinished(estate: &Estate, version: &str, state: &str, expires: Option<TimeDelta>) {
    let repository = open(estate.server.url());
    repository.fetch("main").await.unwrap();
    let journal = repository.journal("production", "service-0").await.unwrap();
    let mut trailers = Trailers::default();
    for (key, value) in [
        ("Run", "0123456789abcdef0123"),
        ("Service", "service-0"),
        ("Environment", "production"),
        ("Version", version),
        ("State", state),
        ("Step", "1/4"),
        ("Actor", "alex"),
    ] {
        trailers.push(key, value);
    }
    let now = SystemClock.now();
    if let Some(expires) = expires {
        trailers.push("Expires", (now + expires).to_rfc3339());
    }
    let text = message("a run", "", &trailers);
    let tip = journal.tip.as_ref();
    let outcome = repository
        .append_journal("production", "service-0", tip, &text, now, Proof::ReadBack)
        .await
        .unwrap();
    assert!(
        matches!(outcome, JournalOutcome::Appended(_)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn check_names_a_run_that_stands_in_the_way() {
    let hour = TimeDelta::hours(1);
    let rows: &[Row<'_>] = &[
        (
            "1.1",
            "started",
            Some(hour),
            "1.2",
            14,
            &["is not finished", "alex", "--wait-for-run"],
        ),
        ("1.1", "held", None, "1.2", 14, &["held on purpose"]),
        (
            "1.1",
            "started",
            Some(-hour),
            "1.2",
            0,
            &["has expired", "recovers it first"],
        ),
        ("1.1", "started", Some(hour), "1.1", 0, &["goes on with it"]),
        (
            "1.1",
            "rolling-back",
            Some(hour),
            "1.1",
            14,
            &["is not finished"],
        ),
        ("1.1", "verified", None, "1.2", 0, &[]),
    ];
    let estate = Estate::of(1);
    for (version, state, expires, wanted, code, said) in rows {
        unfinished(&estate, version, state, *expires).await;
        let ended = run(estate.command(&["check", "--service", "service-0", "--version", wanted]))
            .expect(*code);
        let text: Vec<&str> = ended.said.split_whitespace().collect();
        let text = text.join(" ");
        for words in *said {
            assert!(text.contains(words), "{state}: {}", ended.said);
        }
        let is_told = ended.said.contains("0123456789abcdef0123");
        assert_eq!(is_told, !said.is_empty(), "{state}: {}", ended.said);
    }
}

#[test]
fn a_journal_that_is_no_commit_is_refused_by_its_name() {
    let estate = Estate::of(1);
    let blob = estate.server.git(&["rev-parse", "main:shipgate.yaml"]);
    let reference = "refs/shipgate/production/service-0";
    estate.server.git(&["update-ref", reference, &blob]);
    for command in [
        estate.deploy("service-0", "1.1"),
        estate.command(&["recover", "--service", "service-0"]),
    ] {
        let ended = run(command).expect(3);
        for words in [reference, "is a blob", "take it away by hand"] {
            assert!(ended.said.contains(words), "{}", ended.said);
        }
    }
    assert_eq!(estate.server.git(&["rev-parse", reference]), blob);
    assert_eq!(estate.commits(), 0);
}

#[test]
fn a_silent_server_is_not_waited_for_longer_than_the_run_may_take() {
    let estate = Estate::of(1);
    estate.server.fault("/info/refs", Fault::Silence);
    let mut command = estate.deploy("service-0", "1.1");
    command.args(["--timeout", "2s"]);
    let ended = run(command).expect(20);
    assert!(
        ended.said.contains("no answer within 2 s"),
        "{}",
        ended.said
    );
}

#[test]
fn what_is_wrong_with_a_command_line_is_an_object_where_one_is_asked_for() {
    let estate = Estate::of(1);
    let rows: &[(&[&str], Option<&str>, Option<&str>)] = &[
        (
            &["deploy", "--output", "json", "--versoin", "1"],
            None,
            Some("deploy"),
        ),
        (&["--output=json", "chekc"], None, Some("shipgate")),
        (&["recover", "--nothing"], Some("json"), Some("recover")),
        (
            &["recover", "--nothing", "--output", "text"],
            Some("json"),
            None,
        ),
        (&["recover", "--nothing"], None, None),
    ];
    for (arguments, variable, command) in rows {
        let mut asked = estate.command(arguments);
        asked.envs(variable.map(|form| ("SHIPGATE_OUTPUT", form)));
        let output = asked.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let found: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        let Some(command) = command else {
            assert_eq!((found, output.stdout.len()), (None, 0), "{arguments:?}");
            continue;
        };
        let found = found.unwrap();
        assert_eq!(found["command"], **command, "{arguments:?}");
        assert_eq!(found["exit_code"], 2, "{arguments:?}");
        let reason = found["reason"].as_str().unwrap();
        assert!(
            reason.contains("unexpected") || reason.contains("unrecognized"),
            "{found}"
        );
    }
}

#[test]
fn gaps_of_an_audit_are_explained() {
    let estate = Estate::of(1);
    for gap in [
        "unexplained",
        "unknown-run",
        "not-announced",
        "withdrawn-run",
        "missing-commit",
        "unreadable",
    ] {
        let ended = run(estate.command(&["explain", gap])).expect(0);
        assert!(ended.said.contains("4 findings"), "{}", ended.said);
    }
}
