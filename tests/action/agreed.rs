//! What is declared, written and told in different places is the same.

use std::{fs, path::Path};

use shipgate::clock::{Clock, SystemClock};

use crate::{
    bare,
    runner::{Runner, declared, node, pairs},
};

/// Makes a repository that is closed for three weeks. Returns the day on which it opens, too.
fn closed() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("shop.git");
    bare::seed(&repository);
    let opens = SystemClock.now().date_naive() + chrono::TimeDelta::days(21);
    let last = opens - chrono::TimeDelta::days(1);
    let policy = format!(
        "version: 1\ntimezone: UTC\nblocked_dates:\n  - {{from: 2020-01-01, to: {last}, name: a freeze}}\n"
    );
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let config = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop/shipgate.yaml"),
    );
    let files = [
        file("policies/production.yaml", &policy),
        file("shipgate.yaml", &config.unwrap()),
    ];
    bare::others_commit_all(&repository, "main", &files);
    (folder, opens.to_string())
}

#[test]
fn a_blocked_check_says_the_same_everywhere() {
    if !node() {
        return;
    }
    let (repository, day) = closed();
    let mut runner = Runner::new("exit 1");
    runner.input("binary", env!("CARGO_BIN_EXE_shipgate"));
    runner.input("command", "check");
    runner.input("service", "advertisements");
    runner.input("policy", "policies/production.yaml");
    let path = repository.path().join("shop.git").display().to_string();
    runner.input("repository", &path);
    for (name, value) in [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("HOME", "/nonexistent"),
    ] {
        runner.set(name, value);
    }
    for name in [
        "GITHUB_STEP_SUMMARY",
        "SHIPGATE_REPORT",
        "SHIPGATE_JUNIT",
        "SHIPGATE_DOTENV",
    ] {
        let path = runner.path(name).display().to_string();
        runner.set(name, &path);
    }
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(10), "{stderr}");

    let report: serde_json::Value = serde_json::from_str(&runner.read("SHIPGATE_REPORT")).unwrap();
    let reason = report["reason"].as_str().unwrap();
    let code = report["reason_code"].as_str().unwrap();
    let opens = report["verdict"]["opens_at"].as_str().unwrap();
    assert_eq!((&report["exit_code"], code), (&10.into(), "blocked-date"));
    assert!(
        reason.contains("a freeze") && opens.starts_with(&format!("{day}T00:00:00")),
        "{report}"
    );

    let outputs = pairs(&runner.read("GITHUB_OUTPUT"));
    let told = [
        ("result", "blocked"),
        ("exit-code", "10"),
        ("reason", reason),
        ("reason-code", code),
        ("next-window", opens),
    ];
    for (name, value) in told {
        assert_eq!(outputs[name], value, "{name}");
    }
    let dotenv = runner.read("SHIPGATE_DOTENV");
    let variables: Vec<(&str, &str)> = dotenv
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .collect();
    assert_eq!(variables.len(), outputs.len());
    for (name, value) in variables {
        let name = name
            .strip_prefix("GATE_")
            .unwrap()
            .to_lowercase()
            .replace('_', "-");
        assert_eq!(outputs[&name], value, "{name}");
    }
    let junit = quick_junit::Report::deserialize_from_str(&runner.read("SHIPGATE_JUNIT")).unwrap();
    let cases = &junit.test_suites[0].test_cases;
    let quick_junit::TestCaseStatus::NonSuccess { message, ty, .. } = &cases.last().unwrap().status
    else {
        panic!("{junit:?}");
    };
    let message = message.as_ref().unwrap().as_str();
    assert!(
        message.starts_with(&format!("{reason} (exit code 10); opens ")),
        "{message}"
    );
    assert!(message.contains(&format!("{day} 00:00")), "{message}");
    assert_eq!(ty.as_ref().unwrap().as_str(), code);
    let plain = |text: String| text.replace('\\', "");
    let summary = plain(runner.read("GITHUB_STEP_SUMMARY"));
    assert!(
        summary.contains("ended with exit code 10") && summary.contains(reason),
        "{summary}"
    );
    assert!(summary.contains(&format!("{day} 00:00")), "{summary}");
    let annotation = stderr
        .lines()
        .find(|line| line.starts_with("::error "))
        .unwrap();
    assert!(
        annotation.contains(&format!("shipgate%3A {code}")) && annotation.ends_with(reason),
        "{stderr}"
    );
}

#[test]
fn the_wrapper_stays_small_enough_to_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("action");
    let lines = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            !text.contains("GITHUB_ENV") && !text.contains("GITHUB_PATH"),
            "{name}"
        );
        let is_code = |line: &&str| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with("//") && !line.starts_with("/*")
        };
        text.lines().filter(is_code).count()
    };
    assert!(lines("main.js") + lines("post.js") + lines("run.js") <= 200);
    assert!(lines("fetch.js") <= 100);
}

#[test]
fn action_yml_keeps_its_promises() {
    let inputs = declared("inputs");
    assert!(inputs.len() <= 21, "{}", inputs.len());
    let outputs = declared("outputs");
    let outcome = shipgate::event::Outcome::new(shipgate::event::Ending::Allowed, "");
    let now = "2025-12-02T14:00:00Z".parse().unwrap();
    let ended = shipgate::report::Ended {
        command: "check",
        outcome: &outcome,
        exit_code: 0,
        started_at: now,
        finished_at: now,
        report: "",
    };
    let written: Vec<String> = shipgate::report::github::outputs(&ended)
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(
        outputs, written,
        "action.yml declares what the binary writes"
    );
}
