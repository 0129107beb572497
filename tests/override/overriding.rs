//! Emergency overrides: what they lift, what they leave behind, and what is refused.

use serde_json::Value;
use shipgate::{policy::Statement, sim::Scenario};

use crate::{
    keys::{Say, Team},
    shop::Shop,
    signed::BOB,
};

/// Today is blocked, and that may be overridden.
pub const BLOCKED: &str = "\
version: 1
timezone: UTC
environments: [production]
blocked_dates: [2026-03-10]
people:
  - {principal: alice@example.com, github: alice}
  - {principal: bob@example.com, github: bob}
override:
  ticket: INC-[0-9]+
  rules: [blocked-date]
";

/// A shop with this policy and the team's keys beside it.
pub fn shop(team: &Team, policy: &str) -> Shop {
    let shop = Shop::new(Scenario::Healthy, policy);
    shop.write("policies/allowed_signers", &team.allowed_signers());
    shop
}

/// The lines of an audit file.
pub fn audit(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn an_override_lets_a_blocked_deployment_go_and_is_on_record() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, BLOCKED);
    let statement = Statement::overriding(&["blocked-date"]);
    let text = team.sign("alice", &statement);
    let with = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &text)]].concat();
    let file = shop.path("audit.jsonl");
    let deploy = ["deploy", "--version", "1.1", "--audit-file", &file];

    let blocked = shop.run(&deploy, &BOB);
    assert_eq!(blocked.code, 10, "{}", blocked.line());
    assert_eq!(blocked.result["override_used"], Value::Bool(false));
    let checked = shop.run(&["check", "--version", "1.1"], &with);
    assert_eq!(checked.code, 0, "{}", checked.line());
    assert_eq!(checked.result["result"], "warned");
    let deployed = shop.run(&deploy, &with);
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    assert_eq!(deployed.result["override_used"], Value::Bool(true));

    let recorded = format!("{} INC-4711", statement.id());
    assert_eq!(shop.trailers("Override"), [recorded]);
    let lines = audit(&file);
    let seen: Vec<String> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].to_string();
            [
                text("event"),
                text("result"),
                text("exit_code"),
                text("overrides"),
                text("ticket"),
            ]
            .join(" ")
        })
        .collect();
    let seen = seen.join("\n").replace(&statement.id(), "ID");
    insta::assert_snapshot!(seen, @r#"
    "outcome" "blocked" 10 [] null
    "override" null null ["ID"] "INC-4711"
    "outcome" "deployed" 0 ["ID"] "INC-4711"
    "#);

    // The same version later is another run.
    let back = shop.run(&["rollback"], &BOB);
    assert_eq!(back.code, 0, "{}", back.line());
    let again = shop.run(&deploy, &with);
    assert_eq!(again.code, 13, "{}", again.line());
    assert!(
        again.line().contains("was used up by run "),
        "{}",
        again.line()
    );
}

#[test]
fn overrides_that_do_not_hold_are_refused_before_anything_is_pushed() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, BLOCKED);
    let before = shop.references();
    let good = || Statement::overriding(&["blocked-date"]);
    let rows = [
        ("from bob himself", team.sign("bob", &good())),
        ("from nobody known", team.sign("mallory", &good())),
        (
            "another ticket",
            team.sign(
                "alice",
                &Statement {
                    ticket: Some("CHG-1".into()),
                    ..good()
                },
            ),
        ),
        (
            "no reason",
            team.sign(
                "alice",
                &Statement {
                    reason: None,
                    ..good()
                },
            ),
        ),
        (
            "another rule",
            team.sign("alice", &Statement::overriding(&["blocked-traffic"])),
        ),
        (
            "another version",
            team.sign(
                "alice",
                &Statement {
                    version: "1.2".into(),
                    ..good()
                },
            ),
        ),
        (
            "another environment",
            team.sign(
                "alice",
                &Statement {
                    environment: "staging".into(),
                    ..good()
                },
            ),
        ),
        (
            "expired",
            team.sign(
                "alice",
                &Statement {
                    expires: good().not_before + chrono::TimeDelta::minutes(30),
                    ..good()
                },
            ),
        ),
        (
            "too long",
            team.sign(
                "alice",
                &Statement {
                    expires: good().expires + chrono::TimeDelta::days(9),
                    ..good()
                },
            ),
        ),
    ];
    let mut lines = Vec::new();
    for (name, text) in rows {
        let with = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &text)]].concat();
        let ran = shop.deploy("1.1", &with);
        lines.push(format!("{name}: {}", team.neutral(&ran.line())));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    from bob himself: 13 the override is refused: override fe953aca326d (bob@example.com) is from whoever deploys; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    from nobody known: 13 the override is refused: override fe953aca326d does not count: policies/allowed_signers has no line with the key of the signature (ssh-ed25519); opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    another ticket: 13 the override is refused: override 0c5103633056 (alice@example.com) has the ticket `CHG-1`, which does not match `INC-[0-9]+`; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    no reason: 13 the override is refused: override 5e9773a25b79 (alice@example.com) gives no reason; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    another rule: 13 the override is refused: override 815ee2a11bf2 (alice@example.com) is for `blocked-traffic`, which may not be overridden; the policy allows blocked-date; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    another version: 13 the override is refused: override c9c45fcb6fd7 (alice@example.com) is for the version `1.2`, not `1.1`; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    another environment: 13 the override is refused: override a0a2929ff181 (alice@example.com) is for the environment `staging`, not `production`; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    expired: 13 the override is refused: override ca46dd6e19ae (alice@example.com) expired Tuesday 2026-03-10 09:30 UTC; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    too long: 13 the override is refused: override 9788329ad61c (alice@example.com) is good for 9d4h, longer than the 4h that the policy allows; opens Wed 2026-03-11 00:00 UTC (2026-03-11T00:00:00Z)
    ");
    assert_eq!(shop.references(), before);
}

#[test]
fn a_run_that_waits_for_a_window_does_not_wait_for_what_is_lifted() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team, BLOCKED);
    let text = team.sign("alice", &Statement::overriding(&["blocked-date"]));
    let with = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &text)]].concat();
    let check = ["check", "--version", "1.1", "--wait-for-window", "48h"];
    let began = shop.clock();
    assert_eq!(shop.run(&check, &with).code, 0);
    assert_eq!(shop.clock(), began);
    let deploy = [
        "deploy",
        "--version",
        "1.1",
        "--wait-for-window",
        "48h",
        "--dry-run",
    ];
    assert_eq!(shop.run(&deploy, &with).code, 0);
    assert_eq!(shop.clock(), began);
}
