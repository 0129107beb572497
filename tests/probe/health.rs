//! Healthy, or a reason: every answer that is not the wanted one.

use std::time::Duration;

use reqwest::Url;
use serde_json::json;
use shipgate::{
    clock::{Clock, ManualClock, SystemClock},
    probe::http::{self, BodyWanted, HealthCheck, HealthReading},
};

use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Behaviour, Server, answer, nobody},
};

async fn health(url: &str, timeout: Duration) -> HealthReading {
    let check = HealthCheck {
        url: Url::parse(&format!("{url}/health?key={TOKEN}")).unwrap(),
        status: None,
        body: Some(BodyWanted {
            pointer: Some("/status".to_owned()),
            equals: json!("ok"),
        }),
        timeout,
        max_latency: None,
    };
    http::check(&client(), &ManualClock::at(now()), &check).await
}

/// Prints a reading, after a look for what must not be in it.
fn line(reading: &HealthReading, url: &str) -> String {
    let text = match reading {
        HealthReading::Healthy { detail, .. } => format!("healthy: {detail}"),
        HealthReading::Unhealthy(reason) => format!("unhealthy: {reason}"),
        HealthReading::Unreachable(reason) => format!("unreachable: {reason}"),
    };
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

#[tokio::test]
async fn a_broken_service_is_never_healthy() {
    let good = r#"{"status":"ok"}"#;
    let more = [
        ("another value", r#"{"status":"starting"}"#),
        ("another kind of value", r#"{"status":{"ok":true}}"#),
        ("a null value", r#"{"status":null}"#),
        ("no value", r#"{"health":"ok"}"#),
        ("a hostile value", r#"{"status":"\u001b[2J\n::error::x"}"#),
    ]
    .map(|(name, body)| (name, answer(200, "", body)));
    let mut lines = Vec::new();
    for (name, behaviour) in faults(good).into_iter().chain(more) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let reading = health(&server.url, timeout).await;
        assert!(!matches!(reading, HealthReading::Healthy { .. }), "{name}");
        assert_eq!(server.requests().len(), 1, "{name}: asked again");
        lines.push(format!("{name}: {}", line(&reading, &server.url)));
    }
    let url = nobody();
    let refused = health(&url, SECOND).await;
    lines.push(format!("refused: {}", line(&refused, &url)));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    closed: unreachable: is not known: URL did not answer: connection closed before message completed
    hanging: unreachable: is not known: URL did not answer within 500ms
    dripping: unreachable: is not known: URL did not answer within 500ms
    endless: unhealthy: answered with more than 64 KiB
    endless headers: unreachable: is not known: URL did not answer: message head is too large
    cut off: unreachable: is not known: URL did not answer: the answer broke off: end of file before message length reached
    broken chunks: unreachable: is not known: URL did not answer: the answer broke off: Invalid chunk size line: missing size digit
    not HTTP: unreachable: is not known: URL did not answer: invalid HTTP version parsed
    301: unhealthy: answered with status 301 (redirects are not followed)
    302: unhealthy: answered with status 302 (redirects are not followed)
    307: unhealthy: answered with status 307 (redirects are not followed)
    401: unhealthy: answered with status 401
    403: unhealthy: answered with status 403
    404: unhealthy: answered with status 404
    429: unhealthy: answered with status 429
    500: unhealthy: answered with status 500
    502: unhealthy: answered with status 502
    503: unhealthy: answered with status 503
    504: unhealthy: answered with status 504
    204: unhealthy: answered with something that is no JSON
    206: unhealthy: answered with a part of its body only
    empty: unhealthy: answered with something that is no JSON
    null: unhealthy: answered with nothing at /status
    a list: unhealthy: answered with nothing at /status
    a text: unhealthy: answered with nothing at /status
    HTML: unhealthy: answered with something that is no JSON
    half of a JSON text: unhealthy: answered with something that is no JSON
    two JSON texts: unhealthy: answered with something that is no JSON
    deep: unhealthy: answered with something that is no JSON
    large: unhealthy: answered with more than 64 KiB
    a bomb: unhealthy: answered with more than 64 KiB
    no gzip: unreachable: is not known: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unhealthy: answered with something that is no JSON
    another value: unhealthy: answered with "starting" at /status
    another kind of value: unhealthy: answered with {"ok":true} at /status
    a null value: unhealthy: answered with null at /status
    no value: unhealthy: answered with nothing at /status
    a hostile value: unhealthy: answered with "\u001b[2J\n::error::x" at /status
    refused: unreachable: is not known: URL did not answer: tcp connect error: Connection refused
    "#);
}

#[tokio::test]
async fn a_health_check_holds_status_and_body_against_what_is_wanted() {
    let good = r#"{"status":"ok","build":{"number":7},"ready":true}"#;
    let ok = || answer(200, "", good);
    let body = |pointer: Option<&str>, equals| {
        Some(BodyWanted {
            pointer: pointer.map(str::to_owned),
            equals,
        })
    };
    let cut_off = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec();
    // Answer, status wanted, body wanted, healthy?
    let rows = [
        (ok(), None, None, true),
        (ok(), Some(200), None, true),
        (ok(), Some(204), None, false),
        (answer(204, "", ""), None, None, true),
        (answer(503, "", ""), Some(503), None, true),
        (ok(), None, body(Some("/status"), json!("ok")), true),
        (ok(), None, body(Some("/status"), json!("OK")), false),
        (ok(), None, body(Some("/build/number"), json!(7)), true),
        (ok(), None, body(Some("/build/number"), json!(7.0)), true),
        (ok(), None, body(Some("/build/number"), json!("7")), false),
        (ok(), None, body(Some("/ready"), json!(true)), true),
        (ok(), None, body(Some("/ready"), json!(false)), false),
        (
            answer(200, "", " ok\n"),
            None,
            body(None, json!("ok")),
            true,
        ),
        (
            answer(200, "", "okay"),
            None,
            body(None, json!("ok")),
            false,
        ),
        // A body that nobody looks at may be large, but it must arrive whole.
        (answer(200, "", vec![b'x'; 100_000]), None, None, true),
        (Behaviour::Bytes(cut_off), None, None, false),
    ];
    for (behaviour, status, body, healthy) in rows {
        let server = Server::always(behaviour);
        let check = HealthCheck {
            url: Url::parse(&server.url).unwrap(),
            status,
            body,
            timeout: SECOND * 30,
            max_latency: None,
        };
        let reading = http::check(&client(), &SystemClock, &check).await;
        let found = matches!(reading, HealthReading::Healthy { .. });
        assert_eq!(found, healthy, "{}: {reading:?}", check.wanted());
    }
}

#[tokio::test]
async fn a_redirect_takes_nobody_along() {
    let other = Server::always(answer(200, "", r#"{"status":"ok"}"#));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/\r\n", other.url);
        let server = Server::always(answer(status, &location, ""));
        let reading = health(&server.url, SECOND * 30).await;
        assert!(matches!(reading, HealthReading::Unhealthy(_)), "{status}");
    }
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_slow_answer_is_unhealthy_and_a_late_one_is_none() {
    // 57 bytes with 20 ms after each take over a second.
    let slow = b"HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n0123456789012345678".to_vec();
    let server = Server::always(Behaviour::Drip(slow));
    let check = HealthCheck {
        url: Url::parse(&server.url).unwrap(),
        status: None,
        body: None,
        timeout: SECOND * 60,
        max_latency: Some(SECOND / 2),
    };
    assert_eq!(check.wanted(), "status 200 to 299 within 500ms");
    let reading = http::check(&client(), &SystemClock, &check).await;
    let text = line(&reading, &server.url);
    assert!(text.starts_with("unhealthy: answered in "), "{text}");

    let impatient = HealthCheck {
        timeout: SECOND / 5,
        ..check
    };
    let started = SystemClock.now();
    let reading = http::check(&client(), &SystemClock, &impatient).await;
    assert_eq!(
        line(&reading, &server.url),
        "unreachable: is not known: URL did not answer within 200ms"
    );
    assert!((SystemClock.now() - started).num_seconds() < 5);
}

#[tokio::test]
async fn a_service_says_its_version_or_why_not() {
    let json = |body: &str| (answer(200, "", body), Some("/version"));
    let text = |status, body: &str| (answer(status, "", body), None);
    let rows = [
        (json(r#"{"version":"1.10"}"#), Ok("1.10")),
        (text(200, "1.10\n"), Ok("1.10")),
        (
            json(r#"{"version":1.10}"#),
            Err("URL answered with 1.1 where a text in quotes was wanted"),
        ),
        (
            json(r#"{"version":null}"#),
            Err("URL answered with null where a text in quotes was wanted"),
        ),
        (json("{}"), Err("URL answered with nothing at /version")),
        (
            json("<html>"),
            Err("URL answered with something that is no JSON"),
        ),
        (text(200, ""), Err("URL answered with an empty text")),
        (text(503, "1.10"), Err("URL answered with status 503")),
        (text(302, "1.10"), Err("URL answered with status 302")),
        (
            text(200, &"1".repeat(70_000)),
            Err("URL answered with more than 64 KiB"),
        ),
    ];
    for ((behaviour, pointer), wanted) in rows {
        let server = Server::always(behaviour);
        let url = Url::parse(&format!("{}/?key={TOKEN}", server.url)).unwrap();
        let found = http::version(&client(), &SystemClock, &url, pointer, SECOND * 30).await;
        let found = found.map_err(|reason| reason.replace(&server.url, "URL"));
        assert_eq!(found.as_deref().map_err(String::as_str), wanted);
    }
}
