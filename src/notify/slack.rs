//! Slack: messages of blocks, sent through an incoming webhook.
//!
//! Rules: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>,
//! <https://docs.slack.dev/messaging/formatting-message-text>,
//! <https://docs.slack.dev/reference/block-kit>.

use serde_json::{Value, json};

use super::{Notice, TIMEOUT};
use crate::{
    clock::Clock,
    event::OverrideUse,
    probe::{Client, line, webhook},
    secret::Secret,
};

/// Most characters of a field and of the line that phones show.
const FIELD: usize = 200;
/// Most characters of a paragraph. Escaped, each can become five; a section takes 3,000.
const PARAGRAPH: usize = 380;

/// Makes the message that announces the use of an override.
pub fn override_message(used: &OverrideUse) -> Value {
    message(&Notice::of_override(used))
}

/// Makes the message of a notice.
///
/// All text from outside stands in `plain_text` objects, where Slack reads no markup, and is
/// escaped all the same; each part of it is short. The one link is to the pipeline.
pub fn message(notice: &Notice) -> Value {
    // A section holds at most ten fields.
    let fields: Vec<Value> = notice
        .facts()
        .iter()
        .map(|(label, value)| plain(&format!("{label}\n{}", escaped(value, FIELD))))
        .collect();
    let mut blocks = vec![
        json!({"type": "header", "text": plain(&notice.headline)}),
        json!({"type": "section", "fields": fields}),
    ];
    blocks.extend(notice.paragraphs().iter().map(|(label, text)| {
        let text = match *label {
            "" => escaped_lines(text),
            label => format!("{label}\n{}", escaped(text, PARAGRAPH)),
        };
        json!({"type": "section", "text": plain(&text)})
    }));
    if let Some(link) = link(notice) {
        let text = json!({"type": "mrkdwn", "text": link, "verbatim": true});
        blocks.push(json!({"type": "context", "elements": [text]}));
    }
    json!({
        // What notifications show; Slack shows the blocks instead of it.
        "text": escaped(&notice.summary(), FIELD),
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

/// One line in which nothing is a control character of Slack's: `&`, `<` and `>` are all there are.
fn escaped(text: &str, longest: usize) -> String {
    let line = line(text, longest);
    if line.is_empty() {
        // Slack refuses an empty text object.
        return "–".to_owned();
    }
    line.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// As [`escaped`], for a text of several lines: together they are no longer than a paragraph.
fn escaped_lines(text: &str) -> String {
    let mut left = PARAGRAPH;
    let mut lines = Vec::new();
    for line in text.lines() {
        if left == 0 {
            break;
        }
        lines.push(escaped(line, left));
        left = left.saturating_sub(line.chars().count() + 1);
    }
    lines.join("\n")
}

/// Makes a link to the pipeline run: `<address|pipeline run>`.
fn link(notice: &Notice) -> Option<String> {
    let url = notice.pipeline()?;
    let target = url
        .as_str()
        .replace('&', "&amp;")
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace('|', "%7C");
    Some(format!("<{target}|pipeline run>"))
}
