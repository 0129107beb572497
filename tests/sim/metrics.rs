//! What is measured follows from what runs, the story and the seed.

use serde_json::Value;
use shipgate::sim::Scenario;

use crate::stage::{CANARY, Stage};

#[test]
fn metrics_follow_weight_and_version() {
    let canary_errors = r#"shop:error_ratio:1m{arm="canary",version="1.1"}"#;
    let canary_latency = r#"shop:latency_p95_seconds:1m{arm="canary",version="1.1"}"#;
    let rows = [
        (Scenario::Healthy, 0.0..0.02, 0.1..0.15),
        (Scenario::Errors, 0.04..0.12, 0.1..0.15),
        (Scenario::Latency, 0.0..0.02, 1.2..1.6),
    ];
    for (scenario, errors, latency) in rows {
        let stage = Stage::new(scenario);
        assert_eq!(stage.values(canary_errors), [""; 0], "unknown version");
        stage.canary_at("0");
        assert_eq!(stage.values(canary_errors), ["NaN"], "no traffic");
        assert_eq!(stage.values(canary_latency), ["NaN"], "no traffic");
        stage.edit(CANARY, &[("canary-weight: \"0\"", "canary-weight: \"10\"")]);
        stage.wait(30);
        let (error_ratio, p95) = (stage.value(canary_errors), stage.value(canary_latency));
        assert!(errors.contains(&error_ratio), "{scenario}: {error_ratio}");
        assert!(latency.contains(&p95), "{scenario}: {p95}");
        let stable = stage.value(r#"shop:error_ratio:1m{arm="stable"}"#);
        assert!((0.0..0.01).contains(&stable), "{scenario}: {stable}");
        let all = stage.value("shop:requests_per_second:1m");
        assert!((180.0..220.0).contains(&all), "{all}");
        assert_eq!(stage.world.lost_requests(), 0);
        stage.wait(60);
        stage.edit(
            CANARY,
            &[("replicas: 1", "replicas: 0"), ("\"10\"", "\"0\"")],
        );
        stage.wait(90);
        assert_eq!(stage.values(canary_errors), [""; 0], "gone for a minute");
    }
}

#[test]
fn weight_before_endpoints_loses_requests() {
    let stage = Stage::new(Scenario::Healthy);
    stage.edit(
        CANARY,
        &[
            ("replicas: 0", "replicas: 1"),
            (":1.0\"", ":1.1\""),
            ("canary-weight: \"0\"", "canary-weight: \"10\""),
        ],
    );
    stage.wait(120);
    // 20 s of starting with 10 % of 200 requests/s.
    let lost = stage.world.lost_requests();
    assert!((300..500).contains(&lost), "{lost}");
}

#[test]
fn the_ingress_splits_requests_by_weight() {
    let stage = Stage::new(Scenario::Healthy);
    stage.canary_at("50");
    let to_canary = (0..200)
        .filter(|_| stage.get("/version").1.contains("1.1"))
        .count();
    assert!((70..130).contains(&to_canary), "{to_canary} of 200");
}

#[test]
fn the_same_seed_measures_the_same_however_often_one_looks() {
    let measure = |seed, looks: u64| {
        let stage = Stage::with_seed(Scenario::Errors, seed);
        stage.canary_at("10");
        let mut last = Vec::new();
        for _ in 0..looks {
            stage.wait(120 / looks);
            last = [
                stage.values("shop:error_ratio:1m"),
                stage.values("shop:latency_p95_seconds:1m"),
            ]
            .concat();
        }
        last
    };
    let first = measure(1, 1);
    assert_eq!(first.len(), 4);
    assert_eq!(first, measure(1, 40));
    assert_ne!(first, measure(2, 1));
}

#[test]
fn queries_are_answered_in_the_shape_of_prometheus() {
    let stage = Stage::new(Scenario::Healthy);
    let (status, body) = stage.ask(r#"shop:error_ratio:1m{arm="stable",version="1.0"}"#);
    assert_eq!(status, 200);
    assert_eq!(body["status"], "success");
    assert_eq!(body["data"]["resultType"], "vector");
    let series = &body["data"]["result"][0];
    assert_eq!(series["metric"]["__name__"], "shop:error_ratio:1m");
    assert_eq!(series["metric"]["arm"], "stable");
    assert_eq!(series["value"][0], 1_773_136_800.0);
    assert!(series["value"][1].is_string());

    let url = format!("{}/api/v1/query", stage.world.base_url());
    let query = r#"shop:error_ratio:1m{arm="stable",version="1.0"}"#;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", query)
        .finish();
    let posted: Value = stage
        .client
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(posted, body);

    stage.wait(600);
    for time in ["1773136800", "1773136800.000", "2026-03-10T11:00:00+01:00"] {
        let answer = stage
            .client
            .get(&url)
            .query(&[("query", query), ("time", time)]);
        let earlier: Value = answer.send().unwrap().json().unwrap();
        assert_eq!(earlier, body, "{time}");
    }

    let rows = [
        (
            "sum(up)",
            400,
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: expected the end (only a selector is known here)"}"#,
        ),
        (
            "nosuch",
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
        ),
    ];
    for (query, wanted, text) in rows {
        let (status, body) = stage.ask(query);
        assert_eq!((status, body.to_string().as_str()), (wanted, text));
    }
    let (status, body) = stage.get("/api/v1/query?query=up&time=noon");
    assert_eq!(status, 400);
    assert!(body.contains("invalid parameter \\\"time\\\""), "{body}");
}

#[test]
fn the_metrics_go_out_when_the_story_says_so() {
    let before = Stage::new(Scenario::OutageBefore);
    assert_eq!(before.get("/api/v1/query?query=up").0, 503);
    assert_eq!(before.get("/health").0, 200);

    let later = Stage::new(Scenario::Outage);
    assert_eq!(later.get("/api/v1/query?query=up").0, 200);
    later.canary_at("10");
    assert_eq!(later.get("/api/v1/query?query=up").0, 503);
    assert_eq!(later.get("/health").0, 200);
    later.edit(CANARY, &[("canary-weight: \"10\"", "canary-weight: \"0\"")]);
    later.wait(60);
    assert_eq!(later.get("/api/v1/query?query=up").0, 503, "it stays out");
}
