//! A Prometheus of two counters whose values follow from the time that is asked for.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shipgate::clock::Clock;

use crate::server::{Server, answer};

/// Requests of one version up to a second of the story, and how many of them were bad.
pub type Counts = fn(second: f64) -> (f64, f64);

/// Two versions, and when nobody answers.
#[derive(Clone, Copy)]
pub struct Story {
    /// The old one.
    pub old: Counts,
    /// The new one.
    pub new: Counts,
    /// Seconds of the story, by the clock of whoever asks.
    pub away: (i64, i64),
}

/// When every story begins.
pub const BEGAN: &str = "2026-03-10T10:00:00Z";
/// How long the counters have counted by then.
const LONG_BEFORE: f64 = 7_200.0;

/// Seconds since the counters began.
pub fn since(second: f64) -> f64 {
    second + LONG_BEFORE
}

/// 100 requests a second, one of 100 bad.
pub fn usual(second: f64) -> (f64, f64) {
    (100.0 * since(second), since(second))
}

/// A tenth of that.
pub fn as_good(second: f64) -> (f64, f64) {
    (10.0 * since(second), 0.1 * since(second))
}

/// The same requests, five times as many bad.
pub fn five_times_as_bad(second: f64) -> (f64, f64) {
    (10.0 * since(second), 0.5 * since(second))
}

/// As good as the old version, but for 21 bad requests at once.
pub fn burst(second: f64) -> (f64, f64) {
    let (total, bad) = as_good(second);
    (total, bad + if second > 200.0 { 21.0 } else { 0.0 })
}

/// Counters that stand still.
pub fn nothing(_: f64) -> (f64, f64) {
    (50.0, 1.0)
}

/// One request in ten seconds, none of them bad by then.
pub fn hardly_anything(second: f64) -> (f64, f64) {
    (0.1 * since(second), 0.0)
}

/// A new version that is as good as the old one.
pub const HEALTHY: Story = Story {
    old: usual,
    new: as_good,
    away: (0, 0),
};

/// Answers as a Prometheus with two counters would.
pub fn prometheus(story: Story, clock: Arc<dyn Clock>) -> Server {
    let began: DateTime<Utc> = BEGAN.parse().unwrap();
    Server::with(move |_, request| {
        let now = (clock.now() - began).num_seconds();
        if (story.away.0..story.away.1).contains(&now) {
            return answer(503, "", "");
        }
        let body = request.rsplit("\r\n\r\n").next().unwrap_or_default();
        let value = |wanted: &str| {
            url::form_urlencoded::parse(body.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let query = value("query").unwrap();
        let version = if query.contains("1.1") {
            story.new
        } else {
            story.old
        };
        let at = |at: DateTime<Utc>| {
            let (total, bad) = version((at - began).num_milliseconds() as f64 / 1_000.0);
            let number = if query.starts_with("bad") { bad } else { total };
            json!([at.timestamp_millis() as f64 / 1_000.0, number.to_string()])
        };
        let time = |name: &str| value(name).map(|text| text.parse::<DateTime<Utc>>().unwrap());
        let metric = json!({"pod": "a"});
        let (kind, series) = match time("time") {
            Some(time) => ("vector", json!({"metric": metric, "value": at(time)})),
            None => {
                let (start, end) = (time("start").unwrap(), time("end").unwrap());
                let step = value("step").unwrap();
                let step: i64 = step.strip_suffix("ms").unwrap().parse().unwrap();
                let values: Vec<_> = (0..=(end - start).num_milliseconds() / step)
                    .map(|number| at(start + TimeDelta::milliseconds(number * step)))
                    .collect();
                ("matrix", json!({"metric": metric, "values": values}))
            }
        };
        let body = json!({"status": "success", "data": {"resultType": kind, "result": [series]}});
        answer(200, "", body.to_string())
    })
}
