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
