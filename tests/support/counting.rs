//! A Prometheus of two counters whose values follow from the time that is asked for.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{collections::BTreeMap, sync::Arc};

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

/// The series that match a query at a second of a story, with their values.
pub type Series = Vec<(serde_json::Value, f64)>;

/// Answers as a Prometheus with two counters would.
pub fn prometheus(story: Story, clock: Arc<dyn Clock>) -> Server {
    answering(story.away, clock, move |query, second| {
        let version = if query.contains("1.1") {
            story.new
        } else {
            story.old
        };
        let (total, bad) = version(second);
        let number = if query.starts_with("bad") { bad } else { total };
        vec![(json!({"pod": "a"}), number)]
    })
}

/// Answers as a Prometheus of these series would, but for the seconds when it is away.
pub fn answering(
    away: (i64, i64),
    clock: Arc<dyn Clock>,
    series: impl Fn(&str, f64) -> Series + Send + Sync + 'static,
) -> Server {
    let began: DateTime<Utc> = BEGAN.parse().unwrap();
    Server::with(move |_, request| {
        let now = (clock.now() - began).num_seconds();
        if (away.0..away.1).contains(&now) {
            return answer(503, "", "");
        }
        let body = request.rsplit("\r\n\r\n").next().unwrap_or_default();
        let value = |wanted: &str| {
            url::form_urlencoded::parse(body.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let query = value("query").unwrap();
        let time = |name: &str| value(name).map(|text| text.parse::<DateTime<Utc>>().unwrap());
        let (kind, instants) = match time("time") {
            Some(time) => ("vector", vec![time]),
            None => {
                let (start, end) = (time("start").unwrap(), time("end").unwrap());
                let step = value("step").unwrap();
                let step: i64 = step.strip_suffix("ms").unwrap().parse().unwrap();
                let instants = (0..=(end - start).num_milliseconds() / step)
                    .map(|number| start + TimeDelta::milliseconds(number * step));
                ("matrix", instants.collect())
            }
        };
        let mut found: BTreeMap<String, (serde_json::Value, Vec<serde_json::Value>)> =
            BTreeMap::new();
        for at in instants {
            let second = (at - began).num_milliseconds() as f64 / 1_000.0;
            for (labels, number) in series(&query, second) {
                let sample = json!([at.timestamp_millis() as f64 / 1_000.0, number.to_string()]);
                let entry = found.entry(labels.to_string());
                entry.or_insert((labels, Vec::new())).1.push(sample);
            }
        }
        let result: Vec<_> = found
            .into_values()
            .map(|(metric, mut values)| match kind {
                "vector" => json!({"metric": metric, "value": values.pop()}),
                _ => json!({"metric": metric, "values": values}),
            })
            .collect();
        let body = json!({"status": "success", "data": {"resultType": kind, "result": result}});
        answer(200, "", body.to_string())
    })
}

/// How slow a version is.
#[derive(Clone, Copy)]
pub struct Slowness {
    /// Requests a second.
    pub requests: f64,
    /// The shares of them within 0.25, 0.5 and 1.
    pub within: [f64; 3],
    /// Its gauge, one number at each second.
    pub gauge: fn(second: f64) -> f64,
    /// Seconds in which nothing of it is there.
    pub gone: (f64, f64),
}

/// As slow as ever: 99 of 100 requests within 0.5.
pub const AS_EVER: Slowness = Slowness {
    requests: 100.0,
    within: [0.97, 0.995, 1.0],
    gauge: |_| 0.5,
    gone: (0.0, 0.0),
};

/// The series of buckets, or the gauge, of an old and of a new version.
pub fn of_latency(
    old: Slowness,
    new: Slowness,
) -> impl Fn(&str, f64) -> Series + Send + Sync + 'static {
    move |query, second| {
        let version = if query.contains("1.1") { new } else { old };
        if (version.gone.0..version.gone.1).contains(&second) {
            return Vec::new();
        }
        if query.starts_with("p99") {
            return vec![(json!({}), (version.gauge)(second))];
        }
        let total = (version.requests * since(second)).floor();
        let ends = ["0.25", "0.5", "1", "+Inf"];
        let shares = version.within.into_iter().chain([1.0]);
        ends.into_iter()
            .zip(shares)
            .map(|(end, share)| (json!({"pod": "a", "le": end}), (share * total).floor()))
            .collect()
    }
}
