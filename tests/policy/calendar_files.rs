//! Calendars that a policy names are read where the policy is: on disk, or from the same commit.

use crate::bare;

use std::{fs, path::Path, time::Duration};

use assert_cmd::Command;
use bare::git;
use shipgate::{
    git::{Repository, RepositoryOptions},
    ops::{beside::Beside, check, trusted},
};

const POLICY: &str =
    "version: 1\ntimezone: Europe/London\nblocked_dates:\n  - ics: calendars/uk.ics\n";

/// Runs `check` on 26 December; returns the exit code and what it says as JSON.
fn check_on_disk(folder: &Path, policy: &str) -> (i32, serde_json::Value) {
    let mut command = Command::cargo_bin("shipgate").unwrap();
    let at = "2026-12-26T12:00:00Z";
    command
        .current_dir(folder)
        .env_clear()
        .args(["check", "--policy", policy, "--at", at, "--output", "json"]);
    let output = command.output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), report)
}

fn seed(folder: &Path) {
    fs::create_dir_all(folder.join("policies/calendars")).unwrap();
    fs::write(folder.join("policies/production.yaml"), POLICY).unwrap();
    let calendar = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/calendars/apple.ics");
    fs::copy(calendar, folder.join("policies/calendars/uk.ics")).unwrap();
}

#[test]
fn a_policy_on_disk_reads_the_calendar_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    seed(folder.path());
    let (code, report) = check_on_disk(folder.path(), "policies/production.yaml");
    assert_eq!(code, 10, "{report}");
    let files = &report["verdict"]["policy"]["files"];
    let calendar = folder.path().join("policies/calendars/uk.ics");
    let sha256 = check::sha256(&fs::read(&calendar).unwrap());
    let expected = serde_json::json!([{"path": "calendars/uk.ics", "sha256": sha256}]);
    assert_eq!(*files, expected);
    insta::assert_snapshot!(report["reason"].as_str().unwrap(), @r#"Saturday 2026-12-26 12:00 GMT is on the blocked date "Christmas" (FREQ=YEARLY;INTERVAL=1;BYMONTH=12;BYMONTHDAY=25,26 Europe/London): calendars/uk.ics line 9; opens Sun 2026-12-27 00:00 Europe/London (2026-12-27T00:00:00Z)"#);

    let (code, report) = check_on_disk(folder.path(), "policies/calendars/uk.ics");
    assert_eq!(
        (code, &report["verdict"]["policy"]["files"]),
        (10, &serde_json::json!([]))
    );

    fs::write(&calendar, "<html>Sign in</html>").unwrap();
    let (code, report) = check_on_disk(folder.path(), "policies/production.yaml");
    assert_eq!(code, 3);
    insta::assert_snapshot!(report["reason"].as_str().unwrap(), @"policies/production.yaml:4:10: calendars/uk.ics:1: `<html>Sign in</html>` is no line of an iCalendar file; expected NAME:VALUE");

    fs::remove_file(&calendar).unwrap();
    let (code, report) = check_on_disk(folder.path(), "policies/production.yaml");
    assert_eq!(code, 3);
    insta::assert_snapshot!(report["reason"].as_str().unwrap(), @"policies/production.yaml:4:10: there is no file `calendars/uk.ics` beside the policy");
}

#[tokio::test]
async fn a_policy_of_a_commit_reads_the_calendar_of_that_commit() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    seed(&work);
    git(&work, &["init", "--quiet", "--initial-branch=main", "."]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "first"]);
    let bare = folder.path().join("bare.git");
    let bare = bare.to_str().unwrap();
    git(folder.path(), &["clone", "--quiet", "--bare", "work", bare]);
    let repository = Repository::open(RepositoryOptions {
        url: bare.to_owned(),
        token: None,
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "shipgate".to_owned(),
        author_email: "shipgate@example.com".to_owned(),
        author_is_given: false,
        signer: None,
        timeout: Duration::from_secs(30),
    })
    .unwrap();
    let path = "policies/production.yaml";
    let (text, source) = trusted::policy(&repository, Some("main"), path)
        .await
        .unwrap();
    let beside = Beside::at_source(&repository, &source).unwrap();
    // What comes later, and what lies in a checkout, is not what that commit says.
    fs::remove_file(work.join("policies/calendars/uk.ics")).unwrap();
    git(&work, &["commit", "--quiet", "--all", "-m", "second"]);
    git(&work, &["push", "--quiet", bare, "main"]);
    let policy = check::load_beside(source, &text, &beside).await.unwrap();
    assert_eq!(policy.source().files[0].path, "calendars/uk.ics");

    let (text, source) = trusted::policy(&repository, Some("main"), path)
        .await
        .unwrap();
    let beside = Beside::at_source(&repository, &source).unwrap();
    let failure = check::load_beside(source, &text, &beside)
        .await
        .unwrap_err();
    insta::assert_snapshot!(failure.0.reason, @"policies/production.yaml:4:10: there is no file `calendars/uk.ics` beside the policy");
}
