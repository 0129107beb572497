//! `verify` over hours of polls, against answers of every kind.

use std::{
    future::{pending, ready},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use reqwest::Url;
use shipgate::{
    clock::{Clock, ManualClock},
    config::{
        provider::RawProviders,
        query::Variables,
        verification::{OnInconclusive, RawVerification, Verification},
    },
    event::{Ending, Outcome},
    ops::{
        verify::{self, Extent},
        watch::{Endpoints, Watcher},
    },
    probe::{
        Client, ClientOptions,
        prometheus::{Auth, Endpoint},
    },
    secret::Secret,
    yaml::{Limits, read},
};

use crate::{
    faults::{faults, now},
    server::{Behaviour, Server, answer},
    verification::{Memory, subject, watcher},
};

const ERRORS: &str = "
interval: 30s
metrics: [{name: error_ratio, provider: prometheus, query: 'errors{v=\"{{version}}\"}', threshold_range: {max: 0.02}}]";

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(now()))
}

fn scalar(at: DateTime<Utc>, value: &str) -> String {
    let at = at.timestamp();
    format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[{at},"{value}"]}}}}"#)
}

fn value(clock: &dyn Clock, value: &str) -> Behaviour {
    answer(200, "", scalar(clock.now(), value))
}

/// A Prometheus that answers one letter after the other, the last one for ever: `g`ood, `b`ad,
/// `n`ot a number, `e`rror.
fn playing(letters: &'static str, clock: &Arc<ManualClock>) -> Server {
    let clock = Arc::clone(clock);
    Server::with(move |number, _| {
        let letters = letters.as_bytes();
        match letters[number.min(letters.len() - 1)] {
            b'g' => value(clock.as_ref(), "0.001"),
            b'b' => value(clock.as_ref(), "0.071"),
            b'n' => value(clock.as_ref(), "NaN"),
            _ => answer(500, "", ""),
        }
    })
}

async fn verify(section: &str, url: &str, clock: &Arc<ManualClock>, extent: Extent) -> Outcome {
    let mut watcher = watcher(section, url, clock.clone());
    let mut memory = Memory::default();
    let outcome = verify::run(&mut watcher, extent, pending(), &mut memory).await;
    assert_eq!(outcome.metrics, watcher.records());
    outcome
}

fn line(outcome: &Outcome, url: &str) -> String {
    let code = outcome.ending.code().number;
    format!("{code}: {}", outcome.reason.replace(url, "URL"))
}

#[tokio::test]
async fn every_sequence_of_answers_has_its_ending() {
    let sequences = [
        "g", "b", "gggb", "n", "gn", "gggn", "gnnnng", "gnnnnn", "e", "geeeeg", "geeeee", "ggggeg",
        "ggggee", "nenene", "gegege",
    ];
    let mut lines = Vec::new();
    for letters in sequences {
        let clock = clock();
        let server = playing(letters, &clock);
        let outcome = verify(ERRORS, &server.url, &clock, Extent::Polls(5)).await;
        let seconds = (clock.now() - now()).num_seconds();
        let polls = server.requests().len();
        lines.push(format!(
            "{letters}, {polls} polls in {seconds}s -> {}",
            line(&outcome, &server.url)
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    g, 5 polls in 120s -> 0: error_ratio is 0.001, wanted at most 0.02
    b, 1 polls in 0s -> 22: error_ratio is 0.071, wanted at most 0.02 (1 of 1 measurement)
    gggb, 4 polls in 90s -> 22: error_ratio is 0.071, wanted at most 0.02 (1 of 4 measurements)
    n, 5 polls in 120s -> 21: error_ratio has no usable number: NaN: nothing divided by nothing, often no traffic (5 answers without a usable number)
    gn, 6 polls in 150s -> 21: error_ratio has no usable number: NaN: nothing divided by nothing, often no traffic (5 answers without a usable number)
    gggn, 8 polls in 210s -> 21: error_ratio has no usable number: NaN: nothing divided by nothing, often no traffic (5 answers without a usable number)
    gnnnng, 9 polls in 240s -> 0: error_ratio is 0.001, wanted at most 0.02
    gnnnnn, 6 polls in 150s -> 21: error_ratio has no usable number: NaN: nothing divided by nothing, often no traffic (5 answers without a usable number)
    e, 5 polls in 120s -> 20: error_ratio could not be measured: URL answered with status 500 (5 errors in a row)
    geeeeg, 9 polls in 240s -> 0: error_ratio is 0.001, wanted at most 0.02
    geeeee, 6 polls in 150s -> 20: error_ratio could not be measured: URL answered with status 500 (5 errors in a row)
    ggggeg, 6 polls in 150s -> 0: error_ratio is 0.001, wanted at most 0.02
    ggggee, 9 polls in 240s -> 20: error_ratio could not be measured: URL answered with status 500 (5 errors in a row)
    nenene, 10 polls in 270s -> 20: error_ratio could not be measured: URL answered with status 500 (5 errors in a row)
    gegege, 10 polls in 270s -> 20: error_ratio could not be measured: URL answered with status 500 (5 errors in a row)
    ");
}

#[tokio::test]
async fn limits_say_how_much_is_tolerated() {
    let rows = [
        ("bbbg", "failure_limit: 3"),
        ("gbbbb", "failure_limit: 3"),
        ("bbb", "failure_limit: 30"),
        ("geg", "consecutive_error_limit: 0"),
        ("gng", "inconclusive_limit: 0"),
        ("ge", "consecutive_error_limit: 900"),
        ("gn", "inconclusive_limit: 900"),
        ("bbgbbg", "consecutive_failure_limit: 2"),
        ("gbbb", "consecutive_failure_limit: 2"),
        ("gbbeb", "consecutive_failure_limit: 2"),
        ("gggbb", "consecutive_failure_limit: 2"),
        ("bgbgbg", "consecutive_failure_limit: 2, failure_limit: 3"),
        ("gb", "count: 1"),
        ("ngngb", "count: 2"),
        ("ggggggggb", "count: 8"),
        ("ggggggggb", "count: 9"),
    ];
    let mut lines = Vec::new();
    for (letters, limits) in rows {
        let clock = clock();
        let server = playing(letters, &clock);
        let section = ERRORS.replace("}}]", &format!("}}, {limits}}}]"));
        let outcome = verify(&section, &server.url, &clock, Extent::Polls(5)).await;
        let polls = server.requests().len();
        lines.push(format!(
            "{letters}, {limits}, {polls} polls -> {}",
            line(&outcome, &server.url)
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    bbbg, failure_limit: 3, 5 polls -> 0: error_ratio is 0.001, wanted at most 0.02 (3 of 5 measurements failed, which its limit tolerates)
    gbbbb, failure_limit: 3, 5 polls -> 22: error_ratio is 0.071, wanted at most 0.02 (4 of 5 measurements)
    bbb, failure_limit: 30, 5 polls -> 21: error_ratio is 0.071, wanted at most 0.02 (0 of 5 measurements passed, too little to decide)
    geg, consecutive_error_limit: 0, 2 polls -> 20: error_ratio could not be measured: URL answered with status 500 (1 error in a row)
    gng, inconclusive_limit: 0, 2 polls -> 21: error_ratio has no usable number: NaN: nothing divided by nothing, often no traffic (1 answer without a usable number)
    ge, consecutive_error_limit: 900, 30 polls -> 20: error_ratio could not be measured: URL answered with status 500
    gn, inconclusive_limit: 900, 30 polls -> 21: error_ratio has no usable number: NaN: nothing divided by nothing, often no traffic
    bbgbbg, consecutive_failure_limit: 2, 5 polls -> 21: error_ratio is 0.071, wanted at most 0.02 (2 failed in a row, at most 2 tolerated)
    gbbb, consecutive_failure_limit: 2, 4 polls -> 22: error_ratio is 0.071, wanted at most 0.02 (3 of 4 measurements)
    gbbeb, consecutive_failure_limit: 2, 5 polls -> 22: error_ratio is 0.071, wanted at most 0.02 (3 of 4 measurements)
    gggbb, consecutive_failure_limit: 2, 5 polls -> 21: error_ratio is 0.071, wanted at most 0.02 (2 failed in a row, at most 2 tolerated)
    bgbgbg, consecutive_failure_limit: 2, failure_limit: 3, 5 polls -> 21: error_ratio is 0.071, wanted at most 0.02 (1 failed in a row, at most 2 tolerated)
    gb, count: 1, 1 polls -> 0: error_ratio is 0.001, wanted at most 0.02
    ngngb, count: 2, 4 polls -> 0: error_ratio is 0.001, wanted at most 0.02
    ggggggggb, count: 8, 8 polls -> 0: error_ratio is 0.001, wanted at most 0.02
    ggggggggb, count: 9, 9 polls -> 22: error_ratio is 0.071, wanted at most 0.02 (1 of 9 measurements)
    ");
}

#[tokio::test]
async fn four_hours_of_polls() {
    let clock = clock();
    let server = playing("g", &clock);
    let hours = Extent::For(Duration::from_secs(4 * 3600));
    let outcome = verify(ERRORS, &server.url, &clock, hours).await;
    assert_eq!(outcome.ending, Ending::Healthy);
    assert_eq!((clock.now() - now()).num_minutes(), 240);
    // One at the start and one at the end of each 30 seconds.
    assert_eq!(server.requests().len(), 481);
    assert_eq!(outcome.metrics[0].measured, 481);
}

#[tokio::test]
async fn each_criterion_follows_its_own_delay_and_interval() {
    let section = "
interval: 1m
initial_delay: 2m
health: [{http: 'URL/{{version}}/health', equals: ok}]
metrics:
  - {name: often, provider: prometheus, query: often, threshold_range: {min: 0}, interval: 20s}
  - {name: late, provider: prometheus, query: late, threshold_range: {min: 0}, initial_delay: 3m}
";
    let clock = clock();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (inner, log) = (clock.clone(), Arc::clone(&asked));
    let server = Server::with(move |_, request| {
        let what = ["/1.1/health", "query=often", "query=late"]
            .into_iter()
            .find(|what| request.contains(what))
            .unwrap_or("something else");
        let second = (inner.now() - now()).num_seconds();
        log.lock().unwrap().push(format!("{second}s {what}"));
        if what == "/1.1/health" {
            answer(200, "", "ok")
        } else {
            value(inner.as_ref(), "1")
        }
    });
    let section = section.replace("URL", &server.url);
    let mut watcher = watcher(&section, &server.url, clock.clone());
    let mut memory = Memory::default();
    let extent = Extent::Polls(2);
    let outcome = verify::run(&mut watcher, extent, pending(), &mut memory).await;
    insta::assert_snapshot!(line(&outcome, &server.url), @r#"0: health answered with status 200 in 0ms, wanted status 200 to 299 and "ok"; often is 1, wanted at least 0; late is 1, wanted at least 0"#);
    assert_eq!(memory.waits, [Duration::from_secs(120)]);
    let mut asked = asked.lock().unwrap().clone();
    // Those of one instant are asked side by side.
    asked.sort();
    insta::assert_snapshot!(asked.join("\n"), @r"
    120s /1.1/health
    120s query=often
    140s query=often
    160s query=often
    180s /1.1/health
    180s query=late
    180s query=often
    200s query=often
    220s query=often
    240s /1.1/health
    240s query=late
    240s query=often
    ");
}

#[tokio::test]
async fn several_criteria_end_with_the_worst() {
    let section = "
health: [{http: 'URL/health', name: api}]
metrics:
  - {name: good, provider: prometheus, query: good, threshold_range: {max: 1}}
  - {name: empty, provider: prometheus, query: empty, threshold_range: {max: 1}, inconclusive_limit: 0}
  - {name: bad, provider: prometheus, query: bad, threshold_range: {max: 1}}
  - {name: worse, provider: prometheus, query: worse, threshold_range: {max: 1}}
";
    let mut lines = Vec::new();
    // How many of the metrics are looked at, and what the service's health answers.
    for (metrics, status) in [(1, 200), (2, 200), (3, 200), (4, 200), (1, 500), (4, 500)] {
        let clock = clock();
        let inner = clock.clone();
        let server = Server::with(move |_, request| {
            if request.starts_with("GET") {
                return answer(status, "", "");
            }
            let number = if request.contains("query=good") {
                "0"
            } else if request.contains("query=empty") {
                "NaN"
            } else {
                "7"
            };
            value(inner.as_ref(), number)
        });
        let text: Vec<&str> = section.lines().take(3 + metrics).collect();
        let section = text.join("\n").replace("URL", &server.url);
        let outcome = verify(&section, &server.url, &clock, Extent::Polls(1)).await;
        lines.push(line(&outcome, &server.url));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: api answered with status 200 in 0ms, wanted status 200 to 299; good is 0, wanted at most 1
    21: empty has no usable number: NaN: nothing divided by nothing, often no traffic (1 answer without a usable number)
    22: bad is 7, wanted at most 1 (1 of 1 measurement)
    22: bad is 7, wanted at most 1 (1 of 1 measurement); the same for worse
    22: api answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    22: api answered with status 500, wanted status 200 to 299 (1 of 1 measurement); the same for bad, worse
    ");
}

#[tokio::test]
async fn a_stop_ends_it_with_what_is_known() {
    let clock = clock();
    let server = playing("g", &clock);
    let mut watcher = watcher(ERRORS, &server.url, clock.clone());
    let stop = ready(Ending::Interrupted);
    let outcome = verify::run(&mut watcher, Extent::Polls(5), stop, &mut Memory::default()).await;
    insta::assert_snapshot!(line(&outcome, &server.url), @r"130: stopped before a verdict; so far error_ratio was not measured yet, wanted at most 0.02");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn every_measurement_is_reported_once() {
    let clock = clock();
    let server = playing("gnegb", &clock);
    let mut watcher = watcher(ERRORS, &server.url, clock.clone());
    let mut memory = Memory::default();
    verify::run(&mut watcher, Extent::Polls(9), pending(), &mut memory).await;
    let lines: Vec<String> = memory
        .measured
        .iter()
        .map(|metric| {
            let detail = metric.detail.replace(&server.url, "URL");
            format!("{}: {detail}, {:?}", metric.verdict, metric.value)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    pass: is 0.001, Some(0.001)
    not-yet: has no usable number: NaN: nothing divided by nothing, often no traffic, Some(0.001)
    not-yet: could not be measured: URL answered with status 500, Some(0.001)
    pass: is 0.001, Some(0.001)
    fail: is 0.071, Some(0.071)
    ");
}

#[tokio::test]
async fn nothing_broken_is_ever_verified_as_healthy() {
    let section = "
interval: 1s
health: [{http: 'URL/health', pointer: /status, equals: ok, timeout: 400ms}]
metrics: [{name: error_ratio, provider: prometheus, query: x, threshold_range: {min: -1e300, max: 1e300}, timeout: 400ms}]";
    for broken in ["health", "error_ratio"] {
        let good = match broken {
            "health" => r#"{"status":"ok"}"#.to_owned(),
            _ => scalar(now(), "0"),
        };
        for (name, behaviour) in faults(&good) {
            let clock = clock();
            let inner = clock.clone();
            let server =
                Server::with(
                    move |_, request| match (request.starts_with("GET"), broken) {
                        (true, "health") | (false, "error_ratio") => behaviour.clone(),
                        (true, _) => answer(200, "", r#"{"status":"ok"}"#),
                        (false, _) => value(inner.as_ref(), "0"),
                    },
                );
            let section = section.replace("URL", &server.url);
            let outcome = verify(&section, &server.url, &clock, Extent::Polls(1)).await;
            let wanted = [
                Ending::Unhealthy,
                Ending::Unavailable,
                Ending::InsufficientData,
            ];
            let Outcome { ending, reason, .. } = &outcome;
            assert!(wanted.contains(ending), "{broken} {name}: {reason}");
            assert!(reason.starts_with(broken), "{broken} {name}: {reason}");
        }
    }
}

#[test]
fn what_cannot_be_asked_is_refused_before_the_first_question() {
    let section = |query: &str| {
        let text = format!(
            "metrics: [{{name: a, provider: prometheus, query: '{query}', threshold_range: {{max: 1}}}}]"
        );
        let (raw, _) = read::<RawVerification>(&text, &Limits::SETTINGS).unwrap();
        raw.validate().unwrap()
    };
    let endpoints = |url: Option<&str>| Endpoints {
        prometheus: url.map(|url| Endpoint::open(Url::parse(url).unwrap())),
        ..Endpoints::default()
    };
    let nothing = Verification {
        count: 1,
        health: Vec::new(),
        checks: Vec::new(),
        metrics: Vec::new(),
        on_inconclusive: OnInconclusive::Hold,
    };
    let here = || endpoints(Some("http://127.0.0.1:9090"));
    let rows = [
        (nothing, here()),
        (section("up"), endpoints(None)),
        (section("up{v=\"{{version}}\"}"), here()),
    ];
    let mut lines = Vec::new();
    for (verification, endpoints) in rows {
        let client = Client::new(ClientOptions::default());
        let nobody = subject(Variables::default());
        let made = Watcher::new(&verification, &endpoints, &nobody, client, clock());
        lines.push(line(&made.err().unwrap().into(), "URL"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    3: `verification` has no health checks, no other checks and no metrics, so nothing would be verified
    3: `a` asks `prometheus`, which `providers` does not name
    3: the query of `a` uses `{{version}}`, which is not known here
    ");
}

#[test]
fn credentials_come_from_the_variables_that_are_named() {
    let text = "prometheus: {url: 'https://prometheus.example', username_env: A, password_env: B}";
    let (raw, _) = read::<RawProviders>(text, &Limits::SETTINGS).unwrap();
    let providers = raw.validate().unwrap();
    let endpoints = Endpoints::new(&providers, |name| Some(Secret::new(name.to_lowercase())));
    let auth = endpoints.unwrap().prometheus.unwrap().auth;
    let wanted = Auth::Basic {
        username: Secret::new("a"),
        password: Secret::new("b"),
    };
    assert_eq!(auth, wanted);
    assert_eq!(
        format!("{auth:?}"),
        "Basic { username: ***, password: *** }"
    );
    // CI systems pass unset secrets as empty texts.
    for value in [None, Some(""), Some(" ")] {
        let found = Endpoints::new(&providers, |name| match name {
            "A" => Some(Secret::new("a")),
            _ => value.map(Secret::new),
        });
        let outcome: Outcome = found.err().unwrap().into();
        assert_eq!(
            line(&outcome, "URL"),
            "2: the variable B is not set, from which `providers.prometheus` takes its credentials"
        );
    }
    let found = Endpoints::new(&providers, |_| Some(Secret::new("hun\nter2")));
    let outcome: Outcome = found.err().unwrap().into();
    assert_eq!(
        line(&outcome, "URL"),
        "2: the variable A, from which `providers.prometheus` takes its credentials, holds a line break or another control character"
    );
}

#[tokio::test]
async fn what_is_dry_is_judged_and_shown_and_decides_nothing() {
    let dry = "{name: tried, provider: prometheus, query: other, success_condition: result < 0.02, dry_run: true}";
    let section = ERRORS.replace("}}]", &format!("}}}}, {dry}]"));
    let rows = [("0.001", "0.071"), ("0.071", "0.001"), ("0.001", "NaN")];
    let mut lines = Vec::new();
    for (deciding, tried) in rows {
        let clock = clock();
        let time = clock.clone();
        let server = Server::with(move |_, request| {
            let asks_other = request.contains("query=other");
            value(time.as_ref(), if asks_other { tried } else { deciding })
        });
        let outcome = verify(&section, &server.url, &clock, Extent::Polls(2)).await;
        let metrics: Vec<String> = outcome
            .metrics
            .iter()
            .map(|it| format!("{} {} {}", it.name, it.verdict, it.dry_run))
            .collect();
        lines.push(format!(
            "{} [{}]",
            line(&outcome, &server.url),
            metrics.join(", ")
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: error_ratio is 0.001, wanted at most 0.02 [error_ratio pass false, tried fail true]
    22: error_ratio is 0.071, wanted at most 0.02 (1 of 1 measurement) [error_ratio fail false, tried pass true]
    0: error_ratio is 0.001, wanted at most 0.02 [error_ratio pass false, tried not-yet true]
    ");
}
