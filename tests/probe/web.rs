//! One value of any JSON API: a number, a yes or no, or a reason.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use shipgate::{
    analysis::Reading,
    clock::ManualClock,
    probe::{
        CheckReading,
        prometheus::Auth,
        web::{self, Endpoint, Request},
    },
    secret::Secret,
};

use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer, nobody},
};

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.parse().unwrap(),
        auth: Auth::Basic {
            username: Secret::new("robin"),
            password: Secret::new(TOKEN),
        },
        headers: BTreeMap::from([("X-Scope-OrgID".to_owned(), "shop".to_owned())]),
    }
}

async fn number(url: &str, query: &str, timeout: Duration) -> String {
    let clock = ManualClock::at(now());
    let reading = web::number(&client(), &clock, &endpoint(url), query, timeout).await;
    clean(
        match reading {
            Reading::Value(sample) => format!("value {}", sample.value),
            Reading::NoData(reason) => format!("no data: {reason}"),
            Reading::Unavailable(reason) => format!("unavailable: {reason}"),
        },
        url,
    )
}

async fn check(url: &str, request: &str, wanted: &Value) -> String {
    let clock = ManualClock::at(now());
    let request = Request::parse(request).unwrap();
    let asked = (&request, wanted);
    let reading = web::check(&client(), &clock, &endpoint(url), asked, SECOND * 30).await;
    clean(
        match reading {
            CheckReading::Passed(text) => format!("passed: {text}"),
            CheckReading::Failed(text) => format!("failed: {text}"),
            CheckReading::Unanswered(text) => format!("unanswered: {text}"),
        },
        url,
    )
}

fn clean(text: String, url: &str) -> String {
    for secret in [TOKEN, "cm9iaW46aHVudGVyMi10b2tlbg=="] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

#[tokio::test]
async fn a_secret_that_is_sent_back_is_not_shown() {
    let server = Server::with(|_, request| {
        let sent = request
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
        let body = json!({"v": format!("{} {TOKEN}", sent.unwrap())});
        answer(200, "", body.to_string())
    });
    let line = check(&server.url, "/x#/v", &json!(true)).await;
    assert_eq!(line, r#"failed: is "authorization: Basic *** ***" at /v"#);
}

#[tokio::test]
async fn a_broken_api_never_gives_a_number_or_a_yes() {
    let mut lines = Vec::new();
    for (name, behaviour) in faults(r#"{"errors": 0, "a": "filling"}"#) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour.clone());
        let line = number(&server.url, "/x#/errors", timeout).await;
        assert!(!line.starts_with("value"), "{name}: {line}");
        lines.push(format!("{name}: {line}"));
        if timeout > SECOND {
            let line = check(&server.url, "/x#/errors", &json!(0)).await;
            assert!(line.starts_with("unanswered"), "{name}: {line}");
        }
    }
    let url = nobody();
    lines.push(format!("refused: {}", number(&url, "/x", SECOND).await));
    insta::assert_snapshot!(lines.join("\n"), @r"
    closed: unavailable: URL did not answer: connection closed before message completed
    hanging: unavailable: URL did not answer within 500ms
    dripping: unavailable: URL did not answer within 500ms
    endless: unavailable: URL answered with more than 8 MiB
    endless headers: unavailable: URL did not answer: message head is too large
    cut off: unavailable: URL did not answer: the answer broke off: end of file before message length reached
    broken chunks: unavailable: URL did not answer: the answer broke off: Invalid chunk size line: missing size digit
    not HTTP: unavailable: URL did not answer: invalid HTTP version parsed
    301: unavailable: URL answered with status 301: redirects are not followed, so the address must be the final one
    302: unavailable: URL answered with status 302: redirects are not followed, so the address must be the final one
    307: unavailable: URL answered with status 307: redirects are not followed, so the address must be the final one
    401: unavailable: URL answered with status 401: are the credentials right?
    403: unavailable: URL answered with status 403: are the credentials right?
    404: unavailable: URL answered with status 404
    429: unavailable: URL answered with status 429: too many requests
    500: unavailable: URL answered with status 500
    502: unavailable: URL answered with status 502
    503: unavailable: URL answered with status 503
    504: unavailable: URL answered with status 504
    204: unavailable: URL answered with something that is no JSON
    206: unavailable: URL answered with status 206: only a part of the answer
    empty: unavailable: URL answered with something that is no JSON
    null: no data: the answer has nothing at /errors
    a list: no data: the answer has nothing at /errors
    a text: no data: the answer has nothing at /errors
    HTML: unavailable: URL answered with something that is no JSON
    half of a JSON text: unavailable: URL answered with something that is no JSON
    two JSON texts: unavailable: URL answered with something that is no JSON
    deep: unavailable: URL answered with something that is no JSON
    large: unavailable: URL answered with more than 8 MiB
    a bomb: unavailable: URL answered with more than 8 MiB
    no gzip: unavailable: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unavailable: URL answered with something that is no JSON
    refused: unavailable: URL did not answer: tcp connect error: Connection refused
    ");
}

#[tokio::test]
async fn only_a_number_is_a_number_and_only_the_wanted_value_is_a_yes() {
    let body = r#"{"n": 0.25, "big": 1e15, "text": "0", "yes": true, "no": false, "null": null,
        "list": [0], "object": {}, "a/b": {"m~n": 7}, "NaN": "NaN"}"#;
    let server = Server::always(answer(200, "", body));
    let mut lines = Vec::new();
    for pointer in [
        "/n",
        "/big",
        "/text",
        "/yes",
        "/null",
        "/list",
        "/list/0",
        "/object",
        "/nothing",
        "/a~1b/m~0n",
        "/NaN",
        "",
    ] {
        let line = number(&server.url, &format!("/x#{pointer}"), SECOND * 30).await;
        lines.push(format!("{pointer}: {line}"));
    }
    for (pointer, wanted) in [
        ("/yes", json!(true)),
        ("/no", json!(true)),
        ("/null", json!(true)),
        ("/nothing", json!(true)),
        ("/text", json!(0)),
        ("/text", json!("0")),
        ("/n", json!(0.25)),
        ("/list", json!("[0]")),
    ] {
        let line = check(&server.url, &format!("/x#{pointer}"), &wanted).await;
        lines.push(format!("{pointer} wanted {wanted}: {line}"));
    }
    let huge = Server::always(answer(200, "", r#"{"n": 1e999}"#));
    lines.push(format!(
        "1e999: {}",
        number(&huge.url, "/x#/n", SECOND * 30).await
    ));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /n: value 0.25
    /big: value 1000000000000000
    /text: no data: the answer has a text at /text where a number was wanted
    /yes: no data: the answer has a truth value at /yes where a number was wanted
    /null: no data: the answer has null at /null where a number was wanted
    /list: no data: the answer has a list at /list where a number was wanted
    /list/0: value 0
    /object: no data: the answer has an object at /object where a number was wanted
    /nothing: no data: the answer has nothing at /nothing
    /a~1b/m~0n: value 7
    /NaN: no data: the answer has a text at /NaN where a number was wanted
    : no data: the answer has an object where a number was wanted
    /yes wanted true: passed: is true at /yes
    /no wanted true: failed: is false at /no
    /null wanted true: unanswered: the answer has nothing at /null
    /nothing wanted true: unanswered: the answer has nothing at /nothing
    /text wanted 0: failed: is "0" at /text
    /text wanted "0": passed: is "0" at /text
    /n wanted 0.25: passed: is 0.25 at /n
    /list wanted "[0]": failed: is [0] at /list
    1e999: unavailable: URL answered with something that is no JSON
    "#);
}

#[tokio::test]
async fn it_is_asked_below_its_own_address_only() {
    let server = Server::always(answer(200, "", r#"{"n": 1}"#));
    let base = format!("{}/base/", server.url);
    for query in [
        "/errors?service=shop#/n",
        "POST /search#/n\n{\"q\": \"x\"}",
        "//other.example/errors#/n",
        "/../../etc#/n",
        "/@other.example/#/n",
        "https://other.example/#/n",
    ] {
        let _ = number(&base, query, SECOND * 30).await;
    }
    let requests = server.requests();
    let lines: Vec<String> = requests
        .iter()
        .map(|request| {
            let lower = request.to_lowercase();
            assert!(lower.contains("authorization: basic"), "{request}");
            assert!(lower.contains("x-scope-orgid: shop"), "{request}");
            let body = request.split("\r\n\r\n").nth(1).unwrap_or_default();
            format!("{} {body}", request.lines().next().unwrap())
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    GET /base/errors?service=shop HTTP/1.1 
    POST /base/search HTTP/1.1 {"q": "x"}
    GET /base//other.example/errors HTTP/1.1 
    GET /base/@other.example/ HTTP/1.1
    "#);
    let away = format!("location: {}/\r\n", server.url);
    let redirect = Server::always(answer(307, &away, ""));
    let line = number(&redirect.url, "/x#/n", SECOND * 30).await;
    assert!(line.starts_with("unavailable"), "{line}");
    assert_eq!(server.requests().len(), requests.len());
}

#[tokio::test]
async fn an_answer_is_whole_whoever_passed_it_on() {
    let mut lines = Vec::new();
    // Done, taken for later, changed on the way, a part of it.
    for status in [200, 202, 203, 206] {
        let server = Server::always(answer(status, "", r#"{"v": 7}"#));
        let timeout = SECOND * 30;
        let found = number(&server.url, "/#/v", timeout).await;
        let passed = check(&server.url, "/#/v", &json!(7)).await;
        lines.push(format!("{status}: {found}; {passed}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    200: value 7; passed: is 7 at /v
    202: value 7; passed: is 7 at /v
    203: value 7; passed: is 7 at /v
    206: unavailable: URL answered with status 206: only a part of the answer; unanswered: URL answered with status 206: only a part of the answer
    ");
}
