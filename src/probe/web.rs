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

/// What is asked: `/path?query#/json/pointer`, a method in front of it where it is not GET, and a
/// JSON body in the lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    method: Method,
    path: String,
    query: Option<String>,
    /// RFC 6901; empty = the whole answer.
    pointer: String,
    body: String,
}

impl Request {
    /// Takes a request apart.
    ///
    /// # Errors
    /// No path, a method other than GET and POST, a pointer that is none, a body for GET or one that
    /// is no JSON. The message is a clause.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (line, body) = text.split_once('\n').unwrap_or((text, ""));
        let (line, body) = (line.trim(), body.trim());
        let (method, target) = match line.split_once(' ') {
            Some(("GET", target)) => (Method::GET, target.trim()),
            Some(("POST", target)) => (Method::POST, target.trim()),
            Some((other, _)) if !other.starts_with('/') => {
                return Err(format!(
                    "asks with {}, expected GET or POST",
                    excerpt(other)
                ));
            }
            _ => (Method::GET, line),
        };
        let (address, pointer) = target.split_once('#').unwrap_or((target, ""));
        let (path, query) = match address.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (address, None),
        };
        if !path.starts_with('/') {
            return Err(format!(
                "asks for {:?}, expected a path such as /status#/errors",
                excerpt(path)
            ));
        }
        let leads_up = |part: &str| {
            let part = part.to_ascii_lowercase().replace("%2e", ".");
            matches!(part.as_str(), "." | "..")
        };
        if path.split(['/', '\\']).any(leads_up) {
            return Err("has `..` in its path, expected one below the address".to_owned());
        }
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(format!(
                "has {:?} behind `#`, expected a JSON pointer such as /data/errors",
                excerpt(pointer)
            ));
        }
        if !body.is_empty() && method == Method::GET {
            return Err("has a body, which needs POST in front of the path".to_owned());
        }
        if !body.is_empty() && serde_json::from_str::<Value>(body).is_err() {
            return Err("has a body that is no JSON".to_owned());
        }
        Ok(Self {
            method,
            path: path.to_owned(),
            query,
            pointer: pointer.to_owned(),
            body: body.to_owned(),
        })
    }

    fn place(&self) -> String {
        if self.pointer.is_empty() {
            String::new()
        } else {
            format!(" at {}", self.pointer)
        }
    }
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
        Some(Value::Number(number)) => match number.as_f64().filter(|value| value.is_finite()) {
            Some(value) => {
                let at = clock.now();
                return Reading::Value(Sample { value, at });
            }
            None => "a number too large to hold",
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
        method: request.method.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_with_a_pointer_and_a_body() {
        let shown = |text: &str| match Request::parse(text) {
            Ok(Request {
                method,
                path,
                query,
                pointer,
                body,
            }) => {
                format!("{method} {path} {query:?} {pointer:?} {body}")
            }
            Err(reason) => reason,
        };
        let rows = [
            "/errors",
            "/errors?service=shop#/data/0/value",
            "GET /errors",
            "POST /search#/hits\n{\"a\": {\"b\": 1}}\n",
            "POST /search",
            "errors",
            "https://other.example/errors",
            "/../errors",
            "/a/%2E./errors",
            "DELETE /errors",
            "/errors#data",
            "/errors\n{}",
            "POST /errors\n{",
            "",
        ];
        let lines: Vec<String> = rows.iter().map(|row| shown(row)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        GET /errors None "" 
        GET /errors Some("service=shop") "/data/0/value" 
        GET /errors None "" 
        POST /search None "/hits" {"a": {"b": 1}}
        POST /search None "" 
        asks for "errors", expected a path such as /status#/errors
        asks for "https://other.example/errors", expected a path such as /status#/errors
        has `..` in its path, expected one below the address
        has `..` in its path, expected one below the address
        asks with DELETE, expected GET or POST
        has "data" behind `#`, expected a JSON pointer such as /data/errors
        has a body, which needs POST in front of the path
        has a body that is no JSON
        asks for "", expected a path such as /status#/errors
        "#);
    }
}
