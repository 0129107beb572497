//! Amazon CloudWatch: one number, or a sum over a time, from `GetMetricData`
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>).

mod answer;
mod signature;

use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName},
};
use serde_json::{Value, json};

use super::{
    Client, WindowReading,
    json_api::{self, Question, sensitive},
};
use crate::{
    analysis::{Reading, Sample},
    clock::Clock,
    secret::Secret,
};

use answer::Points;
use signature::{Request, authorization, date};

pub use signature::Keys;

const SERVICE: &str = "monitoring";
const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// Newer points may not be whole yet.
const SETTLE: TimeDelta = TimeDelta::minutes(1);
/// Older points say nothing of now.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(10);
/// Length of a point where the query does not say, in seconds.
const PERIOD: u32 = 60;

/// A region of CloudWatch, with keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Address.
    pub url: Url,
    /// Region.
    pub region: String,
    /// The keys that questions are signed with.
    pub keys: Keys,
    /// How long after its end a minute may still grow.
    pub settle: Duration,
}

impl Endpoint {
    /// Points are of whole minutes.
    pub const BUCKET: Duration = Duration::from_secs(60);
}

/// Asks for the newest whole point of a query: the JSON text of a list `MetricDataQueries`, of
/// which one returns data, or else an expression of CloudWatch's own.
pub async fn number(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    timeout: Duration,
) -> Reading {
    let now = clock.now();
    let to = now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now) - SETTLE;
    match points(
        client,
        clock,
        endpoint,
        query,
        (to - LOOK_BACK, to),
        timeout,
    )
    .await
    {
        Points::Some(points) => match points.into_iter().max_by_key(|(at, _)| *at) {
            Some((at, value)) => Reading::Value(Sample { value, at }),
            None => Reading::NoData("no point in the last 10m".to_owned()),
        },
        Points::Useless(reason) => Reading::NoData(reason),
        Points::Unavailable(reason) => Reading::Unavailable(reason),
    }
}

/// Asks for the sums between each bound and the next one, whole minutes in order, side by side.
pub async fn sums(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    bounds: &[DateTime<Utc>],
    timeout: Duration,
) -> Vec<WindowReading> {
    let windows = bounds.iter().zip(bounds.iter().skip(1));
    let asked =
        windows.map(|(from, to)| sum(client, clock, endpoint, query, (*from, *to), timeout));
    join_all(asked).await
}

/// Asks for the sum of a query's points from one instant up to another, both whole minutes.
async fn sum(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    timeout: Duration,
) -> WindowReading {
    match points(client, clock, endpoint, query, (from, to), timeout).await {
        Points::Some(points) if points.is_empty() => {
            WindowReading::Nothing("no point in that time".to_owned())
        }
        Points::Some(points) => {
            let sum: f64 = points.iter().map(|(_, value)| value).sum();
            if sum.is_finite() && sum >= 0.0 {
                WindowReading::Sum(sum)
            } else {
                WindowReading::NoData(format!("the sum is {sum}, expected 0 or more"))
            }
        }
        Points::Useless(reason) => WindowReading::NoData(reason),
        Points::Unavailable(reason) => WindowReading::Unavailable(reason),
    }
}

async fn points(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    timeout: Duration,
) -> Points {
    let queries = match queries(query) {
        Ok(queries) => queries,
        Err(reason) => return Points::Unavailable(reason),
    };
    let body = json!({
        "StartTime": from.timestamp(),
        "EndTime": to.timestamp(),
        "ScanBy": "TimestampDescending",
        "MetricDataQueries": queries,
    })
    .to_string();
    match ask(client, clock, endpoint, body, timeout).await {
        Ok(document) if is_of_another(&document, &queries) => {
            Points::Unavailable("the answer is about another query than was asked".to_owned())
        }
        Ok(document) => answer::read(&document, (from, to)),
        Err(reason) => Points::Unavailable(reason),
    }
}

/// Does a result bear another `Id` than any of the queries?
fn is_of_another(document: &Value, queries: &Value) -> bool {
    let ids = |list: Option<&Value>| -> Vec<String> {
        let list = list.and_then(Value::as_array);
        let ids = list.into_iter().flatten();
        ids.filter_map(|one| one.get("Id")?.as_str().map(str::to_owned))
            .collect()
    };
    let asked = ids(Some(queries));
    ids(document.get("MetricDataResults"))
        .iter()
        .any(|found| !asked.contains(found))
}

/// Makes the list of queries.
///
/// # Errors
/// Neither a list in JSON nor an expression; the message is a clause.
fn queries(query: &str) -> Result<Value, String> {
    let text = query.trim();
    if !text.starts_with(['[', '{']) {
        return Ok(json!([{"Id": "q", "Expression": text, "Period": PERIOD}]));
    }
    let list: Option<Value> = serde_json::from_str(text).ok();
    let list = list.filter(|list| list.as_array().is_some_and(|list| !list.is_empty()));
    list.ok_or_else(|| {
        "the query is neither a JSON list of `MetricDataQueries` nor an expression".to_owned()
    })
}

async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    body: String,
    timeout: Duration,
) -> Result<Value, String> {
    let mut url = endpoint.url.clone();
    if url.path().is_empty() {
        url.set_path("/");
    }
    let host = url.host_str().unwrap_or_default();
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    // AWS refuses what is signed more than five minutes from its own time.
    let at = clock.now();
    let mut signed = vec![
        ("content-type", CONTENT_TYPE.to_owned()),
        ("host", host),
        ("x-amz-date", date(at)),
    ];
    let keys = &endpoint.keys;
    if let Some(token) = &keys.session_token {
        signed.push(("x-amz-security-token", token.expose().to_owned()));
    }
    signed.push(("x-amz-target", TARGET.to_owned()));
    let request = Request {
        method: "POST",
        path: url.path(),
        query: "",
        headers: &signed,
        body: body.as_bytes(),
    };
    let value = authorization(&request, keys, (&endpoint.region, SERVICE), at);
    let mut headers = HeaderMap::new();
    for (name, value) in signed.iter().filter(|(name, _)| *name != "host") {
        headers.insert(HeaderName::from_static(name), sensitive(value, name)?);
    }
    headers.insert(AUTHORIZATION, sensitive(&value, "Authorization")?);
    let mut secrets: Vec<&Secret> = vec![&keys.secret_access_key, &keys.access_key_id];
    secrets.extend(&keys.session_token);
    let question = Question {
        method: Method::POST,
        url,
        headers,
        body,
        timeout,
        secrets: &secrets,
        complaint: answer::complaint,
    };
    json_api::ask(client, clock, question).await
}
