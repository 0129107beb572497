//! Slack: messages of blocks, sent through an incoming webhook.
//!
//! Rules: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>,
//! <https://docs.slack.dev/messaging/formatting-message-text>,
//! <https://docs.slack.dev/reference/block-kit>.

use std::time::Duration;

use chrono::SecondsFormat;
use serde_json::{Value, json};

use crate::{
    clock::Clock,
    event::OverrideUse,
    probe::{Client, excerpt, webhook},
    secret::Secret,
};

/// How long sending may take, with every further try.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the message that announces the use of an override.
///
/// All text from outside stands in `plain_text` objects, where Slack reads no markup, and is
/// escaped all the same; each part of it is one line of at most 200 characters. The one link is to
/// the pipeline.
pub fn override_message(used: &OverrideUse) -> Value {
    let OverrideUse {
        action,
        service,
        version,
        environment,
        ..
    } = used;
    let actor = used.actor.as_deref().unwrap_or("not known");
    let until = used.until.to_rfc3339_opts(SecondsFormat::Secs, true);
    // A section holds at most ten fields.
    let fields = [
        ("Service", service.clone()),
        ("Environment", environment.clone()),
        ("Version", version.clone()),
        ("Rules overridden", used.rules.join(", ")),
        ("Ticket", used.ticket.clone()),
        ("Approved by", used.approvers.join(", ")),
        ("Used by", actor.to_owned()),
        ("Good until", until),
    ];
    let fields: Vec<Value> = fields
        .iter()
        .map(|(label, value)| plain(&format!("{label}\n{}", escaped(value))))
        .collect();
    let reason = escaped(&used.reason);
    let mut blocks = vec![
        json!({"type": "header", "text": plain("Emergency override in use")}),
        json!({"type": "section", "fields": fields}),
        json!({"type": "section", "text": plain(&format!("Reason\n{reason}"))}),
    ];
    if let Some(link) = used.pipeline.as_deref().and_then(link) {
        let text = json!({"type": "mrkdwn", "text": link, "verbatim": true});
        blocks.push(json!({"type": "context", "elements": [text]}));
    }
    let summary = format!(
        "Emergency override in use: {action} {service} {version} to {environment} ({})",
        used.ticket
    );
    json!({
        // What notifications show; Slack shows the blocks instead of it.
        "text": escaped(&summary),
        "mrkdwn": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
}

/// Sends a message; within [`TIMEOUT`] a server that asks for patience is asked again.
///
/// # Errors
/// Anything but the one documented acknowledgement, status 200 with the body `ok`. The reason is a
/// clause without the webhook's address, which is a secret.
pub async fn send(
    client: &Client,
    clock: &dyn Clock,
    webhook: &Secret,
    message: &Value,
) -> Result<(), String> {
    let answer = webhook::post_json(client, clock, webhook, message.to_string(), TIMEOUT).await?;
    let body = answer.body.trim();
    if answer.status == 200 && body == "ok" {
        return Ok(());
    }
    let word = if is_error_word(body) {
        format!(" ({body})")
    } else {
        String::new()
    };
    let status = answer.status;
    let hint = match status {
        200 => ", but did not say `ok`",
        300..=399 => ": redirects are not followed, so the address must be the final one",
        403 | 404 | 410 => ": is the webhook still there, and its channel?",
        _ => "",
    };
    Err(format!(
        "{} answered with status {status}{word}{hint}",
        answer.origin
    ))
}

/// Slack names its errors with words such as `channel_is_archived`; nothing else is shown.
fn is_error_word(body: &str) -> bool {
    (1..=40).contains(&body.len())
        && body
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// A text object in which nothing is markup; `text` is escaped already.
fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

/// One short line in which nothing is a control character of Slack's: `&`, `<` and `>` are all there are.
fn escaped(text: &str) -> String {
    let line = excerpt(text);
    if line.is_empty() {
        // Slack refuses an empty text object.
        return "–".to_owned();
    }
    line.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Makes a link of an address that is one: `<address|pipeline run>`.
fn link(address: &str) -> Option<String> {
    let url: reqwest::Url = address.parse().ok()?;
    let web = matches!(url.scheme(), "https" | "http");
    if !web || url.as_str().len() > 1_000 || !url.username().is_empty() || url.password().is_some()
    {
        return None;
    }
    let target = url
        .as_str()
        .replace('&', "&amp;")
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace('|', "%7C");
    Some(format!("<{target}|pipeline run>"))
}
