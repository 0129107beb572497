//! Every sink renders the same endings.

use std::time::Duration;

use crate::html::compared;
use crate::support::{
    Buffer, all, audited, blocked, canary, config_invalid, deployed, edit_refused, ended,
    rolled_back, utc, written,
};
use chrono::TimeDelta;
use shipgate::{
    event::{Deployment, Ending, Event, Outcome, dora},
    report::{
        Ended, Fanout, Sink, Timeline, github, json, junit, live::Live, markdown,
        progress::Progress, text::Text,
    },
};

fn text(command: &str, outcome: &Outcome) -> String {
    written(
        |buffer| Box::new(Text::new(buffer, false)),
        &ended(command, outcome),
    )
}

fn annotations(command: &str, outcome: &Outcome) -> String {
    written(
        |buffer| Box::new(github::Commands::new(buffer)),
        &ended(command, outcome),
    )
}

fn outputs(command: &str, outcome: &Outcome) -> String {
    github::outputs(&ended(command, outcome))
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

#[test]
fn text_of_a_blocked_verdict() {
    insta::assert_snapshot!(text("check", &blocked()), @r"
    BLOCKED  Friday 2025-11-28 is blocked: Black Friday

      opens       Monday 2025-12-01 09:00 America/New_York (14:00 UTC), in 2d19h30m: the window Mon-Thu
                  09:00-16:00 America/New_York begins
      because     blocks  Friday 2025-11-28 is blocked: Black Friday (blocked_dates[2], line 12)
                  blocks  outside every allowed window (Mon-Thu 09:00-16:00 America/New_York)
                          (allowed_windows, line 4)
                  warns   traffic of 5200 requests/s is above the maximum of 5000 requests/s
                          (traffic_threshold, line 18)
      judged at   Friday 2025-11-28 13:30 America/New_York (18:30 UTC)
      policy      policies/production.yaml @ 4f2a91c07b6e, sha256 9c56cc51b374
      exit code   10 blocked-date

    next: deploy at the next opening that the message names
    ");
}

#[test]
fn text_is_as_narrow_as_the_terminal_and_never_wider_than_a_hundred_columns() {
    let within = |columns, outcome: &Outcome| {
        written(
            |buffer| Box::new(Text::new(buffer, false).within(columns)),
            &ended("check", outcome),
        )
    };
    insta::assert_snapshot!(within(Some(60), &blocked()), @r"
    BLOCKED  Friday 2025-11-28 is blocked: Black Friday

      opens       Monday 2025-12-01 09:00 America/New_York
                  (14:00 UTC), in 2d19h30m: the window Mon-Thu
                  09:00-16:00 America/New_York begins
      because     blocks  Friday 2025-11-28 is blocked: Black
                          Friday (blocked_dates[2], line 12)
                  blocks  outside every allowed window (Mon-Thu
                          09:00-16:00 America/New_York)
                          (allowed_windows, line 4)
                  warns   traffic of 5200 requests/s is above
                          the maximum of 5000 requests/s
                          (traffic_threshold, line 18)
      judged at   Friday 2025-11-28 13:30 America/New_York
                  (18:30 UTC)
      policy      policies/production.yaml @ 4f2a91c07b6e,
                  sha256 9c56cc51b374
      exit code   10 blocked-date

    next: deploy at the next opening that the message names
    ");
    for (_, outcome) in all() {
        let usual = within(None, &outcome);
        assert_eq!(within(Some(300), &outcome), usual);
        // Words stay whole: what is left of a line that is still too long is one, or a table.
        let narrow = within(Some(20), &outcome);
        let words = |text: &str| text.split_whitespace().count();
        assert!(words(&narrow) >= words(&usual) - 5, "{narrow}");
        within(Some(1), &outcome);
    }
}

#[test]
fn text_of_a_deployed_canary() {
    insta::assert_snapshot!(text("deploy", &deployed()), @"
    DEPLOYED  advertisements 1.1 is live in production and verified

      service     advertisements in production, 1.0 -> 1.1, canary
      weight      canary gets 0%
      run         b1946ac92492d2347c6235b4d2611184
      took        25m10s

    changes
      clusters/prod/advertisements-canary.yaml  Deployment/advertisements-canary
        9:18    spec.replicas  0 -> 1
        23:18   spec.template.spec.containers[name=app].image
                  registry.example/shop/advertisements:1.0 -> registry.example/shop/advertisements:1.1

    diff
      --- a/clusters/prod/advertisements-canary.yaml
      +++ b/clusters/prod/advertisements-canary.yaml
      @@ -9 +9 @@
      -  replicas: 0
      +  replicas: 1

    steps
      state   #  step                            weight  began (UTC)  took
      passed  1  canary to 1.1, wait until live  0%      14:00:04     4m6s
      passed  2  set weight 10%, watch for 10m   10%     14:04:10     10m10s
      passed  3  promote                         0%      14:14:20     10m50s

    metrics
      verdict  metric  value      wanted       failed   detail
      pass     errors  0.0004312  at most 0.5  0 of 20  0.04% of 51,200 requests
      pass     p95     0.312      at most 0.5  1 of 20  0.312 s

    commits
      commit        subject
      111111111111  advertisements 1.1 to the canary
      222222222222  advertisements canary to weight 10

    DEPLOYED  advertisements 1.1 is live in production and verified
    ");
}

#[test]
fn text_of_a_rolled_back_canary() {
    insta::assert_snapshot!(text("deploy", &rolled_back()), @"
    ROLLED BACK  errors of the canary failed 3 times (1.9, at most 0.5); 1.0 is restored and live

      service     advertisements in production, 1.0 -> 1.1, canary
      weight      canary gets 0%
      run         b1946ac92492d2347c6235b4d2611184
      took        25m10s
      exit code   40 rolled-back

    steps
      state      #  step                            weight  began (UTC)  took
      passed     1  canary to 1.1, wait until live  0%      14:00:04     4m6s
      failed     2  set weight 10%, watch for 10m   10%     14:04:10     10m10s
      not begun  3  promote                         0%

    metrics
      verdict       metric  value     wanted       failed   detail
      fail          errors  1.9       at most 0.5  3 of 20  1.9% of 2,400 requests
      inconclusive  p95     no value  at most 0.5  0 of 20  no series for version 1.1

    commits
      commit        subject
      111111111111  advertisements 1.1 to the canary
      333333333333  advertisements back to 1.0: errors of the canary failed 3 times

    next: look at errors of advertisements-canary between 14:04 and 14:06 UTC
    ");
}

#[test]
fn text_of_refused_edits() {
    insta::assert_snapshot!(text("set", &edit_refused()), @"
    EDIT REFUSED  clusters/prod/ads.yaml:31: the image is behind the alias *image

      refused     clusters/prod/ads.yaml:31: the image is behind the alias *image
                  hint: write the image out where the alias stands
      refused     found no Ingress/ads-canary in 4 files
      exit code   30 edit-refused

    next: mend the manifest or the configuration at the line named
    ");
}

#[test]
fn text_of_an_invalid_configuration() {
    insta::assert_snapshot!(text("validate", &config_invalid()), @"
    CONFIG INVALID  shipgate.yaml:7:5: unknown key `strateggy`; did you mean `strategy`?

      exit code   3 config-invalid

    next: `shipgate schema --kind config` prints what is allowed
    ");
}

#[test]
fn text_of_a_history() {
    let mut outcome = Outcome::new(Ending::Shown, "");
    let newest = deployed().deployment.unwrap();
    let older = Deployment {
        state: "rolled-back".to_owned(),
        finished_at: Some(utc("2025-11-30T09:12:00Z")),
        actor: None,
        ..newest.clone()
    };
    outcome.history = vec![newest, older];
    insta::assert_snapshot!(text("history", &outcome), @"
    deployments
      state        when (UTC)        service         environment  version  before  commit        by
      verified     2025-12-02 14:25  advertisements  production   1.1      1.0     222222222222  mira
      rolled-back  2025-11-30 09:12  advertisements  production   1.1      1.0     222222222222
    ");
}

#[test]
fn text_of_figures() {
    let mut outcome = Outcome::new(
        Ending::Shown,
        "3 deployments of advertisements in production",
    );
    let newest = deployed().deployment.unwrap();
    let with_source = Deployment {
        source_at: Some(utc("2025-12-02T10:25:10Z")),
        state: "verified".to_owned(),
        ..newest.clone()
    };
    let older = Deployment {
        state: "rolled-back".to_owned(),
        cause: Some("verification".to_owned()),
        started_at: Some(utc("2025-11-30T09:00:00Z")),
        finished_at: Some(utc("2025-11-30T09:12:00Z")),
        ..newest.clone()
    };
    let drill = Deployment {
        drill: true,
        ..older.clone()
    };
    let figures = dora::figures(
        &[with_source, older, drill],
        None,
        utc("2025-12-14T09:00:00Z"),
    );
    outcome.dora = Some(figures);
    insta::assert_snapshot!(text("history", &outcome), @r"
    OK  3 deployments of advertisements in production

    figures, 2025-11-30 09:00 to 2025-12-14 09:00 UTC
      figure                    value            of
      deployment frequency      0.5 a week       1 deployment
      time between deployments  not known        0 intervals
      lead time for changes     4h (median)      1 deployment
      change failure rate       50 %             1 of 2 changes
      time to restore           12m (median)     1 failure
      not counted               0 runs, 1 drill
                  what is counted: docs/history.md, after https://dora.dev
    ");
    outcome.dora = Some(dora::figures(&[], None, utc("2025-12-14T09:00:00Z")));
    insta::assert_snapshot!(text("history", &outcome), @r"
    OK  3 deployments of advertisements in production

    figures, the beginning to 2025-12-14 09:00 UTC
      figure                    value      of
      deployment frequency      not known  0 deployments
      time between deployments  not known  0 intervals
      lead time for changes     not known  0 deployments
      change failure rate       not known  0 of 0 changes
      time to restore           not known  0 failures
                  what is counted: docs/history.md, after https://dora.dev
    ");
}

#[test]
fn text_of_gaps() {
    let outcome = audited();
    insta::assert_snapshot!(text("history", &outcome), @r"
    FINDINGS  2 gaps in 14 commits on `main`

      exit code   4 findings

    commit 333333333333  advertisements by Robin <robin@example.com>, 2025-12-02 15:00 UTC
      value       spec.template.spec.containers[name=advertisements].image of Deployment/advertisements:
                  registry.example/shop/advertisements:1.1 -> gone
      where       clusters/prod/advertisements.yaml:31
      gap         unexplained: it names no run

    no commit  advertisements, 2025-12-02 15:00 UTC
      gap         missing-commit: run 5f0c pushed commit 44444444 for step 2/9, and it is not on the
                  branch

    next: read the findings
    ");
    insta::assert_snapshot!(markdown::render(&ended("history", &outcome), &Timeline::default()), @r"
    > [!CAUTION]
    > **FINDINGS** 2 gaps in 14 commits on \`main\`

    `history` ended with exit code 4, findings
    - next: read the findings

    #### Gaps

    | gap | commit | when (UTC) | by | where | value |
    | --- | --- | --- | --- | --- | --- |
    | unexplained | 333333333333 | 2025-12-02 15:00 | Robin &lt;robin\@example.com&gt; | clusters/prod/advertisements.yaml:31 | spec.template.spec.containers\[name=advertisements\].image of Deployment/advertisements: registry.example/shop/advertisements:1.1 -&gt; gone |
    | missing-commit |  | 2025-12-02 15:00 |  |  | run 5f0c pushed commit 44444444 for step 2/9, and it is not on the branch |
    ");
}

#[test]
fn colours_only_decorate() {
    for (command, outcome) in all() {
        let ended = ended(command, &outcome);
        let plain = written(|buffer| Box::new(Text::new(buffer, false)), &ended);
        let coloured = written(|buffer| Box::new(Text::new(buffer, true)), &ended);
        assert_ne!(plain, coloured);
        let stripped = anstream::adapter::strip_str(&coloured).to_string();
        let trimmed = |text: &str| {
            text.lines()
                .map(str::trim_end)
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(trimmed(&stripped), trimmed(&plain));
    }
}

#[test]
fn no_line_of_a_result_is_wider_than_a_hundred_columns() {
    for (command, outcome) in all() {
        for line in text(command, &outcome).lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}

#[test]
fn junit_of_a_blocked_verdict_and_of_a_way_back() {
    let blocked = blocked();
    insta::assert_snapshot!(junit::render(&ended("check", &blocked)).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="shipgate check" tests="4" skipped="0" failures="3" errors="0">
        <testsuite name="shipgate check" tests="4" skipped="0" errors="0" failures="3" timestamp="2025-12-02T14:00:00.000+00:00">
            <testcase name="blocked_dates[2]" classname="gate" file="policies/production.yaml" line="12">
                <failure message="Friday 2025-11-28 is blocked: Black Friday" type="blocked-date"/>
            </testcase>
            <testcase name="allowed_windows" classname="gate" file="policies/production.yaml" line="4">
                <failure message="outside every allowed window (Mon-Thu 09:00-16:00 America/New_York)" type="blocked-window"/>
            </testcase>
            <testcase name="traffic_threshold" classname="gate" file="policies/production.yaml" line="18"/>
            <testcase name="check" classname="shipgate" time="1510.000">
                <failure message="Friday 2025-11-28 is blocked: Black Friday (exit code 10); opens Monday 2025-12-01 09:00 America/New_York (14:00 UTC), in 2d19h30m: the window Mon-Thu 09:00-16:00 America/New_York begins" type="blocked-date"/>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
    let back = rolled_back();
    insta::assert_snapshot!(junit::render(&ended("deploy", &back)).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="shipgate deploy" tests="6" skipped="2" failures="3" errors="0">
        <testsuite name="shipgate deploy" tests="6" skipped="2" errors="0" failures="3" timestamp="2025-12-02T14:00:00.000+00:00">
            <testcase name="1 canary to 1.1, wait until live" classname="step" time="246.000"/>
            <testcase name="2 set weight 10%, watch for 10m" classname="step" time="610.000">
                <failure message="failed" type="step"/>
            </testcase>
            <testcase name="3 promote" classname="step">
                <skipped message="waiting"/>
            </testcase>
            <testcase name="errors" classname="metric">
                <failure message="fail: 1.9% of 2,400 requests" type="metric"/>
            </testcase>
            <testcase name="p95" classname="metric">
                <skipped message="inconclusive: no series for version 1.1"/>
            </testcase>
            <testcase name="deploy" classname="shipgate" time="1510.000">
                <failure message="errors of the canary failed 3 times (1.9, at most 0.5); 1.0 is restored and live (exit code 40)" type="rolled-back"/>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn json_of_a_blocked_verdict() {
    let outcome = blocked();
    insta::assert_snapshot!(json::render(&ended("check", &outcome)).unwrap(), @r#"
    {
      "schema_version": 1,
      "command": "check",
      "result": "blocked",
      "exit_code": 10,
      "reason_code": "blocked-date",
      "reason": "Friday 2025-11-28 is blocked: Black Friday",
      "started_at": "2025-12-02T14:00:00Z",
      "finished_at": "2025-12-02T14:25:10Z",
      "hints": [
        "deploy at the next opening that the message names"
      ],
      "override_used": false,
      "verdict": {
        "decision": "blocked",
        "would_be": null,
        "reasons": [
          {
            "rule": "blocked_dates[2]",
            "code": "blocked-date",
            "effect": "blocks",
            "message": "Friday 2025-11-28 is blocked: Black Friday",
            "source": {
              "path": "policies/production.yaml",
              "line": 12
            }
          },
          {
            "rule": "allowed_windows",
            "code": "blocked-window",
            "effect": "blocks",
            "message": "outside every allowed window (Mon-Thu 09:00-16:00 America/New_York)",
            "source": {
              "path": "policies/production.yaml",
              "line": 4
            }
          },
          {
            "rule": "traffic_threshold",
            "code": "blocked-traffic",
            "effect": "warns",
            "message": "traffic of 5200 requests/s is above the maximum of 5000 requests/s",
            "source": {
              "path": "policies/production.yaml",
              "line": 18
            }
          }
        ],
        "opens_at": "2025-12-01T09:00:00-05:00",
        "opens_reason": "the window Mon-Thu 09:00-16:00 America/New_York begins",
        "closes_at": null,
        "closes_reason": null,
        "timezone": "America/New_York",
        "evaluated_at": "2025-11-28T13:30:00-05:00",
        "policy": {
          "path": "policies/production.yaml",
          "commit": "4f2a91c07b6e5d3f8a1b2c3d4e5f60718293a4b5",
          "sha256": "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab",
          "files": [
            {
              "path": "holidays.ics",
              "sha256": "4a7d1ed414474e4033ac29ccb8653d9b5a3a1f0c9d7e6b8a2c4e6f8091a3b5c7"
            }
          ]
        }
      },
      "verdicts": [],
      "matrix": null,
      "services": [],
      "changes": [],
      "files_changed": [],
      "refusals": [],
      "notes": [],
      "diff": null,
      "deployment": null,
      "metrics": [],
      "deployments": [],
      "dora": null,
      "audit": null,
      "findings": [],
      "outlook": null,
      "transitions": [],
      "cases": [],
      "approval": null,
      "plan": null,
      "traffic_plan": null
    }
    "#);
}

#[test]
fn json_of_a_rolled_back_canary() {
    let outcome = rolled_back();
    insta::assert_snapshot!(json::render(&ended("deploy", &outcome)).unwrap(), @r#"
    {
      "schema_version": 1,
      "command": "deploy",
      "result": "rolled-back",
      "exit_code": 40,
      "reason_code": "rolled-back",
      "reason": "errors of the canary failed 3 times (1.9, at most 0.5); 1.0 is restored and live",
      "started_at": "2025-12-02T14:00:00Z",
      "finished_at": "2025-12-02T14:25:10Z",
      "hints": [
        "look at errors of advertisements-canary between 14:04 and 14:06 UTC"
      ],
      "override_used": false,
      "verdict": null,
      "verdicts": [],
      "matrix": null,
      "services": [],
      "changes": [],
      "files_changed": [
        "clusters/prod/advertisements-canary.yaml"
      ],
      "refusals": [],
      "notes": [],
      "diff": null,
      "deployment": {
        "run": "b1946ac92492d2347c6235b4d2611184",
        "service": "advertisements",
        "environment": "production",
        "version": "1.1",
        "previous_version": "1.0",
        "strategy": "canary",
        "state": "rolled-back",
        "steps": [
          {
            "index": 1,
            "name": "canary to 1.1, wait until live",
            "weight": 0,
            "state": "passed",
            "started_at": "2025-12-02T14:00:04Z",
            "finished_at": "2025-12-02T14:04:10Z"
          },
          {
            "index": 2,
            "name": "set weight 10%, watch for 10m",
            "weight": 10,
            "state": "failed",
            "started_at": "2025-12-02T14:04:10Z",
            "finished_at": "2025-12-02T14:14:20Z"
          },
          {
            "index": 3,
            "name": "promote",
            "weight": 0,
            "state": "waiting",
            "started_at": null,
            "finished_at": null
          }
        ],
        "commits": [
          {
            "sha": "1111111111111111111111111111111111111111",
            "subject": "advertisements 1.1 to the canary"
          },
          {
            "sha": "3333333333333333333333333333333333333333",
            "subject": "advertisements back to 1.0: errors of the canary failed 3 times"
          }
        ],
        "previous_head": "0000000000000000000000000000000000000000",
        "weight": 0,
        "changed": false,
        "started_at": "2025-12-02T14:00:00Z",
        "finished_at": "2025-12-02T14:25:10Z",
        "actor": "mira",
        "source": null,
        "source_at": null,
        "cause": null,
        "reason": null,
        "takes_back": false,
        "drill": false,
        "serves": null,
        "way_back": null
      },
      "metrics": [
        {
          "name": "errors",
          "verdict": "fail",
          "value": 1.9,
          "wanted": "at most 0.5",
          "detail": "1.9% of 2,400 requests",
          "measured": 20,
          "failed": 3,
          "errors_in_a_row": 0,
          "canary": null,
          "stable": null,
          "ratio": null,
          "ratio_low": null,
          "ratio_high": null,
          "ln_e_worse": null,
          "ln_e_good": null,
          "sure_worse_percent": null,
          "phi": null,
          "forecast": null,
          "polls": []
        },
        {
          "name": "p95",
          "verdict": "inconclusive",
          "value": null,
          "wanted": "at most 0.5",
          "detail": "no series for version 1.1",
          "measured": 20,
          "failed": 0,
          "errors_in_a_row": 0,
          "canary": null,
          "stable": null,
          "ratio": null,
          "ratio_low": null,
          "ratio_high": null,
          "ln_e_worse": null,
          "ln_e_good": null,
          "sure_worse_percent": null,
          "phi": null,
          "forecast": null,
          "polls": []
        }
      ],
      "deployments": [],
      "dora": null,
      "audit": null,
      "findings": [],
      "outlook": null,
      "transitions": [],
      "cases": [],
      "approval": null,
      "plan": null,
      "traffic_plan": null
    }
    "#);
}

#[test]
fn every_json_report_keeps_to_the_published_schema() {
    let schema = json::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut endings = all();
    endings.push(("explain", Outcome::new(Ending::Shown, "")));
    for (command, outcome) in endings {
        let text = json::render(&ended(command, &outcome)).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|it| it.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{text}");
    }
    // The schema says no as well: a word that is no result, a number that is a text.
    let outcome = blocked();
    let text = json::render(&ended("check", &outcome)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (pointer, wrong) in [
        ("/result", "perhaps"),
        ("/exit_code", "ten"),
        ("/verdict", "no"),
    ] {
        let mut report = report.clone();
        *report.pointer_mut(pointer).unwrap() = wrong.into();
        assert!(!validator.is_valid(&report), "{pointer}");
    }
}

#[test]
fn a_value_that_is_not_a_number_is_null_and_never_zero() {
    let mut outcome = deployed();
    outcome.metrics[0].value = Some(f64::NAN);
    outcome.metrics[1].value = Some(f64::INFINITY);
    let text = json::render(&ended("deploy", &outcome)).unwrap();
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(report["metrics"][0]["value"].is_null() && report["metrics"][1]["value"].is_null());
    assert_eq!(
        markdown::render(&ended("deploy", &outcome), &Timeline::default())
            .matches("no value")
            .count(),
        2
    );
}

#[test]
fn annotations_of_a_blocked_verdict_and_refused_edits() {
    insta::assert_snapshot!(annotations("check", &blocked()), @"
    ::error title=shipgate%3A blocked-date,file=policies/production.yaml,line=12::Friday 2025-11-28 is blocked: Black Friday
    ::warning title=shipgate,file=policies/production.yaml,line=4::outside every allowed window (Mon-Thu 09:00-16:00 America/New_York)
    ::warning title=shipgate,file=policies/production.yaml,line=18::traffic of 5200 requests/s is above the maximum of 5000 requests/s
    ");
    insta::assert_snapshot!(annotations("set", &edit_refused()), @"
    ::error title=shipgate%3A edit-refused,file=clusters/prod/ads.yaml,line=31::clusters/prod/ads.yaml:31: the image is behind the alias *image
    ::warning title=shipgate::found no Ingress/ads-canary in 4 files
    ");
    insta::assert_snapshot!(annotations("validate", &config_invalid()), @"
    ::error title=shipgate%3A config-invalid::shipgate.yaml:7:5: unknown key `strateggy`; did you mean `strategy`?
    ");
    assert_eq!(annotations("deploy", &deployed()), "");
}

#[test]
fn annotations_stay_within_what_github_shows() {
    let buffer = Buffer::default();
    let mut commands = github::Commands::new(buffer.clone());
    for number in 0..40 {
        commands
            .event(&Event::Warning(format!("the provider was slow, {number}")))
            .unwrap();
    }
    commands.finish(&ended("check", &blocked())).unwrap();
    let text = buffer.text();
    assert_eq!(text.matches("::error ").count(), 1);
    assert_eq!(text.matches("::warning ").count(), 9);
    assert!(text.contains("(and 33 more in the log)"), "{text}");
}

#[test]
fn outputs_of_the_endings() {
    insta::assert_snapshot!(outputs("check", &blocked()), @r"
    result=blocked
    exit-code=10
    changed=false
    reason-code=blocked-date
    reason=Friday 2025-11-28 is blocked: Black Friday
    next-window=2025-12-01T09:00:00-05:00
    run-id=
    commit-sha=
    previous-sha=
    rollback-sha=
    weight=
    override-used=false
    matrix=
    report=/tmp/report.json
    ");
    insta::assert_snapshot!(outputs("deploy", &rolled_back()), @r"
    result=rolled-back
    exit-code=40
    changed=false
    reason-code=rolled-back
    reason=errors of the canary failed 3 times (1.9, at most 0.5); 1.0 is restored and live
    next-window=
    run-id=b1946ac92492d2347c6235b4d2611184
    commit-sha=3333333333333333333333333333333333333333
    previous-sha=0000000000000000000000000000000000000000
    rollback-sha=3333333333333333333333333333333333333333
    weight=0
    override-used=false
    matrix=
    report=/tmp/report.json
    ");
}

#[test]
fn summary_of_a_blocked_verdict() {
    insta::assert_snapshot!(markdown::render(&ended("check", &blocked()), &Timeline::default()), @r"
    > [!CAUTION]
    > **BLOCKED** Friday 2025-11-28 is blocked: Black Friday\
    > Opens Monday 2025-12-01 09:00 America/New\_York (14:00 UTC), in 2d19h30m: the window Mon-Thu 09:00-16:00 America/New\_York begins

    `check` ended with exit code 10, blocked-date
    - next: deploy at the next opening that the message names

    #### Gate

    | effect | reason | rule |
    | --- | --- | --- |
    | blocks | Friday 2025-11-28 is blocked: Black Friday | blocked\_dates\[2\], line 12 |
    | blocks | outside every allowed window (Mon-Thu 09:00-16:00 America/New\_York) | allowed\_windows, line 4 |
    | warns | traffic of 5200 requests/s is above the maximum of 5000 requests/s | traffic\_threshold, line 18 |

    Judged at Friday 2025-11-28 13:30 America/New\_York (18:30 UTC) by policies/production.yaml \@ 4f2a91c07b6e, sha256 9c56cc51b374
    ");
}

#[test]
fn summary_of_a_deployed_canary() {
    insta::assert_snapshot!(markdown::render(&ended("deploy", &deployed()), &Timeline::default()), @r"
    > [!NOTE]
    > **DEPLOYED** advertisements 1.1 is live in production and verified

    advertisements in production, 1.0 -&gt; 1.1, canary, 25m10s

    `deploy` ended with exit code 0, ok

    #### Steps

    | # | step | weight | state | took |
    | --- | --- | --- | --- | --- |
    | 1 | canary to 1.1, wait until live | 0% | passed | 4m6s |
    | 2 | set weight 10%, watch for 10m | 10% | passed | 10m10s |
    | 3 | promote | 0% | passed | 10m50s |

    #### Metrics

    | metric | verdict | value | wanted | failed | detail |
    | --- | --- | --- | --- | --- | --- |
    | errors | pass | 0.0004312 | at most 0.5 | 0 of 20 | 0.04% of 51,200 requests |
    | p95 | pass | 0.312 | at most 0.5 | 1 of 20 | 0.312 s |

    #### Changes

    | where | what | old | new |
    | --- | --- | --- | --- |
    | clusters/prod/advertisements-canary.yaml:9:18 | Deployment/advertisements-canary spec.replicas | 0 | 1 |
    | clusters/prod/advertisements-canary.yaml:23:18 | Deployment/advertisements-canary spec.template.spec.containers\[name=app\].image | registry.example/shop/advertisements:1.0 | registry.example/shop/advertisements:1.1 |

    #### Commits

    | commit | subject |
    | --- | --- |
    | 111111111111 | advertisements 1.1 to the canary |
    | 222222222222 | advertisements canary to weight 10 |

    <details><summary>Diff</summary>

    ```diff
    --- a/clusters/prod/advertisements-canary.yaml
    +++ b/clusters/prod/advertisements-canary.yaml
    @@ -9 +9 @@
    -  replicas: 0
    +  replicas: 1
    ```

    </details>
    ");
}

#[test]
fn a_summary_draws_the_weight_and_the_worst_metric() {
    let mut timeline = Timeline::default();
    for event in compared() {
        timeline.event(&event);
    }
    let summary = markdown::render(&ended("deploy", &rolled_back()), &timeline);
    let chart = summary.split("#### Over time").nth(1).unwrap();
    let chart = chart.split("####").next().unwrap();
    for line in chart.lines() {
        assert!(line.chars().count() <= 110, "{line}");
    }
    insta::assert_snapshot!(chart, @r"
    ```text
    weight    ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂████████████████████▁▁  at most 50 %
    errors             ▁▁▁▁▁▁▁▁▁▁              ▇▇▇▇▇▇▇▇▇█     at most 10 %, not-yet
            14:00:00                                14:02:40 UTC
    ```
    ");
}

#[test]
fn a_summary_of_anything_stays_within_its_limit() {
    let mut outcome = rolled_back();
    outcome.reason = "|<b>`x`\n".repeat(50_000);
    outcome.diff = format!("+{}\n", "`````".repeat(80)).repeat(5_000);
    outcome.hints = vec!["*".repeat(10_000); 300];
    outcome.refusals = vec![edit_refused().refusals[0].clone(); 9_000];
    let metric = outcome.metrics[0].clone();
    outcome.metrics = vec![metric; 9_000];
    let summary = markdown::render(&ended("deploy", &outcome), &Timeline::default());
    assert!(summary.len() <= markdown::LIMIT, "{}", summary.len());
    assert!(summary.starts_with("> [!CAUTION]\n> **ROLLED BACK**"));
    assert!(summary.contains("the JSON report has all of it"));
    assert_eq!(
        summary.matches("<details>").count(),
        summary.matches("</details>").count()
    );
}

#[test]
fn progress_in_a_github_log_is_folded_by_phase() {
    let buffer = Buffer::default();
    let mut sinks = Fanout::default();
    sinks.add(github::Commands::new(buffer.clone()));
    sinks.add(Progress::new(buffer.clone(), false, None));
    for event in canary() {
        sinks.event(&event);
    }
    assert!(sinks.finish(&ended("deploy", &rolled_back())).is_empty());
    insta::assert_snapshot!(buffer.text(), @"
    14:00:00  start    deploy advertisements 1.1 to production
    14:00:00  gate     blocked: Friday 2025-11-28 is blocked: Black Friday
    14:00:00  change   clusters/prod/advertisements-canary.yaml:9:18 0 -> 1
    14:00:00  change   clusters/prod/advertisements-canary.yaml:23:18 registry.example/shop/advertisements:1.0 -> registry.example/shop/advertisements:1.1
    14:00:00  plan     3 steps, about 25m
    14:00:00
    14:00:00
    14:00:00
    ::group::step 1/3 canary to 1.1
    14:01:00  step     1/3 canary to 1.1, weight 0%
    14:01:00  push     111111111111 on main: advertisements 1.1 to the canary (after 2 lost races)
    14:02:00  wait     canary to run 1.1 (runs 1.0), 1m1s of 10m
    14:03:00  metric   errors fail: 1.9% of 2,400 requests
    14:03:00  warning  prometheus was slow
    14:03:00  failed   1/3 errors failed 3 times
    ::endgroup::
    ::group::way back
    14:03:00  back     errors failed 3 times
    14:03:00  note     weight is 0 again
    ::endgroup::
    ::error title=shipgate%3A rolled-back::errors of the canary failed 3 times (1.9, at most 0.5); 1.0 is restored and live
    ::warning title=shipgate::prometheus was slow
    ");
}

#[test]
fn a_live_view_prints_the_same_changes() {
    let print = |live: Option<Live>| {
        let buffer = Buffer::default();
        let mut progress = Progress::new(buffer.clone(), false, live);
        for event in canary() {
            progress.event(&event).unwrap();
        }
        progress.finish(&ended("deploy", &rolled_back())).unwrap();
        buffer.text()
    };
    let live = print(Some(Live::new(
        indicatif::ProgressDrawTarget::hidden(),
        false,
        true,
    )));
    let plain = print(None);
    let plain: Vec<&str> = plain
        .lines()
        .filter(|line| !line.contains("  wait "))
        .collect();
    assert!(live.lines().all(|line| line.chars().count() < 80), "{live}");
    // Longer lines are broken, and nothing else is different; a word that is longer than a row is in parts.
    let letters = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(letters(&live), letters(&plain.join("\n")));
}

#[test]
fn six_hours_of_waiting_and_flapping_stay_under_two_hundred_lines() {
    let buffer = Buffer::default();
    let mut progress = Progress::new(buffer.clone(), false, None);
    for event in canary() {
        progress.event(&event).unwrap();
    }
    let start = utc("2025-12-02T14:03:00Z");
    for poll in 0..6 * 60 * 4_i32 {
        let at = start + TimeDelta::seconds(i64::from(poll) * 15);
        for metric in &rolled_back().metrics {
            let mut metric = metric.clone();
            metric.verdict = if poll % 2 == 0 { "pass" } else { "fail" };
            progress.event(&Event::Measured { at, metric }).unwrap();
        }
        progress
            .event(&Event::Waiting {
                at,
                what: "the watch of weight 10% to end".to_owned(),
                elapsed: Duration::from_secs(15 * u64::from(poll.unsigned_abs())),
                limit: None,
            })
            .unwrap();
        progress
            .event(&Event::Note(format!("poll {poll} took long")))
            .unwrap();
    }
    let lines = buffer.text().lines().count();
    assert!((100..=200).contains(&lines), "{lines} lines");
    assert!(buffer.text().contains("lines left out before"));
}

/// A sink whose place is full.
struct Full;

impl Sink for Full {
    fn name(&self) -> &'static str {
        "the full disk"
    }

    fn event(&mut self, _event: &Event) -> std::io::Result<()> {
        Err(std::io::Error::other("no space left"))
    }

    fn finish(&mut self, _ended: &Ended<'_>) -> std::io::Result<()> {
        Err(std::io::Error::other("no space left"))
    }
}

#[test]
fn a_sink_that_fails_is_named_once_and_stops_nobody() {
    let buffer = Buffer::default();
    let mut sinks = Fanout::default();
    sinks.add(Full);
    sinks.add(Text::new(buffer.clone(), false));
    sinks.event(&Event::Note("one".to_owned()));
    let outcome = config_invalid();
    let unwritten = sinks.finish(&ended("validate", &outcome));
    assert_eq!(unwritten.len(), 1);
    assert_eq!(unwritten[0].sink, "the full disk");
    assert!(buffer.text().starts_with("CONFIG INVALID"));
}

#[test]
fn a_dry_run_is_said_wherever_its_metric_is() {
    let mut outcome = deployed();
    let dry = outcome.metrics.first_mut().unwrap();
    dry.dry_run = true;
    let name = dry.name.clone();
    let marked = format!("{name} (dry run)");
    let summary = markdown::render(&ended("deploy", &outcome), &Timeline::default());
    let machine = json::render(&ended("deploy", &outcome)).unwrap();
    assert!(text("deploy", &outcome).contains(&marked));
    assert!(summary.contains(&marked), "{summary}");
    let report: serde_json::Value = serde_json::from_str(&machine).unwrap();
    let flags: Vec<Option<bool>> = report["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric.get("dry_run").map(|it| it.as_bool().unwrap()))
        .collect();
    let mut wanted = vec![None; flags.len()];
    wanted[0] = Some(true);
    assert_eq!(flags, wanted);
}
