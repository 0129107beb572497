//! `compare --from`: how a service's comparisons over a time that is over are told, and what is refused.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shipgate::{
    cli::{self, Context},
    clock::ManualClock,
};

use crate::counting::{
    BEGAN, HEALTHY, Story, as_good, burst, five_times_as_bad, nothing, prometheus,
};

const CONFIG: &str = r#"version: 1
environments:
  production: {root: clusters/prod}
providers:
  prometheus: {url: "URL"}
services:
  shop:
    manifests: ["{root}/shop*.yaml"]
    image: registry.example/shop
    workloads: {stable: Deployment/shop, canary: Deployment/shop-canary}
    traffic: {ingress_nginx: Ingress/shop-canary}
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
METRICS"#;

/// A comparison by version.
pub const ERRORS: &str = r#"{name: errors, provider: prometheus, bad: 'bad{v="{{version}}"}', total: 'total{v="{{version}}"}'}"#;
/// A comparison by workload.
const BY_ARM: &str = r#"{name: errors, provider: prometheus, bad: 'bad{arm="{{arm}}"}', total: 'total{arm="{{arm}}"}'}"#;
/// A limit for all requests.
const LIMIT: &str = r#"{name: limit, provider: prometheus, bad: 'bad{v="{{version}}"}', total: 'total{v="{{version}}"}', max_rate: 0.02}"#;
/// One number against a range, which is no comparison.
const THRESHOLD: &str = "{name: p95, provider: prometheus, query: up, threshold_range: {max: 1}}";
/// Both versions of the stories.
pub const VERSIONS: [&str; 4] = ["--version", "1.1", "--stable-version", "1.0"];

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

/// Runs `compare` at an instant with these metrics; returns the exit code and what was printed.
pub fn compared(
    place: (&str, DateTime<Utc>),
    metrics: &[&str],
    arguments: &[&str],
) -> (u8, String) {
    ran("compare", place, metrics, arguments)
}

fn ran(
    command: &str,
    (url, now): (&str, DateTime<Utc>),
    metrics: &[&str],
    arguments: &[&str],
) -> (u8, String) {
    let folder = tempfile::tempdir().unwrap();
    let metrics: String = metrics
        .iter()
        .map(|metric| format!("        - {metric}\n"))
        .collect();
    let config = CONFIG.replace("URL", url).replace("METRICS", &metrics);
    fs::write(folder.path().join("shipgate.yaml"), config).unwrap();
    let printed = Sink::default();
    let context = Context {
        environment: BTreeMap::new(),
        clock: Arc::new(ManualClock::at(now)),
        stdout: Box::new(printed.clone()),
        stderr: Box::new(Sink::default()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: folder.path().to_owned(),
    };
    let arguments = ["shipgate", command]
        .into_iter()
        .chain(arguments.iter().copied());
    let code = cli::run(arguments.map(Into::into), context);
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    (code, text.replace(url, "URL"))
}

/// As [`compared`], as an object.
pub fn machine(place: (&str, DateTime<Utc>), metrics: &[&str], arguments: &[&str]) -> (u8, Value) {
    let arguments: Vec<&str> = arguments
        .iter()
        .chain(&["--output", "json"])
        .copied()
        .collect();
    let (code, text) = compared(place, metrics, &arguments);
    let value = serde_json::from_str(&text);
    (code, value.unwrap_or_else(|_| panic!("{text}")))
}

/// One line: exit code, reason, and each metric with its verdict and polls.
pub fn summed_up(code: u8, report: &Value) -> String {
    let metrics = report["metrics"].as_array().cloned().unwrap_or_default();
    let metrics: Vec<String> = metrics
        .iter()
        .map(|metric| {
            let polls = metric["polls"].as_array().map_or(0, Vec::len);
            format!(
                "{}={} {}/{} to {}/{} in {polls}",
                metric["name"].as_str().unwrap(),
                metric["verdict"].as_str().unwrap(),
                metric["canary"]["bad"],
                metric["canary"]["total"],
                metric["stable"]["bad"],
                metric["stable"]["total"],
            )
        })
        .collect();
    let hints = report["hints"].as_array().unwrap();
    let hints: Vec<&str> = hints.iter().map(|hint| hint.as_str().unwrap()).collect();
    let told = format!(
        "{code}: {} [{}] {}",
        report["reason"].as_str().unwrap(),
        metrics.join(", "),
        hints.join("; ")
    );
    told.trim_end().to_owned()
}

fn later(seconds: i64) -> DateTime<Utc> {
    BEGAN.parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(seconds)
}

/// Compares half an hour after a story began.
fn ends(story: Story, metrics: &[&str], arguments: &[&str]) -> String {
    let now = later(1_800);
    let server = prometheus(story, Arc::new(ManualClock::at(now)));
    let arguments: Vec<&str> = VERSIONS.iter().chain(arguments).copied().collect();
    let (code, report) = machine((&server.url, now), metrics, &arguments);
    summed_up(code, &report)
}

#[test]
fn every_ending() {
    let bad = Story {
        new: five_times_as_bad,
        ..HEALTHY
    };
    let idle = Story {
        new: nothing,
        ..HEALTHY
    };
    let late = Story {
        new: burst,
        ..HEALTHY
    };
    // Good for a quarter of an hour, and then not.
    let turning = Story {
        new: |second| {
            let (total, bad) = as_good(second);
            (total, bad + (second - 900.0).max(0.0))
        },
        ..HEALTHY
    };
    let away = Story {
        away: (0, 10_000),
        ..HEALTHY
    };
    let rows: [(Story, &[&str], &[&str]); 11] = [
        (HEALTHY, &[ERRORS], &["--from", "-30m"]),
        (bad, &[ERRORS], &["--from", "-30m", "--to", "now"]),
        (idle, &[ERRORS], &["--from", "-30m"]),
        (away, &[ERRORS], &["--from", "-30m"]),
        (turning, &[ERRORS], &["--from", "-30m"]),
        // As few polls as that say nothing yet; longer steps are fewer polls of the same requests.
        (HEALTHY, &[ERRORS], &["--from", "-2m"]),
        (HEALTHY, &[ERRORS], &["--from", "-30m", "--step", "2m"]),
        (late, &[ERRORS], &["--from", "-30m", "--dispersion", "1"]),
        (bad, &[ERRORS, LIMIT, THRESHOLD], &["--from", "-30m"]),
        (HEALTHY, &[ERRORS, LIMIT], &["--from", "-30m"]),
        // What is tolerated may be said by hand.
        (
            bad,
            &[ERRORS],
            &[
                "--from",
                "-30m",
                "--tolerated-ratio",
                "6",
                "--unacceptable-ratio",
                "10",
            ],
        ),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(story, metrics, arguments)| ends(*story, metrics, arguments))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: good enough in errors [errors=good 180.0/18000.0 to 1800.0/180000.0 in 60]
    22: worse than tolerated in errors [errors=worse 45.0/900.0 to 90.0/9000.0 in 60] look at what the bad requests have in common
    21: undecided in errors [errors=not-yet 0.0/0.0 to 1800.0/180000.0 in 60] count more requests, then compare again
    20: errors could not be measured: `bad` of canary: URL answered with status 503 [errors=error null/null to null/null in 0] run the same command again when the provider answers
    22: worse than tolerated in errors [errors=worse 189.0/9900.0 to 990.0/99000.0 in 60] look at what the bad requests have in common
    21: undecided in errors [errors=not-yet 12.0/1200.0 to 120.0/12000.0 in 4] count more requests, then compare again
    0: good enough in errors [errors=good 180.0/18000.0 to 1800.0/180000.0 in 15]
    0: good enough in errors [errors=good 201.0/18000.0 to 1800.0/180000.0 in 60]
    22: worse than tolerated in errors, limit [errors=worse 45.0/900.0 to 90.0/9000.0 in 60, limit=worse 45.0/900.0 to null/null in 60] look at what the bad requests have in common
    0: good enough in errors, limit [errors=good 180.0/18000.0 to 1800.0/180000.0 in 60, limit=good 180.0/18000.0 to null/null in 60]
    21: undecided in errors [errors=not-yet 900.0/18000.0 to 1800.0/180000.0 in 60] count more requests, then compare again
    ");
}

#[test]
fn another_time_is_cut_into_as_many_parts() {
    let bad = Story {
        new: five_times_as_bad,
        ..HEALTHY
    };
    let (from, to) = ("2026-03-10T10:00:00Z", "2026-03-10T10:20:00Z");
    let rows = [
        (HEALTHY, "2026-03-10T09:00:00Z", "2026-03-10T09:20:00Z"),
        (bad, "2026-03-10T09:00:00Z", "2026-03-10T09:40:00Z"),
        // Neither the beginning nor the length fits the step: no part is of the time outside.
        (HEALTHY, "2026-03-10T09:00:07Z", "2026-03-10T09:21:00Z"),
        (HEALTHY, "2026-03-10T09:00:00Z", "2026-03-10T09:00:30Z"),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(story, stable_from, stable_to)| {
            let times = [
                "--from",
                from,
                "--to",
                to,
                "--stable-from",
                stable_from,
                "--stable-to",
                stable_to,
            ];
            ends(*story, &[ERRORS], &times)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: good enough in errors [errors=good 120.0/12000.0 to 1200.0/120000.0 in 40]
    22: worse than tolerated in errors [errors=worse 45.0/900.0 to 180.0/18000.0 in 40] look at what the bad requests have in common
    0: good enough in errors [errors=good 120.0/12000.0 to 1200.0/120000.0 in 40]
    2: 2026-03-10T09:00:00Z to 2026-03-10T09:00:30Z is too short to be cut into 40 parts of at least 1s [] give stable a longer time, or a longer --step
    ");
}

#[test]
fn what_a_person_reads() {
    let bad = Story {
        new: five_times_as_bad,
        ..HEALTHY
    };
    let now = later(1_800);
    let server = prometheus(bad, Arc::new(ManualClock::at(now)));
    let arguments: Vec<&str> = VERSIONS
        .iter()
        .chain(&["--from", "-30m"])
        .copied()
        .collect();
    let (code, text) = compared((&server.url, now), &[ERRORS, LIMIT], &arguments);
    insta::assert_snapshot!(format!("{text}[{code}]"), @r"
    UNHEALTHY  worse than tolerated in errors, limit

      exit code   22 unhealthy

    compared
      verdict  metric  arm     requests  bad  rate    95 % range  ratio, range
      worse    errors  canary  900       45   5.00 %  2.7–8.1 %   5.0×
                       stable  9,000     90   1.00 %  0.64–1.5 %  2.6–9.2×
      worse    limit   canary  900       45   5.00 %  2.7–8.1 %

      errors  canary 5.00 % (45 of 900)  stable 1.00 % (90 of 9,000)  ratio 5.0× (95 % range 2.6–9.2×)
              99.9 % sure it is worse than the tolerated 1.25× (99.5 % needed) — worse
              decided at poll 3; 57 polls that follow were not judged

      limit  canary 5.00 % (45 of 900)  95 % range 2.7–8.1 %  limit 2 %
             99.8 % sure it is above the limit of 2 % (99.5 % needed) — worse
             decided at poll 3; 57 polls that follow were not judged

    next: look at what the bad requests have in common
    [22]
    ");
}

#[test]
fn bad_times_and_versions_are_refused() {
    let rows: [(&[&str], &[&str]); 17] = [
        (&[ERRORS], &["--from", "yesterday"]),
        (&[ERRORS], &["--from", "-30"]),
        (&[ERRORS], &["--from", "-30m", "--to", "-40m"]),
        (
            &[ERRORS],
            &["--from", "-30m", "--to", "2026-03-10T11:00:00Z"],
        ),
        (&[ERRORS], &["--from", "-20s"]),
        (&[BY_ARM], &["--from", "-30m", "--step", "29m"]),
        (&[ERRORS], &["--from", "-30m", "--step", "500ms"]),
        (&[ERRORS], &["--from", "-3h", "--step", "1s"]),
        (&[ERRORS], &["--from", "-30m"]),
        (&[ERRORS], &["--from", "-30m", "--version", "1.1"]),
        (
            &[ERRORS],
            &[
                "--from",
                "-30m",
                "--version",
                "1.1",
                "--stable-version",
                "1.1",
            ],
        ),
        (
            &[BY_ARM],
            &[
                "--from",
                "-30m",
                "--stable-from",
                "-50m",
                "--stable-to",
                "-20m",
            ],
        ),
        (&[THRESHOLD], &["--from", "-30m"]),
        (
            &[LIMIT],
            &["--from", "-30m", "--version", "1.1", "--alpha-worse", "2"],
        ),
        (
            &[LIMIT],
            &["--from", "-30m", "--canary", "1/2", "--version", "1.1"],
        ),
        (
            &[LIMIT],
            &["--from", "-30m", "--stable-from", "-2h", "--version", "1.1"],
        ),
        (&[ERRORS], &["--to", "-30m"]),
    ];
    let now = later(1_800);
    let lines: Vec<String> = rows
        .iter()
        .map(|(metrics, arguments)| {
            let (code, report) = machine(("http://127.0.0.1:9", now), metrics, arguments);
            summed_up(code, &report)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    2: invalid value 'yesterday' for '--from <TIME>': expected RFC 3339 with an offset, such as 2025-11-04T08:00:00Z or 2025-11-04T03:00:00-05:00; or how long ago, such as -30m; or now [] `--help` behind the command lists its flags
    2: invalid value '-30' for '--from <TIME>': found "30", expected a duration with a unit, such as 30s, 10m or 1h30m [] `--help` behind the command lists its flags
    2: the time from 2026-03-10T10:00:00Z to 2026-03-10T09:50:00Z ends before it begins [] read the message; `shipgate COMMAND --help` lists the flags
    2: the time from 2026-03-10T10:00:00Z to 2026-03-10T11:00:00Z is not over, it is 2026-03-10T10:30:00Z now [] read the message; `shipgate COMMAND --help` lists the flags
    2: the time from 2026-03-10T10:29:40Z to 2026-03-10T10:30:00Z has no whole step of 30s [] read the message; `shipgate COMMAND --help` lists the flags
    20: errors could not be measured: `bad` of canary: URL did not answer: tcp connect error: Connection refused [errors=error null/null to null/null in 0] run the same command again when the provider answers
    2: a step of 500ms is too short, expected at least 1s [] read the message; `shipgate COMMAND --help` lists the flags
    2: 2026-03-10T07:30:00Z to 2026-03-10T10:30:00Z has 10800 polls at a step of 1s, expected at most 10000 [] give a longer --step, or a shorter time
    2: `bad` of `errors` uses `{{version}}`, which is not known here [] give --version VERSION
    2: `bad` of `errors` uses `{{version}}`, which is not known here [] give --stable-version VERSION
    2: `errors` asks the same of both versions at the same time [] name two with --version and --stable-version, or another time with --stable-from and --stable-to
    2: `errors` asks the same of both versions at times that overlap [] name two with --version and --stable-version, or another time with --stable-from and --stable-to
    3: shop has no metric that compares two versions [] add one with `bad` and `total` under `verification: {metrics: …}`
    2: --alpha-worse: found 2, expected a chance above 0 and below 1, such as 0.01 [] `shipgate compare --help` says what each is for
    2: the argument '--from <TIME>' cannot be used with '--canary <BAD/TOTAL>' [] `--help` behind the command lists its flags
    2: the following required arguments were not provided: --stable-to <TIME> [] `--help` behind the command lists its flags
    2: the following required arguments were not provided: --from <TIME> [] `--help` behind the command lists its flags
    "#);
}

#[test]
fn verify_as_well_names_the_flag_of_a_version_that_is_asked_for() {
    let rows: [(&[&str], &[&str]); 3] = [
        (&[ERRORS], &[]),
        (&[ERRORS], &["--version", "1.1"]),
        (
            &[
                "{name: p95, provider: prometheus, query: 'up{v=\"{{version}}\"}', threshold_range: {max: 1}}",
            ],
            &[],
        ),
    ];
    let lines = rows.map(|(metrics, arguments)| {
        let arguments = [arguments, &["--output", "json"]].concat();
        let (code, text) = ran(
            "verify",
            ("http://127.0.0.1:9", later(0)),
            metrics,
            &arguments,
        );
        summed_up(code, &serde_json::from_str(&text).unwrap())
    });
    insta::assert_snapshot!(lines.join("\n"), @r"
    2: `bad` of `errors` uses `{{version}}`, which is not known here [] give --version VERSION
    2: `bad` of `errors` uses `{{version}}`, which is not known here [] give --stable-version VERSION
    2: `query` of `p95` uses `{{version}}`, which is not known here [] give --version VERSION
    ");
}
