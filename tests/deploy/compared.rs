//! Deployments whose canary is compared with stable: counters of every kind, and what comes of them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use shipgate::{analysis::judge::ComparisonVerdict, event::Event, sim::Scenario};

use crate::{
    counting::{
        BEGAN, Counts, HEALTHY, Story, answering, as_good, burst, five_times_as_bad,
        hardly_anything, nothing, prometheus, since, usual,
    },
    endings::{rolling, rolling_text},
    runs::Start,
    server::Server,
    stage::{Stage, all, instant},
    trail::End,
};

/// A stage on which nothing but this comparison is measured, of one pause of 10 minutes.
pub(crate) struct Compared {
    pub(crate) stage: Stage,
    server: Server,
}

const ERRORS: &str = "name: errors, provider: prometheus, bad: 'bad{v=\"{{version}}\"}', total: 'total{v=\"{{version}}\"}'";

fn compared(story: Story, more: &str, pause: &str) -> Compared {
    compared_by(|clock| prometheus(story, clock), ERRORS, more, pause)
}

/// A stage on which nothing but one metric is measured, by the server of `serve`.
pub(crate) fn compared_by(
    serve: impl FnOnce(Arc<dyn shipgate::clock::Clock>) -> Server,
    metric: &str,
    more: &str,
    pause: &str,
) -> Compared {
    let url = Arc::new(Mutex::new(String::new()));
    let later = Arc::clone(&url);
    // The server needs the stage's clock, and the stage the server's address.
    let clock: Arc<Mutex<Option<Arc<dyn shipgate::clock::Clock>>>> = Arc::default();
    let inner = Arc::clone(&clock);
    let server = serve(Arc::new(Borrowed(inner)));
    url.lock().unwrap().clone_from(&server.url);
    let stage = Stage::edited(Scenario::Healthy, |text| {
        let (head, rest) = text.split_once("    verification:").unwrap();
        assert!(rest.contains("total:"));
        let (head, steps) = head.split_once("        steps:\n").unwrap();
        let (_, tail) = steps.split_once("        bake_time:").unwrap();
        let base = text
            .split('"')
            .find(|part| part.starts_with("http://"))
            .unwrap();
        let tail = tail.replace(" 2m ", " 10m ");
        let head = head.replacen(base, &later.lock().unwrap(), 1);
        format!(
            "{head}        steps:\n          - set_weight: 10\n          - pause: {{duration: 10m{pause}}}\n        bake_time:{tail}    verification:\n      interval: 30s\n{more}      metrics:\n        - {{{metric}}}\n"
        )
    });
    *clock.lock().unwrap() = Some(stage.time.clone());
    Compared { stage, server }
}

/// The same of one workload, which is watched for 10 minutes.
fn rolling_by(
    serve: impl FnOnce(Arc<dyn shipgate::clock::Clock>) -> Server,
    more: &str,
) -> Compared {
    let clock: Arc<Mutex<Option<Arc<dyn shipgate::clock::Clock>>>> = Arc::default();
    let server = serve(Arc::new(Borrowed(Arc::clone(&clock))));
    let stage = Stage::edited(Scenario::Healthy, |text| {
        let text = rolling_text(text);
        let base = text
            .split('"')
            .find(|part| part.starts_with("http://"))
            .unwrap();
        let (head, _) = text.split_once("    verification:").unwrap();
        let head = head.replacen(base, &server.url, 1);
        let head = head.replace("{bake_time: 3m}", "{bake_time: 10m}");
        format!(
            "{head}    verification:\n      interval: 30s\n{more}      metrics:\n        - {{{ERRORS}}}\n"
        )
    });
    *clock.lock().unwrap() = Some(stage.time.clone());
    Compared { stage, server }
}

/// The clock of a stage that is made later.
struct Borrowed(Arc<Mutex<Option<Arc<dyn shipgate::clock::Clock>>>>);

impl shipgate::clock::Clock for Borrowed {
    fn now(&self) -> DateTime<Utc> {
        let clock = self.0.lock().unwrap();
        clock.as_ref().map_or_else(|| instant(BEGAN), |it| it.now())
    }

    fn sleep(&self, _: Duration) -> shipgate::clock::Sleep<'_> {
        unreachable!("a server does not sleep")
    }
}

pub(crate) fn told(end: &End) -> String {
    let watches = end
        .trail
        .iter()
        .filter(|line| line.contains(" watch ") || line.starts_with("warning"));
    let mut lines: Vec<&str> = watches.map(String::as_str).collect();
    let last = end.end();
    lines.push(&last);
    lines.join("\n")
}

async fn story(story: Story, more: &str, pause: &str) -> String {
    let compared = compared(story, more, pause);
    let end = compared.stage.deploy("1.1").await;
    told(&end)
}

#[tokio::test]
async fn a_canary_ends_as_its_counters_say() {
    let rows = [
        ("as good", HEALTHY),
        (
            "five times as bad",
            Story {
                new: five_times_as_bad,
                ..HEALTHY
            },
        ),
        (
            "one burst",
            Story {
                new: burst,
                ..HEALTHY
            },
        ),
        (
            "no requests",
            Story {
                new: nothing,
                ..HEALTHY
            },
        ),
        (
            "an outage in the middle",
            Story {
                away: (180, 250),
                ..HEALTHY
            },
        ),
        (
            "an outage at the first look",
            Story {
                away: (35, 100),
                ..HEALTHY
            },
        ),
    ];
    let stories =
        all(rows.map(async |(what, row)| format!("{what}:\n{}", story(row, "", "").await)));
    insta::assert_snapshot!(stories.await.join("\n\n"), @r"
    as good:
    4/9 watch canary for 10m: passed (good after 10m)
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified

    five times as bad:
    4/9 watch canary for 10m: failed (errors: canary 5.00 % (45 of 900), stable 1.00 % (90 of 9,000), ratio 5.0× (95 % range 2.6–9.2×); 99.7 % sure it is worse than the tolerated 1.25× (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 5.00 % (45 of 900), stable 1.00 % (90 of 9,000), ratio 5.0× (95 % range 2.6–9.2×); 99.7 % sure it is worse than the tolerated 1.25× (99 % needed) — worse

    one burst:
    4/9 watch canary for 10m: held (undecided after 10m: errors: canary 1.35 % (81 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.3× (95 % range 0.85–2.1×); undecided at the deadline: 35.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 2.1×)
    42 held: advertisements 1.1 in production is held at weight 10%: undecided after 10m: errors: canary 1.35 % (81 of 6,000), stable 1.00 % (600 of 60,000), ratio 1.3× (95 % range 0.85–2.1×); undecided at the deadline: 35.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 2.1×
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production

    no requests:
    4/9 watch canary for 10m: held (errors: canary no requests, stable 1.00 % (600 of 60,000), ratio unknown; canary received 0.0 % of the requests instead of 10.0 %: no verdict)
    42 held: advertisements 1.1 in production is held at weight 10%: errors: canary no requests, stable 1.00 % (600 of 60,000), ratio unknown; canary received 0.0 % of the requests instead of 10.0 %: no verdict
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production

    an outage in the middle:
    4/9 watch canary for 10m: passed (good after 10m)
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified

    an outage at the first look:
    4/9 watch canary for 10m: passed (good after 10m)
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified
    ");
}

#[tokio::test]
async fn an_undecided_canary_ends_as_the_configuration_says() {
    let few = Story {
        new: hardly_anything,
        old: |second| (0.9 * since(second), 0.009 * since(second)),
        ..HEALTHY
    };
    let rows = [
        "",
        "      on_inconclusive: rollback\n",
        "      on_inconclusive: promote\n",
    ];
    let stories = all(rows.map(async |more| {
        let more = format!("      judge: {{before: 1h}}\n{more}");
        story(few, &more, "").await
    }));
    insta::assert_snapshot!(stories.await.join("\n\n"), @r"
    4/9 watch canary for 10m: held (undecided after 10m: errors: canary 0 % (0 of 60), stable 1.00 % (5.4 of 540), ratio 0× (95 % range 0–12×); undecided at the deadline: 26.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 12×)
    42 held: advertisements 1.1 in production is held at weight 10%: undecided after 10m: errors: canary 0 % (0 of 60), stable 1.00 % (5.4 of 540), ratio 0× (95 % range 0–12×); undecided at the deadline: 26.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 12×
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production

    4/9 watch canary for 10m: failed (undecided after 10m, which `on_inconclusive: rollback` takes back: errors: canary 0 % (0 of 60), stable 1.00 % (5.4 of 540), ratio 0× (95 % range 0–12×); undecided at the deadline: 26.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 12×)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: undecided after 10m, which `on_inconclusive: rollback` takes back: errors: canary 0 % (0 of 60), stable 1.00 % (5.4 of 540), ratio 0× (95 % range 0–12×); undecided at the deadline: 26.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 12×

    warning: undecided after 10m and let through by `on_inconclusive: promote`: a version up to 12× as bad as stable would not have been seen (errors: canary 0 % (0 of 60), stable 1.00 % (5.4 of 540), ratio 0× (95 % range 0–12×); undecided at the deadline: 26.4 % sure it is less than 2× worse (95 % needed); could only exclude more than 12×)
    4/9 watch canary for 10m: passed (undecided after 10m and let through by `on_inconclusive: promote`: a version up to 12× as bad as stable would not have been seen)
    warning: undecided after 10m and let through by `on_inconclusive: promote`: a version up to 9.7× as bad as stable would not have been seen (errors: now 0 % (0 of 60), before 1.00 % (32.4 of 3,240), ratio 0× (95 % range 0–9.7×); undecided at the deadline: 29.5 % sure it is less than 2× worse (95 % needed); could only exclude more than 9.7×)
    7/9 watch stable for 10m: passed (undecided after 10m and let through by `on_inconclusive: promote`: a version up to 9.7× as bad as stable would not have been seen)
    0 ok: advertisements 1.1 in production is live and verified
    ");
}

#[tokio::test]
async fn a_good_canary_may_end_its_pause_early() {
    insta::assert_snapshot!(story(HEALTHY, "", ", promote_early: true").await, @r"
    4/9 watch canary for 10m: passed (good early, after 5m)
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified
    ");
}

#[tokio::test]
async fn a_watch_that_was_killed_goes_on_with_what_was_measured() {
    let compared = compared(HEALTHY, "", "");
    let start = Start::new();
    let kill = start.kill.clone();
    let mut polls = 0;
    let first = compared
        .stage
        .deploy_with(
            "1.1",
            start.hook(move |event| {
                if let Event::Measured { metric, .. } = event
                    && let Some(comparison) = &metric.comparison
                {
                    polls = polls.max(comparison.polls.len());
                    if polls == 8 {
                        kill.notify_one();
                    }
                }
            }),
        )
        .await;
    assert_eq!(first.code, None, "{first}");
    let killed_at = compared.stage.clock_now();
    let seen: Arc<Mutex<Vec<(usize, ComparisonVerdict)>>> = Arc::default();
    let log = Arc::clone(&seen);
    let again = Start::new().hook(move |event| {
        if let Event::Measured { metric, .. } = event
            && let Some(comparison) = &metric.comparison
        {
            log.lock()
                .unwrap()
                .push((comparison.polls.len(), comparison.verdict));
        }
    });
    let end = compared.stage.deploy_with("1.1", again).await;
    end.assert(0, "goes on");
    let first_look = seen.lock().unwrap().first().copied().unwrap();
    assert!(first_look.0 >= 8, "{first_look:?} after {killed_at}");
    assert!(
        end.trail
            .iter()
            .any(|line| line.contains("an earlier try began to watch")),
        "{end}"
    );
    let ranges = compared.server.requests();
    assert!(ranges.iter().any(|it| it.contains("/api/v1/query_range")));
}

#[tokio::test]
async fn a_rolling_deployment_is_held_against_the_time_before() {
    let rows = [Scenario::Healthy, Scenario::Errors];
    let stories = all(rows.map(async |scenario| {
        let stage = rolling(scenario);
        told(&stage.deploy("1.1").await)
    }));
    insta::assert_snapshot!(stories.await.join("\n\n"), @r"
    3/3 watch stable for 3m: passed (good after 3m)
    0 ok: advertisements 1.1 in production is live and verified

    3/3 watch stable for 3m: failed (errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 7.69 % (690 of 8,973), before 0.20 % (61 of 29,992), ratio 38× (95 % range 24–64×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse
    ");
}

#[tokio::test]
async fn a_canary_without_its_share_of_the_requests_has_no_verdict() {
    let little = Story {
        new: |second| (since(second), 0.01 * since(second)),
        ..HEALTHY
    };
    insta::assert_snapshot!(story(little, "", "").await, @r"
    4/9 watch canary for 10m: held (errors: canary 1.00 % (6 of 600), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.14–3.3×); canary received 1.0 % of the requests instead of 10.0 %: no verdict)
    42 held: advertisements 1.1 in production is held at weight 10%: errors: canary 1.00 % (6 of 600), stable 1.00 % (600 of 60,000), ratio 1.0× (95 % range 0.14–3.3×); canary received 1.0 % of the requests instead of 10.0 %: no verdict
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
}

#[tokio::test]
async fn a_query_with_a_slip_is_never_healthy() {
    let stage = Stage::edited(Scenario::Healthy, |text| {
        text.replace("status=\"500\"", "status=\"5OO\"")
    });
    let end = stage.deploy("1.1").await;
    insta::assert_snapshot!(told(&end), @r"
    warning: before we start: shipgate.yaml:31:11: errors has no usable number: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one
    4/11 watch canary for 3m: held (errors has no usable number: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one (5 answers without a usable number))
    42 held: advertisements 1.1 in production is held at weight 10%: errors has no usable number: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one (5 answers without a usable number)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
}

#[tokio::test]
async fn a_comparison_that_cannot_be_asked_stops_it_before_anything_is_changed() {
    let away = Story {
        away: (-1_000, 100_000),
        ..HEALTHY
    };
    let compared = compared(away, "", "");
    let end = compared.stage.deploy("1.1").await;
    let story = compared
        .stage
        .story(&end)
        .replace(&compared.server.url, "URL");
    insta::assert_snapshot!(story, @r"
    deploy advertisements 1.1 to production
    gate: Allowed
    plan: 9 steps, 4 back
    changes: 8
    20 unavailable: before anything was changed: shipgate.yaml:27:11: errors could not be measured: `bad` of canary: URL answered with status 503
      hint: nothing was pushed; run the same command again when the provider answers
    log: 
    journal: 
    tree: as at first
    live: stable 1.0, canary nothing with 0%
    ");
}

#[tokio::test]
async fn a_canary_is_held_against_a_limit() {
    let few: Counts = |second| (0.1 * since(second), 0.0);
    let fewer: Counts = |second| (since(second), 0.01 * since(second));
    let promote = "      on_inconclusive: promote\n";
    let rows: [(&str, Counts, Counts, &str); 4] = [
        ("below", usual, as_good, ""),
        ("above", usual, five_times_as_bad, ""),
        ("few requests", fewer, few, ""),
        ("few requests, promoted", fewer, few, promote),
    ];
    let stories = all(rows.map(async |(what, old, new, more)| {
        let metric = format!("{ERRORS}, max_rate: 0.02, absent_bad_is_zero: true");
        let story = Story {
            new,
            old,
            ..HEALTHY
        };
        let compared = compared_by(|clock| prometheus(story, clock), &metric, more, "");
        format!("{what}:\n{}", told(&compared.stage.deploy("1.1").await))
    }));
    insta::assert_snapshot!(stories.await.join("\n\n"), @r"
    below:
    4/9 watch canary for 10m: passed (good after 10m)
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified

    above:
    4/9 watch canary for 10m: failed (errors: canary 5.00 % (45 of 900), 95 % range 2.7–8.1 %, limit 2 %; 99.5 % sure it is above the limit of 2 % (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: canary 5.00 % (45 of 900), 95 % range 2.7–8.1 %, limit 2 %; 99.5 % sure it is above the limit of 2 % (99 % needed) — worse

    few requests:
    4/9 watch canary for 10m: held (undecided after 10m: errors: canary 0 % (0 of 60), 95 % range 0–9.0 %, limit 2 %; undecided at the deadline: 58 % sure it is below the limit of 2 % (95 % needed))
    42 held: advertisements 1.1 in production is held at weight 10%: undecided after 10m: errors: canary 0 % (0 of 60), 95 % range 0–9.0 %, limit 2 %; undecided at the deadline: 58 % sure it is below the limit of 2 % (95 % needed)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production

    few requests, promoted:
    warning: undecided after 10m and let through by `on_inconclusive: promote`: 0–9.0 % of its requests may be bad (errors: canary 0 % (0 of 60), 95 % range 0–9.0 %, limit 2 %; undecided at the deadline: 58 % sure it is below the limit of 2 % (95 % needed))
    4/9 watch canary for 10m: passed (undecided after 10m and let through by `on_inconclusive: promote`: 0–9.0 % of its requests may be bad)
    warning: undecided after 10m and let through by `on_inconclusive: promote`: 0–9.0 % of its requests may be bad (errors: canary 0 % (0 of 60), 95 % range 0–9.0 %, limit 2 %; undecided at the deadline: 58 % sure it is below the limit of 2 % (95 % needed))
    7/9 watch stable for 10m: passed (undecided after 10m and let through by `on_inconclusive: promote`: 0–9.0 % of its requests may be bad)
    0 ok: advertisements 1.1 in production is live and verified
    ");
}

#[tokio::test]
async fn the_time_before_is_as_long_as_the_configuration_says() {
    let rows = [
        "",
        "      judge: {before: 10m}\n",
        "      judge: {before: 2h}\n",
    ];
    let stories = all(rows.map(async |more| {
        let story = Story {
            new: |second| (100.0 * since(second), 5.0 * since(second)),
            ..HEALTHY
        };
        let compared = rolling_by(|clock| prometheus(story, clock), more);
        told(&compared.stage.deploy("1.1").await)
    }));
    insta::assert_snapshot!(stories.await.join("\n\n"), @r"
    3/3 watch stable for 10m: failed (errors: now 5.00 % (450 of 9,000), before 1.00 % (180 of 18,000), ratio 5.0× (95 % range 3.6–7.0×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 5.00 % (450 of 9,000), before 1.00 % (180 of 18,000), ratio 5.0× (95 % range 3.6–7.0×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse

    3/3 watch stable for 10m: failed (errors: now 5.00 % (450 of 9,000), before 1.00 % (90 of 9,000), ratio 5.0× (95 % range 3.3–7.8×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 5.00 % (450 of 9,000), before 1.00 % (90 of 9,000), ratio 5.0× (95 % range 3.3–7.8×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse

    3/3 watch stable for 10m: failed (errors: now 5.00 % (450 of 9,000), before 1.00 % (1,080 of 108,000), ratio 5.0× (95 % range 4.0–6.2×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: errors: now 5.00 % (450 of 9,000), before 1.00 % (1,080 of 108,000), ratio 5.0× (95 % range 4.0–6.2×); 99.8 % sure it is worse than the tolerated 1.25× (99 % needed) — worse
    ");
}

/// Bad requests of a query with a slip are never seen; the flag says that there are none.
#[tokio::test]
async fn what_rests_on_the_configuration_s_word_is_said() {
    let serve = |clock| {
        answering((0, 0), clock, |query, second| {
            let version = if query.contains("1.1") {
                as_good
            } else {
                usual
            };
            let (total, _) = version(second);
            if query.starts_with("bad") {
                return Vec::new();
            }
            vec![(serde_json::json!({"pod": "a"}), total)]
        })
    };
    let metric = format!("{ERRORS}, absent_bad_is_zero: true, negligible_rate: 0.01");
    let compared = compared_by(serve, &metric, "", "");
    insta::assert_snapshot!(told(&compared.stage.deploy("1.1").await), @r"
    warning: errors: `bad` never matched anything in either arm, which `absent_bad_is_zero` takes for none: is the query right?
    4/9 watch canary for 10m: passed (good after 10m)
    warning: errors: `bad` never matched anything in either arm, which `absent_bad_is_zero` takes for none: is the query right?
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified
    ");
}

#[tokio::test]
async fn what_is_held_after_the_promotion_says_so() {
    let gone = Story {
        new: |second| as_good(second.min(700.0)),
        ..HEALTHY
    };
    insta::assert_snapshot!(story(gone, "", "").await, @r"
    4/9 watch canary for 10m: passed (good after 10m)
    7/9 watch stable for 10m: held (undecided after 10m: errors: now 1.00 % (3.5 of 350), before 1.00 % (1,200 of 120,000), ratio 1.0× (95 % range 0.055–4.5×); undecided at the deadline: 9.7 % sure it is less than 2× worse (95 % needed); could only exclude more than 4.5×)
    42 held: advertisements 1.1 in production is held after the promotion: undecided after 10m: errors: now 1.00 % (3.5 of 350), before 1.00 % (1,200 of 120,000), ratio 1.0× (95 % range 0.055–4.5×); undecided at the deadline: 9.7 % sure it is less than 2× worse (95 % needed); could only exclude more than 4.5×
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
}
