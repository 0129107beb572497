//! A token for one repository, from whoever gives them out for a registry.

use std::time::Duration;

use reqwest::{
    Method, Url,
    header::{AUTHORIZATION, HeaderMap},
};
use serde_json::Value;

use super::{Credentials, Endpoint, challenge::Asked};
use crate::{
    clock::Clock,
    probe::{
        Client,
        auth::basic,
        json_api::{self, Question, sensitive},
        text::origin,
    },
    secret::Secret,
};

/// Asks for a token that may pull, with the credentials where there are some.
///
/// # Errors
/// An address that the registry has no say over, no answer, or one without a token.
pub(super) async fn get(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    credentials: Option<&Credentials>,
    asked: &Asked,
    (path, timeout): (&str, Duration),
) -> Result<Secret, String> {
    let who = origin(&endpoint.url);
    let mut url = Url::parse(&asked.realm)
        .map_err(|_| format!("{who} names no address that gives out tokens"))?;
    if !endpoint.gives_tokens(&url) {
        return Err(format!(
            "{who} wants a token from {}, which is another host; if that is right, name it in `providers.registry.token_url`",
            origin(&url)
        ));
    }
    let scope = format!("repository:{path}:pull");
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &asked.service {
            query.append_pair("service", service);
        }
        // Not what the registry names: it could ask for more than to read.
        query.append_pair("scope", &scope);
    }
    let mut headers = HeaderMap::new();
    let mut secrets = Vec::new();
    if let Some(Credentials { username, password }) = credentials {
        let pair = basic(username, password);
        let value = sensitive(&format!("Basic {}", pair.expose()), "Authorization")?;
        headers.insert(AUTHORIZATION, value);
        secrets.extend([pair, username.clone(), password.clone()]);
    }
    let question = Question {
        method: Method::GET,
        url: url.clone(),
        headers,
        body: String::new(),
        timeout,
        secrets: &secrets.iter().collect::<Vec<_>>(),
        complaint: |_| None,
    };
    let answer = json_api::ask_for_secret(client, clock, question).await?;
    let token = ["token", "access_token"]
        .into_iter()
        .find_map(|key| answer.get(key).and_then(Value::as_str))
        .filter(|token| !token.is_empty());
    token
        .map(Secret::new)
        .ok_or_else(|| format!("{} answered without a token", origin(&url)))
}
