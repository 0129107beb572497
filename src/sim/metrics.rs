//! The metrics API: the part of Prometheus' HTTP API that a few recorded series need.
//!
//! Shapes and status codes follow Prometheus' documentation of `/api/v1/query` (instant queries) and
//! `/api/v1/query_range`. `http_requests_total` is a raw counter, `build_info` says which
//! versions run; the other series are recorded ones.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Arm, Moment, totals::Totals, traffic::Traffic};

/// Every recorded series looks back over one minute, as a recording rule with `rate(…[1m])` would.
const WINDOW_SECONDS: i64 = 60;

/// A query that Prometheus would refuse, in its words: `1:12: parse error: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadQuery(pub(super) String);

/// What the answers are made of.
pub(super) struct Measured<'a> {
    pub(super) moments: &'a [Moment],
    pub(super) traffic: &'a Traffic,
    pub(super) totals: &'a mut Totals,
}

/// The instants of a range query: both ends and the time between two of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) step: TimeDelta,
}

/// Answers an instant query at `at`.
///
/// # Errors
/// Anything but `name` or `name{label="value",…}`.
pub(super) fn query(
    text: &str,
    at: DateTime<Utc>,
    measured: &mut Measured<'_>,
) -> Result<Value, BadQuery> {
    let selector = Selector::of_query(text)?;
    let result: Vec<Value> = series(&selector.name, at, measured)
        .into_iter()
        .filter(|series| selector.matches(&series.labels))
        .map(|series| {
            let mut metric = series.labels;
            metric.insert("__name__", selector.name.clone());
            json!({"metric": metric, "value": [seconds(at), number(series.value)]})
        })
        .collect();
    Ok(json!({
        "status": "success",
        "data": {"resultType": "vector", "result": result},
    }))
}

/// Answers a range query.
///
/// # Errors
/// As [`query`]; a step that is none, or more instants than Prometheus answers for.
pub(super) fn query_range(
    text: &str,
    range: Range,
    measured: &mut Measured<'_>,
) -> Result<Value, BadQuery> {
    const MOST_INSTANTS: i64 = 11_000;
    let selector = Selector::of_query(text)?;
    let Range { start, end, step } = range;
    let milliseconds = step.num_milliseconds();
    if milliseconds <= 0 || (end - start).num_milliseconds() / milliseconds > MOST_INSTANTS {
        return Err(BadQuery(
            "exceeded maximum resolution of 11,000 points per timeseries".to_owned(),
        ));
    }
    let mut found: BTreeMap<BTreeMap<&'static str, String>, Vec<Value>> = BTreeMap::new();
    let mut at = start;
    while at <= end {
        for series in series(&selector.name, at, measured) {
            if selector.matches(&series.labels) {
                let values = found.entry(series.labels).or_default();
                values.push(json!([seconds(at), number(series.value)]));
            }
        }
        at += step;
    }
    let result: Vec<Value> = found
        .into_iter()
        .map(|(mut metric, values)| {
            metric.insert("__name__", selector.name.clone());
            json!({"metric": metric, "values": values})
        })
        .collect();
    Ok(json!({
        "status": "success",
        "data": {"resultType": "matrix", "result": result},
    }))
}

fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1_000.0
}

/// Returns the answer to a request that is wrong.
pub(super) fn bad_data(message: &str) -> Value {
    json!({"status": "error", "errorType": "bad_data", "error": message})
}

struct Series {
    labels: BTreeMap<&'static str, String>,
    /// None where there is nothing to divide by.
    value: Option<f64>,
}

fn series(name: &str, at: DateTime<Utc>, measured: &mut Measured<'_>) -> Vec<Series> {
    let service = || ("service", "advertisements".to_owned());
    let Measured {
        moments,
        traffic,
        totals,
    } = measured;
    if name == "http_requests_total" {
        let mut found = Vec::new();
        for arm in Arm::ALL {
            let Some((version, counts)) = totals.at(traffic, moments, arm, at) else {
                continue;
            };
            let good = counts.requests - counts.errors;
            for (status, number) in [("200", good), ("500", counts.errors)] {
                found.push(Series {
                    labels: BTreeMap::from([
                        service(),
                        ("arm", arm.name().to_owned()),
                        ("version", version.clone()),
                        ("status", status.to_owned()),
                    ]),
                    value: Some(number as f64),
                });
            }
        }
        return found;
    }
    if name == "build_info" {
        return running(moments, at);
    }
    if name == "shop:requests_per_second:1m" {
        let requests = traffic.all(moments, at, WINDOW_SECONDS);
        return vec![Series {
            labels: BTreeMap::from([service()]),
            value: Some(requests as f64 / WINDOW_SECONDS as f64),
        }];
    }
    let is_ratio = match name {
        "shop:error_ratio:1m" => true,
        "shop:latency_p95_seconds:1m" => false,
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for arm in Arm::ALL {
        for (version, counts) in traffic.by_version(moments, arm, at, WINDOW_SECONDS) {
            let value = if is_ratio {
                (counts.requests > 0).then(|| counts.errors as f64 / counts.requests as f64)
            } else {
                traffic.latency_p95(&version, arm, at, counts.requests)
            };
            found.push(Series {
                labels: BTreeMap::from([
                    service(),
                    ("arm", arm.name().to_owned()),
                    ("version", version),
                ]),
                value,
            });
        }
    }
    found
}

/// What the pods say of themselves: one series of value 1 for each half that runs.
fn running(moments: &[Moment], at: DateTime<Utc>) -> Vec<Series> {
    let Some(moment) = moments.iter().rev().find(|moment| moment.at <= at) else {
        return Vec::new();
    };
    let running = Arm::ALL.into_iter().filter_map(|arm| {
        let version = moment.state.workload(arm).version.clone()?;
        Some(Series {
            labels: BTreeMap::from([("arm", arm.name().to_owned()), ("version", version)]),
            value: Some(1.0),
        })
    });
    running.collect()
}

/// Prometheus sends numbers as texts, and 0/0 as `NaN`.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "NaN".to_owned(), |value| value.to_string())
}

#[derive(Debug, PartialEq, Eq)]
struct Selector {
    name: String,
    labels: Vec<(String, String)>,
}

impl Selector {
    fn of_query(text: &str) -> Result<Self, BadQuery> {
        Self::parse(text).map_err(|BadQuery(message)| {
            BadQuery(format!("invalid parameter \"query\": {message}"))
        })
    }

    fn parse(text: &str) -> Result<Self, BadQuery> {
        let mut reader = Reader {
            text,
            at: text.len() - text.trim_start().len(),
        };
        let name = reader.word(|character| character == ':');
        if name.is_empty() {
            return Err(reader.expected("a metric name"));
        }
        let mut labels = Vec::new();
        if reader.skip('{') {
            while !reader.skip('}') {
                let label = reader.word(|_| false);
                if label.is_empty() {
                    return Err(reader.expected("a label name or \"}\""));
                }
                if !reader.skip('=') {
                    return Err(reader.expected("\"=\" (no other matcher is known here)"));
                }
                labels.push((label, reader.quoted()?));
                if !reader.skip(',') && !reader.rest().starts_with('}') {
                    return Err(reader.expected("\",\" or \"}\""));
                }
            }
        }
        if !reader.rest().is_empty() {
            return Err(reader.expected("the end (only a selector is known here)"));
        }
        Ok(Self { name, labels })
    }

    /// An empty value matches a label that is not there, as in PromQL.
    fn matches(&self, labels: &BTreeMap<&'static str, String>) -> bool {
        self.labels
            .iter()
            .all(|(name, wanted)| labels.get(name.as_str()).map_or("", String::as_str) == wanted)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes;
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes letters, digits, `_` and what `more` allows; none when a digit comes first.
    fn word(&mut self, more: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest
            .find(|character: char| {
                !(character.is_ascii_alphanumeric() || character == '_' || more(character))
            })
            .unwrap_or(rest.len());
        if rest.starts_with(|first: char| first.is_ascii_digit()) {
            return String::new();
        }
        self.advance(end);
        rest[..end].to_owned()
    }

    fn skip(&mut self, wanted: char) -> bool {
        let there = self.rest().starts_with(wanted);
        if there {
            self.advance(wanted.len_utf8());
        }
        there
    }

    fn quoted(&mut self) -> Result<String, BadQuery> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|first| "\"'".contains(*first)) else {
            return Err(self.expected("a quoted label value"));
        };
        let mut value = String::new();
        let mut characters = rest.char_indices().skip(1);
        while let Some((offset, character)) = characters.next() {
            match character {
                '\\' => match characters.next() {
                    Some((_, escaped)) if "\\\"'".contains(escaped) => value.push(escaped),
                    _ => return Err(self.expected("a known escape in the label value")),
                },
                end if end == quote => {
                    self.advance(offset + end.len_utf8());
                    return Ok(value);
                }
                other => value.push(other),
            }
        }
        Err(self.expected("the end of the label value"))
    }

    fn expected(&self, what: &str) -> BadQuery {
        let column = self.text[..self.at].chars().count() + 1;
        BadQuery(format!("1:{column}: parse error: expected {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_promql_writes_them() {
        let labels = |text: &str| Selector::parse(text).unwrap().labels;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(Selector::parse(" a:b_1m ").unwrap().name, "a:b_1m");
        assert_eq!(labels("up"), []);
        assert_eq!(labels("up{}"), []);
        assert_eq!(labels(r#"up{a="1",}"#), [pair("a", "1")]);
        assert_eq!(
            labels(r#"up { a = "x\"}," , b='2' }"#),
            [pair("a", "x\"},"), pair("b", "2")]
        );
    }

    #[test]
    fn what_is_not_a_selector_is_refused_with_its_place() {
        let rows = [
            ("", "1:1: parse error: expected a metric name"),
            ("1up", "1:1: parse error: expected a metric name"),
            (
                "up{a",
                "1:5: parse error: expected \"=\" (no other matcher is known here)",
            ),
            (
                "up{a!=\"b\"}",
                "1:5: parse error: expected \"=\" (no other matcher is known here)",
            ),
            (
                "up{a=~\"b\"}",
                "1:6: parse error: expected a quoted label value",
            ),
            (
                "up{a=\"b",
                "1:6: parse error: expected the end of the label value",
            ),
            ("up{a=\"b\" c", "1:10: parse error: expected \",\" or \"}\""),
            ("up{,}", "1:4: parse error: expected a label name or \"}\""),
            (
                "sum(up)",
                "1:4: parse error: expected the end (only a selector is known here)",
            ),
            (
                "up[5m]",
                "1:3: parse error: expected the end (only a selector is known here)",
            ),
        ];
        for (text, wanted) in rows {
            assert_eq!(Selector::parse(text).unwrap_err().0, wanted, "{text}");
        }
    }
}
