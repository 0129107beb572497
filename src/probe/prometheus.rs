//! One number from Prometheus, or from anything that speaks its query API.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Client,
    client::{Answer, Call},
    text::{excerpt, origin},
};
use crate::{
    analysis::{Reading, Sample},
    clock::Clock,
    secret::Secret,
    units::format_duration,
};

const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// Where a Prometheus is.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Base address; `/api/v1/query` is added to its path.
    pub url: Url,
    /// How to sign in.
    pub auth: Auth,
    /// More headers, such as `X-Scope-OrgID`.
    pub headers: BTreeMap<String, String>,
    /// How far a sample's time may be from the time asked for.
    pub max_age: Duration,
}

impl Endpoint {
    /// A sample whose time is further away than this is stale, unless the endpoint says otherwise.
    pub const MAX_AGE: Duration = Duration::from_secs(300);

    /// Makes an endpoint that asks for no sign-in.
    pub fn open(url: Url) -> Self {
        Self {
            url,
            auth: Auth::Open,
            headers: BTreeMap::new(),
            max_age: Self::MAX_AGE,
        }
    }
}

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Not at all.
    Open,
    /// With a bearer token.
    Bearer(Secret),
    /// With a user name and a password.
    Basic {
        /// User name.
        username: Secret,
        /// Password.
        password: Secret,
    },
}

/// Asks an instant query for one number, at `at` or now.
///
/// One series, or a scalar, is a value. Anything else that was answered is no data: no series,
/// several series (never silently the first), NaN, infinity, a text, a range, an answer that
/// Prometheus itself calls incomplete, a sample that is not of the time asked for. Everything that
/// is no answer is unavailable.
///
/// A query that uses `rate()` over a scrape target that died answers with the old rate until its
/// window has passed, under a fresh time stamp. Nothing in the answer shows that. A query that
/// decides whether traffic is low must look at the target as well: `sum(rate(x[5m])) and on()
/// (min(up{job="x"}) == 1)` has no series, and so no data, when a target is down.
pub async fn instant(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    at: Option<DateTime<Utc>>,
    timeout: Duration,
) -> Reading {
    asked(client, clock, endpoint, query, at, timeout, None).await
}

/// Asks as [`instant`], and makes one number of the numbers of several series. One of them that is
/// no data makes all of it no data.
pub async fn combined(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    combine: Combine,
    timeout: Duration,
) -> Reading {
    asked(client, clock, endpoint, query, None, timeout, Some(combine)).await
}

/// Makes one number of several; never of none.
pub type Combine = fn(&[f64]) -> f64;

async fn asked(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    at: Option<DateTime<Utc>>,
    timeout: Duration,
    combine: Option<Combine>,
) -> Reading {
    let headers = match headers(endpoint) {
        Ok(headers) => headers,
        Err(reason) => return Reading::Unavailable(reason),
    };
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("query", query);
    if let Some(at) = at {
        form.append_pair("time", &at.to_rfc3339());
    }
    // The server's own limit is not prompt, but it keeps it from working for nobody.
    form.append_pair("timeout", &format!("{}ms", timeout.as_millis().max(1)));
    let call = Call {
        method: Method::POST,
        url: query_address(&endpoint.url),
        headers,
        body: form.finish(),
        timeout,
        body_limit: BODY_LIMIT,
        retry: true,
    };
    let answer = match client.ask(clock, call).await {
        Ok(answer) => answer,
        Err(reason) => return Reading::Unavailable(reason),
    };
    let wanted = Wanted {
        at: at.unwrap_or_else(|| clock.now()),
        max_age: endpoint.max_age,
        combine,
    };
    let reading = read(&endpoint.url, &answer, &wanted);
    redacted(reading, &endpoint.auth)
}

/// Returns `/api/v1/query` below a base address, whether or not that ends in a slash.
fn query_address(base: &Url) -> Url {
    let mut url = base.clone();
    let path = format!("{}/api/v1/query", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

fn headers(endpoint: &Endpoint) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &endpoint.headers {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is no header name"))?;
        headers.insert(name.clone(), sensitive(value, name.as_str())?);
    }
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    let credentials = match &endpoint.auth {
        Auth::Open => None,
        Auth::Bearer(token) => Some(format!("Bearer {}", token.expose())),
        Auth::Basic { username, password } => Some(format!("Basic {}", basic(username, password))),
    };
    if let Some(credentials) = credentials {
        headers.insert(AUTHORIZATION, sensitive(&credentials, "Authorization")?);
    }
    Ok(headers)
}

fn sensitive(value: &str, name: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        format!("the value of the header {name} has characters that HTTP does not allow")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn basic(username: &Secret, password: &Secret) -> String {
    BASE64_STANDARD.encode(format!("{}:{}", username.expose(), password.expose()))
}

/// Takes secrets out of a reason: a server may send back what it was sent.
fn redacted(reading: Reading, auth: &Auth) -> Reading {
    let secrets: Vec<String> = match auth {
        Auth::Open => Vec::new(),
        Auth::Bearer(token) => vec![token.expose().to_owned()],
        Auth::Basic { username, password } => {
            vec![password.expose().to_owned(), basic(username, password)]
        }
    };
    let clean = |reason: String| {
        secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(reason, |text, secret| text.replace(secret, "***"))
    };
    match reading {
        Reading::Value(sample) => Reading::Value(sample),
        Reading::NoData(reason) => Reading::NoData(clean(reason)),
        Reading::Unavailable(reason) => Reading::Unavailable(clean(reason)),
    }
}

/// The envelope of the HTTP API: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
#[derive(Deserialize)]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

/// What the one number must be like.
struct Wanted {
    at: DateTime<Utc>,
    max_age: Duration,
    combine: Option<Combine>,
}

fn read(base: &Url, answer: &Answer, wanted: &Wanted) -> Reading {
    let who = origin(base);
    let unavailable = |reason: &str| Reading::Unavailable(format!("{who} {reason}"));
    let status = answer.status.as_u16();
    let Some(body) = &answer.body else {
        return unavailable("answered with more than 8 MiB");
    };
    match status {
        200 => {}
        400 | 422 => {
            return match serde_json::from_slice::<Envelope>(body) {
                Ok(envelope) => {
                    unavailable(&format!("refused the query: {}", complaint(&envelope)))
                }
                Err(_) => unavailable(&format!("answered with status {status}")),
            };
        }
        401 | 403 => {
            return unavailable(&format!(
                "answered with status {status}: are the credentials right?"
            ));
        }
        300..=399 => {
            return unavailable(&format!(
                "answered with status {status}: redirects are not followed, so the address must be the final one"
            ));
        }
        404 => {
            return unavailable(
                "answered with status 404: is its address the base of a query API?",
            );
        }
        _ => return unavailable(&format!("answered with status {status}")),
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return unavailable("answered with something that is no query result");
    };
    if envelope.status != "success" {
        return unavailable(&format!("did not succeed: {}", complaint(&envelope)));
    }
    // Thanos and Mimir answer with what they have when a part of them is away, and say so here.
    if let Some(warning) = envelope
        .warnings
        .iter()
        .find(|warning| !warning.starts_with("PromQL info:"))
    {
        return Reading::NoData(format!("an answer with a warning: {}", excerpt(warning)));
    }
    match &envelope.data {
        Some(data) => one_number(data, wanted)
            .unwrap_or_else(|| unavailable("answered with something that is no query result")),
        None => unavailable("answered without data"),
    }
}

fn complaint(envelope: &Envelope) -> String {
    let Envelope {
        status,
        error_type,
        error,
        ..
    } = envelope;
    if error_type.is_empty() && error.is_empty() {
        return excerpt(&format!("its status is {status:?}"));
    }
    excerpt(&format!("{error_type}: {error}"))
}

/// Returns nothing where the shape is not that of a query result.
fn one_number(data: &Data, wanted: &Wanted) -> Option<Reading> {
    let no_data = |reason: &str| Some(Reading::NoData(reason.to_owned()));
    let series = match data.result_type.as_str() {
        "scalar" => return number(&data.result, wanted),
        "vector" => data.result.as_array()?,
        "matrix" => return no_data("a range of samples where one number was wanted"),
        "string" => return no_data("a text where a number was wanted"),
        _ => return None,
    };
    match (series.as_slice(), wanted.combine) {
        ([], _) => no_data("no series: the query matches nothing"),
        ([one], _) => number_of(one, wanted),
        (several, None) => no_data(&format!(
            "{} series where one was wanted; aggregate them, for example with sum()",
            several.len()
        )),
        (several, Some(combine)) => {
            let mut values = Vec::with_capacity(several.len());
            let mut oldest = DateTime::<Utc>::MAX_UTC;
            for series in several {
                match number_of(series, wanted)? {
                    Reading::Value(Sample { value, at }) => {
                        values.push(value);
                        oldest = oldest.min(at);
                    }
                    nothing => return Some(nothing),
                }
            }
            let value = combine(&values);
            if !value.is_finite() {
                return no_data("infinite: the series together are more than a number can hold");
            }
            Some(Reading::Value(Sample { value, at: oldest }))
        }
    }
}

fn number_of(series: &Value, wanted: &Wanted) -> Option<Reading> {
    if series.get("histogram").is_some() {
        let reason = "a histogram where one number was wanted";
        return Some(Reading::NoData(reason.to_owned()));
    }
    number(series.get("value")?, wanted)
}

fn number(pair: &Value, wanted: &Wanted) -> Option<Reading> {
    let no_data = |reason: &str| Some(Reading::NoData(reason.to_owned()));
    let [at, number] = pair.as_array()?.as_slice() else {
        return None;
    };
    let at = instant_of(at.as_f64()?)?;
    let value: f64 = number.as_str()?.parse().ok()?;
    if value.is_nan() {
        return no_data("NaN: nothing divided by nothing, often no traffic");
    }
    if value.is_infinite() {
        return no_data("infinite: something divided by nothing");
    }
    let off = (at - wanted.at).abs();
    if off > TimeDelta::from_std(wanted.max_age).unwrap_or(TimeDelta::MAX) {
        return no_data(&format!(
            "stale: the sample is of {}, {} from the time asked for",
            at.to_rfc3339(),
            format_duration(off.to_std().unwrap_or_default())
        ));
    }
    Some(Reading::Value(Sample { value, at }))
}

fn instant_of(seconds: f64) -> Option<DateTime<Utc>> {
    // Saturates outside of the range of i64, which is outside of the range of dates.
    DateTime::from_timestamp_millis((seconds * 1_000.0) as i64)
}
