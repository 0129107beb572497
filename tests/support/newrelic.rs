//! A stand-in for New Relic's NerdGraph whose counts follow from the time that is asked for, in the
//! shape that New Relic documents.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use shipgate::clock::Clock;

use crate::{
    counting::{BEGAN, Story},
    server::{Server, answer},
};

/// The key that it lets in.
pub const KEY: &str = "hunter2-user-key";
/// Milliseconds until what happened is there.
const LATE: i64 = 20_000;

/// Starts one.
pub fn newrelic(story: Story, clock: Arc<dyn Clock>) -> Server {
    Server::with(move |_, request| {
        let began = BEGAN.parse::<DateTime<Utc>>().unwrap().timestamp_millis();
        let now = clock.now().timestamp_millis();
        let second = (now - began) / 1_000;
        if (story.away.0..story.away.1).contains(&second) {
            return answer(503, "", "");
        }
        let has_key = request
            .lines()
            .any(|line| line.eq_ignore_ascii_case(&format!("api-key: {KEY}")));
        if !has_key {
            return answer(401, "", r#"{"errors":[{"message":"Invalid API key"}]}"#);
        }
        let body = request.rsplit("\r\n\r\n").next().unwrap_or_default();
        let body: Value = serde_json::from_str(body).unwrap();
        let mut account = Map::new();
        for (name, query) in body["variables"].as_object().unwrap() {
            let Some(query) = query.as_str() else {
                continue;
            };
            let after = |word: &str| -> i64 {
                let (_, rest) = query.split_once(word).unwrap();
                rest.split(' ').next().unwrap().parse().unwrap()
            };
            let (since, until) = (after(" SINCE "), after(" UNTIL "));
            let version = if query.contains("1.1") {
                story.new
            } else {
                story.old
            };
            let count = |at: i64| {
                let there = at.min(now - LATE);
                let (total, bad) = version((there - began) as f64 / 1_000.0);
                if query.contains("error") { bad } else { total }
            };
            account.insert(
                name.clone(),
                result(
                    &json!([{"count": count(until) - count(since)}]),
                    since,
                    until,
                ),
            );
        }
        let body = json!({"data": {"actor": {"account": account}}});
        answer(200, "", body.to_string())
    })
}

/// What one query answered.
pub fn result(results: &Value, begin: i64, end: i64) -> Value {
    json!({"results": results, "metadata": {"timeWindow": {"begin": begin, "end": end}}})
}

/// An answer to one query, about the five minutes that end two minutes before 2026-01-05T12:00:00Z.
pub fn answered(results: &Value) -> String {
    let result = result(results, 1_767_613_980_000, 1_767_614_280_000);
    json!({"data": {"actor": {"account": {"q0": result}}}}).to_string()
}
