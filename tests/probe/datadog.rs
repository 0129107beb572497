//! Datadog: one number or a sum, or a reason: every answer that is not exactly that.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Url;
use serde_json::{Value, json};
use shipgate::{
    analysis::Reading,
    clock::{Clock, ManualClock},
    probe::{
        WindowReading,
        datadog::{self, Api, Endpoint},
    },
    secret::Secret,
};

use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer, nobody},
};

const APP_KEY: &str = "hunter2-app-key";
const ALL: [Api; 3] = [Api::V1, Api::Timeseries, Api::Scalar];

pub fn endpoint(url: &str, api: Api) -> Endpoint {
    Endpoint {
        url: Url::parse(url).unwrap(),
        api_key: Secret::new(TOKEN),
        app_key: Secret::new(APP_KEY),
        api,
        window: Duration::from_secs(300),
        bucket: Duration::from_secs(10),
        settle: Duration::from_secs(60),
    }
}

async fn ask(url: &str, api: Api, timeout: Duration) -> Reading {
    let clock = ManualClock::at(now());
    let query = "avg:latency{service:ads}";
    datadog::number(&client(), &clock, &endpoint(url, api), query, timeout).await
}

/// Bounds of three windows of half a minute.
fn bounds() -> Vec<DateTime<Utc>> {
    let second = |second| now() - TimeDelta::seconds(second);
    vec![second(150), second(120), second(90), second(60)]
}

async fn sums(url: &str, timeout: Duration) -> Vec<WindowReading> {
    let clock = ManualClock::at(now());
    let query = "sum:hits{service:ads}.as_count()";
    let endpoint = endpoint(url, Api::V1);
    datadog::sums(&client(), &clock, &endpoint, query, &bounds(), timeout).await
}

/// Prints a reading, after a look for what must not be in it.
pub fn line(text: &str, url: &str) -> String {
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

fn shown(reading: &Reading, url: &str) -> String {
    let text = match reading {
        Reading::Value(sample) => format!("value {} at {}", sample.value, sample.at),
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

/// Milliseconds of [`now`], and seconds before it.
fn before(seconds: i64) -> i64 {
    (now() - TimeDelta::seconds(seconds)).timestamp_millis()
}

fn series(points: &Value) -> Value {
    json!({"interval": 10, "pointlist": points})
}

fn v1(series: &[Value]) -> String {
    json!({"status": "ok", "series": series}).to_string()
}

fn v2(times: &Value, values: &Value, series: &Value) -> String {
    json!({"data": {"attributes": {"times": times, "values": values, "series": series}}})
        .to_string()
}

fn columns(columns: &Value) -> String {
    json!({"data": {"attributes": {"columns": columns}}}).to_string()
}

/// An answer that is good for an API.
fn good(api: Api) -> String {
    match api {
        Api::V1 => v1(&[series(&json!([[before(70), 0.0]]))]),
        Api::Timeseries => v2(&json!([before(70)]), &json!([[0.0]]), &json!([{}])),
        Api::Scalar => columns(&json!([{"type": "number", "values": [0.0]}])),
    }
}

#[tokio::test]
async fn a_broken_datadog_never_gives_a_number() {
    let mut lines = Vec::new();
    for api in ALL {
        for (name, behaviour) in faults(&good(api)) {
            let timeout = patience(&behaviour);
            let server = Server::always(behaviour);
            let reading = ask(&server.url, api, timeout).await;
            assert!(!matches!(reading, Reading::Value(_)), "{name}: {reading:?}");
            let shown = shown(&reading, &server.url);
            if api == Api::V1 {
                lines.push(format!("{name}: {shown}"));
            }
        }
    }
    for (name, behaviour) in faults(&good(Api::V1)) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        for reading in sums(&server.url, timeout).await {
            let unavailable = matches!(reading, WindowReading::Unavailable(_));
            assert!(unavailable, "{name}: {reading:?}");
            sum_shown(&reading, &server.url);
        }
    }
    let url = nobody();
    let refused = ask(&url, Api::V1, SECOND).await;
    lines.push(format!("refused: {}", shown(&refused, &url)));
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
    null: unavailable: URL answered with something that is no series of points
    a list: unavailable: URL answered with something that is no series of points
    a text: unavailable: URL answered with something that is no series of points
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
async fn odd_answers_are_no_number_and_never_zero() {
    let point = json!([[before(70), 0.0]]);
    let error = format!("invalid query, your key {TOKEN} is fine");
    let text = |points: Value| v1(&[series(&points)]);
    let wide = json!({"interval": 600, "pointlist": point});
    let rows = [
        (
            Api::V1,
            "an error inside a 200",
            json!({"status": "error", "error": error, "series": []}).to_string(),
        ),
        (
            Api::V1,
            "errors inside a 200",
            json!({"errors": ["oops"], "status": "ok", "series": [series(&point)]}).to_string(),
        ),
        (
            Api::V1,
            "another status",
            v1(&[series(&point)]).replace("\"ok\"", "\"partial\""),
        ),
        (Api::V1, "no series", v1(&[])),
        (Api::V1, "two series", v1(&[series(&point), series(&point)])),
        (
            Api::V1,
            "null series",
            json!({"status": "ok", "series": null}).to_string(),
        ),
        (Api::V1, "no points", text(json!([]))),
        (Api::V1, "null", text(json!([[before(70), null]]))),
        (Api::V1, "a text", text(json!([[before(70), "0"]]))),
        (Api::V1, "NaN", text(json!([[before(70), "NaN"]]))),
        (Api::V1, "a short point", text(json!([[before(70)]]))),
        (Api::V1, "a point without a time", text(json!([[null, 0]]))),
        (
            Api::V1,
            "the unfinished bucket only",
            text(json!([[before(65), 0.0]])),
        ),
        (Api::V1, "of the future", text(json!([[before(-60), 0.0]]))),
        (Api::V1, "stale", text(json!([[before(371), 0.0]]))),
        (
            Api::V1,
            "no width",
            json!({"status": "ok", "series": [{"pointlist": point}]}).to_string(),
        ),
        (
            Api::V1,
            "a width of 0",
            json!({"status": "ok", "series": [{"interval": 0, "pointlist": point}]}).to_string(),
        ),
        (
            Api::V1,
            "wider than the window",
            json!({"status": "ok", "series": [wide]}).to_string(),
        ),
        (
            Api::Timeseries,
            "errors inside a 200",
            json!({"errors": "bad formula"}).to_string(),
        ),
        (
            Api::Timeseries,
            "no series",
            v2(&json!([]), &json!([]), &json!([])),
        ),
        (
            Api::Timeseries,
            "two series",
            v2(&json!([before(70)]), &json!([[0], [0]]), &json!([{}, {}])),
        ),
        (
            Api::Timeseries,
            "null",
            v2(&json!([before(70)]), &json!([[null]]), &json!([{}])),
        ),
        (
            Api::Timeseries,
            "fewer numbers than times",
            v2(
                &json!([before(80), before(70)]),
                &json!([[0]]),
                &json!([{}]),
            ),
        ),
        (
            Api::Timeseries,
            "the unfinished bucket only",
            v2(&json!([before(60)]), &json!([[0]]), &json!([{}])),
        ),
        (
            Api::Timeseries,
            "no data",
            json!({"data": null}).to_string(),
        ),
        (
            Api::Scalar,
            "errors inside a 200",
            json!({"errors": [{"detail": "no"}]}).to_string(),
        ),
        (Api::Scalar, "no columns", columns(&json!([]))),
        (
            Api::Scalar,
            "a group and no number",
            columns(&json!([{"type": "group", "values": [["v1"]]}])),
        ),
        (
            Api::Scalar,
            "two groups",
            columns(
                &json!([{"type": "group", "values": [["v1"], ["v2"]]}, {"type": "number", "values": [0, 0]}]),
            ),
        ),
        (
            Api::Scalar,
            "two numbers",
            columns(&json!([{"type": "number", "values": [0]}, {"type": "number", "values": [0]}])),
        ),
        (
            Api::Scalar,
            "no number",
            columns(&json!([{"type": "number", "values": []}])),
        ),
        (
            Api::Scalar,
            "null",
            columns(&json!([{"type": "number", "values": [null]}])),
        ),
        (
            Api::Scalar,
            "a text",
            columns(&json!([{"type": "number", "values": ["0"]}])),
        ),
    ];
    let mut lines = Vec::new();
    for (api, name, body) in rows {
        let server = Server::always(answer(200, "", body));
        let reading = ask(&server.url, api, SECOND * 30).await;
        assert!(!matches!(reading, Reading::Value(_)), "{name}: {reading:?}");
        lines.push(format!("{api:?}, {name}: {}", shown(&reading, &server.url)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    V1, an error inside a 200: unavailable: URL refused the query: invalid query, your key *** is fine
    V1, errors inside a 200: unavailable: URL refused the query: oops
    V1, another status: unavailable: URL answered with something that is no series of points
    V1, no series: no data: no series: the query matches nothing
    V1, two series: no data: 2 series where one was wanted; aggregate them, without `by {…}`
    V1, null series: unavailable: URL answered with something that is no series of points
    V1, no points: no data: no finished point in the last 5m
    V1, null: no data: null: no point of the last 5m has a number
    V1, a text: unavailable: URL answered with something that is no series of points
    V1, NaN: unavailable: URL answered with something that is no series of points
    V1, a short point: unavailable: URL answered with something that is no series of points
    V1, a point without a time: unavailable: URL answered with something that is no series of points
    V1, the unfinished bucket only: no data: no finished point in the last 5m
    V1, of the future: no data: no finished point in the last 5m
    V1, stale: no data: no finished point in the last 5m
    V1, no width: unavailable: URL answered with something that is no series of points
    V1, a width of 0: unavailable: URL answered with something that is no series of points
    V1, wider than the window: no data: no finished point in the last 5m
    Timeseries, errors inside a 200: unavailable: URL refused the query: bad formula
    Timeseries, no series: no data: no series: the query matches nothing
    Timeseries, two series: no data: 2 series where one was wanted; aggregate them, without `by {…}`
    Timeseries, null: no data: null: no point of the last 5m has a number
    Timeseries, fewer numbers than times: unavailable: URL answered with something that is no series of points
    Timeseries, the unfinished bucket only: no data: no finished point in the last 5m
    Timeseries, no data: unavailable: URL answered with something that is no series of points
    Scalar, errors inside a 200: unavailable: URL refused the query: no
    Scalar, no columns: no data: no series: the query matches nothing
    Scalar, a group and no number: no data: no series: the query matches nothing
    Scalar, two groups: no data: 2 series where one was wanted; aggregate them, without `by {…}`
    Scalar, two numbers: no data: 2 series where one was wanted; aggregate them, without `by {…}`
    Scalar, no number: no data: no series: the query matches nothing
    Scalar, null: no data: null: nothing was measured, or nothing divided by nothing
    Scalar, a text: unavailable: URL answered with something that is no column of numbers
    ");
}

#[tokio::test]
async fn the_newest_finished_point_is_the_number() {
    let points = json!([
        [before(90), 1.0],
        [before(80), 2.0],
        [before(70), null],
        [before(60), 9.0],
        [before(50), null]
    ]);
    let times = json!([before(90), before(80), before(70), before(60), before(50)]);
    let values = json!([[1.0, 2.0, null, 9.0, null]]);
    let rows = [
        (Api::V1, v1(&[series(&points)])),
        (Api::Timeseries, v2(&times, &values, &json!([{}]))),
        (
            Api::Scalar,
            columns(
                &json!([{"type": "group", "values": [["v1"]]}, {"type": "number", "values": [2]}]),
            ),
        ),
    ];
    let mut lines = Vec::new();
    for (api, body) in rows {
        let server = Server::always(answer(200, "", body));
        let reading = ask(&server.url, api, SECOND * 30).await;
        lines.push(format!("{api:?}: {}", shown(&reading, &server.url)));
        let requests = server.requests();
        let request = requests[0]
            .replace(TOKEN, "(API)")
            .replace(APP_KEY, "(APP)");
        let mut kept: Vec<&str> = request
            .lines()
            .filter(|line| {
                !line.contains("host:") && !line.contains("user-agent") && !line.is_empty()
            })
            .collect();
        kept.sort_unstable();
        lines.extend(kept.iter().map(|line| format!("    {line}")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    V1: value 2 at 2026-01-05 11:58:50 UTC
        GET /api/v1/query?from=1767614040&to=1767614340&query=avg%3Alatency%7Bservice%3Aads%7D HTTP/1.1
        accept-encoding: gzip
        accept: application/json
        content-type: application/json
        dd-api-key: (API)
        dd-application-key: (APP)
    Timeseries: value 2 at 2026-01-05 11:58:50 UTC
        POST /api/v2/query/timeseries HTTP/1.1
        accept-encoding: gzip
        accept: application/json
        content-length: 225
        content-type: application/json
        dd-api-key: (API)
        dd-application-key: (APP)
        {"data":{"type":"timeseries_request","attributes":{"from":1767614040000,"to":1767614340000,"formulas":[{"formula":"q0"}],"queries":[{"name":"q0","data_source":"metrics","query":"avg:latency{service:ads}"}],"interval":10000}}}
    Scalar: value 2 at 2026-01-05 11:59:00 UTC
        POST /api/v2/query/scalar HTTP/1.1
        accept-encoding: gzip
        accept: application/json
        content-length: 223
        content-type: application/json
        dd-api-key: (API)
        dd-application-key: (APP)
        {"data":{"type":"scalar_request","attributes":{"from":1767614040000,"to":1767614340000,"formulas":[{"formula":"q0"}],"queries":[{"name":"q0","aggregator":"avg","data_source":"metrics","query":"avg:latency{service:ads}"}]}}}
    "#);
}

#[tokio::test]
async fn sums_are_of_whole_buckets_that_begin_in_a_window() {
    let text = |points: Value| v1(&[series(&points)]);
    let whole = json!([
        [before(160), 1e6],
        [before(150), 1.0],
        [before(140), 2.0],
        [before(130), null],
        [before(120), 4.0],
        [before(100), null],
        [before(90), null],
        [before(60), 1e6]
    ]);
    let rows = [
        ("three windows", text(whole)),
        ("no series", v1(&[])),
        ("all null", text(json!([[before(150), null]]))),
        ("zeros", text(json!([[before(150), 0.0]]))),
        ("two series", v1(&[series(&json!([])), series(&json!([]))])),
        ("a negative count", text(json!([[before(150), -1.0]]))),
        ("between two buckets", text(json!([[before(145), 1.0]]))),
        (
            "wider buckets",
            json!({"status": "ok", "series": [{"interval": 20, "pointlist": [[before(140), 1]]}]})
                .to_string(),
        ),
        (
            "an error inside a 200",
            json!({"status": "error", "error": "oops", "series": []}).to_string(),
        ),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = Server::always(answer(200, "", body));
        let found = sums(&server.url, SECOND * 30).await;
        let found: Vec<String> = found.iter().map(|it| sum_shown(it, &server.url)).collect();
        lines.push(format!("{name}: {}", found.join(" | ")));
        assert!(server.requests()[0].contains("as_count%28%29.rollup%28sum%2C+10%29"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    three windows: sum 3 | sum 4 | nothing: no bucket has a number
    no series: nothing: no series: the query matches nothing | nothing: no series: the query matches nothing | nothing: no series: the query matches nothing
    all null: nothing: no bucket has a number | nothing: no bucket has a number | nothing: no bucket has a number
    zeros: sum 0 | nothing: no bucket has a number | nothing: no bucket has a number
    two series: no data: 2 series where one was wanted; aggregate them, without `by {…}` | no data: 2 series where one was wanted; aggregate them, without `by {…}` | no data: 2 series where one was wanted; aggregate them, without `by {…}`
    a negative count: no data: -1 in a bucket where a count was wanted | no data: -1 in a bucket where a count was wanted | no data: -1 in a bucket where a count was wanted
    between two buckets: no data: a bucket that begins between two of them | no data: a bucket that begins between two of them | no data: a bucket that begins between two of them
    wider buckets: no data: buckets of 20s where 10s was asked for; `bucket` of `providers.datadog` may be that | no data: buckets of 20s where 10s was asked for; `bucket` of `providers.datadog` may be that | no data: buckets of 20s where 10s was asked for; `bucket` of `providers.datadog` may be that
    an error inside a 200: unavailable: URL refused the query: oops | unavailable: URL refused the query: oops | unavailable: URL refused the query: oops
    ");
}

#[tokio::test]
async fn a_long_time_is_asked_for_in_parts_of_300_buckets() {
    let server = Server::always(answer(200, "", v1(&[])));
    let clock = ManualClock::at(now());
    let bounds = [now() - TimeDelta::seconds(9_000), now()];
    let endpoint = endpoint(&server.url, Api::V1);
    let query = "sum:a{*}.as_count()";
    datadog::sums(&client(), &clock, &endpoint, query, &bounds, SECOND * 30).await;
    let asked = server.requests().len();
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn datadog_is_asked_again_when_its_limit_is_reset() {
    // Seconds until then, how often it is asked within 30 seconds.
    for (reset, asked, waited) in [("7", 2, 7), ("3600", 1, 0)] {
        let limit = format!("x-ratelimit-reset: {reset}\r\n");
        let server = Server::with(move |number, _| match number {
            0 => answer(429, &limit, "{}"),
            _ => answer(200, "", good(Api::V1)),
        });
        let clock = ManualClock::at(now());
        let endpoint = endpoint(&server.url, Api::V1);
        let reading = datadog::number(&client(), &clock, &endpoint, "avg:a{*}", SECOND * 30).await;
        assert_eq!(server.requests().len(), asked, "{reading:?}");
        assert_eq!((clock.now() - now()).num_seconds(), waited);
        assert_eq!(matches!(reading, Reading::Value(_)), asked == 2);
    }
}

#[tokio::test]
async fn no_key_reaches_another_origin() {
    let other = Server::always(answer(200, "", good(Api::V1)));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/api/v1/query\r\n", other.url);
        let server = Server::always(answer(status, &location, good(Api::V1)));
        for api in ALL {
            let reading = ask(&server.url, api, SECOND * 30).await;
            assert!(matches!(reading, Reading::Unavailable(_)), "{status}");
        }
        for reading in sums(&server.url, SECOND * 30).await {
            assert!(matches!(reading, WindowReading::Unavailable(_)), "{status}");
        }
    }
    assert_eq!(other.requests(), Vec::<String>::new());
}
