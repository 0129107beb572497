//! A stand-in for Datadog whose counts follow from the time that is asked for. What it answers is
//! read by Datadog's own clients too (see benches/datadog_clients.py).

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::{DateTime, Utc};
use reqwest::Url;
use serde_json::{Value, json};
use shipgate::clock::Clock;

use crate::{
    counting::{BEGAN, Story},
    server::{Behaviour, Server, answer},
};

/// The keys that it lets in.
pub const KEYS: (&str, &str) = ("hunter2-api", "hunter2-app");
/// Seconds until what happened is there.
const LATE: i64 = 20;
/// The id of its one evaluation.
pub const EVALUATION: &str = "e9d2f04f-4f4b-494b-86e5-52f03e10c8e9";

/// Starts one. A gate is in progress once, then passes; that of the service `bad` fails.
pub fn datadog(story: Story, clock: Arc<dyn Clock>) -> Server {
    let polls = AtomicUsize::new(0);
    Server::with(move |_, request| {
        let began: DateTime<Utc> = BEGAN.parse().unwrap();
        let now = (clock.now() - began).num_seconds();
        if (story.away.0..story.away.1).contains(&now) {
            return answer(503, "", "");
        }
        let header = |name: &str| {
            let lines = request.lines().take_while(|line| !line.is_empty());
            let mut pairs = lines.filter_map(|line| line.split_once(": "));
            let found = pairs.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map_or("", |(_, value)| value)
        };
        if (header("dd-api-key"), header("dd-application-key")) != KEYS {
            return json_answer(403, &json!({"errors": ["Forbidden"]}));
        }
        let path = request.split(' ').nth(1).unwrap();
        let url = Url::parse(&format!("http://stand-in{path}")).unwrap();
        let body = request.rsplit("\r\n\r\n").next().unwrap_or_default();
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let method = request.split(' ').next().unwrap();
        match (method, url.path()) {
            ("GET", "/api/v1/query") => points(story, &url, clock.now()),
            ("POST", "/api/v2/query/scalar") => scalar(),
            ("POST", "/api/v2/query/timeseries") => timeseries(&body),
            ("GET", "/api/v1/monitor") => monitors(),
            ("POST", "/api/v2/deployments/gates/evaluation") => {
                let bad = body.pointer("/data/attributes/service") == Some(&json!("bad"));
                polls.store(if bad { 100 } else { 0 }, Ordering::SeqCst);
                started()
            }
            ("GET", path) if path.ends_with(EVALUATION) => {
                let poll = polls.fetch_add(1, Ordering::SeqCst);
                evaluated(match poll {
                    0 | 100 => "in_progress",
                    1..100 => "pass",
                    _ => "fail",
                })
            }
            _ => json_answer(404, &json!({"errors": ["Not found"]})),
        }
    })
}

fn json_answer(status: u16, body: &Value) -> Behaviour {
    answer(
        status,
        "content-type: application/json\r\n",
        body.to_string(),
    )
}

/// Points as a Datadog has them: the newest bucket holds what is there so far, buckets of nothing
/// are `null` or missing.
fn points(story: Story, url: &Url, now: DateTime<Utc>) -> Behaviour {
    let value = |name: &str| {
        let mut pairs = url.query_pairs();
        pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    let query = value("query");
    let (from, to): (i64, i64) = (value("from").parse().unwrap(), value("to").parse().unwrap());
    let width: i64 = match query.split_once(".rollup(sum, ") {
        Some((_, rest)) => rest.split(')').next().unwrap().parse().unwrap(),
        None => 10,
    };
    let began = BEGAN.parse::<DateTime<Utc>>().unwrap().timestamp();
    let version = if query.contains("1.1") {
        story.new
    } else {
        story.old
    };
    let count = |second: i64| {
        let there = second.min(now.timestamp() - LATE);
        let (total, bad) = version((there - began) as f64);
        if query.contains("errors") { bad } else { total }
    };
    let starts = (from.div_euclid(width)..=to.div_euclid(width)).map(|bucket| bucket * width);
    let pointlist: Vec<Value> = starts
        .filter_map(|start| {
            let number = count(start + width) - count(start);
            match (number > 0.0, start.rem_euclid(3 * width)) {
                (true, _) => Some(json!([start as f64 * 1_000.0, number])),
                (false, 0) => Some(json!([start as f64 * 1_000.0, null])),
                (false, _) => None,
            }
        })
        .collect();
    let has_numbers = pointlist.iter().any(|point| !point[1].is_null());
    let series = json!({
        "unit": [{"family": "network", "id": 20, "name": "request", "short_name": "req", "plural": "requests", "scale_factor": 1.0}, null],
        "query_index": 0, "aggr": "sum", "metric": "trace.http.request.hits", "tag_set": [], "expression": query,
        "scope": "version:1.1", "interval": width, "length": pointlist.len(), "start": from * 1_000, "end": to * 1_000,
        "pointlist": pointlist, "display_name": "trace.http.request.hits", "attributes": {},
    });
    let series = if has_numbers {
        vec![series]
    } else {
        Vec::new()
    };
    json_answer(
        200,
        &json!({
            "status": "ok", "res_type": "time_series", "resp_version": 1, "query": query, "from_date": from * 1_000,
            "to_date": to * 1_000, "series": series, "values": [], "times": [], "message": "", "group_by": [],
        }),
    )
}

fn scalar() -> Behaviour {
    json_answer(
        200,
        &json!({"data": {"type": "scalar_response", "attributes": {"columns": [
            {"name": "q0", "type": "number", "values": [0.4], "meta": {"unit": [null, null]}},
        ]}}}),
    )
}

fn timeseries(body: &Value) -> Behaviour {
    let attributes = &body["data"]["attributes"];
    let interval = attributes["interval"].as_i64().unwrap_or(10_000);
    let to = attributes["to"].as_i64().unwrap();
    let last = to.div_euclid(interval) * interval;
    json_answer(
        200,
        &json!({"data": {"type": "timeseries_response", "attributes": {
            "series": [{"group_tags": [], "query_index": 0, "unit": [null, null]}],
            "times": [last - 2 * interval, last - interval, last],
            "values": [[0.3, 0.4, 9.9]],
        }}}),
    )
}

fn monitors() -> Behaviour {
    json_answer(
        200,
        &json!([{
            "id": 12_345, "name": "Checkout errors", "type": "metric alert", "query": "avg(last_5m):avg:a{*} > 1",
            "message": "", "tags": ["service:ads"], "overall_state": "OK", "options": {}, "multi": false,
        }]),
    )
}

fn started() -> Behaviour {
    json_answer(
        202,
        &json!({"data": {"id": "11111111-2222-4333-8444-555555555555", "type": "deployment_gates_evaluation_response",
            "attributes": {"evaluation_id": EVALUATION}}}),
    )
}

/// An evaluation that stands like this.
pub fn evaluation(status: &str) -> Value {
    let reason = (status == "fail").then_some("2 monitors in ALERT");
    json!({"data": {"id": "66666666-7777-4888-9999-aaaaaaaaaaaa", "type": "deployment_gates_evaluation_result_response", "attributes": {
        "dry_run": false, "evaluation_id": EVALUATION,
        "evaluation_url": "https://app.datadoghq.com/ci/deployment-gates/evaluations?index=cdgates",
        "gate_id": "e140302e-0cba-40d2-978c-6780647f8f1c", "gate_status": status,
        "rules": [{"name": "error rate monitors", "status": status, "reason": reason.unwrap_or_default(), "dry_run": false}],
    }}})
}

fn evaluated(status: &str) -> Behaviour {
    json_answer(200, &evaluation(status))
}
