//! Several services that each go to two regions one after the other.

use std::path::Path;

use crate::{
    regions::killed_once,
    server::{Behaviour, answer},
    stage::{Ran, Stage, deployment},
    support::bare::git,
};

/// The services; `web` depends on `api`.
const SERVICES: [&str; 3] = ["web", "api", "blog"];
const REGIONS: [&str; 2] = ["eu", "us"];

fn files(url: &str) -> Vec<(String, String)> {
    let mut config = "version: 1
environments:
  production:
    branch: main
    bake_time: 1s
    on_region_failure: all
    regions:
      - {name: eu, root: clusters/eu}
      - {name: us, root: clusters/us}
services:
"
    .to_owned();
    let mut files = Vec::new();
    for name in SERVICES {
        let needs = if name == "web" { "[api]" } else { "[]" };
        config.push_str(&format!(
            "  {name}:
    manifests: [\"{{root}}/{name}.yaml\"]
    image: registry.example/{name}
    workloads: {{stable: Deployment/{name}}}
    depends_on: {needs}
    live: {{stable: {{http: \"{url}/{name}/{{{{region}}}}/version\", pointer: /version, answers: 1}}}}
    strategy: {{rolling: {{bake_time: 1s}}}}
    verification: {{interval: 1s, health: [{{name: answers, http: \"{url}/{name}/{{{{region}}}}/health\"}}]}}
"
        ));
        for region in REGIONS {
            files.push((format!("clusters/{region}/{name}.yaml"), deployment(name)));
        }
    }
    files.push(("shipgate.yaml".to_owned(), config));
    files
}

fn version(repository: &Path, name: &str, region: &str) -> String {
    let path = format!("main:clusters/{region}/{name}.yaml");
    let text = git(repository, &["show", &path]);
    let image = text.lines().find(|line| line.contains("image:")).unwrap();
    let version = image.rsplit(':').next().unwrap();
    version.trim_end_matches('"').to_owned()
}

/// What runs is what the branch says; 6.6 is ill in `us`, and 8.8 never comes up there.
fn look(repository: &Path, request: &str) -> Behaviour {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let parts: Vec<&str> = target.split('/').skip(1).collect();
    let [name, region, what] = parts[..] else {
        return answer(404, "", "{}");
    };
    let version = version(repository, name, region);
    match (what, region, version.as_str()) {
        ("health", "us", "6.6") => answer(500, "", "{}"),
        ("version", "us", "8.8") => answer(200, "", "{\"version\": \"1.0\"}"),
        _ => answer(200, "", format!("{{\"version\": \"{version}\"}}")),
    }
}

/// The versions of each service in each region.
fn versions(stage: &Stage) -> String {
    let of = |name| {
        let found = REGIONS.map(|region| version(&stage.git.repository, name, region));
        format!("{name} {}", found.join(" "))
    };
    SERVICES.map(of).join(", ")
}

/// Code, service, region and reason of each end.
fn ends(ran: &Ran) -> String {
    let report = ran.json();
    let line = |end: &serde_json::Value| {
        let text = |key: &str| end[key].as_str().unwrap_or("-").to_owned();
        let [service, region, version, reason] =
            ["service", "region", "version", "reason"].map(text);
        format!(
            "{} {service} {region} {version}: {reason}",
            end["exit_code"]
        )
    };
    let ends = report["services"].as_array().unwrap();
    let lines: Vec<String> = ends.iter().map(line).collect();
    format!("{}\n{}", text_of(&report["reason"]), lines.join("\n"))
}

fn text_of(value: &serde_json::Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn each_goes_through_its_regions_once_what_it_depends_on_is_everywhere() {
    let stage = Stage::with(files, look);
    let first = stage.git.tip("main");
    let plan = stage.report(&["plan", "--all", "--version", "2.0"]);
    insta::assert_snapshot!(ends(&plan.expect(0)), @r"
    all 3 services ended well
    0 api eu 2.0: 3 steps are planned; dry run: nothing was pushed
    0 api us 2.0: 3 steps are planned; dry run: nothing was pushed
    0 blog eu 2.0: 3 steps are planned; dry run: nothing was pushed
    0 blog us 2.0: 3 steps are planned; dry run: nothing was pushed
    0 web eu 2.0: 3 steps are planned; dry run: nothing was pushed
    0 web us 2.0: 3 steps are planned; dry run: nothing was pushed
    ");
    assert_eq!(stage.git.tip("main"), first);
    let ran = stage
        .run(&["deploy", "--all", "--version", "2.0"])
        .expect(0);
    insta::assert_snapshot!(ran.said(), @r"
    DEPLOYED  all 3 services ended well

    services
      code  result    service  version  why
         0  deployed  api/eu   2.0      api 2.0 in production-eu is live and verified
         0  deployed  api/us   2.0      api 2.0 in production-us is live and verified
         0  deployed  blog/eu  2.0      blog 2.0 in production-eu is live and verified
         0  deployed  blog/us  2.0      blog 2.0 in production-us is live and verified
         0  deployed  web/eu   2.0      web 2.0 in production-eu is live and verified
         0  deployed  web/us   2.0      web 2.0 in production-us is live and verified
    ");
    assert!(ran.stderr.contains("web/us"), "{}", ran.stderr);
    let subjects = stage.subjects(&first);
    let place = |subject: &str| {
        let found = subjects.iter().position(|it| it.as_str() == subject);
        found.unwrap_or_else(|| panic!("{subject}: {subjects:#?}"))
    };
    let brings = |name: &str, region: &str| {
        place(&format!(
            "{name} 2.0: Deployment/{name} to 2.0 (production-{region})"
        ))
    };
    for name in SERVICES {
        assert!(brings(name, "eu") < brings(name, "us"), "{subjects:#?}");
    }
    assert!(brings("api", "us") < brings("web", "eu"), "{subjects:#?}");
    assert_eq!(subjects.len(), 6, "{subjects:#?}");
    let again = stage.report(&["deploy", "--all", "--version", "2.0"]);
    assert_eq!(
        again.expect(0).json()["reason"],
        "all 3 services ended well, 3 of them had nothing to do"
    );
    let recovered = stage.report(&["recover", "--all"]).expect(0);
    insta::assert_snapshot!(ends(&recovered), @r"
    all 3 services ended well, 3 of them had nothing to do
    0 api eu -: nothing is unfinished: api in production-eu
    0 api us -: nothing is unfinished: api in production-us
    0 blog eu -: nothing is unfinished: blog in production-eu
    0 blog us -: nothing is unfinished: blog in production-us
    0 web eu -: nothing is unfinished: web in production-eu
    0 web us -: nothing is unfinished: web in production-us
    ");
}

#[test]
fn one_that_fails_goes_back_in_its_regions_and_what_depends_on_it_is_not_begun() {
    let stage = Stage::with(files, look);
    let wanted = ["deploy", "--service", "web=2.0,api=6.6,blog=2.0"];
    let side_by_side = ["--keep-going", "--max-parallel", "2"];
    let ran = stage.report(&[&wanted[..], &side_by_side[..]].concat());
    insta::assert_snapshot!(ends(&ran.expect(40)), @r"
    2 of 3 services did not end well (web, api); api: us: api 6.6 in production-us was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement); taken back, too: eu
    14 web - 2.0: web was not begun: it depends on `api`, which ended as 40 rolled-back
    40 api eu 6.6: api 6.6 in production-eu is taken back; 1.0 is live (6.6 failed in us, and `on_region_failure` is `all`)
    40 api us 6.6: api 6.6 in production-us was taken back, 1.0 is live again: answers answered with status 500, wanted status 200 to 299 (1 of 1 measurement)
    0 blog eu 2.0: blog 2.0 in production-eu is live and verified
    0 blog us 2.0: blog 2.0 in production-us is live and verified
    ");
    assert_eq!(versions(&stage), "web 1.0 1.0, api 1.0 1.0, blog 2.0 2.0");
    // One region of all of them is as it was before.
    let one = ["--environment", "production", "--region", "us"];
    let all = ["deploy", "--all", "--version", "3.0"];
    stage.report(&[&all[..], &one[..]].concat()).expect(0);
    assert_eq!(versions(&stage), "web 1.0 3.0, api 1.0 3.0, blog 2.0 3.0");
}

#[test]
fn what_was_cut_off_is_recovered_in_each_region() {
    let stage = Stage::with(files, look);
    let repository = stage.git.repository.clone();
    let under_way = ["api", "blog"];
    let command = ["deploy", "--service", "api,blog", "--version", "8.8"];
    killed_once(&stage, &command, || {
        under_way.map(|name| version(&repository, name, "us")) == ["8.8", "8.8"]
    });
    stage.report(&["recover", "--all"]).expect(0);
    assert_eq!(versions(&stage), "web 1.0 1.0, api 1.0 1.0, blog 1.0 1.0");
}

#[test]
fn several_go_back_in_their_regions_and_dependants_first() {
    let stage = Stage::with(files, look);
    stage
        .report(&["deploy", "--all", "--version", "2.0"])
        .expect(0);
    let first = stage.git.tip("main");
    let back = stage
        .report(&["rollback", "--service", "api,web"])
        .expect(0);
    insta::assert_snapshot!(ends(&back), @r"
    all 2 services ended well
    0 api eu -: api 2.0 in production-eu is taken back; 1.0 is live (asked for by hand)
    0 api us -: api 2.0 in production-us is taken back; 1.0 is live (asked for by hand)
    0 web eu -: web 2.0 in production-eu is taken back; 1.0 is live (asked for by hand)
    0 web us -: web 2.0 in production-us is taken back; 1.0 is live (asked for by hand)
    ");
    assert_eq!(versions(&stage), "web 1.0 1.0, api 1.0 1.0, blog 2.0 2.0");
    insta::assert_snapshot!(stage.subjects(&first).join("\n"), @r"
    web 2.0: values back to 1.0 (production-us)
    web 2.0: values back to 1.0 (production-eu)
    api 2.0: values back to 1.0 (production-us)
    api 2.0: values back to 1.0 (production-eu)
    ");
    let to = ["rollback", "--service", "api=2.0,blog=1.0"];
    stage.report(&to).expect(0);
    assert_eq!(versions(&stage), "web 1.0 1.0, api 2.0 2.0, blog 1.0 1.0");
}

#[test]
fn one_commit_is_for_one_region() {
    let stage = Stage::with(files, look);
    let first = stage.git.tip("main");
    let ran = stage.run(&["deploy", "--all", "--version", "2.0", "--one-commit"]);
    let ran = ran.expect(2);
    insta::assert_snapshot!(ran.said(), @r"
    ERROR  --one-commit is for one region at a time, and this is about several

      exit code   2 usage

    next: name one with --region
    ");
    assert_eq!(stage.git.tip("main"), first);
}
