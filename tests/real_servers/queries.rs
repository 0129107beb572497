//! What a real Prometheus answers to the questions that a verification asks.

use std::{future::pending, sync::Arc, time::Duration};

use crate::{
    prometheus::{Exporter, Prometheus, SignIn, Traffic},
    verification::{Memory, watcher},
};
use chrono::TimeDelta;
use reqwest::Url;
use shipgate::{
    analysis::Reading,
    clock::{Clock, SystemClock},
    ops::verify::{self, Extent},
    probe::{
        Client, ClientOptions,
        prometheus::{self, Auth, Endpoint},
    },
    secret::Secret,
};

const TIMEOUT: Duration = Duration::from_secs(10);

fn exporter() -> Exporter {
    let traffic = |rate, percent_failing| Traffic {
        rate,
        percent_failing,
    };
    Exporter::start(&[
        ("1.0", traffic(50, 0)),
        ("1.1", traffic(40, 5)),
        ("idle", traffic(0, 0)),
    ])
}

fn open(prometheus: &Prometheus) -> Endpoint {
    Endpoint::open(Url::parse(&prometheus.url).unwrap())
}

async fn ask(endpoint: &Endpoint, query: &str) -> Reading {
    let client = Client::new(ClientOptions::default());
    prometheus::instant(&client, &SystemClock, endpoint, query, None, TIMEOUT).await
}

fn error_ratio(version: &str) -> String {
    format!(
        "sum(rate(http_requests_total{{version=\"{version}\",status=~\"5..\"}}[30s])) / sum(rate(http_requests_total{{version=\"{version}\"}}[30s]))"
    )
}

/// Asks until the answer is as wanted.
async fn until(endpoint: &Endpoint, query: &str, wanted: impl Fn(&Reading) -> bool) {
    let started = SystemClock.now();
    loop {
        let reading = ask(endpoint, query).await;
        if wanted(&reading) {
            return;
        }
        let waited = SystemClock.now() - started;
        assert!(
            waited < TimeDelta::seconds(60),
            "{query}: still {reading:?}"
        );
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the rates are there: two scrapes of every series.
async fn until_scraped(endpoint: &Endpoint) {
    let query = "count(rate(http_requests_total[30s]))";
    until(endpoint, query, |reading| {
        matches!(reading, Reading::Value(_))
    })
    .await;
}

fn assert_near(reading: &Reading, wanted: f64, tolerance: f64) {
    match reading {
        Reading::Value(sample) => assert!(
            (sample.value - wanted).abs() <= tolerance,
            "{} is not {wanted}",
            sample.value
        ),
        other => panic!("wanted {wanted}, found {other:?}"),
    }
}

fn text(reading: &Reading, url: &str) -> String {
    match reading {
        Reading::Value(sample) => format!("value {}", sample.value),
        Reading::NoData(reason) => format!("no data: {reason}"),
        Reading::Unavailable(reason) => format!("unavailable: {}", reason.replace(url, "URL")),
    }
}

#[tokio::test]
async fn rates_and_ratios_are_numbers_and_everything_else_is_not() {
    let exporter = exporter();
    let Some(prometheus) = Prometheus::start(std::slice::from_ref(&exporter.target)) else {
        return;
    };
    let endpoint = open(&prometheus);
    until_scraped(&endpoint).await;

    // A rate is low until its window is full, so it is asked until it is what the service counts.
    let rate = "sum(rate(http_requests_total{version=\"1.0\"}[5s]))";
    let is_full = |reading: &Reading| matches!(reading, Reading::Value(sample) if (sample.value - 50.0).abs() < 10.0);
    until(&endpoint, rate, is_full).await;
    assert_near(&ask(&endpoint, &error_ratio("1.0")).await, 0.0, 0.0);
    assert_near(&ask(&endpoint, &error_ratio("1.1")).await, 0.05, 0.001);
    assert_near(&ask(&endpoint, "scalar(vector(42))").await, 42.0, 0.0);

    let queries = [
        error_ratio("idle"),
        error_ratio("unknown"),
        "sum by (version) (rate(http_requests_total[30s]))".to_owned(),
        "1 / 0".to_owned(),
        "\"ok\"".to_owned(),
        "up[1m]".to_owned(),
        "sum(rate(http_requests_total[30s])".to_owned(),
        "http_requests_total + on(version) http_requests_total".to_owned(),
    ];
    let mut lines = Vec::new();
    for query in &queries {
        let line = text(&ask(&endpoint, query).await, &prometheus.url);
        lines.push(line.chars().take(70).collect::<String>());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    no data: NaN: nothing divided by nothing, often no traffic
    no data: no series: the query matches nothing
    no data: 3 series where one was wanted; aggregate them, for example wi
    no data: infinite: something divided by nothing
    no data: a text where a number was wanted
    no data: a range of samples where one number was wanted
    unavailable: URL refused the query: bad_data: invalid parameter "query
    unavailable: URL refused the query: execution: found duplicate series
    "#);

    let before = SystemClock.now() - TimeDelta::hours(1);
    let client = Client::new(ClientOptions::default());
    let past = prometheus::instant(
        &client,
        &SystemClock,
        &endpoint,
        rate,
        Some(before),
        TIMEOUT,
    )
    .await;
    assert_eq!(
        text(&past, &prometheus.url),
        "no data: no series: the query matches nothing"
    );
}

#[tokio::test]
async fn a_dead_target_is_seen_only_by_a_query_that_looks_at_it() {
    let exporter = exporter();
    let Some(prometheus) = Prometheus::start(std::slice::from_ref(&exporter.target)) else {
        return;
    };
    let endpoint = open(&prometheus);
    until_scraped(&endpoint).await;
    let rate = "sum(rate(http_requests_total[5m]))";
    let looks = format!("{rate} and on() (min(up{{job=\"app\"}}) == 1)");
    assert!(matches!(ask(&endpoint, &looks).await, Reading::Value(_)));
    drop(exporter);
    until(&endpoint, &looks, |reading| {
        matches!(reading, Reading::NoData(_))
    })
    .await;
    assert!(matches!(ask(&endpoint, rate).await, Reading::Value(_)));
}

#[tokio::test]
async fn only_the_right_password_gets_an_answer() {
    let sign_in = SignIn {
        username: "shipgate",
        bcrypt: "$2y$04$abcdefghijklmnopqrstuuHqu1JwgJC4IYOQKdYoFbHz/YdCKRX7i",
    };
    let Some(prometheus) = Prometheus::start_with(&[], Some(sign_in)) else {
        return;
    };
    let basic = |password: &str| Auth::Basic {
        username: Secret::new("shipgate"),
        password: Secret::new(password),
    };
    let rows = [
        (basic("hunter2-password"), "value 1"),
        (
            basic("hunter3-password"),
            "unavailable: URL answered with status 401: are the credentials right?",
        ),
        (
            Auth::Bearer(Secret::new("hunter2-password")),
            "unavailable: URL answered with status 401: are the credentials right?",
        ),
        (
            Auth::Open,
            "unavailable: URL answered with status 401: are the credentials right?",
        ),
    ];
    for (auth, wanted) in rows {
        let endpoint = Endpoint {
            auth,
            ..open(&prometheus)
        };
        assert_eq!(
            text(&ask(&endpoint, "vector(1)").await, &prometheus.url),
            wanted
        );
    }
}

#[tokio::test]
async fn verify_judges_what_a_real_prometheus_says() {
    let exporter = exporter();
    let Some(prometheus) = Prometheus::start(std::slice::from_ref(&exporter.target)) else {
        return;
    };
    until_scraped(&open(&prometheus)).await;
    let section = |version: &str| {
        let query = error_ratio(version);
        format!(
            "interval: 1s
metrics: [{{name: error_ratio, provider: prometheus, query: '{query}', threshold_range: {{max: 0.02}}, inconclusive_limit: 1}}]"
        )
    };
    // `{{version}}` is 1.1 here.
    let rows = [
        ("1.0", "healthy: error_ratio is 0, wanted at most 0.02"),
        (
            "{{version}}",
            "unhealthy: error_ratio is 0.05, wanted at most 0.02 (1 of 1 measurement)",
        ),
        (
            "idle",
            "undetermined: error_ratio has no usable number: NaN: nothing divided by nothing, often no traffic (2 answers without a usable number)",
        ),
        (
            "unknown",
            "undetermined: error_ratio has no usable number: no series: the query matches nothing (2 answers without a usable number)",
        ),
    ];
    for (version, wanted) in rows {
        let mut watcher = watcher(&section(version), &prometheus.url, Arc::new(SystemClock));
        let mut memory = Memory::default();
        let outcome = verify::run(&mut watcher, Extent::Polls(2), pending(), &mut memory).await;
        let found = format!("{}: {}", outcome.ending.result(), outcome.reason);
        assert_eq!(found, wanted, "{version}");
    }
}
