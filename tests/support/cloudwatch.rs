//! A stand-in for CloudWatch whose sums follow from the time that is asked for, in the shape that AWS
//! documents for `GetMetricData`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shipgate::clock::Clock;

use crate::{
    counting::{BEGAN, Story},
    server::{Server, answer},
};

/// Seconds until what happened is there.
const LATE: i64 = 20;

/// Starts one.
pub fn cloudwatch(story: Story, clock: Arc<dyn Clock>) -> Server {
    Server::with(move |_, request| {
        let began = BEGAN.parse::<DateTime<Utc>>().unwrap().timestamp();
        let now = clock.now().timestamp();
        if (story.away.0..story.away.1).contains(&(now - began)) {
            return answer(503, "", "");
        }
        if !request.contains("AWS4-HMAC-SHA256 ") {
            return answer(403, "", r#"{"__type":"MissingAuthenticationToken"}"#);
        }
        let body = request.rsplit("\r\n\r\n").next().unwrap_or_default();
        let body: Value = serde_json::from_str(body).unwrap();
        let (start, end) = (&body["StartTime"], &body["EndTime"]);
        let (start, end) = (start.as_i64().unwrap(), end.as_i64().unwrap());
        let query = body["MetricDataQueries"].to_string();
        let version = if query.contains("1.1") {
            story.new
        } else {
            story.old
        };
        let count = |at: i64| {
            let (total, bad) = version((at.min(now - LATE) - began) as f64);
            if query.contains("5XX") { bad } else { total }
        };
        // Minutes in which nothing happened are not there at all; the newest one comes first.
        let minutes = (1..=(end - start) / 60).map(|back| end - 60 * back);
        let (instants, values): (Vec<i64>, Vec<f64>) = minutes
            .map(|minute| (minute, count(minute + 60) - count(minute)))
            .filter(|(_, count)| *count > 0.0)
            .unzip();
        let result =
            json!({"Id": "q", "Timestamps": instants, "Values": values, "StatusCode": "Complete"});
        answer(200, "", json!({"MetricDataResults": [result]}).to_string())
    })
}
