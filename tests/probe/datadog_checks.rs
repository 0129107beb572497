//! Datadog's monitors and deployment gates: passed, failed, or nobody knows.

use std::{future::pending, sync::Arc};

use serde_json::{Value, json};
use shipgate::{
    clock::{Clock, ManualClock},
    config::{query::Variables, verification::RawVerification},
    ops::{
        verify,
        watch::{Endpoints, Extent, Watcher},
    },
    probe::{
        CheckReading, Client, ClientOptions,
        datadog::{self, Api, Gate, GateReading, Monitors},
    },
    yaml::{Limits, read},
};

use crate::{
    datadog::{endpoint, line},
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer},
    stand_ins::datadog::{EVALUATION, evaluation},
    verification::{Memory, subject},
};

fn shown(reading: &CheckReading, url: &str) -> String {
    let text = match reading {
        CheckReading::Passed(detail) => format!("passed: {detail}"),
        CheckReading::Failed(reason) => format!("failed: {reason}"),
        CheckReading::Unanswered(reason) => format!("unanswered: {reason}"),
    };
    line(&text, url)
}

fn monitor(state: &str) -> Value {
    json!({"name": format!("Checkout {TOKEN}"), "overall_state": state})
}

#[tokio::test]
async fn only_monitors_that_are_ok_pass() {
    let clock = ManualClock::at(now());
    let tags = Monitors::Tags(vec!["service:ads".to_owned(), "team:shop".to_owned()]);
    let rows = [
        json!([monitor("OK")]),
        json!([monitor("OK"), monitor("OK")]),
        json!([{"name": "own", "overall_state": "OK", "tags": ["env:x", "team:shop", "service:ads"]}]),
        json!([{"name": "other", "overall_state": "OK", "tags": ["team:shop"]}]),
        json!([monitor("OK"), monitor("Alert"), monitor("No Data")]),
        json!([monitor("Warn"), monitor("OK")]),
        json!([monitor("No Data"), monitor("OK")]),
        json!([monitor("Ignored")]),
        json!([monitor("Skipped")]),
        json!([monitor("Unknown")]),
        json!([monitor("ok")]),
        json!([{"name": "x", "overall_state": null}]),
        json!([{"overall_state": "OK"}]),
        json!([
            monitor("Alert"),
            monitor("Alert"),
            monitor("Alert"),
            monitor("Alert")
        ]),
        json!([]),
        json!({}),
        json!({"errors": ["no"]}),
    ];
    let mut lines = Vec::new();
    for body in rows {
        let server = Server::always(answer(200, "", body.to_string()));
        let endpoint = endpoint(&server.url, Api::V1);
        for allow_warn in [false, true] {
            let asked = (&tags, allow_warn);
            let reading = datadog::monitors(&client(), &clock, &endpoint, asked, SECOND * 30).await;
            let shown = shown(&reading, &server.url);
            if !allow_warn || body.to_string().contains("Warn") {
                let states = body.as_array().map_or(&[][..], Vec::as_slice).iter();
                let states: Vec<String> = states
                    .map(|monitor| monitor["overall_state"].to_string())
                    .collect();
                lines.push(format!("{} -> {shown}", states.join(" ")));
            }
        }
        assert!(
            server.requests()[0]
                .starts_with("GET /api/v1/monitor?monitor_tags=service%3Aads%2Cteam%3Ashop ")
        );
    }
    let server = Server::with(|_, request| match request {
        request if request.starts_with("GET /api/v1/monitor/7 ") => {
            answer(200, "", monitor("OK").to_string())
        }
        request if request.starts_with("GET /api/v1/monitor/9 ") => {
            let mut other = monitor("OK");
            other["id"] = json!(7);
            answer(200, "", other.to_string())
        }
        _ => answer(404, "", r#"{"errors":["Monitor not found"]}"#),
    });
    let endpoint = endpoint(&server.url, Api::V1);
    for ids in [vec![7], vec![7, 8], vec![7, 9]] {
        let asked = (&Monitors::Ids(ids.clone()), false);
        let reading = datadog::monitors(&client(), &clock, &endpoint, asked, SECOND * 30).await;
        lines.push(format!("{ids:?} -> {}", shown(&reading, &server.url)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "OK" -> passed: 1 monitor is OK
    "OK" "OK" -> passed: 2 monitors are OK
    "OK" -> passed: 1 monitor is OK
    "OK" -> unanswered: other has not the tags that were asked for
    "OK" "Alert" "No Data" -> failed: Checkout ***: Alert
    "Warn" "OK" -> failed: Checkout ***: Warn
    "Warn" "OK" -> passed: 2 monitors are OK
    "No Data" "OK" -> unanswered: Checkout ***: No Data
    "Ignored" -> unanswered: Checkout ***: Ignored
    "Skipped" -> unanswered: Checkout ***: Skipped
    "Unknown" -> unanswered: Checkout ***: Unknown
    "ok" -> unanswered: Checkout ***: ok
    null -> unanswered: URL answered with something that is no monitor
    "OK" -> unanswered: URL answered with something that is no monitor
    "Alert" "Alert" "Alert" "Alert" -> failed: Checkout ***: Alert, Checkout ***: Alert, Checkout ***: Alert, and 1 more
     -> unanswered: no monitor has these tags
     -> unanswered: URL answered with something that is no list of monitors
     -> unanswered: URL refused the query: no
    [7] -> passed: 1 monitor is OK
    [7, 8] -> unanswered: monitor 8: URL refused the query with status 404: Monitor not found
    [7, 9] -> unanswered: monitor 9: the answer is about monitor 7
    "#);
}

fn gate() -> Gate {
    Gate {
        service: "ads".to_owned(),
        env: "production".to_owned(),
        identifier: Some("canary".to_owned()),
        version: Some("1.1".to_owned()),
        apm_primary_tag: None,
    }
}

#[tokio::test]
async fn broken_answers_never_pass() {
    let clock = ManualClock::at(now());
    let tags = Monitors::Tags(vec!["service:ads".to_owned()]);
    let good = json!([monitor("OK")]).to_string();
    let passed = evaluation("pass").to_string();
    for (name, behaviour) in faults(&good) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let endpoint = endpoint(&server.url, Api::V1);
        let asked = (&tags, true);
        let reading = datadog::monitors(&client(), &clock, &endpoint, asked, timeout).await;
        let unanswered = matches!(reading, CheckReading::Unanswered(_));
        assert!(unanswered, "{name}: {reading:?}");
        shown(&reading, &server.url);
    }
    for (name, behaviour) in faults(&passed) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let endpoint = endpoint(&server.url, Api::V1);
        let begun = datadog::evaluate(&client(), &clock, &endpoint, &gate(), timeout).await;
        line(&begun.unwrap_err(), &server.url);
        match datadog::evaluation(&client(), &clock, &endpoint, "e9d2", timeout).await {
            GateReading::Over(reading @ CheckReading::Unanswered(_)) => {
                shown(&reading, &server.url);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_gate_passes_only_where_it_says_so() {
    let clock = ManualClock::at(now());
    let dry = json!({"data": {"attributes": {"gate_status": "pass", "dry_run": true}}});
    let dry_and_failed = json!({"data": {"attributes": {
        "gate_status": "pass",
        "dry_run": true,
        "rules": [
            {"name": "error rate monitors", "status": "fail", "reason": "2 monitors in ALERT"},
            {"name": "faulty deployment", "status": "pass"},
        ],
    }}});
    let rows = [
        evaluation("pass"),
        dry,
        dry_and_failed,
        json!({"data": {"attributes": {"gate_status": "pass", "evaluation_id": "other"}}}),
        evaluation("fail"),
        evaluation("in_progress"),
        evaluation("passed"),
        json!({"data": {"attributes": {"gate_status": null}}}),
        json!({"data": {"attributes": {}}}),
        json!({"errors": [{"title": format!("Not found, {TOKEN}")}]}),
    ];
    let mut lines = Vec::new();
    for body in rows {
        let server = Server::always(answer(200, "", body.to_string()));
        let endpoint = endpoint(&server.url, Api::V1);
        let found =
            datadog::evaluation(&client(), &clock, &endpoint, EVALUATION, SECOND * 30).await;
        lines.push(match found {
            GateReading::InProgress(detail) => format!("in progress: {detail}"),
            GateReading::DryRun(detail) => format!("dry run: {detail}"),
            GateReading::Over(reading) => shown(&reading, &server.url),
        });
    }
    // What becomes a part of an address is an id and nothing else.
    for id in ["e9d2-4f", "", "a/../../b", "a?b", "a b"] {
        let body = json!({"data": {"attributes": {"evaluation_id": id}}}).to_string();
        let server = Server::always(answer(202, "", body));
        let endpoint = endpoint(&server.url, Api::V1);
        let begun = datadog::evaluate(&client(), &clock, &endpoint, &gate(), SECOND * 30).await;
        lines.push(format!("{id:?}: {begun:?}").replace(&server.url, "URL"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    passed: passed
    dry run: passed, as every dry run does
    dry run: passed, as every dry run does, although rules failed: error rate monitors (2 monitors in ALERT)
    unanswered: the answer is about another evaluation than was asked for
    failed: failed: error rate monitors (2 monitors in ALERT)
    in progress: is not known yet: Datadog is evaluating error rate monitors
    unanswered: URL answered with something that is no evaluation of a gate
    unanswered: URL answered with something that is no evaluation of a gate
    unanswered: URL answered with something that is no evaluation of a gate
    unanswered: URL refused the query: Not found, ***
    "e9d2-4f": Ok("e9d2-4f")
    "": Err("URL answered with something that is no evaluation of a gate")
    "a/../../b": Err("URL answered with something that is no evaluation of a gate")
    "a?b": Err("URL answered with something that is no evaluation of a gate")
    "a b": Err("URL answered with something that is no evaluation of a gate")
    "#);
}

#[tokio::test]
async fn a_gate_is_evaluated_once_in_a_watch() {
    let section = "
interval: 15s
checks: [{name: gate, deployment_gate: {version: '{{version}}'}}]";
    // `b`egun, `i`n progress, `p`ass, `f`ail, a `d`ry run, an `e`rror, and what comes of it.
    let mut lines = Vec::new();
    for letters in [
        "bp",
        "biip",
        "biif",
        "beepe",
        "eeee",
        "bieiep",
        "biiiiiiiiiiii",
        "eeeeeeee",
        "bieeeee",
        "bid",
    ] {
        let clock = Arc::new(ManualClock::at(now()));
        let server = Server::with(move |number, _| match letters.as_bytes().get(number) {
            Some(b'b') => {
                let begun = json!({"data": {"attributes": {"evaluation_id": EVALUATION}}});
                answer(202, "", begun.to_string())
            }
            Some(b'i') => answer(200, "", evaluation("in_progress").to_string()),
            Some(b'p') => answer(200, "", evaluation("pass").to_string()),
            Some(b'f') => answer(200, "", evaluation("fail").to_string()),
            Some(b'd') => {
                let dry = json!({"data": {"attributes": {"gate_status": "pass", "dry_run": true}}});
                answer(200, "", dry.to_string())
            }
            _ => answer(500, "", ""),
        });
        let (raw, _) = read::<RawVerification>(section, &Limits::SETTINGS).unwrap();
        let endpoints = Endpoints {
            datadog: Some(endpoint(&server.url, Api::V1)),
            ..Endpoints::default()
        };
        let variables = Variables {
            service: Some("ads".to_owned()),
            environment: Some("production".to_owned()),
            version: Some("1.1".to_owned()),
            ..Variables::default()
        };
        let client = Client::new(ClientOptions::default());
        let verification = raw.validate().unwrap();
        let shared: Arc<dyn Clock> = clock.clone();
        let mut watcher = Watcher::new(
            &verification,
            &endpoints,
            &subject(variables),
            client,
            shared,
        )
        .unwrap();
        let mut memory = Memory::default();
        let extent = Extent::Polls(3);
        let outcome = verify::run(&mut watcher, extent, pending(), &mut memory).await;
        let asked = server.requests().len();
        let began = server
            .requests()
            .iter()
            .filter(|it| it.starts_with("POST"))
            .count();
        let reason = line(&outcome.reason, &server.url);
        let code = outcome.ending.code().number;
        lines.push(format!(
            "{letters}: {code}, asked {asked}, begun {began}: {reason}"
        ));
        // A good answer that protects nothing is said to be one.
        let doubts: Vec<String> = watcher.doubts();
        lines.extend(doubts.into_iter().map(|doubt| format!("  {doubt}")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    bp: 0, asked 2, begun 1: gate passed, wanted pass
    biip: 0, asked 4, begun 1: gate passed, wanted pass
    biif: 22, asked 4, begun 1: gate failed: error rate monitors (2 monitors in ALERT), wanted pass (1 of 1 measurement)
    beepe: 0, asked 4, begun 1: gate passed, wanted pass
    eeee: 20, asked 5, begun 5: gate is not known: URL answered with status 500 (5 errors in a row)
    bieiep: 0, asked 6, begun 1: gate passed, wanted pass
    biiiiiiiiiiii: 21, asked 8, begun 1: gate is not known yet: Datadog is evaluating error rate monitors
    eeeeeeee: 20, asked 5, begun 5: gate is not known: URL answered with status 500 (5 errors in a row)
    bieeeee: 20, asked 7, begun 1: gate is not known: URL answered with status 500 (5 errors in a row)
    bid: 0, asked 3, begun 1: gate passed, as every dry run does, wanted pass
      gate: the gate is a dry run at Datadog and passes whatever its rules find, so it protects nothing yet
    ");
}
