//! The audit file: whole lines that nothing breaks, in a file that is really the one that was named.

use std::{fs, path::Path, sync::Barrier, thread, time::Duration};

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::Value;
use shipgate::{
    audit::{AuditFile, Record, Run},
    event::{Deployment, Ending, Outcome, OverrideUse},
};
use tempfile::tempdir;

fn now() -> DateTime<Utc> {
    "2026-01-05T12:00:00Z".parse().unwrap()
}

fn used() -> OverrideUse {
    OverrideUse {
        at: now(),
        action: "deploy".to_owned(),
        service: "advertisements".to_owned(),
        version: "1.1".to_owned(),
        environment: "production".to_owned(),
        ids: vec!["5f70bf18".to_owned()],
        rules: vec!["blocked-date".to_owned()],
        ticket: "INC-4711".to_owned(),
        reason: "checkout fails".to_owned(),
        approvers: vec!["alice@example.com".to_owned()],
        until: now() + Duration::from_secs(3_600),
        actor: Some("github:bob".to_owned()),
        pipeline: Some("https://github.example/shop/ads/actions/runs/42".to_owned()),
        policy: "policies/production.yaml@0123abcd 9f86d081".to_owned(),
    }
}

fn run() -> Run {
    Run {
        command: "deploy".to_owned(),
        actor: Some("github:bob".to_owned()),
        service: Some("advertisements".to_owned()),
        environment: Some("production".to_owned()),
        version: Some("1.1".to_owned()),
        ..Run::default()
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "{text:?}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_override_and_how_it_ended_are_two_lines() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = AuditFile::open(&path).unwrap();
    audit.append(&Record::of_override(&used())).unwrap();
    let mut outcome = Outcome::new(Ending::RolledBack, "errors: 12 % of requests failed");
    outcome.deployment = Some(Deployment {
        run: "0123456789abcdef0123".to_owned(),
        service: "advertisements".to_owned(),
        environment: "production".to_owned(),
        version: Some("1.1".parse().unwrap()),
        ..Deployment::default()
    });
    audit
        .append(&Record::of_outcome(&run(), &outcome, now()))
        .unwrap();
    let refused = Outcome::new(Ending::BlockedWindow, "outside of every window");
    audit
        .append(&Record::of_outcome(&run(), &refused, now()))
        .unwrap();
    insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
    {"time":"2026-01-05T12:00:00Z","event":"override","command":"deploy","actor":"github:bob","pipeline":"https://github.example/shop/ads/actions/runs/42","service":"advertisements","environment":"production","version":"1.1","run":null,"decision":null,"reason_codes":[],"policy":"policies/production.yaml@0123abcd 9f86d081","approvals":[],"overrides":["5f70bf18"],"rules":["blocked-date"],"approvers":["alice@example.com"],"ticket":"INC-4711","until":"2026-01-05T13:00:00Z","reason":"checkout fails","result":null,"exit_code":null}
    {"time":"2026-01-05T12:00:00Z","event":"outcome","command":"deploy","actor":"github:bob","pipeline":null,"service":"advertisements","environment":"production","version":"1.1","run":"0123456789abcdef0123","decision":null,"reason_codes":[],"policy":null,"approvals":[],"overrides":[],"rules":[],"approvers":[],"ticket":null,"until":null,"reason":"errors: 12 % of requests failed","result":"rolled-back","exit_code":40}
    {"time":"2026-01-05T12:00:00Z","event":"outcome","command":"deploy","actor":"github:bob","pipeline":null,"service":"advertisements","environment":"production","version":"1.1","run":null,"decision":null,"reason_codes":[],"policy":null,"approvals":[],"overrides":[],"rules":[],"approvers":[],"ticket":null,"until":null,"reason":"outside of every window","result":"blocked","exit_code":10}
    "#);
    assert_eq!(lines(&path).len(), 3);
}

#[cfg(unix)]
#[test]
fn it_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    AuditFile::open(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_and_left_alone() {
    use std::os::unix::fs::symlink;
    let folder = tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("target"), "kept\n").unwrap();
    symlink(root.join("target"), root.join("link")).unwrap();
    symlink(root.join("nowhere"), root.join("dangling")).unwrap();
    fs::create_dir(root.join("directory")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let mut complaints = Vec::new();
    for name in [
        "link",
        "dangling",
        "directory",
        "socket",
        "missing/audit.jsonl",
    ] {
        let complaint = AuditFile::open(root.join(name)).unwrap_err();
        complaints.push(complaint.replace(&root.display().to_string(), "FOLDER"));
    }
    drop(socket);
    insta::assert_snapshot!(complaints.join("\n"), @r"
    FOLDER/link is a symbolic link, and an audit file must be the file itself
    FOLDER/dangling is a symbolic link, and an audit file must be the file itself
    FOLDER/directory is a directory, not a file
    FOLDER/socket cannot be written: No such device or address
    FOLDER/missing/audit.jsonl cannot be written: No such file or directory
    ");
    assert_eq!(fs::read_to_string(root.join("target")).unwrap(), "kept\n");
    assert!(!root.join("nowhere").exists());
}

#[cfg(unix)]
#[test]
fn a_link_that_takes_its_place_later_is_refused_too() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = AuditFile::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(audit.append(&Record::of_override(&used())).is_err());
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_line_that_nobody_finished_is_ended_first() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    fs::write(&path, "{\"time\":\"2026-01-0").unwrap();
    let audit = AuditFile::open(&path).unwrap();
    audit.append(&Record::of_override(&used())).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("{\"time\":\"2026-01-0"));
    assert!(serde_json::from_str::<Value>(lines.next().unwrap()).is_ok());
    assert_eq!(lines.next(), None);
}

#[test]
fn writers_at_the_same_time_keep_their_lines_whole() {
    const WRITERS: usize = 8;
    const LINES: usize = 25;
    let folder = tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let start = Barrier::new(WRITERS);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (path, start) = (&path, &start);
            scope.spawn(move || {
                let audit = AuditFile::open(path).unwrap();
                let mut used = used();
                used.reason = "long ".repeat(300);
                start.wait();
                for line in 0..LINES {
                    used.ticket = format!("{writer}-{line}");
                    audit.append(&Record::of_override(&used)).unwrap();
                }
            });
        }
    });
    let text = fs::read_to_string(&path).unwrap();
    let mut tickets: Vec<String> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            value["ticket"].as_str().unwrap().to_owned()
        })
        .collect();
    tickets.sort();
    tickets.dedup();
    assert_eq!(tickets.len(), WRITERS * LINES);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// One record is one line for every reader, whatever line breaks it knows, and says the same.
    #[test]
    fn no_text_breaks_a_line(text in "(.|[\n\r\u{85}\u{2028}\u{2029}\u{0}]){0,300}") {
        let folder = tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let audit = AuditFile::open(&path).unwrap();
        let mut used = used();
        used.reason.clone_from(&text);
        used.ticket.clone_from(&text);
        used.actor = Some(text.clone());
        audit.append(&Record::of_override(&used)).unwrap();
        let written = fs::read_to_string(&path).unwrap();
        let line = written.strip_suffix('\n').unwrap();
        let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
        let broken = line.contains(ends);
        prop_assert!(!broken);
        let value: Value = serde_json::from_str(line).unwrap();
        prop_assert_eq!(value["reason"].as_str(), Some(text.as_str()));
        prop_assert_eq!(value["actor"].as_str(), Some(text.as_str()));
    }
}
