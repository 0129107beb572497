//! Signed approvals, as a file, a variable and a ref.

use std::time::Duration;

use chrono::TimeDelta;
use shipgate::{policy::Statement, sim::Scenario};

use crate::{
    keys::{Say, Team},
    shop::Shop,
};

/// On Tuesdays only with an approval.
pub const APPROVALS: &str = "\
version: 1
timezone: UTC
environments: [production]
allowed_windows:
  - {days: [tue], hours: '09:00-17:00', approval_required: true}
people:
  - {principal: alice@example.com, github: alice}
  - {principal: bob@example.com, github: bob}
";

/// Whoever deploys in these tests.
pub const BOB: [(&str, &str); 2] = [("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "bob")];

fn shop(team: &Team) -> Shop {
    let shop = Shop::new(Scenario::Healthy, APPROVALS);
    shop.write("policies/allowed_signers", &team.allowed_signers());
    shop
}

#[test]
fn an_approval_lets_through_and_is_used_up_by_the_run() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team);
    let approval = team.sign("alice", &Statement::approval());
    let file = shop.path("approval.txt");
    std::fs::write(&file, &approval).unwrap();
    let check = ["check", "--version", "1.1", "--approval", &file];
    let deploy = ["deploy", "--version", "1.1", "--approval", &file];

    assert_eq!(shop.run(&["check", "--version", "1.1"], &BOB).code, 11);
    let checked = shop.run(&check, &BOB);
    assert_eq!(checked.code, 0, "{}", checked.line());
    let deployed = shop.run(&deploy, &BOB);
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    assert_eq!(shop.trailers("Approval"), [Statement::approval().id()]);

    // The same version later is another run.
    let back = shop.run(&["rollback"], &BOB);
    assert_eq!(back.code, 0, "{}", back.line());
    let again = shop.run(&deploy, &BOB);
    assert_eq!(again.code, 11, "{}", again.line());
    assert!(
        again.line().contains("was used up by run "),
        "{}",
        again.line()
    );
    assert_eq!(shop.run(&check, &BOB).line(), again.line());
}

#[test]
fn a_run_that_goes_on_may_use_its_approval_again() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team);
    shop.with_pauses(1);
    let approval = team.sign("alice", &Statement::approval());
    let variables = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &approval)]].concat();

    let held = shop.deploy("1.1", &variables);
    assert_eq!(held.code, 42, "{}", held.line());
    let other = shop.deploy("1.2", &variables);
    assert_eq!(other.code, 11, "{}", other.line());
    // For the window it counts again; for the pause it was given too early.
    let again = shop.deploy("1.1", &variables);
    assert_eq!(again.code, 42, "{}", again.line());
    let later = Statement {
        not_before: shop.clock() + TimeDelta::seconds(1),
        ..Statement::approval()
    };
    shop.clock.advance(Duration::from_secs(2));
    let file = shop.path("later.txt");
    std::fs::write(&file, team.sign("alice", &later)).unwrap();
    let go_on = ["deploy", "--version", "1.1", "--approval", &file];
    let deployed = shop.run(&go_on, &variables);
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    let mut ids = [Statement::approval().id(), later.id()];
    ids.sort();
    let mut recorded = shop.trailers("Approval");
    recorded.sort();
    recorded.dedup();
    assert_eq!(recorded, ids);
}

#[test]
fn an_approval_in_the_repository_is_found() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team);
    let key = team.key("alice");
    let approve = [
        "approve",
        "--service",
        "advertisements",
        "--version",
        "1.1",
        "--environment",
        "production",
        "--expires",
        "2h",
        "--key",
        &key,
        "--push",
    ];
    let approved = shop.run(&approve, &[]);
    assert_eq!(approved.code, 0, "{}", approved.line());
    let checked = shop.run(&["check", "--version", "1.1"], &BOB);
    assert_eq!(checked.code, 0, "{}", checked.line());
    let deployed = shop.deploy("1.1", &BOB);
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    assert_eq!(shop.trailers("Approval").len(), 1);
}

#[test]
fn what_does_not_count_is_pushed_by_nobody() {
    let Some(team) = Team::new() else { return };
    let shop = shop(&team);
    let before = shop.references();
    let mut expired = Statement::approval();
    expired.expires = "2026-03-10T09:30:00Z".parse().unwrap();
    let other = Statement {
        version: "1.2".to_owned(),
        ..Statement::approval()
    };
    let good = team.sign("alice", &Statement::approval());
    let rows = [
        ("from bob himself", team.sign("bob", &Statement::approval())),
        (
            "from nobody known",
            team.sign("mallory", &Statement::approval()),
        ),
        ("expired", team.sign("alice", &expired)),
        ("for another version", team.sign("alice", &other)),
        ("changed afterwards", good.replace("\"1.1\"", "\"1.3\"")),
        (
            "not signed",
            good.split("-----BEGIN").next().unwrap().to_owned(),
        ),
        ("a page", "<html>approved</html>".to_owned()),
    ];
    let mut lines = Vec::new();
    for (name, text) in rows {
        let variables = [BOB.as_slice(), &[("SHIPGATE_APPROVAL", &text)]].concat();
        let ran = shop.deploy("1.1", &variables);
        assert_eq!(ran.code, 11, "{name}: {}", ran.line());
        let why = ran.line();
        let why = why
            .split("UTC); ")
            .nth(1)
            .unwrap()
            .split("; closes")
            .next()
            .unwrap();
        lines.push(format!("{name}: {}", team.neutral(why)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    from bob himself: approval 09c49ed3fbe9 (bob@example.com) is from whoever deploys
    from nobody known: approval 09c49ed3fbe9 does not count: policies/allowed_signers has no line with the key of the signature (ssh-ed25519)
    expired: approval b782edb7f9ca (alice@example.com) expired Tuesday 2026-03-10 09:30 UTC
    for another version: approval 133094328f4d (alice@example.com) is for the version `1.2`, not `1.1`
    changed afterwards: approval 52c588fdd43f does not count: the signature does not fit the statement: it was changed, or signed with another key
    not signed: approval 09c49ed3fbe9 does not count: it is not signed; sign it with `ssh-keygen -Y sign -n shipgate -f KEY FILE`
    a page: approval 8cdb2cd8ddfc does not count: the statement cannot be read: expected value at line 1 column 1
    ");
    assert_eq!(shop.references(), before);
    let missing = shop.run(
        &["deploy", "--version", "1.1", "--approval", "nowhere"],
        &BOB,
    );
    assert_eq!(
        missing.line(),
        "2 --approval nowhere: there is no such file"
    );
}
