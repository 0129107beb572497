//! Raw counters of a real Prometheus: its past, its gaps, its limits.

use std::{fmt::Write, sync::Arc, time::Duration};

use crate::prometheus::{Exporter, Prometheus, SignIn, Traffic};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{join, join_all};
use reqwest::Url;
use shipgate::{
    analysis::{
        Reading,
        counters::{Absent, Counted, Counter, CounterReading, Look, PollCounters, Snapshot},
    },
    clock::{Clock, ManualClock, SystemClock},
    config::{query::Variables, verification::RawVerification},
    event::{Event, Outcome, Reporter},
    ops::watch::{Endpoints, Extent, Reference, Subject, Watcher},
    probe::{
        Client, ClientOptions,
        prometheus::{self, Auth, Batch, Endpoint},
    },
    secret::Secret,
    yaml::{Limits, read},
};

const TIMEOUT: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_secs(30);
const KNOWN: Absent = Absent {
    is_zero: false,
    was_there: true,
};

fn start() -> DateTime<Utc> {
    "2026-01-05T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

struct Asker {
    client: Client,
    endpoint: Endpoint,
}

impl Asker {
    fn new(prometheus: &Prometheus) -> Self {
        Self {
            client: Client::new(ClientOptions::default()),
            endpoint: Endpoint::open(Url::parse(&prometheus.url).unwrap()),
        }
    }

    async fn reading(&self, query: &str, at: Option<DateTime<Utc>>) -> CounterReading {
        let Self { client, endpoint } = self;
        prometheus::counters(client, &SystemClock, endpoint, query, at, TIMEOUT).await
    }

    async fn at(&self, query: &str, at: DateTime<Utc>) -> Snapshot {
        match self.reading(query, Some(at)).await {
            CounterReading::Snapshot(snapshot) => snapshot,
            other => panic!("{query}: {other:?}"),
        }
    }

    async fn between(
        &self,
        query: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        step: Duration,
    ) -> Vec<Snapshot> {
        let Self { client, endpoint } = self;
        prometheus::counters_between(
            client,
            &SystemClock,
            endpoint,
            query,
            from,
            to,
            step,
            TIMEOUT,
        )
        .await
        .unwrap()
    }

    async fn number(&self, query: &str, at: DateTime<Utc>) -> Reading {
        let Self { client, endpoint } = self;
        prometheus::instant(client, &SystemClock, endpoint, query, Some(at), TIMEOUT).await
    }
}

/// Ten minutes of a canary and of stable, a sample every 15 s: stable restarts half-way, and the
/// canary fails once at each of 40 addresses.
fn history() -> String {
    let mut text = "# TYPE http_requests counter\n".to_owned();
    let mut sample = |labels: &str, value: i64, seconds: i64| {
        let at = after(seconds).timestamp();
        writeln!(text, "http_requests_total{{{labels}}} {value} {at}").unwrap();
    };
    let times = || (0..=600).step_by(15);
    for seconds in times() {
        sample("arm=\"canary\",status=\"200\"", 2 * seconds, seconds);
    }
    for seconds in times() {
        let value = if seconds < 300 {
            90_000 + 20 * seconds
        } else {
            20 * (seconds - 300) + 40
        };
        sample("arm=\"stable\",status=\"200\"", value, seconds);
    }
    for address in 0..40 {
        let first = 15 + 15 * (address % 38);
        for seconds in times().filter(|seconds| *seconds >= first) {
            let labels = format!("arm=\"canary\",status=\"500\",path=\"/{address}\"");
            sample(&labels, 1, seconds);
        }
    }
    text
}

const BAD: &str = "http_requests_total{arm=\"ARM\",status=~\"5..\"}";
const TOTAL: &str = "http_requests_total{arm=\"ARM\"}";

async fn looks(asker: &Asker, arm: &str) -> Vec<Look> {
    let (from, to) = (start(), after(600));
    let counted = asker
        .between(&BAD.replace("ARM", arm), from, to, STEP)
        .await;
    let total = asker
        .between(&TOTAL.replace("ARM", arm), from, to, STEP)
        .await;
    let pairs = counted.into_iter().zip(total);
    pairs
        .map(|(counted, total)| Look { counted, total })
        .collect()
}

#[tokio::test]
async fn first_errors_and_a_restart_are_seen_where_increase_sees_nothing() {
    let Some(prometheus) = Prometheus::with_history(&history()) else {
        return;
    };
    let asker = Asker::new(&prometheus);
    let (canary, stable) = (looks(&asker, "canary").await, looks(&asker, "stable").await);
    assert_eq!(canary.len(), 21);

    // What a live watch asks for, one instant at a time, is the same.
    for look in canary.iter().chain(&stable) {
        let arm = if look.total.series.keys().any(|name| name.contains("canary")) {
            "canary"
        } else {
            "stable"
        };
        let at = look.total.at;
        assert_eq!(asker.at(&TOTAL.replace("ARM", arm), at).await, look.total);
        assert_eq!(asker.at(&BAD.replace("ARM", arm), at).await, look.counted);
    }

    let mut counters = PollCounters::new(
        Counted::Bad,
        Absent::default(),
        canary[0].clone(),
        Some(stable[0].clone()),
    );
    let polls = counters.take_all(canary.iter().zip(stable.iter().map(Some)).skip(1));
    let polls: Vec<_> = polls.into_iter().map(Result::unwrap).collect();
    let sum = polls
        .iter()
        .fold(Default::default(), |sum, poll| poll.plus(sum));
    assert_eq!((sum.canary.bad(), sum.canary.total()), (40.0, 1240.0));
    // What stable did between its last sample and the restart is in no sample.
    assert_eq!(
        (sum.stable.bad(), sum.stable.total()),
        (0.0, 5400.0 + 40.0 + 6000.0)
    );

    let increase = format!("sum(increase({}[10m]))", BAD.replace("ARM", "canary"));
    let Reading::Value(found) = asker.number(&increase, after(600)).await else {
        panic!("increase() is a number");
    };
    assert_eq!(found.value, 0.0);
}

#[tokio::test]
async fn instants_are_those_asked_for_to_the_millisecond_and_more_than_11_000_of_them() {
    let Some(prometheus) = Prometheus::with_history(&history()) else {
        return;
    };
    let asker = Asker::new(&prometheus);
    let from = start() + TimeDelta::microseconds(123_456);
    let step = Duration::from_millis(50);
    let to = from + TimeDelta::seconds(580);
    let query = TOTAL.replace("ARM", "canary");
    let snapshots = asker.between(&query, from, to, step).await;
    assert_eq!(snapshots.len(), 11_601);
    for (number, snapshot) in (0..).zip(&snapshots) {
        assert_eq!(snapshot.at, from + TimeDelta::milliseconds(50) * number);
        assert!(!snapshot.series.is_empty(), "{}", snapshot.at);
    }
    for number in [0, 1, 299, 300, 10_999, 11_000, 11_600] {
        let rebuilt: &Snapshot = &snapshots[number];
        assert_eq!(asker.at(&query, rebuilt.at).await, *rebuilt);
    }
}

#[tokio::test]
async fn twenty_thousand_series_are_counted_and_one_more_is_not() {
    let mut text = "# TYPE x counter\n".to_owned();
    for number in 0..=20_000 {
        let kind = if number == 20_000 { "extra" } else { "usual" };
        let at = start().timestamp();
        writeln!(
            text,
            "x_total{{kind=\"{kind}\",path=\"/{number}\",instance=\"a:1\"}} {number} {at}"
        )
        .unwrap();
    }
    let Some(prometheus) = Prometheus::with_history(&text) else {
        return;
    };
    let asker = Asker::new(&prometheus);
    let usual = "x_total{kind=\"usual\"}";
    assert_eq!(asker.at(usual, start()).await.series.len(), 20_000);
    // More than one answer may hold, so it is asked in parts.
    let snapshots = asker
        .between(usual, start(), after(240), Duration::from_secs(20))
        .await;
    assert_eq!(snapshots.len(), 13);
    let mut counter = Counter::new(snapshots[0].clone());
    for snapshot in &snapshots[1..] {
        assert_eq!(snapshot.series.len(), 20_000);
        assert_eq!(counter.advance(snapshot), 0.0);
    }
    let wide = asker.reading("x_total", Some(start())).await;
    assert_eq!(
        wide,
        CounterReading::NoData("20001 series, more than 20000; aggregate away a label of many values: `sum without (path) (…)`, but keep `instance` or `pod`".to_owned())
    );
    assert_eq!(
        asker
            .at("sum without (path) (x_total)", start())
            .await
            .series
            .len(),
        2
    );
}

#[tokio::test]
async fn a_dead_target_is_silent_and_never_healthy() {
    let traffic = Traffic {
        rate: 50,
        percent_failing: 4,
    };
    let exporter = Exporter::start(&[("1.0", traffic)]);
    let Some(prometheus) = Prometheus::start(std::slice::from_ref(&exporter.target)) else {
        return;
    };
    let asker = Asker::new(&prometheus);
    let look = async || {
        let at = DateTime::from_timestamp_millis(SystemClock.now().timestamp_millis()).unwrap();
        Look {
            counted: asker.at("http_requests_total{status=\"500\"}", at).await,
            total: asker.at("http_requests_total", at).await,
        }
    };
    let until = async |is_wanted: &dyn Fn(&Look) -> bool| {
        let started = SystemClock.now();
        loop {
            let look = look().await;
            if is_wanted(&look) {
                return look;
            }
            assert!(SystemClock.now() - started < TimeDelta::seconds(60));
            SystemClock.sleep(Duration::from_millis(100)).await;
        }
    };
    let first =
        until(&|look| !look.total.series.is_empty() && !look.counted.series.is_empty()).await;
    let mut counters = PollCounters::new(Counted::Bad, KNOWN, first.clone(), None);
    let next = until(&|look| look.total.series != first.total.series).await;
    let poll = counters.take(&next, None).unwrap();
    assert!(
        poll.canary.total() > 0.0 && poll.canary.bad() > 0.0,
        "{poll:?}"
    );
    drop(exporter);
    let silent = until(&|look| look.total.series.is_empty()).await;
    assert_eq!(
        counters.take(&silent, None),
        Err("`total` matches nothing for canary any more: are its pods scraped?".to_owned())
    );
}

#[tokio::test]
async fn what_a_real_prometheus_refuses_is_no_answer() {
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
    let right = basic("hunter2-password");
    let rows = [
        ("x_total", &right, TIMEOUT),
        ("x_total{", &right, TIMEOUT),
        ("x_total[1m]", &right, TIMEOUT),
        ("42", &right, TIMEOUT),
        ("\"x\"", &right, TIMEOUT),
        ("vector(0) / 0", &right, TIMEOUT),
        ("-vector(1)", &right, TIMEOUT),
        ("x_total", &basic("hunter3-password"), TIMEOUT),
        ("x_total", &right, Duration::from_nanos(1)),
    ];
    let mut lines = Vec::new();
    for (query, auth, timeout) in rows {
        let client = Client::new(ClientOptions::default());
        let endpoint = Endpoint {
            auth: auth.clone(),
            ..Endpoint::open(Url::parse(&prometheus.url).unwrap())
        };
        let asked =
            prometheus::counters(&client, &SystemClock, &endpoint, query, None, timeout).await;
        let text = match asked {
            CounterReading::Snapshot(snapshot) => format!("{} series", snapshot.series.len()),
            CounterReading::NoData(reason) => format!("no data: {reason}"),
            CounterReading::Unavailable(reason) => format!("unavailable: {reason}"),
        };
        let text = text.replace(&prometheus.url, "URL");
        lines.push(text.chars().take(90).collect::<String>());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    0 series
    unavailable: URL refused the query: bad_data: invalid parameter "query": 1:9: parse error:
    no data: a range of samples where counters were wanted: take `[…]` away
    no data: a number where counters were wanted
    no data: a text where counters were wanted
    no data: NaN: no counter has that value; series {}
    no data: less than 0: no counter has that value; series {}
    unavailable: URL answered with status 401: are the credentials right?
    unavailable: URL did not answer within 0s
    "#);
}

/// Two services with two versions each, two pods of each, two paths; a service whose values are none;
/// two names that a careless pattern would take for each other; a backend that has no label.
fn many() -> String {
    let mut text = String::new();
    let mut sample = |metric: &str, labels: &str, value: &str| {
        for seconds in (0..=60).step_by(15) {
            let at = after(seconds).timestamp();
            writeln!(text, "{metric}{{{labels}}} {value} {at}").unwrap();
        }
    };
    let mut number = 0;
    for service in ["ads", "cart"] {
        for version in ["1.0", "1.1"] {
            for (pod, path, status) in [
                ("a", "/", "200"),
                ("a", "/x", "200"),
                ("b", "/", "200"),
                ("b", "/", "503"),
            ] {
                number += 1;
                let of = format!(r#"service="{service}",version="{version}",pod="{pod}""#);
                let labels = format!(r#"{of},path="{path}",status="{status}""#);
                sample("x_total", &labels, &number.to_string());
                for (le, value) in [("0.5", number), ("+Inf", 2 * number)] {
                    let labels = format!(r#"{labels},le="{le}""#);
                    sample("x_bucket", &labels, &value.to_string());
                }
            }
        }
    }
    sample("x_total", r#"service="odd",version="1.0",pod="a""#, "NaN");
    sample("x_total", r#"service="a.b",version="1.0",pod="a""#, "1");
    sample("x_total", r#"service="aXb",version="1.0",pod="a""#, "2");
    sample("nginx_total", r#"ingress="ads",pod="n""#, "900");
    sample(
        "nginx_total",
        r#"ingress="ads",canary="ads-80",pod="n""#,
        "9",
    );
    text
}

/// How many instant queries the server has answered.
fn queries(prometheus: &Prometheus) -> u64 {
    let metrics = prometheus.get("/metrics").unwrap();
    let of_queries = |line: &&str| {
        line.starts_with("prometheus_http_requests_total") && line.contains("\"/api/v1/query\"")
    };
    let lines = metrics.lines().filter(of_queries);
    let counts = lines.map(|line| {
        line.rsplit_once(' ')
            .unwrap()
            .1
            .trim()
            .parse::<u64>()
            .unwrap()
    });
    counts.sum()
}

#[tokio::test]
async fn questions_that_are_asked_together_are_answered_as_each_by_itself() {
    let Some(prometheus) = Prometheus::with_history(&many()) else {
        return;
    };
    let asker = Asker::new(&prometheus);
    let at = after(60);
    let arms = [
        ("ads", "1.0"),
        ("ads", "1.1"),
        ("cart", "1.0"),
        ("cart", "1.1"),
        // Nobody has seen these: no data, and no zero.
        ("ads", "1.2"),
        ("shop", "1.0"),
        ("odd", "1.0"),
        ("a.b", "1.0"),
        // Two metrics may want the same.
        ("ads", "1.0"),
    ];
    // Each of these is one query for all.
    let shapes = [
        r#"x_total{service="SERVICE",version="VERSION"}"#,
        r#"x_total{service="SERVICE",version="VERSION",status=~"5..",path!="/x"}"#,
        r#"sum without (path, status) (x_total{service="SERVICE",version="VERSION"})"#,
        r#"sum by (pod) (x_total{service="SERVICE",version="VERSION"})"#,
        r#"sum(x_total{service="SERVICE",version="VERSION"}) by (pod, version)"#,
    ];
    let filled = |shape: &str| {
        arms.map(|(service, version)| {
            shape
                .replace("SERVICE", service)
                .replace("VERSION", version)
        })
    };
    let mut asked: Vec<String> = shapes.iter().flat_map(|shape| filled(shape)).collect();
    let backend = |canary: &str| format!(r#"nginx_total{{ingress="ads",canary="{canary}"}}"#);
    asked.extend([backend(""), backend("ads-80"), backend("gone")]);
    let mut alone = 0;
    // What has another form, or nobody like it, is asked by itself.
    for query in [
        r#"x_total{service="ads"} or x_total{service="cart"}"#,
        r#"x_total{service='ads'}"#,
        r#"count(x_total{service="ads"})"#,
        r#"x_total{service="ads""#,
        "nothing_total",
    ] {
        asked.push(query.to_owned());
        alone += 1;
    }
    // The label is summed away, so that nobody could tell whose the sum is.
    for service in ["ads", "cart"] {
        asked.push(format!(
            r#"sum without (service, path) (x_total{{service="{service}"}})"#
        ));
        alone += 1;
    }
    let mut single = Vec::new();
    for query in &asked {
        single.push(asker.reading(query, Some(at)).await);
    }
    let matched = |reading: &CounterReading| matches!(reading, CounterReading::Snapshot(snapshot) if !snapshot.series.is_empty());
    assert_eq!(
        single.iter().filter(|it| matched(it)).count(),
        36,
        "{single:#?}"
    );

    let batch = Batch::default();
    let Asker { client, endpoint } = &asker;
    let before = queries(&prometheus);
    let all = asked.iter().map(|query| {
        batch.counters(
            client,
            &SystemClock,
            endpoint,
            (query.as_str(), at),
            TIMEOUT,
        )
    });
    let together = join_all(all).await;
    for ((query, one), other) in asked.iter().zip(&single).zip(&together) {
        assert_eq!(one, other, "{query}");
    }
    let used = queries(&prometheus) - before;
    assert_eq!(used, 5 + 1 + alone, "of {}", asked.len());

    // Buckets are told apart in the same way.
    let asked = filled(r#"sum without (path) (x_bucket{service="SERVICE",version="VERSION"})"#);
    let before = queries(&prometheus);
    let all = asked.iter().map(|query| {
        batch.buckets(
            client,
            &SystemClock,
            endpoint,
            (query.as_str(), at),
            TIMEOUT,
        )
    });
    let together = join_all(all).await;
    assert_eq!(queries(&prometheus) - before, 1);
    for (query, found) in asked.iter().zip(together) {
        let one =
            prometheus::buckets(client, &SystemClock, endpoint, query, Some(at), TIMEOUT).await;
        assert_eq!(found, one, "{query}");
    }
}

/// A watch of one service whose canary 1.1 is held against stable 1.0.
fn watch_of(service: &str, endpoint: &Endpoint, clock: &Arc<ManualClock>) -> Watcher {
    let section = r#"
interval: 30s
metrics:
  - name: errors
    provider: prometheus
    bad: x_total{service="{{service}}",version="{{version}}",status=~"5.."}
    total: x_total{service="{{service}}",version="{{version}}"}"#;
    let (raw, _) = read::<RawVerification>(section, &Limits::SETTINGS).unwrap();
    let endpoints = Endpoints {
        prometheus: Some(endpoint.clone()),
        ..Endpoints::default()
    };
    let variables = |version: &str, arm: &str| Variables {
        service: Some(service.to_owned()),
        version: Some(version.to_owned()),
        arm: Some(arm.to_owned()),
        ..Variables::default()
    };
    let subject = Subject {
        judged: variables("1.1", "canary"),
        reference: Reference::Beside(variables("1.0", "stable")),
        extent: Extent::Polls(1),
        began: None,
        weight: None,
    };
    let client = Client::new(ClientOptions::default());
    let verification = raw.validate().unwrap();
    Watcher::new(&verification, &endpoints, &subject, client, clock.clone()).unwrap()
}

struct Silent;

impl Reporter for Silent {
    fn event(&mut self, _event: &Event) {}
    fn finish(&mut self, _outcome: &Outcome) {}
}

#[tokio::test]
async fn services_that_are_watched_together_are_one_query_for_each_counter() {
    let Some(prometheus) = Prometheus::with_history(&many()) else {
        return;
    };
    let endpoint = Endpoint::open(Url::parse(&prometheus.url).unwrap());
    let clock = Arc::new(ManualClock::at(after(30)));
    let watch = |service| watch_of(service, &endpoint, &clock);
    let details = |watchers: [&Watcher; 2]| watchers.map(|it| it.standing().detail);
    let before = queries(&prometheus);
    let (mut ads, mut cart) = (watch("ads"), watch("cart"));
    join(ads.poll(&mut Silent), cart.poll(&mut Silent)).await;
    // Both arms of each.
    assert_eq!(queries(&prometheus) - before, 4);
    let alone = details([&ads, &cart]);
    let batch = Batch::default();
    let before = queries(&prometheus);
    let (mut ads, mut cart) = (
        watch("ads").asking_through(batch.clone()),
        watch("cart").asking_through(batch),
    );
    join(ads.poll(&mut Silent), cart.poll(&mut Silent)).await;
    assert_eq!(queries(&prometheus) - before, 2);
    assert_eq!(details([&ads, &cart]), alone);
    assert_eq!(alone, ["was counted once, which is where it begins"; 2]);
}
