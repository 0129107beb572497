//! Files beside the policy come from the policy's own commit: what a head does to them is not seen.

use serde_json::Value;
use shipgate::ops::check::sha256;

use super::{
    repository::{Changes, Entry, LAX, POLICY, Stage},
    run::{Ran, shipgate},
};

const FREEZE: &str = "policies/FREEZE";
const ICS: &str = "policies/freeze.ics";
/// A calendar with one whole day.
fn calendar(day: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:{day}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

fn by_calendar() -> Changes {
    let policy = "version: 1\ntimezone: UTC\nblocked_dates: [{ics: freeze.ics}]\n";
    vec![
        (POLICY, policy.into()),
        (ICS, calendar("20260310").as_str().into()),
    ]
}

/// Asks by `check` and by `deploy` with the configuration of a head that differs from `base`.
fn asked(base: Changes, head: Changes) -> (Stage, Vec<Ran>) {
    let stage = Stage::new();
    stage.import(&[("main".to_owned(), Some("main"), base)]);
    stage.import(&[("head".to_owned(), Some("main"), head)]);
    let before = stage.references();
    let folder = stage.checkout("head");
    let address = stage.address();
    let rest = [
        "--repository",
        &address,
        "--branch",
        "head",
        "--output",
        "json",
    ];
    let commands: [&[&str]; 2] = [&["check"], &["deploy", "--version", "1.4.2"]];
    let ran = commands
        .iter()
        .map(|command| shipgate(&folder, &[], &[command, &rest[..]].concat()))
        .collect();
    assert_eq!(stage.references(), before, "something was written");
    (stage, ran)
}

fn stopped(rows: Vec<(&str, Changes)>, base: fn() -> Changes, code: u8) {
    println!("tricks tried: {}", rows.len());
    for (name, head) in rows {
        let (stage, ran) = asked(base(), head);
        for ran in ran {
            assert_eq!(ran.code, code, "{name}: {ran:?}");
            assert_eq!(ran.policy().unwrap(), stage.policy_on("main"), "{name}");
        }
    }
}

#[test]
fn a_freeze_is_ended_on_the_base_branch_alone() {
    let base = || vec![(POLICY, LAX.into()), (FREEZE, "bad release\n".into())];
    let rows: Vec<(&str, Changes)> = vec![
        ("removed", vec![(FREEZE, Entry::Gone)]),
        (
            "over",
            vec![(FREEZE, "{reason: x, until: 2020-01-01T00:00:00Z}\n".into())],
        ),
        (
            "for others",
            vec![(FREEZE, "{reason: x, services: [other]}\n".into())],
        ),
        ("a link to nothing", vec![(FREEZE, Entry::Link("nothing"))]),
        (
            "policy moved away from it",
            vec![("lax/production.yaml", LAX.into()), (POLICY, Entry::Gone)],
        ),
    ];
    stopped(rows, base, 14);
}

#[test]
fn a_calendar_is_read_at_the_policys_commit() {
    let rows: Vec<(&str, Changes)> = vec![
        (
            "another day",
            vec![(ICS, calendar("20260311").as_str().into())],
        ),
        ("removed", vec![(ICS, Entry::Gone)]),
        ("a link", vec![(ICS, Entry::Link("other.ics"))]),
        ("empty", vec![(ICS, "".into())]),
    ];
    stopped(rows, by_calendar, 10);
}

#[test]
fn the_verdict_tells_the_digest_of_a_calendar_too() {
    let (_, ran) = asked(
        by_calendar(),
        vec![(ICS, calendar("20260311").as_str().into())],
    );
    for ran in ran {
        let files = &ran.json()["verdict"]["policy"]["files"];
        let digest = sha256(calendar("20260310").as_bytes());
        assert_eq!(files[0]["path"], "freeze.ics", "{files}");
        assert_eq!(files[0]["sha256"], Value::from(digest), "{files}");
    }
}

#[test]
fn a_calendar_that_is_no_plain_file_stops_everything() {
    let other: &[(&str, Changes)] = &[
        ("gone", vec![(ICS, Entry::Gone)]),
        ("link", vec![(ICS, Entry::Link("../outside.ics"))]),
        (
            "folder",
            vec![(ICS, Entry::Gone), ("policies/freeze.ics/x", "x".into())],
        ),
        ("submodule", vec![(ICS, Entry::Submodule)]),
        ("empty", vec![(ICS, "".into())]),
        (
            "cut off",
            vec![(ICS, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n".into())],
        ),
        (
            "other case beside it",
            vec![("policies/Freeze.ics", calendar("20200101").as_str().into())],
        ),
    ];
    for (name, changes) in other {
        let (_, ran) = asked([by_calendar(), changes.clone()].concat(), Vec::new());
        for ran in ran {
            assert_eq!(ran.code, 3, "{name}: {ran:?}");
        }
    }
    println!("tricks tried: {}", other.len());
}

/// An approval of version 1.4.2 in production, and the keys of those who may have signed it.
const APPROVAL: &str = include_str!("../../fuzz/signed/approval");
const SIGNERS: &str = include_str!("../../fuzz/signed/allowed_signers");
const LIST: &str = "policies/allowed_signers";

/// Runs `check` for somebody who has the approval.
fn approved(base: Changes, head: Changes) -> (Stage, Ran) {
    let stage = Stage::new();
    let policy = "version: 1\ntimezone: UTC\nallowed_windows: [{approval_required: true}]\n\
                  people: [{github: bo, principal: bo@example.com}, {principal: ed25519@example.com}]\n";
    let base = [vec![(POLICY, policy.into())], base].concat();
    stage.import(&[("main".to_owned(), Some("main"), base)]);
    stage.import(&[("head".to_owned(), Some("main"), head)]);
    let address = stage.address();
    let environment = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "bo"),
        ("SHIPGATE_APPROVAL", APPROVAL),
    ];
    let folder = stage.checkout("head");
    let arguments = [
        "check",
        "--repository",
        &address,
        "--branch=head",
        "--version=1.4.2",
        "--output=json",
    ];
    let ran = shipgate(&folder, &environment, &arguments);
    (stage, ran)
}

#[test]
fn who_may_approve_is_said_on_the_base_branch_alone() {
    let list = |text: &str| (LIST, text.into());
    let (_, ran) = approved(vec![list(SIGNERS)], Vec::new());
    assert_eq!(ran.code, 0, "the approval is good: {ran:?}");
    let others: String = SIGNERS
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect();
    let rows: Vec<(&str, Changes, Changes)> = vec![
        ("widened", vec![list(&others)], vec![list(SIGNERS)]),
        ("added", Vec::new(), vec![list(SIGNERS)]),
        ("a link to a longer one", vec![list(&others)], {
            vec![
                ("signers", SIGNERS.into()),
                (LIST, Entry::Link("../signers")),
            ]
        }),
    ];
    println!("tricks tried: {}", rows.len());
    for (name, base, head) in rows {
        let (stage, ran) = approved(base, head);
        assert_eq!(ran.code, 11, "{name}: {ran:?}");
        assert_eq!(ran.policy().unwrap(), stage.policy_on("main"), "{name}");
    }
}
