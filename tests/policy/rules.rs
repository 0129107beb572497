//! Rules besides windows and traffic: freezes, changes, requirements, runway, and policies that only
//! warn or are being tried out.

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::{
    event::Ending,
    policy::{
        Action, Decision, Facts, Freeze, PlanFact, Policy, ReasonCode, Request, TrafficFact,
        Verdict, changed_paths, evaluate,
    },
    units::{RequestsPerSecond, Weight},
};

/// Open from 09:00 to 16:00 on Mondays to Thursdays.
const WEEK: &str = "version: 1
timezone: America/New_York
allowed_windows: [{days: [Mon, Tue, Wed, Thu], hours: '09:00-16:00'}]
blocked_dates: [{date: 2025-12-25, name: Christmas}]
";
const TUESDAY_NOON: &str = "2025-11-04T17:00:00Z";
const SATURDAY: &str = "2025-11-08T17:00:00Z";

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn shop() -> Request {
    Request {
        environment: Some("production".to_owned()),
        service: Some("shop".to_owned()),
        ..Request::new(Action::Deploy)
    }
}

fn judged(policy: &str, request: &Request, facts: &Facts, at: &str) -> Verdict {
    let policy = Policy::parse(policy, "policies/p.yaml").unwrap();
    evaluate(&policy, request, facts, instant(at))
}

/// The whole verdict as text.
fn shown(verdict: &Verdict) -> String {
    let ending = Ending::from(verdict).code();
    let would_be = verdict
        .would_be
        .map(|decision| format!(", would be {}", decision.word()));
    let mut lines = vec![format!(
        "{} ({}{})",
        verdict.decision.word(),
        ending.number,
        would_be.unwrap_or_default()
    )];
    for reason in &verdict.reasons {
        let line = reason
            .line
            .map_or_else(String::new, |line| line.to_string());
        lines.push(format!(
            "  {}:{line} {} {:?}: {}",
            reason.rule,
            reason.code.word(),
            reason.effect,
            reason.message
        ));
    }
    let turn = |word: &str, at: Option<DateTime<chrono::FixedOffset>>, because: &Option<String>| {
        let at = at?.to_rfc3339();
        Some(format!(
            "  {word} {at}: {}",
            because.as_deref().unwrap_or("-")
        ))
    };
    lines.extend(turn("opens", verdict.opens_at, &verdict.opens_because));
    lines.extend(turn("closes", verdict.closes_at, &verdict.closes_because));
    lines.join("\n")
}

#[test]
fn a_verdict_says_why_it_opens_and_closes() {
    let night = "version: 1
timezone: UTC
allowed_windows: [{name: night, hours: '22:00-04:00'}, {hours: '03:00-05:00'}]
blocked_windows: [{name: backup, hours: '23:00-23:30'}]
blocked_dates: [{date: 2025-11-06, name: audit}]
";
    let rows = [
        (WEEK, TUESDAY_NOON),
        (WEEK, SATURDAY),
        (WEEK, "2025-12-24T20:00:00Z"),
        (night, "2025-11-04T12:00:00Z"),
        (night, "2025-11-04T22:30:00Z"),
        (night, "2025-11-04T23:10:00Z"),
        (night, "2025-11-04T23:40:00Z"),
        (night, "2025-11-06T02:00:00Z"),
    ];
    let facts = Facts::default();
    let rows = rows.map(|(policy, at)| {
        let verdict = shown(&judged(policy, &shop(), &facts, at));
        format!(
            "{at}\n{}",
            verdict
                .lines()
                .skip(1)
                .filter(|line| line.starts_with("  opens") || line.starts_with("  closes"))
                .collect::<Vec<_>>()
                .join("\n")
        )
    });
    insta::assert_snapshot!(rows.join("\n"), @r#"
    2025-11-04T17:00:00Z
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    2025-11-08T17:00:00Z
      opens 2025-11-10T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    2025-12-24T20:00:00Z
      closes 2025-12-24T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    2025-11-04T12:00:00Z
      opens 2025-11-04T22:00:00+00:00: the window "night" (every day 22:00-04:00 UTC) begins
    2025-11-04T22:30:00Z
      closes 2025-11-04T23:00:00+00:00: the blocked window "backup" (every day 23:00-23:30 UTC) begins
    2025-11-04T23:10:00Z
      opens 2025-11-04T23:30:00+00:00: the blocked window "backup" (every day 23:00-23:30 UTC) ends
    2025-11-04T23:40:00Z
      closes 2025-11-05T05:00:00+00:00: the window every day 03:00-05:00 UTC ends
    2025-11-06T02:00:00Z
      opens 2025-11-07T00:00:00+00:00: the blocked date "audit" (2025-11-06 UTC) ends
    "#);
}

#[test]
fn a_freeze_is_read_as_text_or_mapping_and_never_misread_as_none() {
    let rows: &[&[u8]] = &[
        b"checkout is down, incident 4711\n",
        b"\n\n  # checkout is down\nContact: #sre-oncall\nmore\n",
        b"contact: #sre\nanother line\n",
        b"Incident: checkout is down\n",
        b"\xef\xbb\xbfcheckout\x1b[31m is\r\n down \xe2\x80\xae\n",
        b"reason: checkout is down\ncontact: '#sre'\nuntil: 2025-11-05T09:00:00+01:00\nservices: [shop*]\n",
        b"{reason: audit, environments: [production]}",
        b"",
        b" \n\t\n",
        b"\xff\xfe",
        b"reason: x\nuntill: 2025-11-05T09:00:00Z\n",
        b"reason: x\nuntil: tomorrow\n",
        b"reason: x\nservices: []\n",
        b"reason: x\nservices: ['[']\n",
        b"reason: [a\n",
        b"contact: sre\n",
        b"{}",
        b"reason: 5\n",
        b"reason: x\n---\nreason: y\n",
        b"[]",
    ];
    let mut read = Vec::new();
    for bytes in rows {
        let freeze = Freeze::parse("policies/FREEZE", bytes);
        assert_eq!(freeze.path, "policies/FREEZE");
        let shown = match &freeze.problem {
            Some(problem) => format!("? {problem}"),
            None => format!(
                "{} | {:?} | {:?} | {:?} {:?}",
                freeze.reason,
                freeze.contact,
                freeze.until.map(|until| until.to_rfc3339()),
                freeze.environments,
                freeze.services
            ),
        };
        let facts = Facts {
            freeze: Some(freeze),
            ..Facts::default()
        };
        let verdict = judged(WEEK, &shop(), &facts, TUESDAY_NOON);
        assert_eq!(Ending::from(&verdict), Ending::BlockedOther, "{shown}");
        read.push(shown);
    }
    insta::assert_snapshot!(read.join("\n"), @r##"
    checkout is down, incident 4711 | None | None | None None
    checkout is down | Some("#sre-oncall") | None | None None
    ? line 2:1: simple key expected ':'
    Incident: checkout is down | None | None | None None
    checkout [31m is | None | None | None None
    checkout is down | Some("#sre") | Some("2025-11-05T08:00:00+00:00") | None Some(["shop*"])
    audit | None | None | Some(["production"]) None
    ? it is empty
    ? it is empty
    ? it is not UTF-8 text
    ? line 2:1: unknown key `untill`; did you mean `until`?
    ? `until` is "tomorrow", expected RFC 3339 with an offset, such as 2026-01-05T09:00:00Z
    ? line 2:11: `services`: [] has less than 1 item
    ? `[` is no name or pattern: unclosed character class; missing ']'
    ? line 1:9: unclosed bracket '['
    ? line 1:1: the key `reason` is missing in the file
    ? line 1:1: the key `reason` is missing in the file
    ? line 1:9: `reason`: 5 is not of type "string"
    ? line 3:1: a second document begins here, expected one document
    [] | None | None | None None
    "##);
}

#[test]
fn a_freeze_stops_what_the_policy_is_about_until_it_is_over() {
    let warns = format!("{WEEK}behavior: warn\n");
    let text = "checkout is down\ncontact: #sre";
    let until = "reason: audit\nuntil: 2025-11-04T18:00:00Z";
    let weekend = "reason: audit\nuntil: 2025-11-08T12:00:00Z";
    let other = "reason: audit\nservices: [cart]";
    let rollback = Request {
        action: Action::Rollback,
        ..shop()
    };
    let nobody = Request::new(Action::Deploy);
    let rows = [
        (WEEK, shop(), text, TUESDAY_NOON),
        (WEEK, shop(), text, SATURDAY),
        (WEEK, rollback, text, TUESDAY_NOON),
        (warns.as_str(), shop(), text, SATURDAY),
        (WEEK, shop(), until, TUESDAY_NOON),
        (WEEK, shop(), until, "2025-11-04T18:00:00Z"),
        (WEEK, shop(), weekend, TUESDAY_NOON),
        (WEEK, shop(), other, TUESDAY_NOON),
        (WEEK, nobody, other, TUESDAY_NOON),
        (WEEK, shop(), "", TUESDAY_NOON),
    ];
    let rows = rows.map(|(policy, request, freeze, at)| {
        let facts = Facts {
            freeze: Some(Freeze::parse("policies/FREEZE", freeze.as_bytes())),
            ..Facts::default()
        };
        shown(&judged(policy, &request, &facts, at))
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    blocked (14)
      FREEZE: freeze Blocks: frozen by policies/FREEZE: checkout is down (contact: #sre)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
    blocked (10)
      allowed_windows:3 blocked-window Blocks: Saturday 2025-11-08 12:00 EST is outside the allowed windows (Mon-Thu 09:00-16:00 America/New_York)
      FREEZE: freeze Blocks: frozen by policies/FREEZE: checkout is down (contact: #sre)
    allowed (0)
      actions: allowed Allows: rollback is allowed at any time: this policy applies to deploy, promote only
    blocked (14)
      FREEZE: freeze Blocks: frozen by policies/FREEZE: checkout is down (contact: #sre)
      allowed_windows:3 blocked-window Warns: Saturday 2025-11-08 12:00 EST is outside the allowed windows (Mon-Thu 09:00-16:00 America/New_York); the policy only warns
    blocked (14)
      FREEZE: freeze Blocks: frozen until Tuesday 2025-11-04 13:00 EST by policies/FREEZE: audit
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-04T13:00:00-05:00: the freeze ends
    allowed (0)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 13:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      FREEZE: allowed Allows: policies/FREEZE was over at Tuesday 2025-11-04 13:00 EST; take the file away
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    blocked (14)
      FREEZE: freeze Blocks: frozen until Saturday 2025-11-08 07:00 EST by policies/FREEZE: audit
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-10T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    allowed (0)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      FREEZE: allowed Allows: policies/FREEZE is for other services or environments
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    blocked (14)
      FREEZE: freeze Blocks: frozen by policies/FREEZE: audit
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
    blocked (14)
      FREEZE: freeze Blocks: frozen by policies/FREEZE, which cannot be understood and so stops everything: it is empty
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
    ");
}

#[test]
fn a_freeze_stops_also_where_a_policy_only_warns_or_is_tried_out() {
    let facts = Facts {
        freeze: Some(Freeze::parse("policies/FREEZE", b"checkout is down\n")),
        ..Facts::default()
    };
    for key in ["behavior: warn", "dry_run: true"] {
        let verdict = judged(&format!("{WEEK}{key}\n"), &shop(), &facts, TUESDAY_NOON);
        assert_eq!(verdict.decision, Decision::Blocked, "{key}");
        assert_eq!(verdict.deciding().unwrap().code, ReasonCode::Freeze);
        assert_eq!(verdict.would_be, None, "{key}");
    }
}

#[test]
fn a_policy_that_warns_or_is_tried_out_lets_through_and_says_so() {
    let rules =
        "traffic_threshold: {max_requests_per_second: 10}\napproval_when: [{paths: ['db/**']}]\n";
    let warns = format!("{WEEK}{rules}behavior: warn\n");
    let tried = format!("{WEEK}{rules}dry_run: true\n");
    let both = format!("{warns}dry_run: true\n");
    let elsewhere = format!("{tried}environments: [staging]\n");
    let mut rows = Vec::new();
    for policy in [&warns, &tried, &both, &elsewhere] {
        for (at, rate, path) in [
            (TUESDAY_NOON, 5.0, "a.rs"),
            (TUESDAY_NOON, 5.0, "db/1.sql"),
            (SATURDAY, 50.0, "a.rs"),
        ] {
            let facts = Facts {
                traffic: TrafficFact::Measured(RequestsPerSecond::new(rate).unwrap()),
                changed_paths: Some(vec![path.to_owned()]),
                ..Facts::default()
            };
            rows.push(shown(&judged(policy, &shop(), &facts, at)));
        }
    }
    insta::assert_snapshot!(rows.join("\n"), @r"
    allowed (0)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      traffic_threshold:5 allowed Allows: traffic is 5 requests/s, within the maximum of 10 requests/s
      approval_when:6 allowed Allows: the one changed file needs no approval
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    warned (0)
      approval_when[0]:6 approval-required Warns: a change of `db/1.sql` needs an approval (`db/**`); the policy only warns
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      traffic_threshold:5 allowed Allows: traffic is 5 requests/s, within the maximum of 10 requests/s
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    warned (0)
      allowed_windows:3 blocked-window Warns: Saturday 2025-11-08 12:00 EST is outside the allowed windows (Mon-Thu 09:00-16:00 America/New_York); the policy only warns
      traffic_threshold:5 blocked-traffic Warns: traffic is 50 requests/s, above the maximum of 10 requests/s; the policy only warns
      approval_when:6 allowed Allows: the one changed file needs no approval
      opens 2025-11-10T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    allowed (0, would be allowed)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      traffic_threshold:5 allowed Allows: traffic is 5 requests/s, within the maximum of 10 requests/s
      approval_when:6 allowed Allows: the one changed file needs no approval
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    warned (0, would be approval-required)
      dry_run:6 approval-required Warns: dry run of the policy: it would need an approval (a change of `db/1.sql` needs an approval (`db/**`))
      approval_when[0]:6 approval-required AsksApproval: a change of `db/1.sql` needs an approval (`db/**`)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      traffic_threshold:5 allowed Allows: traffic is 5 requests/s, within the maximum of 10 requests/s
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    warned (0, would be blocked)
      dry_run:3 blocked-window Warns: dry run of the policy: it would be blocked (Saturday 2025-11-08 12:00 EST is outside the allowed windows (Mon-Thu 09:00-16:00 America/New_York))
      allowed_windows:3 blocked-window Blocks: Saturday 2025-11-08 12:00 EST is outside the allowed windows (Mon-Thu 09:00-16:00 America/New_York)
      traffic_threshold:5 blocked-traffic Blocks: traffic is 50 requests/s, above the maximum of 10 requests/s
      approval_when:6 allowed Allows: the one changed file needs no approval
      opens 2025-11-10T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    allowed (0, would be allowed)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      traffic_threshold:5 allowed Allows: traffic is 5 requests/s, within the maximum of 10 requests/s
      approval_when:6 allowed Allows: the one changed file needs no approval
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    warned (0, would be warned)
      approval_when[0]:6 approval-required Warns: a change of `db/1.sql` needs an approval (`db/**`); the policy only warns
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      traffic_threshold:5 allowed Allows: traffic is 5 requests/s, within the maximum of 10 requests/s
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    warned (0, would be warned)
      allowed_windows:3 blocked-window Warns: Saturday 2025-11-08 12:00 EST is outside the allowed windows (Mon-Thu 09:00-16:00 America/New_York); the policy only warns
      traffic_threshold:5 blocked-traffic Warns: traffic is 50 requests/s, above the maximum of 10 requests/s; the policy only warns
      approval_when:6 allowed Allows: the one changed file needs no approval
      opens 2025-11-10T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    blocked (14)
      environments:8 blocked-other Blocks: this policy is not for the environment `production`; known: staging
    blocked (14)
      environments:8 blocked-other Blocks: this policy is not for the environment `production`; known: staging
    blocked (14)
      environments:8 blocked-other Blocks: this policy is not for the environment `production`; known: staging
    ");
}

#[test]
fn changes_that_need_a_person_are_found_in_the_list() {
    let policy = "version: 1
approval_when:
  - {paths: ['migrations/**', '**/*.sql'], reason: schema change}
  - paths: ['.github/**', 'infra/*.tf']
actions: [deploy, rollback]
";
    let lists: &[Option<&str>] = &[
        None,
        Some(""),
        Some("src/a.rs\n"),
        Some("src/a.rs\nmigrations.md\ninfra/deep/a.tf\n"),
        Some("./migrations/1.sql\n"),
        Some("R100\tmigrations/1.up\tsrc/1.up\n"),
        Some("a.sql\0b/c.sql\0infra/a.tf\0"),
        Some(".github/workflows/a.yml\r\n"),
    ];
    let rollback = Request {
        action: Action::Rollback,
        ..shop()
    };
    let mut rows = Vec::new();
    for list in lists {
        let facts = Facts {
            changed_paths: list.and_then(|list| changed_paths(list.as_bytes()).unwrap()),
            ..Facts::default()
        };
        let verdict = judged(policy, &shop(), &facts, TUESDAY_NOON);
        let reasons = verdict
            .reasons
            .iter()
            .filter(|reason| reason.rule.starts_with("approval"));
        let reasons = reasons.map(|reason| format!("\n  {}: {}", reason.rule, reason.message));
        rows.push(format!(
            "{list:?}: {}{}",
            Ending::from(&verdict).code().number,
            reasons.collect::<String>()
        ));
        let back = judged(policy, &rollback, &facts, TUESDAY_NOON);
        assert_eq!(Ending::from(&back), Ending::Allowed, "{list:?}");
    }
    insta::assert_snapshot!(rows.join("\n"), @r#"
    None: 11
      approval_when: some changes need an approval, and nobody said which files are changed (--changed-files)
    Some(""): 11
      approval_when: some changes need an approval, and nobody said which files are changed (--changed-files)
    Some("src/a.rs\n"): 0
      approval_when: the one changed file needs no approval
    Some("src/a.rs\nmigrations.md\ninfra/deep/a.tf\n"): 0
      approval_when: none of the 3 changed files needs an approval
    Some("./migrations/1.sql\n"): 11
      approval_when[0]: a change of `migrations/1.sql` needs an approval (`migrations/**`): schema change
    Some("R100\tmigrations/1.up\tsrc/1.up\n"): 11
      approval_when[0]: a change of `migrations/1.up` needs an approval (`migrations/**`): schema change
    Some("a.sql\0b/c.sql\0infra/a.tf\0"): 11
      approval_when[0]: a change of `a.sql` and 1 more needs an approval (`**/*.sql`): schema change
      approval_when[1]: a change of `infra/a.tf` needs an approval (`infra/*.tf`)
    Some(".github/workflows/a.yml\r\n"): 11
      approval_when[1]: a change of `.github/workflows/a.yml` needs an approval (`.github/**`)
    "#);
}

fn canary(first: u64, hold: i64, metrics: &[&str]) -> Option<PlanFact> {
    Some(PlanFact {
        path: "shipgate.yaml".to_owned(),
        strategy: "canary".to_owned(),
        length: TimeDelta::minutes(hold + 5),
        first_weight: Some(Weight::new(first).unwrap()),
        hold: TimeDelta::minutes(hold),
        metrics: metrics.iter().map(|name| (*name).to_owned()).collect(),
        on_failure: "rollback".to_owned(),
    })
}

#[test]
fn a_least_stage_of_trust_may_be_required() {
    let mut rows = Vec::new();
    for least in ["rollback", "hold"] {
        let policy = format!("version: 1\nrequire: {{on_failure: {least}}}\n");
        for found in ["rollback", "hold", "alert"] {
            let facts = Facts {
                plan: Some(PlanFact {
                    path: "shipgate.yaml".to_owned(),
                    on_failure: found.to_owned(),
                    ..PlanFact::default()
                }),
                ..Facts::default()
            };
            let verdict = judged(&policy, &shop(), &facts, TUESDAY_NOON);
            let deciding = verdict.deciding().unwrap();
            rows.push(format!("{} {}", verdict.decision.word(), deciding.message));
        }
    }
    insta::assert_snapshot!(rows.join("\n"), @r"
    allowed there are no allowed windows, so any time that is not blocked is open
    blocked shipgate.yaml: `on_failure` is `hold`; the policy requires `rollback`
    blocked shipgate.yaml: `on_failure` is `alert`; the policy requires `rollback`
    allowed there are no allowed windows, so any time that is not blocked is open
    allowed there are no allowed windows, so any time that is not blocked is open
    blocked shipgate.yaml: `on_failure` is `alert`; the policy requires `rollback` or `hold`
    ");
}

#[test]
fn it_opens_again_is_known_where_closing_ends_what_runs() {
    let windows = "version: 1\ntimezone: UTC\nallowed_windows: [{days: [tue, wed], hours: \"09:00-23:00\"}]\n";
    let keys = [
        "",
        "overrun: finish\n",
        "overrun: finish_step\n",
        "overrun: abort\n",
        "overrun: abort\nbehavior: warn\n",
        "overrun: abort\ndry_run: true\n",
    ];
    let rows = keys.map(|keys| {
        let policy = format!("{windows}{keys}");
        let verdict = judged(&policy, &shop(), &Facts::default(), TUESDAY_NOON);
        format!(
            "{:?} {:?} {:?}",
            verdict.overrun, verdict.closes_at, verdict.reopens_at
        )
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    Finish Some(2025-11-04T23:00:00+00:00) None
    Finish Some(2025-11-04T23:00:00+00:00) None
    FinishStep Some(2025-11-04T23:00:00+00:00) Some(2025-11-05T09:00:00+00:00)
    Abort Some(2025-11-04T23:00:00+00:00) Some(2025-11-05T09:00:00+00:00)
    Finish Some(2025-11-04T23:00:00+00:00) None
    Finish Some(2025-11-04T23:00:00+00:00) None
    ");
}

#[test]
fn a_service_cannot_go_under_what_is_required() {
    let policy = "version: 1
require:
  strategies: [canary, blue_green]
  metrics: [error_ratio, p95]
  least_hold: 10m
  largest_first_weight: 10
";
    let rolling = Some(PlanFact {
        path: "shipgate.yaml".to_owned(),
        strategy: "rolling".to_owned(),
        length: TimeDelta::minutes(5),
        ..PlanFact::default()
    });
    let plans = [
        None,
        canary(10, 10, &["p95", "error_ratio", "more"]),
        canary(11, 9, &["error_ratio"]),
        rolling,
    ];
    let rows = plans.map(|plan| {
        let facts = Facts {
            plan,
            ..Facts::default()
        };
        shown(&judged(policy, &shop(), &facts, TUESDAY_NOON))
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    allowed (0)
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      require:3 not-evaluated NotEvaluated: what the service's own configuration does was not looked at
    allowed (0)
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
      require:3 allowed Allows: shipgate.yaml does all that is required
    blocked (14)
      require.metrics:4 require Blocks: shipgate.yaml: only `error_ratio` is judged; the policy requires `p95` too
      require.least_hold:5 require Blocks: shipgate.yaml: the new version is watched for 9m before it gets all of the traffic; the policy requires at least 10m
      require.largest_first_weight:6 require Blocks: shipgate.yaml: the new version gets 11% of the traffic first; the policy requires at most 10%
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
    blocked (14)
      require.strategies:3 require Blocks: shipgate.yaml: the strategy is `rolling`; the policy requires `canary` or `blue_green`
      require.metrics:4 require Blocks: shipgate.yaml: no metric is judged; the policy requires `error_ratio` and `p95` too
      require.least_hold:5 require Blocks: shipgate.yaml: the new version gets all of the traffic without being watched before; the policy requires at least 10m
      require.largest_first_weight:6 require Blocks: shipgate.yaml: the new version gets 100% of the traffic first; the policy requires at most 10%
      allowed_windows: allowed Allows: there are no allowed windows, so any time that is not blocked is open
    ");
    let facts = Facts {
        plan: canary(50, 1, &[]),
        ..Facts::default()
    };
    let rollback = Request {
        action: Action::Rollback,
        ..shop()
    };
    let listed = format!("{policy}actions: [deploy, rollback]\n");
    let verdict = judged(&listed, &rollback, &facts, TUESDAY_NOON);
    assert_eq!(Ending::from(&verdict), Ending::Allowed);
}

#[test]
fn a_deployment_must_end_before_it_closes() {
    // It closes at 16:00; on Wednesday a blocked window makes it two short openings.
    let week = format!("{WEEK}blocked_windows: [{{days: [Wed], hours: '10:00-15:30'}}]\n");
    let plan = format!("{week}runway: true\n");
    let fixed = format!("{week}runway: 45m\n");
    let off = format!("{week}runway: false\n");
    let stated = |minutes| Some(TimeDelta::minutes(minutes));
    let rows = [
        // (policy, plan, stated, instant)
        (&plan, canary(10, 40, &[]), None, "2025-11-04T20:15:00Z"),
        (&plan, canary(10, 41, &[]), None, "2025-11-04T20:15:00Z"),
        (&plan, None, None, "2025-11-04T20:15:00Z"),
        (&plan, None, stated(46), "2025-11-04T20:15:00Z"),
        (&plan, canary(10, 100, &[]), None, "2025-11-04T20:15:00Z"),
        (&plan, canary(10, 100, &[]), None, "2025-11-05T03:00:00Z"),
        (&plan, canary(10, 1000, &[]), None, TUESDAY_NOON),
        (&fixed, None, None, "2025-11-04T20:16:00Z"),
        (&fixed, None, stated(10), "2025-11-04T20:16:00Z"),
        (&fixed, None, stated(300), TUESDAY_NOON),
        (&off, canary(10, 41, &[]), None, "2025-11-04T20:15:00Z"),
    ];
    let rows = rows.map(|(policy, plan, duration, at)| {
        let facts = Facts {
            plan,
            duration,
            ..Facts::default()
        };
        shown(&judged(policy, &shop(), &facts, at))
    });
    insta::assert_snapshot!(rows.join("\n"), @r"
    allowed (0)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:15 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      runway:6 allowed Allows: the deployment takes at least 45m and it closes in 45m
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    blocked (10)
      runway:6 runway Blocks: the deployment takes at least 46m, but it closes in 45m, at Tuesday 2025-11-04 16:00 EST
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:15 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-05T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    allowed (0)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:15 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      runway:6 not-evaluated NotEvaluated: how long the deployment takes is not known; state it with --duration
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    blocked (10)
      runway:6 runway Blocks: the deployment takes at least 46m, but it closes in 45m, at Tuesday 2025-11-04 16:00 EST
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:15 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-05T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    blocked (10)
      runway:6 runway Blocks: the deployment takes at least 1h45m, but it closes in 45m, at Tuesday 2025-11-04 16:00 EST
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:15 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-06T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    blocked (10)
      allowed_windows:3 blocked-window Blocks: Tuesday 2025-11-04 22:00 EST is outside the allowed windows (Mon-Thu 09:00-16:00 America/New_York)
      opens 2025-11-06T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    blocked (10)
      runway:6 runway Blocks: the deployment takes at least 16h45m, but it closes in 4h, at Tuesday 2025-11-04 16:00 EST
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
    blocked (10)
      runway:6 runway Blocks: the deployment takes at least 45m, but it closes in 44m, at Tuesday 2025-11-04 16:00 EST
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:16 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-05T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    blocked (10)
      runway:6 runway Blocks: the deployment takes at least 45m, but it closes in 44m, at Tuesday 2025-11-04 16:00 EST
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:16 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-05T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    blocked (10)
      runway:6 runway Blocks: the deployment takes at least 5h, but it closes in 4h, at Tuesday 2025-11-04 16:00 EST
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 12:00 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      opens 2025-11-06T09:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York begins
    allowed (0)
      allowed_windows[0]:3 allowed Allows: Tuesday 2025-11-04 15:15 EST is in the allowed window Mon-Thu 09:00-16:00 America/New_York
      closes 2025-11-04T16:00:00-05:00: the window Mon-Thu 09:00-16:00 America/New_York ends
    ");
}

#[test]
fn what_is_written_wrong_is_named_with_its_place() {
    let rows = [
        "approval_when: [{paths: [/etc/a, '../b', 'a\\b', 'x[', './c']}]",
        "approval_when: [{paths: [], reason: ''}]",
        "require: {}",
        "require: {least_hold: 0s, largest_first_weight: 0, strategies: []}",
        "require: {least_hold: ten}",
        "runway: 45",
        "runway: 45 minutes",
        "runway: 0s",
        "behavior: allow",
        "dry_run: maybe",
        "traffic_threshold: {max_requests_per_second: 1, aggregate: mean, max_age: 0s}",
        "traffic_threshold: {max_requests_per_second: 1, max_age: 5}",
        "runway: true",
    ];
    let rows = rows.map(|line| {
        let text = format!("version: 1\n{line}\n");
        match Policy::parse(&text, "p.yaml") {
            Ok(_) => format!("{line}\n  fine"),
            Err(findings) => {
                let findings = findings.iter().map(|finding| format!("\n  {finding}"));
                format!("{line}{}", findings.collect::<String>())
            }
        }
    });
    insta::assert_snapshot!(rows.join("\n"), @r#"
    approval_when: [{paths: [/etc/a, '../b', 'a\b', 'x[', './c']}]
      2:26: found `/etc/a`, expected a glob from the repository's root with /, such as `migrations/**`
      2:34: found `../b`, expected a glob from the repository's root with /, such as `migrations/**`
      2:42: found `a\\b`, expected a glob from the repository's root with /, such as `migrations/**`
      2:49: `x[` is no glob: unclosed character class; missing ']'
      2:55: found `./c`, expected a glob from the repository's root with /, such as `migrations/**`
    approval_when: [{paths: [], reason: ''}]
      2:25: `approval_when.0.paths`: [] has less than 1 item
    require: {}
      2:10: `require` asks for nothing; name what it requires
    require: {least_hold: 0s, largest_first_weight: 0, strategies: []}
      2:49: `require.largest_first_weight`: 0 is less than the minimum of 1
      2:64: `require.strategies`: [] has less than 1 item
    require: {least_hold: ten}
      2:23: found "ten", expected a duration with a unit, such as 30s, 10m or 1h30m
    runway: 45
      2:9: `runway`: 45 is not of types "boolean", "string"
    runway: 45 minutes
      1:1: the policy allows everything; write at least one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`
      2:9: found "45 minutes", expected a duration with a unit, such as 30s, 10m or 1h30m
    runway: 0s
      1:1: the policy allows everything; write at least one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`
      2:9: expected a length of time above 0
    behavior: allow
      2:11: unknown value `allow`; known: block, warn
    dry_run: maybe
      2:10: `dry_run`: "maybe" is not of type "boolean"
    traffic_threshold: {max_requests_per_second: 1, aggregate: mean, max_age: 0s}
      2:60: unknown value `mean`; known: sum, max, avg, min
    traffic_threshold: {max_requests_per_second: 1, max_age: 5}
      2:58: `traffic_threshold.max_age`: 5 is not of type "string"
    runway: true
      1:1: the policy allows everything; write at least one of `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`
    "#);
}
