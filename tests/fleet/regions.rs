//! A version that goes to three regions one after the other.

use std::{path::Path, time::Duration};

use shipgate::config::Config;

use crate::{
    server::{Behaviour, answer},
    stage::{Ran, Stage, deployment},
    support::bare::{git, others_commit_all},
};

const REGIONS: [&str; 3] = ["eu", "us", "ap"];

/// The configuration with a bake time and a policy of its regions.
fn config(url: &str, bake_time: &str, on_failure: &str) -> String {
    format!(
        "version: 1
environments:
  production:
    branch: main
    bake_time: {bake_time}
    on_region_failure: {on_failure}
    regions:
      - {{name: eu, root: clusters/eu, cluster: c1}}
      - {{name: us, root: clusters/us}}
      - {{name: ap, root: clusters/ap}}
services:
  shop:
    manifests: [\"{{root}}/shop.yaml\"]
    image: registry.example/shop
    workloads: {{stable: Deployment/shop}}
    live: {{stable: {{http: \"{url}/{{{{region}}}}/{{{{environment}}}}/version\", pointer: /version, answers: 1}}}}
    strategy: {{rolling: {{bake_time: 1s}}}}
    verification: {{interval: 1s, health: [{{name: answers, http: \"{url}/{{{{region}}}}/{{{{environment}}}}/health\"}}]}}
"
    )
}

fn files(config: String) -> Vec<(String, String)> {
    let mut files = vec![("shipgate.yaml".to_owned(), config)];
    for region in REGIONS {
        files.push((format!("clusters/{region}/shop.yaml"), deployment("shop")));
    }
    files
}

fn start(bake_time: &str, on_failure: &str) -> Stage {
    Stage::with(|url| files(config(url, bake_time, on_failure)), look)
}

fn version(repository: &Path, region: &str) -> String {
    let path = format!("main:clusters/{region}/shop.yaml");
    let text = git(repository, &["show", &path]);
    let image = text.lines().find(|line| line.contains("image:")).unwrap();
    let version = image.rsplit(':').next().unwrap();
    version.trim_end_matches('"').to_owned()
}

fn versions(stage: &Stage) -> [String; 3] {
    REGIONS.map(|region| version(&stage.git.repository, region))
}

/// How the newest record of a region's journal says that it stands; empty where there is none.
fn state(repository: &Path, region: &str) -> String {
    let reference = format!("refs/shipgate/production-{region}/shop");
    if git(repository, &["for-each-ref", &reference]).is_empty() {
        return String::new();
    }
    let form = "--format=%(trailers:key=Shipgate-State,valueonly)";
    let state = git(repository, &["log", "-1", form, &reference]);
    state.trim().to_owned()
}

/// What runs is what the branch says. 6.6 is ill in `us`, 7.7 in `eu` once its run has ended well, and
/// 8.8 never comes up in `us`.
fn look(repository: &Path, request: &str) -> Behaviour {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let parts: Vec<&str> = target.split('/').skip(1).collect();
    let [region, "production", what] = parts[..] else {
        return answer(404, "", "{}");
    };
    let version = version(repository, region);
    match (what, region, version.as_str()) {
        ("health", "us", "6.6") => answer(500, "", "{}"),
        ("health", "eu", "7.7") if state(repository, "eu") == "verified" => answer(500, "", "{}"),
        ("version", "us", "8.8") => answer(200, "", "{\"version\": \"1.0\"}"),
        _ => answer(200, "", format!("{{\"version\": \"{version}\"}}")),
    }
}

fn deploy(stage: &Stage, version: &str) -> Ran {
    stage.report(&[
        "deploy",
        "--environment",
        "production",
        "--version",
        version,
    ])
}

#[test]
fn each_region_comes_after_the_one_before_and_nothing_is_done_twice() {
    let stage = start("1s", "failed_region");
    let first = stage.git.tip("main");
    let plan = stage.report(&["plan", "--version", "2.0"]).expect(0);
    assert_eq!(
        plan.json()["reason"],
        "all 3 regions of production, one after the other: eu 1s, bake time 1s, us 1s, bake time 1s, ap 1s; together at least 5s; dry run: nothing was pushed"
    );
    assert_eq!(stage.git.tip("main"), first);
    let ran = deploy(&stage, "2.0").expect(0);
    assert_eq!(versions(&stage), ["2.0", "2.0", "2.0"]);
    assert_eq!(
        stage.subjects(&first),
        [
            "shop 2.0: Deployment/shop to 2.0 (production-eu)",
            "shop 2.0: Deployment/shop to 2.0 (production-us)",
            "shop 2.0: Deployment/shop to 2.0 (production-ap)",
        ]
    );
    let report = ran.json();
    assert_eq!(report["reason"], "2.0 is in all 3 regions of production");
    insta::assert_snapshot!(ran.ends(), @r"
    0 ok eu: shop 2.0 in production-eu is live and verified
    0 ok us: shop 2.0 in production-us is live and verified
    0 ok ap: shop 2.0 in production-ap is live and verified
    ");
    // Once more: nothing is to be done, and no bake time is repeated.
    let again = stage.run(&["deploy", "--version", "2.0"]).expect(0);
    assert!(!again.stderr.contains("bake time of"), "{}", again.stderr);
    insta::assert_snapshot!(again.said(), @r"
    NO CHANGE  2.0 is in all 3 regions of production already; nothing to do

    regions
      code  result     region   version  why
         0  no-change  eu                shop 2.0 is in production-eu already; nothing to do
         0  no-change  us                shop 2.0 is in production-us already; nothing to do
         0  no-change  ap                shop 2.0 is in production-ap already; nothing to do
    ");
    let recovered = stage.report(&["recover"]).expect(0);
    assert_eq!(
        recovered.json()["reason"],
        "nothing was to be done in all 3 regions of production"
    );
    let us = ["--environment", "production", "--region", "us"];
    let history = stage.report(&[&["history"], &us[..]].concat()).expect(0);
    assert_eq!(
        history.json()["reason"],
        "1 deployment of shop in production-us"
    );
    let back = stage.report(&[&["rollback"], &us[..]].concat()).expect(0);
    assert_eq!(back.json()["result"], "rolled-back");
    assert_eq!(versions(&stage), ["2.0", "1.0", "2.0"]);
    // A person's way back in one region is no failure, so that the others stay.
    stage.report(&["recover"]).expect(0);
    assert_eq!(versions(&stage), ["2.0", "1.0", "2.0"]);
    // Of all of them together, or of some.
    let all = stage.report(&["history"]).expect(0);
    assert_eq!(
        all.json()["reason"],
        "4 deployments of shop in all 3 regions of production"
    );
    let some = [
        "history",
        "--environment",
        "production",
        "--region",
        "eu,ap",
    ];
    assert_eq!(
        stage.report(&some).expect(0).json()["reason"],
        "2 deployments of shop in 2 of the 3 regions of production"
    );
    for of in [&us[..], &[]] {
        let audit = stage.report(&[&["history", "--audit"], of].concat());
        let gaps = audit.expect(0).json()["audit"]["gaps"].clone();
        assert_eq!(gaps.as_array().unwrap().len(), 0, "{gaps:#}");
    }
    let ap = "clusters/ap/shop.yaml";
    let text = stage.git.git(&["show", &format!("main:{ap}")]);
    stage
        .git
        .others_commit(ap, &format!("{}\n", text.replace(":2.0", ":9.9")));
    let audit = stage.report(&["history", "--audit"]).expect(4);
    let gaps = audit.json()["audit"]["gaps"].clone();
    assert_eq!(gaps.as_array().unwrap().len(), 1, "{gaps:#}");
    assert_eq!(gaps[0]["change"]["path"], ap, "{gaps:#}");
}

#[test]
fn one_that_fails_stops_the_rest_and_takes_back_what_the_policy_says() {
    let rows = [
        ("failed_region", ["6.6", "1.0", "1.0"]),
        ("all", ["1.0", "1.0", "1.0"]),
    ];
    let mut said = String::new();
    for (on_failure, wanted) in rows {
        let stage = start("0s", on_failure);
        let ran = deploy(&stage, "6.6").expect(40);
        assert_eq!(versions(&stage), wanted, "{on_failure}");
        let report = ran.json();
        let reason = report["reason"].as_str().unwrap();
        said.push_str(&format!("{on_failure}\n{reason}\n{}\n\n", ran.ends()));
        let again = stage.report(&["recover"]).expect(0);
        assert_eq!(again.json()["result"], "no-change");
    }
    insta::assert_snapshot!(said, @r"
    failed_region
    us: shop 6.6 in production-us was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement); as they ended, and stay: eu; not begun: ap
    0 ok eu: shop 6.6 in production-eu is live and verified
    40 rolled-back us: shop 6.6 in production-us was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    14 not-begun ap: ap was not begun: us ended as 40 rolled-back

    all
    us: shop 6.6 in production-us was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement); taken back, too: eu; not begun: ap
    40 rolled-back eu: shop 6.6 in production-eu is taken back; 1.0 is live (6.6 failed in us, and `on_region_failure` is `all`)
    40 rolled-back us: shop 6.6 in production-us was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    14 not-begun ap: ap was not begun: us ended as 40 rolled-back
    ");
}

#[test]
fn what_turns_out_bad_in_its_bake_time_is_taken_back_and_goes_no_further() {
    let stage = start("1s", "all");
    let ran = deploy(&stage, "7.7").expect(40);
    assert_eq!(versions(&stage), ["1.0", "1.0", "1.0"]);
    let report = ran.json();
    let said = format!("{}\n\n{}", report["reason"].as_str().unwrap(), ran.ends());
    insta::assert_snapshot!(said, @r"
    eu: shop 7.7 in production-eu is taken back; 1.0 is live (in its bake time: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement)); not begun: us, ap

    40 rolled-back eu: shop 7.7 in production-eu is taken back; 1.0 is live (in its bake time: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement))
    14 not-begun us: us was not begun: eu ended as 40 rolled-back
    14 not-begun ap: ap was not begun: eu ended as 40 rolled-back
    ");
    assert_eq!(state(&stage.git.repository, "us"), "", "never begun");
}

/// Ends a command with SIGKILL as soon as something is so.
pub fn killed_once(stage: &Stage, command: &[&str], is_so: impl Fn() -> bool) {
    let mut child = stage
        .command(command)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while !is_so() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn after_a_kill_in_a_bake_time_the_same_command_goes_on_there() {
    let stage = start("1h", "all");
    let repository = stage.git.repository.clone();
    killed_once(&stage, &["deploy", "--version", "2.0"], || {
        state(&repository, "eu") == "verified"
    });
    assert_eq!(versions(&stage), ["2.0", "1.0", "1.0"]);
    let recovered = stage.report(&["recover"]).expect(0);
    assert_eq!(recovered.json()["result"], "no-change", "it is good so far");
    let text = git(&repository, &["show", "main:shipgate.yaml"]).replace("1h", "1s");
    others_commit_all(&repository, "main", &[("shipgate.yaml".to_owned(), text)]);
    let ran = stage.run(&["deploy", "--version", "2.0"]).expect(0);
    assert!(ran.stderr.contains("bake time of eu"), "{}", ran.stderr);
    assert_eq!(versions(&stage), ["2.0", "2.0", "2.0"]);
    insta::assert_snapshot!(ran.said(), @r"
    DEPLOYED  2.0 is in all 3 regions of production, 1 of them had it already

    regions
      code  result     region   version  why
         0  no-change  eu                shop 2.0 is in production-eu already; nothing to do
         0  deployed   us       2.0      shop 2.0 in production-us is live and verified
         0  deployed   ap       2.0      shop 2.0 in production-ap is live and verified
    ");
}

#[test]
fn recover_takes_back_the_region_under_way_and_those_before_it_where_the_policy_says_so() {
    let stage = start("0s", "all");
    let repository = stage.git.repository.clone();
    killed_once(&stage, &["deploy", "--version", "8.8"], || {
        version(&repository, "us") == "8.8"
    });
    let looked = stage.report(&["recover", "--dry-run"]).expect(0);
    assert_eq!(versions(&stage), ["8.8", "8.8", "1.0"], "{}", looked.stdout);
    let ran = stage.report(&["recover"]).expect(0);
    assert_eq!(versions(&stage), ["1.0", "1.0", "1.0"]);
    let ends = ran.ends();
    let mut ends: Vec<&str> = ends.lines().collect();
    // The middle one names a run and an instant.
    let us = ends.remove(1);
    assert!(
        us.starts_with("0 ok us: shop 8.8 in production-us is taken back; 1.0 is live (run "),
        "{us}"
    );
    insta::assert_snapshot!(ends.join("\n"), @r"
    0 ok eu: shop 8.8 in production-eu is taken back; 1.0 is live (8.8 failed in us, and `on_region_failure` is `all`)
    0 ok ap: nothing is unfinished: shop in production-ap
    ");
}

#[test]
fn a_rollback_takes_back_what_came_last_wherever_it_is() {
    let stage = start("0s", "failed_region");
    deploy(&stage, "2.0").expect(0);
    let of = |regions| ["--environment", "production", "--region", regions];
    let fix = ["deploy", "--version", "2.1"];
    stage.run(&[&fix[..], &of("us,ap")[..]].concat()).expect(0);
    assert_eq!(versions(&stage), ["2.0", "2.1", "2.1"]);
    let first = stage.git.tip("main");
    let shown = stage.report(&["rollback", "--dry-run"]).expect(0);
    insta::assert_snapshot!(shown.ends(), @r"
    0 ok eu: it stays: its last deployment is 2.0, not 2.1
    0 ok us: would take shop 2.1 in production-us back: 1 value in 1 file; dry run: nothing was pushed
    0 ok ap: would take shop 2.1 in production-ap back: 1 value in 1 file; dry run: nothing was pushed
    ");
    assert_eq!(stage.git.tip("main"), first);

    let back = stage.report(&["rollback"]).expect(0);
    insta::assert_snapshot!(back.ends(), @r"
    0 ok eu: it stays: its last deployment is 2.0, not 2.1
    0 ok us: shop 2.1 in production-us is taken back; 2.0 is live (asked for by hand)
    0 ok ap: shop 2.1 in production-ap is taken back; 2.0 is live (asked for by hand)
    ");
    assert_eq!(versions(&stage), ["2.0", "2.0", "2.0"]);
    insta::assert_snapshot!(stage.subjects(&first).join("\n"), @r"
    shop 2.1: values back to 2.0 (production-ap)
    shop 2.1: values back to 2.0 (production-us)
    ");
    let again = stage.report(&["rollback"]).expect(0);
    assert_eq!(
        again.json()["reason"],
        "nothing was to be done in all 3 regions of production"
    );

    let to = ["rollback", "--to", "1.0"];
    stage
        .report(&[&to[..], &of("eu,us")[..]].concat())
        .expect(0);
    assert_eq!(versions(&stage), ["1.0", "1.0", "2.0"]);
    stage.report(&to).expect(0);
    assert_eq!(versions(&stage), ["1.0", "1.0", "1.0"]);
}

#[test]
fn a_region_that_cannot_go_back_does_not_keep_the_others() {
    let stage = start("0s", "failed_region");
    deploy(&stage, "2.0").expect(0);
    let path = "clusters/us/shop.yaml";
    let text = stage.git.git(&["show", &format!("main:{path}")]);
    let other = [(path.to_owned(), text.replace("2.0", "2.9") + "\n")];
    others_commit_all(&stage.git.repository, "main", &other);
    let back = stage.report(&["rollback"]).expect(43);
    insta::assert_snapshot!(back.ends(), @r"
    0 ok eu: shop 2.0 in production-eu is taken back; 1.0 is live (asked for by hand)
    43 superseded us: clusters/us/shop.yaml:11: spec.template.spec.containers[name=app].image of Deployment/shop is `registry.example/shop:2.9` now, not `registry.example/shop:1.0` or `registry.example/shop:2.0`; someone else changed it; no workload with pods or users has 2.0 on branch `main`
    0 ok ap: shop 2.0 in production-ap is taken back; 1.0 is live (asked for by hand)
    ");
    assert_eq!(versions(&stage), ["1.0", "2.9", "1.0"]);
}

#[test]
fn a_rule_for_the_environment_is_one_for_its_regions() {
    let stage = start("0s", "failed_region");
    let check = |region: &str, code: i32| {
        let ran = stage.report(&[
            "check",
            "--environment",
            "production",
            "--region",
            region,
            "--version",
            "2.0",
        ]);
        ran.expect(code);
    };
    check("eu", 0);
    let freeze = |environment: &str| {
        let text = format!("reason: a test\nenvironments: [{environment}]\n");
        let path = "policies/FREEZE".to_owned();
        others_commit_all(&stage.git.repository, "main", &[(path, text)]);
    };
    freeze("production");
    check("eu", 14);
    freeze("production-us");
    check("eu", 0);
    // Of all regions there is one verdict: that of the one that allows the least.
    let all = stage.report(&["check", "--version", "2.0"]).expect(14);
    let report = all.json();
    let said = format!("{}\n\n{}", report["reason"].as_str().unwrap(), all.ends());
    insta::assert_snapshot!(said, @r"
    it may not go to 1 of 3 regions of production (us); us: frozen by policies/FREEZE: a test

    0 ok eu: there are no allowed windows, so any time that is not blocked is open
    14 freeze us: frozen by policies/FREEZE: a test
    0 ok ap: there are no allowed windows, so any time that is not blocked is open
    ");
    assert!(report["services"][0]["verdict"].is_object(), "{report:#}");
    let some = [
        "check",
        "--environment",
        "production",
        "--region",
        "eu,ap",
        "--version",
        "2.0",
    ];
    assert_eq!(stage.report(&some).expect(0).json()["result"], "allowed");
    // It is asked before each region, and what is done by then stays.
    let ran = deploy(&stage, "2.0").expect(14);
    assert_eq!(versions(&stage), ["2.0", "1.0", "1.0"]);
    assert!(
        ran.json()["reason"]
            .as_str()
            .unwrap()
            .ends_with("; as they ended, and stay: eu; not begun: ap"),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_does_not_fit_is_refused_before_anything() {
    let stage = start("0s", "failed_region");
    let first = stage.git.tip("main");
    let rows: &[(&[&str], i32)] = &[
        (&["deploy", "--region", "eu", "--version", "2.0"], 2),
        (
            &[
                "deploy",
                "--environment",
                "production",
                "--region",
                "uk",
                "--version",
                "2.0",
            ],
            3,
        ),
        (
            &[
                "deploy",
                "--environment",
                "production",
                "--region",
                "eu,uk",
                "--version",
                "2.0",
            ],
            3,
        ),
        (&["deploy", "--drill", "--version", "2.0"], 2),
        (&["rollback", "--all", "--one-commit"], 2),
        (&["check", "--all", "--version", "2.0"], 2),
        (&["check", "--version", "2.0", "--wait-for-window", "1h"], 2),
    ];
    let mut said = String::new();
    for (arguments, code) in rows {
        let ran = stage.run(arguments).expect(*code);
        let line = ran.stdout.lines().chain(ran.stderr.lines()).next();
        said.push_str(&format!("{}\n", line.unwrap()));
    }
    insta::assert_snapshot!(said, @r"
    error: the following required arguments were not provided:
    UNKNOWN NAME  shipgate.yaml: unknown region `uk`; known: eu, us, ap
    UNKNOWN NAME  shipgate.yaml: unknown region `uk`; known: eu, us, ap
    ERROR  a drill is for one region at a time
    ERROR  --one-commit is for one region at a time, and this is about several
    ERROR  this is about several services and several regions, and one of the two has to be one
    ERROR  --wait-for-window waits for one region, and this is about several
    ");
    assert_eq!(stage.git.tip("main"), first);
}

#[test]
fn slips_in_the_configuration_are_named() {
    let usual = config("http://127.0.0.1:1", "30m", "all");
    assert!(Config::parse(&usual).is_ok());
    let rows = [
        ("name: us", "name: eu"),
        ("name: us", "name: U_S"),
        ("root: clusters/us", "root: clusters/eu/us"),
        ("root: clusters/us", "root: /clusters"),
        ("    bake_time: 30m\n", ""),
        ("bake_time: 30m", "bake_time: soon"),
        ("    branch: main", "    branch: main\n    root: clusters"),
        ("on_region_failure: all", "on_region_failure: some"),
        ("{root}/shop.yaml", "clusters/*/shop.yaml"),
        ("{{region}}/{{environment}}/version", "version"),
        (
            "environments:\n",
            "environments:\n  production-us: {root: clusters/x}\n",
        ),
        (
            "environments:\n",
            "environments:\n  staging: {root: clusters/x, bake_time: 30m}\n",
        ),
        (
            "      - {name: eu, root: clusters/eu, cluster: c1}\n      - {name: us, root: clusters/us}\n      - {name: ap, root: clusters/ap}\n",
            "      []\n",
        ),
    ];
    let mut said = String::new();
    for (from, to) in rows {
        assert!(usual.contains(from), "{from}");
        for finding in Config::parse(&usual.replacen(from, to, 1)).unwrap_err() {
            said.push_str(&format!("{}: {}\n", finding.position.line, finding.message));
        }
        said.push('\n');
    }
    insta::assert_snapshot!(said, @r#"
    9: `eu` is there twice

    9: `U_S` cannot be the name of a region: expected at most 63 of a-z 0-9 -, such as `shop-web`
    9: `production-U_S` cannot be the name of a region with its environment's in front: expected at most 63 of a-z 0-9 -, such as `shop-web`

    9: found `clusters/eu/us`, which shares files with `clusters/eu` of eu; expected a folder of its own

    9: found `/clusters`, expected a path inside the repository
    9: found `/clusters`, which shares files with `clusters/eu` of eu; expected a folder of its own
    10: found `clusters/ap`, which shares files with `/clusters` of us; expected a folder of its own

    7: expected `bake_time` beside it, such as `bake_time: 30m`: how long a version is watched in one region before it goes to the next

    5: found "soon", expected a duration with a unit, such as 30s, 10m or 1h30m

    5: found `clusters`, and each region has a `root` of its own

    6: unknown value `some`; known: failed_region, all

    13: `clusters/*/shop.yaml` is the same in all 3 regions of production, so what is deployed to one is deployed to all; expected it to begin with `{root}`

    16: asks the same address in all 3 regions of production; use `{{region}}`

    10: as an environment it is `production-us`, and there is one of that name already
    17: `{{region}}` stands for nothing in production-us, which has no `regions`; give it a list of one

    3: found no `regions`, which this is about
    17: `{{region}}` stands for nothing in staging, which has no `regions`; give it a list of one

    8: `environments.production.regions`: [] has less than 1 item
    "#);
}
