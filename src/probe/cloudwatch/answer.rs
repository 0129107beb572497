//! What `GetMetricData` answers: points of one result, or why there are none.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::probe::text::excerpt;

/// Points with their instants, or why there are none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Points {
    /// All of one result; finite.
    Some(Vec<(DateTime<Utc>, f64)>),
    /// An answer that cannot be used.
    Useless(String),
    /// No answer.
    Unavailable(String),
}

/// Reads the one result of an answer; all points must be of the time that was asked for.
pub(super) fn read(document: &Value, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Points {
    let odd = || Points::Unavailable("the answer has no `MetricDataResults`".to_owned());
    let Some(results) = document.get("MetricDataResults").and_then(Value::as_array) else {
        return odd();
    };
    // AWS tells there what it left out, such as points that are no numbers.
    let told = |holder: &Value| {
        let messages = holder.get("Messages").and_then(Value::as_array);
        messages.and_then(|list| list.first()).map(|first| {
            let code = first
                .get("Code")
                .and_then(Value::as_str)
                .unwrap_or("a message");
            Points::Useless(format!("an answer with {}", excerpt(code)))
        })
    };
    if let Some(told) = told(document).or_else(|| results.iter().find_map(told)) {
        return told;
    }
    let has_more = document.get("NextToken").is_some_and(|it| !it.is_null());
    let [result] = results.as_slice() else {
        return Points::Useless(match results.len() {
            0 => "no result: the query matches nothing".to_owned(),
            many => format!("{many} results where one was wanted; `ReturnData: false` hides one"),
        });
    };
    match result.get("StatusCode").and_then(Value::as_str) {
        Some("Complete") if !has_more => {}
        Some("Complete" | "PartialData") => {
            return Points::Useless("only a part of the points was answered".to_owned());
        }
        Some(other) => {
            return Points::Unavailable(format!("the query ended with {}", excerpt(other)));
        }
        None => return odd(),
    }
    let list = |key: &str| result.get(key).and_then(Value::as_array);
    let (Some(instants), Some(values)) = (list("Timestamps"), list("Values")) else {
        return odd();
    };
    if instants.len() != values.len() {
        return Points::Useless(format!(
            "{} instants with {} values",
            instants.len(),
            values.len()
        ));
    }
    let pairs = instants.iter().zip(values);
    let points: Option<Vec<_>> = pairs
        .map(|(at, value)| Some((instant(at)?, value.as_f64().filter(|it| it.is_finite())?)))
        .collect();
    match points {
        None => Points::Useless("a point that is no finite number at an instant".to_owned()),
        Some(points) if points.iter().any(|(at, _)| *at < from || *at >= to) => {
            Points::Useless("a point of another time than was asked for".to_owned())
        }
        Some(points) => Points::Some(points),
    }
}

/// Seconds since 1970, as its JSON protocol has them.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = value.as_f64().filter(|it| it.fract() == 0.0)?;
    DateTime::from_timestamp(format!("{seconds:.0}").parse().ok()?, 0)
}

/// Finds what it complains of.
pub(super) fn complaint(document: &Value) -> Option<String> {
    let text = ["message", "Message", "__type"]
        .into_iter()
        .find_map(|key| document.get(key).and_then(Value::as_str));
    text.map(str::to_owned)
}
