//! Every preset against a real Prometheus that knows series of the shape its exporter makes.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use crate::prometheus::Prometheus;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shipgate::{
    cli::{self, Context},
    clock::ManualClock,
};

const CONFIG: &str = r#"version: 1
environments:
  production: {root: clusters/prod}
providers:
  prometheus: {url: "URL"}
services:
  ads:
    manifests: ["{root}/ads*.yaml"]
    image: registry.example/ads
    workloads: {stable: Deployment/ads, canary: Deployment/ads-canary}
    traffic: {ingress_nginx: Ingress/ads-canary}
    live:
      stable: {http: "http://127.0.0.1:9/version"}
      canary: {http: "http://127.0.0.1:9/version"}
    strategy:
      canary:
        steps:
          - set_weight: 20
          - pause: {duration: 10m}
        bake_time: 5m
    verification:
      interval: 30s
      metrics:
        - PRESET
"#;

/// What an exporter calls things.
struct Exporter {
    /// The entry of `metrics`.
    preset: &'static str,
    /// Name of the counter of requests.
    requests: &'static str,
    /// Name of the buckets.
    buckets: &'static str,
    /// Labels of the stable version's series, and of the canary's.
    labels: [&'static str; 2],
    /// More labels of a series of requests that went well, and of one that did not.
    outcomes: [&'static str; 2],
    /// Boundaries of its buckets: nine of ten requests are in the first, slow ones above the second.
    boundaries: [&'static str; 3],
}

/// Shapes as the exporters' documents and sources have them, docs/providers.md says where.
const EXPORTERS: [Exporter; 6] = [
    Exporter {
        preset: "{preset: open_telemetry}",
        requests: "http_server_request_duration_seconds_count",
        buckets: "http_server_request_duration_seconds_bucket",
        labels: [
            "job=\"shop/ads\",instance=\"7f1c\",service_name=\"ads\",service_namespace=\"shop\",service_version=\"1.0\",http_request_method=\"GET\",http_route=\"/ads\",url_scheme=\"http\"",
            "job=\"shop/ads\",instance=\"91ab\",service_name=\"ads\",service_namespace=\"shop\",service_version=\"1.1\",http_request_method=\"GET\",http_route=\"/ads\",url_scheme=\"http\"",
        ],
        outcomes: [
            "http_response_status_code=\"200\"",
            "http_response_status_code=\"503\",error_type=\"503\"",
        ],
        boundaries: ["0.1", "0.25", "2.5"],
    },
    Exporter {
        preset: "{preset: ingress_nginx, with: {namespace: shop}}",
        requests: "nginx_ingress_controller_requests",
        buckets: "nginx_ingress_controller_request_duration_seconds_bucket",
        labels: [
            "controller_class=\"k8s.io/ingress-nginx\",controller_namespace=\"ingress-nginx\",controller_pod=\"nginx-1\",exported_namespace=\"shop\",exported_service=\"ads\",host=\"shop.example\",ingress=\"ads\",method=\"GET\",path=\"/\"",
            "canary=\"shop-ads-canary-80\",controller_class=\"k8s.io/ingress-nginx\",controller_namespace=\"ingress-nginx\",controller_pod=\"nginx-1\",exported_namespace=\"shop\",exported_service=\"ads\",host=\"shop.example\",ingress=\"ads\",method=\"GET\",path=\"/\"",
        ],
        outcomes: ["status=\"200\"", "status=\"502\""],
        boundaries: ["0.1", "0.25", "2.5"],
    },
    Exporter {
        preset: "{preset: istio}",
        requests: "istio_requests_total",
        buckets: "istio_request_duration_milliseconds_bucket",
        labels: [
            "reporter=\"destination\",source_workload=\"web\",destination_workload=\"ads\",destination_workload_namespace=\"shop\",destination_app=\"ads\",destination_version=\"1.0\",destination_service_name=\"ads\",destination_canonical_service=\"ads\",destination_canonical_revision=\"1.0\",request_protocol=\"http\",connection_security_policy=\"mutual_tls\"",
            "reporter=\"destination\",source_workload=\"web\",destination_workload=\"ads-canary\",destination_workload_namespace=\"shop\",destination_app=\"ads\",destination_version=\"1.1\",destination_service_name=\"ads\",destination_canonical_service=\"ads\",destination_canonical_revision=\"1.1\",request_protocol=\"http\",connection_security_policy=\"mutual_tls\"",
        ],
        outcomes: [
            "response_code=\"200\",response_flags=\"-\"",
            "response_code=\"503\",response_flags=\"UF\"",
        ],
        boundaries: ["100", "250", "2500"],
    },
    Exporter {
        preset: "{preset: linkerd, with: {namespace: shop}}",
        requests: "response_total",
        buckets: "response_latency_ms_bucket",
        labels: [
            "direction=\"inbound\",namespace=\"shop\",deployment=\"ads\",pod=\"ads-1\",target_port=\"8080\",tls=\"true\"",
            "direction=\"inbound\",namespace=\"shop\",deployment=\"ads-canary\",pod=\"ads-canary-1\",target_port=\"8080\",tls=\"true\"",
        ],
        outcomes: [
            "classification=\"success\",status_code=\"200\"",
            "classification=\"failure\",status_code=\"500\"",
        ],
        boundaries: ["100", "300", "2000"],
    },
    Exporter {
        preset: "{preset: traefik, with: {stable: shop-ads-80@kubernetes, canary: shop-ads-canary-80@kubernetes}}",
        requests: "traefik_service_requests_total",
        buckets: "traefik_service_request_duration_seconds_bucket",
        labels: [
            "instance=\"traefik:8080\",method=\"GET\",protocol=\"http\",service=\"shop-ads-80@kubernetes\"",
            "instance=\"traefik:8080\",method=\"GET\",protocol=\"http\",service=\"shop-ads-canary-80@kubernetes\"",
        ],
        outcomes: ["code=\"200\"", "code=\"500\""],
        boundaries: ["0.1", "0.3", "1.2"],
    },
    Exporter {
        preset: "{preset: spring}",
        requests: "http_server_requests_seconds_count",
        buckets: "http_server_requests_seconds_bucket",
        labels: [
            "application=\"ads\",version=\"1.0\",error=\"none\",exception=\"none\",method=\"GET\",uri=\"/ads/{id}\",instance=\"ads-1\"",
            "application=\"ads\",version=\"1.1\",error=\"none\",exception=\"none\",method=\"GET\",uri=\"/ads/{id}\",instance=\"ads-2\"",
        ],
        outcomes: [
            "outcome=\"SUCCESS\",status=\"200\"",
            "outcome=\"SERVER_ERROR\",status=\"500\"",
        ],
        boundaries: ["0.1", "0.25", "2.5"],
    },
];

fn at(minutes: i64) -> DateTime<Utc> {
    let began: DateTime<Utc> = "2026-01-05T12:00:00Z".parse().unwrap();
    began + TimeDelta::minutes(minutes)
}

/// Stable alone for an hour, then both for half an hour with a canary as good, and half an hour with
/// one that fails five times as often and is slow three times as often. Series begin when there is
/// something to count.
fn history(exporter: &Exporter) -> String {
    let mut text = String::new();
    let [well, badly] = exporter.outcomes;
    for (arm, labels) in exporter.labels.iter().enumerate() {
        let (requests, begins) = if arm == 0 { (3_000, -60) } else { (600, 0) };
        let mut sums = [0_i64; 5];
        let mut rows: Vec<Vec<(i64, i64)>> = vec![Vec::new(); 5];
        for half_minute in 2 * begins..=120 {
            let time = at(0).timestamp() + 30 * half_minute;
            let is_worse = arm == 1 && half_minute > 60;
            let failed = requests / if is_worse { 20 } else { 100 };
            let slow = requests * if is_worse { 6 } else { 2 } / 100;
            // The canary's first failure is late, so its series is a new one.
            let failed = if arm == 1 && half_minute < 4 {
                0
            } else {
                failed
            };
            let grown = [
                requests - failed,
                failed,
                requests * 9 / 10,
                requests - slow,
                requests,
            ];
            for ((sum, row), grown) in sums.iter_mut().zip(&mut rows).zip(grown) {
                *sum += grown;
                if *sum > 0 {
                    row.push((*sum, time));
                }
            }
        }
        let [first, second, third] = exporter.boundaries;
        let mut series = |name: &str, more: &str, row: &[(i64, i64)]| {
            for (value, time) in row {
                writeln!(text, "{name}{{{labels},{more}}} {value} {time}").unwrap();
            }
        };
        for (outcome, row) in [well, badly].iter().zip(&rows) {
            series(exporter.requests, outcome, row);
        }
        let boundaries = [
            (first, &rows[2]),
            (second, &rows[3]),
            (third, &rows[4]),
            ("+Inf", &rows[4]),
        ];
        for (boundary, row) in boundaries {
            series(exporter.buckets, &format!("{well},le=\"{boundary}\""), row);
        }
    }
    text
}

/// What a program writes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a command at the end of the history; returns the exit code and what was printed.
fn run(url: &str, preset: &str, arguments: &[&str]) -> (u8, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("URL", url).replace("PRESET", preset);
    fs::write(folder.path().join("shipgate.yaml"), config).unwrap();
    let printed = Sink::default();
    let context = Context {
        environment: BTreeMap::new(),
        clock: Arc::new(ManualClock::at(at(60))),
        stdout: Box::new(printed.clone()),
        stderr: Box::new(Sink::default()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: folder.path().to_owned(),
    };
    let arguments = ["shipgate"].iter().chain(arguments);
    let code = cli::run(arguments.map(Into::into), context);
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    (code, text.replace(url, "URL"))
}

/// One line: the exit code, and what came of each metric.
fn compared(url: &str, preset: &str, from: i64, to: i64) -> String {
    let (from, to) = (at(from).to_rfc3339(), at(to).to_rfc3339());
    let arguments = [
        "compare",
        "--from",
        &from,
        "--to",
        &to,
        "--version",
        "1.1",
        "--stable-version",
        "1.0",
        "--output",
        "json",
    ];
    let (code, text) = run(url, preset, &arguments);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    let metrics: Vec<String> = report["metrics"]
        .as_array()
        .cloned()
        .unwrap_or_default()
        .iter()
        .map(|metric| match metric["canary"].as_object() {
            None => format!("{}: {}", metric["name"], metric["detail"]),
            Some(_) => {
                let count = |arm: &str, key: &str| metric[arm][key].as_f64().unwrap();
                format!(
                    "{} {}: {} of {}, stable {} of {}",
                    metric["name"],
                    metric["verdict"],
                    count("canary", "bad"),
                    count("canary", "total"),
                    count("stable", "bad"),
                    count("stable", "total"),
                )
            }
        })
        .collect();
    format!("{code} {}", metrics.join("; "))
}

#[test]
fn every_preset_counts_what_its_exporter_counted() {
    for exporter in &EXPORTERS {
        let Some(prometheus) = Prometheus::with_history(&history(exporter)) else {
            return;
        };
        let url = &prometheus.url;
        let preset = exporter.preset;
        assert_eq!(
            compared(url, preset, 2, 28),
            "0 \"errors\" \"good\": 312 of 31200, stable 1560 of 156000; \"duration\" \"good\": 624 of 31200, stable 3120 of 156000",
            "{preset}"
        );
        assert_eq!(
            compared(url, preset, 30, 58),
            "22 \"errors\" \"worse\": 90 of 1800, stable 90 of 9000; \"duration\" \"worse\": 108 of 1800, stable 180 of 9000",
            "{preset}"
        );
    }
}

#[test]
fn an_exporter_without_the_label_that_tells_failures_is_not_healthy() {
    let istio = &EXPORTERS[2];
    let told = history(istio);
    let silent: String = told
        .replace("response_code=\"200\",", "")
        .replace("response_code=\"503\",", "");
    let Some(prometheus) = Prometheus::with_history(&silent) else {
        return;
    };
    let found = compared(&prometheus.url, "{preset: istio, parts: [errors]}", 2, 28);
    insta::assert_snapshot!(found, @r#"21 "errors": "has no usable number: `total` matches nothing for stable: is the query right?""#);
}

#[test]
fn validate_says_what_a_preset_stands_for() {
    let (code, text) = run(
        "https://prometheus.example",
        "{preset: istio, with: {namespace: shop}}",
        &["validate"],
    );
    insta::assert_snapshot!(format!("{code}\n{text}"), @r#"
    0
    OK  shipgate.yaml is valid; 1 warning

    shipgate.yaml
      info     24:11: `errors` by preset istio: bad
               istio_requests_total{reporter="destination",destination_canonical_service="{{service}}",destination_canonical_revision="{{version}}",destination_workload_namespace="shop",response_code=~"5.."},
               total
               istio_requests_total{reporter="destination",destination_canonical_service="{{service}}",destination_canonical_revision="{{version}}",destination_workload_namespace="shop",response_code!=""}
               [preset]
      info     24:11: `duration` by preset istio: histogram
               istio_request_duration_milliseconds_bucket{reporter="destination",destination_canonical_service="{{service}}",destination_canonical_revision="{{version}}",destination_workload_namespace="shop"}
               [preset]
      warning  13:7: `live.stable` and `live.canary` look at the same place, so what Deployment/ads runs
               is taken for what Deployment/ads-canary runs; give each its own [arms]
               13 |       stable: {http: "http://127.0.0.1:9/version"}
                  |       ^
    "#);
    let (code, text) = run(
        "https://prometheus.example",
        "{preset: istio, success_condition: 'result <'}",
        &["validate"],
    );
    insta::assert_snapshot!(format!("{code}\n{text}"), @r"
    3
    CONFIG INVALID  shipgate.yaml:24:46: `success_condition` does not go with `preset`, which is the
                    whole query

      exit code   3 config-invalid

    shipgate.yaml
      error    24:46: `success_condition` does not go with `preset`, which is the whole query [invalid]
               24 |         - {preset: istio, success_condition: 'result <'}
                  |                                              ^

    next: mend the line that the message names
    ");
    let condition =
        "{name: p95, provider: prometheus, query: q, success_condition: 'result < 0,5'}";
    let (code, text) = run("https://prometheus.example", condition, &["validate"]);
    insta::assert_snapshot!(format!("{code}\n{text}"), @r"
    3
    CONFIG INVALID  shipgate.yaml:24:74: at character 11: found ',' where something else must stand

      exit code   3 config-invalid

    shipgate.yaml
      error    24:74: at character 11: found ',' where something else must stand [invalid]
               24 | rometheus, query: q, success_condition: 'result < 0,5'}
                  |                                         ^

    next: mend the line that the message names
    ");
}
