//! Two versions compared by sums of windows: every request once, whatever was away meanwhile.

use std::{future::pending, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Url;
use shipgate::{
    clock::{Clock, ManualClock},
    config::{
        query::Variables,
        verification::{Measure, RawVerification, Verification},
    },
    event::MetricRecord,
    ops::{
        verify,
        watch::{Endpoints, Extent, Past, PastRange, Reference, Subject, Watcher, past_polls},
    },
    probe::{
        Client, ClientOptions, cloudwatch,
        datadog::{self, Api},
        newrelic,
    },
    secret::Secret,
    yaml::{Limits, read},
};

use crate::{
    counting::{
        BEGAN, Counts, HEALTHY, Story, as_good, five_times_as_bad, hardly_anything, since, usual,
    },
    server::Server,
    stand_ins::{
        cloudwatch::cloudwatch,
        datadog::{KEYS, datadog},
        newrelic::{KEY, newrelic},
    },
    verification::Memory,
};

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Vendor {
    Cloudwatch,
    Datadog,
    NewRelic,
}

/// Those with buckets of ten seconds.
const BOTH: [Vendor; 2] = [Vendor::Datadog, Vendor::NewRelic];

impl Vendor {
    fn start(self, story: Story, clock: Arc<dyn Clock>) -> (Server, Endpoints) {
        let (bucket, settle) = (Duration::from_secs(10), Duration::from_secs(60));
        let window = Duration::from_secs(300);
        let mut endpoints = Endpoints::default();
        let server = match self {
            Self::Cloudwatch => {
                let server = cloudwatch(story, clock);
                endpoints.cloudwatch = Some(cloudwatch::Endpoint {
                    url: Url::parse(&server.url).unwrap(),
                    region: "eu-west-1".to_owned(),
                    keys: cloudwatch::Keys {
                        access_key_id: Secret::new("AKIAEXAMPLE"),
                        secret_access_key: Secret::new(KEYS.0),
                        session_token: None,
                    },
                    settle,
                });
                server
            }
            Self::Datadog => {
                let server = datadog(story, clock);
                endpoints.datadog = Some(datadog::Endpoint {
                    url: Url::parse(&server.url).unwrap(),
                    api_key: Secret::new(KEYS.0),
                    app_key: Secret::new(KEYS.1),
                    api: Api::V1,
                    window,
                    bucket,
                    settle,
                });
                server
            }
            Self::NewRelic => {
                let server = newrelic(story, clock);
                endpoints.newrelic = Some(newrelic::Endpoint {
                    url: Url::parse(&server.url).unwrap(),
                    account: 1_234_567,
                    api_key: Secret::new(KEY),
                    window,
                    bucket,
                    settle,
                });
                server
            }
        };
        (server, endpoints)
    }

    fn verification(self, more: &str) -> Verification {
        let (provider, bad, total) = match self {
            Self::Cloudwatch => (
                "cloudwatch",
                "SELECT SUM(HTTP_5XX) FROM shop WHERE version = '{{version}}'",
                "SELECT SUM(Requests) FROM shop WHERE version = '{{version}}'",
            ),
            Self::Datadog => (
                "datadog",
                "sum:trace.http.request.errors{version:{{version}}}.as_count()",
                "sum:trace.http.request.hits{version:{{version}}}.as_count()",
            ),
            Self::NewRelic => (
                "newrelic",
                "SELECT count(*) FROM Transaction WHERE version = '{{version}}' AND error IS true",
                "SELECT count(*) FROM Transaction WHERE version = '{{version}}'",
            ),
        };
        let section = format!(
            "metrics: [{{name: errors, provider: {provider}, bad: \"{bad}\", total: \"{total}\"{more}}}]"
        );
        let (raw, _) = read::<RawVerification>(&section, &Limits::SETTINGS).unwrap();
        raw.validate().unwrap()
    }
}

fn began() -> DateTime<Utc> {
    BEGAN.parse().unwrap()
}

fn at(second: i64) -> DateTime<Utc> {
    began() + TimeDelta::seconds(second)
}

fn variables(version: &str, arm: &str) -> Variables {
    Variables {
        version: Some(version.to_owned()),
        arm: Some(arm.to_owned()),
        ..Variables::default()
    }
}

fn client() -> Client {
    Client::new(ClientOptions::default())
}

/// Verifies from a second of a story on, as if the comparison had begun at its beginning.
async fn verified(
    vendor: Vendor,
    story: Story,
    (from, extent): (i64, Extent),
    reference: Reference,
) -> (String, MetricRecord) {
    let clock = Arc::new(ManualClock::at(at(from)));
    let (server, endpoints) = vendor.start(story, clock.clone());
    let subject = Subject {
        judged: variables("1.1", "canary"),
        reference,
        extent,
        began: Some(began()),
        weight: None,
    };
    let verification = vendor.verification("");
    let clock: Arc<dyn Clock> = clock;
    let mut watcher =
        Watcher::new(&verification, &endpoints, &subject, client(), clock.clone()).unwrap();
    let mut memory = Memory::default();
    let outcome = verify::run(&mut watcher, extent, pending(), &mut memory).await;
    let metric = outcome.metrics[0].clone();
    let seconds = (clock.now() - at(from)).num_seconds();
    let reason = outcome.reason.replace(&server.url, "URL");
    let code = outcome.ending.code().number;
    (
        format!(
            "{code} in {seconds}s, {} polls: {reason}",
            counts(&metric).len()
        ),
        metric,
    )
}

fn beside() -> Reference {
    Reference::Beside(variables("1.0", "stable"))
}

/// Requests and bad ones of canary, then of stable, poll by poll.
fn counts(metric: &MetricRecord) -> Vec<[f64; 4]> {
    let polls = metric.comparison.iter().flat_map(|it| it.polls.iter());
    polls
        .map(|(poll, _)| {
            let rounded = |number: f64| (number * 1_000.0).round() / 1_000.0;
            [
                poll.canary.total(),
                poll.canary.bad(),
                poll.stable.total(),
                poll.stable.bad(),
            ]
            .map(rounded)
        })
        .collect()
}

fn sum(polls: &[[f64; 4]]) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for poll in polls {
        for (sum, number) in sums.iter_mut().zip(poll) {
            *sum += number;
        }
    }
    sums.map(|sum| (sum * 1_000.0).round() / 1_000.0)
}

const TEN_MINUTES: Extent = Extent::For(Duration::from_secs(600));

#[tokio::test]
async fn a_canary_is_judged_by_sums_as_by_counters() {
    let story = |new: Counts| Story { new, ..HEALTHY };
    let away = Story {
        away: (0, 10_000),
        ..HEALTHY
    };
    let rows = [
        (HEALTHY, TEN_MINUTES),
        (HEALTHY, Extent::Polls(2)),
        (story(five_times_as_bad), TEN_MINUTES),
        (story(|_| (50.0, 1.0)), Extent::Polls(4)),
        (story(hardly_anything), TEN_MINUTES),
        (away, Extent::Polls(5)),
    ];
    let mut lines = Vec::new();
    for vendor in BOTH {
        for (story, extent) in rows {
            let (line, _) = verified(vendor, story, (0, extent), beside()).await;
            lines.push(format!("{vendor:?}: {line}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    Datadog: 0 in 600s, 18 polls: errors: canary 1.00 % (54 of 5,400), stable 1.00 % (540 of 54,000), ratio 1.0× (95 % range 0.57–1.7×); over 99.99 % sure it is less than 2× worse — good enough
    Datadog: 21 in 120s, 2 polls: errors: canary 1.00 % (6 of 600), stable 1.00 % (60 of 6,000), ratio 1.0× (95 % range 0.17–3.3×); undecided at the deadline: 39.5 % sure it is less than 2× worse (95 % needed); could only exclude more than 3.3×
    Datadog: 22 in 150s, 3 polls: errors: canary 5.00 % (45 of 900), stable 1.00 % (90 of 9,000), ratio 5.0× (95 % range 2.6–9.2×); 99.7 % sure it is worse than the tolerated 1.25× (99 % needed) — worse
    Datadog: 21 in 210s, 0 polls: errors has no usable number: `total` counts nothing for canary: has it had a request? (5 answers without a usable number)
    Datadog: 21 in 600s, 18 polls: errors: canary 0 % (0 of 54), stable 1.00 % (540 of 54,000), ratio 0× (95 % range 0–13×); undecided at the deadline: 27.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 13×
    Datadog: 20 in 216s, 0 polls: errors could not be measured: `bad` of canary: URL answered with status 503 (5 errors in a row)
    NewRelic: 0 in 600s, 18 polls: errors: canary 1.00 % (54 of 5,400), stable 1.00 % (540 of 54,000), ratio 1.0× (95 % range 0.57–1.7×); over 99.99 % sure it is less than 2× worse — good enough
    NewRelic: 21 in 120s, 2 polls: errors: canary 1.00 % (6 of 600), stable 1.00 % (60 of 6,000), ratio 1.0× (95 % range 0.17–3.3×); undecided at the deadline: 39.5 % sure it is less than 2× worse (95 % needed); could only exclude more than 3.3×
    NewRelic: 22 in 150s, 3 polls: errors: canary 5.00 % (45 of 900), stable 1.00 % (90 of 9,000), ratio 5.0× (95 % range 2.6–9.2×); 99.7 % sure it is worse than the tolerated 1.25× (99 % needed) — worse
    NewRelic: 21 in 210s, 0 polls: errors has no usable number: `total` counts nothing for canary: has it had a request? (5 answers without a usable number)
    NewRelic: 21 in 600s, 18 polls: errors: canary 0 % (0 of 54), stable 1.00 % (540 of 54,000), ratio 0× (95 % range 0–13×); undecided at the deadline: 27.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 13×
    NewRelic: 20 in 216s, 0 polls: errors could not be measured: `bad` of canary: URL answered with status 503 (5 errors in a row)
    ");
}

#[tokio::test]
async fn minutes_of_cloudwatch_are_judged() {
    let twenty_minutes = Extent::For(Duration::from_secs(1_200));
    let bad = Story {
        new: five_times_as_bad,
        ..HEALTHY
    };
    let away = Story {
        away: (130, 310),
        ..HEALTHY
    };
    let mut lines = Vec::new();
    for story in [HEALTHY, bad, away] {
        let (line, found) =
            verified(Vendor::Cloudwatch, story, (0, twenty_minutes), beside()).await;
        lines.push(format!("{:?} {line}", sum(&counts(&found))));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    [11400.0, 114.0, 114000.0, 1140.0] 0 in 1200s, 19 polls: errors: canary 1.00 % (114 of 11,400), stable 1.00 % (1,140 of 114,000), ratio 1.0× (95 % range 0.68–1.5×); over 99.99 % sure it is less than 2× worse — good enough
    [1800.0, 90.0, 18000.0, 180.0] 22 in 240s, 3 polls: errors: canary 5.00 % (90 of 1,800), stable 1.00 % (180 of 18,000), ratio 5.0× (95 % range 3.1–7.8×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse
    [600.0, 6.0, 6000.0, 60.0] 20 in 309s, 1 polls: errors could not be measured: `bad` of canary: URL answered with status 503 (5 errors in a row)
    ");
}

#[tokio::test]
async fn every_request_since_the_beginning_is_counted_once() {
    for vendor in BOTH {
        let (_, whole) = verified(vendor, HEALTHY, (0, TEN_MINUTES), beside()).await;
        let whole = counts(&whole);
        // 10 minutes but for the last one, which may still grow.
        assert_eq!(sum(&whole), [5_400.0, 54.0, 54_000.0, 540.0], "{vendor:?}");
        assert_eq!(whole.len(), 18, "{vendor:?}: {whole:?}");
        // Away for a while: the same polls, later.
        for away in [(0, 100), (95, 215), (301, 302), (330, 450), (500, 599)] {
            let story = Story { away, ..HEALTHY };
            let (_, found) = verified(vendor, story, (0, TEN_MINUTES), beside()).await;
            assert_eq!(counts(&found), whole, "{vendor:?}, away {away:?}");
        }
        // Whoever comes later, after a crash: the same polls.
        for from in [30, 100, 299, 570] {
            let rest = Extent::For(Duration::from_secs(600 - from));
            let from = i64::try_from(from).unwrap();
            let (_, found) = verified(vendor, HEALTHY, (from, rest), beside()).await;
            let found = counts(&found);
            assert_eq!(found[..17], whole[..17], "{vendor:?}, from {from}");
        }
    }
}

#[tokio::test]
async fn what_was_there_before_the_change_is_held_against_it() {
    let before = Reference::Before {
        variables: variables("1.0", "stable"),
        until: began(),
    };
    let young = Story {
        old: |second| usual(second.max(-300.0)),
        ..HEALTHY
    };
    let never = Story {
        old: |_| (0.0, 0.0),
        ..HEALTHY
    };
    let mut lines = Vec::new();
    for vendor in BOTH {
        for story in [HEALTHY, young, never] {
            let (line, found) = verified(vendor, story, (0, TEN_MINUTES), before.clone()).await;
            let found = counts(&found);
            lines.push(format!("{vendor:?}: {:?} {line}", sum(&found)));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    Datadog: [5400.0, 54.0, 120000.0, 1200.0] 0 in 600s, 18 polls: errors: now 1.00 % (54 of 5,400), before 1.00 % (1,200 of 120,000), ratio 1.0× (95 % range 0.57–1.7×); over 99.99 % sure it is less than 2× worse — good enough
    Datadog: [5400.0, 54.0, 30000.0, 300.0] 0 in 600s, 18 polls: errors: now 1.00 % (54 of 5,400), before 1.00 % (300 of 30,000), ratio 1.0× (95 % range 0.57–1.7×); over 99.99 % sure it is less than 2× worse — good enough
    Datadog: [0.0, 0.0, 0.0, 0.0] 21 in 210s, 0 polls: errors has no usable number: `total` counts nothing for stable before the change, so there is nothing to compare with (5 answers without a usable number)
    NewRelic: [5400.0, 54.0, 120000.0, 1200.0] 0 in 600s, 18 polls: errors: now 1.00 % (54 of 5,400), before 1.00 % (1,200 of 120,000), ratio 1.0× (95 % range 0.57–1.7×); over 99.99 % sure it is less than 2× worse — good enough
    NewRelic: [5400.0, 54.0, 30000.0, 300.0] 0 in 600s, 18 polls: errors: now 1.00 % (54 of 5,400), before 1.00 % (300 of 30,000), ratio 1.0× (95 % range 0.57–1.7×); over 99.99 % sure it is less than 2× worse — good enough
    NewRelic: [0.0, 0.0, 0.0, 0.0] 21 in 210s, 0 polls: errors has no usable number: `total` counts nothing for stable before the change, so there is nothing to compare with (5 answers without a usable number)
    ");
}

#[tokio::test]
async fn bad_requests_that_never_were_are_zero_only_where_that_is_said() {
    let clean = Story {
        old: |second| (100.0 * since(second), 0.0),
        new: |second| (10.0 * since(second), 0.0),
        away: (0, 0),
    };
    let only_stable = Story {
        new: |second| (10.0 * since(second), 0.0),
        ..HEALTHY
    };
    let more_bad_than_all = Story {
        new: |second| (since(second), 2.0 * since(second)),
        ..HEALTHY
    };
    let mut lines = Vec::new();
    for vendor in BOTH {
        for story in [clean, only_stable, more_bad_than_all] {
            let (line, _) = verified(vendor, story, (0, TEN_MINUTES), beside()).await;
            lines.push(format!("{vendor:?}: {line}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    Datadog: 21 in 210s, 0 polls: errors has no usable number: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one (5 answers without a usable number)
    Datadog: 0 in 600s, 18 polls: errors: canary 0 % (0 of 5,400), stable 1.00 % (540 of 54,000), ratio 0× (95 % range 0–0.13×); over 99.99 % sure it is less than 2× worse — good enough
    Datadog: 21 in 210s, 0 polls: errors has no usable number: 300 bad requests of 150 for canary: do both queries count the same requests? (5 answers without a usable number)
    NewRelic: 21 in 210s, 0 polls: errors has no usable number: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one (5 answers without a usable number)
    NewRelic: 0 in 600s, 18 polls: errors: canary 0 % (0 of 5,400), stable 1.00 % (540 of 54,000), ratio 0× (95 % range 0–0.13×); over 99.99 % sure it is less than 2× worse — good enough
    NewRelic: 21 in 210s, 0 polls: errors has no usable number: 300 bad requests of 150 for canary: do both queries count the same requests? (5 answers without a usable number)
    ");
}

#[tokio::test]
async fn a_time_that_is_over_is_counted_window_by_window() {
    let mut lines = Vec::new();
    for vendor in BOTH {
        let clock = Arc::new(ManualClock::at(at(3_600)));
        let (_server, endpoints) = vendor.start(HEALTHY, clock.clone());
        let verification = vendor.verification("");
        let Measure::Comparison(comparison) = &verification.metrics[0].measure else {
            panic!("it is a comparison");
        };
        let range = |from: i64, to: i64, step: u64| {
            PastRange::new(at(from), at(to), Duration::from_secs(step), clock.now()).unwrap()
        };
        let rows = [
            (range(0, 1_800, 60), None),
            (range(0, 1_800, 60), Some(range(-1_800, 0, 60))),
            (range(3_000, 3_600, 60), None),
            (range(0, 60, 5), None),
        ];
        for (judged, earlier) in rows {
            let past = Past {
                judged: variables("1.1", "canary"),
                range: judged,
                reference: variables("1.0", "stable"),
                reference_range: earlier,
            };
            let metric = (&verification.metrics[0], &**comparison);
            let client = client();
            let found = past_polls(metric, &past, &endpoints, &client, clock.as_ref());
            let found = found.await.unwrap();
            let total: f64 = found.polls.iter().map(|poll| poll.canary.total()).sum();
            let stable: f64 = found.polls.iter().map(|poll| poll.stable.total()).sum();
            lines.push(format!(
                "{vendor:?}: {judged} {} of {} polls, canary {total}, stable {stable}, gap {:?}",
                found.polls.len(),
                found.wanted,
                found.first_gap
            ));
        }
    }
    assert!(as_good(0.0).0 > 0.0);
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Datadog: 2026-03-10T10:00:00Z to 2026-03-10T10:30:00Z 30 of 30 polls, canary 18000, stable 180000, gap None
    Datadog: 2026-03-10T10:00:00Z to 2026-03-10T10:30:00Z 30 of 30 polls, canary 18000, stable 180000, gap None
    Datadog: 2026-03-10T10:50:00Z to 2026-03-10T11:00:00Z 9 of 10 polls, canary 5400, stable 54000, gap Some("what was counted last is not finished, or a step is shorter than a bucket")
    Datadog: 2026-03-10T10:00:00Z to 2026-03-10T10:01:00Z 6 of 12 polls, canary 600, stable 6000, gap Some("what was counted last is not finished, or a step is shorter than a bucket")
    NewRelic: 2026-03-10T10:00:00Z to 2026-03-10T10:30:00Z 30 of 30 polls, canary 18000, stable 180000, gap None
    NewRelic: 2026-03-10T10:00:00Z to 2026-03-10T10:30:00Z 30 of 30 polls, canary 18000, stable 180000, gap None
    NewRelic: 2026-03-10T10:50:00Z to 2026-03-10T11:00:00Z 9 of 10 polls, canary 5400, stable 54000, gap Some("what was counted last is not finished, or a step is shorter than a bucket")
    NewRelic: 2026-03-10T10:00:00Z to 2026-03-10T10:01:00Z 6 of 12 polls, canary 600, stable 6000, gap Some("what was counted last is not finished, or a step is shorter than a bucket")
    "#);
}
