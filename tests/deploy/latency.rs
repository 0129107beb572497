//! Deployments whose percentiles, or gauges, are compared with those of stable.

use crate::{
    compared::{compared_by, told},
    counting::{AS_EVER, Slowness, answering, of_latency},
    stage::all,
};

const PERCENTILE: &str = "name: latency, provider: prometheus, histogram: 'h_bucket{v=\"{{version}}\"}', quantile: 0.99, tolerated_factor: 1.2";
const GAUGE: &str =
    "name: p99, provider: prometheus, query: 'p99{v=\"{{version}}\"}', tolerated_factor: 1.2";

#[tokio::test]
async fn a_canary_ends_as_its_latency_says() {
    let new = Slowness {
        requests: 11.0,
        ..AS_EVER
    };
    let slow = Slowness {
        within: [0.5, 0.6, 0.9],
        gauge: |_| 0.61,
        ..new
    };
    let rows = [
        ("gauge, as ever", GAUGE, new),
        ("gauge, slow", GAUGE, slow),
        ("percentile, as ever", PERCENTILE, new),
        ("percentile, slow", PERCENTILE, slow),
    ];
    let stories = all(rows.map(async |(what, metric, new)| {
        let serve = |clock| answering((0, 0), clock, of_latency(AS_EVER, new));
        let compared = compared_by(serve, metric, "", "");
        format!("{what}:\n{}", told(&compared.stage.deploy("1.1").await))
    }));
    insta::assert_snapshot!(stories.await.join("\n\n"), @r"
    gauge, as ever:
    4/9 watch canary for 10m: passed (good after 10m)
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified

    gauge, slow:
    4/9 watch canary for 10m: failed (p99: canary 0.61, stable 0.50 (averages), above 1.2× stable in 9 of 9 polls; 99.4 % sure it is mostly above 1.2× stable (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: p99: canary 0.61, stable 0.50 (averages), above 1.2× stable in 9 of 9 polls; 99.4 % sure it is mostly above 1.2× stable (99 % needed) — worse

    percentile, as ever:
    4/9 watch canary for 10m: passed (good after 10m)
    7/9 watch stable for 10m: passed (good after 10m)
    0 ok: advertisements 1.1 in production is live and verified

    percentile, slow:
    4/9 watch canary for 10m: failed (latency: canary p99 above 1.0, the largest bucket (990 requests), stable p99 0.25 to 0.50 (9,000 requests); 99.4 % sure it is above 1.2× stable's (99 % needed) — worse)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: latency: canary p99 above 1.0, the largest bucket (990 requests), stable p99 0.25 to 0.50 (9,000 requests); 99.4 % sure it is above 1.2× stable's (99 % needed) — worse
    ");
}

/// Neither says by how much a version may be worse, so letting it through says just that.
#[tokio::test]
async fn what_is_undecided_is_let_through_where_the_configuration_says_so() {
    let few = Slowness {
        requests: 11.0,
        // Above stable's in every other poll.
        gauge: |second| {
            if (second / 60.0) % 1.0 < 0.5 {
                0.61
            } else {
                0.5
            }
        },
        within: [0.97, 0.985, 1.0],
        ..AS_EVER
    };
    let hardly = Slowness {
        requests: 0.02,
        ..few
    };
    let rows = [
        ("gauge", GAUGE, few),
        ("percentile", PERCENTILE, few),
        ("percentile, hardly any requests", PERCENTILE, hardly),
    ];
    let mut stories = Vec::new();
    for wish in ["promote", "hold"] {
        let told = all(rows.map(async |(what, metric, new)| {
            let serve = |clock| answering((0, 0), clock, of_latency(AS_EVER, new));
            let more = format!("      on_inconclusive: {wish}\n");
            let compared = compared_by(serve, metric, &more, "");
            let told = told(&compared.stage.deploy("1.1").await);
            let first = told.lines().take(2).collect::<Vec<_>>().join("\n");
            format!("{what}, {wish}:\n{first}")
        }));
        stories.push(told.await.join("\n\n"));
    }
    insta::assert_snapshot!(stories.join("\n\n"), @r"
    gauge, promote:
    warning: undecided after 10m and let through by `on_inconclusive: promote`: how much worse than stable it may be is not known (p99: canary 0.55, stable 0.50 (averages), above 1.2× stable in 10 of 20 polls; undecided at the deadline: nothing speaks for worse or for good yet)
    4/9 watch canary for 10m: passed (undecided after 10m and let through by `on_inconclusive: promote`: how much worse than stable it may be is not known)

    percentile, promote:
    warning: undecided after 10m and let through by `on_inconclusive: promote`: how much worse than stable it may be is not known (latency: canary p99 0.50 to 1.0 (6,600 requests), stable p99 0.25 to 0.50 (60,000 requests); undecided at the deadline: nothing speaks for worse or for good yet)
    4/9 watch canary for 10m: passed (undecided after 10m and let through by `on_inconclusive: promote`: how much worse than stable it may be is not known)

    percentile, hardly any requests, promote:
    4/9 watch canary for 10m: held (latency: canary p99 at most 0.25 (12 requests), stable p99 0.25 to 0.50 (60,000 requests); canary received 0.0 % of the requests instead of 10.0 %: no verdict)
    42 held: advertisements 1.1 in production is held at weight 10%: latency: canary p99 at most 0.25 (12 requests), stable p99 0.25 to 0.50 (60,000 requests); canary received 0.0 % of the requests instead of 10.0 %: no verdict

    gauge, hold:
    4/9 watch canary for 10m: held (undecided after 10m: p99: canary 0.55, stable 0.50 (averages), above 1.2× stable in 10 of 20 polls; undecided at the deadline: nothing speaks for worse or for good yet)
    42 held: advertisements 1.1 in production is held at weight 10%: undecided after 10m: p99: canary 0.55, stable 0.50 (averages), above 1.2× stable in 10 of 20 polls; undecided at the deadline: nothing speaks for worse or for good yet

    percentile, hold:
    4/9 watch canary for 10m: held (undecided after 10m: latency: canary p99 0.50 to 1.0 (6,600 requests), stable p99 0.25 to 0.50 (60,000 requests); undecided at the deadline: nothing speaks for worse or for good yet)
    42 held: advertisements 1.1 in production is held at weight 10%: undecided after 10m: latency: canary p99 0.50 to 1.0 (6,600 requests), stable p99 0.25 to 0.50 (60,000 requests); undecided at the deadline: nothing speaks for worse or for good yet

    percentile, hardly any requests, hold:
    4/9 watch canary for 10m: held (latency: canary p99 at most 0.25 (12 requests), stable p99 0.25 to 0.50 (60,000 requests); canary received 0.0 % of the requests instead of 10.0 %: no verdict)
    42 held: advertisements 1.1 in production is held at weight 10%: latency: canary p99 at most 0.25 (12 requests), stable p99 0.25 to 0.50 (60,000 requests); canary received 0.0 % of the requests instead of 10.0 %: no verdict
    ");
}
