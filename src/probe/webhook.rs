//! One message posted to an address that is itself a secret, as incoming webhooks are.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};

use ring::hmac;

use super::{Client, client::Call, json_api::sensitive, text::origin};
use crate::{clock::Clock, secret::Secret, units::is_loopback};

const BODY_LIMIT: usize = 4 * 1024;

/// What a webhook answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAnswer {
    /// Scheme, host and port: all of the address that may be shown.
    pub origin: String,
    /// HTTP status.
    pub status: u16,
    /// The answer as text; empty if it is longer than 4 KiB.
    pub body: String,
}

/// Posts a JSON text; tries again, within `timeout`, where that is worth it.
///
/// # Errors
/// The address is none, or it is neither `https` nor of this machine, or there is no whole answer
/// in time; the reason shows no more of the address than its origin.
pub async fn post_json(
    client: &Client,
    clock: &dyn Clock,
    address: &Secret,
    json: String,
    timeout: Duration,
) -> Result<WebhookAnswer, String> {
    post_signed(client, clock, address, json, None, timeout).await
}

/// As [`post_json`], with a header `X-Signature: sha256=…`, the HMAC of the text in hexadecimal, where
/// there is a key.
///
/// # Errors
/// As [`post_json`].
pub async fn post_signed(
    client: &Client,
    clock: &dyn Clock,
    address: &Secret,
    json: String,
    key: Option<&Secret>,
    timeout: Duration,
) -> Result<WebhookAnswer, String> {
    // The parser's own message is fixed and quotes nothing.
    let url: Url = address
        .expose()
        .trim()
        .parse()
        .map_err(|error| format!("the webhook's address is none: {error}"))?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err("the webhook's address does not begin with https://".to_owned());
    }
    let origin = origin(&url);
    let mut headers = HeaderMap::from_iter([(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    )]);
    if let Some(key) = key {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
        let tag = hmac::sign(&key, json.as_bytes());
        let hex: String = tag
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        headers.insert(
            "X-Signature",
            sensitive(&format!("sha256={hex}"), "X-Signature")?,
        );
    }
    let call = Call {
        method: Method::POST,
        url,
        headers,
        body: json,
        timeout,
        body_limit: BODY_LIMIT,
        retry: true,
    };
    let answer = client.ask(clock, call).await?;
    Ok(WebhookAnswer {
        origin,
        status: answer.status.as_u16(),
        body: answer
            .body
            .map(|body| String::from_utf8_lossy(&body).into_owned())
            .unwrap_or_default(),
    })
}
