//! What waits for a person, a pause or a version that was judged worse: who may say that it goes on, and
//! what does not count.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use shipgate::{policy::Statement, sim::Scenario};

use crate::{
    keys::{Say, Team},
    server::{Server, answer},
    shop::Shop,
    signed::BOB,
};

/// Open on Tuesdays, without an approval.
const OPEN: &str = "\
version: 1
timezone: UTC
environments: [production]
allowed_windows:
  - {days: [tue], hours: '09:00-17:00'}
people:
  - {principal: alice@example.com, github: alice}
  - {principal: bob@example.com, github: bob}
";

/// An approval that is given now, on the shop's clock.
fn now(shop: &Shop) -> Statement {
    // What is held at this very second was not seen by whoever approves in it.
    shop.clock.advance(Duration::from_secs(2));
    Statement {
        not_before: shop.clock() - TimeDelta::seconds(1),
        expires: shop.clock() + TimeDelta::hours(1),
        ..Statement::approval()
    }
}

fn held(team: &Team, policy: &str, pauses: usize) -> Shop {
    let shop = Shop::new(Scenario::Healthy, policy);
    shop.write("policies/allowed_signers", &team.allowed_signers());
    shop.with_pauses(pauses);
    let ran = shop.deploy("1.1", &BOB);
    assert_eq!(ran.code, 42, "{}", ran.line());
    shop
}

/// A text without what the seconds and the noise of a run are in.
fn neutral(text: &str) -> String {
    let mut neutral = String::new();
    let mut rest = text;
    let marks = ["approval ", "latency_p95 is "];
    while let Some(end) = marks
        .iter()
        .filter_map(|mark| Some(rest.find(mark)? + mark.len()))
        .min()
    {
        let (head, tail) = rest.split_at(end);
        let length = tail.find([' ', ',', ';']).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(length);
        let is_id = word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = word.parse::<f64>().is_ok();
        neutral.push_str(head);
        neutral.push_str(if is_id || is_number { "…" } else { word });
        rest = tail;
    }
    neutral + rest
}

fn with(text: &str) -> Vec<(&str, &str)> {
    [BOB.as_slice(), &[("SHIPGATE_APPROVAL", text)]].concat()
}

#[test]
fn a_pause_goes_on_with_an_approval_of_its_own() {
    let Some(team) = Team::new() else { return };
    let shop = held(&team, OPEN, 2);
    let before = shop.references();
    let other = Statement {
        version: "1.2".to_owned(),
        ..now(&shop)
    };
    let early = Statement {
        expires: shop.clock() + TimeDelta::hours(1),
        ..Statement::approval()
    };
    let rows = [
        ("nothing", String::new()),
        ("from bob himself", team.sign("bob", &now(&shop))),
        ("from nobody known", team.sign("mallory", &now(&shop))),
        ("for another version", team.sign("alice", &other)),
        ("given before it was held", team.sign("alice", &early)),
    ];
    let mut lines = Vec::new();
    for (name, text) in rows {
        let variables = if text.is_empty() {
            BOB.to_vec()
        } else {
            with(&text)
        };
        let ran = shop.deploy("1.1", &variables);
        assert_eq!(ran.code, 42, "{name}: {}", ran.line());
        assert_eq!(shop.references(), before, "{name}");
        lines.push(format!("{name}: {}", team.neutral(&ran.line())));
    }
    let accept = shop.run(&["deploy", "--version", "1.1", "--accept"], &BOB);
    lines.push(format!("by the command itself: {}", accept.line()));
    lines.extend(accept.hints());
    assert_eq!(shop.references(), before);
    insta::assert_snapshot!(neutral(&lines.join("\n")), @r"
    nothing: 42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval
    from bob himself: 42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval; approval … (bob@example.com) is from whoever deploys
    from nobody known: 42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval; approval … does not count: policies/allowed_signers has no line with the key of the signature (ssh-ed25519)
    for another version: 42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval; approval … (alice@example.com) is for the version `1.2`, not `1.1`
    given before it was held: 42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval; approval … (alice@example.com) can have been given before it began to wait, Tuesday 2026-03-10 10:00 UTC
    by the command itself: 42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval; --accept does not count, because the policy names who approves
      hint: to go on: somebody else signs `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1 --push` now; then: shipgate deploy --repository SERVER --service advertisements --environment production --version 1.1
      hint: to take it back: shipgate rollback --repository SERVER --service advertisements --environment production
    ");

    let first = now(&shop);
    let text = team.sign("alice", &first);
    let ran = shop.deploy("1.1", &with(&text));
    assert_eq!(ran.code, 42, "the second pause: {}", ran.line());
    // What has let it past the first one is used up.
    let ran = shop.deploy("1.1", &with(&text));
    assert_eq!(ran.code, 42, "{}", ran.line());
    assert!(ran.line().contains("was used up by run "), "{}", ran.line());
    let second = team.sign("alice", &now(&shop));
    let ran = shop.deploy("1.1", &with(&second));
    assert_eq!(ran.code, 0, "{}", ran.line());
    let passed = ran.result["deployment"]["steps"].as_array().unwrap();
    assert!(
        passed.iter().all(|step| step["state"] != "held"),
        "{passed:?}"
    );
}

#[test]
fn as_many_people_as_the_policy_says_have_to_approve() {
    let Some(team) = Team::new() else { return };
    let two = format!(
        "{OPEN}  - {{principal: carol@example.com, github: carol}}\napprovals: {{minimum: 2}}\n"
    );
    // Also where the policy only tries itself out: it is the service's own pause.
    for policy in [
        two.clone(),
        format!("{two}dry_run: true\n"),
        format!("{two}behavior: warn\n"),
    ] {
        let shop = held(&team, &policy, 1);
        let one = team.sign("alice", &now(&shop));
        let ran = shop.deploy("1.1", &with(&one));
        assert_eq!(ran.code, 42, "{}", ran.line());
        assert!(
            ran.line().contains("1 of 2 (alice@example.com)"),
            "{}",
            ran.line()
        );
        let carol: &[(&str, &str)] = &[("GITHUB_ACTIONS", "true"), ("GITHUB_ACTOR", "carol")];
        let both = one + &team.sign("bob", &now(&shop));
        let ran = shop.deploy("1.1", &[carol, &[("SHIPGATE_APPROVAL", &both)]].concat());
        assert_eq!(ran.code, 0, "{}", ran.line());
    }
}

#[test]
fn where_the_policy_names_nobody_the_command_says_it() {
    let open = OPEN.split("people:").next().unwrap();
    let shop = Shop::new(Scenario::Healthy, open);
    shop.with_pauses(1);
    let ran = shop.deploy("1.1", &BOB);
    assert_eq!(ran.code, 42, "{}", ran.line());
    let ran = shop.deploy("1.1", &BOB);
    insta::assert_snapshot!(format!("{}\n{}", ran.line(), ran.hints().join("\n")), @r"
    42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval
      hint: to go on (the policy names nobody who approves): shipgate deploy --repository SERVER --service advertisements --environment production --version 1.1 --accept
      hint: to take it back: shipgate rollback --repository SERVER --service advertisements --environment production
    ");
    let accepted = shop.run(&["deploy", "--version", "1.1", "--accept"], &BOB);
    assert_eq!(accepted.code, 0, "{}", accepted.line());
    assert_eq!(shop.trailers("Approval"), ["accept/bob"]);
}

/// A GitHub where alice has let the runs 42 and 43 into production; 42 began before the hold, 43 after.
fn github(shop: &Shop) -> Server {
    let after = shop.clock() + TimeDelta::seconds(30);
    let began = move |run: &str| match run {
        "42" => "2026-03-10T09:59:00Z".to_owned(),
        _ => after.to_rfc3339(),
    };
    let approvals = json!([{
        "state": "approved", "comment": "", "environments": [{"id": 1, "name": "production"}],
        "user": {"login": "alice", "id": 1, "type": "User"}
    }]);
    Server::with(move |_, request| {
        let path = request.split(' ').nth(1).unwrap();
        let rest = path.strip_prefix("/repos/shop/ads/actions/runs/");
        let body: Value = match rest.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
            Some((_, "approvals")) => approvals.clone(),
            Some((run, "")) => json!({"id": 1, "created_at": began(run)}),
            _ => return answer(404, "", "{\"message\": \"Not Found\"}"),
        };
        answer(200, "", body.to_string())
    })
}

#[test]
fn a_new_run_of_the_pipeline_that_somebody_lets_in_goes_on() {
    let open = format!("{OPEN}approvals: {{sources: [github_run]}}\n");
    for (run, code) in [("42", 42), ("43", 0)] {
        let shop = Shop::new(Scenario::Healthy, &open);
        shop.with_pauses(1);
        assert_eq!(shop.deploy("1.1", &BOB).code, 42);
        let github = github(&shop);
        shop.clock.advance(Duration::from_secs(60));
        let variables = [
            BOB.as_slice(),
            &[
                ("GITHUB_API_URL", &*github.url),
                ("GITHUB_REPOSITORY", "shop/ads"),
                ("GITHUB_RUN_ID", run),
                ("GITHUB_SHA", "6dcb09b5b57875f334f61aebed695e2e4193db5e"),
            ],
        ];
        let ran = shop.deploy("1.1", &variables.concat());
        assert_eq!(ran.code, code, "{run}: {}", ran.line());
        if code == 42 {
            insta::assert_snapshot!(format!("{}\n{}", ran.line(), ran.hints().join("\n")), @r"
            42 advertisements 1.1 in production is held at weight 10% since 2026-03-10T10:00:37Z: waits for an approval; approval github-run/shop/ads/42/alice (github:alice) can have been given before it began to wait, Tuesday 2026-03-10 10:00 UTC
              hint: to go on: start the pipeline anew (not again), and somebody else lets that run into the environment `production`
              hint: to take it back: shipgate rollback --repository SERVER --service advertisements --environment production
            ");
        } else {
            assert_eq!(shop.trailers("Approval"), ["github-run/shop/ads/43/alice"]);
        }
    }
}

#[test]
fn what_was_judged_worse_and_left_is_told_until_somebody_signs_for_it() {
    let Some(team) = Team::new() else { return };
    let policy = format!("{OPEN}approvals: {{sources: [signature, github_run]}}\n");
    let shop = Shop::new(Scenario::Latency, &policy);
    shop.write("policies/allowed_signers", &team.allowed_signers());
    let config = shop.text("shipgate.yaml");
    let alert = "    on_failure: alert\n    on_unavailable_after";
    shop.write(
        "shipgate.yaml",
        &config.replace("    on_unavailable_after", alert),
    );
    let early = now(&shop);
    let told = shop.deploy("1.1", &BOB);
    assert_eq!(told.code, 42, "{}", told.line());

    let before = shop.references();
    let github = github(&shop);
    shop.clock.advance(Duration::from_secs(60));
    let new_run = [
        BOB.as_slice(),
        &[
            ("GITHUB_API_URL", &*github.url),
            ("GITHUB_REPOSITORY", "shop/ads"),
            ("GITHUB_RUN_ID", "43"),
            ("GITHUB_SHA", "6dcb09b5b57875f334f61aebed695e2e4193db5e"),
        ],
    ];
    let rows = [
        ("nothing", BOB.to_vec()),
        ("a run that was let in", new_run.concat()),
    ];
    let mut lines = Vec::new();
    for (name, variables) in rows {
        let ran = shop.deploy("1.1", &variables);
        assert_eq!(ran.code, 42, "{name}: {}", ran.line());
        assert_eq!(ran.result["reason_code"], "judged-worse", "{name}");
        lines.push(format!("{name}: {}", ran.line()));
        lines.extend(ran.hints());
    }
    let text = team.sign("alice", &early);
    let ran = shop.deploy("1.1", &with(&text));
    assert_eq!(ran.code, 42, "{}", ran.line());
    lines.push(format!("signed before: {}", ran.line()));
    assert_eq!(shop.references(), before);
    let text = team.sign("alice", &now(&shop));
    let planned = shop.run(&["plan", "--version", "1.1"], &with(&text));
    lines.push(format!("plan: {}", planned.line()));
    assert_eq!(shop.references(), before);
    let ran = shop.deploy("1.1", &with(&text));
    lines.push(format!("signed: {}", ran.line()));
    assert_ne!(shop.references(), before);
    let ran = shop.deploy("1.1", &BOB);
    lines.push(format!("afterwards: {}", ran.line()));
    let past = shop.run(&["history"], &[]);
    let run = &past.result["deployments"][0];
    lines.push(format!("history: {} {}", run["version"], run["state"]));
    insta::assert_snapshot!(neutral(&lines.join("\n")), @r#"
    nothing: 42 advertisements 1.1 in production is live for everyone and was judged worse, which `on_failure: alert` only tells: latency_p95 is …, wanted at most 0.5 (2 of 2 measurements)
      hint: to take it back: shipgate rollback --repository SERVER --service advertisements --environment production
      hint: to keep it: somebody else signs `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1 --push` now; then: shipgate deploy --repository SERVER --service advertisements --environment production --version 1.1
    a run that was let in: 42 advertisements 1.1 in production is live for everyone and was judged worse, which `on_failure: alert` only tells: latency_p95 is …, wanted at most 0.5 (2 of 2 measurements); approval github-run/shop/ads/43/alice (github:alice) is not signed; to accept a version that was judged worse takes a signature
      hint: to take it back: shipgate rollback --repository SERVER --service advertisements --environment production
      hint: to keep it: somebody else signs `shipgate approve --repository SERVER --service advertisements --environment production --version 1.1 --push` now; then: shipgate deploy --repository SERVER --service advertisements --environment production --version 1.1
    signed before: 42 advertisements 1.1 in production is live for everyone and was judged worse, which `on_failure: alert` only tells: latency_p95 is …, wanted at most 0.5 (2 of 2 measurements); approval … (alice@example.com) can have been given before it began to wait, Tuesday 2026-03-10 10:09 UTC
    plan: 0 advertisements 1.1 in production stays although it was judged worse: approved by alice@example.com (latency_p95 is …, wanted at most 0.5 (2 of 2 measurements)); dry run: nothing was written
    signed: 0 advertisements 1.1 in production stays although it was judged worse: approved by alice@example.com (latency_p95 is …, wanted at most 0.5 (2 of 2 measurements))
    afterwards: 0 advertisements 1.1 is in production already; nothing to do
    history: "1.1" "accepted"
    "#);
    let back = shop.run(&["rollback"], &BOB);
    assert_eq!(back.code, 0, "{}", back.line());
}
