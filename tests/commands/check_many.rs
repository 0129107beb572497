//! `shipgate check` for many services: one verdict each, the worst decides; and what `explain` knows.

use std::{collections::BTreeSet, fs, path::Path};

use assert_cmd::Command;
use proptest::prelude::*;
use shipgate::policy::{
    Action, Facts, Freeze, ManyServices, PlanFact, Policy, Request, TrafficFact, evaluate,
};

const POLICY: &str = "version: 1
timezone: UTC
allowed_windows:
  - {name: day, hours: '08:00-18:00'}
  - {name: evening, hours: '18:00-20:00', services: [web, 'shop-*'], approval_required: true}
blocked_windows:
  - {name: ads freeze, services: [ads, 'ad-*'], days: [Tue]}
blocked_dates:
  - {date: 2026-11-26, name: Thanksgiving}
traffic_threshold: {max_requests_per_second: 10}
";

const CONFIG: &str = "version: 1
environments: {production: {root: prod}}
services:
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    fs::write(
        folder.path().join("names.txt"),
        "# the shop\nweb\n\n  shop-cart\nads\nweb\n",
    )
    .unwrap();
    fs::write(folder.path().join("empty.txt"), "# nobody\n").unwrap();
    let mut config = CONFIG.to_owned();
    for service in ["web", "ads"] {
        config.push_str(&format!(
            "  {service}:\n    manifests: ['{{root}}/*.yaml']\n    image: registry.example/{service}\n    workloads: {{stable: Deployment/{service}}}\n    live: {{stable: {{http: 'https://{service}.example/version'}}}}\n    strategy: {{rolling: {{}}}}\n    verification: {{health: [{{http: 'https://{service}.example/health'}}]}}\n"
        ));
    }
    fs::write(folder.path().join("shipgate.yaml"), config).unwrap();
    folder
}

fn check(folder: &Path, at: &str, arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .args(["check", "--policy", "policy.yaml", "--at", at])
        .args(arguments)
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), stdout)
}

const TUESDAY: &str = "2026-11-24T10:00:00Z";

#[test]
fn every_service_has_a_verdict_and_the_worst_decides() {
    let folder = folder();
    let folder = folder.path();
    let (code, stdout) = check(folder, TUESDAY, &["--service", "web,ads"]);
    assert_eq!(code, 10);
    insta::assert_snapshot!(stdout, @r#"
    BLOCKED  1 of 2 services may not go (ads); ads: Tuesday 2026-11-24 10:00 UTC is in the blocked
             window "ads freeze" (Tue UTC); opens Wed 2026-11-25 08:00 UTC (2026-11-25T08:00:00Z)

    services
      decision  service  opens (UTC)           decided by
      allowed   web                            allowed_windows[0]
      blocked   ads      Wed 2026-11-25 08:00  blocked_windows[0]

      because     allows  Tuesday 2026-11-24 10:00 UTC is in the allowed window "day" (every day
                          08:00-18:00 UTC) (allowed_windows[0], line 4)
                  blocks  Tuesday 2026-11-24 10:00 UTC is in the blocked window "ads freeze" (Tue UTC)
                          (blocked_windows[0], line 7)

      judged at   Tuesday 2026-11-24 10:00 UTC
      policy      policy.yaml, sha256 8f7ebd4d0797
      exit code   10 blocked-window

    next: going back stays allowed: `shipgate rollback --service ads`
    "#);
    let evening = "2026-11-23T19:00:00Z";
    let rows: [(&str, &[&str], i32, &str); 8] = [
        (TUESDAY, &["--all"], 10, "1 of 2 services may not go (ads)"),
        (
            TUESDAY,
            &["--service-list", "names.txt"],
            10,
            "1 of 3 services may not go (ads)",
        ),
        (
            TUESDAY,
            &["--service", "web", "--service", "shop-cart"],
            0,
            "all 2 services may go",
        ),
        // Without an opening in between: blocked is worse than an approval.
        (
            evening,
            &["--service", "web,other"],
            10,
            "2 of 2 services may not go (web, other)",
        ),
        (
            evening,
            &["--service", "web,shop-cart"],
            11,
            "2 of 2 services may not go",
        ),
        (
            TUESDAY,
            &["--service", "web,shop-cart", "--traffic", "11"],
            12,
            "2 of 2 services may not go",
        ),
        (
            TUESDAY,
            &["--service-list", "empty.txt"],
            3,
            "empty.txt: names no service; expected one a line",
        ),
        (TUESDAY, &["--all", "--service", "web"], 2, ""),
    ];
    for (at, arguments, code, sentence) in rows {
        let (found, stdout) = check(folder, at, arguments);
        assert_eq!(found, code, "{arguments:?}: {stdout}");
        assert!(stdout.contains(sentence), "{arguments:?}: {stdout}");
    }
    // One service is answered as it always was.
    let (code, stdout) = check(folder, TUESDAY, &["--service", "web"]);
    assert_eq!(code, 0);
    assert!(
        stdout.starts_with("ALLOWED  Tuesday 2026-11-24 10:00 UTC is in the allowed window"),
        "{stdout}"
    );
}

#[test]
fn machines_get_all_verdicts() {
    let folder = folder();
    let arguments = ["--service", "web,ads", "--output", "json"];
    let (code, stdout) = check(folder.path(), TUESDAY, &arguments);
    assert_eq!(code, 10);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["verdict"]["decision"], "blocked");
    let picked: Vec<String> = report["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["service"], one["decision"], one["opens_at"]))
        .collect();
    insta::assert_snapshot!(picked.join("\n"), @r#"
    "web" "allowed" null
    "ads" "blocked" "2026-11-25T08:00:00Z"
    "#);
    let schema = Command::cargo_bin("shipgate")
        .unwrap()
        .args(["schema", "report"])
        .output()
        .unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

proptest! {
    #[test]
    fn a_shared_verdict_is_the_services_own(
        names in proptest::collection::vec("(web|ads|ad-[a-c]|shop-[a-c]|other)", 1..20),
        minutes in 0_i64..10_000,
        frozen in any::<bool>(),
        hold in 0_i64..10,
    ) {
        let required = format!("{POLICY}require: {{least_hold: 5m}}\n");
        let policy = Policy::parse(&required, "policy.yaml").unwrap();
        let freeze = frozen.then(|| Freeze::parse("FREEZE", b"{reason: x, services: ['ad*']}"));
        let request = Request::new(Action::Deploy);
        let facts = Facts { traffic: TrafficFact::Unavailable("nobody".to_owned()), freeze, ..Facts::default() };
        let start: chrono::DateTime<chrono::Utc> = "2026-11-23T00:00:00Z".parse().unwrap();
        let now = start + chrono::TimeDelta::minutes(minutes);
        let mut many = ManyServices::new(&policy, request.clone(), &facts, now);
        for name in names {
            let alone = Request { service: Some(name.clone()), ..request.clone() };
            // Half of the services have a plan, and no two the same one.
            let hold = chrono::TimeDelta::minutes(hold + name.len() as i64);
            let plan = (name.len() % 2 == 0).then(|| PlanFact { hold, ..PlanFact::default() });
            let own = Facts { plan: plan.clone(), ..facts.clone() };
            let found = many.judge(&name, plan.as_ref());
            prop_assert_eq!(&*found, &evaluate(&policy, &alone, &own, now));
        }
    }
}

fn explain(code: &str) -> (i32, String) {
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .env_clear()
        .args(["explain", code])
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), stdout)
}

/// Every word that output can have as a reason code beside the names of exit codes, as the sources
/// write them.
fn reason_codes() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let verdict = fs::read_to_string(root.join("policy/verdict.rs")).unwrap();
    let codes = verdict.split("impl ReasonCode").nth(1).unwrap();
    let codes = codes.split("\n}\n").next().unwrap();
    let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let mut found: BTreeSet<String> = codes.lines().filter_map(quoted).collect();
    assert!(found.len() > 8, "{found:?}");
    let mut folders = vec![root.join("ops"), root.join("cli")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    // What reports know as well is named there.
    let endings = fs::read_to_string(root.join("event/ending.rs")).unwrap();
    for source in &sources {
        for line in source.lines().map(str::trim) {
            let Some(before) = line.strip_suffix(".reason_code);") else {
                continue;
            };
            let word = before.split(".clone_into").next().unwrap();
            let constant = format!("const {word}: &str = ");
            let value = quoted(word).or_else(|| {
                let all = sources.iter().chain([&endings]);
                let mut lines = all.flat_map(|source| source.lines());
                quoted(lines.find(|line| line.contains(&constant))?)
            });
            found.insert(value.unwrap_or_else(|| panic!("{line}: which word is this?")));
        }
    }
    assert!(found.contains("unfinished-run"), "{found:?}");
    found
}

#[test]
fn every_reason_code_is_explained() {
    for code in reason_codes() {
        let (exit, stdout) = explain(&code);
        assert_eq!(exit, 0, "{code}: {stdout}");
        assert!(stdout.contains(&format!("reason {code}\n")), "{stdout}");
    }
    insta::assert_snapshot!(explain("blocked-date").1, @r"
    reason blocked-date
      meaning  on a blocked date
      rule     `blocked_dates`
      exit     10 blocked-window
      next     deploy at the next opening; `shipgate next --calendar` shows which days are blocked and why
    ");
    insta::assert_snapshot!(explain("blocked-window").1, @r"
    10 blocked-window
      meaning  outside the deployment windows, or on a blocked date
      state    as the run found them; a deployment that was held stays held
      next     deploy at the next opening that the message names
      again    yes, once it is open; `--wait-for-window` waits for it
    reason blocked-window
      meaning  outside of every allowed window, or inside a blocked one
      rule     `allowed_windows`, `blocked_windows`
      exit     10 blocked-window
      next     deploy at the next opening; `shipgate next` lists them
    ");
    let (exit, stdout) = explain("blocked-dat");
    assert_eq!(exit, 2);
    assert!(stdout.contains("did you mean `blocked-date`?"), "{stdout}");
}
