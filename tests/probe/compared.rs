//! `verify` of a canary that is compared with stable.

use std::{future::pending, sync::Arc, time::Duration};

use reqwest::Url;
use shipgate::{
    clock::ManualClock,
    config::{query::Variables, verification::RawVerification},
    ops::{
        verify,
        watch::{Endpoints, Extent, Reference, Subject, Watcher},
    },
    probe::{Client, ClientOptions, prometheus::Endpoint},
    yaml::{Limits, read},
};

use crate::{
    counting::{BEGAN, HEALTHY, Story, five_times_as_bad, nothing, prometheus},
    verification::Memory,
};

async fn verified(story: Story, extent: Extent) -> String {
    verified_with("", story, extent).await
}

/// With more keys of the metric.
async fn verified_with(more: &str, story: Story, extent: Extent) -> String {
    let clock = Arc::new(ManualClock::at(BEGAN.parse().unwrap()));
    let server = prometheus(story, clock.clone());
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
        reference: Reference::Beside(variables("1.0", "stable")),
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
    let ten_minutes = Extent::For(Duration::from_secs(600));
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
        (HEALTHY, ten_minutes),
        (HEALTHY, Extent::Polls(2)),
        (bad, ten_minutes),
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
