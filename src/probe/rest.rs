//! One call of a REST API that speaks JSON, for those that not only ask but have something done.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderValue},
};
use serde_json::Value;

use super::{
    Client,
    client::{Answer, Call},
    text::origin,
};
use crate::clock::Clock;

/// How long one answer may take, with every further try.
const TIMEOUT: Duration = Duration::from_secs(20);
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// What is asked.
#[derive(Debug, Clone)]
pub struct RestCall {
    /// `GET` and what is safe to send twice is tried again where that is worth it; the rest never.
    pub method: Method,
    /// The address, without credentials.
    pub url: Url,
    /// Everything but the type of the body.
    pub headers: HeaderMap,
    /// Sent as JSON.
    pub body: Option<Value>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct RestAnswer {
    /// HTTP status.
    pub status: u16,
    /// The answer; none where it is no JSON or larger than 8 MiB.
    pub body: Option<Value>,
    /// What names this state of the answer, for the next conditional request.
    pub tag: Option<String>,
    /// Is there a next page?
    pub has_next_page: bool,
    /// How long the server asks to be left alone.
    pub wait: Option<Duration>,
    /// Has the server said that the limit of requests is used up?
    pub is_limited: bool,
}

/// Asks once; a `GET` again where that is worth it.
///
/// # Errors
/// No whole answer within 20 s; the reason as a clause with no more of the address than its origin.
pub async fn ask(client: &Client, clock: &dyn Clock, call: RestCall) -> Result<RestAnswer, String> {
    let RestCall {
        method,
        url,
        mut headers,
        body,
    } = call;
    if body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let call = Call {
        retry: method == Method::GET,
        method,
        url,
        headers,
        body: body.map(|body| body.to_string()).unwrap_or_default(),
        timeout: TIMEOUT,
        body_limit: BODY_LIMIT,
    };
    let answer = client.ask(clock, call).await?;
    Ok(RestAnswer {
        status: answer.status.as_u16(),
        body: json(&answer),
        tag: answer
            .headers
            .get(ETAG)
            .and_then(|tag| tag.to_str().ok())
            .map(str::to_owned),
        has_next_page: answer.has_next_page,
        is_limited: answer.status.as_u16() == 429 || answer.wait.is_some(),
        wait: answer.wait,
    })
}

/// Returns scheme, host and port: all of an address that a message may show.
pub fn shown(url: &Url) -> String {
    origin(url)
}

fn json(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(answer.body.as_ref()?).ok()
}
