//! `shipgate history`: what was deployed, how well that goes, and whether it explains the branch.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generated;
#[path = "../support/hurried.rs"]
mod hurried;
#[path = "../support/random.rs"]
mod random;
#[path = "../override/shop.rs"]
mod shop;
#[path = "../support/third_party.rs"]
mod third_party;

use std::time::Duration;

use serde_json::Value;
use shipgate::sim::{Faults, Scenario};

use shop::{Ran, Shop};
use third_party::ThirdParty;

const POLICY: &str = "version: 1\ntimezone: UTC\nblocked_dates: [2026-12-25]\n";
const STABLE: &str = "clusters/prod/advertisements.yaml";
const CANARY: &str = "clusters/prod/advertisements-canary.yaml";
const BY: [(&str, &str); 1] = [("SHIPGATE_ACTOR", "alice")];

/// A shop with the repository behind it.
struct Past {
    shop: Shop,
    others: ThirdParty,
}

impl Past {
    fn new(scenario: Scenario) -> Self {
        let shop = Shop::new(scenario, POLICY);
        let others = ThirdParty::at(&shop.remote.path().join("gitops.git"));
        Self { shop, others }
    }

    fn deploy(&self, version: &str, code: u8) -> Ran {
        self.later(3600);
        let ran = self.shop.deploy(version, &BY);
        assert_eq!(ran.code, code, "{}", ran.line());
        ran
    }

    fn later(&self, seconds: u64) {
        self.shop.clock.advance(Duration::from_secs(seconds));
    }

    fn now(&self) -> i64 {
        self.shop.clock().timestamp()
    }

    /// Somebody changes a text of a file.
    fn edit(&self, path: &str, old: &str, new: &str, message: &str) -> git2::Oid {
        self.later(60);
        let text = self.shop.text(path);
        assert!(text.contains(old), "{old} is not in {text}");
        let text = text.replace(old, new);
        self.others
            .commit(&[(path, Some(&text))], message, self.now())
    }

    fn audit(&self) -> Ran {
        self.shop.run(&["history", "--audit"], &BY)
    }

    /// The end of an audit and a line for each gap.
    fn gaps(&self) -> String {
        told(&self.audit())
    }
}

fn told(ran: &Ran) -> String {
    let mut lines = vec![format!("{} {}", ran.code, neutral(&ran.line()[2..]))];
    for gap in ran.result["audit"]["gaps"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let change = &gap["change"];
        let place = match change {
            Value::Null => String::new(),
            change => format!(
                " {}:{} {} {} -> {}",
                text(&change["path"]).rsplit('/').next().unwrap(),
                change["line"],
                text(&change["target"]),
                text(&change["old"]),
                text(&change["new"])
            ),
        };
        lines.push(format!(
            "{} by {}:{place} ({})",
            text(&gap["kind"]),
            text(&gap["author"]),
            neutral(&text(&gap["message"]))
        ));
    }
    lines.join("\n")
}

/// Puts a word in the place of ids, which differ from run to run.
fn neutral(text: &str) -> String {
    let word = |word: &str| {
        let is_id = word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id {
            "ID".to_owned()
        } else {
            word.to_owned()
        }
    };
    let words: Vec<String> = text
        .split(' ')
        .map(|text| match text.strip_suffix(',') {
            Some(before) => word(before) + ",",
            None => word(text),
        })
        .collect();
    words.join(" ")
}

#[test]
fn figures_and_deployments_of_a_service() {
    let past = Past::new(Scenario::Errors);
    past.later(86_400);
    let first = [
        "deploy",
        "--version",
        "1.2",
        "--source",
        "shop/advertisements@1a2b3c4d",
        "--source-time",
        "2026-03-11T07:00:00Z",
    ];
    let ran = past.shop.run(&first, &BY);
    assert_eq!(ran.code, 0, "{}", ran.line());
    past.deploy("1.1", 40);
    past.deploy("1.3", 0);
    past.later(3600);
    let back = past.shop.run(&["rollback", "--reason", "it hangs"], &BY);
    assert_eq!(back.code, 0, "{}", back.line());
    past.deploy("1.4", 0);
    past.later(3600);
    let drill = past.shop.run(&["rollback", "--drill"], &BY);
    assert_eq!(drill.code, 0, "{}", drill.line());
    let told = past.shop.run(&["history"], &BY);
    assert_eq!(
        told.line(),
        "0 6 deployments of advertisements in production"
    );
    let list = told.result["deployments"].as_array().unwrap();
    let lines: Vec<String> = list
        .iter()
        .map(|one| {
            format!(
                "{} {} -> {} {} {} {} {}",
                one["state"],
                one["previous_version"],
                one["version"],
                one["cause"],
                one["source"],
                one["drill"],
                one["commits"].as_array().unwrap().len()
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "rolled-back" "1.2" -> "1.4" "asked" null true 1
    "verified" "1.2" -> "1.4" null null false 6
    "rolled-back" "1.2" -> "1.3" "asked" null false 1
    "verified" "1.2" -> "1.3" null null false 6
    "rolled-back" "1.2" -> "1.1" "verification" null false 4
    "verified" "1.0" -> "1.2" null "shop/advertisements@1a2b3c4d" false 6
    "#);
    let dora = serde_json::to_string(&told.result["dora"]).unwrap();
    insta::assert_snapshot!(dora, @r#"{"from":"2026-03-11T10:00:00Z","until":"2026-03-11T15:30:26Z","deployment_frequency":{"deployments":3,"per_week":null,"between":{"median_seconds":7817,"known":2,"of":2}},"lead_time":{"median_seconds":11345,"known":1,"of":3},"change_failure_rate":{"ratio":0.5,"failures":2,"changes":4},"time_to_restore":{"median_seconds":2139,"known":2,"of":2},"not_counted":0,"drills":1}"#);
    let text = past
        .shop
        .run(&["history", "--limit", "2", "--since", "2026-03-11"], &BY);
    assert_eq!(
        text.line(),
        "0 the last 2 of 6 deployments of advertisements in production"
    );
    let none = past.shop.run(&["history", "--since", "1m"], &BY);
    assert_eq!(none.result["deployments"].as_array().unwrap().len(), 1);
    let unknown = past.shop.run(&["history", "--service", "adverts"], &BY);
    assert_eq!(
        unknown.line(),
        "3 shipgate.yaml: unknown service `adverts`; did you mean `advertisements`?"
    );
}

#[test]
fn every_change_of_a_run_is_explained() {
    let past = Past::new(Scenario::Errors);
    insta::assert_snapshot!(past.gaps(), @"0 0 changes of managed values are explained, no gap in 2 commits on `main` since 2026-03-10 10:00 UTC");
    past.deploy("1.1", 40);
    past.deploy("1.2", 0);
    // What shipgate does not manage is everybody's.
    past.edit(
        STABLE,
        "replicas: 3",
        "replicas: 5   # sale",
        "robin: more of it",
    );
    past.edit(
        CANARY,
        "# The canary half",
        "# Half of a canary",
        "robin: words",
    );
    past.later(60);
    let back = past.shop.run(&["rollback"], &BY);
    assert_eq!(back.code, 0, "{}", back.line());
    let to = past.shop.run(&["rollback", "--to", "1.3"], &BY);
    assert_eq!(to.code, 0, "{}", to.line());
    insta::assert_snapshot!(past.gaps(), @"0 37 changes of managed values are explained, no gap in 16 commits on `main` since 2026-03-10 10:00 UTC");
}

#[test]
fn a_journal_on_the_branch_explains_as_well() {
    let past = Past::new(Scenario::Healthy);
    past.shop.world.set_faults(Faults {
        refuse_journal: true,
        ..Faults::default()
    });
    past.deploy("1.1", 0);
    past.deploy("1.2", 0);
    let back = past.shop.run(&["rollback"], &BY);
    assert_eq!(back.code, 0, "{}", back.line());
    insta::assert_snapshot!(past.gaps(), @"0 34 changes of managed values are explained, no gap in 31 commits on `main` since 2026-03-10 10:00 UTC");
}

#[test]
fn a_copy_of_the_last_record_on_top_of_it_is_none_of_the_run() {
    let past = Past::new(Scenario::Healthy);
    past.shop.world.set_faults(Faults {
        refuse_journal: true,
        ..Faults::default()
    });
    past.deploy("1.1", 0);
    let message = past.others.message(past.others.tip());
    assert!(message.contains("Shipgate-State: verified"), "{message}");
    past.edit(STABLE, "advertisements:1.1", "advertisements:1.9", &message);
    insta::assert_snapshot!(past.gaps(), @r"
    4 1 gap in 16 commits on `main` since 2026-03-10 10:00 UTC; 13 changes of managed values are explained
    not-announced by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.1 -> registry.example/shop/advertisements:1.9 (it names run ID, whose journal does not announce this commit)
    ");
}

#[test]
fn what_nobody_explains_is_a_gap() {
    let past = Past::new(Scenario::Healthy);
    past.deploy("1.1", 0);
    let deployed = past.others.tip();
    past.edit(STABLE, "advertisements:1.1", "advertisements:1.9", "hotfix");
    past.edit(
        CANARY,
        "canary-weight: \"0\"",
        "canary-weight: \"5\"",
        "a little",
    );
    // A commit that claims to be of a run, and one that claims a run that never was.
    let message = past.others.message(deployed);
    past.edit(STABLE, "advertisements:1.9", "advertisements:1.8", &message);
    let forged = "advertisements 1.7\n\nShipgate-Run: 0123456789abcdef0123\nShipgate-Service: advertisements\n";
    past.edit(STABLE, "advertisements:1.8", "advertisements:1.7", forged);
    past.later(1);
    past.others
        .commit(&[("notes.txt", Some("x"))], forged, past.now());
    // Broken for a while, and mended with another value.
    let good = past.shop.text(STABLE);
    let bad = good.replace("kind: Deployment", "kind: [Deployment");
    past.later(1);
    past.others
        .commit(&[(STABLE, Some(&bad))], "oops", past.now());
    let mended = good.replace("advertisements:1.7", "advertisements:1.6");
    past.later(1);
    past.others
        .commit(&[(STABLE, Some(&mended))], "mended", past.now());
    // Gone and back with another value.
    past.later(1);
    past.others.commit(&[(STABLE, None)], "gone", past.now());
    let other = good.replace("advertisements:1.7", "advertisements:1.5");
    past.later(1);
    past.others
        .commit(&[(STABLE, Some(&other))], "back", past.now());
    let told = past.gaps();
    insta::assert_snapshot!(told, @r#"
    4 9 gaps in 17 commits on `main` since 2026-03-10 10:00 UTC; 13 changes of managed values are explained
    unexplained by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.6 -> registry.example/shop/advertisements:1.5 (it names no run)
    unreadable by Robin <robin@example.com>: (its values cannot be read: there is no Deployment/advertisements in 1 file; found Deployment/advertisements-canary)
    unexplained by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.7 -> registry.example/shop/advertisements:1.6 (it names no run)
    unreadable by Robin <robin@example.com>: (its values cannot be read: clusters/prod/advertisements.yaml:5: is not readable as YAML: illegal placement of ':' indicator)
    unknown-run by Robin <robin@example.com>: (it names run ID, which no journal knows)
    unknown-run by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.8 -> registry.example/shop/advertisements:1.7 (it names run ID, which no journal knows)
    not-announced by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.9 -> registry.example/shop/advertisements:1.8 (it names run ID, whose journal does not announce this commit)
    unexplained by Robin <robin@example.com>: advertisements-canary.yaml:57 metadata.annotations["nginx.ingress.kubernetes.io/canary-weight"] 0 -> 5 (it names no run)
    unexplained by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.1 -> registry.example/shop/advertisements:1.9 (it names no run)
    "#);
    // Those before an instant are not looked at.
    let since = past.shop.clock().to_rfc3339();
    let late = past
        .shop
        .run(&["history", "--audit", "--since", &since], &BY);
    assert_eq!(late.code, 4, "{}", late.line());
    assert_eq!(late.result["audit"]["commits"], 1, "{}", late.line());
    past.later(10);
    let none = past.shop.run(&["history", "--audit", "--since", "5s"], &BY);
    assert_eq!(none.code, 0, "{}", none.line());
}

#[test]
fn a_merge_is_explained_by_what_it_brings() {
    let past = Past::new(Scenario::Healthy);
    let start = past.others.tip();
    past.deploy("1.1", 0);
    let deployed = past.others.tip();
    // A run's commits that came in by a merge are as good as others.
    past.others.move_to(start);
    past.later(60);
    let notes = past
        .others
        .commit(&[("notes.txt", Some("x"))], "robin: notes", past.now());
    let own: Vec<(String, String)> = past.others.files(deployed);
    let own: Vec<(&str, Option<&str>)> = own
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())))
        .collect();
    past.later(60);
    let merge = past
        .others
        .commit_on(&[notes, deployed], &own, "Merge", past.now());
    past.others.move_to(merge);
    insta::assert_snapshot!(past.gaps(), @"0 8 changes of managed values are explained, no gap in 10 commits on `main` since 2026-03-10 10:00 UTC");
    // What a person did on the side is theirs, not the merge's; what a merge itself does is a gap.
    let text = past.shop.text(STABLE);
    let hotfix = text.replace("advertisements:1.1", "advertisements:1.2");
    past.later(60);
    let side = past
        .others
        .commit_on(&[merge], &[(STABLE, Some(&hotfix))], "side", past.now());
    past.later(60);
    let merged = past.others.commit_on(
        &[merge, side],
        &[(STABLE, Some(&hotfix))],
        "Merge 2",
        past.now(),
    );
    let evil = text.replace("advertisements:1.1", "advertisements:1.3");
    past.later(60);
    let evil = past.others.commit_on(
        &[merged, side],
        &[(STABLE, Some(&evil))],
        "Merge 3",
        past.now(),
    );
    past.others.move_to(evil);
    insta::assert_snapshot!(past.gaps(), @r"
    4 2 gaps in 13 commits on `main` since 2026-03-10 10:00 UTC; 8 changes of managed values are explained
    unexplained by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.2 -> registry.example/shop/advertisements:1.3 (it names no run)
    unexplained by Robin <robin@example.com>: advertisements.yaml:31 spec.template.spec.containers[name=advertisements].image registry.example/shop/advertisements:1.1 -> registry.example/shop/advertisements:1.2 (it names no run)
    ");
}

#[test]
fn commits_that_a_forced_push_took_away_are_missed() {
    let past = Past::new(Scenario::Healthy);
    let start = past.others.tip();
    past.deploy("1.1", 0);
    past.others.move_to(start);
    let told = past.gaps();
    assert_eq!(told.matches("missing-commit").count(), 6, "{told}");
    insta::assert_snapshot!(told.lines().take(2).collect::<Vec<_>>().join("\n"), @r"
    4 6 gaps in 2 commits on `main` since 2026-03-10 10:00 UTC; 0 changes of managed values are explained
    missing-commit by -: (run ID pushed commit ID for step 11/11, and it is not on the branch)
    ");
}

#[test]
fn a_commit_that_claims_to_be_old_hides_nothing() {
    let past = Past::new(Scenario::Healthy);
    past.deploy("1.1", 0);
    past.edit(STABLE, "advertisements:1.1", "advertisements:1.9", "hotfix");
    past.others
        .commit(&[("notes.txt", Some("x"))], "long ago", 1_000_000_000);
    for number in 0..150 {
        let text = number.to_string();
        past.others
            .commit(&[("notes.txt", Some(&text))], "notes", past.now());
    }
    let told = past
        .shop
        .run(&["history", "--audit", "--since", "2026-03-10"], &BY);
    assert_eq!(told.code, 4, "{}", told.line());
    let gaps = told.result["audit"]["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{}", told.line());
}

#[test]
fn a_pipeline_asks_for_it_by_variables() {
    let past = Past::new(Scenario::Healthy);
    past.deploy("1.2", 0);
    let ask = |variables: &[(&str, &str)]| {
        let variables = [&[("SHIPGATE_COMMAND", "history")], variables].concat();
        past.shop.run(&["ci"], &variables)
    };
    let listed = ask(&[("SHIPGATE_LIMIT", "1"), ("SHIPGATE_SINCE", "30d")]);
    assert_eq!(
        listed.line(),
        "0 1 deployment of advertisements in production"
    );
    assert_eq!(listed.result["deployments"][0]["version"], "1.2");
    past.edit(STABLE, "advertisements:1.2", "advertisements:1.9", "hotfix");
    let audit = ask(&[("SHIPGATE_AUDIT", "true")]);
    assert_eq!(audit.code, 4, "{}", audit.line());
    assert_eq!(audit.result["audit"]["gaps"].as_array().unwrap().len(), 1);
}
