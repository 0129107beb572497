//! Alertmanager: which alerts are firing that nobody has silenced?

use std::time::Duration;

use futures_util::future::join;
use reqwest::{Method, Url, header::AUTHORIZATION, header::HeaderMap};
use serde_json::Value;

use super::{
    CheckReading, Client,
    json_api::{self, Question, below, sensitive},
    text::{excerpt, origin},
};
use crate::{clock::Clock, secret::Secret};

/// How many alerts are named.
const NAMED: usize = 3;

/// Where an Alertmanager is.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Base address; `/api/v2/alerts` is added to its path.
    pub url: Url,
    /// Bearer token, if it asks for one.
    pub token: Option<Secret>,
}

/// Which alerts are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertQuestion {
    /// Which alerts count, all together: `service="shop"`, as Alertmanager writes them.
    pub matchers: Vec<String>,
    /// Matches an alert that always fires; where it does not, silence is no answer.
    pub watchdog: Option<String>,
}

/// Asks for alerts that match all matchers, are firing, and neither silenced nor inhibited
/// (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).
pub async fn firing(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    question: &AlertQuestion,
    timeout: Duration,
) -> CheckReading {
    let AlertQuestion { matchers, watchdog } = question;
    let hears = async {
        let Some(watchdog) = watchdog else {
            return Ok(true);
        };
        let watchdog = std::slice::from_ref(watchdog);
        let found = ask(client, clock, endpoint, watchdog, Muted::Too, timeout).await?;
        Ok::<_, String>(!found.is_empty())
    };
    let firing = ask(client, clock, endpoint, matchers, Muted::Not, timeout);
    let (hears, firing) = join(hears, firing).await;
    match hears.and_then(|hears| Ok((hears, firing?))) {
        Err(reason) => CheckReading::Unanswered(reason),
        Ok((false, names)) if names.is_empty() => CheckReading::Unanswered(format!(
            "{} hears nothing: the alert that always fires does not",
            origin(&endpoint.url)
        )),
        Ok((_, names)) if names.is_empty() => CheckReading::Passed("no alert is firing".to_owned()),
        Ok((_, mut names)) => {
            names.sort();
            let count = names.len();
            let shown: Vec<String> = names.iter().take(NAMED).map(|name| excerpt(name)).collect();
            let more = if count > NAMED { ", …" } else { "" };
            let are = if count == 1 { "alert is" } else { "alerts are" };
            CheckReading::Failed(format!("{count} {are} firing: {}{more}", shown.join(", ")))
        }
    }
}

/// Do alerts count that somebody silenced, or that another one inhibits?
#[derive(Clone, Copy)]
enum Muted {
    Too,
    Not,
}

async fn ask(
    client: &Client,
    clock: &dyn Clock,
    endpoint: &Endpoint,
    matchers: &[String],
    muted: Muted,
    timeout: Duration,
) -> Result<Vec<String>, String> {
    let mut url = below(&endpoint.url, "/api/v2/alerts");
    let muted = match muted {
        Muted::Too => "true",
        Muted::Not => "false",
    };
    url.query_pairs_mut()
        .append_pair("active", "true")
        .append_pair("silenced", muted)
        .append_pair("inhibited", muted)
        .append_pair("unprocessed", "false")
        .extend_pairs(matchers.iter().map(|matcher| ("filter", matcher)));
    let mut headers = HeaderMap::new();
    if let Some(token) = &endpoint.token {
        let value = sensitive(&format!("Bearer {}", token.expose()), "Authorization")?;
        headers.insert(AUTHORIZATION, value);
    }
    let secrets: Vec<&Secret> = endpoint.token.iter().collect();
    let question = Question {
        method: Method::GET,
        url,
        headers,
        body: String::new(),
        timeout,
        secrets: &secrets,
        complaint: |document| document.as_str().map(str::to_owned),
    };
    let answer = json_api::ask_for_ok(client, clock, question).await?;
    let odd = || {
        format!(
            "{} answered with something that is no list of alerts",
            origin(&endpoint.url)
        )
    };
    let alerts = answer.as_array().ok_or_else(odd)?;
    let name = |alert: &Value| {
        let labels = alert.get("labels")?.as_object()?;
        Some(match labels.get("alertname").and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None => "an alert without a name".to_owned(),
        })
    };
    alerts
        .iter()
        .map(|alert| name(alert).ok_or_else(odd))
        .collect()
}
