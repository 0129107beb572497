//! One question to NerdGraph, New Relic's GraphQL: several NRQL queries at once, each under a name.

use std::{fmt::Write, time::Duration};

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::{Map, Value, json};

use super::{Endpoint, Useless};
use crate::{
    clock::Clock,
    probe::{
        Client,
        json_api::{self, Question, below, sensitive},
        text::{excerpt, origin},
    },
};

/// Asks NRQL queries, side by side at the server, and returns what each answered: `results` and
/// `metadata`. All of them or none
/// (<https://docs.newrelic.com/docs/apis/nerdgraph/examples/nerdgraph-nrql-tutorial/>).
///
/// # Errors
/// No answer, an error in it although its status is 200, another shape.
pub(super) async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    queries: &[String],
    timeout: Duration,
) -> Result<Vec<Value>, Useless> {
    let key = &endpoint.api_key;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let value = sensitive(key.expose(), "API-Key").map_err(Useless::Unavailable)?;
    headers.insert("api-key", value);
    let question = Question {
        method: Method::POST,
        url: below(&endpoint.url, "/graphql"),
        headers,
        body: body(endpoint.account, queries, timeout).to_string(),
        timeout,
        secrets: &[key],
        complaint,
    };
    let answer = json_api::ask(client, clock, question).await;
    let answer = answer.map_err(Useless::Unavailable)?;
    let who = origin(&endpoint.url);
    // GraphQL tells of errors beside data, with status 200: what else is there is a part of it.
    if answer.get("errors").is_some_and(|errors| !errors.is_null()) {
        let told = complaint(&answer).unwrap_or_else(|| "errors without a message".to_owned());
        let reason = format!("{who} refused the query: {}", excerpt(&told));
        return Err(Useless::Unavailable(reason));
    }
    let account = answer.pointer("/data/actor/account");
    let answers = (0..queries.len()).map(|number| {
        let found = account?.get(name(number))?;
        found.is_object().then(|| found.clone())
    });
    answers.collect::<Option<Vec<Value>>>().ok_or_else(|| {
        Useless::Unavailable(format!(
            "{who} answered with something that is no result of a query"
        ))
    })
}

fn name(number: usize) -> String {
    format!("q{number}")
}

/// The queries travel as variables: nothing in them can become a part of the GraphQL around them.
fn body(account: u32, queries: &[String], timeout: Duration) -> Value {
    let mut declared = String::new();
    let mut fields = String::new();
    let mut variables = Map::from_iter([("account".to_owned(), Value::from(account))]);
    // New Relic takes no longer ones.
    let seconds = timeout.as_secs().clamp(1, 70);
    for (number, query) in queries.iter().enumerate() {
        let name = name(number);
        // Writing to a text cannot fail.
        let _ = write!(declared, ", ${name}: Nrql!");
        let _ = write!(
            fields,
            " {name}: nrql(query: ${name}, timeout: {seconds}) {{ results metadata {{ timeWindow {{ begin end }} }} }}"
        );
        variables.insert(name, Value::from(query.as_str()));
    }
    let query = format!(
        "query($account: Int!{declared}) {{ actor {{ account(id: $account) {{{fields} }} }} }}"
    );
    json!({"query": query, "variables": variables})
}

fn complaint(document: &Value) -> Option<String> {
    let errors = document.get("errors")?;
    let first = errors.as_array().and_then(|errors| errors.first());
    let message = first.unwrap_or(errors).get("message")?.as_str()?;
    Some(message.to_owned())
}
