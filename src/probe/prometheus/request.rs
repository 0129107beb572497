//! One question to the query API: address, form, credentials, and nothing of them in a message.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::de::DeserializeOwned;

use super::{Auth, Endpoint, envelope};
use crate::{
    clock::Clock,
    probe::{
        Client,
        client::Call,
        json_api::{below, sensitive, without},
    },
};

/// Bytes of one answer. A vector of 20,000 series takes about 2 MB.
pub(super) const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// When a query is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// Now, by the server's clock.
    Now,
    /// Once.
    At(DateTime<Utc>),
    /// At `from` and every `step` after it, `until` included.
    Between {
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        step: Duration,
    },
}

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Useless {
    /// It is one, but says nothing that can be counted on.
    NoData(String),
    /// There is none.
    Unavailable(String),
    /// It is larger than [`BODY_LIMIT`].
    TooLarge,
}

/// Asks, and opens the envelope of the answer.
///
/// # Errors
/// Everything that is no complete result, with a reason that holds no secret.
pub(super) async fn ask<D: DeserializeOwned>(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    when: When,
    timeout: Duration,
) -> Result<D, Useless> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("query", query);
    let path = match when {
        When::Now => "/api/v1/query",
        When::At(at) => {
            form.append_pair("time", &instant(at));
            "/api/v1/query"
        }
        When::Between { from, until, step } => {
            form.append_pair("start", &instant(from))
                .append_pair("end", &instant(until))
                .append_pair("step", &milliseconds(step));
            "/api/v1/query_range"
        }
    };
    // The server's own limit is not prompt, but it keeps it from working for nobody.
    form.append_pair("timeout", &milliseconds(timeout));
    let call = Call {
        method: Method::POST,
        url: below(&endpoint.url, path),
        headers: headers(endpoint).map_err(Useless::Unavailable)?,
        body: form.finish(),
        timeout,
        body_limit: BODY_LIMIT,
        retry: true,
    };
    let answer = client.ask(clock, call).await.map_err(Useless::Unavailable);
    answer
        .and_then(|answer| envelope::open(&endpoint.url, &answer))
        .map_err(|useless| redacted(useless, &endpoint.auth))
}

/// An instant as the API reads it, which is to the millisecond.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis().max(1))
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
    endpoint.auth.add_to(&mut headers)?;
    Ok(headers)
}

/// Takes secrets out of a reason: a server may send back what it was sent.
fn redacted(useless: Useless, auth: &Auth) -> Useless {
    let secrets = auth.secrets();
    let clean = |reason| without(reason, &secrets.iter().collect::<Vec<_>>());
    match useless {
        Useless::NoData(reason) => Useless::NoData(clean(reason)),
        Useless::Unavailable(reason) => Useless::Unavailable(clean(reason)),
        Useless::TooLarge => Useless::TooLarge,
    }
}
