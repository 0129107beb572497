//! What a real Alertmanager answers while alerts fire, are silenced, and are over: to a
//! verification, and to a policy that blocks while alerts fire.

use std::{fs, path::Path, time::Duration};

use crate::program::{self, Program, Running};
use assert_cmd::Command;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use shipgate::{
    clock::{Clock as _, SystemClock},
    probe::{
        CheckReading, Client, ClientOptions,
        alertmanager::{self, AlertQuestion, Endpoint},
    },
};

const POLICY: &str = r#"version: 1
alerts:
  matchers: ['service="{{service}}"', 'severity=~"critical|page"']
"#;

fn start() -> Option<Running> {
    let program = Program {
        name: "prometheus-alertmanager",
        package: "prometheus-alertmanager",
        ready: "/-/ready",
    };
    program.start(|folder, port| {
        let config = folder.join("alertmanager.yml");
        fs::write(
            &config,
            "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n",
        )
        .unwrap();
        vec![
            format!("--config.file={}", config.display()),
            format!("--storage.path={}", folder.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            // Gossip would listen on every address.
            "--cluster.listen-address=".to_owned(),
            "--log.level=warn".to_owned(),
        ]
    })
}

fn post(server: &Running, path: &str, body: &Value) -> String {
    let request = program::client().post(format!("{}{path}", server.url));
    let answer = request
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.text().unwrap()
}

/// Lets an alert fire for so many minutes from now on; none = it is over.
fn fire(server: &Running, name: &str, service: &str, severity: &str, minutes: i64) {
    let labels = json!({"alertname": name, "service": service, "severity": severity});
    let now = SystemClock.now();
    let alert = json!({
        "labels": labels,
        "startsAt": rfc3339(now - TimeDelta::minutes(5)),
        "endsAt": rfc3339(now + TimeDelta::minutes(minutes)),
    });
    post(server, "/api/v2/alerts", &json!([alert]));
}

fn silence(server: &Running, name: &str) {
    let now = SystemClock.now();
    let matcher = json!({"name": "alertname", "value": name, "isRegex": false, "isEqual": true});
    let silence = json!({
        "matchers": [matcher],
        "startsAt": rfc3339(now),
        "endsAt": rfc3339(now + TimeDelta::hours(1)),
        "createdBy": "robin",
        "comment": "known",
    });
    post(server, "/api/v2/silences", &silence);
}

fn rfc3339(at: chrono::DateTime<Utc>) -> String {
    at.to_rfc3339()
}

fn question(matchers: &[&str], watchdog: Option<&str>) -> AlertQuestion {
    AlertQuestion {
        matchers: matchers.iter().map(|&it| it.to_owned()).collect(),
        watchdog: watchdog.map(str::to_owned),
    }
}

fn ask(server: &Running, question: &AlertQuestion) -> String {
    let endpoint = Endpoint {
        url: server.url.parse().unwrap(),
        token: None,
    };
    let client = Client::new(ClientOptions::default());
    let timeout = Duration::from_secs(10);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reading = alertmanager::firing(&client, &SystemClock, &endpoint, question, timeout);
    let text = match runtime.block_on(reading) {
        CheckReading::Passed(text) => format!("passed: {text}"),
        CheckReading::Failed(text) => format!("failed: {text}"),
        CheckReading::Unanswered(text) => format!("unanswered: {text}"),
    };
    text.replace(&server.url, "URL")
}

fn check(policy: &Path, arguments: &[&str]) -> String {
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .env_clear()
        .args(["check", "--output", "json", "--policy"])
        .arg(policy)
        .args(arguments)
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    format!(
        "{} {}: {}",
        output.status.code().unwrap(),
        answer["reason_code"].as_str().unwrap(),
        answer["reason"].as_str().unwrap()
    )
}

#[test]
fn firing_blocks_and_silenced_does_not() {
    let Some(server) = start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("production.yaml");
    fs::write(&path, POLICY).unwrap();
    let of_shop = question(&["service=\"shop\"", "severity=~\"critical|page\""], None);
    let mut lines = Vec::new();
    let mut look = |when: &str| {
        let url = ["--alertmanager", server.url.as_str(), "--service"];
        lines.push(format!(
            "{when}\n  verification {}\n  shop {}\n  ads {}",
            ask(&server, &of_shop),
            check(&path, &[&url[..], &["shop"]].concat()),
            check(&path, &[&url[..], &["ads"]].concat()),
        ));
    };
    look("nothing fires");
    fire(&server, "Disk", "shop", "info", 60);
    fire(&server, "Errors", "other", "critical", 60);
    look("others fire");
    fire(&server, "Errors", "shop", "critical", 60);
    fire(&server, "Slow", "shop", "page", 60);
    look("two fire");
    silence(&server, "Errors");
    look("one of them is silenced");
    silence(&server, "Slow");
    look("both are silenced");
    fire(&server, "Restarts", "shop", "page", 60);
    look("a third one fires");
    fire(&server, "Restarts", "shop", "page", -1);
    look("it is over");
    insta::assert_snapshot!(lines.join("\n"), @r"
    nothing fires
      verification passed: no alert is firing
      shop 0 ok: there are no allowed windows, so any time that is not blocked is open
      ads 0 ok: there are no allowed windows, so any time that is not blocked is open
    others fire
      verification passed: no alert is firing
      shop 0 ok: there are no allowed windows, so any time that is not blocked is open
      ads 0 ok: there are no allowed windows, so any time that is not blocked is open
    two fire
      verification failed: 2 alerts are firing: Errors, Slow
      shop 14 alert-firing: 2 alerts are firing: Errors, Slow
      ads 0 ok: there are no allowed windows, so any time that is not blocked is open
    one of them is silenced
      verification failed: 1 alert is firing: Slow
      shop 14 alert-firing: 1 alert is firing: Slow
      ads 0 ok: there are no allowed windows, so any time that is not blocked is open
    both are silenced
      verification passed: no alert is firing
      shop 0 ok: there are no allowed windows, so any time that is not blocked is open
      ads 0 ok: there are no allowed windows, so any time that is not blocked is open
    a third one fires
      verification failed: 1 alert is firing: Restarts
      shop 14 alert-firing: 1 alert is firing: Restarts
      ads 0 ok: there are no allowed windows, so any time that is not blocked is open
    it is over
      verification passed: no alert is firing
      shop 0 ok: there are no allowed windows, so any time that is not blocked is open
      ads 0 ok: there are no allowed windows, so any time that is not blocked is open
    ");
}

#[test]
fn silence_of_one_that_hears_nothing_is_no_answer() {
    let Some(server) = start() else { return };
    let watched = question(&["service=\"shop\""], Some("alertname=\"Watchdog\""));
    let mut lines = vec![format!("no watchdog: {}", ask(&server, &watched))];
    fire(&server, "Errors", "shop", "page", 60);
    lines.push(format!("firing all the same: {}", ask(&server, &watched)));
    fire(&server, "Errors", "shop", "page", -1);
    fire(&server, "Watchdog", "none", "none", 60);
    lines.push(format!("watchdog: {}", ask(&server, &watched)));
    silence(&server, "Watchdog");
    lines.push(format!("silenced: {}", ask(&server, &watched)));
    let broken = question(&["service=~\"(\""], None);
    lines.push(format!("broken matcher: {}", ask(&server, &broken)));
    insta::assert_snapshot!(lines.join("\n"), @r"
    no watchdog: unanswered: URL hears nothing: the alert that always fires does not
    firing all the same: failed: 1 alert is firing: Errors
    watchdog: passed: no alert is firing
    silenced: passed: no alert is firing
    broken matcher: unanswered: URL refused the query with status 400: error parsing regexp: missing closing ): `^(?:()$`
    ");
}

#[test]
fn a_policy_that_asks_for_alerts_is_answered_or_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("production.yaml");
    let nobody = ["--alertmanager", "http://127.0.0.1:1", "--service", "shop"];
    let rows: [(&str, &[&str]); 8] = [
        (POLICY, &nobody),
        (POLICY, &["--alertmanager", "http://127.0.0.1:1"]),
        (POLICY, &["--service", "shop"]),
        (
            POLICY,
            &["--service", "shop", "--at", "2026-03-10T10:00:00Z"],
        ),
        (POLICY, &["--service", "shop", "--action", "rollback"]),
        (
            POLICY,
            &[
                "--alertmanager",
                "http://127.0.0.1:1",
                "--service",
                "s\"hop",
            ],
        ),
        (
            "version: 1\nalerts: {matchers: ['a=b'], on_unavailable: warn}\n",
            &nobody,
        ),
        (
            "version: 1\nalerts: {matchers: ['a=\"{{version}}\"', critical]}\n",
            &nobody,
        ),
    ];
    let mut lines = Vec::new();
    for (policy, arguments) in rows {
        fs::write(&path, policy).unwrap();
        let line = check(&path, arguments);
        lines.push(line.replace(folder.path().to_str().unwrap(), "FOLDER"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    20 unavailable: whether alerts are firing is not known: http://127.0.0.1:1 did not answer: tcp connect error: Connection refused
    2 usage: FOLDER/production.yaml: some rules are for one service and not for another, and no service is named
    3 config-invalid: FOLDER/production.yaml:3:3: the policy asks whether alerts are firing, and no Alertmanager is named that could say
    0 ok: there are no allowed windows, so any time that is not blocked is open
    0 ok: rollback is allowed at any time: this policy applies to deploy, promote only
    3 config-invalid: FOLDER/production.yaml:3:3: `{{service}}` stands for "s\"hop", expected letters, digits and . _ - / only
    0 ok: whether alerts are firing is not known: http://127.0.0.1:1 did not answer: tcp connect error: Connection refused; the policy only warns
    3 config-invalid: FOLDER/production.yaml:2:21: expected no other variables than `{{service}}` and `{{environment}}`
    "#);
}
