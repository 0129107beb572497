//! CloudWatch: one number or a sum, or a reason; every question signed, no key in a message.

use std::time::Duration;

use chrono::TimeDelta;
use shipgate::{
    analysis::Reading,
    clock::ManualClock,
    probe::{
        WindowReading,
        cloudwatch::{self, Endpoint, Keys},
    },
    secret::Secret,
};

use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer, nobody},
};

const QUERY: &str = "SUM(METRICS())";

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.parse().unwrap(),
        region: "eu-west-1".to_owned(),
        keys: Keys {
            access_key_id: Secret::new("AKIAEXAMPLE"),
            secret_access_key: Secret::new(TOKEN),
            session_token: Some(Secret::new("hunter3-session")),
        },
        settle: SECOND * 60,
    }
}

/// An answer with these points, each so many minutes before now.
fn result(points: &[(i64, &str)], status: &str) -> String {
    let instants = points.iter().map(|(minutes, _)| {
        (now() - TimeDelta::minutes(*minutes))
            .timestamp()
            .to_string()
    });
    let values = points.iter().map(|(_, value)| (*value).to_owned());
    let list = |items: Vec<String>| items.join(", ");
    format!(
        r#"{{"MetricDataResults": [{{"Id": "q", "Label": "x", "Timestamps": [{}], "Values": [{}], "StatusCode": "{status}"}}], "Messages": []}}"#,
        list(instants.collect()),
        list(values.collect())
    )
}

fn clean(text: String, url: &str) -> String {
    for secret in [TOKEN, "hunter3-session", "AKIAEXAMPLE"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

async fn number(url: &str, query: &str, timeout: Duration) -> String {
    let clock = ManualClock::at(now());
    let reading = cloudwatch::number(&client(), &clock, &endpoint(url), query, timeout).await;
    clean(
        match reading {
            Reading::Value(sample) => {
                format!("value {} of {}", sample.value, sample.at.format("%H:%M"))
            }
            Reading::NoData(reason) => format!("no data: {reason}"),
            Reading::Unavailable(reason) => format!("unavailable: {reason}"),
        },
        url,
    )
}

async fn sum(url: &str) -> String {
    let clock = ManualClock::at(now());
    let window = [now() - TimeDelta::minutes(5), now()];
    let timeout = SECOND * 30;
    let found = cloudwatch::sums(&client(), &clock, &endpoint(url), QUERY, &window, timeout).await;
    let [reading] = <[WindowReading; 1]>::try_from(found).unwrap();
    clean(
        match reading {
            WindowReading::Sum(sum) => format!("sum {sum}"),
            WindowReading::Nothing(reason) => format!("nothing: {reason}"),
            WindowReading::NoData(reason) => format!("no data: {reason}"),
            WindowReading::Unavailable(reason) => format!("unavailable: {reason}"),
        },
        url,
    )
}

#[tokio::test]
async fn a_broken_cloudwatch_never_gives_a_number() {
    let mut lines = Vec::new();
    for (name, behaviour) in faults(&result(&[(2, "0")], "Complete")) {
        let timeout = patience(&behaviour);
        let server = Server::always(behaviour);
        let line = number(&server.url, QUERY, timeout).await;
        assert!(line.starts_with("unavailable"), "{name}: {line}");
        lines.push(format!("{name}: {line}"));
    }
    let url = nobody();
    lines.push(format!("refused: {}", number(&url, QUERY, SECOND).await));
    let told = r#"{"__type": "ValidationError", "message": "no such AKIAEXAMPLE"}"#;
    let server = Server::always(answer(400, "", told));
    lines.push(number(&server.url, QUERY, SECOND * 30).await);
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
    null: unavailable: the answer has no `MetricDataResults`
    a list: unavailable: the answer has no `MetricDataResults`
    a text: unavailable: the answer has no `MetricDataResults`
    HTML: unavailable: URL answered with something that is no JSON
    half of a JSON text: unavailable: URL answered with something that is no JSON
    two JSON texts: unavailable: URL answered with something that is no JSON
    deep: unavailable: URL answered with something that is no JSON
    large: unavailable: URL answered with more than 8 MiB
    a bomb: unavailable: URL answered with more than 8 MiB
    no gzip: unavailable: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: unavailable: URL answered with something that is no JSON
    refused: unavailable: URL did not answer: tcp connect error: Connection refused
    unavailable: URL refused the query with status 400: no such ***
    ");
}

#[tokio::test]
async fn only_whole_points_of_the_time_asked_for_count() {
    let rows: [(&str, String); 12] = [
        ("newest first", result(&[(2, "7"), (3, "8")], "Complete")),
        ("oldest first", result(&[(3, "8"), (2, "7")], "Complete")),
        ("nothing", result(&[], "Complete")),
        ("a part", result(&[(2, "7")], "PartialData")),
        ("an error", result(&[(2, "7")], "InternalError")),
        ("old", result(&[(12, "7")], "Complete")),
        ("not whole", result(&[(1, "7")], "Complete")),
        ("of later", result(&[(-3, "7")], "Complete")),
        ("null", result(&[(2, "null")], "Complete")),
        ("a text", result(&[(2, "\"7\"")], "Complete")),
        ("below 0", result(&[(2, "-1")], "Complete")),
        ("no results", r#"{"MetricDataResults": []}"#.to_owned()),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = Server::always(answer(200, "", &body));
        let number = number(&server.url, QUERY, SECOND * 30).await;
        lines.push(format!("{name}: {number} | {}", sum(&server.url).await));
    }
    let two = result(&[(2, "7")], "Complete").replace("[{\"Id\"", "[{}, {\"Id\"");
    let uneven = result(&[(2, "7, 8")], "Complete");
    let more = result(&[(2, "7")], "Complete")
        .replace("\"Messages\"", "\"NextToken\": \"x\", \"Messages\"");
    let left_out = result(&[(2, "7")], "Complete").replace(
        "\"Messages\": []",
        "\"Messages\": [{\"Code\": \"ArithmeticError\"}]",
    );
    for (name, body) in [
        ("two", two),
        ("uneven", uneven),
        ("more", more),
        ("left out", left_out),
        (
            "another query",
            result(&[(2, "7")], "Complete").replace("\"q\"", "\"z\""),
        ),
    ] {
        let server = Server::always(answer(200, "", &body));
        lines.push(format!(
            "{name}: {}",
            number(&server.url, QUERY, SECOND * 30).await
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    newest first: value 7 of 11:58 | sum 15
    oldest first: value 7 of 11:58 | sum 15
    nothing: no data: no point in the last 10m | nothing: no point in that time
    a part: no data: only a part of the points was answered | no data: only a part of the points was answered
    an error: unavailable: the query ended with InternalError | unavailable: the query ended with InternalError
    old: no data: a point of another time than was asked for | no data: a point of another time than was asked for
    not whole: no data: a point of another time than was asked for | sum 7
    of later: no data: a point of another time than was asked for | no data: a point of another time than was asked for
    null: no data: a point that is no finite number at an instant | no data: a point that is no finite number at an instant
    a text: no data: a point that is no finite number at an instant | no data: a point that is no finite number at an instant
    below 0: value -1 of 11:58 | no data: the sum is -1, expected 0 or more
    no results: no data: no result: the query matches nothing | no data: no result: the query matches nothing
    two: no data: 2 results where one was wanted; `ReturnData: false` hides one
    uneven: no data: 1 instants with 2 values
    more: no data: only a part of the points was answered
    left out: no data: an answer with ArithmeticError
    another query: unavailable: the answer is about another query than was asked
    ");
}

#[tokio::test]
async fn the_question_is_signed() {
    let server = Server::always(answer(200, "", result(&[(2, "7")], "Complete")));
    let list = r#"[{"Id": "e", "MetricStat": {"Metric": {"Namespace": "Shop", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}}]"#;
    for query in [QUERY, list, "[]", "{\"a\": 1}"] {
        let _ = number(&server.url, query, SECOND * 30).await;
    }
    let requests = server.requests();
    let host = server.url.strip_prefix("http://").unwrap();
    let lines: Vec<String> = requests
        .iter()
        .map(|request| {
            assert!(!request.contains(TOKEN), "{request}");
            let wanted = ["content-type", "x-amz", "authorization", "{"];
            let lines = request.lines().filter(|line| {
                let line = line.to_lowercase();
                wanted.iter().any(|start| line.starts_with(start))
            });
            let lines: Vec<&str> = lines
                .map(|line| line.split("Signature=").next().unwrap())
                .collect();
            lines.join("\n").replace(host, "HOST")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n\n"), @r#"
    content-type: application/x-amz-json-1.0
    x-amz-date: 20260105T120000Z
    x-amz-security-token: hunter3-session
    x-amz-target: GraniteServiceVersion20100801.GetMetricData
    authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260105/eu-west-1/monitoring/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, 
    {"StartTime":1767613740,"EndTime":1767614340,"ScanBy":"TimestampDescending","MetricDataQueries":[{"Id":"q","Expression":"SUM(METRICS())","Period":60}]}

    content-type: application/x-amz-json-1.0
    x-amz-date: 20260105T120000Z
    x-amz-security-token: hunter3-session
    x-amz-target: GraniteServiceVersion20100801.GetMetricData
    authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260105/eu-west-1/monitoring/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, 
    {"StartTime":1767613740,"EndTime":1767614340,"ScanBy":"TimestampDescending","MetricDataQueries":[{"Id":"e","MetricStat":{"Metric":{"Namespace":"Shop","MetricName":"Errors"},"Period":60,"Stat":"Sum"}}]}
    "#);
}
