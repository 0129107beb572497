//! What a service says of itself: is it healthy, and which version is it?

use std::time::Duration;

use reqwest::{
    Method, StatusCode, Url,
    header::{ACCEPT, CACHE_CONTROL, CONNECTION, HeaderMap, HeaderValue},
};
use serde_json::Value;

use super::{
    Client,
    client::{Answer, Call},
    text::{excerpt, origin},
};
use crate::{clock::Clock, units::format_duration};

const BODY_LIMIT: usize = 64 * 1024;

/// An address and what it must answer.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheck {
    /// Address, asked with GET.
    pub url: Url,
    /// The one good status; 200 to 299 where none is given.
    pub status: Option<u16>,
    /// What the body must say, if that matters.
    pub body: Option<BodyWanted>,
    /// How long the whole answer may take.
    pub timeout: Duration,
    /// A slower answer is unhealthy.
    pub max_latency: Option<Duration>,
}

/// What a body must say.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyWanted {
    /// JSON pointer (RFC 6901) of the value; the whole text where none is given.
    pub pointer: Option<String>,
    /// The value: a text, a number or a truth value.
    pub equals: Value,
}

/// What a health check found.
#[derive(Debug, Clone, PartialEq)]
pub enum HealthReading {
    /// The answer is as wanted.
    Healthy {
        /// From the request to the last byte, in the machine's time.
        latency: Duration,
        /// What was found, as a clause: `answered with status 200 in 12ms`.
        detail: String,
    },
    /// There is an answer, and it is another one. Says which, as a clause.
    Unhealthy(String),
    /// There is no whole answer: refused, reset, cut off, too late. Says which, as a clause.
    Unreachable(String),
}

impl HealthCheck {
    /// Returns what is wanted as a phrase: `status 200 to 299 and "ok" at /status within 1s`.
    pub fn wanted(&self) -> String {
        let mut text = match self.status {
            Some(status) => format!("status {status}"),
            None => "status 200 to 299".to_owned(),
        };
        if let Some(BodyWanted { pointer, equals }) = &self.body {
            let place = match pointer {
                Some(pointer) => format!(" at {pointer}"),
                None => String::new(),
            };
            text.push_str(&format!(" and {}{place}", excerpt(&equals.to_string())));
        }
        if let Some(longest) = self.max_latency {
            text.push_str(&format!(" within {}", format_duration(longest)));
        }
        text
    }
}

/// Asks once, on a connection of its own, so that a load balancer chooses anew each time.
pub async fn check(client: &Client, clock: &dyn Clock, check: &HealthCheck) -> HealthReading {
    let started = clock.now();
    let answer = match client.ask(clock, get(&check.url, check.timeout)).await {
        Ok(answer) => answer,
        Err(reason) => return HealthReading::Unreachable(format!("is not known: {reason}")),
    };
    let latency = clock.real((clock.now() - started).to_std().unwrap_or_default());
    let status = answer.status.as_u16();
    let good = match check.status {
        Some(wanted) => status == wanted,
        None => answer.status.is_success(),
    };
    if !good {
        let hint = if answer.status.is_redirection() {
            " (redirects are not followed)"
        } else {
            ""
        };
        return HealthReading::Unhealthy(format!("answered with status {status}{hint}"));
    }
    if check.body.is_some() && answer.status == StatusCode::PARTIAL_CONTENT {
        return HealthReading::Unhealthy("answered with a part of its body only".to_owned());
    }
    if let Some(wanted) = &check.body
        && let Err(reason) = holds(&answer, wanted)
    {
        return HealthReading::Unhealthy(reason);
    }
    let took = format!("{}ms", latency.as_millis());
    match check.max_latency {
        Some(longest) if latency > longest => {
            HealthReading::Unhealthy(format!("answered in {took}"))
        }
        _ => HealthReading::Healthy {
            latency,
            detail: format!("answered with status {status} in {took}"),
        },
    }
}

/// Asks a service which version it is: the text at a JSON pointer, or the whole trimmed body.
///
/// # Errors
/// No whole answer, another status than 200, more than 64 KiB, no text at the pointer, or an
/// empty one; the reason as a clause with the address's origin.
pub async fn version(
    client: &Client,
    clock: &dyn Clock,
    url: &Url,
    pointer: Option<&str>,
    timeout: Duration,
) -> Result<String, String> {
    let answer = client.ask(clock, get(url, timeout)).await?;
    let who = origin(url);
    // Accepted, changed by a proxy on the way, a part of it: none of them is the service's own word.
    if answer.status != StatusCode::OK {
        return Err(format!(
            "{who} answered with status {}",
            answer.status.as_u16()
        ));
    }
    let found = match value_at(&answer, pointer).map_err(|reason| format!("{who} {reason}"))? {
        Value::String(text) => excerpt(&text),
        other => {
            return Err(format!(
                "{who} answered with {} where a text in quotes was wanted",
                excerpt(&other.to_string())
            ));
        }
    };
    if found.is_empty() {
        return Err(format!("{who} answered with an empty text"));
    }
    Ok(found)
}

fn get(url: &Url, timeout: Duration) -> Call {
    let headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/json, */*")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONNECTION, HeaderValue::from_static("close")),
    ]);
    Call {
        method: Method::GET,
        url: url.clone(),
        headers,
        body: String::new(),
        timeout,
        body_limit: BODY_LIMIT,
        // The limits of the criterion say what is tolerated; a hidden second try would not count.
        retry: false,
    }
}

fn holds(answer: &Answer, wanted: &BodyWanted) -> Result<(), String> {
    let found = value_at(answer, wanted.pointer.as_deref())?;
    if same(&found, &wanted.equals) {
        Ok(())
    } else {
        let place = wanted
            .pointer
            .as_ref()
            .map_or_else(String::new, |pointer| format!(" at {pointer}"));
        Err(format!(
            "answered with {}{place}",
            excerpt(&found.to_string())
        ))
    }
}

fn value_at(answer: &Answer, pointer: Option<&str>) -> Result<Value, String> {
    let Some(body) = &answer.body else {
        return Err("answered with more than 64 KiB".to_owned());
    };
    let Some(pointer) = pointer else {
        let text = String::from_utf8_lossy(body);
        return Ok(Value::String(text.trim().to_owned()));
    };
    let document: Value =
        serde_json::from_slice(body).map_err(|_| "answered with something that is no JSON")?;
    document
        .pointer(pointer)
        .cloned()
        .ok_or_else(|| format!("answered with nothing at {pointer}"))
}

/// JSON knows one kind of number: 1 and 1.0 are the same. Whole numbers are held against each other digit
/// by digit: as floating-point numbers those above 2^53 would be rounded.
pub(super) fn same(found: &Value, wanted: &Value) -> bool {
    let whole = |value: &Value| {
        let signed = value.as_i64().map(i128::from);
        signed.or_else(|| value.as_u64().map(i128::from))
    };
    if let (Some(found), Some(wanted)) = (whole(found), whole(wanted)) {
        return found == wanted;
    }
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => found.total_cmp(&wanted).is_eq(),
        _ => found == wanted,
    }
}
