//! Slack is told before the first push, or there is none.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use shipgate::policy::Statement;

use crate::{
    keys::{Say, Team},
    overriding::{BLOCKED, audit, shop},
    server::{Behaviour, Server, answer, nobody},
    shop::Shop,
    signed::BOB,
};

const ANNOUNCED: &str = "  announce: {slack_webhook_env: SLACK_WEBHOOK}\n";
/// The part of the webhook's address that nobody may see.
const SECRET_PATH: &str = "services/T000/B000/hunter2";

/// What a message found when it came.
struct Seen {
    message: Value,
    references: Vec<(String, String)>,
    audit: String,
}

/// A Slack that looks at the world whenever it is told something.
fn slack(shop: &Shop, audit: &str) -> (Server, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (world, found, audit) = (shop.world.clone(), seen.clone(), audit.to_owned());
    let server = Server::with(move |_, request| {
        let body = request.split("\r\n\r\n").nth(1).unwrap();
        found.lock().unwrap().push(Seen {
            message: serde_json::from_str(body).unwrap(),
            references: world.references().unwrap(),
            audit: std::fs::read_to_string(&audit).unwrap_or_default(),
        });
        answer(200, "", "ok")
    });
    (server, seen)
}

#[test]
fn slack_and_the_audit_file_know_it_before_the_first_push() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, &format!("{BLOCKED}{ANNOUNCED}"));
    let file = shop.path("audit.jsonl");
    let (slack, seen) = slack(&shop, &file);
    let webhook = format!("{}/{SECRET_PATH}", slack.url);
    let text = team.sign("alice", &Statement::overriding(&["blocked-date"]));
    let with = [
        BOB.as_slice(),
        &[
            ("SHIPGATE_APPROVAL", &text),
            ("SLACK_WEBHOOK", &webhook),
            ("SHIPGATE_AUDIT_FILE", &file),
        ],
    ]
    .concat();
    let before = shop.references();

    // Neither a question nor a dry run announces anything.
    assert_eq!(shop.run(&["check", "--version", "1.1"], &with).code, 0);
    let dry = shop.run(&["deploy", "--version", "1.1", "--dry-run"], &with);
    assert_eq!(dry.code, 0, "{}", dry.line());
    assert!(
        dry.stderr.contains("would be announced in Slack"),
        "{}",
        dry.stderr
    );
    assert!(seen.lock().unwrap().is_empty() && !std::path::Path::new(&file).exists());

    let deployed = shop.deploy("1.1", &with);
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    assert!(!deployed.stderr.contains("hunter2"), "{}", deployed.stderr);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        seen[0].references, before,
        "something was pushed before Slack knew"
    );
    assert_eq!(seen[0].audit.lines().count(), 1, "{}", seen[0].audit);
    let message = seen[0].message.to_string();
    for part in [
        "deploy advertisements 1.1 to production (INC-4711)",
        "Rules overridden\\nblocked-date",
        "Approved by\\nalice@example.com",
        "Used by\\nbob",
        "Good until\\n2026-03-10T13:00:00Z",
        "1.1 puts the old &lt;client&gt; back",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_ne!(shop.references(), before);
}

#[test]
fn if_slack_does_not_take_it_nothing_is_pushed() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, &format!("{BLOCKED}{ANNOUNCED}"));
    let file = shop.path("audit.jsonl");
    let text = team.sign("alice", &Statement::overriding(&["blocked-date"]));
    let before = shop.references();
    let run = |webhook: Option<&str>| {
        let address = webhook.map(|url| format!("{url}/{SECRET_PATH}"));
        let with = [
            BOB.as_slice(),
            &[
                ("SHIPGATE_APPROVAL", text.as_str()),
                ("SLACK_WEBHOOK", address.as_deref().unwrap_or_default()),
                ("SHIPGATE_AUDIT_FILE", &file),
            ],
        ]
        .concat();
        let ran = shop.run_hurried(&["deploy", "--version", "1.1"], &with);
        assert_eq!(ran.code, 13, "{}", ran.line());
        assert_eq!(shop.references(), before);
        let everything = format!("{}{}", ran.stderr, ran.result);
        assert!(!everything.contains("hunter2"), "{everything}");
        ran.line().replace(webhook.unwrap_or("none"), "SLACK")
    };
    // One byte in 20 ms, and a second in all.
    let slow = format!("HTTP/1.1 200 OK\r\nx-slow: {}\r\n\r\nok", "x".repeat(999));
    let mut lines = vec![format!("no variable: {}", run(None))];
    let rows = [
        ("refused", answer(403, "", "invalid_token")),
        ("gone", answer(404, "", "no_service")),
        ("a page", answer(200, "", "<html>ok</html>")),
        (
            "moved",
            answer(302, "location: http://127.0.0.1:1/\r\n", "ok"),
        ),
        ("busy", answer(429, "retry-after: 3600\r\n", "")),
        ("broken", answer(500, "", "")),
        ("silent", Behaviour::Hang),
        ("closed", Behaviour::Close),
        ("slow", Behaviour::Drip(slow.into_bytes())),
        (
            "endless",
            Behaviour::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"ok".repeat(999)),
        ),
    ];
    for (name, behaviour) in rows {
        let server = Server::always(behaviour);
        lines.push(format!("{name}: {}", run(Some(&server.url))));
    }
    lines.push(format!("not there: {}", run(Some(&nobody()))));
    insta::assert_snapshot!(lines.join("\n"), @r"
    no variable: 13 the override for INC-4711 was not announced: the policy wants it in Slack, and SLACK_WEBHOOK is not set; nothing was pushed
    refused: 13 the override for INC-4711 was not announced in Slack: SLACK answered with status 403 (invalid_token): is the webhook still there, and its channel?; nothing was pushed
    gone: 13 the override for INC-4711 was not announced in Slack: SLACK answered with status 404 (no_service): is the webhook still there, and its channel?; nothing was pushed
    a page: 13 the override for INC-4711 was not announced in Slack: SLACK answered with status 200, but did not say `ok`; nothing was pushed
    moved: 13 the override for INC-4711 was not announced in Slack: SLACK answered with status 302 (ok): redirects are not followed, so the address must be the final one; nothing was pushed
    busy: 13 the override for INC-4711 was not announced in Slack: SLACK answered with status 429; nothing was pushed
    broken: 13 the override for INC-4711 was not announced in Slack: SLACK answered with status 500; nothing was pushed
    silent: 13 the override for INC-4711 was not announced in Slack: SLACK did not answer within 10s; nothing was pushed
    closed: 13 the override for INC-4711 was not announced in Slack: SLACK did not answer: connection closed before message completed; nothing was pushed
    slow: 13 the override for INC-4711 was not announced in Slack: SLACK did not answer within 10s; nothing was pushed
    endless: 13 the override for INC-4711 was not announced in Slack: SLACK answered with status 200, but did not say `ok`; nothing was pushed
    not there: 13 the override for INC-4711 was not announced in Slack: SLACK did not answer: tcp connect error: Connection refused; nothing was pushed
    ");
    let events: Vec<Value> = audit(&file)
        .iter()
        .map(|line| line["event"].clone())
        .collect();
    assert_eq!(events.len(), 2 * lines.len());
    assert!(
        audit(&file)
            .iter()
            .all(|line| line["exit_code"].is_null() || line["exit_code"] == 13)
    );
}

#[test]
fn an_audit_file_that_cannot_be_written_stops_the_run_before_it_begins() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, BLOCKED);
    let before = shop.references();
    let text = team.sign("alice", &Statement::overriding(&["blocked-date"]));
    let with = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &text)]].concat();
    for command in ["deploy", "rollback", "recover"] {
        let version = ["--version", "1.1"];
        let mut arguments = vec![command, "--audit-file", "missing/audit.jsonl"];
        arguments.extend(version.iter().filter(|_| command == "deploy"));
        let ran = shop.run(&arguments, &with);
        assert_eq!(ran.code, 2, "{}", ran.line());
        assert!(
            ran.line()
                .contains("audit.jsonl cannot be written: No such file"),
            "{}",
            ran.line()
        );
    }
    assert_eq!(shop.references(), before);
}

#[test]
fn a_way_back_that_a_policy_blocks_is_announced_like_any_other() {
    let Some(team) = Team::new() else { return };
    let policy = format!("{BLOCKED}{ANNOUNCED}actions: [rollback]\n");
    let shop = shop(&team, &policy);
    let (slack, seen) = slack(&shop, "nowhere");
    let webhook = format!("{}/{SECRET_PATH}", slack.url);
    let deployed = shop.deploy("1.1", &BOB);
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    let before = shop.references();
    let back = ["rollback", "--to", "1.0"];
    assert_eq!(shop.run(&back, &BOB).code, 10);
    let statement = Statement {
        version: "1.0".into(),
        ..Statement::overriding(&["blocked-date"])
    };
    let text = team.sign("alice", &statement);
    let with = [
        BOB.as_slice(),
        &[("SHIPGATE_APPROVAL", &text), ("SLACK_WEBHOOK", &webhook)],
    ]
    .concat();
    let ran = shop.run(&back, &with);
    assert_eq!(ran.code, 0, "{}", ran.line());
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].references, before);
    assert_eq!(
        shop.trailers("Override"),
        [format!("{} INC-4711", statement.id())]
    );
}

#[test]
fn those_whom_the_configuration_names_are_told_and_decide_nothing() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, BLOCKED);
    let notifications =
        "\nnotifications:\n  hook: {webhook: {url_env: HOOK_URL}, on: [override, done]}\n";
    let text = shop.text("shipgate.yaml") + notifications;
    shop.write("shipgate.yaml", &text);
    let statement = team.sign("alice", &Statement::overriding(&["blocked-date"]));
    let server = Server::always(answer(204, "", ""));
    let deploy = |url: &str| {
        let own = [("SHIPGATE_APPROVAL", statement.as_str()), ("HOOK_URL", url)];
        let with = [BOB.as_slice(), &own].concat();
        shop.deploy("1.1", &with)
    };
    let deployed = deploy(&format!("{}/{SECRET_PATH}", server.url));
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    let told: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap())
        .collect();
    let events: Vec<&str> = told
        .iter()
        .map(|message| message["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["override", "done"]);
    let used = &told[0]["override"];
    assert_eq!(used["ticket"], "INC-4711");
    assert_eq!(used["rules"], serde_json::json!(["blocked-date"]));
    assert_eq!(told[1]["override"], Value::Null);
}

#[test]
fn an_override_goes_on_where_nobody_takes_its_notification() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, BLOCKED);
    let notifications =
        "\nnotifications:\n  hook: {webhook: {url_env: HOOK_URL}, on: [override]}\n";
    let text = shop.text("shipgate.yaml") + notifications;
    shop.write("shipgate.yaml", &text);
    let statement = team.sign("alice", &Statement::overriding(&["blocked-date"]));
    let own = [
        ("SHIPGATE_APPROVAL", statement.as_str()),
        ("HOOK_URL", "http://hook.example/hunter2"),
    ];
    let deployed = shop.deploy("1.1", &[BOB.as_slice(), &own].concat());
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    let warning = "`hook` (the webhook) was not told of `override`: the webhook's address does not";
    assert!(deployed.stderr.contains(warning), "{}", deployed.stderr);
    assert!(!deployed.stderr.contains("hunter2"), "{}", deployed.stderr);
}
