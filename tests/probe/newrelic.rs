//! New Relic: one number or a sum, or a reason: every answer that is not exactly that.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::Url;
use serde_json::{Value, json};
use shipgate::{
    analysis::Reading,
    clock::ManualClock,
    probe::{
        WindowReading,
        newrelic::{self, Endpoint},
    },
    secret::Secret,
};

use crate::{
    datadog::line,
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer, nobody},
    stand_ins::newrelic::{answered, result},
};

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: Url::parse(url).unwrap(),
        account: 1_234_567,
        api_key: Secret::new(TOKEN),
        window: Duration::from_secs(300),
        bucket: Duration::from_secs(10),
        settle: Duration::from_secs(120),
    }
}

async fn ask(url: &str, timeout: Duration) -> Reading {
    let clock = ManualClock::at(now());
    let query = "SELECT percentage(count(*), WHERE error) FROM Transaction";
    newrelic::number(&client(), &clock, &endpoint(url), query, timeout).await
}

async fn sums(url: &str, timeout: Duration) -> Vec<WindowReading> {
    let clock = ManualClock::at(now());
    let bounds = [90, 60, 30].map(|second| now() - TimeDelta::seconds(second));
    let query = "SELECT count(*) FROM Transaction";
    newrelic::sums(&client(), &clock, &endpoint(url), query, &bounds, timeout).await
}

fn shown(reading: &Reading, url: &str) -> String {
    let text = match reading {
        Reading::Value(sample) => format!("value {}", sample.value),
        Reading::NoData(reason) => format!("no data: {reason}"),
        Reading::Unavailable(reason) => format!("unavailable: {reason}"),
    };
    line(&text, url)
}

fn sum_shown(reading: &WindowReading, url: &str) -> String {
    let text = match reading {
        WindowReading::Sum(sum) => format!("sum {sum}"),
        WindowReading::Nothing(reason) => format!("nothing: {reason}"),
        WindowReading::NoData(reason) => format!("no data: {reason}"),
        WindowReading::Unavailable(reason) => format!("unavailable: {reason}"),
    };
    line(&text, url)
}

#[tokio::test]
async fn a_broken_new_relic_never_gives_a_number() {
    let mut lines = Vec::new();
    for (name, behaviour) in faults(&answered(&json!([{"percentage": 0.0}]))) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let reading = ask(&server.url, timeout).await;
        assert!(!matches!(reading, Reading::Value(_)), "{name}: {reading:?}");
        lines.push(format!("{name}: {}", shown(&reading, &server.url)));
        for reading in sums(&server.url, timeout).await {
            let unavailable = matches!(reading, WindowReading::Unavailable(_));
            assert!(unavailable, "{name}: {reading:?}");
            sum_shown(&reading, &server.url);
        }
    }
    let url = nobody();
    lines.push(format!(
        "refused: {}",
        shown(&ask(&url, SECOND).await, &url)
    ));
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
    null: unavailable: URL answered with something that is no result of a query
    a list: unavailable: URL answered with something that is no result of a query
    a text: unavailable: URL answered with something that is no result of a query
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
async fn odd_results_are_no_number_and_never_zero() {
    let refused = json!({"data": null, "errors": [{"message": format!("NRQL Syntax Error: {TOKEN}"), "extensions": {"errorClass": "BAD_REQUEST"}}]});
    let partial = json!({"data": {"actor": {"account": {"q0": result(&json!([{"count": 0}]), 0, 0)}}}, "errors": [{"message": "Timed out"}]});
    let timed_out = json!({"data": {"actor": {"account": {"q0": null}}}, "errors": [{"message": "Timed out", "extensions": {"errorClass": "TIMEOUT"}}]});
    let rows = [
        ("an error inside a 200", refused.to_string()),
        ("an error beside a result", partial.to_string()),
        ("a time-out inside a 200", timed_out.to_string()),
        (
            "errors that are no list",
            json!({"errors": "no"}).to_string(),
        ),
        (
            "no account",
            json!({"data": {"actor": {"account": null}}}).to_string(),
        ),
        (
            "a null query",
            json!({"data": {"actor": {"account": {"q0": null}}}}).to_string(),
        ),
        ("null results", answered(&Value::Null)),
        ("no results", answered(&json!([]))),
        ("an empty row", answered(&json!([{}]))),
        ("null", answered(&json!([{"average.duration": null}]))),
        ("NaN", answered(&json!([{"percentage": "NaN"}]))),
        ("Infinity", answered(&json!([{"rate": "Infinity"}]))),
        ("a text", answered(&json!([{"latest.version": "0"}]))),
        ("true", answered(&json!([{"latest.ok": true}]))),
        (
            "two values",
            answered(&json!([{"count": 0, "average.duration": 0}])),
        ),
        (
            "two percentiles",
            answered(&json!([{"percentile.duration": {"95": 0, "99": 0}}])),
        ),
        ("two rows", answered(&json!([{"count": 0}, {"count": 0}]))),
        (
            "facets",
            answered(
                &json!([{"facet": "1.0", "version": "1.0", "count": 0}, {"facet": "1.1", "version": "1.1", "count": 0}]),
            ),
        ),
        (
            "one facet",
            answered(&json!([{"facet": "1.0", "count": 0}])),
        ),
        (
            "a time series",
            answered(&json!([{"beginTimeSeconds": 0, "endTimeSeconds": 60, "count": 0}])),
        ),
        ("a list", answered(&json!([{"percentile.duration": [0]}]))),
        ("an event", answered(&json!([{"timestamp": 1}]))),
        (
            "another time",
            answered(&json!([{"count": 1}])).replace("1767614280000", "1767500000000"),
        ),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = Server::always(answer(200, "", body));
        let reading = ask(&server.url, SECOND * 30).await;
        assert!(!matches!(reading, Reading::Value(_)), "{name}: {reading:?}");
        lines.push(format!("{name}: {}", shown(&reading, &server.url)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    an error inside a 200: unavailable: URL refused the query: NRQL Syntax Error: ***
    an error beside a result: unavailable: URL refused the query: Timed out
    a time-out inside a 200: unavailable: URL refused the query: Timed out
    errors that are no list: unavailable: URL refused the query: errors without a message
    no account: unavailable: URL answered with something that is no result of a query
    a null query: unavailable: URL answered with something that is no result of a query
    null results: no data: no results
    no results: no data: no results: the query matches nothing
    an empty row: no data: a row without a value
    null: no data: null: nothing was measured
    NaN: no data: NaN: nothing divided by nothing, often no traffic
    Infinity: no data: infinite: something divided by nothing
    a text: no data: something else than a number
    true: no data: something else than a number
    two values: no data: 2 values where one number was wanted
    two percentiles: no data: 2 values where one number was wanted
    two rows: no data: 2 rows where one number was wanted
    facets: no data: 2 facets where one number was wanted; leave `FACET` out
    one facet: no data: 1 facets where one number was wanted; leave `FACET` out
    a time series: no data: a time series where one number was wanted; leave `TIMESERIES` out
    a list: no data: something else than a number
    an event: no data: an event where one number was wanted; ask for a function, such as `count(*)`
    another time: no data: New Relic answered about another time than was asked for
    ");
}

#[tokio::test]
async fn one_row_with_one_number_is_a_value() {
    let rows = [
        (json!([{"count": 1_000}]), 1_000.0),
        (json!([{"percentage": 0}]), 0.0),
        (json!([{"percentile.duration": {"95": 0.25}}]), 0.25),
        (json!([{"errors": -1.5e-9}]), -1.5e-9),
    ];
    for (results, value) in rows {
        let server = Server::always(answer(200, "", answered(&results)));
        match ask(&server.url, SECOND * 30).await {
            Reading::Value(sample) => assert_eq!(sample.value, value),
            other => panic!("{results}: {other:?}"),
        }
        let requests = server.requests();
        let request = requests[0].as_str();
        assert!(request.starts_with("POST /graphql "), "{request}");
        assert!(request.contains(&format!("\r\napi-key: {TOKEN}\r\n")));
        let body = request.rsplit("\r\n\r\n").next().unwrap();
        assert!(!body.contains(TOKEN));
        insta::allow_duplicates! {
            insta::assert_snapshot!(body, @r#"{"query":"query($account: Int!, $q0: Nrql!) { actor { account(id: $account) { q0: nrql(query: $q0, timeout: 30) { results metadata { timeWindow { begin end } } } } } }","variables":{"account":1234567,"q0":"SELECT percentage(count(*), WHERE error) FROM Transaction SINCE 1767613980000 UNTIL 1767614280000"}}"#);
        }
    }
}

#[tokio::test]
async fn a_sum_is_of_exactly_the_window_that_was_asked_for() {
    let begin = |second| (now() - TimeDelta::seconds(second)).timestamp_millis();
    let two = |first: Value, second: Value| {
        json!({"data": {"actor": {"account": {"q0": first, "q1": second}}}}).to_string()
    };
    let count = |number: Value, from: i64, to: i64| {
        result(&json!([{"count": number}]), begin(from), begin(to))
    };
    let whole = count(json!(7), 60, 30);
    let rows = [
        ("two windows", two(count(json!(5), 90, 60), whole.clone())),
        ("none", two(count(json!(0), 90, 60), whole.clone())),
        ("null", two(count(Value::Null, 90, 60), whole.clone())),
        ("moved", two(count(json!(5), 120, 60), whole.clone())),
        ("longer", two(count(json!(5), 90, 59), whole.clone())),
        (
            "of no time",
            two(json!({"results": [{"count": 5}]}), whole.clone()),
        ),
        ("negative", two(count(json!(-1), 90, 60), whole.clone())),
        (
            "a facet",
            two(
                result(&json!([{"facet": "a", "count": 5}]), begin(90), begin(60)),
                whole,
            ),
        ),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = Server::always(answer(200, "", body));
        let found = sums(&server.url, SECOND * 30).await;
        let found: Vec<String> = found.iter().map(|it| sum_shown(it, &server.url)).collect();
        lines.push(format!("{name}: {}", found.join(" | ")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    two windows: sum 5 | sum 7
    none: nothing: the query counts nothing | sum 7
    null: nothing: the query counts nothing | sum 7
    moved: no data: New Relic moved the window; `bucket` of `providers.newrelic` may be what it adds up by | sum 7
    longer: no data: New Relic moved the window; `bucket` of `providers.newrelic` may be what it adds up by | sum 7
    of no time: no data: an answer that does not say of which time | sum 7
    negative: no data: -1 where a count was wanted | sum 7
    a facet: no data: 1 facets where one number was wanted; leave `FACET` out | sum 7
    ");
}

#[tokio::test]
async fn no_key_reaches_another_origin() {
    let other = Server::always(answer(200, "", answered(&json!([{"count": 0}]))));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/graphql\r\n", other.url);
        let server = Server::always(answer(status, &location, ""));
        let reading = ask(&server.url, SECOND * 30).await;
        assert!(matches!(reading, Reading::Unavailable(_)), "{status}");
    }
    assert_eq!(other.requests(), Vec::<String>::new());
}
