//! What the APIs of forges have in common: one base address, one token, errors by status.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Trouble;
use crate::{
    clock::Clock,
    probe::{
        Client, excerpt,
        rest::{self, RestAnswer, RestCall},
    },
    secret::Secret,
};

/// More pages than this are no list that anybody reads; a server that always has a next page ends
/// here.
const PAGES: usize = 10;
const PER_PAGE: usize = 100;

/// The way to one API with one token.
pub(super) struct Wire {
    client: Client,
    clock: Arc<dyn Clock>,
    api: Url,
    headers: HeaderMap,
}

impl Wire {
    pub(super) fn new(
        api: &Url,
        client: Client,
        clock: Arc<dyn Clock>,
        fixed: &[(&'static str, &'static str)],
        (header, prefix, token): (&'static str, &str, &Secret),
    ) -> Result<Self, String> {
        let mut headers: HeaderMap = fixed
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", token.expose()))
            .map_err(|_| "the token has characters that HTTP does not allow")?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(header), value);
        Ok(Self {
            client,
            clock,
            api: api.clone(),
            headers,
        })
    }

    /// Returns the address of something below the API; each part is one segment of the path.
    pub(super) fn address(&self, parts: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Asks; the answer is one of those that the API documents as an answer (below 400, or one of
    /// `expected`), else trouble.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
        expected: &[u16],
    ) -> Result<RestAnswer, Trouble> {
        self.send(method, url, body, None, expected).await
    }

    /// Gets something that may not have changed: 304 then.
    pub(super) async fn get_if_changed(
        &self,
        url: Url,
        tag: Option<&str>,
    ) -> Result<RestAnswer, Trouble> {
        self.send(Method::GET, url, None, tag, &[304]).await
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
        tag: Option<&str>,
        expected: &[u16],
    ) -> Result<RestAnswer, Trouble> {
        let mut headers = self.headers.clone();
        if let Some(value) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            headers.insert(IF_NONE_MATCH, value);
        }
        let call = RestCall {
            method,
            url,
            headers,
            body,
        };
        let answer = rest::ask(&self.client, &*self.clock, call)
            .await
            .map_err(|reason| Trouble::Unavailable { reason, wait: None })?;
        if answer.status < 300 || expected.contains(&answer.status) {
            Ok(answer)
        } else {
            Err(self.trouble(&answer))
        }
    }

    /// Reads a list to its end. The next page is asked for at our own address, whatever address the
    /// answer names: a token goes nowhere else. `entries` finds the list in a page.
    pub(super) async fn all_pages<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        query: &[(&str, &str)],
        entries: impl Fn(Value) -> Value,
    ) -> Result<Vec<T>, Trouble> {
        let per_page = PER_PAGE.to_string();
        let mut list = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let mut query = query.to_vec();
            query.extend([("per_page", per_page.as_str()), ("page", page.as_str())]);
            let url = self.address(parts, &query);
            let answer = self.ask(Method::GET, url, None, &[]).await?;
            let has_next_page = answer.has_next_page;
            let found = entries(answer.body.unwrap_or_default());
            let found: Vec<T> = serde_json::from_value(found).map_err(|_| self.odd())?;
            list.extend(found);
            if !has_next_page {
                return Ok(list);
            }
        }
        Err(Trouble::Refused(format!(
            "{} answered with more than {} entries",
            self.origin(),
            PAGES * PER_PAGE
        )))
    }

    /// Reads an answer as documented.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: RestAnswer) -> Result<T, Trouble> {
        let body = answer.body.ok_or_else(|| self.odd())?;
        serde_json::from_value(body).map_err(|_| self.odd())
    }

    /// Something that the API does not document: never read as a yes.
    pub(super) fn odd(&self) -> Trouble {
        Trouble::Unavailable {
            reason: format!(
                "{} answered with something that its API does not document",
                self.origin()
            ),
            wait: None,
        }
    }

    pub(super) fn origin(&self) -> String {
        rest::shown(&self.api)
    }

    fn trouble(&self, answer: &RestAnswer) -> Trouble {
        let said = said(answer);
        let text = match said.as_str() {
            "" => format!("{} answered with status {}", self.origin(), answer.status),
            said => format!(
                "{} answered with status {}: {said}",
                self.origin(),
                answer.status
            ),
        };
        // GitHub answers 403 as well when a limit is used up, the secondary one without its headers.
        let limited = answer.status == 429
            || answer.status == 403
                && (answer.is_limited || said.to_lowercase().contains("rate limit"));
        match answer.status {
            _ if limited => Trouble::Unavailable {
                reason: text,
                // Without a word about it GitHub asks for a minute at least.
                wait: Some(answer.wait.unwrap_or(Duration::from_secs(60))),
            },
            401 | 403 => Trouble::Denied(text),
            404 | 410 => Trouble::Missing(text),
            408 | 500..=599 => Trouble::Unavailable {
                reason: text,
                wait: answer.wait,
            },
            300..=399 => Trouble::Refused(format!(
                "{text}; redirects are not followed, so the address must be the final one"
            )),
            _ => Trouble::Refused(text),
        }
    }
}

/// Returns what an error says: GitHub's `message` with its `errors`, GitLab's `message` (a text, a
/// list, or lists by field) or `error`. One short line without control characters; may be empty.
pub(super) fn said(answer: &RestAnswer) -> String {
    let mut texts = Vec::new();
    if let Some(body) = &answer.body {
        for key in ["message", "error", "error_description", "errors"] {
            collect(body.get(key), &mut texts);
        }
    }
    excerpt(&texts.join("; "))
}

/// As [`said`], with the status: an answer may say nothing more.
pub(super) fn answered(answer: &RestAnswer) -> String {
    match said(answer).as_str() {
        "" => format!("status {}", answer.status),
        said => format!("status {}: {said}", answer.status),
    }
}

fn collect(value: Option<&Value>, texts: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) => texts.push(text.clone()),
        Some(Value::Array(list)) => list.iter().for_each(|one| collect(Some(one), texts)),
        Some(Value::Object(fields)) => match fields.get("message") {
            Some(message) => collect(Some(message), texts),
            None => {
                for (field, value) in fields {
                    let mut below = Vec::new();
                    collect(Some(value), &mut below);
                    texts.extend(below.iter().map(|text| format!("{field} {text}")));
                }
            }
        },
        _ => {}
    }
}

/// Is it a whole commit id, SHA-1 or SHA-256?
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64)
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_told_in_one_line() {
        let rows = [
            (
                json!({"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}),
                "Bad credentials",
            ),
            (
                json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "code": "custom", "message": "No commits between main and x"}]}),
                "Validation Failed; No commits between main and x",
            ),
            (
                json!({"message": "Validation Failed", "errors": [{"resource": "PullRequest", "code": "invalid", "field": "head"}]}),
                "Validation Failed; resource PullRequest; code invalid; field head",
            ),
            (
                json!({"message": ["Another open merge request already exists: !1"]}),
                "Another open merge request already exists: !1",
            ),
            (
                json!({"message": {"title": ["can't be blank"]}}),
                "title can't be blank",
            ),
            (
                json!({"error": "insufficient_scope", "error_description": "more"}),
                "insufficient_scope; more",
            ),
            (json!("text"), ""),
            (
                json!({"message": "a\r\n::error::b\u{1b}[31m"}),
                "a  ::error::b [31m",
            ),
        ];
        for (body, expected) in rows {
            let answer = RestAnswer {
                status: 422,
                body: Some(body),
                tag: None,
                has_next_page: false,
                wait: None,
                is_limited: false,
            };
            assert_eq!(said(&answer), expected);
        }
    }
}
