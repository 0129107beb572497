//! A version that failed here before: refused, and forced only with an approval given after that.

use chrono::TimeDelta;
use shipgate::{policy::Statement, sim::Scenario};

use crate::{
    keys::{Say, Team},
    shop::{Ran, Shop},
    signed::BOB,
};

const POLICY: &str = "\
version: 1
timezone: UTC
environments: [production]
blocked_dates: [2026-12-25]
people:
  - {principal: alice@example.com, github: alice}
  - {principal: bob@example.com, github: bob}
";

/// A shop in which 1.1 has failed.
fn failed(team: &Team, more: &str) -> Shop {
    let shop = Shop::new(Scenario::Errors, &format!("{POLICY}{more}"));
    shop.write("policies/allowed_signers", &team.allowed_signers());
    let bad = shop.deploy("1.1", &BOB);
    assert_eq!(bad.code, 40, "{}", bad.line());
    shop
}

fn forced(shop: &Shop, approval: &str) -> Ran {
    let with = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", approval)]].concat();
    shop.run(&["deploy", "--version", "1.1", "--force-version"], &with)
}

fn line(ran: &Ran) -> String {
    let line = format!("{} {}", ran.line(), ran.result["hints"]);
    let run = line.split("run `").nth(1).unwrap_or_default();
    let run = run.split('`').next().unwrap().to_owned();
    match run.as_str() {
        "" => line,
        run => line.replace(run, "RUN"),
    }
}

#[test]
fn to_force_it_takes_an_approval_that_was_given_after_the_failure() {
    let Some(team) = Team::new() else { return };
    let shop = failed(&team, "");
    let before = shop.references();
    let early = Statement::approval();
    let late = Statement {
        not_before: shop.clock() + TimeDelta::seconds(1),
        ..Statement::approval()
    };
    shop.clock.advance(std::time::Duration::from_secs(10));
    let bob = team.sign("bob", &late);
    let rows = [
        ("deploy", shop.deploy("1.1", &BOB)),
        ("check", shop.run(&["check", "--version", "1.1"], &BOB)),
        (
            "check of another",
            shop.run(&["check", "--version", "1.2"], &BOB),
        ),
        (
            "without approval",
            shop.run(&["deploy", "--version", "1.1", "--force-version"], &BOB),
        ),
        ("too early", forced(&shop, &team.sign("alice", &early))),
        ("from bob himself", forced(&shop, &bob)),
    ];
    let lines = rows.map(|(what, ran)| {
        assert_eq!(ran.code == 14, ran.result["reason_code"] == "known-bad");
        format!("{what}: {}", line(&ran))
    });
    insta::assert_snapshot!(lines.join("\n"), @r#"
    deploy: 14 1.1 failed here before: run `RUN` took it back Tuesday 2026-03-10 10:01 UTC (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); closes Fri 2026-12-25 00:00 UTC (2026-12-25T00:00:00Z) ["to bring it all the same, somebody else signs `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1` now, then --force-version"]
    check: 14 1.1 failed here before: run `RUN` took it back Tuesday 2026-03-10 10:01 UTC (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); closes Fri 2026-12-25 00:00 UTC (2026-12-25T00:00:00Z) ["to bring it all the same, somebody else signs `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1` now, then --force-version"]
    check of another: 0 there are no allowed windows, so any time that is not blocked is open; closes Fri 2026-12-25 00:00 UTC (2026-12-25T00:00:00Z) []
    without approval: 11 1.1 failed here before: run `RUN` took it back Tuesday 2026-03-10 10:01 UTC (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); to force it takes a signed approval that was given after that; closes Fri 2026-12-25 00:00 UTC (2026-12-25T00:00:00Z) ["somebody else approves it with `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1`"]
    too early: 11 1.1 failed here before: run `RUN` took it back Tuesday 2026-03-10 10:01 UTC (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); to force it takes a signed approval that was given after that; approval 09c49ed3fbe9 (alice@example.com) was given before the version failed Tuesday 2026-03-10 10:01 UTC; closes Fri 2026-12-25 00:00 UTC (2026… ["somebody else approves it with `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1`"]
    from bob himself: 11 1.1 failed here before: run `RUN` took it back Tuesday 2026-03-10 10:01 UTC (errors: canary 9.00 % (66 of 733), stable 0.18 % (15 of 8,252), ratio 50× (95 % range 20–143×); 99.8 % sure it is worse than the tolerated 1.25× and than the negligible 1 % (99 % needed) — worse); to force it takes a signed approval that was given after that; approval 5512f641589d (bob@example.com) is from whoever deploys; closes Fri 2026-12-25 00:00 UTC (2026-12-25T00:00:00Z) ["somebody else approves it with `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1`"]
    "#);
    assert_eq!(shop.references(), before);
    // An approval alone does not say that the failure is known.
    let alice = team.sign("alice", &late);
    let with = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &alice)]].concat();
    assert_eq!(shop.deploy("1.1", &with).code, 14);
    let again = forced(&shop, &alice);
    assert_eq!(again.code, 40, "{}", again.line());
    assert_eq!(shop.trailers("Approval"), [late.id()]);
    // It was for that one try.
    let third = forced(&shop, &alice);
    assert_eq!(third.code, 11, "{}", third.line());
}

#[test]
fn the_policy_says_how_long_a_failure_counts() {
    let Some(team) = Team::new() else { return };
    let shop = failed(&team, "versions: {known_bad_for: 1h}\n");
    let early = shop.deploy("1.1", &BOB);
    assert_eq!(early.code, 14, "{}", early.line());
    shop.clock.advance(std::time::Duration::from_secs(3600));
    let late = shop.run(&["check", "--version", "1.1"], &BOB);
    assert_eq!(late.code, 0, "{}", late.line());
    let reasons = late.result["verdict"]["reasons"].as_array().unwrap();
    let past = reasons
        .iter()
        .find(|reason| reason["rule"] == "versions.known_bad");
    let message = past.unwrap()["message"].as_str().unwrap();
    assert!(message.ends_with("; that counts for 1h"), "{message}");
}

#[test]
fn an_override_may_lift_it_where_the_policy_says_so() {
    let Some(team) = Team::new() else { return };
    let shop = failed(
        &team,
        "override: {ticket: 'INC-[0-9]+', rules: [known-bad]}\n",
    );
    let statement = Statement::overriding(&["known-bad"]);
    let text = team.sign("alice", &statement);
    let with = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &text)]].concat();
    let checked = shop.run(&["check", "--version", "1.1"], &with);
    assert_eq!(checked.code, 0, "{}", checked.line());
    assert_eq!(checked.result["result"], "warned");
}
