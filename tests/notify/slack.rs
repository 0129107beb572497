//! What Slack is told of an override, and that only its acknowledgement counts as told.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use shipgate::{
    event::OverrideUse,
    notify::slack::{override_message, send},
    secret::Secret,
};

use crate::{
    fault_clock::clock_for,
    faults::{TOKEN, client, faults, now},
    server::{Behaviour, Server, answer, nobody},
};

/// The part of the webhook's address that nobody may see; holds [`TOKEN`].
const SECRET_PATH: &str = "services/T000/B000/hunter2-token";

fn used() -> OverrideUse {
    OverrideUse {
        at: now(),
        action: "deploy".to_owned(),
        service: "advertisements".to_owned(),
        version: "1.1".to_owned(),
        environment: "production".to_owned(),
        ids: vec!["5f70bf18".repeat(8)],
        rules: vec!["blocked-date".to_owned(), "blocked-traffic".to_owned()],
        ticket: "INC-4711".to_owned(),
        reason: "checkout fails since 02:10; 1.1 puts the old client back".to_owned(),
        approvers: vec!["alice@example.com".to_owned()],
        until: now() + Duration::from_secs(3_600),
        actor: Some("github:bob".to_owned()),
        pipeline: Some("https://github.example/shop/ads/actions/runs/42?a=1&b=2".to_owned()),
        policy: "policies/production.yaml@0123abcd 9f86d081".to_owned(),
    }
}

#[test]
fn the_announcement_says_who_what_why_and_until_when() {
    let text = serde_json::to_string_pretty(&override_message(&used())).unwrap();
    insta::assert_snapshot!(text, @r#"
    {
      "text": "Emergency override in use: deploy advertisements 1.1 to production (INC-4711)",
      "mrkdwn": false,
      "unfurl_links": false,
      "unfurl_media": false,
      "blocks": [
        {
          "type": "header",
          "text": {
            "type": "plain_text",
            "text": "Emergency override in use",
            "emoji": false
          }
        },
        {
          "type": "section",
          "fields": [
            {
              "type": "plain_text",
              "text": "Service\nadvertisements",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Environment\nproduction",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Version\n1.1",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Rules overridden\nblocked-date, blocked-traffic",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Ticket\nINC-4711",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Approved by\nalice@example.com",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Used by\ngithub:bob",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Good until\n2026-01-05T13:00:00Z",
              "emoji": false
            }
          ]
        },
        {
          "type": "section",
          "text": {
            "type": "plain_text",
            "text": "Reason\ncheckout fails since 02:10; 1.1 puts the old client back",
            "emoji": false
          }
        },
        {
          "type": "context",
          "elements": [
            {
              "type": "mrkdwn",
              "text": "<https://github.example/shop/ads/actions/runs/42?a=1&amp;b=2|pipeline run>",
              "verbatim": true
            }
          ]
        }
      ]
    }
    "#);
}

#[test]
fn nothing_that_somebody_wrote_is_markup() {
    let mut used = used();
    used.reason =
        "<!here> <https://evil.example|click> *bold* `code` & \u{202e}txet\n@channel".into();
    used.ticket = "<!channel>".into();
    used.approvers = vec!["x".repeat(9_000)];
    used.pipeline = Some("javascript:alert(1)".to_owned());
    let message = override_message(&used);
    insta::assert_snapshot!(message["text"].as_str().unwrap(), @"Emergency override in use: deploy advertisements 1.1 to production (&lt;!channel&gt;)");
    insta::assert_snapshot!(message["blocks"][2]["text"]["text"].as_str().unwrap(), @r"
    Reason
    &lt;!here&gt; &lt;https://evil.example|click&gt; *bold* `code` &amp;  txet @channel
    ");
    assert_eq!(message["blocks"].as_array().unwrap().len(), 3);
}

proptest! {
    /// Slack's limits for text objects hold, and no character that it parses is left, whatever is
    /// written into an override.
    #[test]
    fn every_text_object_is_plain_and_short_enough(text in ".{0,4000}") {
        let mut used = used();
        used.reason.clone_from(&text);
        used.ticket.clone_from(&text);
        used.approvers = vec![text.clone(); 3];
        used.rules = vec![text.clone(); 3];
        used.actor = Some(text.clone());
        used.pipeline = Some(format!("https://ci.example/{text}"));
        let message = override_message(&used);
        let mut texts = Vec::new();
        objects(&message, &mut texts);
        for (kind, text) in texts {
            let length = text.chars().count();
            prop_assert!((1..=2_000).contains(&length), "{length} characters");
            let body = match kind {
                "mrkdwn" => text.strip_prefix('<').unwrap().strip_suffix("|pipeline run>").unwrap(),
                _ => text,
            };
            prop_assert!(!body.contains(['<', '>']), "{body}");
            for (at, _) in body.match_indices('&') {
                let rest = &body[at..];
                let known = ["&amp;", "&lt;", "&gt;"].iter().any(|entity| rest.starts_with(entity));
                prop_assert!(known, "{body}");
            }
        }
        let summary = message["text"].as_str().unwrap();
        prop_assert!(!summary.contains(['<', '>']), "{summary}");
    }
}

/// Collects the text objects of a message: kind and text.
fn objects<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    if let (Some(kind), Some(text)) = (value["type"].as_str(), value["text"].as_str()) {
        found.push((kind, text));
    }
    if let Some(list) = value.as_array() {
        list.iter().for_each(|value| objects(value, found));
    }
    if let Some(map) = value.as_object() {
        map.values().for_each(|value| objects(value, found));
    }
}

async fn sent(url: &str, behaviour: &Behaviour) -> String {
    let webhook = Secret::new(format!("{url}/{SECRET_PATH}"));
    let message = override_message(&used());
    let clock = clock_for(behaviour);
    let text = match send(&client(), &*clock, &webhook, &message).await {
        Ok(()) => "told".to_owned(),
        Err(reason) => reason,
    };
    assert!(!text.contains(TOKEN) && !text.contains("T000"), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

#[tokio::test]
async fn only_the_acknowledgement_counts() {
    let more = [
        ("ok", answer(200, "", "ok")),
        ("ok and a line end", answer(200, "", "ok\n")),
        ("ok with another status", answer(202, "", "ok")),
        ("no", answer(200, "", "no_text")),
        ("refused", answer(403, "", "action_prohibited")),
        ("gone", answer(404, "", "no_service")),
        ("gone for good", answer(410, "", "channel_is_archived")),
        (
            "hostile",
            answer(400, "", "##[add-mask]allowed\n::error::x"),
        ),
        ("its own address", answer(400, "", SECRET_PATH)),
    ];
    let mut lines = Vec::new();
    for (name, behaviour) in faults("ok").into_iter().chain(more) {
        let server = Server::always(behaviour.clone());
        let text = sent(&server.url, &behaviour).await;
        let asked = server.requests().len();
        let times = if asked == 1 {
            String::new()
        } else {
            format!(" ({asked} times)")
        };
        lines.push(format!("{name}: {text}{times}"));
    }
    let url = nobody();
    lines.push(format!(
        "nobody there: {}",
        sent(&url, &Behaviour::Close).await
    ));
    for address in [
        "http://hooks.slack.example",
        "ftp://127.0.0.1",
        "hooks.slack.com",
        "http://169.254.169.254",
    ] {
        lines.push(format!(
            "{address}: {}",
            sent(address, &Behaviour::Close).await
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    closed: URL did not answer: connection closed before message completed (3 times)
    hanging: URL did not answer within 10s
    dripping: URL did not answer within 10s
    endless: URL answered with status 200, but did not say `ok`
    endless headers: URL did not answer: message head is too large (3 times)
    cut off: URL did not answer: connection closed before message completed (3 times)
    broken chunks: URL did not answer: the answer broke off: Invalid chunk size line: missing size digit (3 times)
    not HTTP: URL did not answer: invalid HTTP version parsed (3 times)
    301: URL answered with status 301 (ok): redirects are not followed, so the address must be the final one
    302: URL answered with status 302 (ok): redirects are not followed, so the address must be the final one
    307: URL answered with status 307 (ok): redirects are not followed, so the address must be the final one
    401: URL answered with status 401
    403: URL answered with status 403 (ok): is the webhook still there, and its channel?
    404: URL answered with status 404: is the webhook still there, and its channel?
    429: URL answered with status 429 (ok) (3 times)
    500: URL answered with status 500 (ok)
    502: URL answered with status 502 (ok) (3 times)
    503: URL answered with status 503 (ok)
    504: URL answered with status 504 (ok) (3 times)
    204: URL answered with status 204
    206: URL answered with status 206 (ok)
    empty: URL answered with status 200, but did not say `ok`
    null: URL answered with status 200 (null), but did not say `ok`
    a list: URL answered with status 200, but did not say `ok`
    a text: URL answered with status 200, but did not say `ok`
    HTML: URL answered with status 200, but did not say `ok`
    half of a JSON text: URL answered with status 200 (o), but did not say `ok`
    two JSON texts: URL answered with status 200 (okok), but did not say `ok`
    deep: URL answered with status 200, but did not say `ok`
    large: URL answered with status 200, but did not say `ok`
    a bomb: URL answered with status 200, but did not say `ok`
    no gzip: URL did not answer: the answer broke off: Invalid gzip header (3 times)
    not UTF-8: URL answered with status 200, but did not say `ok`
    ok: told
    ok and a line end: told
    ok with another status: URL answered with status 202 (ok)
    no: URL answered with status 200 (no_text), but did not say `ok`
    refused: URL answered with status 403 (action_prohibited): is the webhook still there, and its channel?
    gone: URL answered with status 404 (no_service): is the webhook still there, and its channel?
    gone for good: URL answered with status 410 (channel_is_archived): is the webhook still there, and its channel?
    hostile: URL answered with status 400
    its own address: URL answered with status 400
    nobody there: URL did not answer: tcp connect error: Connection refused
    http://hooks.slack.example: the webhook's address does not begin with https://
    ftp://127.0.0.1: the webhook's address does not begin with https://
    hooks.slack.com: the webhook's address is none: relative URL without a base
    http://169.254.169.254: the webhook's address does not begin with https://
    ");
}

#[tokio::test]
async fn a_server_that_asks_for_patience_is_asked_again() {
    let server = Server::with(|number, _| match number {
        0 => answer(429, "retry-after: 3\r\n", "rate_limited"),
        1 => answer(503, "", ""),
        _ => answer(200, "", "ok"),
    });
    assert_eq!(sent(&server.url, &Behaviour::Close).await, "told");
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    let (head, body) = requests[2].split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(
        head.starts_with("post /services/t000/b000/hunter2-token http/1.1"),
        "{head}"
    );
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        override_message(&used())
    );
}
