//! One place that takes notices: its address, its secrets, what it is told and in which words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Notice, TIMEOUT, generic, pagerduty, slack, teams};
use crate::{
    clock::Clock,
    config::notification::{
        MessageTemplate, Notification, NotificationEvent, PagerDutyRegion, Taker,
    },
    probe::{
        Client, is_harmless,
        webhook::{self, WebhookAnswer},
    },
    secret::Secret,
};

/// Most characters of a text of the configuration's own.
const LONGEST_TEXT: usize = 2_000;
/// Length of the key of an integration of PagerDuty.
const ROUTING_KEY: usize = 32;

/// One place that takes notices.
#[derive(Debug)]
pub struct Channel {
    name: String,
    kind: &'static str,
    address: Address,
    on: BTreeSet<NotificationEvent>,
    texts: BTreeMap<NotificationEvent, MessageTemplate>,
}

#[derive(Debug)]
enum Address {
    Slack(Secret),
    Teams(Secret),
    PagerDuty { base: Secret, key: Secret },
    Webhook { url: Secret, key: Option<Secret> },
}

impl Channel {
    /// Finds the secrets that a configured target names.
    ///
    /// # Errors
    /// A variable is not set, or holds something that cannot be a key. The reason is a clause.
    pub fn open(
        name: &str,
        notification: &Notification,
        secrets: &dyn Fn(&str) -> Option<Secret>,
    ) -> Result<Self, String> {
        let find = |variable: &String| {
            let found = secrets(variable).filter(|secret| !secret.is_empty());
            found.ok_or_else(|| format!("the variable {variable} is not set"))
        };
        let address = match &notification.taker {
            Taker::Slack { url_env } => Address::Slack(find(url_env)?),
            Taker::Teams { url_env } => Address::Teams(find(url_env)?),
            Taker::Webhook {
                url_env,
                secret_env,
            } => Address::Webhook {
                url: find(url_env)?,
                key: secret_env.as_ref().map(find).transpose()?,
            },
            Taker::PagerDuty {
                routing_key_env,
                region,
                url_env,
            } => {
                let key = find(routing_key_env)?;
                let is_key = key.expose().len() == ROUTING_KEY
                    && key
                        .expose()
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric());
                if !is_key {
                    // Whatever else is in the variable is nobody's business, PagerDuty's least of all.
                    return Err(format!(
                        "{routing_key_env} holds no key of an integration, expected {ROUTING_KEY} letters and digits"
                    ));
                }
                let usual = match region {
                    PagerDutyRegion::Us => "https://events.pagerduty.com",
                    PagerDutyRegion::Eu => "https://events.eu.pagerduty.com",
                };
                let base = url_env.as_ref().map(find).transpose()?;
                Address::PagerDuty {
                    base: base.unwrap_or_else(|| Secret::new(usual)),
                    key,
                }
            }
        };
        Ok(Self {
            name: name.to_owned(),
            kind: notification.taker.name(),
            address,
            on: notification.on.clone(),
            texts: notification.texts.clone(),
        })
    }

    /// Returns it as people know it: `` `deploys` (Slack) ``.
    pub fn shown(&self) -> String {
        format!("`{}` ({})", self.name, self.kind)
    }

    /// Is it told of this event? PagerDuty is told of every good end, which resolves what is open.
    pub fn wants(&self, event: NotificationEvent) -> bool {
        let resolves =
            matches!(self.address, Address::PagerDuty { .. }) && event == NotificationEvent::Done;
        self.on.contains(&event) || resolves
    }

    /// Sends a notice in the form and the words of this place, within [`TIMEOUT`] a message.
    ///
    /// # Errors
    /// No acknowledgement; the reason is a clause with no more of the address than its origin.
    pub async fn send(
        &self,
        client: &Client,
        clock: &dyn Clock,
        notice: &Notice,
    ) -> Result<(), String> {
        let notice = self.worded(notice)?;
        match &self.address {
            Address::Slack(url) => slack::send(client, clock, url, &slack::message(&notice)).await,
            Address::Teams(url) => {
                // That it was taken is not yet that it is shown: the workflow may still fail.
                post(client, clock, url, &teams::message(&notice), None).await
            }
            Address::Webhook { url, key } => {
                let message = generic::message(&notice);
                post(client, clock, url, &message, key.as_ref()).await
            }
            Address::PagerDuty { base, key } => {
                let is_wanted = self.on.contains(&notice.event);
                for (kind, message) in pagerduty::messages(&notice, key, is_wanted) {
                    let base = base.expose().trim().trim_end_matches('/');
                    let url = Secret::new(format!("{base}{}", kind.path()));
                    post(client, clock, &url, &message, None).await?;
                }
                Ok(())
            }
        }
    }

    /// Puts the configuration's own text in, where there is one.
    fn worded(&self, notice: &Notice) -> Result<Notice, String> {
        let mut notice = notice.clone();
        if let Some(template) = self.texts.get(&notice.event) {
            let text = template.render(&notice.values())?;
            let harmless = |character: &char| *character == '\n' || is_harmless(*character);
            let text: String = text.chars().filter(harmless).take(LONGEST_TEXT).collect();
            // Chats refuse a text of nothing, and then the usual one says more anyway.
            notice.text = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        Ok(notice)
    }
}

/// Posts a message. Any status of success will do: Teams documents none, PagerDuty 202.
async fn post(
    client: &Client,
    clock: &dyn Clock,
    url: &Secret,
    message: &Value,
    key: Option<&Secret>,
) -> Result<(), String> {
    let text = message.to_string();
    let answer = webhook::post_signed(client, clock, url, text, key, TIMEOUT).await?;
    let WebhookAnswer { origin, status, .. } = answer;
    let hint = match status {
        200..=299 => return Ok(()),
        300..=399 => ": redirects are not followed, so the address must be the final one",
        _ => "",
    };
    Err(format!("{origin} answered with status {status}{hint}"))
}
