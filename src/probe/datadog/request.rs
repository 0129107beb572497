//! One question to Datadog: the two keys, and what it complains of when it refuses.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::Value;

use super::{Endpoint, Useless};
use crate::{
    clock::Clock,
    probe::{
        Client,
        json_api::{self, Question, below, sensitive},
        text::{excerpt, origin},
    },
};

/// Asks with GET.
pub(super) async fn get(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    path: &str,
    query: &[(&str, String)],
    timeout: Duration,
) -> Result<Value, String> {
    let mut url = below(&endpoint.url, path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let asked = (Method::GET, url, String::new());
    ask(client, clock, endpoint, asked, timeout).await
}

/// Asks with POST.
pub(super) async fn post(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    path: &str,
    body: &Value,
    timeout: Duration,
) -> Result<Value, String> {
    let asked = (Method::POST, below(&endpoint.url, path), body.to_string());
    ask(client, clock, endpoint, asked, timeout).await
}

async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    (method, url, body): (Method, Url, String),
    timeout: Duration,
) -> Result<Value, String> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let Endpoint {
        api_key, app_key, ..
    } = endpoint;
    headers.insert("dd-api-key", sensitive(api_key.expose(), "DD-API-KEY")?);
    let value = sensitive(app_key.expose(), "DD-APPLICATION-KEY")?;
    headers.insert("dd-application-key", value);
    let secrets = [api_key, app_key];
    let question = Question {
        method,
        url,
        headers,
        body,
        timeout,
        secrets: &secrets,
        complaint,
    };
    json_api::ask(client, clock, question).await
}

/// Returns what an answer complains of, whatever its status: a text or a list in `errors`, or
/// `error`.
pub(super) fn complaint(document: &Value) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Object(fields) => {
            let field = fields.get("detail").or_else(|| fields.get("title"));
            Some(
                field
                    .and_then(Value::as_str)
                    .unwrap_or("an error")
                    .to_owned(),
            )
        }
        _ => None,
    };
    let errors = match document.get("errors") {
        Some(Value::Array(errors)) => errors.iter().find_map(text),
        Some(other) => text(other),
        None => None,
    };
    errors.or_else(|| document.get("error").and_then(text))
}

/// Refuses an answer that complains although its status is good.
pub(super) fn without_complaint(endpoint: &Endpoint, document: Value) -> Result<Value, Useless> {
    let Some(told) = complaint(&document) else {
        return Ok(document);
    };
    Err(Useless::Unavailable(format!(
        "{} refused the query: {}",
        origin(&endpoint.url),
        excerpt(&told)
    )))
}

/// Says that an answer is not what it should be.
pub(super) fn odd(endpoint: &Endpoint, what: &str) -> Useless {
    Useless::Unavailable(format!(
        "{} answered with something that is no {what}",
        origin(&endpoint.url)
    ))
}
