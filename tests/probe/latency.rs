//! `verify` of a canary whose percentiles, or gauges, are compared with those of stable.

use std::{future::pending, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::Url;
use shipgate::{
    clock::ManualClock,
    config::{query::Variables, verification::RawVerification},
    ops::{
        verify,
        watch::{Endpoints, Extent, Reference, Subject, Watcher},
    },
    probe::{
        Client, ClientOptions,
        prometheus::{Endpoint, numbers_between},
    },
    yaml::{Limits, read},
};

use crate::{
    counting::{AS_EVER, BEGAN, Slowness, answering, of_latency},
    verification::Memory,
};

const PERCENTILE: &str = "metrics: [{name: latency, provider: prometheus, histogram: 'h_bucket{v=\"{{version}}\"}', quantile: 0.99, tolerated_factor: 1.2}]";
const GAUGE: &str = "metrics: [{name: p99, provider: prometheus, query: 'p99{v=\"{{version}}\"}', tolerated_factor: 1.2}]";
const TEN_MINUTES: Extent = Extent::For(Duration::from_secs(600));

/// Whether the old version still runs, and when the watch began, in seconds of the story.
struct Case {
    section: &'static str,
    new: Slowness,
    beside: bool,
    goes_on_after: i64,
}

async fn verified(case: Case) -> String {
    let began: DateTime<Utc> = BEGAN.parse().unwrap();
    let clock = Arc::new(ManualClock::at(
        began + chrono::TimeDelta::seconds(case.goes_on_after),
    ));
    let server = answering((0, 0), clock.clone(), of_latency(AS_EVER, case.new));
    let (raw, _) = read::<RawVerification>(case.section, &Limits::SETTINGS).unwrap();
    let variables = |version: &str, arm: &str| Variables {
        version: Some(version.to_owned()),
        arm: Some(arm.to_owned()),
        ..Variables::default()
    };
    let old = variables("1.0", "stable");
    let subject = Subject {
        judged: variables("1.1", "canary"),
        reference: if case.beside {
            Reference::Beside(old)
        } else {
            Reference::Before {
                variables: old,
                until: began,
            }
        },
        extent: TEN_MINUTES,
        began: Some(began),
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
    let outcome = verify::run(&mut watcher, TEN_MINUTES, pending(), &mut memory).await;
    let [metric] = outcome.metrics.as_slice() else {
        panic!("one metric was asked for");
    };
    let polls = metric.comparison.as_ref().map_or(0, |it| it.polls.len());
    let reason = outcome.reason.replace(&server.url, "URL");
    format!(
        "{}: {reason} [{} after {polls} polls, {:?}]",
        outcome.ending.code().number,
        metric.verdict,
        metric.value
    )
}

fn of(section: &'static str, new: Slowness) -> Case {
    Case {
        section,
        new,
        beside: true,
        goes_on_after: 0,
    }
}

#[tokio::test]
async fn percentiles_and_gauges_are_held_against_stable() {
    let new = Slowness {
        requests: 20.0,
        ..AS_EVER
    };
    let slow = Slowness {
        within: [0.5, 0.6, 0.9],
        gauge: |_| 0.61,
        ..new
    };
    let gone = Slowness {
        gone: (100.0, 200.0),
        ..new
    };
    let idle = Slowness {
        requests: 0.0,
        gauge: |_| f64::NAN,
        ..new
    };
    let odd = Slowness {
        gauge: |_| -1.0,
        ..new
    };
    let mut lines = Vec::new();
    for section in [PERCENTILE, GAUGE] {
        let before = |new| Case {
            beside: false,
            ..of(section, new)
        };
        let later = Case {
            goes_on_after: 300,
            ..of(section, slow)
        };
        let rows = [
            ("as ever", of(section, new)),
            ("slow", of(section, slow)),
            ("gone for a while", of(section, gone)),
            ("no requests", of(section, idle)),
            ("as ever, after the old one", before(new)),
            ("slow, after the old one", before(slow)),
            ("slow, looked at late", later),
        ];
        for (what, case) in rows {
            lines.push(format!("{what}: {}", verified(case).await));
        }
    }
    lines.push(format!("below zero: {}", verified(of(GAUGE, odd)).await));
    insta::assert_snapshot!(lines.join("\n"), @r"
    as ever: 0: latency: canary p99 0.25 to 0.50 (12,000 requests), stable p99 0.25 to 0.50 (60,000 requests); over 99.99 % sure it is at most 2× stable's — good enough [good after 20 polls, Some(0.5)]
    slow: 22: latency: canary p99 above 1.0, the largest bucket (1,800 requests), stable p99 0.25 to 0.50 (9,000 requests); 99.4 % sure it is above 1.2× stable's (99 % needed) — worse [worse after 3 polls, None]
    gone for a while: 0: latency: canary p99 0.25 to 0.50 (12,000 requests), stable p99 0.25 to 0.50 (60,000 requests); over 99.99 % sure it is at most 2× stable's — good enough [good after 17 polls, Some(0.5)]
    no requests: 21: latency: canary p99 unknown (no requests), stable p99 0.25 to 0.50 (60,000 requests); no requests of the canary — no verdict [not-yet after 20 polls, None]
    as ever, after the old one: 0: latency: now p99 0.25 to 0.50 (12,000 requests), before p99 0.25 to 0.50 (120,000 requests); over 99.99 % sure it is at most 2× stable's — good enough [good after 20 polls, Some(0.5)]
    slow, after the old one: 22: latency: now p99 above 1.0, the largest bucket (1,800 requests), before p99 0.25 to 0.50 (18,000 requests); 99.4 % sure it is above 1.2× stable's (99 % needed) — worse [worse after 3 polls, None]
    slow, looked at late: 22: latency: canary p99 above 1.0, the largest bucket (1,800 requests), stable p99 0.25 to 0.50 (9,000 requests); 99.4 % sure it is above 1.2× stable's (99 % needed) — worse [worse after 3 polls, None]
    as ever: 0: p99: canary 0.50, stable 0.50 (averages), above 1.2× stable in 0 of 20 polls; over 99.99 % sure it is mostly not above 1.2× stable — good enough [good after 20 polls, Some(0.5)]
    slow: 22: p99: canary 0.61, stable 0.50 (averages), above 1.2× stable in 9 of 9 polls; 99.4 % sure it is mostly above 1.2× stable (99 % needed) — worse [worse after 9 polls, Some(0.61)]
    gone for a while: 0: p99: canary 0.50, stable 0.50 (averages), above 1.2× stable in 0 of 17 polls; over 99.99 % sure it is mostly not above 1.2× stable — good enough [good after 17 polls, Some(0.5)]
    no requests: 21: p99 has no usable number: `query` of canary: NaN: nothing divided by nothing, often no traffic (5 answers without a usable number) [inconclusive after 0 polls, None]
    as ever, after the old one: 0: p99: canary 0.50, stable 0.50 (averages), above 1.2× stable in 0 of 20 polls; over 99.99 % sure it is mostly not above 1.2× stable — good enough [good after 20 polls, Some(0.5)]
    slow, after the old one: 22: p99: canary 0.61, stable 0.50 (averages), above 1.2× stable in 9 of 9 polls; 99.4 % sure it is mostly above 1.2× stable (99 % needed) — worse [worse after 9 polls, Some(0.61)]
    slow, looked at late: 22: p99: canary 0.61, stable 0.50 (averages), above 1.2× stable in 9 of 9 polls; 99.4 % sure it is mostly above 1.2× stable (99 % needed) — worse [worse after 9 polls, Some(0.61)]
    below zero: 21: p99 has no usable number: `query`: a value to compare is not a number of at least 0 (5 answers without a usable number) [inconclusive after 0 polls, None]
    ");
}

#[tokio::test]
async fn finished_numbers_of_a_range_are_one_or_none_at_each_instant() {
    let began: DateTime<Utc> = BEGAN.parse().unwrap();
    let clock = Arc::new(ManualClock::at(began));
    let new = Slowness {
        gauge: |second| match second {
            60.0.. => f64::INFINITY,
            30.0.. => f64::NAN,
            _ => -0.5,
        },
        gone: (90.0, 120.0),
        ..AS_EVER
    };
    let server = answering((0, 0), clock.clone(), of_latency(AS_EVER, new));
    let endpoint = Endpoint::open(Url::parse(&server.url).unwrap());
    let client = Client::new(ClientOptions::default());
    let mut lines = Vec::new();
    for query in ["p99{v=\"1.1\"}", "p99{v=\"1.0\"}", "h_bucket{v=\"1.0\"}"] {
        let found = numbers_between(
            &client,
            clock.as_ref(),
            &endpoint,
            query,
            began,
            began + chrono::TimeDelta::seconds(120),
            Duration::from_secs(30),
            Duration::from_secs(5),
        );
        lines.push(format!("{query}: {:?}", found.await));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    p99{v="1.1"}: Ok([Some(-0.5), None, None, None, None])
    p99{v="1.0"}: Ok([Some(0.5), Some(0.5), Some(0.5), Some(0.5), Some(0.5)])
    h_bucket{v="1.0"}: Err(NoData("4 series where one was wanted; aggregate them, for example with max()"))
    "#);
}
