//! `verify` of a canary that is compared with stable.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::Url;
use shipgate::{
    clock::{Clock, ManualClock},
    config::{query::Variables, verification::RawVerification},
    ops::{
        verify,
        watch::{Endpoints, Extent, Reference, Subject, Watcher},
    },
    probe::{Client, ClientOptions, prometheus::Endpoint},
    yaml::{Limits, read},
};

use crate::{
    counting::{
        BEGAN, Counts, HEALTHY, Story, answering, as_good, five_times_as_bad, nothing, prometheus,
        usual,
    },
    server::Server,
    verification::Memory,
};

const TEN_MINUTES: Extent = Extent::For(Duration::from_secs(600));

async fn verified(story: Story, extent: Extent) -> String {
    verified_with("", story, extent).await
}

/// With more keys of the metric.
async fn verified_with(more: &str, story: Story, extent: Extent) -> String {
    verified_by(more, |clock| prometheus(story, clock), extent, false).await
}

/// Verifies 1.1 against 1.0, which ran beside it or only before, by the server of `serve`.
async fn verified_by(
    more: &str,
    serve: impl FnOnce(Arc<ManualClock>) -> Server,
    extent: Extent,
    before: bool,
) -> String {
    let clock = Arc::new(ManualClock::at(BEGAN.parse().unwrap()));
    let server = serve(clock.clone());
    let section = "metrics: [{name: errors, provider: prometheus, bad: 'bad{v=\"{{version}}\"}', total: 'total{v=\"{{version}}\"}'MORE}]";
    let section = section.replace("MORE", more);
    let (raw, _) = read::<RawVerification>(&section, &Limits::SETTINGS).unwrap();
    let variables = |version: &str, arm: &str| Variables {
        version: Some(version.to_owned()),
        arm: Some(arm.to_owned()),
        ..Variables::default()
    };
    let subject = Subject {
        judged: variables("1.1", "canary"),
        reference: if before {
            Reference::Before {
                variables: variables("1.0", "stable"),
                until: BEGAN.parse().unwrap(),
            }
        } else {
            Reference::Beside(variables("1.0", "stable"))
        },
        extent,
        began: None,
        weight: None,
    };
    let endpoints = Endpoints {
        prometheus: Some(Endpoint::open(Url::parse(&server.url).unwrap())),
        ..Endpoints::default()
    };
    let client = Client::new(ClientOptions::default());
    let verification = raw.validate().unwrap();
    let mut watcher =
        Watcher::new(&verification, &endpoints, &subject, client, clock.clone()).unwrap();
    let mut memory = Memory::default();
    let outcome = verify::run(&mut watcher, extent, pending(), &mut memory).await;
    let [metric] = outcome.metrics.as_slice() else {
        panic!("one metric was asked for");
    };
    let polls = metric.comparison.as_ref().map_or(0, |it| it.polls.len());
    let reason = outcome.reason.replace(&server.url, "URL");
    format!(
        "{}: {reason} [{} after {polls} polls]",
        outcome.ending.code().number,
        metric.verdict
    )
}

#[tokio::test]
async fn a_canary_is_verified_against_stable() {
    let bad = Story {
        new: five_times_as_bad,
        ..HEALTHY
    };
    let idle = Story {
        new: nothing,
        ..HEALTHY
    };
    let away = Story {
        away: (0, 10_000),
        ..HEALTHY
    };
    let rows = [
        (HEALTHY, TEN_MINUTES),
        (HEALTHY, Extent::Polls(2)),
        (bad, TEN_MINUTES),
        (idle, Extent::Polls(4)),
        (away, Extent::Polls(5)),
    ];
    let mut lines = Vec::new();
    for (story, extent) in rows {
        lines.push(verified(story, extent).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    21: errors: canary 1.00 % (6 of 600), stable 1.00 % (60 of 6,000), ratio 1.0× (95 % range 0.17–3.3×); undecided at the deadline: 39.5 % sure it is less than 2× worse (95 % needed); could only exclude more than 3.3× [not-yet after 2 polls]
    22: errors: canary 5.00 % (45 of 900), stable 1.00 % (90 of 9,000), ratio 5.0× (95 % range 2.6–9.2×); 99.7 % sure it is worse than the tolerated 1.25× (99 % needed) — worse [worse after 3 polls]
    21: errors: canary no requests, stable 1.00 % (120 of 12,000), ratio unknown; no requests of the canary — no verdict [not-yet after 4 polls]
    20: errors could not be measured: `bad` of canary: URL answered with status 503 (5 errors in a row) [error after 0 polls]
    ");
}

/// An old version that was counted from so many seconds before the change on, or whose counters stood
/// still, and a new one that is as it is.
async fn after_a_young_one(old: Counts, counted_for: f64, new: Counts) -> String {
    let serve = |clock: Arc<ManualClock>| {
        answering((0, 0), clock, move |query, second| {
            let (version, first) = if query.contains("1.1") {
                (new, 0.0)
            } else {
                (old, -counted_for)
            };
            if second < first {
                return Vec::new();
            }
            let ((total, bad), (total_then, bad_then)) = (version(second), version(first));
            let number = if query.starts_with("bad") {
                bad - bad_then
            } else {
                total - total_then
            };
            vec![(serde_json::json!({"pod": "a"}), number)]
        })
    };
    verified_by("", serve, TEN_MINUTES, true).await
}

#[tokio::test]
async fn a_young_old_version_is_compared_by_the_time_that_it_was_counted_in() {
    let five_times: Counts = |second| (usual(second).0, 5.0 * usual(second).1);
    let rows: [(&str, Counts, f64, Counts); 7] = [
        ("an hour", usual, 3_600.0, usual),
        ("30 s", usual, 30.0, usual),
        ("30 s, then five times as bad", usual, 30.0, five_times),
        ("2 s", usual, 2.0, usual),
        ("once", usual, 0.0, usual),
        ("never", usual, -10_000.0, usual),
        ("no requests", nothing, 3_600.0, usual),
    ];
    let mut lines = Vec::new();
    for (what, old, counted_for, new) in rows {
        let end = after_a_young_one(old, counted_for, new).await;
        lines.push(format!("{what}: {end}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    an hour: 0: errors: now 1.00 % (600 of 60,000), before 1.00 % (1,200 of 120,000), ratio 1.0× (95 % range 0.82–1.21×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    30 s: 0: errors: now 1.00 % (600 of 60,000), before 1.00 % (30 of 3,000), ratio 1.0× (95 % range 0.54–2.2×); 99.3 % sure it is less than 2× worse — good enough [good after 20 polls]
    30 s, then five times as bad: 22: errors: now 5.00 % (600 of 12,000), before 1.00 % (6 of 600), ratio 5.0× (95 % range 1.5–35×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse [worse after 4 polls]
    2 s: 21: errors: now 1.00 % (600 of 60,000), before 1.00 % (2 of 200), ratio 1.0× (95 % range 0.16–68×); undecided at the deadline: nothing speaks for worse or for good yet; could only exclude more than 68× [not-yet after 20 polls]
    once: 21: errors has no usable number: stable was counted once before the change, so there is nothing to compare with (5 answers without a usable number) [inconclusive after 0 polls]
    never: 21: errors has no usable number: `total` matches nothing for stable before the change, so there is nothing to compare with (5 answers without a usable number) [inconclusive after 0 polls]
    no requests: 21: errors: now 1.00 % (600 of 60,000), before no requests, ratio unknown; no requests of stable before the change — nothing to compare with [not-yet after 20 polls]
    ");
}

/// A provider that is away in the middle.
#[tokio::test]
async fn an_instant_without_an_answer_is_asked_for_again() {
    let rows = [(100, 101), (100, 130), (100, 200), (500, 640)];
    let mut lines = Vec::new();
    for away in rows {
        let end = verified(Story { away, ..HEALTHY }, TEN_MINUTES).await;
        lines.push(format!("{away:?}: {end}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    (100, 101): 0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    (100, 130): 0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    (100, 200): 0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    (500, 640): 20: errors could not be measured: `bad` of canary: URL answered with status 503 (5 errors in a row) [error after 16 polls]
    ");
}

/// An answer that takes minutes, or a machine that slept: the instants that passed are polls of their
/// own, also those of the last answer before the time is up.
#[tokio::test]
async fn a_clock_that_jumps_while_an_answer_is_awaited_loses_no_polls() {
    let rows = [(60, 120), (60, 500), (60, 10_000), (570, 25)];
    let mut lines = Vec::new();
    for (when, by) in rows {
        let serve = |clock: Arc<ManualClock>| {
            let asked: Arc<dyn Clock> = clock.clone();
            let jumped = AtomicBool::new(false);
            answering((0, 0), asked, move |query, second| {
                if second >= f64::from(when) && !jumped.swap(true, Ordering::Relaxed) {
                    clock.advance(Duration::from_secs(by));
                }
                let version = if query.contains("1.1") {
                    as_good
                } else {
                    usual
                };
                let (total, bad) = version(second);
                let number = if query.starts_with("bad") { bad } else { total };
                vec![(serde_json::json!({"pod": "a"}), number)]
            })
        };
        let end = verified_by("", serve, TEN_MINUTES, false).await;
        lines.push(format!("{by} s at {when}: {end}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    120 s at 60: 0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    500 s at 60: 0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    10000 s at 60: 0: errors: canary 1.00 % (1,005 of 100,500), stable 1.00 % (10,050 of 1,005,000), ratio 1.0× (95 % range 0.87–1.2×); over 99.99 % sure it is less than 2× worse — good enough [good after 335 polls]
    25 s at 570: 0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    ");
}

#[tokio::test]
async fn too_few_requests_are_never_good_and_may_be_worse() {
    let bad = Story {
        new: five_times_as_bad,
        ..HEALTHY
    };
    let ten_minutes = Extent::For(Duration::from_secs(600));
    let rows = [
        (", min_requests: 6000", HEALTHY),
        (", min_requests: 6001", HEALTHY),
        (", min_requests: 6001", bad),
    ];
    let mut lines = Vec::new();
    for (more, story) in rows {
        lines.push(verified_with(more, story, ten_minutes).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); over 99.99 % sure it is less than 2× worse — good enough [good after 20 polls]
    21: errors: canary 1.00 % (60 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.59–1.6×); canary received 6000 requests, fewer than the 6001 of `min_requests`: no verdict [not-yet after 20 polls]
    22: errors: canary 5.00 % (45 of 900), stable 1.00 % (90 of 9,000), ratio 5.0× (95 % range 2.6–9.2×); 99.7 % sure it is worse than the tolerated 1.25× (99 % needed) — worse [worse after 3 polls]
    ");
}

#[test]
fn a_version_is_never_compared_with_itself() {
    let validated = |section: &str| {
        let (raw, _) = read::<RawVerification>(section, &Limits::SETTINGS).unwrap();
        raw.validate()
    };
    let twins =
        "metrics: [{provider: prometheus, preset: traefik, with: {stable: a@b, canary: a@b}}]";
    let mut told: Vec<String> = validated(twins)
        .unwrap_err()
        .into_iter()
        .map(|(pointer, message)| format!("{pointer}: {message}"))
        .collect();
    let section = "metrics: [{name: errors, provider: prometheus, bad: 'bad{v=\"{{version}}\"}', total: 'total{v=\"{{version}}\"}'}]";
    let verification = validated(section).unwrap();
    let variables = |version: &str, arm: &str| Variables {
        version: Some(version.to_owned()),
        arm: Some(arm.to_owned()),
        ..Variables::default()
    };
    for stable in ["1.1", "1.0"] {
        let subject = Subject {
            judged: variables("1.1", "canary"),
            reference: Reference::Beside(variables(stable, "stable")),
            extent: TEN_MINUTES,
            began: None,
            weight: None,
        };
        let endpoints = Endpoints {
            prometheus: Some(Endpoint::open(Url::parse("http://127.0.0.1:9").unwrap())),
            ..Endpoints::default()
        };
        let client = Client::new(ClientOptions::default());
        let clock = Arc::new(ManualClock::at(BEGAN.parse().unwrap()));
        let watcher = Watcher::new(&verification, &endpoints, &subject, client, clock);
        told.push(match watcher {
            Ok(_) => format!("{stable}: compared"),
            Err(failure) => format!("{stable}: {}", failure.0.reason),
        });
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    /metrics/0/with/canary: found "a@b" for `canary` and `stable`, expected two names: a version is as good as itself
    1.1: `errors` asks the same of both versions: it would compare one with itself
    1.0: compared
    "#);
}
