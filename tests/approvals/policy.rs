//! Approvals and overrides as the policy judges them: who, for what, until when, and how many.

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::{
    event::Ending,
    ops::{check, command::Flags},
    policy::{
        Action, ApprovalSource, Facts, Identity, Policy, Presented, Request, Statement,
        StatementKind, evaluate,
    },
};

const POLICY: &str = "\
version: 1
timezone: UTC
allowed_windows:
  - {days: [Mon, Tue, Wed, Thu], hours: 09:00-16:00}
  - {days: [Fri], hours: 09:00-11:00, approval_required: true}
blocked_dates: [2025-12-24]
people:
  - {principal: alice@example.com, github: alice}
  - {principal: bob@example.com, github: bob, gitlab: bobby}
  - {principal: bob@laptop.example, github: Bob}
  - {github: dave}
";

const QUORUM: &str = "approvals: {minimum: 2}\n";

const OVERRIDE: &str = "\
override:
  ticket: INC-[0-9]+
  rules: [blocked-window, blocked-date, approval-required]
  approvers: ['*@example.com', '*@sre.example']
";

const FRIDAY: &str = "2025-11-07T10:00:00Z";
const SATURDAY: &str = "2025-11-08T10:00:00Z";

fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn principal(name: &str) -> Identity {
    Identity::Principal(name.to_owned())
}

fn github(login: &str) -> Identity {
    Identity::GitHub(login.to_owned())
}

/// An approval of shop 1.1 in production, from an hour before `at` to an hour after.
fn approval(by: &str, at: &str) -> Presented {
    Presented {
        id: format!("id-of-{by}"),
        source: ApprovalSource::Signature,
        by: Ok(principal(by)),
        statement: Some(Statement {
            kind: StatementKind::Approval,
            service: "shop".to_owned(),
            version: "1.1".to_owned(),
            environment: "production".to_owned(),
            not_before: instant(at) - TimeDelta::hours(1),
            expires: instant(at) + TimeDelta::hours(1),
            rules: Vec::new(),
            ticket: None,
            reason: None,
        }),
        given_at: Some(instant(at) - TimeDelta::hours(1)),
        used_by: None,
    }
}

fn overriding(by: &str, at: &str) -> Presented {
    changed(approval(by, at), |statement| {
        statement.kind = StatementKind::Override;
        statement.rules = vec!["blocked-window".to_owned()];
        statement.ticket = Some("INC-42".to_owned());
        statement.reason = Some("checkout is down".to_owned());
    })
}

fn changed(mut presented: Presented, change: impl FnOnce(&mut Statement)) -> Presented {
    change(presented.statement.as_mut().unwrap());
    presented
}

fn request() -> Request {
    Request {
        service: Some("shop".to_owned()),
        environment: Some("production".to_owned()),
        version: Some("1.1".parse().unwrap()),
        ..Request::new(Action::Deploy)
    }
}

fn facts(deployer: Option<Identity>, presented: Vec<Presented>) -> Facts {
    Facts {
        deployer,
        presented,
        ..Facts::default()
    }
}

/// Exit code and the deciding reason; which approvals were used.
fn judged(policy: &str, request: &Request, facts: &Facts, at: &str) -> String {
    let policy = Policy::parse(policy, "p.yaml").unwrap();
    let verdict = evaluate(&policy, request, facts, instant(at));
    let code = Ending::from(&verdict).code().number;
    let deciding = verdict.deciding().unwrap();
    let mut text = format!(
        "{code} {} {:?}: {}",
        verdict.decision.word(),
        deciding.effect,
        deciding.message
    );
    for approved in &verdict.approvals {
        text.push_str(&format!("\n   used {} {}", approved.id, approved.by));
    }
    if let Some(overridden) = &verdict.overridden {
        text.push_str(&format!("\n   {overridden:?}"));
    }
    text
}

#[test]
fn an_approval_holds_for_what_it_says_and_from_somebody_else() {
    let by_alice = || approval("alice@example.com", FRIDAY);
    let with = |presented| {
        judged(
            POLICY,
            &request(),
            &facts(Some(github("bob")), vec![presented]),
            FRIDAY,
        )
    };
    let broken = Presented {
        by: Err("the signature is not of these bytes".to_owned()),
        ..by_alice()
    };
    let from_run = Presented {
        source: ApprovalSource::GitHubRun,
        by: Ok(github("alice")),
        ..by_alice()
    };
    let unread = Presented {
        by: Err("line 1: unknown key `sevice`".to_owned()),
        statement: None,
        ..by_alice()
    };
    let used = Presented {
        used_by: Some("3f2a91c0".to_owned()),
        ..by_alice()
    };
    let rows = [
        ("good", with(by_alice())),
        (
            "other service",
            with(changed(by_alice(), |it| it.service = "cart".to_owned())),
        ),
        (
            "other environment",
            with(changed(by_alice(), |it| {
                it.environment = "staging".to_owned()
            })),
        ),
        (
            "other version",
            with(changed(by_alice(), |it| it.version = "1.10".to_owned())),
        ),
        (
            "not yet",
            with(changed(by_alice(), |it| {
                it.not_before = instant("2025-11-07T10:00:01Z")
            })),
        ),
        (
            "first instant",
            with(changed(by_alice(), |it| it.not_before = instant(FRIDAY))),
        ),
        (
            "just over",
            with(changed(by_alice(), |it| it.expires = instant(FRIDAY))),
        ),
        (
            "too long",
            with(changed(by_alice(), |it| {
                it.expires = instant("2025-11-08T10:00:00Z")
            })),
        ),
        ("used", with(used)),
        ("broken", with(broken)),
        ("unread", with(unread)),
        ("source", with(from_run)),
        ("override", with(overriding("alice@example.com", FRIDAY))),
    ];
    let text: Vec<String> = rows.map(|(name, row)| format!("{name}: {row}")).into();
    insta::assert_snapshot!(text.join("\n"), @r"
    good: 0 allowed Allows: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approved by alice@example.com
       used id-of-alice@example.com alice@example.com
    other service: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) is for the service `cart`, not `shop`
    other environment: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) is for the environment `staging`, not `production`
    other version: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) is for the version `1.10`, not `1.1`
    not yet: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) is not valid before Friday 2025-11-07 10:00 UTC
    first instant: 0 allowed Allows: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approved by alice@example.com
       used id-of-alice@example.com alice@example.com
    just over: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) expired Friday 2025-11-07 10:00 UTC
    too long: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) is good for 1d1h, longer than the 1d that the policy allows
    used: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) was used up by run `3f2a91c0`
    broken: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ does not count: the signature is not of these bytes
    unread: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ does not count: line 1: unknown key `sevice`
    source: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@example.com (github:alice) comes from github_run, which the policy does not list in `sources`
    override: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com): this policy allows no overrides
    ");
}

#[test]
fn nobody_approves_what_they_deploy() {
    let with = |deployer, by| {
        judged(
            POLICY,
            &request(),
            &facts(deployer, vec![approval(by, FRIDAY)]),
            FRIDAY,
        )
    };
    let gitlab = Identity::GitLab("bobby".to_owned());
    let local = Identity::Local("bob".to_owned());
    let rows = [
        ("alice", with(Some(github("Alice")), "alice@example.com")),
        (
            "bob by another key",
            with(Some(gitlab), "bob@laptop.example"),
        ),
        ("nobody", with(None, "alice@example.com")),
        ("local", with(Some(local), "alice@example.com")),
        (
            "unmapped deployer",
            with(Some(github("carol")), "alice@example.com"),
        ),
        (
            "deployer without a key",
            with(Some(github("dave")), "carol@example.com"),
        ),
        (
            "approver that nobody maps",
            with(Some(github("bob")), "carol@example.com"),
        ),
    ];
    let text: Vec<String> = rows.map(|(name, row)| format!("{name}: {row}")).into();
    insta::assert_snapshot!(text.join("\n"), @r"
    alice: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) is from whoever deploys
    bob by another key: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-bob@la (bob@laptop.example) is from whoever deploys
    nobody: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) cannot count: nobody says who deploys, and nobody may approve what they deploy themselves
    local: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) cannot count: `local:bob` deploys, and nobody vouches for that name; deploy from a pipeline
    unmapped deployer: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-alice@ (alice@example.com) cannot count: `alice@example.com` could be the same person as `github:carol`; add `github:carol` to `people`
    deployer without a key: 11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approval id-of-carol@ (carol@example.com) cannot count: `carol@example.com` could be the same person as `github:dave`; add `carol@example.com` to `people`
    approver that nobody maps: 0 allowed Allows: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approved by carol@example.com
       used id-of-carol@example.com carol@example.com
    ");
}

#[test]
fn two_approvals_are_of_two_people() {
    let policy = format!("{POLICY}{QUORUM}");
    let with = |by: &[&str]| {
        let presented = by.iter().map(|by| approval(by, FRIDAY)).collect();
        judged(
            &policy,
            &request(),
            &facts(Some(github("alice")), presented),
            FRIDAY,
        )
    };
    let rows = [
        with(&[]),
        with(&["bob@example.com"]),
        with(&["bob@example.com", "bob@example.com"]),
        with(&["bob@example.com", "bob@laptop.example"]),
        with(&["bob@example.com", "alice@example.com"]),
        with(&["bob@example.com", "carol@example.com"]),
        with(&["bob@example.com", "carol@example.com", "erin@example.com"]),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r"
    11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); 0 of 2
    11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); 1 of 2 (bob@example.com)
    11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); 1 of 2 (bob@example.com); approval id-of-bob@ex (bob@example.com) is from the same person as another (`bob@example.com`)
    11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); 1 of 2 (bob@example.com); approval id-of-bob@la (bob@laptop.example) is from the same person as another (`bob@example.com`)
    11 approval-required AsksApproval: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); 1 of 2 (bob@example.com); approval id-of-alice@ (alice@example.com) is from whoever deploys
    0 allowed Allows: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approved by bob@example.com, carol@example.com
       used id-of-bob@example.com bob@example.com
       used id-of-carol@example.com carol@example.com
    0 allowed Allows: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); approved by bob@example.com, carol@example.com
       used id-of-bob@example.com bob@example.com
       used id-of-carol@example.com carol@example.com
    ");
}

#[test]
fn an_override_lifts_the_rules_it_names_or_is_refused() {
    let policy = format!("{POLICY}{OVERRIDE}");
    let by_alice = || overriding("alice@example.com", SATURDAY);
    let judge = |policy: &str, deployer: &str, presented, at| {
        judged(
            policy,
            &request(),
            &facts(Some(github(deployer)), presented),
            at,
        )
    };
    let with = |presented| judge(&policy, "bob", vec![presented], SATURDAY);
    let changed_by = |change: fn(&mut Statement)| with(changed(by_alice(), change));
    let used = Presented {
        used_by: Some("3f2a91c0".to_owned()),
        ..by_alice()
    };
    let unsigned = Presented {
        source: ApprovalSource::GitHubReview,
        by: Ok(github("alice")),
        ..by_alice()
    };
    let rows = [
        ("good", with(by_alice())),
        (
            "no override in the policy",
            judge(POLICY, "bob", vec![by_alice()], SATURDAY),
        ),
        ("no ticket", changed_by(|it| it.ticket = None)),
        (
            "other ticket",
            changed_by(|it| it.ticket = Some("see INC-42".to_owned())),
        ),
        (
            "no reason",
            changed_by(|it| it.reason = Some(" ".to_owned())),
        ),
        ("no rules", changed_by(|it| it.rules.clear())),
        (
            "rule not allowed",
            changed_by(|it| it.rules.push("blocked-traffic".to_owned())),
        ),
        ("expired", changed_by(|it| it.expires = instant(SATURDAY))),
        (
            "too long",
            changed_by(|it| it.expires = instant("2025-11-08T13:00:01Z")),
        ),
        (
            "other version",
            changed_by(|it| it.version = "1.0".to_owned()),
        ),
        ("used", with(used)),
        ("unsigned", with(unsigned)),
        (
            "not an approver",
            with(overriding("eve@elsewhere.example", SATURDAY)),
        ),
        (
            "the deployer",
            judge(&policy, "alice", vec![by_alice()], SATURDAY),
        ),
        (
            "another rule blocks",
            judge(
                &policy,
                "bob",
                vec![changed(by_alice(), |it| {
                    it.rules = vec!["blocked-date".to_owned()]
                })],
                SATURDAY,
            ),
        ),
        (
            "nothing to lift",
            judge(
                &policy,
                "bob",
                vec![overriding("alice@example.com", "2025-11-06T10:00:00Z")],
                "2025-11-06T10:00:00Z",
            ),
        ),
        (
            "in place of an approval",
            judge(
                &policy,
                "bob",
                vec![changed(overriding("alice@example.com", FRIDAY), |it| {
                    it.rules = vec!["approval-required".to_owned()]
                })],
                FRIDAY,
            ),
        ),
    ];
    let text: Vec<String> = rows.map(|(name, row)| format!("{name}: {row}")).into();
    insta::assert_snapshot!(text.join("\n"), @r#"
    good: 0 warned Overridden: Saturday 2025-11-08 10:00 UTC is outside the allowed windows (Mon-Thu 09:00-16:00; Fri 09:00-11:00 UTC); overridden by alice@example.com (INC-42)
       Overridden { ids: ["id-of-alice@example.com"], ticket: "INC-42", approvers: [Principal("alice@example.com")], reason: "checkout is down", rules: ["blocked-window"], expires: 2025-11-08T11:00:00Z }
    no override in the policy: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com): this policy allows no overrides
    no ticket: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) names no ticket
    other ticket: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) has the ticket `see INC-42`, which does not match `INC-[0-9]+`
    no reason: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) gives no reason
    no rules: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) names no rules
    rule not allowed: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) is for `blocked-traffic`, which may not be overridden; the policy allows blocked-window, blocked-date, approval-required
    expired: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) expired Saturday 2025-11-08 10:00 UTC
    too long: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) is good for 4h1s, longer than the 4h that the policy allows
    other version: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) is for the version `1.0`, not `1.1`
    used: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) was used up by run `3f2a91c0`
    unsigned: 13 blocked Blocks: the override is refused: override id-of-alice@example.com (github:alice) is not signed; an override needs a signature
    not an approver: 13 blocked Blocks: the override is refused: override id-of-eve@el (eve@elsewhere.example) is from someone whom `approvers` does not list
    the deployer: 13 blocked Blocks: the override is refused: override id-of-alice@ (alice@example.com) is from whoever deploys
    another rule blocks: 10 blocked Blocks: Saturday 2025-11-08 10:00 UTC is outside the allowed windows (Mon-Thu 09:00-16:00; Fri 09:00-11:00 UTC)
    nothing to lift: 0 allowed Allows: Thursday 2025-11-06 10:00 UTC is in the allowed window Mon-Thu 09:00-16:00 UTC
    in place of an approval: 0 warned Overridden: Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); overridden by alice@example.com (INC-42)
       Overridden { ids: ["id-of-alice@example.com"], ticket: "INC-42", approvers: [Principal("alice@example.com")], reason: "checkout is down", rules: ["approval-required"], expires: 2025-11-07T11:00:00Z }
    "#);
}

#[test]
fn an_override_of_two_needs_two_for_each_rule() {
    let policy = format!("{POLICY}{OVERRIDE}").replace("INC-[0-9]+", "INC-[0-9]+\n  minimum: 2");
    let christmas = "2025-12-24T20:00:00Z";
    let of = |by: &str, rules: &[&str]| {
        changed(overriding(by, christmas), |it| {
            it.rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        })
    };
    let with = |presented| {
        judged(
            &policy,
            &request(),
            &facts(Some(github("alice")), presented),
            christmas,
        )
    };
    let both = ["blocked-date", "blocked-window"];
    let rows = [
        with(vec![of("bob@example.com", &both)]),
        with(vec![
            of("bob@example.com", &both),
            of("bob@laptop.example", &both),
        ]),
        with(vec![
            of("bob@example.com", &both),
            of("carol@example.com", &["blocked-date"]),
        ]),
        with(vec![
            of("bob@example.com", &both),
            of("carol@example.com", &both),
        ]),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r#"
    13 blocked Blocks: the override is refused: 1 of 2 (bob@example.com)
    13 blocked Blocks: the override is refused: 1 of 2 (bob@example.com); override id-of-bob@la (bob@laptop.example) is from someone whom `approvers` does not list
    10 blocked Blocks: Wednesday 2025-12-24 20:00 UTC is outside the allowed windows (Mon-Thu 09:00-16:00; Fri 09:00-11:00 UTC)
       Overridden { ids: ["id-of-bob@example.com", "id-of-carol@example.com"], ticket: "INC-42", approvers: [Principal("bob@example.com"), Principal("carol@example.com")], reason: "checkout is down", rules: ["blocked-date"], expires: 2025-12-24T21:00:00Z }
    0 warned Overridden: Wednesday 2025-12-24 20:00 UTC is outside the allowed windows (Mon-Thu 09:00-16:00; Fri 09:00-11:00 UTC); overridden by bob@example.com, carol@example.com (INC-42)
       Overridden { ids: ["id-of-bob@example.com", "id-of-carol@example.com"], ticket: "INC-42", approvers: [Principal("bob@example.com"), Principal("carol@example.com")], reason: "checkout is down", rules: ["blocked-window", "blocked-date"], expires: 2025-12-24T21:00:00Z }
    "#);
}

#[test]
fn what_is_wrong_in_the_policy_is_named_with_its_place() {
    let text = "\
version: 1
timezone: UTC
blocked_windows: [{}]
people:
  - {}
  - {principal: ''}
approvals: {minimum: 0, sources: [signatur], max_age: 0s}
override:
  ticket: '('
  rules: [blocked-wndow]
";
    let findings = |text: &str| {
        let findings = Policy::parse(text, "p.yaml").unwrap_err();
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let schema_is_met = text
        .replace("minimum: 0, sources: [signatur]", "minimum: 1")
        .replace("  - {}\n", "  - {}\n  - {github: a}\n");
    let more = schema_is_met
        .replace("'('", "'a)|(b'")
        .replace("max_age: 0s", "max_age: '5'");
    let empty = schema_is_met.replace("'('", "'.*'");
    insta::assert_snapshot!([text, &schema_is_met, &more, &empty].map(findings).join("\n--\n"), @r#"
    7:22: `approvals.minimum`: 0 is less than the minimum of 1
    7:35: unknown value `signatur`; did you mean `signature`?
    --
    5:5: who is this? Expected at least one of `principal`, `github` and `gitlab`
    7:17: expected a text that is not empty
    8:34: expected a duration above 0, such as 24h
    10:11: `(` is no regular expression; expected one such as INC-[0-9]+
    11:11: unknown reason code `blocked-wndow`; did you mean `blocked-window`?
    --
    5:5: who is this? Expected at least one of `principal`, `github` and `gitlab`
    7:17: expected a text that is not empty
    8:34: found "5", expected a duration with a unit, such as 30s, 10m or 1h30m
    10:11: `a)|(b` is no regular expression; expected one such as INC-[0-9]+
    11:11: unknown reason code `blocked-wndow`; did you mean `blocked-window`?
    --
    5:5: who is this? Expected at least one of `principal`, `github` and `gitlab`
    7:17: expected a text that is not empty
    8:34: expected a duration above 0, such as 24h
    10:11: this matches an empty ticket; expected a pattern such as INC-[0-9]+
    11:11: unknown reason code `blocked-wndow`; did you mean `blocked-window`?
    "#);
}

#[test]
fn the_outcome_says_who_can_approve_and_when_nobody_needs_to() {
    let policy = format!("{POLICY}{OVERRIDE}");
    let policy = Policy::parse(&policy, "p.yaml").unwrap();
    let outcome = |at, presented| {
        let facts = facts(Some(github("bob")), presented);
        let verdict = evaluate(&policy, &request(), &facts, instant(at));
        let opens = verdict.opens_at.map(|at| at.to_rfc3339());
        let outcome = check::outcome(&policy, &request(), verdict, &Flags::default());
        format!(
            "{}\n  {}\n  opens {opens:?}, override used: {}",
            outcome.reason,
            outcome.hints.join("\n  "),
            outcome.override_used
        )
    };
    insta::assert_snapshot!([
        outcome(FRIDAY, vec![]),
        outcome(SATURDAY, vec![]),
        outcome(SATURDAY, vec![overriding("alice@example.com", SATURDAY)]),
    ].join("\n"), @r#"
    Friday 2025-11-07 10:00 UTC needs an approval (Fri 09:00-11:00 UTC); closes Fri 2025-11-07 11:00 UTC (2025-11-07T11:00:00Z); without an approval Mon 2025-11-10 09:00 UTC (2025-11-10T09:00:00Z)
      somebody else approves it with `shipgate approve --service shop --environment production --version 1.1`
      opens None, override used: false
    Saturday 2025-11-08 10:00 UTC is outside the allowed windows (Mon-Thu 09:00-16:00; Fri 09:00-11:00 UTC); opens Mon 2025-11-10 09:00 UTC (2025-11-10T09:00:00Z)
      in an emergency somebody else signs `shipgate approve --service shop --environment production --version 1.1 --override --ticket … --reason … --rules …`
      going back stays allowed: `shipgate rollback --service shop --environment production`
      opens Some("2025-11-10T09:00:00+00:00"), override used: false
    Saturday 2025-11-08 10:00 UTC is outside the allowed windows (Mon-Thu 09:00-16:00; Fri 09:00-11:00 UTC); overridden by alice@example.com (INC-42); opens Mon 2025-11-10 09:00 UTC (2025-11-10T09:00:00Z)
      
      opens Some("2025-11-10T09:00:00+00:00"), override used: true
    "#);
}
