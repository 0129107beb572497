//! What the configuration may say of notifications, and how every mistake in it is told.

use shipgate::{
    config::{
        Config,
        notification::{MessageTemplate, NotificationEvent, Taker},
    },
    yaml::Position,
};

const REST: &str = r#"version: 1
environments:
  production: {root: clusters/prod}
  staging: {root: clusters/staging}
services:
  advertisements:
    manifests: ["{root}/advertisements*.yaml"]
    image: registry.example:5000/shop/advertisements
    workloads: {stable: Deployment/advertisements}
    live: {stable: {http: "https://ads.example/version"}}
    strategy: {rolling: {}}
    verification: {interval: 30s, health: [{http: "https://ads.example/health"}]}
notifications:
"#;

fn parse(notifications: &str) -> Result<Config, String> {
    Config::parse(&format!("{REST}{notifications}\n")).map_err(|findings| {
        let lines = findings.iter().map(|finding| {
            let Position { line, column } = finding.position;
            // Counted from the first line below `notifications`.
            let line = line.saturating_sub(REST.lines().count());
            format!("{line}:{column} {}", finding.message)
        });
        lines.collect::<Vec<_>>().join("; ")
    })
}

#[test]
fn every_target_has_events_that_suit_it() {
    let config = parse(
        "  chat: {slack: {url_env: SLACK_URL}}
  cards: {teams: {url_env: TEAMS_URL}, on: [started, step, done], environments: [staging]}
  duty: {pagerduty: {routing_key_env: PAGERDUTY_KEY}}
  duty-eu: {pagerduty: {routing_key_env: KEY, region: eu, url_env: GATEWAY}, on: [held, rolled-back]}
  hook: {webhook: {url_env: HOOK_URL, secret_env: HOOK_KEY}, services: [advertisements]}",
    )
    .unwrap();
    let lines = config.notifications.iter().map(|(name, notification)| {
        let words: Vec<&str> = notification.on.iter().map(|event| event.word()).collect();
        let variables: Vec<&str> = notification
            .taker
            .variables()
            .into_iter()
            .map(|(_, variable)| variable)
            .collect();
        let (words, variables) = (words.join(" "), variables.join(" "));
        let places = ["production", "staging"]
            .map(|environment| notification.covers("advertisements", environment, environment));
        format!("{name}: {words} | {variables} | {places:?}")
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
    cards: started step done | TEAMS_URL | [false, true]
    chat: blocked override rolled-back rollback-failed held failed done | SLACK_URL | [true, true]
    duty: rollback-failed done | PAGERDUTY_KEY | [true, true]
    duty-eu: rolled-back held | KEY GATEWAY | [true, true]
    hook: blocked override rolled-back rollback-failed held failed done | HOOK_URL HOOK_KEY | [true, true]
    ");
    assert!(matches!(
        config.notifications["chat"].taker,
        Taker::Slack { .. }
    ));
}

#[test]
fn every_word_is_read_back() {
    for event in NotificationEvent::ALL {
        let word = event.word();
        let text = format!("  chat: {{slack: {{url_env: SLACK_URL}}, on: [{word}]}}");
        let config = parse(&text).unwrap();
        let on: Vec<_> = config.notifications["chat"].on.iter().copied().collect();
        assert_eq!(on, [event], "{word}");
    }
}

#[test]
fn mistakes_are_told_where_they_are() {
    let rows = [
        "  chat: {}",
        "  chat: {slack: {url_env: A}, teams: {url_env: B}}",
        "  chat: {slack: {url: 'https://hooks.slack.example/services/hunter2'}}",
        "  chat: {slack: {url_env: 'https://hooks.slack.example/services/hunter2'}}",
        "  chat: {slack: {url_env: A}, on: []}",
        "  chat: {slack: {url_env: A}, on: [rolledback]}",
        "  chat: {slack: {url_env: A}, on: deployed}",
        "  duty: {pagerduty: {routing_key_env: A}, on: [step]}",
        "  duty: {pagerduty: {routing_key_env: A}, on: [blocked, done]}",
        "  duty: {pagerduty: {routing_key_env: A, region: uk}}",
        "  chat: {slack: {url_env: A}, services: [advertisments]}",
        "  chat: {slack: {url_env: A}, environments: [production, prod]}",
        "  chat: {slack: {url_env: A}, text: {done: ''}}",
        "  chat: {slack: {url_env: A}, text: {done: '{{servce}} is done'}}",
        "  chat: {slack: {url_env: A}, text: {done: '{% for x in service %}x{% endfor %}'}}",
        "  chat: {slack: {url_env: A}, text: {done: '{{service'}}",
        "  chat: {slack: {url_env: A}, text: {done: '{{service | nosuch}}'}}",
        "  chat: {slack: {url_env: A}, text: {dome: 'x'}}",
        "  chat: {slack: {url_env: A}, on: [held], text: {done: 'x'}}",
        "  Chat Room: {slack: {url_env: A}}",
        "  chat: {slack: }",
        "  chat: {slack: {url_env: A}, channel: '#deploys'}",
    ];
    let told = rows.map(|row| {
        let problem = parse(row).unwrap_err();
        assert!(!problem.contains("hunter2"), "{problem}");
        format!("{}\n    {problem}", row.trim())
    });
    insta::assert_snapshot!(told.join("\n"), @r#"
    chat: {}
        1:9 expected exactly one of `slack`, `teams`, `pagerduty`, `webhook`
    chat: {slack: {url_env: A}, teams: {url_env: B}}
        1:9 expected exactly one of `slack`, `teams`, `pagerduty`, `webhook`
    chat: {slack: {url: 'https://hooks.slack.example/services/hunter2'}}
        1:18 unknown key `url`; did you mean `url_env`?
    chat: {slack: {url_env: 'https://hooks.slack.example/services/hunter2'}}
        1:27 expected the name of an environment variable, such as PROMETHEUS_TOKEN
    chat: {slack: {url_env: A}, on: []}
        1:35 `notifications.chat.on`: [] has less than 1 item
    chat: {slack: {url_env: A}, on: [rolledback]}
        1:36 unknown value `rolledback`; did you mean `rolled-back`?
    chat: {slack: {url_env: A}, on: deployed}
        1:35 `notifications.chat.on`: "deployed" is not of type "array"
    duty: {pagerduty: {routing_key_env: A}, on: [step]}
        1:47 found `step`, for which nobody is paged; tell a chat of it
    duty: {pagerduty: {routing_key_env: A}, on: [blocked, done]}
        1:47 found `blocked`, for which nobody is paged; tell a chat of it
    duty: {pagerduty: {routing_key_env: A, region: uk}}
        1:50 unknown value `uk`; known: us, eu
    chat: {slack: {url_env: A}, services: [advertisments]}
        1:42 unknown service `advertisments`; did you mean `advertisements`?
    chat: {slack: {url_env: A}, environments: [production, prod]}
        1:58 unknown environment `prod`; did you mean `production`?
    chat: {slack: {url_env: A}, text: {done: ''}}
        1:44 found an empty text
    chat: {slack: {url_env: A}, text: {done: '{{servce}} is done'}}
        1:44 unknown variable `servce`; did you mean `service`?
    chat: {slack: {url_env: A}, text: {done: '{% for x in service %}x{% endfor %}'}}
        1:44 found `{%`, expected only variables such as `{{version}}`
    chat: {slack: {url_env: A}, text: {done: '{{service'}}
        1:44 is not a template: unexpected end of input, expected end of variable block
    chat: {slack: {url_env: A}, text: {done: '{{service | nosuch}}'}}
        1:44 cannot be filled in: filter nosuch is unknown
    chat: {slack: {url_env: A}, text: {dome: 'x'}}
        1:44 unknown event `dome`; did you mean `done`?
    chat: {slack: {url_env: A}, on: [held], text: {done: 'x'}}
        1:56 `done` is not among the events of `on`
    Chat Room: {slack: {url_env: A}}
        1:14 `Chat Room` cannot be the name of a target of notifications: expected at most 63 of a-z 0-9 -, such as `shop-web`
    chat: {slack: }
        1:15 `notifications.chat.slack`: null is not of type "object"
    chat: {slack: {url_env: A}, channel: '#deploys'}
        1:31 unknown key `channel`; known: slack, teams, pagerduty, webhook, on, services, environments, text
    "#);
}

#[test]
fn the_documentation_shows_what_is_valid_and_all_of_it() {
    let text = include_str!("../../docs/notifications.md");
    let block = text.split("```yaml\nnotifications:\n").nth(1).unwrap();
    let config = parse(block.split("```").next().unwrap()).unwrap();
    assert_eq!(config.notifications.len(), 4);
    for event in NotificationEvent::ALL {
        let row = format!("| `{}` |", event.word());
        assert!(text.contains(&row), "{row}");
    }
    for variable in MessageTemplate::VARIABLES {
        assert!(text.contains(&format!("`{variable}`")), "{variable}");
    }
}
