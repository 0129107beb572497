//! What is told of whole runs, and that whoever is told changes nothing about them.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use regex::Regex;
use serde_json::Value;
use shipgate::{
    clock::{Clock, ManualClock, Sleep},
    sim::Scenario,
};

use crate::{
    server::{Behaviour, Server, answer, nobody},
    shop::{Ran, Shop},
};

const OPEN: &str =
    "version: 1\ntimezone: UTC\nenvironments: [production]\nblocked_dates: [2026-12-25]\n";
const BLOCKED: &str =
    "version: 1\ntimezone: UTC\nenvironments: [production]\nblocked_dates: [2026-03-10]\n";
const KEY: &str = "0123456789abcdefghijklmnopqrhunt";
const ALL: &str =
    "[started, step, blocked, override, rolled-back, rollback-failed, held, failed, done]";

fn everybody() -> String {
    format!(
        "
notifications:
  chat: {{slack: {{url_env: SLACK_URL}}, on: {ALL}}}
  cards: {{teams: {{url_env: TEAMS_URL}}}}
  duty: {{pagerduty: {{routing_key_env: PAGERDUTY_KEY, url_env: PAGERDUTY_URL}}, on: [rolled-back, rollback-failed, done]}}
  hook: {{webhook: {{url_env: HOOK_URL, secret_env: HOOK_KEY}}, on: {ALL}}}
"
    )
}

fn shop(scenario: Scenario, policy: &str, notifications: &str) -> Shop {
    let shop = Shop::new(scenario, policy);
    let text = shop.text("shipgate.yaml") + notifications;
    shop.write("shipgate.yaml", &text);
    shop
}

/// The variables that `everybody` names, for one server.
fn variables(url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("SLACK_URL", format!("{url}/slack/hunter2")),
        ("TEAMS_URL", format!("{url}/teams/hunter2")),
        ("PAGERDUTY_URL", format!("{url}/pagerduty")),
        ("PAGERDUTY_KEY", KEY.to_owned()),
        ("HOOK_URL", format!("{url}/hook/hunter2")),
        ("HOOK_KEY", "hunter2-key".to_owned()),
        (
            "CI_JOB_URL",
            "https://ci.example/shop/-/jobs/seven".to_owned(),
        ),
        ("SHIPGATE_ACTOR", "bob".to_owned()),
    ]
}

/// The shop's clock, on which a busy machine has all the time to deliver.
struct Patient(Arc<ManualClock>);

impl Clock for Patient {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.0.sleep(duration)
    }

    fn real(&self, duration: Duration) -> Duration {
        duration * 20
    }
}

/// Runs a command whose messages are all taken.
fn run_told(shop: &Shop, arguments: &[&str], url: &str) -> Ran {
    let clock = Arc::new(Patient(shop.clock.clone()));
    run(shop, clock, arguments, url)
}

/// Runs a command; nothing of it shows a secret.
fn run(shop: &Shop, clock: Arc<dyn Clock>, arguments: &[&str], url: &str) -> Ran {
    let variables = variables(url);
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let ran = shop.run_on(clock, arguments, &variables);
    let shown = format!("{}{}", ran.stderr, ran.result);
    assert!(
        !shown.contains("hunter2") && !shown.contains(KEY),
        "{shown}"
    );
    ran
}

/// What a place was told, one line a message.
fn told(server: &Server, place: &str) -> Vec<String> {
    let requests = server.requests();
    let of_it = requests.iter().filter_map(|request| {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        path.starts_with(&format!("/{place}"))
            .then(|| (path.to_owned(), body))
    });
    let lines = of_it.map(|(path, body)| match place {
        "slack" => body["text"].as_str().unwrap().to_owned(),
        "teams" => {
            let card = &body["attachments"][0]["content"];
            let facts = card["body"].as_array().unwrap().iter();
            let runs = facts.map(|block| match block["inlines"].as_array() {
                Some(runs) => runs
                    .iter()
                    .map(|run| run["text"].as_str().unwrap())
                    .collect::<String>(),
                None => block["text"].as_str().unwrap().to_owned(),
            });
            let runs: Vec<String> = runs.collect();
            let url = card["actions"][0]["url"].as_str().unwrap();
            format!("{} <{url}>", runs.join(" | "))
        }
        "pagerduty" => {
            let path = path.trim_start_matches("/pagerduty/v2/");
            let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let payload = &body["payload"];
            let parts = [
                &body["event_action"],
                &body["dedup_key"],
                &payload["severity"],
                &payload["summary"],
            ];
            format!("{path} {}", parts.map(word).join(" "))
        }
        _ => {
            let step = &body["step"];
            let step = match step["index"].as_u64() {
                Some(index) => format!(" {index}/{} {}", step["total"], step["state"]),
                None => String::new(),
            };
            format!(
                "{}{step} {} {}",
                body["event"].as_str().unwrap(),
                body["result"],
                body["exit_code"]
            )
        }
    });
    lines.map(|line| neutral(&line)).collect()
}

/// Without what differs from run to run: ids, lengths of waits and figures.
fn neutral(line: &str) -> String {
    let rows = [
        ("commit [0-9a-f]{8}", "commit ID"),
        ("live after [0-9a-z]+", "live after a while"),
        ("errors: .*? — worse", "errors: FIGURES — worse"),
    ];
    rows.iter().fold(line.to_owned(), |line, (found, shown)| {
        let found = Regex::new(found).unwrap();
        found.replace_all(&line, *shown).into_owned()
    })
}

/// A server that everybody is content with.
fn content() -> Server {
    Server::with(|_, request| match request.split(['/', ' ']).nth(2) {
        Some("slack") => answer(200, "", "ok"),
        Some("teams" | "pagerduty") => answer(202, "", "{}"),
        _ => answer(204, "", ""),
    })
}

#[test]
fn a_good_deployment_is_told_step_by_step() {
    let server = content();
    let shop = shop(Scenario::Healthy, OPEN, &everybody());
    let deploy = ["deploy", "--version", "1.1"];
    let ran = run_told(&shop, &deploy, &server.url);
    assert_eq!(ran.code, 0, "{}", ran.line());
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    insta::assert_snapshot!(told(&server, "slack").join("\n"), @r"
    Started: advertisements 1.1 in production: deploy advertisements 1.1 to production; 11 steps, about 8m
    Step 1 of 11 passed: advertisements 1.1 in production: Deployment/advertisements-canary to 1.1 with 1 replica: commit ID
    Step 2 of 11 passed: advertisements 1.1 in production: wait until canary runs 1.1: live after a while
    Step 3 of 11 passed: advertisements 1.1 in production: canary weight 10%: commit ID
    Step 4 of 11 passed: advertisements 1.1 in production: watch canary for 3m: good after 3m
    Step 5 of 11 passed: advertisements 1.1 in production: canary weight 50%: commit ID
    Step 6 of 11 passed: advertisements 1.1 in production: watch canary for 3m: good after 3m
    Step 7 of 11 passed: advertisements 1.1 in production: promote: Deployment/advertisements to 1.1: commit ID
    Step 8 of 11 passed: advertisements 1.1 in production: wait until stable runs 1.1: live after a while
    Step 9 of 11 passed: advertisements 1.1 in production: watch stable for 2m: good after 2m
    Step 10 of 11 passed: advertisements 1.1 in production: canary weight 0%: commit ID
    Step 11 of 11 passed: advertisements 1.1 in production: canary to 0 replicas: commit ID
    Deployed: advertisements 1.1 in production is live and verified
    ");
    insta::assert_snapshot!(told(&server, "hook").join("\n"), @r#"
    started null null
    step 1/11 "passed" null null
    step 2/11 "passed" null null
    step 3/11 "passed" null null
    step 4/11 "passed" null null
    step 5/11 "passed" null null
    step 6/11 "passed" null null
    step 7/11 "passed" null null
    step 8/11 "passed" null null
    step 9/11 "passed" null null
    step 10/11 "passed" null null
    step 11/11 "passed" null null
    done "deployed" 0
    "#);
    insta::assert_snapshot!(told(&server, "teams").join("\n"), @"Deployed | Service: advertisements | Environment: production | Version: 1.0 -> 1.1 | Started by: bob | Exit code: 0 (ok) | Reason: advertisements 1.1 in production is live and verified <https://ci.example/shop/-/jobs/seven>");
    insta::assert_snapshot!(told(&server, "pagerduty").join("\n"), @r"
    enqueue resolve shipgate/advertisements/production - -
    change/enqueue - - - Deployed: advertisements 1.1 in production is live and verified
    ");

    // Neither a look nor a run that has nothing to do is news.
    let before = server.requests().len();
    for arguments in [&["deploy", "--version", "1.2", "--dry-run"], &deploy[..]] {
        let ran = run_told(&shop, arguments, &server.url);
        assert_eq!(ran.code, 0, "{}", ran.line());
    }
    let recover = run_told(&shop, &["recover"], &server.url);
    assert_eq!(recover.code, 0, "{}", recover.line());
    assert_eq!(server.requests().len(), before);

    let back = ["rollback", "--reason", "<!channel> complaints"];
    let ran = run_told(&shop, &back, &server.url);
    assert_eq!(ran.code, 0, "{}", ran.line());
    let slack = told(&server, "slack").split_off(told(&server, "slack").len() - 3);
    insta::assert_snapshot!(slack.join("\n"), @r"
    Step 4 of 5 passed: advertisements in production: back: wait until the canary no longer runs the new version
    Step 5 of 5 passed: advertisements in production: back: wait until the previous version is healthy
    Rolled back: advertisements 1.1 in production is taken back; 1.0 is live (&lt;!channel&gt; complaints)
    ");
}

#[test]
fn a_deployment_that_was_taken_back_pages_and_the_next_good_one_resolves() {
    let server = content();
    let shop = shop(Scenario::Errors, OPEN, &everybody());
    let deploy = |version: &str| {
        let arguments = ["deploy", "--version", version];
        run_told(&shop, &arguments, &server.url).code
    };
    assert_eq!(deploy("1.1"), 40);
    assert_eq!(deploy("1.2"), 0);
    insta::assert_snapshot!(told(&server, "pagerduty").join("\n"), @r"
    enqueue trigger shipgate/advertisements/production warning Rolled back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: FIGURES — worse
    enqueue resolve shipgate/advertisements/production - -
    change/enqueue - - - Deployed: advertisements 1.2 in production is live and verified
    ");
    insta::assert_snapshot!(told(&server, "teams").join("\n"), @r"
    Rolled back | Service: advertisements | Environment: production | Version: 1.0 -> 1.1 | Started by: bob | Exit code: 40 (rolled-back) | Reason: advertisements 1.1 in production was taken back, 1.0 is live again: errors: FIGURES — worse | Next: look at the metrics named before trying this version again <https://ci.example/shop/-/jobs/seven>
    Deployed | Service: advertisements | Environment: production | Version: 1.0 -> 1.2 | Started by: bob | Exit code: 0 (ok) | Reason: advertisements 1.2 in production is live and verified <https://ci.example/shop/-/jobs/seven>
    ");
}

#[test]
fn what_is_blocked_is_told_with_the_next_opening() {
    let server = content();
    let shop = shop(Scenario::Healthy, BLOCKED, &everybody());
    let deploy = ["deploy", "--version", "1.1"];
    let ran = run_told(&shop, &deploy, &server.url);
    assert_eq!(ran.code, 10, "{}", ran.line());
    insta::assert_snapshot!(told(&server, "slack").join("\n"), @"Blocked: advertisements 1.1 in production: Tuesday 2026-03-10 10:00 UTC is on the blocked date 2026-03-10 UTC; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)");
    let teams = told(&server, "teams")
        .join("\n")
        .replace(&shop.world.git_url(), "SERVER");
    insta::assert_snapshot!(teams, @"Blocked | Service: advertisements | Environment: production | Version: 1.1 | Opens: Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z) | Started by: bob | Exit code: 10 (blocked-date) | Reason: Tuesday 2026-03-10 10:00 UTC is on the blocked date 2026-03-10 UTC; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z) | Next: going back stays allowed: `shipgate rollback --repository SERVER --service advertisements --environment production` <https://ci.example/shop/-/jobs/seven>");
    assert!(told(&server, "pagerduty").is_empty());
}

#[test]
fn only_those_are_told_whom_it_concerns() {
    let server = content();
    let notifications = "
notifications:
  another: {slack: {url_env: SLACK_URL}, environments: [staging]}
  few: {webhook: {url_env: HOOK_URL}, on: [held]}
";
    let shop = Shop::new(Scenario::Healthy, OPEN);
    let text = shop.text("shipgate.yaml") + notifications;
    shop.write(
        "shipgate.yaml",
        &text.replacen("environments:\n", "environments:\n  staging: {}\n", 1),
    );
    let deploy = ["deploy", "--version", "1.1", "--environment", "production"];
    let ran = run_told(&shop, &deploy, &server.url);
    assert_eq!(ran.code, 0, "{}", ran.line());
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

/// The shop's clock, on which the wait after a run is over soon, and the pauses between two tries of
/// a message pass beside the run as they do on a real one.
struct Impatient(Arc<ManualClock>);

impl Clock for Impatient {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        if [250, 1_000].map(Duration::from_millis).contains(&duration) {
            return Box::pin(tokio::task::yield_now());
        }
        self.0.sleep(duration)
    }

    fn real(&self, duration: Duration) -> Duration {
        // Each half of the wait; everything else has the time that a busy machine needs.
        if duration == Duration::from_secs(5) {
            Duration::ZERO
        } else {
            duration
        }
    }
}

/// The reason, the trail of the branch and how long it took, which a run has whoever is told of it.
fn end_of(shop: &Shop, ran: &Ran, began: DateTime<Utc>) -> String {
    let log = shop.world.log().unwrap();
    let subjects: Vec<String> = log.iter().map(|commit| commit.subject.clone()).collect();
    let took = shop.clock() - began;
    format!("{}\n{}\n{took}", ran.line(), subjects.join("\n"))
}

#[test]
fn whoever_is_told_changes_nothing_about_a_run() {
    let drip = Behaviour::Drip(format!("HTTP/1.1 200 OK\r\nx: {}\r\n", "x".repeat(9_999)).into());
    let rows = [
        ("nobody there", None),
        ("silent", Some(Behaviour::Hang)),
        ("slow", Some(drip)),
        ("broken", Some(answer(500, "", "hunter2"))),
        ("busy", Some(answer(429, "retry-after: 3600\r\n", ""))),
    ];
    // What a server can do besides is tried on single messages; these are the ones that last.
    for (scenario, code, rows) in [
        (Scenario::Healthy, 0, &rows[1..2]),
        (Scenario::Errors, 40, &rows[..]),
    ] {
        let go = |notifications: &str, url: &str| {
            let shop = shop(scenario, OPEN, notifications);
            let clock = Arc::new(Impatient(shop.clock.clone()));
            let began = shop.clock();
            let ran = run(&shop, clock, &["deploy", "--version", "1.1"], url);
            assert_eq!(ran.code, code, "{}", ran.stderr);
            (end_of(&shop, &ran, began), ran)
        };
        let (usual, _) = go("# nobody is told\n", "http://127.0.0.1:1");
        for (name, behaviour) in rows {
            let server = behaviour.clone().map(Server::always);
            let url = server
                .as_ref()
                .map_or_else(nobody, |server| server.url.clone());
            let (end, ran) = go(&everybody(), &url);
            assert_eq!(end, usual, "{name}");
            // Slack takes none of these for an acknowledgement.
            let word = if code == 0 { "done" } else { "rolled-back" };
            let warning = format!("`chat` (Slack) was not told of `{word}`: ");
            assert!(ran.stderr.contains(&warning), "{name}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_server_that_recovers_is_told_the_end() {
    let server = Server::with(|number, _| match number {
        0..=7 => answer(500, "", ""),
        _ => answer(200, "", "ok"),
    });
    let shop = shop(
        Scenario::Healthy,
        OPEN,
        &format!("\nnotifications:\n  hook: {{webhook: {{url_env: HOOK_URL}}, on: {ALL}}}\n"),
    );
    let deploy = ["deploy", "--version", "1.1"];
    let ran = run_told(&shop, &deploy, &server.url);
    assert_eq!(ran.code, 0, "{}", ran.line());
    let told = told(&server, "hook");
    assert_eq!(told.first().unwrap(), "started null null");
    assert_eq!(told.last().unwrap(), "done \"deployed\" 0", "{told:?}");
}

#[test]
fn a_variable_that_is_not_set_is_a_warning() {
    let server = content();
    let shop = shop(Scenario::Healthy, OPEN, &everybody());
    let hook = format!("{}/hook", server.url);
    let variables = [
        ("HOOK_URL", hook.as_str()),
        ("HOOK_KEY", "hunter2-key"),
        ("PAGERDUTY_URL", server.url.as_str()),
        ("PAGERDUTY_KEY", "a-token-of-something-else"),
    ];
    let ran = shop.deploy("1.1", &variables);
    assert_eq!(ran.code, 0, "{}", ran.line());
    let warnings = ran
        .stderr
        .lines()
        .filter(|line| line.contains("warning"))
        .filter_map(|line| line.split_once("warning").map(|(_, text)| text.trim()));
    insta::assert_snapshot!(warnings.collect::<Vec<_>>().join("\n"), @r"
    `cards` (Teams) is told of nothing: the variable TEAMS_URL is not set
    `chat` (Slack) is told of nothing: the variable SLACK_URL is not set
    `duty` (PagerDuty) is told of nothing: PAGERDUTY_KEY holds no key of an integration, expected 32 letters and digits
    ");
    assert!(told(&server, "hook").len() > 2);
    assert!(told(&server, "v2").is_empty());
}
