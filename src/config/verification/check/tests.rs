//! What a written `verification` section means, and which problems it has.

mod presets;

use super::*;
use crate::analysis::judge::Parameters;
use crate::config::provider::Named;
use crate::config::verification::{Measure, OnInconclusive};
use crate::yaml::{Limits as TextLimits, read};

fn validated(text: &str) -> Result<Verification, String> {
    let (raw, _) = read::<RawVerification>(text, &TextLimits::SETTINGS).unwrap();
    raw.validate().map_err(|problems| {
        problems
            .iter()
            .map(|(pointer, message)| format!("{pointer}: {message}"))
            .collect::<Vec<_>>()
            .join("\n")
    })
}

#[test]
fn what_is_not_given_has_the_documented_value() {
    let text = "
health: [{http: 'https://ads.example/{{version}}/health'}]
metrics:
  - {name: p95, provider: prometheus, query: 'x{v=\"{{version}}\"}', threshold_range: {max: 0.5}}
  - {name: ok, provider: prometheus, query: y, threshold_range: {min: 1}, failure_limit: 3, interval: 1m, initial_delay: 5m, inconclusive_limit: 0}
";
    let verification = validated(text).unwrap();
    assert_eq!(verification.count, 5);
    assert_eq!(verification.asked(), [("metrics", Named::Prometheus)]);
    let health = &verification.health[0];
    assert_eq!((health.name.as_str(), health.status), ("health", None));
    assert_eq!(health.limits, Limits::default());
    assert_eq!(
        health.schedule,
        Schedule {
            initial_delay: Duration::ZERO,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
        }
    );
    let [p95, ok] = verification.metrics.as_slice() else {
        panic!("two metrics were given");
    };
    assert_eq!(p95.limits, Limits::default());
    assert_eq!(p95.schedule.timeout, Duration::from_secs(10));
    assert_eq!(ok.schedule.interval, Duration::from_secs(60));
    assert_eq!(ok.schedule.initial_delay, Duration::from_secs(300));
    assert_eq!(ok.limits.failure_limit, 3);
    assert_eq!(ok.limits.inconclusive_limit, 0);
}

#[test]
fn what_could_never_fail_is_refused() {
    let nothing = validated("interval: 30s").unwrap_err();
    assert_eq!(
        nothing,
        ": none of `health`, `checks` and `metrics` has an entry, so nothing would be verified"
    );
    let text = "
interval: 500ms
count: 3
initial_delay: soon
health:
  - {http: 'ftp://x.example'}
  - {http: 'https://u:hunter2@x.example', timeout: 0s}
  - {http: 'https://x.example', pointer: status}
  - {http: 'https://x.example', pointer: /status, equals: ok, max_latency: 9s, name: health}
metrics:
  - {name: a, provider: prometheus, query: x, threshold_range: {}}
  - {name: a, provider: prometheus, query: 'x{{verson}}', threshold_range: {min: 2, max: 1}}
  - {name: \"b\\u0007\", provider: prometheus, query: x, threshold_range: {max: 1}, failure_limit: 3}
";
    insta::assert_snapshot!(validated(text).unwrap_err(), @r#"
    /interval: expected at least 1s
    /initial_delay: found "soon", expected a duration with a unit, such as 30s, 10m or 1h30m
    /health/0/http: found the scheme `ftp`; expected an http or https address, such as https://host.example/path
    /health/1/http: found credentials in the address; name the variables that hold them in `username_env` and `password_env`
    /health/1/timeout: found 0s, expected some time to answer, such as 5s
    /health/2/pointer: found "status", expected a JSON pointer such as /status
    /health/2/pointer: `equals` is missing: a value that is held against nothing decides nothing
    /health/3/name: the name `health` is used twice
    /health/3/max_latency: expected more than 0s and at most `timeout`
    /metrics/0/threshold_range: neither `min` nor `max` is given, expected at least one of them
    /metrics/1/name: the name `a` is used twice
    /metrics/1/query: unknown variable `verson`; did you mean `version`?
    /metrics/1/threshold_range: `min` is above `max`, so no number would be inside
    /metrics/2/name: found "b\u{7}", expected 1 to 63 letters, digits, spaces or . _ - / %
    /metrics/2/failure_limit: tolerates 3 failures where `count` makes 3 measurements, so it can never fail
    "#);
}

#[test]
fn every_form_of_a_metric_is_read() {
    let text = "
judge: {tolerated_ratio: 1.5, unacceptable_ratio: 3, before: 30m, soak_polls: 4}
on_inconclusive: promote
metrics:
  - {name: errors, provider: prometheus, bad: 'b{a=\"{{arm}}\"}', total: t, tolerated_ratio: 1.1, dispersion: 2}
  - {name: availability, provider: prometheus, good: g, total: t, absent_bad_is_zero: true}
  - {name: slo, provider: prometheus, bad: b, total: t, max_rate: 0.01}
  - {name: slow, provider: prometheus, histogram: h, slow_above: auto, before: 20m}
  - {name: slower, provider: prometheus, histogram: h, slow_above: 0.3}
  - {name: p99, provider: prometheus, histogram: h, quantile: 0.99, tolerated_factor: 1.2}
  - {name: p99.9, provider: prometheus, histogram: h, quantile: 0.999, tolerated_factor: 1, unacceptable_ratio: 1.5}
  - {name: p99-gauge, provider: prometheus, query: 'q{{arm}}', tolerated_factor: 5, before: 20m}
  - {name: p95, provider: prometheus, query: q, threshold_range: {max: 0.5}}
";
    let verification = validated(text).unwrap();
    assert_eq!(verification.on_inconclusive, OnInconclusive::Promote);
    let lines: Vec<String> = verification.metrics.iter().map(shown).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    errors: bad/total Stable 1.1 3 0.001 of 8, Fixed(2.0), soak 4, before Some(1800s)
    availability: good/total Stable 1.5 3 0.001 of 8, Auto, soak 4, before Some(1800s)
    slo: bad/total Rate(0.01) 1.5 3 0.001 of 8, Auto, soak 4, before Some(1800s)
    slow: histogram Stable 1.5 3 0 of 8, Auto, soak 4, before Some(1200s)
    slower: histogram Stable 1.5 3 0 of 8, Auto, soak 4, before Some(1800s)
    p99: histogram Stable 1.2 3 0 of 8, Auto, soak 4, before Some(1800s)
    p99.9: histogram Stable 1 1.5 0 of 8, Auto, soak 4, before Some(1800s)
    p99-gauge: query Stable 5 10 0 of 8, Auto, soak 4, before Some(1200s)
    p95: a threshold
    ");
}

fn shown(metric: &Metric) -> String {
    let Measure::Comparison(comparison) = &metric.measure else {
        return format!("{}: a threshold", metric.name);
    };
    let Parameters {
        against,
        tolerated_ratio,
        unacceptable_ratio,
        negligible_rate,
        metrics,
        dispersion,
        soak_polls,
        ..
    } = comparison.parameters;
    let keys: Vec<&str> = comparison.queries().iter().map(|(key, _)| *key).collect();
    format!(
        "{}: {} {against:?} {tolerated_ratio} {unacceptable_ratio} {negligible_rate} of {metrics}, {dispersion:?}, soak {soak_polls}, before {:?}",
        metric.name,
        keys.join("/"),
        comparison.before
    )
}

#[test]
fn thresholds_are_read_in_each_of_their_forms() {
    let text = "
metrics:
  - {name: a, provider: prometheus, query: q, success_condition: 'result < 0.05'}
  - {name: b, provider: prometheus, query: q, failure_condition: 'result > 0.1 || result < 0', count: 3, interval: 10s}
  - {name: c, provider: prometheus, query: q, success_condition: result < 0.05, failure_condition: result > 0.1, dry_run: true}
  - {name: d, provider: prometheus, query: q, threshold_range: {max: 1}, consecutive_failure_limit: 2}
  - {name: e, provider: prometheus, query: q, threshold_range: {max: 1}, consecutive_failure_limit: 2, failure_limit: 4, requests: r, min_requests: 50}
";
    let lines: Vec<String> = validated(text)
        .unwrap()
        .metrics
        .iter()
        .map(|metric| {
            let Measure::Threshold {
                threshold,
                requests,
                ..
            } = &metric.measure
            else {
                panic!("a threshold");
            };
            let Limits {
                failure_limit,
                consecutive_failure_limit,
                count,
                ..
            } = metric.limits;
            format!(
                "{}: {threshold}; {failure_limit} in all, {consecutive_failure_limit:?} in a row, count {count:?}, at least {:?} of {:?}{}",
                metric.name,
                metric.min_requests,
                requests.as_ref().map(ToString::to_string),
                if metric.dry_run { ", dry run" } else { "" },
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    a: result < 0.05; 0 in all, None in a row, count None, at least None of None
    b: not (result > 0.1 || result < 0); 0 in all, None in a row, count Some(3), at least None of None
    c: result < 0.05, bad at result > 0.1; 0 in all, None in a row, count None, at least None of None, dry run
    d: at most 1; 4294967295 in all, Some(2) in a row, count None, at least None of None
    e: at most 1; 4 in all, Some(2) in a row, count None, at least Some(50.0) of Some("r")
    "#);
}

#[test]
fn thresholds_that_are_none_are_named() {
    let text = "
metrics:
  - {name: a, provider: prometheus, query: q, success_condition: 'result < 0.05', threshold_range: {max: 1}}
  - {name: b, provider: prometheus, query: q, success_condition: 'resul < 0.05'}
  - {name: c, provider: prometheus, query: q, failure_condition: 'result[0] > 1'}
  - {name: d, provider: prometheus, query: q, success_condition: 'result >= 0 || result < 0'}
  - {name: e, provider: prometheus, query: q, failure_condition: 'result < 1 && result > 2'}
  - {name: f, provider: prometheus, query: q, threshold_range: {max: 1}, requests: r}
  - {name: g, provider: prometheus, query: q, threshold_range: {max: 1}, min_requests: 5}
  - {name: h, provider: prometheus, query: q, threshold_range: {max: 1}, count: 2, consecutive_failure_limit: 2}
  - {name: i, provider: prometheus, query: q, threshold_range: {max: 1}, failure_limit: 2, consecutive_failure_limit: 3}
  - {name: j, provider: prometheus, bad: b, total: t, count: 3, consecutive_failure_limit: 1, success_condition: result < 1}
  - {name: k, provider: prometheus, query: q, tolerated_factor: 2, min_requests: 4}
  - {provider: prometheus, query: q, threshold_range: {max: 1}}
  - {name: l, query: q, threshold_range: {max: 1}}
  - {name: m, provider: prometheus, query: q, threshold_range: {max: 1}, with: {service: x}}
";
    insta::assert_snapshot!(validated(text).unwrap_err(), @r"
    /metrics/0/threshold_range: found conditions as well, expected one of them
    /metrics/1/success_condition: at character 1: found `resul`; did you mean `result`?
    /metrics/2/failure_condition: at character 7: found `[`: `result` is the number itself and no list, so write `result` for `result[0]`
    /metrics/3/success_condition: holds for every number, so nothing would ever fail
    /metrics/4/failure_condition: holds for no number, so nothing would ever fail by it
    /metrics/5/requests: `min_requests` is missing: how many are enough?
    /metrics/6/min_requests: `requests` is missing, the query for the number of requests behind `query`
    /metrics/7/consecutive_failure_limit: tolerates 2 failures in a row where `count` makes 2 measurements, so it can never fail
    /metrics/8/consecutive_failure_limit: found 3, expected less than `failure_limit`, which is 2 and comes first
    /metrics/9/success_condition: `success_condition` does not go with `bad`
    /metrics/9/consecutive_failure_limit: `consecutive_failure_limit` does not go with `bad`
    /metrics/9/count: `count` does not go with `bad`
    /metrics/10/min_requests: `min_requests` does not go with `tolerated_factor`
    /metrics/11: expected `name`, by which it is told of
    /metrics/12: expected `provider`: nobody is asked
    /metrics/13/with: `with` goes with `preset` only
    ");
    let text = "
health: [{http: 'https://x.example', dry_run: true}]
metrics: [{name: a, provider: prometheus, query: q, threshold_range: {max: 1}, dry_run: true}]
";
    assert_eq!(
        validated(text).unwrap_err(),
        ": every entry has `dry_run: true`, so nothing would decide"
    );
}

#[test]
fn what_does_not_fit_together_is_named() {
    let text = "
judge: {alpha_worse: 2, dispersion: often, before: soon}
metrics:
  - {name: a, provider: prometheus, bad: b}
  - {name: b, provider: prometheus, query: q, bad: b, total: t}
  - {name: c, provider: prometheus, total: t}
  - {name: d, provider: prometheus}
  - {name: e, provider: prometheus, query: q}
  - {name: f, provider: prometheus, query: q, threshold_range: {max: 1}, alpha_good: 0.1, slow_above: 0.9}
  - {name: g, provider: prometheus, bad: b, good: g, total: t}
  - {name: h, provider: prometheus, bad: b, total: t, failure_limit: 2, tolerated_ratio: 0.5}
  - {name: i, provider: prometheus, bad: b, total: t, tolerated_ratio: 3}
  - {name: j, provider: prometheus, bad: b, total: t, max_rate: 1, tolerated_ratio: 2}
  - {name: k, provider: prometheus, histogram: h}
  - {name: l, provider: prometheus, histogram: h, slow_above: fast}
  - {name: m, provider: prometheus, bad: 'sum(rate(b[1m]))', total: 't'}
  - {name: n, provider: prometheus, bad: 'b{v=\"{{verson}}\"}', total: t, negligible_rate: 1}
  - {name: o, provider: prometheus, histogram: h, quantile: 0.99}
  - {name: p, provider: prometheus, histogram: h, quantile: 99, tolerated_factor: 0.9}
  - {name: q, provider: prometheus, histogram: h, quantile: 0.99, slow_above: auto, tolerated_factor: 2}
  - {name: r, provider: prometheus, histogram: h, quantile: 0.99, tolerated_factor: 2, unacceptable_ratio: 1.5, restart_polls: 3}
  - {name: s, provider: prometheus, query: q, tolerated_factor: 1.2, threshold_range: {max: 1}}
  - {name: t, provider: prometheus, query: q, tolerated_factor: 1.2, unacceptable_ratio: 2, dispersion: 2}
  - {name: u, provider: prometheus, query: q, tolerated_factor: 1000}
  - {name: v, provider: prometheus, query: q, tolerated_factor: 1.2, quantile: 0.99}
  - {name: w, provider: prometheus, bad: b, total: t, tolerated_factor: 1.2}
";
    insta::assert_snapshot!(validated(text).unwrap_err(), @r#"
    /judge/dispersion: expected `auto` or a number of at least 1
    /judge/before: found "soon", expected a duration with a unit, such as 30s, 10m or 1h30m
    /judge/alpha_worse: `alpha_worse` is 2, expected a chance above 0 and below 1, such as 0.01
    /metrics/0: expected `total`, the counter of all requests
    /metrics/1: found `query` and `bad`, expected one of them
    /metrics/2: `total` has neither `bad` nor `good` beside it, so there is nothing to compare
    /metrics/3: expected `query`, `bad` with `total`, or `histogram`: nothing is asked
    /metrics/4: expected `threshold_range: {max: 0.5}`, or `success_condition: result < 0.5`, or `tolerated_factor: 1.2` to compare with stable
    /metrics/5/slow_above: `slow_above` does not go with `threshold_range`
    /metrics/5/alpha_good: `alpha_good` does not go with `threshold_range`
    /metrics/6/good: found `bad` as well, expected one of them
    /metrics/7/failure_limit: `failure_limit` does not go with `bad`
    /metrics/7/tolerated_ratio: `tolerated_ratio` is 0.5, expected a number from 1 to 1000
    /metrics/8: `unacceptable_ratio` is 2, expected a number above `tolerated_ratio`, at most 1000
    /metrics/9/tolerated_ratio: `tolerated_ratio` does not go with `max_rate`
    /metrics/9: `unacceptable_ratio` is 2, expected a number above `tolerated_ratio`, at most 1000
    /metrics/9: `max_rate` is 1, expected a share above 0 and below 1, such as 0.01
    /metrics/10: expected `slow_above: auto`, or a number, or `quantile: 0.99` with `tolerated_factor`: nothing says what of the histogram is compared
    /metrics/11/slow_above: found "fast", expected `auto` or a number above 0
    /metrics/12/bad: found `rate()`, which misses the first error of every new series; expected the counter itself, such as `http_requests_total{…}`
    /metrics/13/bad: unknown variable `verson`; did you mean `version`?
    /metrics/13/negligible_rate: `negligible_rate` is 1, expected a share of at least 0 and below 1, such as 0.001
    /metrics/14: expected `tolerated_factor: 1.2`
    /metrics/15/tolerated_factor: found 0.9, expected a number from 1 to 100
    /metrics/15/quantile: found 99, expected a share above 0 and below 1, such as 0.99
    /metrics/16/quantile: `quantile` does not go with `slow_above`
    /metrics/16/tolerated_factor: `tolerated_factor` does not go with `slow_above`
    /metrics/17/restart_polls: `restart_polls` does not go with `quantile`
    /metrics/17/unacceptable_ratio: found 1.5, expected a number above `tolerated_factor`
    /metrics/18/tolerated_factor: `tolerated_factor` does not go with `threshold_range`
    /metrics/19/dispersion: `dispersion` does not go with `tolerated_factor`
    /metrics/19/unacceptable_ratio: `unacceptable_ratio` does not go with `tolerated_factor`
    /metrics/20/tolerated_factor: found 1000, expected a number from 1 to 100
    /metrics/21/quantile: `quantile` does not go with `tolerated_factor`
    /metrics/22/tolerated_factor: `tolerated_factor` does not go with `bad`
    "#);
}

#[test]
fn unknown_keys_and_wrong_types_are_found_by_the_schema() {
    let text = "
metric: []
count: 0
health: [{http: x, statsu: 200, failure_limit: -1}]
metrics: [{name: a, provider: datadgo, query: x, threshold_range: {maximum: 1}}]
";
    let findings = read::<RawVerification>(text, &TextLimits::SETTINGS).unwrap_err();
    let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    2:1: unknown key `metric`; did you mean `metrics`?
    3:8: `count`: 0 is less than the minimum of 1
    4:20: unknown key `statsu`; did you mean `status`?
    4:48: `health.0.failure_limit`: -1 is less than the minimum of 0
    5:31: unknown value `datadgo`; did you mean `datadog`?
    5:68: unknown key `maximum`; did you mean `max`?
    ");
}

#[test]
fn a_key_without_a_value_is_no_key_that_is_not_given() {
    let text = "
interval:
health: [{http: 'https://x.example', equals: , max_latency: , failure_limit: null}]
metrics: [{name: a, provider: prometheus, query: x, threshold_range: {max: 1, min: }}]
";
    let findings = read::<RawVerification>(text, &TextLimits::SETTINGS).unwrap_err();
    let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
    2:9: `interval`: null is not of type "string"
    3:44: `health.0.equals`: null is not of types "boolean", "number", "string"
    3:59: `health.0.max_latency`: null is not of type "string"
    3:78: `health.0.failure_limit`: null is not of type "integer"
    4:82: `metrics.0.threshold_range.min`: null is not of type "number"
    "#);
}

#[test]
fn jobs_name_a_program_and_never_a_file_of_a_checkout() {
    let text = "
checks:
  - {name: a, job: {command: [k6, run, '--env', 'VERSION={{version}}'], env: [SMOKE_TOKEN]}}
  - {name: b, job: {command: [/usr/bin/smoke]}, timeout: 5m, dry_run: true}
";
    let checks = validated(text).unwrap().checks;
    let lines: Vec<String> = checks
        .iter()
        .map(|check| format!("{:?} {:?}", check.kind, check.schedule.timeout))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Job(Job { program: ProgramName("k6"), arguments: [Template("run"), Template("--env"), Template("VERSION={{version}}")], variables: ["SMOKE_TOKEN"] }) 60s
    Job(Job { program: ProgramName("/usr/bin/smoke"), arguments: [], variables: [] }) 300s
    "#);
    let text = "
checks:
  - {name: b, job: {command: [./smoke.sh]}}
  - {name: c, job: {command: ['{{service}}-smoke']}}
  - {name: d, job: {command: [k6, '{{tag}}'], env: ['A B', SHIPGATE_TOKEN]}}
  - {name: e, job: {command: [k6]}, web: {request: /x, equals: true}}
";
    insta::assert_snapshot!(validated(text).unwrap_err(), @r#"
    /checks/0/job/command/0: found "./smoke.sh", expected the name of a program that is looked for in PATH, such as k6, or an absolute path
    /checks/1/job/command/0: found "{{service}}-smoke", expected the name of a program that is looked for in PATH, such as k6, or an absolute path
    /checks/2/job/env/0: expected the name of an environment variable, such as SMOKE_TOKEN
    /checks/2/job/env/1: found `SHIPGATE_TOKEN`, expected another: what begins with SHIPGATE_ is handed to nobody
    /checks/2/job/command/1: unknown variable `tag`; known: service, environment, region, version, arm, workload, weight
    /checks/3: expected one of `alerts`, `web`, `monitors`, `deployment_gate` and `job`
    "#);
}
