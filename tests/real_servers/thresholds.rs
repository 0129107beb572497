//! `verify` by thresholds against a real Prometheus, and native histograms that it has scraped.

use std::{fmt::Write, future::pending, sync::Arc, time::Duration};

use crate::{
    prometheus::{Exporter, Prometheus, SignIn, native_histogram},
    verification::{Memory, subject, watcher},
};
use chrono::TimeDelta;
use reqwest::Url;
use shipgate::{
    analysis::counters::{BucketCounter, CounterReading, Snapshot},
    clock::{Clock, SystemClock},
    config::{query::Variables, verification::RawVerification},
    event::Ending,
    ops::{
        verify::{self, Extent},
        watch::{Endpoints, Reference, Subject, Watcher},
    },
    probe::{
        Client, ClientOptions,
        prometheus::{self, Endpoint},
    },
    yaml::{Limits, read},
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Twenty minutes up to now of versions whose names say how they are.
fn history() -> String {
    let now = SystemClock.now().timestamp();
    let mut text = String::new();
    let mut series = |labels: &str, value: &dyn Fn(i64) -> i64| {
        for age in (0..=80).rev().map(|quarter| 15 * quarter) {
            writeln!(text, "{labels} {} {}", value(1_200 - age), now - age).unwrap();
        }
    };
    let requests = |version: &str, status: u32| {
        format!("http_requests_total{{version=\"{version}\",status=\"{status}\"}}")
    };
    let versions: [(&str, i64, i64); 4] = [
        ("healthy", 99, 1),
        ("times_five", 95, 5),
        ("idle", 0, 0),
        ("dead", 99, 1),
    ];
    for (version, well, badly) in versions {
        series(&requests(version, 200), &|second| second * well);
        series(&requests(version, 500), &|second| second * badly);
    }
    // The process begins anew half-way.
    for (status, each) in [(200, 99), (500, 1)] {
        series(&requests("reset", status), &|second| {
            each * if second < 1_050 {
                second
            } else {
                second - 1_050
            }
        });
    }
    series("up{job=\"healthy\"}", &|_| 1);
    series("up{job=\"dead\"}", &|second| i64::from(second < 1_170));
    for (version, slower) in [("healthy", 0), ("slow", 1)] {
        for (boundary, share) in [("0.1", 50), ("0.2", 97), ("0.3", 99), ("+Inf", 100)] {
            let share = if slower == 1 && boundary == "0.2" {
                80
            } else {
                share
            };
            let name = format!("seconds_bucket{{version=\"{version}\",le=\"{boundary}\"}}");
            series(&name, &|second| second * share);
        }
    }
    for number in 0..20_000 {
        writeln!(text, "many{{path=\"/{number}\"}} 1 {now}").unwrap();
    }
    text
}

fn ratio(version: &str) -> String {
    format!(
        "sum(rate(http_requests_total{{version=\"{version}\",status=~\"5..\"}}[5m])) / sum(rate(http_requests_total{{version=\"{version}\"}}[5m]))"
    )
}

async fn verdict(url: &str, metric: &str) -> String {
    let section = format!("interval: 1s\nmetrics: [{metric}]");
    let mut watcher = watcher(&section, url, Arc::new(SystemClock));
    let mut memory = Memory::default();
    let outcome = verify::run(&mut watcher, Extent::Polls(1), pending(), &mut memory).await;
    let found = format!("{}: {}", outcome.ending.result(), outcome.reason);
    found.replace(url, "URL")
}

#[tokio::test]
async fn what_a_real_prometheus_says_of_every_kind_of_version() {
    let Some(prometheus) = Prometheus::with_history(&history()) else {
        return;
    };
    let errors = |query: &str, more: &str| {
        format!(
            "{{name: errors, provider: prometheus, query: '{query}', success_condition: result <= 0.02, inconclusive_limit: 0, consecutive_error_limit: 0{more}}}"
        )
    };
    let alive = |version: &str| {
        format!(
            "{} and on() (min(up{{job=\"{version}\"}}) == 1)",
            ratio(version)
        )
    };
    let p95 = |version: &str| {
        let query = format!(
            "histogram_quantile(0.95, sum by (le) (rate(seconds_bucket{{version=\"{version}\"}}[5m])))"
        );
        errors(&query, "").replace("0.02", "0.25")
    };
    let requests = |version: &str| {
        format!(
            ", min_requests: 1000, requests: 'sum(increase(http_requests_total{{version=\"{version}\"}}[5m]))'"
        )
    };
    let rows = [
        ("healthy", errors(&ratio("healthy"), "")),
        ("alive", errors(&alive("healthy"), "")),
        ("five times as bad", errors(&ratio("times_five"), "")),
        ("as fast", p95("healthy")),
        ("slower by half", p95("slow")),
        ("no traffic", errors(&ratio("idle"), "")),
        ("nobody knows it", errors(&ratio("unknown"), "")),
        ("dead, seen by rate() alone", errors(&ratio("dead"), "")),
        ("dead", errors(&alive("dead"), "")),
        ("reset", errors(&ratio("reset"), "")),
        ("20,000 series", errors("many", "")),
        ("their sum", errors("sum(many) / 1e7", "")),
        (
            "enough requests",
            errors(&ratio("healthy"), &requests("healthy")),
        ),
        ("too few", errors(&ratio("healthy"), &requests("idle"))),
        (
            "how many, nobody knows",
            errors(&ratio("healthy"), &requests("unknown")),
        ),
        ("no query", errors("sum(rate(x))", "")),
        // More than a million steps take longer than that.
        (
            "slow",
            errors(
                "max_over_time(sum(rate(seconds_bucket[5m]))[20m:1ms])",
                ", timeout: 20ms",
            ),
        ),
    ];
    let mut lines = Vec::new();
    for (name, metric) in rows {
        lines.push(format!(
            "{name} -> {}",
            verdict(&prometheus.url, &metric).await
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    healthy -> healthy: errors is 0.01, wanted result <= 0.02
    alive -> healthy: errors is 0.01, wanted result <= 0.02
    five times as bad -> unhealthy: errors is 0.05, wanted result <= 0.02 (1 of 1 measurement)
    as fast -> healthy: errors is 0.195745, wanted result <= 0.25
    slower by half -> unhealthy: errors is 0.278947, wanted result <= 0.25 (1 of 1 measurement)
    no traffic -> undetermined: errors has no usable number: NaN: nothing divided by nothing, often no traffic (1 answer without a usable number)
    nobody knows it -> undetermined: errors has no usable number: no series: the query matches nothing (1 answer without a usable number)
    dead, seen by rate() alone -> healthy: errors is 0.01, wanted result <= 0.02
    dead -> undetermined: errors has no usable number: no series: the query matches nothing (1 answer without a usable number)
    reset -> healthy: errors is 0.01, wanted result <= 0.02
    20,000 series -> undetermined: errors has no usable number: 20000 series where one was wanted; aggregate them, for example with sum() (1 answer without a usable number)
    their sum -> healthy: errors is 0.002, wanted result <= 0.02
    enough requests -> healthy: errors is 0.01, wanted result <= 0.02
    too few -> undetermined: errors has no usable number: it is made of 0 requests, fewer than the 1000 of `min_requests` (1 answer without a usable number)
    how many, nobody knows -> undetermined: errors has no usable number: `requests`: no series: the query matches nothing (1 answer without a usable number)
    no query -> undetermined: errors could not be measured: URL refused the query: bad_data: invalid parameter "query": 1:10: parse error: expected type range vector in call to function "rate", got instant vector (1 error in a row)
    slow -> undetermined: errors could not be measured: URL did not answer within 20ms (1 error in a row)
    "#);
}

#[tokio::test]
async fn a_refused_sign_in_is_no_answer() {
    let sign_in = SignIn {
        username: "shipgate",
        bcrypt: "$2y$04$abcdefghijklmnopqrstuuHqu1JwgJC4IYOQKdYoFbHz/YdCKRX7i",
    };
    let Some(prometheus) = Prometheus::start_with(&[], Some(sign_in)) else {
        return;
    };
    let metric = "{name: errors, provider: prometheus, query: vector(0), failure_condition: result > 1, consecutive_error_limit: 0}";
    insta::assert_snapshot!(verdict(&prometheus.url, metric).await, @"undetermined: errors could not be measured: URL answered with status 401: are the credentials right? (1 error in a row)");
}

/// Scraped as a real client library writes them, in the protobuf format.
#[tokio::test]
async fn native_histograms_are_counted_as_classic_ones_are() {
    // Each second 100 requests of about 0.1 s, 5 of about 1 s.
    let exporter = Exporter::serving(native_histogram::CONTENT_TYPE, |elapsed| {
        let seconds = u32::try_from(elapsed.as_secs()).unwrap();
        native_histogram::family("request_seconds", 100 * seconds, 5 * seconds)
    });
    let targets = std::slice::from_ref(&exporter.target);
    let Some(prometheus) = Prometheus::start_native(targets) else {
        return;
    };
    let client = Client::new(ClientOptions::default());
    let endpoint = Endpoint::open(Url::parse(&prometheus.url).unwrap());
    let look = async || {
        prometheus::buckets(
            &client,
            &SystemClock,
            &endpoint,
            "request_seconds",
            None,
            TIMEOUT,
        )
        .await
    };
    let until = async |is_wanted: &dyn Fn(&Snapshot) -> bool| {
        let started = SystemClock.now();
        loop {
            match look().await {
                CounterReading::Snapshot(found) if is_wanted(&found) => return found,
                CounterReading::Snapshot(_) => {}
                other => panic!("{other:?}"),
            }
            assert!(SystemClock.now() - started < TimeDelta::seconds(60));
            SystemClock.sleep(Duration::from_millis(100)).await;
        }
    };
    let total = |snapshot: &Snapshot| -> f64 {
        let all = snapshot.bucket(f64::INFINITY).unwrap();
        all.series.values().sum()
    };
    let first = until(&|snapshot| !snapshot.series.is_empty() && total(snapshot) > 0.0).await;
    let next = until(&|snapshot| total(snapshot) > total(&first)).await;
    let mut counter = BucketCounter::new(first).unwrap();
    let grown = counter.advance(&next).unwrap();
    let at_most = |boundary: f64| {
        let found = grown.iter().find(|bucket| bucket.up_to == boundary);
        found.unwrap().count
    };
    let all = at_most(f64::INFINITY);
    assert!(all > 0.0);
    assert_eq!(at_most(0.0625), 0.0);
    // 100 of 105 are fast.
    assert!(
        (at_most(0.25) / all - 100.0 / 105.0).abs() < 1e-9,
        "{grown:?}"
    );
    assert_eq!(at_most(0.5), at_most(0.25));
    assert_eq!(at_most(2.0), all);

    // Where a counter is wanted, a histogram is none.
    let counters = prometheus::counters(
        &client,
        &SystemClock,
        &endpoint,
        "request_seconds",
        None,
        TIMEOUT,
    );
    let CounterReading::NoData(reason) = counters.await else {
        panic!("a histogram is no counter");
    };
    assert!(
        reason.starts_with("a native histogram where a counter was wanted"),
        "{reason}"
    );
    // Over a time, as at one instant.
    let to = next.at;
    let snapshots = prometheus::buckets_between(
        &client,
        &SystemClock,
        &endpoint,
        "request_seconds",
        to - TimeDelta::seconds(1),
        to,
        Duration::from_secs(1),
        TIMEOUT,
    );
    assert_eq!(snapshots.await.unwrap().last(), Some(&next));
}

/// From the scrape to the verdict: two processes, of which one is slow ten times as often.
#[tokio::test]
async fn a_native_histogram_is_judged() {
    let exporter = |slow: u32| {
        Exporter::serving(native_histogram::CONTENT_TYPE, move |elapsed| {
            let seconds = u32::try_from(elapsed.as_secs()).unwrap();
            native_histogram::family("request_seconds", 100 * seconds, slow * seconds)
        })
    };
    let (old, new) = (exporter(5), exporter(50));
    let targets = [old.target.clone(), new.target.clone()];
    let Some(prometheus) = Prometheus::start_native(&targets) else {
        return;
    };
    let section = "interval: 1s
metrics: [{name: slow, provider: prometheus, histogram: 'request_seconds{instance=\"{{version}}\"}', slow_above: 0.5, inconclusive_limit: 100}]";
    let (raw, _) = read::<RawVerification>(section, &Limits::SETTINGS).unwrap();
    let endpoints = Endpoints {
        prometheus: Some(Endpoint::open(Url::parse(&prometheus.url).unwrap())),
        ..Endpoints::default()
    };
    let variables = |target: &str| Variables {
        version: Some(target.to_owned()),
        ..Variables::default()
    };
    // It ends at the first verdict; so many polls are there only for a machine that is busy.
    let extent = Extent::Polls(60);
    let subject = Subject {
        reference: Reference::Beside(variables(&old.target)),
        extent,
        ..subject(variables(&new.target))
    };
    let client = Client::new(ClientOptions::default());
    let verification = raw.validate().unwrap();
    let mut watcher = Watcher::new(
        &verification,
        &endpoints,
        &subject,
        client,
        Arc::new(SystemClock),
    )
    .unwrap();
    let mut memory = Memory::default();
    let outcome = verify::run(&mut watcher, extent, pending(), &mut memory).await;
    assert_eq!(outcome.ending, Ending::Unhealthy, "{}", outcome.reason);
    // 50 of 150 take more than half a second.
    let value = outcome.metrics[0].value.unwrap();
    assert!((value - 1.0 / 3.0).abs() < 1e-9, "{value}");
}
