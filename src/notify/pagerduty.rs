//! PagerDuty: alerts that a later good end resolves, and change events, which page nobody.
//!
//! Rules: <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>,
//! <https://developer.pagerduty.com/docs/events-api-v2/send-change-events/>.

use serde_json::{Value, json};

use super::{Notice, notice::About};
use crate::{config::notification::NotificationEvent, probe::line, secret::Secret};

/// Most characters of a summary.
const SUMMARY: usize = 1_024;
/// Most characters of the key that joins what belongs to the same alert, and of its source.
const NAME: usize = 255;

/// Where a message belongs, below the address of the Events API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens or resolves an alert.
    Alert,
    /// Tells of a change.
    Change,
}

impl Kind {
    /// Returns the path.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Alert => "/v2/enqueue",
            Self::Change => "/v2/change/enqueue",
        }
    }
}

/// Makes the messages of a notice. A good end resolves whatever an earlier run of the service in the
/// environment has opened, and is a change event where that `is_wanted`; all else opens an alert.
pub(super) fn messages(notice: &Notice, key: &Secret, is_wanted: bool) -> Vec<(Kind, Value)> {
    let alert = |action: &str| {
        json!({
            "routing_key": key.expose(),
            "event_action": action,
            "dedup_key": dedup_key(&notice.about),
        })
    };
    if notice.event != NotificationEvent::Done {
        let mut message = alert("trigger");
        let About {
            service,
            environment,
            ..
        } = &notice.about;
        let mut payload = payload(notice);
        payload["severity"] = json!(severity(notice.event));
        payload["component"] = json!(service);
        payload["group"] = json!(environment);
        payload["class"] = json!(notice.event.word());
        message["payload"] = payload;
        message["links"] = links(notice);
        message["client"] = json!("shipgate");
        return vec![(Kind::Alert, message)];
    }
    let mut messages = vec![(Kind::Alert, alert("resolve"))];
    if is_wanted {
        let change = json!({
            "routing_key": key.expose(),
            "payload": payload(notice),
            "links": links(notice),
        });
        messages.push((Kind::Change, change));
    }
    messages
}

/// Names service and environment: what one run has opened, the next one can resolve.
fn dedup_key(about: &About) -> String {
    let key = format!("shipgate/{}/{}", about.service, about.environment);
    key.chars().take(NAME).collect()
}

fn payload(notice: &Notice) -> Value {
    let About {
        service,
        environment,
        ..
    } = &notice.about;
    let mut details = serde_json::Map::new();
    for (label, text) in notice.facts().into_iter().chain(notice.paragraphs()) {
        let label = if label.is_empty() { "Text" } else { label };
        details.insert(label.to_owned(), Value::String(text));
    }
    json!({
        // One character stands for what was cut off.
        "summary": line(&notice.summary(), SUMMARY - 1),
        "source": line(&format!("{environment}/{service}"), NAME - 1),
        "timestamp": notice.time(),
        "custom_details": details,
    })
}

fn links(notice: &Notice) -> Value {
    let link = |url: reqwest::Url| json!({"href": url.as_str(), "text": "pipeline run"});
    notice.pipeline().map(link).into_iter().collect()
}

fn severity(event: NotificationEvent) -> &'static str {
    match event {
        NotificationEvent::RollbackFailed => "critical",
        NotificationEvent::Held => "error",
        NotificationEvent::RolledBack | NotificationEvent::Override | NotificationEvent::Failed => {
            "warning"
        }
        NotificationEvent::Started
        | NotificationEvent::Step
        | NotificationEvent::Blocked
        | NotificationEvent::Done => "info",
    }
}
