//! Verdicts: which reason decides and what each says.

use chrono::{DateTime, Utc};
use shipgate::{
    event::Ending,
    ops::check::{self, TrafficQuery, TrafficSource},
    policy::{Action, Decision, Facts, Policy, Request, TrafficFact, Verdict, evaluate},
    units::RequestsPerSecond,
};

const POLICY: &str = "\
version: 1
timezone: America/New_York
environments: [staging, production]
allowed_windows:
  - {name: night, days: [Mon, Tue, Wed, Thu], hours: 02:00-06:00}
  - {days: [Fri], hours: 01:00-02:00, approval_required: true}
  - {days: [Thu], hours: 05:00-08:00, approval_required: true}
blocked_windows:
  - {name: payment run, description: ask the payments team, days: [Wed], hours: 04:00-05:00}
blocked_dates:
  - 2025-12-25
  - {from: 2025-11-26, to: 2025-11-30, name: Thanksgiving}
traffic_threshold: {max_requests_per_second: 1000, action: block_deployment, query: up}
";

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn requests(rate: f64) -> TrafficFact {
    TrafficFact::Measured(RequestsPerSecond::new(rate).unwrap())
}

fn silent() -> TrafficFact {
    TrafficFact::Unavailable("prometheus.example did not answer".to_owned())
}

fn verdict(policy: &str, at: &str, traffic: TrafficFact) -> Verdict {
    let policy = Policy::parse(policy, "policies/p.yaml").unwrap();
    let request = Request {
        ..Request::new(Action::Deploy)
    };
    evaluate(
        &policy,
        &request,
        &Facts {
            traffic,
            ..Facts::default()
        },
        instant(at),
    )
}

/// The whole verdict as text.
fn shown(verdict: &Verdict) -> String {
    let ending = Ending::from(verdict).code();
    let mut lines = vec![format!("{} ({})", verdict.decision.word(), ending.number)];
    for reason in &verdict.reasons {
        lines.push(format!(
            "  {}:{} {} {:?}: {}",
            reason.rule,
            reason
                .line
                .map_or_else(String::new, |line| line.to_string()),
            reason.code.word(),
            reason.effect,
            reason.message
        ));
    }
    let time = |time: Option<DateTime<chrono::FixedOffset>>| {
        time.map_or_else(|| "-".to_owned(), |time| time.to_rfc3339())
    };
    lines.push(format!(
        "  opens {} closes {}",
        time(verdict.opens_at),
        time(verdict.closes_at)
    ));
    lines.join("\n")
}

fn rows(rows: &[(&str, TrafficFact)]) -> String {
    let row = |(at, traffic): &(&str, TrafficFact)| shown(&verdict(POLICY, at, traffic.clone()));
    rows.iter().map(row).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_rule_speaks_and_the_first_of_the_order_decides() {
    insta::assert_snapshot!(rows(&[
        ("2025-11-04T08:00:00Z", requests(10.0)),
        ("2025-11-04T08:00:00Z", requests(1000.0)),
        ("2025-11-04T08:00:00Z", requests(1000.1)),
        ("2025-11-04T08:00:00Z", requests(1000.001)),
        ("2025-11-04T08:00:00Z", silent()),
        ("2025-11-04T08:00:00Z", TrafficFact::NotAsked),
        ("2025-11-05T09:30:00Z", requests(2000.0)),
        ("2025-11-08T08:00:00Z", silent()),
        ("2025-12-25T08:00:00Z", requests(10.0)),
        ("2025-11-26T09:30:00Z", requests(10.0)),
    ]), @r#"
    allowed (0)
      allowed_windows[0]:5 allowed Allows: Tuesday 2025-11-04 03:00 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      traffic_threshold:13 allowed Allows: traffic is 10 requests/s, within the maximum of 1000 requests/s
      opens - closes 2025-11-04T06:00:00-05:00
    allowed (0)
      allowed_windows[0]:5 allowed Allows: Tuesday 2025-11-04 03:00 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      traffic_threshold:13 allowed Allows: traffic is 1000 requests/s, within the maximum of 1000 requests/s
      opens - closes 2025-11-04T06:00:00-05:00
    blocked (12)
      traffic_threshold:13 blocked-traffic Blocks: traffic is 1000.1 requests/s, above the maximum of 1000 requests/s
      allowed_windows[0]:5 allowed Allows: Tuesday 2025-11-04 03:00 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      opens - closes 2025-11-04T06:00:00-05:00
    blocked (12)
      traffic_threshold:13 blocked-traffic Blocks: traffic is 1000.001 requests/s, above the maximum of 1000 requests/s
      allowed_windows[0]:5 allowed Allows: Tuesday 2025-11-04 03:00 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      opens - closes 2025-11-04T06:00:00-05:00
    blocked (20)
      traffic_threshold:13 unavailable Blocks: traffic is not known: prometheus.example did not answer (the maximum is 1000 requests/s)
      allowed_windows[0]:5 allowed Allows: Tuesday 2025-11-04 03:00 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      opens - closes 2025-11-04T06:00:00-05:00
    allowed (0)
      allowed_windows[0]:5 allowed Allows: Tuesday 2025-11-04 03:00 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      traffic_threshold:13 not-evaluated NotEvaluated: traffic was not looked at (the maximum is 1000 requests/s)
      opens - closes 2025-11-04T06:00:00-05:00
    blocked (10)
      blocked_windows[0]:9 blocked-window Blocks: Wednesday 2025-11-05 04:30 EST is in the blocked window "payment run" (Wed 04:00-05:00 America/New_York): ask the payments team
      traffic_threshold:13 blocked-traffic Blocks: traffic is 2000 requests/s, above the maximum of 1000 requests/s
      allowed_windows[0]:5 allowed Allows: Wednesday 2025-11-05 04:30 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      opens 2025-11-05T05:00:00-05:00 closes -
    blocked (10)
      allowed_windows:5 blocked-window Blocks: Saturday 2025-11-08 03:00 EST is outside the allowed windows ("night" Mon-Thu 02:00-06:00; Fri 01:00-02:00; Thu 05:00-08:00 America/New_York)
      traffic_threshold:13 unavailable Blocks: traffic is not known: prometheus.example did not answer (the maximum is 1000 requests/s)
      opens 2025-11-10T02:00:00-05:00 closes -
    blocked (10)
      blocked_dates[0]:11 blocked-date Blocks: Thursday 2025-12-25 03:00 EST is on the blocked date 2025-12-25 America/New_York
      allowed_windows[0]:5 allowed Allows: Thursday 2025-12-25 03:00 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      traffic_threshold:13 allowed Allows: traffic is 10 requests/s, within the maximum of 1000 requests/s
      opens 2025-12-26T01:00:00-05:00 closes -
    blocked (10)
      blocked_windows[0]:9 blocked-window Blocks: Wednesday 2025-11-26 04:30 EST is in the blocked window "payment run" (Wed 04:00-05:00 America/New_York): ask the payments team
      blocked_dates[1]:12 blocked-date Blocks: Wednesday 2025-11-26 04:30 EST is on the blocked date "Thanksgiving" (2025-11-26 to 2025-11-30 America/New_York)
      allowed_windows[0]:5 allowed Allows: Wednesday 2025-11-26 04:30 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      traffic_threshold:13 allowed Allows: traffic is 10 requests/s, within the maximum of 1000 requests/s
      opens 2025-12-01T02:00:00-05:00 closes -
    "#);
}

#[test]
fn an_approval_is_asked_for_only_where_every_open_window_asks() {
    insta::assert_snapshot!(rows(&[
        ("2025-11-07T06:30:00Z", requests(10.0)),
        ("2025-11-07T06:30:00Z", requests(2000.0)),
        ("2025-11-07T06:30:00Z", silent()),
        // Thursday from 05:00 to 06:00 is in a window with and in one without.
        ("2025-11-06T10:30:00Z", requests(10.0)),
        ("2025-11-06T11:30:00Z", requests(10.0)),
    ]), @r#"
    approval-required (11)
      allowed_windows[1]:6 approval-required AsksApproval: Friday 2025-11-07 01:30 EST needs an approval (Fri 01:00-02:00 America/New_York)
      traffic_threshold:13 allowed Allows: traffic is 10 requests/s, within the maximum of 1000 requests/s
      opens - closes 2025-11-07T02:00:00-05:00
    blocked (12)
      traffic_threshold:13 blocked-traffic Blocks: traffic is 2000 requests/s, above the maximum of 1000 requests/s
      allowed_windows[1]:6 approval-required AsksApproval: Friday 2025-11-07 01:30 EST needs an approval (Fri 01:00-02:00 America/New_York)
      opens - closes 2025-11-07T02:00:00-05:00
    approval-required (11)
      allowed_windows[1]:6 approval-required AsksApproval: Friday 2025-11-07 01:30 EST needs an approval (Fri 01:00-02:00 America/New_York)
      traffic_threshold:13 unavailable Blocks: traffic is not known: prometheus.example did not answer (the maximum is 1000 requests/s)
      opens - closes 2025-11-07T02:00:00-05:00
    allowed (0)
      allowed_windows[0]:5 allowed Allows: Thursday 2025-11-06 05:30 EST is in the allowed window "night" (Mon-Thu 02:00-06:00 America/New_York)
      traffic_threshold:13 allowed Allows: traffic is 10 requests/s, within the maximum of 1000 requests/s
      opens - closes 2025-11-06T08:00:00-05:00
    approval-required (11)
      allowed_windows[2]:7 approval-required AsksApproval: Thursday 2025-11-06 06:30 EST needs an approval (Thu 05:00-08:00 America/New_York)
      traffic_threshold:13 allowed Allows: traffic is 10 requests/s, within the maximum of 1000 requests/s
      opens - closes 2025-11-06T08:00:00-05:00
    "#);
}

#[test]
fn the_order_of_the_windows_does_not_matter_for_an_approval() {
    let windows = [
        "{hours: 05:00-08:00, approval_required: true}",
        "{hours: 02:00-06:00}",
        "{hours: 04:00-07:00, approval_required: true}",
    ];
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1]] {
        let list = order.map(|index| windows[index]).join(", ");
        let policy = format!("version: 1\ntimezone: UTC\nallowed_windows: [{list}]\n");
        let decision = |at| verdict(&policy, at, TrafficFact::NotAsked).decision;
        assert_eq!(decision("2025-11-06T05:30:00Z"), Decision::Allowed);
        assert_eq!(decision("2025-11-06T06:30:00Z"), Decision::ApprovalRequired);
        assert_eq!(decision("2025-11-06T08:00:00Z"), Decision::Blocked);
    }
}

#[test]
fn a_threshold_that_warns_lets_through() {
    let warning = "version: 1
traffic_threshold: {max_requests_per_second: 1000.5, action: warn, on_unavailable: warn}
";
    let strict = "version: 1\ntraffic_threshold: {max_requests_per_second: 1000, action: warn}\n";
    let at = "2025-11-04T08:00:00Z";
    insta::assert_snapshot!([
        shown(&verdict(warning, at, requests(2000.0))),
        shown(&verdict(warning, at, silent())),
        shown(&verdict(strict, at, silent())),
    ].join("\n"), @r#"
    warned (0)
      traffic_threshold:2 blocked-traffic Warns: traffic is 2000 requests/s, above the maximum of 1000.5 requests/s; the policy only warns
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      opens - closes -
    warned (0)
      traffic_threshold:2 unavailable Warns: traffic is not known: prometheus.example did not answer (the maximum is 1000.5 requests/s); the policy only warns
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      opens - closes -
    blocked (20)
      traffic_threshold:2 unavailable Blocks: traffic is not known: prometheus.example did not answer (the maximum is 1000 requests/s)
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      opens - closes -
    "#);
}

#[test]
fn a_freeze_does_not_stop_a_rollback_unless_it_says_so() {
    let freeze = "version: 1\ntimezone: UTC\nblocked_windows: [{}]\n";
    let all = format!("{freeze}actions: [deploy, rollback]\n");
    let now = instant("2025-11-04T08:00:00Z");
    let facts = Facts {
        traffic: silent(),
        ..Facts::default()
    };
    let mut decided = Vec::new();
    for (name, text) in [("default", freeze), ("listed", all.as_str())] {
        let policy = Policy::parse(text, "p.yaml").unwrap();
        for action in [
            Action::Deploy,
            Action::Rollback,
            Action::Recover,
            Action::Cleanup,
        ] {
            let verdict = evaluate(&policy, &Request::new(action), &facts, now);
            decided.push(format!("{name} {}", shown(&verdict)));
        }
    }
    insta::assert_snapshot!(decided.join("\n"), @r"
    default blocked (10)
      blocked_windows[0]:3 blocked-window Blocks: Tuesday 2025-11-04 08:00 UTC is in the blocked window every day UTC
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      opens - closes -
    default allowed (0)
      actions: allowed Allows: rollback is allowed at any time: this policy applies to deploy, promote only
      opens - closes -
    default allowed (0)
      actions: allowed Allows: recover is allowed at any time: this policy applies to deploy, promote only
      opens - closes -
    default allowed (0)
      actions: allowed Allows: cleanup is allowed at any time: this policy applies to deploy, promote only
      opens - closes -
    listed blocked (10)
      blocked_windows[0]:3 blocked-window Blocks: Tuesday 2025-11-04 08:00 UTC is in the blocked window every day UTC
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      opens - closes -
    listed blocked (10)
      blocked_windows[0]:3 blocked-window Blocks: Tuesday 2025-11-04 08:00 UTC is in the blocked window every day UTC
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      opens - closes -
    listed allowed (0)
      actions: allowed Allows: recover is allowed at any time: this policy applies to deploy, rollback only
      opens - closes -
    listed allowed (0)
      actions: allowed Allows: cleanup is allowed at any time: this policy applies to deploy, rollback only
      opens - closes -
    ");
}

#[test]
fn another_environment_is_refused() {
    let policy = Policy::parse(POLICY, "policies/p.yaml").unwrap();
    let now = instant("2025-11-04T08:00:00Z");
    let request = Request {
        environment: Some("prod".to_owned()),
        ..Request::new(Action::Deploy)
    };
    let facts = Facts {
        traffic: requests(1.0),
        ..Facts::default()
    };
    let failure = check::judge(&policy, &request, &facts, now).unwrap_err();
    assert_eq!(failure.0.ending, Ending::ConfigInvalid);
    insta::assert_snapshot!(failure, @"policies/p.yaml:3:15: this policy is not for the environment `prod`; known: staging, production");
    let verdict = evaluate(&policy, &request, &facts, now);
    assert_eq!(verdict.decision, Decision::Blocked);
}

#[test]
fn traffic_is_stated_asked_for_or_missed() {
    let with_query = Policy::parse(POLICY, "policies/p.yaml").unwrap();
    let without = "version: 1\ntraffic_threshold: {max_requests_per_second: 1}\n";
    let without = Policy::parse(without, "policies/p.yaml").unwrap();
    let none = Policy::parse("version: 1\nblocked_windows: [{timezone: UTC}]\n", "p").unwrap();
    let rate = RequestsPerSecond::new(5.0).unwrap();
    let source = |policy, action, stated, query, at| {
        check::traffic_source(policy, action, stated, query, at)
            .map_err(|failure| (failure.0.ending, failure.to_string()))
    };
    let query = |text: &str| {
        Ok(TrafficSource::Query(TrafficQuery {
            query: text.to_owned(),
            aggregate: None,
            max_age: None,
        }))
    };
    let known = |fact| Ok(TrafficSource::Known(fact));
    let deploy = Action::Deploy;
    assert_eq!(source(&with_query, deploy, None, None, false), query("up"));
    assert_eq!(
        source(&with_query, deploy, None, Some("mine"), false),
        query("mine")
    );
    assert_eq!(
        source(&with_query, deploy, Some(rate), Some("mine"), true),
        known(TrafficFact::Measured(rate))
    );
    for (policy, action, at) in [
        (&without, deploy, true),
        (&without, Action::Rollback, false),
        (&none, deploy, false),
    ] {
        assert_eq!(
            source(policy, action, None, None, at),
            known(TrafficFact::NotAsked)
        );
    }
    let (ending, message) = source(&without, deploy, None, None, false).unwrap_err();
    assert_eq!(ending, Ending::ConfigInvalid);
    insta::assert_snapshot!(message, @"policies/p.yaml:2:20: the policy has a traffic_threshold, and nothing says how much traffic there is");
}

#[test]
fn the_same_question_has_the_same_answer() {
    let once = verdict(POLICY, "2025-11-05T09:30:00Z", requests(2000.0));
    let again = verdict(POLICY, "2025-11-05T09:30:00Z", requests(2000.0));
    assert_eq!(once, again);
}
