//! Microsoft Teams: adaptive cards, posted to a workflow that takes webhook requests.
//!
//! Rules: <https://learn.microsoft.com/adaptive-cards/schema-explorer/adaptive-card>,
//! <https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features>.

use serde_json::{Value, json};

use super::Notice;

/// Makes the message of a notice.
///
/// A `TextBlock` reads Markdown, so nothing but our own headline stands in one: all text from outside
/// is in the runs of `RichTextBlock`s, which read none. Nobody is mentioned: that needs an entity,
/// and the card has none.
pub(super) fn message(notice: &Notice) -> Value {
    let mut body = vec![json!({
        "type": "TextBlock",
        "text": notice.headline,
        "size": "Large",
        "weight": "Bolder",
        "wrap": true,
    })];
    let facts = notice.facts();
    body.extend(facts.iter().map(|(label, value)| rich(label, value)));
    for (label, text) in notice.paragraphs() {
        let mut lines = text.lines();
        body.push(rich(label, lines.next().unwrap_or_default()));
        body.extend(lines.map(|line| rich("", line)));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    if let Some(url) = notice.pipeline() {
        let open = json!({"type": "Action.OpenUrl", "title": "Pipeline run", "url": url.as_str()});
        card["actions"] = json!([open]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

/// A line with a label in bold, if it has one.
fn rich(label: &str, text: &str) -> Value {
    let text = json!({"type": "TextRun", "text": text});
    let inlines = match label {
        "" => vec![text],
        label => {
            let label = format!("{label}: ");
            vec![
                json!({"type": "TextRun", "text": label, "weight": "Bolder"}),
                text,
            ]
        }
    };
    json!({"type": "RichTextBlock", "inlines": inlines})
}
