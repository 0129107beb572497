//! One number, or a reason: every answer that is not exactly a number.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Url;
use shipgate::{
    analysis::Reading,
    clock::ManualClock,
    probe::{
        Client, ClientOptions,
        prometheus::{self, Auth, Endpoint},
    },
    secret::Secret,
};

use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Behaviour, Server, answer, nobody},
};

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        auth: Auth::Bearer(Secret::new(TOKEN)),
        ..Endpoint::open(Url::parse(url).unwrap())
    }
}

/// A vector of one series whose sample is of [`now`] and whose value is written as given.
fn vector(value: &str) -> String {
    vector_at(now(), value)
}

fn vector_at(at: DateTime<Utc>, value: &str) -> String {
    let at = at.timestamp();
    result(
        "vector",
        &format!(r#"[{{"metric":{{}},"value":[{at},{value}]}}]"#),
    )
}

fn result(kind: &str, result: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)
}

async fn ask(url: &str, timeout: Duration) -> Reading {
    let clock = ManualClock::at(now());
    let at = Some(now());
    prometheus::instant(&client(), &clock, &endpoint(url), "up", at, timeout).await
}

/// Prints a reading, after a look for what must not be in it.
fn line(reading: &Reading, url: &str) -> String {
    let text = match reading {
        Reading::Value(sample) => format!("value {}", sample.value),
        Reading::NoData(reason) => format!("no data: {reason}"),
        Reading::Unavailable(reason) => format!("unavailable: {reason}"),
    };
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

#[tokio::test]
async fn a_broken_prometheus_never_gives_a_number() {
    let mut lines = Vec::new();
    for (name, behaviour) in faults(&vector("\"0\"")) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let reading = ask(&server.url, timeout).await;
        assert!(!matches!(reading, Reading::Value(_)), "{name}: {reading:?}");
        lines.push(format!("{name}: {}", line(&reading, &server.url)));
    }
    let url = nobody();
    lines.push(format!("refused: {}", line(&ask(&url, SECOND).await, &url)));
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
    404: unavailable: URL answered with status 404: is its address the base of a query API?
    429: unavailable: URL answered with status 429
    500: unavailable: URL answered with status 500
    502: unavailable: URL answered with status 502
    503: unavailable: URL answered with status 503
    504: unavailable: URL answered with status 504
    204: unavailable: URL answered with status 204
    206: unavailable: URL answered with status 206
    empty: unavailable: URL answered with something that is no query result
    null: unavailable: URL answered with something that is no query result
    a list: unavailable: URL answered with something that is no query result
    a text: unavailable: URL answered with something that is no query result
    HTML: unavailable: URL answered with something that is no query result
    half of a JSON text: unavailable: URL answered with something that is no query result
    two JSON texts: unavailable: URL answered with something that is no query result
    deep: unavailable: URL answered with something that is no query result
    large: unavailable: URL answered with more than 8 MiB
    a bomb: unavailable: URL answered with more than 8 MiB
    no gzip: unavailable: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unavailable: URL answered with something that is no query result
    refused: unavailable: URL did not answer: tcp connect error: Connection refused
    ");
}

#[tokio::test]
async fn odd_results_are_no_data_and_never_zero() {
    let late = vector_at(now() - Duration::from_secs(301), "\"0\"");
    let early = vector_at(now() + Duration::from_secs(301), "\"0\"");
    let two = r#"[{"metric":{},"value":[1,"0"]},{"metric":{},"value":[1,"0"]}]"#;
    let warning = r#""warnings":["store 7 is away"],"data""#;
    let partial = r#""isPartial":true,"data""#;
    let beside = r#""errorType":"timeout","error":"store 7 is slow","data""#;
    let error = r#"{"status":"error","errorType":"execution","error":"boom"}"#;
    let rows = [
        ("NaN", vector("\"NaN\"")),
        ("+Inf", vector("\"+Inf\"")),
        ("-Inf", vector("\"-Inf\"")),
        ("a null value", vector("null")),
        ("a number that is no text", vector("0")),
        ("an empty value", vector("\"\"")),
        ("a text value", vector("\"ok\"")),
        ("no series", result("vector", "[]")),
        ("two series", result("vector", two)),
        (
            "a histogram",
            result("vector", r#"[{"metric":{},"histogram":[1,{}]}]"#),
        ),
        ("an empty series", result("vector", r#"[{"metric":{}}]"#)),
        (
            "a range",
            result("matrix", r#"[{"metric":{},"values":[[1,"0"]]}]"#),
        ),
        ("a text", result("string", r#"[1,"0"]"#)),
        ("a new kind", result("tensor", r#"[1,"0"]"#)),
        ("a null result", result("vector", "null")),
        ("a null scalar", result("scalar", "null")),
        ("a short scalar", result("scalar", "[1]")),
        ("a long scalar", result("scalar", r#"[1,"0","0"]"#)),
        ("a scalar of 1970", result("scalar", r#"[1,"0"]"#)),
        ("a scalar without a time", result("scalar", r#"[null,"0"]"#)),
        ("a scalar out of time", result("scalar", r#"[1e300,"0"]"#)),
        ("no data", r#"{"status":"success"}"#.to_owned()),
        (
            "null data",
            r#"{"status":"success","data":null}"#.to_owned(),
        ),
        ("an error", error.to_owned()),
        (
            "an unknown status",
            vector("\"0\"").replace("success", "partial"),
        ),
        ("a warning", vector("\"0\"").replace("\"data\"", warning)),
        ("a part", vector("\"0\"").replace("\"data\"", partial)),
        (
            "an error beside",
            vector("\"0\"").replace("\"data\"", beside),
        ),
        ("stale", late),
        ("of the future", early),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = Server::always(answer(200, "", body));
        let reading = ask(&server.url, SECOND * 30).await;
        assert!(!matches!(reading, Reading::Value(_)), "{name}: {reading:?}");
        lines.push(format!("{name}: {}", line(&reading, &server.url)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    NaN: no data: NaN: nothing divided by nothing, often no traffic
    +Inf: no data: infinite: something divided by nothing
    -Inf: no data: infinite: something divided by nothing
    a null value: unavailable: URL answered with something that is no query result
    a number that is no text: unavailable: URL answered with something that is no query result
    an empty value: unavailable: URL answered with something that is no query result
    a text value: unavailable: URL answered with something that is no query result
    no series: no data: no series: the query matches nothing
    two series: no data: 2 series where one was wanted; aggregate them, for example with sum()
    a histogram: no data: a histogram where one number was wanted
    an empty series: unavailable: URL answered with something that is no query result
    a range: no data: a range of samples where one number was wanted
    a text: no data: a text where a number was wanted
    a new kind: unavailable: URL answered with something that is no query result
    a null result: unavailable: URL answered with something that is no query result
    a null scalar: unavailable: URL answered with something that is no query result
    a short scalar: unavailable: URL answered with something that is no query result
    a long scalar: unavailable: URL answered with something that is no query result
    a scalar of 1970: no data: stale: the sample is of 1970-01-01T00:00:01+00:00, 20458d11h59m59s from the time asked for
    a scalar without a time: unavailable: URL answered with something that is no query result
    a scalar out of time: unavailable: URL answered with something that is no query result
    no data: unavailable: URL answered without data
    null data: unavailable: URL answered without data
    an error: unavailable: URL did not succeed: execution: boom
    an unknown status: unavailable: URL did not succeed: its status is "partial"
    a warning: no data: an answer with a warning: store 7 is away
    a part: no data: an incomplete answer: `isPartial` is true
    an error beside: unavailable: URL answered with a result and an error: timeout: store 7 is slow
    stale: no data: stale: the sample is of 2026-01-05T11:54:59+00:00, 5m1s from the time asked for
    of the future: no data: stale: the sample is of 2026-01-05T12:05:01+00:00, 5m1s from the time asked for
    "#);
}

#[tokio::test]
async fn one_series_or_a_scalar_is_a_value() {
    let at = now().timestamp();
    let note = r#""warnings":["PromQL info: not a counter"],"data""#;
    let rows = [
        (vector("\"0.071\""), 0.071),
        (vector("\"0\""), 0.0),
        (vector("\"-1e-12\""), -1e-12),
        (vector("\"1e+21\""), 1e21),
        (result("scalar", &format!(r#"[{at}.375,"42"]"#)), 42.0),
        (vector("\"1\"").replace("\"data\"", note), 1.0),
        (vector_at(now() - Duration::from_secs(299), "\"2\""), 2.0),
    ];
    for (body, value) in rows {
        let server = Server::always(answer(200, "", &body));
        match ask(&server.url, SECOND * 30).await {
            Reading::Value(sample) => assert_eq!(sample.value, value, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_question_is_a_form_with_the_credentials_in_a_header() {
    let server = Server::always(answer(200, "", vector("\"1\"")));
    let mut endpoint = endpoint(&format!("{}/prometheus/", server.url));
    endpoint
        .headers
        .insert("X-Scope-OrgID".to_owned(), "tenant".to_owned());
    let clock = ManualClock::at(now());
    let query = "sum(x{v=\"1.0\"}) + 1 & 2";
    prometheus::instant(&client(), &clock, &endpoint, query, Some(now()), SECOND).await;
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let first = "POST /prometheus/api/v1/query HTTP/1.1\r\n";
    assert!(head.starts_with(first), "{head}");
    for header in [
        "authorization: Bearer hunter2-token",
        "x-scope-orgid: tenant",
        "user-agent: shipgate/test",
        "content-type: application/x-www-form-urlencoded",
    ] {
        assert!(head.lines().any(|line| line == header), "{header}: {head}");
    }
    assert_eq!(
        body,
        "query=sum%28x%7Bv%3D%221.0%22%7D%29+%2B+1+%26+2&time=2026-01-05T12%3A00%3A00%2B00%3A00&timeout=1000ms"
    );
}

#[tokio::test]
async fn what_prometheus_says_of_a_query_is_passed_on_short_and_clean() {
    let complaint = format!(
        r#"{{"status":"error","errorType":"bad_data","error":"1:3: parse error\n::error::{TOKEN} {}"}}"#,
        "x".repeat(9_000)
    );
    for status in [400, 422] {
        let server = Server::always(answer(status, "", &complaint));
        let reading = ask(&server.url, SECOND * 30).await;
        let text = line(&reading, &server.url);
        let start =
            "unavailable: URL refused the query: bad_data: 1:3: parse error ::error::*** xxx";
        assert!(text.starts_with(start), "{text}");
        assert!(text.chars().count() < 300, "{text}");
    }
}

#[tokio::test]
async fn credentials_stay_with_the_host_they_were_given_for() {
    let other = Server::always(answer(200, "", vector("\"0\"")));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/\r\n", other.url);
        let server = Server::always(answer(status, &location, ""));
        let reading = ask(&server.url, SECOND * 30).await;
        assert!(matches!(reading, Reading::Unavailable(_)), "{reading:?}");
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(other.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_question_is_asked_again_only_where_that_helps() {
    // Status, Retry-After, how often it is asked within 5 s.
    let rows = [
        (500, "", 1),
        (404, "", 1),
        (400, "", 1),
        (429, "", 3),
        (502, "", 3),
        (503, "", 3),
        (504, "", 3),
        (503, "retry-after: 1\r\n", 3),
        (503, "retry-after: 3\r\n", 2),
        (429, "retry-after: 60\r\n", 1),
    ];
    for (status, header, times) in rows {
        let server = Server::always(answer(status, header, ""));
        ask(&server.url, SECOND * 5).await;
        assert_eq!(server.requests().len(), times, "{status} {header:?}");
    }
    let recovering = Server::with(|number, _| match number {
        0 => answer(503, "", ""),
        1 => Behaviour::Close,
        _ => answer(200, "", vector("\"7\"")),
    });
    let reading = ask(&recovering.url, SECOND * 5).await;
    assert_eq!(line(&reading, &recovering.url), "value 7");
}

#[tokio::test]
async fn metadata_addresses_are_not_asked() {
    let url = "http://169.254.169.254";
    assert_eq!(
        line(&ask(url, SECOND).await, url),
        "unavailable: URL was not asked: the address is link-local or a cloud's metadata service, which is never asked"
    );
}

#[tokio::test]
async fn credentials_that_no_header_can_hold_are_not_repeated() {
    let url = nobody();
    let endpoint = Endpoint {
        auth: Auth::Bearer(Secret::new(format!("{TOKEN}\n"))),
        ..endpoint(&url)
    };
    let clock = ManualClock::at(now());
    let reading = prometheus::instant(&client(), &clock, &endpoint, "up", None, SECOND).await;
    assert_eq!(
        line(&reading, &url),
        "unavailable: the value of the header Authorization has characters that HTTP does not allow"
    );
}

#[tokio::test]
async fn a_certificate_file_that_is_not_there_is_named() {
    let client = Client::new(ClientOptions {
        ca_file: Some("/nowhere/ca.pem".into()),
        user_agent: String::new(),
    });
    let clock = ManualClock::at(now());
    let url = nobody();
    let reading = prometheus::instant(&client, &clock, &endpoint(&url), "up", None, SECOND).await;
    assert_eq!(
        line(&reading, &url),
        "unavailable: the certificates in /nowhere/ca.pem cannot be read: No such file or directory (os error 2)"
    );
}
