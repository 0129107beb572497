//! The forms a policy can have: native, JSON, ConfigMap; and what is none. Whole messages, as rows.

use shipgate::policy::Policy;

/// Reads each text as a policy that must be refused; returns text and findings to look at.
fn findings(rows: &[&str]) -> String {
    let mut shown = Vec::new();
    for text in rows {
        shown.push(text.trim_end().replace('\t', "\\t").replace('\r', "\\r"));
        for finding in Policy::parse(text, "policies/p.yaml").unwrap_err() {
            shown.push(format!("  => {finding}"));
        }
    }
    shown.join("\n")
}

#[test]
fn documents_that_are_no_policy_are_refused() {
    insta::assert_snapshot!(findings(&[
        "",
        "# nothing but a comment\n",
        "version: 1\n",
        "{}\n",
        "version: 1\nblocked_dates: []\n",
        "version: 1\nallowed_windows: []\n",
        "version: 1\nallowed_windows:\n",
        "version: 2\ntimezone: UTC\nallowed_windows: [{}]\n",
        "timezone: UTC\nallowed_windows: [{}]\n",
        "version: 1\ntimezone: UTC\nallowed_window: [{}]\n",
        "version: 1\ntimezone: UTC\nallowed_windows: [{day: [Mon]}]\nblocked_windows: [{approval_required: true}]\n",
        "version: 1\nversion: 1\n",
        "version: 1\n---\nversion: 1\n",
        "[1, 2]\n",
        "just a text\n",
        "version: 1\n\tallowed_windows: []\n",
        "kind: Deployment\n",
        "version: 1\ntimezone: UTC\nenvironments: []\nallowed_windows: [{}]\n",
        "version: 1\ntimezone: UTC\nenvironments: [\" \"]\nallowed_windows: [{}]\n",
        "version: 1\ntimezone: UTC\nactions: []\nallowed_windows: [{}]\n",
        "version: 1\ntimezone: UTC\nactions: [deploi]\nallowed_windows: [{}]\n",
    ]), @r#"
      => 1:1: the file is empty
    # nothing but a comment
      => 1:1: the file is empty
    version: 1
      => 1:1: the policy allows everything; write at least one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`
    {}
      => 1:1: the policy allows everything; write at least one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`
    version: 1
    blocked_dates: []
      => 1:1: the policy allows everything; write at least one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`
    version: 1
    allowed_windows: []
      => 2:18: `allowed_windows`: [] has less than 1 item
    version: 1
    allowed_windows:
      => 2:16: `allowed_windows`: null is not of type "array"
    version: 2
    timezone: UTC
    allowed_windows: [{}]
      => 1:10: `version`: 2 is greater than the maximum of 1
    timezone: UTC
    allowed_windows: [{}]
      => 1:1: the key `version` is missing in the file
    version: 1
    timezone: UTC
    allowed_window: [{}]
      => 3:1: unknown key `allowed_window`; did you mean `allowed_windows`?
    version: 1
    timezone: UTC
    allowed_windows: [{day: [Mon]}]
    blocked_windows: [{approval_required: true}]
      => 3:20: unknown key `day`; did you mean `days`?
      => 4:20: unknown key `approval_required`; known: name, description, days, hours, schedule, duration, from, to, rrule, dtstart, dtend, timezone, services, environments, actions, invokers
    version: 1
    version: 1
      => 2:1: the key `version` is already in this mapping, on line 1
    version: 1
    ---
    version: 1
      => 3:1: a second document begins here, expected one document
    [1, 2]
      => 1:1: this is no policy; expected a mapping that begins with `version: 1`
    just a text
      => 1:1: this is no policy; expected a mapping that begins with `version: 1`
    version: 1
    \tallowed_windows: []
      => 1:10: while scanning a plain scalar, found a tab
    kind: Deployment
      => 1:7: an object of kind `Deployment` is not a policy; expected `version: 1` and rules, `kind: ConfigMap` or `kind: AppProject`
    version: 1
    timezone: UTC
    environments: []
    allowed_windows: [{}]
      => 3:15: `environments`: [] has less than 1 item
    version: 1
    timezone: UTC
    environments: [" "]
    allowed_windows: [{}]
      => 3:16: expected a text that is not empty
    version: 1
    timezone: UTC
    actions: []
    allowed_windows: [{}]
      => 3:10: `actions`: [] has less than 1 item
    version: 1
    timezone: UTC
    actions: [deploi]
    allowed_windows: [{}]
      => 3:11: unknown value `deploi`; did you mean `deploy`?
    "#);
}

#[test]
fn findings_in_a_configmap_point_into_the_outer_file() {
    let shell = "kind: ConfigMap\ndata:\n  check.sh: |\n    #!/bin/sh\n    jq .allowed_windows policy.json\n";
    let literal = |inner: &str| format!("kind: ConfigMap\ndata:\n  policy.json: |\n{inner}");
    let rows = [
        literal("    {\n      # a comment\n      \"allowed_windows\": [\n        {\"days\": [\"Mon\"], \"hours\": \"25:00-26:00\", \"timezone\": \"UTC\"},\n      ],\n    }\n"),
        literal("    {\n      \"allowed_windows\": [\n        {\"dayz\": [\"Mon\"], \"timezone\": \"America/New_Yrok\"}\n      ]\n    }\n"),
        literal("    {\n      \"allowed_windows\": [\n    }\n"),
        literal("    {\n      \"blocked_date\": [\"2025-12-25\"]\n    }\n"),
        literal("    {\n      \"blocked_dates\": [\"2025-12-25\"]\n    }\n"),
        literal("    {}\n"),
        literal("    some text\n"),
        format!("{}  more.json: '{{\"blocked_dates\": []}}'\n", literal("    {\"allowed_windows\": [{\"timezone\": \"UTC\"}]}\n")),
        shell.to_owned(),
        "kind: ConfigMap\n".to_owned(),
        "kind: ConfigMap\ndata:\n".to_owned(),
        "kind: ConfigMap\ndata: {}\n".to_owned(),
        "kind: ConfigMap\ndata:\n  a: 'text'\n  policy.json: '{\"allowed_windows\": [{\"hours\": \"x\"}]}'\n".to_owned(),
        "kind: ConfigMap\ndata:\n  policy.json: \"{\\n \\\"allowed_windows\\\": [\\n  {\\\"hours\\\": \\\"x\\\", \\\"timezone\\\": \\\"UTC\\\"}]}\"\n".to_owned(),
    ];
    let texts: Vec<&str> = rows.iter().map(String::as_str).collect();
    insta::assert_snapshot!(findings(&texts), @r#"
    kind: ConfigMap
    data:
      policy.json: |
        {
          # a comment
          "allowed_windows": [
            {"days": ["Mon"], "hours": "25:00-26:00", "timezone": "UTC"},
          ],
        }
      => 7:36: `25:00` is not a time of day; expected HH:MM from 00:00 to 24:00
    kind: ConfigMap
    data:
      policy.json: |
        {
          "allowed_windows": [
            {"dayz": ["Mon"], "timezone": "America/New_Yrok"}
          ]
        }
      => 6:10: unknown key `dayz`; did you mean `days`?
    kind: ConfigMap
    data:
      policy.json: |
        {
          "allowed_windows": [
        }
      => 5:26: mismatched bracket '[' closed by '}'
    kind: ConfigMap
    data:
      policy.json: |
        {
          "blocked_date": ["2025-12-25"]
        }
      => 5:7: unknown key `blocked_date`; did you mean `blocked_dates`?
    kind: ConfigMap
    data:
      policy.json: |
        {
          "blocked_dates": ["2025-12-25"]
        }
      => 5:25: in which time zone is this date? Add `timezone` to it or to the policy, such as `timezone: America/New_York`
    kind: ConfigMap
    data:
      policy.json: |
        {}
      => 4:5: the policy allows everything; write at least one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`
    kind: ConfigMap
    data:
      policy.json: |
        some text
      => 3:3: no key of `data` holds a policy; expected a JSON object with one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`
    kind: ConfigMap
    data:
      policy.json: |
        {"allowed_windows": [{"timezone": "UTC"}]}
      more.json: '{"blocked_dates": []}'
      => 5:3: `more.json` and `policy.json` both hold a policy; keep one
    kind: ConfigMap
    data:
      check.sh: |
        #!/bin/sh
        jq .allowed_windows policy.json
      => 3:3: no key of `data` holds a policy; expected a JSON object with one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`
    kind: ConfigMap
      => 1:1: this ConfigMap has no `data` with a policy in it
    kind: ConfigMap
    data:
      => 2:5: this ConfigMap has no `data` with a policy in it
    kind: ConfigMap
    data: {}
      => 2:7: no key of `data` holds a policy; expected a JSON object with one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`
    kind: ConfigMap
    data:
      a: 'text'
      policy.json: '{"allowed_windows": [{"hours": "x"}]}'
      => 4:16: line 1 of this text: in which time zone is this window? Add `timezone` to it or to the policy, such as `timezone: America/New_York`
      => 4:16: line 1 of this text: `x` is not a span of hours; expected HH:MM-HH:MM, such as 02:00-06:00
    kind: ConfigMap
    data:
      policy.json: "{\n \"allowed_windows\": [\n  {\"hours\": \"x\", \"timezone\": \"UTC\"}]}"
      => 3:16: line 3 of this text: `x` is not a span of hours; expected HH:MM-HH:MM, such as 02:00-06:00
    "#);
}

#[test]
fn json_by_itself_is_a_policy_too() {
    for text in [
        "{\"allowed_windows\": [{\"days\": [\"MON\", \"tuesday\"], \"hours\": \"9:00-17:00\", \"timezone\": \"UTC\"}]}",
        "\u{feff}# with a comment\n---\n{\n\t\"blocked_dates\": [\"2025-12-25\",],\n\t\"timezone\": \"UTC\",\n}\n",
        "{\"traffic_threshold\": {\"max_requests_per_second\": 1000, \"action\": \"warn\"}}",
    ] {
        Policy::parse(text, "p.json").unwrap();
    }
    insta::assert_snapshot!(findings(&[
        "{\"allowed_windows\": [{\"days\": [\"Mon\"], \"hours\": \"9-5\", \"timezone\": \"UTC\"}]}",
        "{\"blocked_dates\": [\"2025-02-29\"], \"timezone\": \"UTC\"}",
        "{\"comment\": \"nothing\"}",
    ]), @r#"
    {"allowed_windows": [{"days": ["Mon"], "hours": "9-5", "timezone": "UTC"}]}
      => 1:49: `9` is not a time of day; expected HH:MM from 00:00 to 24:00
    {"blocked_dates": ["2025-02-29"], "timezone": "UTC"}
      => 1:20: `2025-02-29` does not exist: February 2025 has 28 days
    {"comment": "nothing"}
      => 1:2: unknown key `comment`; known: version, timezone, environments, allowed_windows, blocked_windows, blocked_dates, traffic_threshold, alerts, programs, actions, people, versions, approvals, override, approval_when, require, runway, overrun, behavior, dry_run
    "#);
}

#[test]
fn however_the_text_of_a_configmap_is_written_the_line_is_the_right_one() {
    let block = |header: &str, line: &str| {
        format!(
            "kind: ConfigMap\ndata:\n  other: text\n  p: {header}\n    {{\"allowed_windows\": [\n{line}    ]}}\n"
        )
    };
    let bad = "      {\"hours\": \"25:00-26:00\", \"timezone\": \"UTC\"},\n";
    let literal = block("|", bad);
    let rows = [
        literal.clone(),
        literal.replace('\n', "\r\n"),
        literal.replace("p: |", "p: |-"),
        literal.replace("p: |", "p: &policy |+ # the policy"),
        literal.replace("p: |", "p: |\n\n    # ü\n\n"),
        literal.replace("  p: |", "  \"p > q\": |"),
        literal.replace("p: |", "p: |2"),
        format!("\u{feff}# first\n---\n{literal}"),
        literal.replace("kind: ConfigMap\n", "") + "kind: ConfigMap\n",
    ];
    for text in rows {
        let place = text.find("\"25:00").unwrap();
        let before = &text[..place];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        let findings = Policy::parse(&text, "p.yaml").unwrap_err();
        let found = (findings[0].position.line, findings[0].position.column);
        assert_eq!(found, (line, column), "{text}\n{findings:?}");
    }
    let folded = Policy::parse(&block(">", bad), "p.yaml").unwrap_err();
    assert_eq!(
        folded[0].to_string(),
        "5:5: line 2 of this text: `25:00` is not a time of day; expected HH:MM from 00:00 to 24:00"
    );
}

#[test]
fn long_texts_and_many_slips_cost_little_and_show_little() {
    let long = "x".repeat(100_000);
    for text in [
        format!("version: 1\nallowed_windows: [{{timezone: {long}}}]\n"),
        format!("version: 1\ntimezone: UTC\nallowed_windows: [{{days: [{long}]}}]\n"),
        format!("version: 1\ntimezone: UTC\nallowed_windows: [{{hours: {long}}}]\n"),
        format!("version: 1\ntimezone: UTC\nblocked_dates: [{long}]\n"),
        format!("version: 1\ntimezone: UTC\nallowed_windows: [{{name: {long}}}]\n"),
        format!("kind: {long}\n"),
        format!("{long}: 1\n"),
        format!("version: 1\nallowed_windows: [{}]\n", "{}, ".repeat(20_000)),
    ] {
        for finding in Policy::parse(&text, "p.yaml").unwrap_err() {
            let length = finding.message.chars().count();
            assert!(length < 400, "{length}: {}", &finding.message[..200]);
        }
    }
    let many = "{timezone: Europe/Lodon}, ".repeat(1000);
    let text = format!("version: 1\nblocked_dates: [{many}]\n")
        .replace("{timezone", "{date: 2025-01-01, timezone");
    assert_eq!(Policy::parse(&text, "p.yaml").unwrap_err().len(), 1000);
}
