//! Any JSON API: one value of an answer, as a number or held against what is wanted.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use super::{
    CheckReading, Client,
    auth::Auth,
    http::same,
    json_api::{self, Question, below},
    text::{excerpt, origin},
};
use crate::{
    analysis::{Reading, Sample},
    clock::Clock,
};

pub use crate::config::web_request::Request;

/// Where a JSON API is and how to sign in.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Base address; requests are below its path.
    pub url: Url,
    /// How to sign in.
    pub auth: Auth,
    /// More headers.
    pub headers: BTreeMap<String, String>,
}

/// Asks for one number. Texts that look like numbers are none.
pub async fn number(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    query: &str,
    timeout: Duration,
) -> Reading {
    let request = match Request::parse(query) {
        Ok(request) => request,
        Err(reason) => return Reading::Unavailable(format!("the query {reason}")),
    };
    let value = match ask(client, clock, endpoint, &request, timeout).await {
        Ok(value) => value,
        Err(reason) => return Reading::Unavailable(reason),
    };
    let place = request.place();
    let kind = match value {
        None => return Reading::NoData(format!("the answer has nothing{place}")),
        Some(Value::Number(number)) => match exact(&number) {
            Some(value) => {
                let at = clock.now();
                return Reading::Value(Sample { value, at });
            }
            None => "a number too large to hold exactly",
        },
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a truth value",
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    Reading::NoData(format!(
        "the answer has {kind}{place} where a number was wanted"
    ))
}

/// Returns a number that is held without rounding a whole one: those above 2^53 would be.
fn exact(number: &serde_json::Number) -> Option<f64> {
    const WHOLE: u64 = 1 << 53;
    let is_too_large = match (number.as_i64(), number.as_u64()) {
        (Some(signed), _) => signed.unsigned_abs() > WHOLE,
        (None, Some(unsigned)) => unsigned > WHOLE,
        (None, None) => false,
    };
    let value = number.as_f64().filter(|value| value.is_finite());
    value.filter(|_| !is_too_large)
}

/// Asks for one value and holds it against what is wanted. What is not there, and `null`, is no
/// answer.
pub async fn check(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    (request, wanted): (&Request, &Value),
    timeout: Duration,
) -> CheckReading {
    let place = request.place();
    match ask(client, clock, endpoint, request, timeout).await {
        Err(reason) => CheckReading::Unanswered(reason),
        Ok(None | Some(Value::Null)) => {
            CheckReading::Unanswered(format!("the answer has nothing{place}"))
        }
        Ok(Some(found)) => {
            let shown = format!("is {}{place}", excerpt(&found.to_string()));
            if same(&found, wanted) {
                CheckReading::Passed(shown)
            } else {
                CheckReading::Failed(shown)
            }
        }
    }
}

async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    request: &Request,
    timeout: Duration,
) -> Result<Option<Value>, String> {
    let mut url = below(&endpoint.url, &request.path);
    url.set_query(request.query.as_deref());
    if url.origin() != endpoint.url.origin() {
        return Err(format!(
            "{} was not asked: the path leads elsewhere",
            origin(&url)
        ));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &endpoint.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err("a configured header is not legal in HTTP".to_owned());
        };
        headers.insert(name, value);
    }
    if !request.body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    endpoint.auth.add_to(&mut headers)?;
    let secrets = endpoint.auth.secrets();
    let question = Question {
        method: match request.posts {
            true => Method::POST,
            false => Method::GET,
        },
        url,
        headers,
        body: request.body.clone(),
        timeout,
        secrets: &secrets.iter().collect::<Vec<_>>(),
        complaint: |_| None,
    };
    let mut answer = json_api::ask(client, clock, question).await?;
    Ok(answer.pointer_mut(&request.pointer).map(Value::take))
}
