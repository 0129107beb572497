//! One question to a provider's JSON API, and one sentence for every way it can go wrong.

use std::time::Duration;

use reqwest::{
    Method, StatusCode, Url,
    header::{HeaderMap, HeaderValue},
};
use serde_json::Value;

use super::{
    Client,
    client::Call,
    text::{excerpt, origin},
};
use crate::{clock::Clock, secret::Secret};

/// Bytes of one answer.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// What is asked. It must be safe to ask it twice.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    /// Without credentials.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// For everything together: connecting, trying again, reading.
    pub(super) timeout: Duration,
    /// What must never be seen in a reason: a server may send back what it was sent.
    pub(super) secrets: &'a [&'a Secret],
    /// Finds what the server complains of in the body of a refusal (400, 404, 422); none where there
    /// is nothing.
    pub(super) complaint: fn(&Value) -> Option<String>,
}

/// Asks, again where that is worth it, and returns the JSON of a whole answer, with
/// status 200 to 299 and without the secrets.
///
/// # Errors
/// No whole answer, any other status, something that is no JSON, more than 8 MiB: the reason as a
/// clause that begins with the address's origin and holds neither a secret nor raw remote text.
pub(super) async fn ask(
    client: &Client,
    clock: &dyn Clock,
    question: Question<'_>,
) -> Result<Value, String> {
    let secrets = question.secrets;
    let answer = ask_for_secret(client, clock, question).await?;
    // What is in an answer gets into messages, records and commits.
    Ok(scrubbed(answer, secrets))
}

/// As [`ask`], of an API that answers with 200 and nothing else, and whose empty answer is good news.
///
/// # Errors
/// As [`ask`]; every status but 200.
pub(super) async fn ask_for_ok(
    client: &Client,
    clock: &dyn Clock,
    question: Question<'_>,
) -> Result<Value, String> {
    let secrets = question.secrets;
    let answer = ask_where(client, clock, question, |status| status == StatusCode::OK).await?;
    Ok(scrubbed(answer, secrets))
}

/// As [`ask`], for an answer that is a secret itself: nothing is taken out of it, and nothing of it may
/// be shown.
///
/// # Errors
/// As [`ask`].
pub(super) async fn ask_for_secret(
    client: &Client,
    clock: &dyn Clock,
    question: Question<'_>,
) -> Result<Value, String> {
    ask_where(client, clock, question, is_whole).await
}

async fn ask_where(
    client: &Client,
    clock: &dyn Clock,
    question: Question<'_>,
    is_good: fn(StatusCode) -> bool,
) -> Result<Value, String> {
    let Question {
        method,
        url,
        headers,
        body,
        timeout,
        secrets,
        complaint,
    } = question;
    let who = origin(&url);
    let call = Call {
        method,
        url,
        headers,
        body,
        timeout,
        body_limit: BODY_LIMIT,
        retry: true,
    };
    let clean = |reason: String| without(reason, secrets);
    let answer = client.ask(clock, call).await.map_err(clean)?;
    let clean = |reason: String| without(format!("{who} {reason}"), secrets);
    let document = answer.body.as_deref().map(serde_json::from_slice::<Value>);
    if !is_good(answer.status) {
        let told = match document {
            Some(Ok(document)) => complaint(&document).map(|told| without(told, secrets)),
            _ => None,
        };
        return Err(clean(refusal(answer.status, told.as_deref())));
    }
    match document {
        None => Err(clean("answered with more than 8 MiB".to_owned())),
        Some(Err(_)) => Err(clean("answered with something that is no JSON".to_owned())),
        Some(Ok(document)) => Ok(document),
    }
}

/// Does a status say that the answer is all that there is? 206 announces a part of it.
pub(super) fn is_whole(status: StatusCode) -> bool {
    status.is_success() && status != StatusCode::PARTIAL_CONTENT
}

/// Says what a status means that is none of 200 to 299, or is of a part of an answer.
pub(super) fn refusal(status: StatusCode, told: Option<&str>) -> String {
    let number = status.as_u16();
    match (number, told) {
        (400 | 404 | 422, Some(told)) => {
            format!("refused the query with status {number}: {}", excerpt(told))
        }
        (401 | 403, _) => {
            format!("answered with status {number}: are the credentials right?")
        }
        (300..=399, _) => format!(
            "answered with status {number}: redirects are not followed, so the address must be the final one"
        ),
        (429, _) => "answered with status 429: too many requests".to_owned(),
        (206, _) => "answered with status 206: only a part of the answer".to_owned(),
        _ => format!("answered with status {number}"),
    }
}

/// May another try be answered where this reason, as the probes make them, stands for no answer? A query
/// that is refused, missing rights and wrong addresses stay so until somebody mends them.
pub fn may_pass(reason: &str) -> bool {
    let lasting = [
        "refused the query",
        "status 400",
        "status 401",
        "status 403",
        "status 404",
        "status 422",
        "redirects are not followed",
        "was not asked",
        "the query has",
        "the query asks",
        "the query is",
    ];
    !lasting.iter().any(|text| reason.contains(text))
}

/// Takes secrets out of a reason.
pub(super) fn without(reason: String, secrets: &[&Secret]) -> String {
    secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(reason, |text, secret| text.replace(secret.expose(), "***"))
}

/// Takes secrets out of every text of an answer whose texts go into messages.
pub(super) fn scrubbed(document: Value, secrets: &[&Secret]) -> Value {
    match document {
        Value::String(text) => Value::String(without(text, secrets)),
        Value::Array(items) => {
            let clean = items.into_iter().map(|item| scrubbed(item, secrets));
            Value::Array(clean.collect())
        }
        Value::Object(fields) => {
            let clean = fields
                .into_iter()
                .map(|(key, value)| (without(key, secrets), scrubbed(value, secrets)));
            Value::Object(clean.collect())
        }
        other => other,
    }
}

/// Makes the value of a header that holds a secret.
///
/// # Errors
/// Characters that HTTP does not allow; the message names the header only.
pub(super) fn sensitive(value: &str, name: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        format!("the value of the header {name} has characters that HTTP does not allow")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns a path below a base address, whether or not that ends in a slash.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}
