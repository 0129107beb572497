//! Alerts, or a reason: an Alertmanager that is broken is never silent.

use std::time::Duration;

use shipgate::{
    clock::ManualClock,
    probe::{
        CheckReading,
        alertmanager::{self, AlertQuestion, Endpoint},
    },
    secret::Secret,
};

use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer, nobody},
};

async fn ask(url: &str, watchdog: Option<&str>, timeout: Duration) -> CheckReading {
    let clock = ManualClock::at(now());
    let endpoint = Endpoint {
        url: url.parse().unwrap(),
        token: Some(Secret::new(TOKEN)),
    };
    let question = AlertQuestion {
        matchers: vec!["service=\"shop\"".to_owned()],
        watchdog: watchdog.map(str::to_owned),
    };
    alertmanager::firing(&client(), &clock, &endpoint, &question, timeout).await
}

fn line(reading: &CheckReading, url: &str) -> String {
    let text = match reading {
        CheckReading::Passed(text) => format!("passed: {text}"),
        CheckReading::Failed(text) => format!("failed: {text}"),
        CheckReading::Unanswered(text) => format!("unanswered: {text}"),
    };
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

#[tokio::test]
async fn a_broken_alertmanager_is_never_silent() {
    let mut rows = faults("         []");
    // An empty list is how one says that no alert fires.
    rows.retain(|(name, _)| *name != "a list");
    let odd = [
        "{}",
        "[1]",
        "[{}]",
        "[{\"labels\": 1}]",
        "{\"data\": []}",
        "0",
        "false",
    ];
    rows.extend(odd.map(|body| (body, answer(200, "", body))));
    rows.extend(
        [
            ("201 with a list", 201),
            ("202 with a list", 202),
            ("203 with a list", 203),
        ]
        .map(|(name, status)| (name, answer(status, "", "[]"))),
    );
    let mut lines = Vec::new();
    for (name, behaviour) in rows {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let reading = ask(&server.url, None, timeout).await;
        assert!(
            matches!(reading, CheckReading::Unanswered(_)),
            "{name}: {reading:?}"
        );
        lines.push(format!("{name}: {}", line(&reading, &server.url)));
    }
    let url = nobody();
    lines.push(format!(
        "refused: {}",
        line(&ask(&url, None, SECOND).await, &url)
    ));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    closed: unanswered: URL did not answer: connection closed before message completed
    hanging: unanswered: URL did not answer within 500ms
    dripping: unanswered: URL did not answer within 500ms
    endless: unanswered: URL answered with more than 8 MiB
    endless headers: unanswered: URL did not answer: message head is too large
    cut off: unanswered: URL did not answer: the answer broke off: end of file before message length reached
    broken chunks: unanswered: URL did not answer: the answer broke off: Invalid chunk size line: missing size digit
    not HTTP: unanswered: URL did not answer: invalid HTTP version parsed
    301: unanswered: URL answered with status 301: redirects are not followed, so the address must be the final one
    302: unanswered: URL answered with status 302: redirects are not followed, so the address must be the final one
    307: unanswered: URL answered with status 307: redirects are not followed, so the address must be the final one
    401: unanswered: URL answered with status 401: are the credentials right?
    403: unanswered: URL answered with status 403: are the credentials right?
    404: unanswered: URL answered with status 404
    429: unanswered: URL answered with status 429: too many requests
    500: unanswered: URL answered with status 500
    502: unanswered: URL answered with status 502
    503: unanswered: URL answered with status 503
    504: unanswered: URL answered with status 504
    204: unanswered: URL answered with status 204
    206: unanswered: URL answered with status 206: only a part of the answer
    empty: unanswered: URL answered with something that is no JSON
    null: unanswered: URL answered with something that is no list of alerts
    a text: unanswered: URL answered with something that is no list of alerts
    HTML: unanswered: URL answered with something that is no JSON
    half of a JSON text: unanswered: URL answered with something that is no JSON
    two JSON texts: unanswered: URL answered with something that is no JSON
    deep: unanswered: URL answered with something that is no JSON
    large: unanswered: URL answered with more than 8 MiB
    a bomb: unanswered: URL answered with more than 8 MiB
    no gzip: unanswered: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unanswered: URL answered with something that is no JSON
    {}: unanswered: URL answered with something that is no list of alerts
    [1]: unanswered: URL answered with something that is no list of alerts
    [{}]: unanswered: URL answered with something that is no list of alerts
    [{"labels": 1}]: unanswered: URL answered with something that is no list of alerts
    {"data": []}: unanswered: URL answered with something that is no list of alerts
    0: unanswered: URL answered with something that is no list of alerts
    false: unanswered: URL answered with something that is no list of alerts
    201 with a list: unanswered: URL answered with status 201
    202 with a list: unanswered: URL answered with status 202
    203 with a list: unanswered: URL answered with status 203
    refused: unanswered: URL did not answer: tcp connect error: Connection refused
    "#);
}

#[tokio::test]
async fn the_question_has_its_matchers_and_the_token_in_a_header() {
    let server = Server::with(|_, request| {
        let fires = request.contains("Watchdog");
        answer(
            200,
            "",
            if fires {
                r#"[{"labels": {"alertname": "Watchdog"}}]"#
            } else {
                "[]"
            },
        )
    });
    let reading = ask(
        &format!("{}/base/", server.url),
        Some("alertname=\"Watchdog\""),
        SECOND * 9,
    )
    .await;
    let mut requests: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.lines().next().unwrap().to_owned())
        .collect();
    requests.sort();
    assert!(server.requests().iter().all(|request| {
        request
            .to_lowercase()
            .contains(&format!("authorization: bearer {TOKEN}"))
    }));
    requests.push(line(&reading, &server.url));
    insta::assert_snapshot!(requests.join("\n"), @r"
    GET /base/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false&filter=service%3D%22shop%22 HTTP/1.1
    GET /base/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=false&filter=alertname%3D%22Watchdog%22 HTTP/1.1
    passed: no alert is firing
    ");
}
