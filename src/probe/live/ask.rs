//! One question for one object: asked with a token, answered with a JSON object or with a sentence.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::Value;

use super::Trouble;
use crate::{
    clock::Clock,
    probe::{
        Client,
        client::Call,
        json_api::{is_whole, refusal, scrubbed, sensitive, without},
        text::origin,
    },
    secret::Secret,
};

/// Bytes of one answer: an application of Argo CD lists all its objects.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// What is asked for.
pub(super) struct Question<'a> {
    /// Without credentials.
    pub(super) url: Url,
    pub(super) token: Option<&'a Secret>,
    /// For everything together: connecting, trying again, reading.
    pub(super) timeout: Duration,
    /// What it is, for people: `Deployment shop/web`.
    pub(super) what: &'a str,
    /// What the status 403 means here.
    pub(super) denied: &'a str,
    /// Does the body of an answer with status 404 say that this very object is not there? Anything
    /// can answer with 404, a proxy or another server as well.
    pub(super) is_missing: &'a (dyn Fn(&Value) -> bool + Sync),
}

/// Asks, again where that is worth it.
pub(super) async fn get(
    client: &Client,
    clock: &dyn Clock,
    question: Question<'_>,
) -> Result<Value, Trouble> {
    let who = origin(&question.url);
    let secrets: Vec<&Secret> = question.token.into_iter().collect();
    let unanswered = |reason: String| Trouble::Unanswered(without(reason, &secrets));
    let mut headers =
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    if let Some(token) = question.token {
        let value = sensitive(&format!("Bearer {}", token.expose()), "Authorization");
        headers.insert(AUTHORIZATION, value.map_err(unanswered)?);
    }
    let call = Call {
        method: Method::GET,
        url: question.url,
        headers,
        body: String::new(),
        timeout: question.timeout,
        body_limit: BODY_LIMIT,
        retry: true,
    };
    let answer = client.ask(clock, call).await.map_err(unanswered)?;
    let document = answer.body.as_deref().map(serde_json::from_slice::<Value>);
    let what = question.what;
    match (answer.status.as_u16(), document) {
        (200..=299, Some(Ok(document))) if is_whole(answer.status) && document.is_object() => {
            Ok(scrubbed(document, &secrets))
        }
        (200..=299, None) => Err(unanswered(format!("{who} answered with more than 8 MiB"))),
        (200..=299, Some(_)) => Err(unanswered(format!(
            "{who} answered with something that is no {what}"
        ))),
        (401, _) => Err(unanswered(format!(
            "{who} answered with status 401: is the token right?"
        ))),
        (403, _) => Err(unanswered(format!(
            "{who} answered with status 403: {}",
            question.denied
        ))),
        (404, Some(Ok(document))) if (question.is_missing)(&document) => {
            Err(Trouble::Missing(format!("{who} has no {what}")))
        }
        (404, _) => Err(unanswered(format!(
            "{who} answered with status 404: there is no {what}, or nothing of its kind"
        ))),
        _ => Err(unanswered(format!(
            "{who} {}",
            refusal(answer.status, None)
        ))),
    }
}
