//! The form that each place wants, and that nothing that somebody wrote is more than text in it.

use proptest::prelude::*;
use serde_json::Value;
use shipgate::{
    clock::{Clock, ManualClock},
    config::notification::{
        MessageTemplate, Notification, NotificationEvent, PagerDutyRegion, Taker,
    },
    event::{Deployment, Ending, Outcome},
    notify::{About, Channel, Notice},
    secret::Secret,
};

use crate::{
    fault_clock::clock_for,
    faults::{client, faults, now},
    server::{Behaviour, Server, answer, nobody},
};

const KEY: &str = "0123456789abcdefghijklmnopqrstuv";

fn about() -> About {
    About {
        service: "advertisements".to_owned(),
        environment: "production".to_owned(),
        version: Some("1.1".to_owned()),
        actor: Some("github:bob".to_owned()),
        pipeline: Some("https://github.example/shop/ads/actions/runs/42?a=1&b=2".to_owned()),
    }
}

fn ended(event: NotificationEvent, ending: Ending, reason: &str, about: &About) -> Notice {
    let mut outcome = Outcome::new(ending, reason);
    outcome.deployment = Some(Deployment {
        run: "advertisements-abcdef".to_owned(),
        previous_version: Some("1.0".to_owned()),
        ..Deployment::default()
    });
    Notice::of_end(event, now(), about, &outcome)
}

fn rolled_back() -> Notice {
    ended(
        NotificationEvent::RolledBack,
        Ending::RolledBack,
        "error rate 8.1 % is above 2 %; 1.0 is back and live",
        &about(),
    )
}

fn taker(kind: &str) -> Taker {
    let url_env = "URL".to_owned();
    match kind {
        "slack" => Taker::Slack { url_env },
        "teams" => Taker::Teams { url_env },
        "webhook" => Taker::Webhook {
            url_env,
            secret_env: Some("HOOK_KEY".to_owned()),
        },
        _ => Taker::PagerDuty {
            routing_key_env: "KEY".to_owned(),
            region: PagerDutyRegion::Us,
            url_env: Some(url_env),
        },
    }
}

/// Sends a notice to a place of a kind at an address; the reason where it was not acknowledged.
fn send(
    kind: &str,
    text: Option<&str>,
    notice: &Notice,
    url: &str,
    clock: &dyn Clock,
) -> Result<(), String> {
    let texts = text.map(|text| (notice.event, MessageTemplate::parse(text).unwrap()));
    let notification = Notification {
        taker: taker(kind),
        on: NotificationEvent::ALL.into_iter().collect(),
        services: None,
        environments: None,
        texts: texts.into_iter().collect(),
    };
    let secrets = |name: &str| {
        Some(Secret::new(match name {
            "URL" => format!("{url}/{kind}/hunter2"),
            "KEY" => KEY.to_owned(),
            _ => "hunter2".to_owned(),
        }))
    };
    let channel = Channel::open("deploys", &notification, &secrets).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(channel.send(&client(), clock, notice))
}

/// What a place of a kind is sent: each message's head and body.
fn sent(kind: &str, text: Option<&str>, notice: &Notice) -> Vec<(String, Value)> {
    let server = Server::always(answer(200, "", "ok"));
    let clock = ManualClock::at(now());
    send(kind, text, notice, &server.url, &clock).unwrap();
    let requests = server.requests();
    requests
        .iter()
        .map(|request| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            (head.to_owned(), serde_json::from_str(body).unwrap())
        })
        .collect()
}

fn only(kind: &str, notice: &Notice) -> Value {
    let mut all = sent(kind, None, notice);
    assert_eq!(all.len(), 1);
    all.remove(0).1
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn slack_gets_blocks() {
    insta::assert_snapshot!(pretty(&only("slack", &rolled_back())), @r#"
    {
      "text": "Rolled back: advertisements 1.1 in production: error rate 8.1 % is above 2 %; 1.0 is back and live",
      "mrkdwn": false,
      "unfurl_links": false,
      "unfurl_media": false,
      "blocks": [
        {
          "type": "header",
          "text": {
            "type": "plain_text",
            "text": "Rolled back",
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
              "text": "Version\n1.0 -&gt; 1.1",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Started by\ngithub:bob",
              "emoji": false
            },
            {
              "type": "plain_text",
              "text": "Exit code\n40 (rolled-back)",
              "emoji": false
            }
          ]
        },
        {
          "type": "section",
          "text": {
            "type": "plain_text",
            "text": "Reason\nerror rate 8.1 % is above 2 %; 1.0 is back and live",
            "emoji": false
          }
        },
        {
          "type": "section",
          "text": {
            "type": "plain_text",
            "text": "Next\nlook at the metrics named before trying this version again",
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
fn teams_gets_an_adaptive_card() {
    insta::assert_snapshot!(pretty(&only("teams", &rolled_back())), @r#"
    {
      "type": "message",
      "attachments": [
        {
          "contentType": "application/vnd.microsoft.card.adaptive",
          "contentUrl": null,
          "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [
              {
                "type": "TextBlock",
                "text": "Rolled back",
                "size": "Large",
                "weight": "Bolder",
                "wrap": true
              },
              {
                "type": "RichTextBlock",
                "inlines": [
                  {
                    "type": "TextRun",
                    "text": "Service: ",
                    "weight": "Bolder"
                  },
                  {
                    "type": "TextRun",
                    "text": "advertisements"
                  }
                ]
              },
              {
                "type": "RichTextBlock",
                "inlines": [
                  {
                    "type": "TextRun",
                    "text": "Environment: ",
                    "weight": "Bolder"
                  },
                  {
                    "type": "TextRun",
                    "text": "production"
                  }
                ]
              },
              {
                "type": "RichTextBlock",
                "inlines": [
                  {
                    "type": "TextRun",
                    "text": "Version: ",
                    "weight": "Bolder"
                  },
                  {
                    "type": "TextRun",
                    "text": "1.0 -> 1.1"
                  }
                ]
              },
              {
                "type": "RichTextBlock",
                "inlines": [
                  {
                    "type": "TextRun",
                    "text": "Started by: ",
                    "weight": "Bolder"
                  },
                  {
                    "type": "TextRun",
                    "text": "github:bob"
                  }
                ]
              },
              {
                "type": "RichTextBlock",
                "inlines": [
                  {
                    "type": "TextRun",
                    "text": "Exit code: ",
                    "weight": "Bolder"
                  },
                  {
                    "type": "TextRun",
                    "text": "40 (rolled-back)"
                  }
                ]
              },
              {
                "type": "RichTextBlock",
                "inlines": [
                  {
                    "type": "TextRun",
                    "text": "Reason: ",
                    "weight": "Bolder"
                  },
                  {
                    "type": "TextRun",
                    "text": "error rate 8.1 % is above 2 %; 1.0 is back and live"
                  }
                ]
              },
              {
                "type": "RichTextBlock",
                "inlines": [
                  {
                    "type": "TextRun",
                    "text": "Next: ",
                    "weight": "Bolder"
                  },
                  {
                    "type": "TextRun",
                    "text": "look at the metrics named before trying this version again"
                  }
                ]
              }
            ],
            "actions": [
              {
                "type": "Action.OpenUrl",
                "title": "Pipeline run",
                "url": "https://github.example/shop/ads/actions/runs/42?a=1&b=2"
              }
            ]
          }
        }
      ]
    }
    "#);
}

#[test]
fn a_webhook_gets_everything_and_a_signature() {
    let (head, body) = sent("webhook", None, &rolled_back()).remove(0);
    insta::assert_snapshot!(pretty(&body), @r#"
    {
      "version": 1,
      "event": "rolled-back",
      "time": "2026-01-05T12:00:00Z",
      "headline": "Rolled back",
      "summary": "Rolled back: advertisements 1.1 in production: error rate 8.1 % is above 2 %; 1.0 is back and live",
      "text": "Reason: error rate 8.1 % is above 2 %; 1.0 is back and live\nNext: look at the metrics named before trying this version again",
      "service": "advertisements",
      "environment": "production",
      "new_version": "1.1",
      "previous_version": "1.0",
      "run": "advertisements-abcdef",
      "actor": "github:bob",
      "pipeline": "https://github.example/shop/ads/actions/runs/42?a=1&b=2",
      "result": "rolled-back",
      "reason_code": "rolled-back",
      "exit_code": 40,
      "reason": "error rate 8.1 % is above 2 %; 1.0 is back and live",
      "next": [
        "look at the metrics named before trying this version again"
      ],
      "opens_at": null,
      "step": null,
      "override": null
    }
    "#);
    let signature = head
        .lines()
        .find_map(|line| line.strip_prefix("x-signature: sha256="))
        .unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"hunter2");
    let tag = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap());
    let tag: Vec<u8> = tag.collect();
    ring::hmac::verify(&key, body.to_string().as_bytes(), &tag).unwrap();
    let headers = head.split_once("\r\n").unwrap().1;
    assert!(!headers.contains("hunter2"), "{headers}");
}

/// The rules of the Events API v2 for an alert and for a change.
fn check_pagerduty(head: &str, body: &Value) -> String {
    assert_eq!(body["routing_key"], KEY);
    let text = |value: &Value, longest: usize| {
        let text = value.as_str().unwrap_or_else(|| panic!("{body}"));
        assert!((1..=longest).contains(&text.chars().count()), "{text}");
        text.to_owned()
    };
    let payload = &body["payload"];
    if head.starts_with("POST /pagerduty/hunter2/v2/change/enqueue ") {
        assert!(body["event_action"].is_null());
        return format!("change {}", text(&payload["summary"], 1_024));
    }
    assert!(
        head.starts_with("POST /pagerduty/hunter2/v2/enqueue "),
        "{head}"
    );
    let key = text(&body["dedup_key"], 255);
    match body["event_action"].as_str().unwrap() {
        "resolve" => format!("resolve {key}"),
        "trigger" => {
            let severity = text(&payload["severity"], 8);
            assert!(["critical", "error", "warning", "info"].contains(&severity.as_str()));
            text(&payload["source"], 255);
            let summary = text(&payload["summary"], 1_024);
            format!("trigger {key} {severity}: {summary}")
        }
        other => panic!("{other}"),
    }
}

#[test]
fn pagerduty_gets_alerts_that_a_good_end_resolves() {
    insta::assert_snapshot!(pretty(&only("pagerduty", &rolled_back())), @r#"
    {
      "routing_key": "0123456789abcdefghijklmnopqrstuv",
      "event_action": "trigger",
      "dedup_key": "shipgate/advertisements/production",
      "payload": {
        "summary": "Rolled back: advertisements 1.1 in production: error rate 8.1 % is above 2 %; 1.0 is back and live",
        "source": "production/advertisements",
        "timestamp": "2026-01-05T12:00:00Z",
        "custom_details": {
          "Service": "advertisements",
          "Environment": "production",
          "Version": "1.0 -> 1.1",
          "Started by": "github:bob",
          "Exit code": "40 (rolled-back)",
          "Reason": "error rate 8.1 % is above 2 %; 1.0 is back and live",
          "Next": "look at the metrics named before trying this version again"
        },
        "severity": "warning",
        "component": "advertisements",
        "group": "production",
        "class": "rolled-back"
      },
      "links": [
        {
          "href": "https://github.example/shop/ads/actions/runs/42?a=1&b=2",
          "text": "pipeline run"
        }
      ],
      "client": "shipgate"
    }
    "#);
    let rows = [
        (
            NotificationEvent::RollbackFailed,
            Ending::RollbackFailed,
            "the branch takes no push",
        ),
        (
            NotificationEvent::Held,
            Ending::Held,
            "two of three metrics have no value",
        ),
        (
            NotificationEvent::Failed,
            Ending::PushDenied,
            "the token has no right to push",
        ),
        (
            NotificationEvent::Done,
            Ending::Deployed,
            "1.1 is live and was judged good",
        ),
    ];
    let mut lines = Vec::new();
    for (event, ending, reason) in rows {
        let notice = ended(event, ending, reason, &about());
        let requests = sent("pagerduty", None, &notice);
        lines.extend(
            requests
                .iter()
                .map(|(head, body)| check_pagerduty(head, body)),
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    trigger shipgate/advertisements/production critical: Rollback failed: advertisements 1.1 in production: the branch takes no push
    trigger shipgate/advertisements/production error: Held: advertisements 1.1 in production: two of three metrics have no value
    trigger shipgate/advertisements/production warning: Error: advertisements 1.1 in production: the token has no right to push
    resolve shipgate/advertisements/production
    change Deployed: advertisements 1.1 in production: 1.1 is live and was judged good
    ");
}

#[test]
fn a_text_of_ones_own_stands_in_the_place_of_ours() {
    let text = "{{service}} {{previous_version}} <- {{version}}: {{reason}}\nAsk {{actor}}. {{opens or 'Open.'}}";
    let said = |kind: &str| sent(kind, Some(text), &rolled_back()).remove(0).1;
    let slack = said("slack");
    insta::assert_snapshot!(slack["text"].as_str().unwrap(), @"advertisements 1.0 &lt;- 1.1: error rate 8.1 % is above 2 %; 1.0 is back and live");
    insta::assert_snapshot!(slack["blocks"][2]["text"]["text"].as_str().unwrap(), @r"
    advertisements 1.0 &lt;- 1.1: error rate 8.1 % is above 2 %; 1.0 is back and live
    Ask github:bob. Open.
    ");
    let card = said("teams")["attachments"][0]["content"]["body"].clone();
    let runs: Vec<&Value> = card.as_array().unwrap().iter().rev().take(2).collect();
    insta::assert_snapshot!(serde_json::to_string(&runs).unwrap(), @r#"[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Ask github:bob. Open."}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"advertisements 1.0 <- 1.1: error rate 8.1 % is above 2 %; 1.0 is back and live"}]}]"#);
    insta::assert_snapshot!(said("webhook")["text"].as_str().unwrap(), @r"
    advertisements 1.0 <- 1.1: error rate 8.1 % is above 2 %; 1.0 is back and live
    Ask github:bob. Open.
    ");
    let (head, body) = sent("pagerduty", Some(text), &rolled_back()).remove(0);
    insta::assert_snapshot!(check_pagerduty(&head, &body), @"trigger shipgate/advertisements/production warning: advertisements 1.0 <- 1.1: error rate 8.1 % is above 2 %; 1.0 is back and live");
}

/// Every text object and every text that Slack shows, as Slack reads them.
fn slack_texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if map.get("type").is_some_and(|kind| kind == "mrkdwn") {
                return;
            }
            map.iter()
                .filter(|(key, _)| *key == "text")
                .filter_map(|(_, text)| text.as_str())
                .for_each(|text| found.push(text.to_owned()));
            map.values().for_each(|value| slack_texts(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| slack_texts(value, found)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever somebody writes into a version, a name or a reason is text and nothing else, in our
    /// texts and in those of a configuration.
    #[test]
    fn nothing_that_somebody_wrote_is_markup(
        text in "(<!channel>|<@U1>|&|\\[x\\]\\(https://evil\\.example\\)|\\*\\*b\\*\\*|\u{202e}|\n|\u{1b}\\[31m|.){0,600}",
        own in any::<bool>(),
    ) {
        let hostile = About {
            service: text.clone(),
            environment: text.clone(),
            version: Some(text.clone()),
            actor: Some(text.clone()),
            pipeline: Some(format!("https://ci.example/{text}")),
        };
        let notice = ended(NotificationEvent::RolledBack, Ending::RolledBack, &text, &hostile);
        let template = own.then_some("<!here> [a](b) {{reason}}\n{{service}} {{next}}");

        let slack = sent("slack", template, &notice).remove(0).1;
        let mut texts = Vec::new();
        slack_texts(&slack, &mut texts);
        prop_assert!(texts.len() > 5);
        for text in texts {
            prop_assert!(!text.contains(['<', '>']), "{}", text);
            prop_assert!((1..=2_000).contains(&text.chars().count()), "{}", text);
        }

        let teams = sent("teams", template, &notice).remove(0).1;
        let body = &teams["attachments"][0]["content"]["body"];
        for block in body.as_array().unwrap() {
            match block["type"].as_str().unwrap() {
                // Reads Markdown, so it holds our own words only.
                "TextBlock" => prop_assert_eq!(&block["text"], "Rolled back"),
                kind => {
                    prop_assert_eq!(kind, "RichTextBlock");
                    for run in block["inlines"].as_array().unwrap() {
                        prop_assert_eq!(&run["type"], "TextRun");
                        prop_assert!(!run["text"].as_str().unwrap().contains(char::is_control));
                    }
                }
            }
        }

        for (head, body) in sent("pagerduty", template, &notice) {
            check_pagerduty(&head, &body);
        }
        let hook = sent("webhook", template, &notice).remove(0).1;
        prop_assert!(!hook["reason"].as_str().unwrap().contains(char::is_control));
    }
}

#[test]
fn what_cannot_be_a_key_is_sent_nowhere() {
    let notification = Notification {
        taker: taker("pagerduty"),
        on: NotificationEvent::ALL.into_iter().collect(),
        services: None,
        environments: None,
        texts: Default::default(),
    };
    let rows = [
        (
            "ghp_hunter2",
            "KEY holds no key of an integration, expected 32 letters and digits",
        ),
        ("", "the variable KEY is not set"),
    ];
    for (value, reason) in rows {
        let secrets = |_: &str| Some(Secret::new(value));
        let refused = Channel::open("duty", &notification, &secrets).unwrap_err();
        assert_eq!(refused, reason);
    }
}

#[test]
fn only_a_status_of_success_counts_as_told() {
    let reason = |kind: &str, url: &str, behaviour: &Behaviour| {
        let clock = clock_for(behaviour);
        match send(kind, None, &rolled_back(), url, &*clock) {
            Ok(()) => "told".to_owned(),
            Err(reason) => {
                assert!(
                    !reason.contains("hunter2") && !reason.contains(KEY),
                    "{reason}"
                );
                assert!(!reason.contains(char::is_control), "{reason:?}");
                reason.replace(url, "URL")
            }
        }
    };
    let mut lines = Vec::new();
    for (name, behaviour) in faults("{}") {
        let told = ["teams", "webhook", "pagerduty"].map(|kind| {
            let server = Server::always(behaviour.clone());
            reason(kind, &server.url, &behaviour)
        });
        assert!(told.iter().all(|line| *line == told[0]), "{name}: {told:?}");
        lines.push(format!("{name}: {}", told[0]));
    }
    let rows = [
        nobody(),
        "http://hooks.example".to_owned(),
        "https://169.254.169.254".to_owned(),
        "https://[fd00:ec2::254]".to_owned(),
        "hooks.example".to_owned(),
    ];
    for url in rows {
        let shown = if url.contains("127.0.0.1") {
            "nobody there"
        } else {
            &url
        };
        lines.push(format!(
            "{shown}: {}",
            reason("webhook", &url, &Behaviour::Close)
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    closed: URL did not answer: connection closed before message completed
    hanging: URL did not answer within 10s
    dripping: URL did not answer within 10s
    endless: told
    endless headers: URL did not answer: message head is too large
    cut off: URL did not answer: connection closed before message completed
    broken chunks: URL did not answer: the answer broke off: Invalid chunk size line: missing size digit
    not HTTP: URL did not answer: invalid HTTP version parsed
    301: URL answered with status 301: redirects are not followed, so the address must be the final one
    302: URL answered with status 302: redirects are not followed, so the address must be the final one
    307: URL answered with status 307: redirects are not followed, so the address must be the final one
    401: URL answered with status 401
    403: URL answered with status 403
    404: URL answered with status 404
    429: URL answered with status 429
    500: URL answered with status 500
    502: URL answered with status 502
    503: URL answered with status 503
    504: URL answered with status 504
    204: told
    206: told
    empty: told
    null: told
    a list: told
    a text: told
    HTML: told
    half of a JSON text: told
    two JSON texts: told
    deep: told
    large: told
    a bomb: told
    no gzip: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: told
    nobody there: URL did not answer: tcp connect error: Connection refused
    http://hooks.example: the webhook's address does not begin with https://
    https://169.254.169.254: URL was not asked: the address is link-local or a cloud's metadata service, which is never asked
    https://[fd00:ec2::254]: URL was not asked: the address is link-local or a cloud's metadata service, which is never asked
    hooks.example: the webhook's address is none: relative URL without a base
    ");
}
