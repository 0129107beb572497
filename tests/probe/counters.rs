//! Raw counters from servers that answer anything but counters.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{join, poll_immediate};
use reqwest::Url;
use shipgate::{
    analysis::counters::{CounterReading, Snapshot},
    clock::ManualClock,
    probe::prometheus::{self, Auth, Batch, Endpoint},
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

fn result(kind: &str, result: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#)
}

/// A vector of one series of [`now`].
fn vector(value: &str) -> String {
    let at = now().timestamp();
    result(
        "vector",
        &format!(r#"[{{"metric":{{"__name__":"x_total","pod":"a"}},"value":[{at},{value}]}}]"#),
    )
}

async fn ask(url: &str, timeout: Duration) -> CounterReading {
    let clock = ManualClock::at(now());
    prometheus::counters(&client(), &clock, &endpoint(url), "x", Some(now()), timeout).await
}

async fn ask_between(
    url: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: Duration,
    timeout: Duration,
) -> Result<Vec<Snapshot>, CounterReading> {
    let clock = ManualClock::at(now());
    let endpoint = endpoint(url);
    prometheus::counters_between(&client(), &clock, &endpoint, "x", from, to, step, timeout).await
}

/// Prints a reading, after a look for what must not be in it.
fn line(reading: &CounterReading, url: &str) -> String {
    let text = match reading {
        CounterReading::Snapshot(snapshot) => format!("{:?}", snapshot.series),
        CounterReading::NoData(reason) => format!("no data: {reason}"),
        CounterReading::Unavailable(reason) => format!("unavailable: {reason}"),
    };
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

fn is_snapshot(reading: &CounterReading) -> bool {
    matches!(reading, CounterReading::Snapshot(_))
}

#[tokio::test]
async fn a_broken_server_gives_no_counters() {
    let mut lines = Vec::new();
    for (name, behaviour) in faults(&vector("\"0\"")) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let reading = ask(&server.url, timeout).await;
        assert!(!is_snapshot(&reading), "{name}: {reading:?}");
        let range = ask_between(&server.url, now(), now(), SECOND, timeout).await;
        assert_eq!(range, Err(reading.clone()), "{name}");
        lines.push(format!("{name}: {}", line(&reading, &server.url)));
    }
    let url = nobody();
    lines.push(format!("refused: {}", line(&ask(&url, SECOND).await, &url)));
    insta::assert_snapshot!(lines.join("\n"), @r"
    closed: unavailable: URL did not answer: connection closed before message completed
    hanging: unavailable: URL did not answer within 500ms
    dripping: unavailable: URL did not answer within 500ms
    endless: no data: an answer of more than 8 MiB; aggregate away a label of many values: `sum without (path) (…)`, but keep `instance` or `pod`
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
    large: no data: an answer of more than 8 MiB; aggregate away a label of many values: `sum without (path) (…)`, but keep `instance` or `pod`
    a bomb: no data: an answer of more than 8 MiB; aggregate away a label of many values: `sum without (path) (…)`, but keep `instance` or `pod`
    no gzip: unavailable: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unavailable: URL answered with something that is no query result
    refused: unavailable: URL did not answer: tcp connect error: Connection refused
    ");
}

#[tokio::test]
async fn what_is_no_counter_is_no_data_and_never_zero() {
    let at = now().timestamp();
    let late = now().timestamp() - 301;
    let series = |text: &str| result("vector", &format!("[{text}]"));
    let twice = format!(
        r#"{{"metric":{{"__name__":"a","pod":"x\"\u001b"}},"value":[{at},"1"]}},{{"metric":{{"__name__":"b","pod":"x\"\u001b"}},"value":[{at},"1"]}}"#
    );
    let many = (0..20_001)
        .map(|number| {
            format!(r#"{{"metric":{{"path":"/{number}","pod":"{number}"}},"value":[{at},"1"]}}"#)
        })
        .collect::<Vec<_>>()
        .join(",");
    let rows = [
        ("NaN", vector("\"NaN\"")),
        ("+Inf", vector("\"+Inf\"")),
        ("less than 0", vector("\"-1\"")),
        ("a null value", vector("null")),
        ("a number that is no text", vector("7")),
        ("a text value", vector("\"zero\"")),
        (
            "a native histogram",
            series(&format!(
                r#"{{"metric":{{}},"histogram":[{at},{{"count":"1","sum":"1"}}]}}"#
            )),
        ),
        ("no value", series(r#"{"metric":{}}"#)),
        ("no labels", series(&format!(r#"{{"value":[{at},"1"]}}"#))),
        (
            "a label of a number",
            series(&format!(r#"{{"metric":{{"a":1}},"value":[{at},"1"]}}"#)),
        ),
        ("the same labels twice", series(&twice)),
        ("too many", series(&many)),
        (
            "stale",
            vector("\"1\"").replace(&at.to_string(), &late.to_string()),
        ),
        (
            "out of time",
            vector("\"1\"").replace(&at.to_string(), "1e300"),
        ),
        (
            "a range",
            result("matrix", r#"[{"metric":{},"values":[[1,"0"]]}]"#),
        ),
        ("a number", result("scalar", r#"[1,"0"]"#)),
        ("a text", result("string", r#"[1,"0"]"#)),
        ("a new kind", result("tensor", "[]")),
        ("a null result", result("vector", "null")),
        ("no data", r#"{"status":"success"}"#.to_owned()),
        (
            "an error",
            format!(r#"{{"status":"error","errorType":"execution","error":"boom {TOKEN}"}}"#),
        ),
        (
            "a warning",
            vector("\"0\"").replace("\"data\"", r#""warnings":["store 7 is away"],"data""#),
        ),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = Server::always(answer(200, "", body));
        let reading = ask(&server.url, SECOND * 30).await;
        assert!(!is_snapshot(&reading), "{name}: {reading:?}");
        lines.push(format!("{name}: {}", line(&reading, &server.url)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    NaN: no data: NaN: no counter has that value; series {pod="a"}
    +Inf: no data: infinite: no counter has that value; series {pod="a"}
    less than 0: no data: less than 0: no counter has that value; series {pod="a"}
    a null value: unavailable: URL answered with something that is no query result
    a number that is no text: unavailable: URL answered with something that is no query result
    a text value: unavailable: URL answered with something that is no query result
    a native histogram: no data: a native histogram where a counter was wanted; series {}
    no value: unavailable: URL answered with something that is no query result
    no labels: unavailable: URL answered with something that is no query result
    a label of a number: unavailable: URL answered with something that is no query result
    the same labels twice: no data: several series with the labels {pod="x\" "}: name one metric
    too many: no data: 20001 series, more than 20000; aggregate away a label of many values: `sum without (path) (…)`, but keep `instance` or `pod`
    stale: no data: stale: the sample is of 2026-01-05T11:54:59+00:00, 5m1s from the time asked for
    out of time: unavailable: URL answered with something that is no query result
    a range: no data: a range of samples where counters were wanted: take `[…]` away
    a number: no data: a number where counters were wanted
    a text: no data: a text where counters were wanted
    a new kind: unavailable: URL answered with something that is no query result
    a null result: unavailable: URL answered with something that is no query result
    no data: unavailable: URL answered without data
    an error: unavailable: URL did not succeed: execution: boom ***
    a warning: no data: an answer with a warning: store 7 is away
    "#);
}

#[tokio::test]
async fn counters_are_named_by_their_labels() {
    let at = now().timestamp();
    let body = result(
        "vector",
        &format!(
            r#"[{{"metric":{{"pod":"a","__name__":"x","le":"0.5"}},"value":[{at},"-0"]}},{{"metric":{{}},"value":[{at},"1e+21"]}},{{"metric":{{"path":"a\",\n\\"}},"value":[{at},"2.5"]}}]"#
        ),
    );
    for body in [body, result("vector", "[]")] {
        let server = Server::always(answer(200, "", body));
        let CounterReading::Snapshot(snapshot) = ask(&server.url, SECOND * 30).await else {
            panic!("a snapshot");
        };
        assert_eq!(snapshot.at, now());
        let names: Vec<_> = snapshot
            .series
            .iter()
            .map(|(name, value)| format!("{{{name}}} {value}"))
            .collect();
        if !names.is_empty() {
            insta::assert_snapshot!(names.join("\n"), @r#"
            {} 1000000000000000000000
            {le="0.5",pod="a"} 0
            {path="a\",\n\\"} 2.5
            "#);
        }
    }
}

#[tokio::test]
async fn a_range_that_is_not_the_one_asked_for_is_refused() {
    let at = now().timestamp();
    let matrix = |values: &str| {
        result(
            "matrix",
            &format!(r#"[{{"metric":{{}},"values":[{values}]}}]"#),
        )
    };
    let rows = [
        ("of other times", matrix(&format!(r#"[{},"1"]"#, at + 1))),
        ("before it", matrix(&format!(r#"[{},"1"]"#, at - 15))),
        ("after it", matrix(&format!(r#"[{},"1"]"#, at + 60))),
        (
            "the same time twice",
            matrix(&format!(r#"[{at},"1"],[{at},"1"]"#)),
        ),
        (
            "NaN among others",
            matrix(&format!(r#"[{at},"1"],[{},"NaN"]"#, at + 15)),
        ),
        (
            "histograms",
            result("matrix", r#"[{"metric":{},"histograms":[[1,{}]]}]"#),
        ),
        ("one instant", vector("\"1\"")),
    ];
    let step = SECOND * 15;
    let until = now() + TimeDelta::seconds(45);
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = Server::always(answer(200, "", body));
        let refused = ask_between(&server.url, now(), until, step, SECOND * 30).await;
        lines.push(format!(
            "{name}: {}",
            line(&refused.unwrap_err(), &server.url)
        ));
    }
    let url = nobody();
    for (name, until, step) in [
        ("no step", until, Duration::ZERO),
        ("an odd step", until, Duration::from_micros(1_500)),
        ("a long range", now() + TimeDelta::days(9), SECOND),
    ] {
        let refused = ask_between(&url, now(), until, step, SECOND).await;
        lines.push(format!("{name}: {}", line(&refused.unwrap_err(), &url)));
    }
    let backwards = ask_between(&url, now(), now() - TimeDelta::days(1), SECOND, SECOND).await;
    assert_eq!(backwards, Ok(Vec::new()));
    insta::assert_snapshot!(lines.join("\n"), @r"
    of other times: no data: a sample of 2026-01-05T12:00:01+00:00, which was not asked for: does the server move the times of a range?
    before it: no data: a sample of 2026-01-05T11:59:45+00:00, which was not asked for: does the server move the times of a range?
    after it: no data: a sample of 2026-01-05T12:01:00+00:00, which was not asked for: does the server move the times of a range?
    the same time twice: no data: several series with the labels {}: name one metric
    NaN among others: no data: NaN: no counter has that value; series {}
    histograms: no data: a native histogram where a counter was wanted; series {}
    one instant: no data: one instant where a range was wanted
    no step: no data: a step of a range is a whole number of milliseconds
    an odd step: no data: a step of a range is a whole number of milliseconds
    a long range: no data: a range of more than 100000 instants; ask for a shorter one or a longer interval
    ");
}

#[tokio::test]
async fn a_gap_stays_a_gap() {
    let at = now().timestamp();
    let body = result(
        "matrix",
        &format!(
            r#"[{{"metric":{{"pod":"a"}},"values":[[{at},"1"],[{},"3"]]}},{{"metric":{{"pod":"b"}},"values":[[{},"7"]]}}]"#,
            at + 30,
            at + 30
        ),
    );
    let server = Server::always(answer(200, "", body));
    let until = now() + TimeDelta::seconds(50);
    let snapshots = ask_between(&server.url, now(), until, SECOND * 15, SECOND * 30)
        .await
        .unwrap();
    let lines: Vec<String> = snapshots
        .iter()
        .map(|snapshot| {
            format!(
                "{}: {:?}",
                (snapshot.at - now()).num_seconds(),
                snapshot.series
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    0: {"pod=\"a\"": 1.0}
    15: {}
    30: {"pod=\"a\"": 3.0, "pod=\"b\"": 7.0}
    45: {}
    "#);
    let request = server.requests().remove(0);
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /api/v1/query_range HTTP/1.1\r\n"),
        "{head}"
    );
    insta::assert_snapshot!(form, @"query=x&start=2026-01-05T12%3A00%3A00%2B00%3A00&end=2026-01-05T12%3A00%3A45%2B00%3A00&step=15000ms&timeout=30000ms");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_asked_for_in_parts() {
    // Every answer for more than two instants is too large.
    let server = Server::with(|_, request| {
        let field = |name: &str| -> DateTime<Utc> {
            let form = request.split_once("\r\n\r\n").unwrap().1;
            let (_, value) = url::form_urlencoded::parse(form.as_bytes())
                .find(|(found, _)| found == name)
                .unwrap();
            value.parse().unwrap()
        };
        let (from, until) = (field("start").timestamp(), field("end").timestamp());
        if until > from + 15 {
            return answer(200, "", vec![b' '; 9 * 1024 * 1024]);
        }
        let values = format!(r#"[{{"metric":{{}},"values":[[{from},"1"],[{until},"1"]]}}]"#);
        let once = format!(r#"[{{"metric":{{}},"values":[[{from},"1"]]}}]"#);
        answer(
            200,
            "",
            result("matrix", if from == until { &once } else { &values }),
        )
    });
    let until = now() + TimeDelta::seconds(15 * 4);
    let snapshots = ask_between(&server.url, now(), until, SECOND * 15, SECOND * 30)
        .await
        .unwrap();
    assert_eq!(snapshots.len(), 5);
    assert!(snapshots.iter().all(|snapshot| snapshot.series.len() == 1));
    let whole = Server::always(answer(200, "", vec![b' '; 9 * 1024 * 1024]));
    let refused = ask_between(&whole.url, now(), until, SECOND * 15, SECOND * 30).await;
    insta::assert_snapshot!(line(&refused.unwrap_err(), &whole.url), @"no data: an answer of more than 8 MiB; aggregate away a label of many values: `sum without (path) (…)`, but keep `instance` or `pod`");
}

/// Asks for two versions at once, twice, and says what came of it and what was asked.
async fn twice(behaviour: impl Fn(&str) -> Behaviour + Send + Sync + 'static) -> String {
    let query_of = |request: &str| {
        let body = request.rsplit("\r\n\r\n").next().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(body.as_bytes());
        let query = pairs.find(|(name, _)| name == "query");
        query
            .map(|(_, query)| query.into_owned())
            .unwrap_or_default()
    };
    let server = Server::with(move |_, request| behaviour(&query_of(request)));
    let clock = ManualClock::at(now());
    let endpoint = endpoint(&server.url);
    let (batch, client) = (Batch::default(), client());
    let ask = |query: &'static str| {
        batch.counters(&client, &clock, &endpoint, (query, now()), SECOND * 30)
    };
    let mut lines = Vec::new();
    for _ in 0..2 {
        let (old, new) = join(ask("x{v=\"1.0\"}"), ask("x{v=\"1.1\"}")).await;
        lines.push(format!(
            "  {}; {}",
            line(&old, &server.url),
            line(&new, &server.url)
        ));
    }
    let mut asked: Vec<String> = server.requests().iter().map(|it| query_of(it)).collect();
    // Those that are asked side by side come in any order.
    for pair in asked.rchunks_mut(2) {
        pair.sort();
    }
    lines.push(format!("  asked {}", asked.join(" ")));
    lines.join("\n")
}

#[tokio::test]
async fn what_cannot_be_asked_together_is_asked_one_by_one() {
    let at = now().timestamp();
    let series = move |versions: &[&str]| {
        let series = versions
            .iter()
            .map(|version| format!(r#"{{"metric":{{"v":"{version}"}},"value":[{at},"7"]}}"#));
        let series: Vec<String> = series.collect();
        answer(
            200,
            "",
            result("vector", &format!("[{}]", series.join(","))),
        )
    };
    let is_together = |query: &str| query.contains("=~");
    let one = move |query: &str| match query.contains("1.0") {
        true => series(&["1.0"]),
        false => series(&["1.1"]),
    };
    let rows = [
        ("both", twice(move |_| series(&["1.0", "1.1"])).await),
        (
            "one of them has none",
            twice(move |_| series(&["1.1"])).await,
        ),
        ("neither has", twice(move |_| series(&[])).await),
        (
            "a series that was not asked for",
            twice(move |query| match is_together(query) {
                true => series(&["1.0", "1.2"]),
                false => one(query),
            })
            .await,
        ),
        (
            "labels that somebody took away",
            twice(move |query| match is_together(query) {
                true => answer(200, "", vector("\"7\"")),
                false => one(query),
            })
            .await,
        ),
        (
            "refused together",
            twice(move |query| match is_together(query) {
                true => answer(
                    422,
                    "",
                    r#"{"status":"error","errorType":"execution","error":"too many samples"}"#,
                ),
                false => one(query),
            })
            .await,
        ),
        (
            "a warning together",
            twice(move |query| match is_together(query) {
                true => answer(
                    200,
                    "",
                    vector("\"7\"").replace("\"data\"", r#""warnings":["store 7 is away"],"data""#),
                ),
                false => one(query),
            })
            .await,
        ),
        (
            "another kind together",
            twice(move |query| match is_together(query) {
                true => answer(200, "", result("scalar", r#"[1,"0"]"#)),
                false => one(query),
            })
            .await,
        ),
        (
            "no answer together",
            twice(move |query| match is_together(query) {
                true => answer(500, "", ""),
                false => one(query),
            })
            .await,
        ),
        (
            "no answer at all",
            twice(move |_| answer(500, "", "")).await,
        ),
        ("no right to ask", twice(move |_| answer(401, "", "")).await),
    ];
    let lines = rows.map(|(name, lines)| format!("{name}:\n{lines}"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    both:
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v=~"1\\.0|1\\.1"}
    one of them has none:
      {}; {"v=\"1.1\"": 7.0}
      {}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v=~"1\\.0|1\\.1"}
    neither has:
      {}; {}
      {}; {}
      asked x{v=~"1\\.0|1\\.1"} x{v=~"1\\.0|1\\.1"}
    a series that was not asked for:
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"} x{v="1.0"} x{v="1.1"}
    labels that somebody took away:
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"} x{v="1.0"} x{v="1.1"}
    refused together:
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"} x{v="1.0"} x{v="1.1"}
    a warning together:
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"} x{v="1.0"} x{v="1.1"}
    another kind together:
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"} x{v="1.0"} x{v="1.1"}
    no answer together:
      unavailable: URL answered with status 500; unavailable: URL answered with status 500
      {"v=\"1.0\"": 7.0}; {"v=\"1.1\"": 7.0}
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"}
    no answer at all:
      unavailable: URL answered with status 500; unavailable: URL answered with status 500
      unavailable: URL answered with status 500; unavailable: URL answered with status 500
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"}
    no right to ask:
      unavailable: URL answered with status 401: are the credentials right?; unavailable: URL answered with status 401: are the credentials right?
      unavailable: URL answered with status 401: are the credentials right?; unavailable: URL answered with status 401: are the credentials right?
      asked x{v=~"1\\.0|1\\.1"} x{v="1.0"} x{v="1.1"} x{v="1.0"} x{v="1.1"}
    "#);
}

#[tokio::test]
async fn whoever_stops_waiting_keeps_nobody_else_from_an_answer() {
    let at = now().timestamp();
    let body = format!(
        r#"[{{"metric":{{"v":"1.0"}},"value":[{at},"1"]}},{{"metric":{{"v":"1.1"}},"value":[{at},"2"]}}]"#
    );
    let server = Server::always(answer(200, "", result("vector", &body)));
    let clock = ManualClock::at(now());
    let endpoint = endpoint(&server.url);
    let (batch, client) = (Batch::default(), client());
    let ask = |query: &'static str| {
        batch.counters(&client, &clock, &endpoint, (query, now()), SECOND * 30)
    };
    let mut first = Box::pin(ask("x{v=\"1.0\"}"));
    let mut second = Box::pin(ask("x{v=\"1.1\"}"));
    // Both have a place; the first one asks for both, and is stopped before there is an answer.
    for _ in 0..3 {
        assert_eq!(poll_immediate(&mut first).await, None);
        assert_eq!(poll_immediate(&mut second).await, None);
    }
    drop(first);
    // Its own query finds series that it has not asked for; which ones is the server's affair here.
    let found = line(&second.await, &server.url);
    assert_eq!(found, r#"{"v=\"1.0\"": 1.0, "v=\"1.1\"": 2.0}"#);
    // A place that nobody has taken up is no place.
    drop(ask("x{v=\"1.0\"}"));
    let (old, new) = join(ask("x{v=\"1.0\"}"), ask("x{v=\"1.1\"}")).await;
    assert_eq!(line(&old, &server.url), r#"{"v=\"1.0\"": 1.0}"#);
    assert_eq!(line(&new, &server.url), r#"{"v=\"1.1\"": 2.0}"#);
}

/// The timers of services that are watched side by side never end at the very same moment.
#[tokio::test]
async fn services_that_ask_a_moment_later_are_asked_together() {
    let nothing = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    let server = Server::with(move |_, _| answer(200, "", nothing));
    let clock = ManualClock::at(now());
    let endpoint = endpoint(&server.url);
    let (batch, client) = (Batch::of_several(), client());
    let ask = |query: &'static str| {
        batch.counters(&client, &clock, &endpoint, (query, now()), SECOND * 30)
    };
    let later = async {
        tokio::task::yield_now().await;
        ask("x{v=\"1.1\"}").await
    };
    let time = async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        clock.advance(SECOND);
    };
    tokio::join!(ask("x{v=\"1.0\"}"), later, time);
    assert_eq!(server.requests().len(), 1);
}
