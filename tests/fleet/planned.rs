//! Plans as files, and the deployments that they become.

use serde_json::{Value, json};

use crate::stage::{Ran, Stage};

/// What `plan` says of some services, written to a file.
fn plan(stage: &Stage, file: &str, services: &str) -> Value {
    let ran = stage.report(&["plan", "--service", services, "--version", "2.0"]);
    let ran = ran.expect(0);
    stage.file(file, &ran.stdout);
    ran.json()
}

fn first_line(ran: &Ran) -> String {
    ran.json()["reason"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_planned_apart_goes_in_one_commit() {
    let stage = Stage::start();
    plan(&stage, "web.json", "web");
    plan(&stage, "others.json", "cart,api");
    // The branch moves elsewhere meanwhile, and the lines of a planned file with it.
    let path = "clusters/prod/web.yaml";
    let text = stage.git.git(&["show", &format!("main:{path}")]);
    stage
        .git
        .others_commit(path, &format!("# mind the gap\n{text}\n"));
    let first = stage.git.tip("main");
    let together = [
        "deploy",
        "--plan",
        "web.json",
        "--plan",
        "others.json",
        "--one-commit",
    ];
    stage.report(&together).expect(0);
    assert_eq!(stage.versions(), ["2.0", "2.0", "2.0"]);
    assert_eq!(
        stage.subjects(&first),
        ["api 2.0, cart 2.0 and 1 more (production)"]
    );
    // What is there already is no matter: not while it is deployed, and not while it is planned.
    let again = stage.report(&together).expect(0);
    assert_eq!(again.json()["result"], "no-change");
    plan(&stage, "done.json", "web,api");
    insta::assert_snapshot!(
        first_line(&stage.report(&["deploy", "--plan", "done.json"]).expect(0)),
        @"the plans have nothing to do: what was planned for runs already"
    );
}

#[test]
fn a_plan_that_is_not_what_would_be_done_is_refused() {
    let stage = Stage::start();
    let made = plan(&stage, "web.json", "web");
    let write = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut plan = made.clone();
        change(&mut plan);
        stage.file(name, &plan.to_string());
    };
    let value = "/plan/commits/0/changes/0";
    write("new.json", &|plan| {
        *plan.pointer_mut(&format!("{value}/new")).unwrap() = json!("registry.example/evil:2.0");
    });
    write("version.json", &|plan| {
        plan["plan"]["version"] = json!("2.1")
    });
    write("more.json", &|plan| {
        let mut more = plan.pointer(value).unwrap().clone();
        more["target"] = json!("spec.replicas");
        let changes = plan.pointer_mut("/plan/commits/0/changes").unwrap();
        changes.as_array_mut().unwrap().push(more);
    });
    write("fewer.json", &|plan| plan["plan"]["commits"] = json!([]));
    write("elsewhere.json", &|plan| {
        plan["plan"]["repository"] = json!("https://git.example/other.git");
    });
    write("older.json", &|plan| plan["schema_version"] = json!(0));
    write("early.json", &|plan| {
        plan["plan"].as_object_mut().unwrap().remove("repository");
    });
    write("check.json", &|plan| plan["command"] = json!("check"));
    write("none.json", &|plan| plan["plan"] = Value::Null);
    write("name.json", &|plan| {
        plan["plan"]["service"] = json!("web=6.6")
    });
    stage.file("cut.json", &made.to_string()[..200]);
    stage.file("twice.json", &made.to_string());
    let staging = ["--environment", "staging"];
    let rows: &[(&str, &[&str], i32)] = &[
        ("new", &[], 30),
        ("version", &[], 30),
        ("more", &[], 30),
        ("fewer", &[], 30),
        ("elsewhere", &[], 2),
        ("older", &[], 2),
        ("early", &[], 2),
        ("check", &[], 2),
        ("none", &[], 2),
        ("cut", &[], 2),
        ("web", &staging, 2),
        ("web", &["--plan", "twice.json"], 2),
        ("name", &[], 3),
        ("missing", &[], 2),
    ];
    let first = stage.git.tip("main");
    let mut said = String::new();
    let mut refused = |name: &str, more: &[&str], code: i32| {
        let file = format!("{name}.json");
        let ran = stage.report(&[&["deploy", "--plan", &file], more].concat());
        let ran = ran.expect(code);
        let report = ran.json();
        said.push_str(&format!(
            "{} {}\n",
            report["reason_code"].as_str().unwrap(),
            first_line(&ran)
        ));
    };
    for (name, more, code) in rows {
        refused(name, more, *code);
    }
    assert_eq!(stage.git.tip("main"), first);
    // Its values move, and the gate closes.
    let path = "clusters/prod/web.yaml";
    let text = stage.git.git(&["show", &format!("main:{path}")]);
    stage
        .git
        .others_commit(path, &format!("{}\n", text.replace("web:1.0", "web:1.5")));
    refused("web", &[], 30);
    // Where it is for is said, also where nothing would be left to do.
    let there = text.replace("web:1.0", "web:2.0");
    stage.git.others_commit(path, &format!("{there}\n"));
    refused("elsewhere", &[], 2);
    stage
        .git
        .others_commit(path, &format!("{}\n", text.replace("web:1.0", "web:1.5")));
    stage
        .git
        .others_commit("policies/FREEZE", "reason: audit\ncontact: ops\n");
    refused("web", &[], 14);
    let address = stage.git.url();
    let said = said.replace(address.trim_end_matches(".git"), "GIT");
    insta::assert_snapshot!(said, @r#"
    plan-outdated clusters/prod/web.yaml:11: spec.template.spec.containers[name=app].image of Deployment/web would become `registry.example/web:2.0` now, and the plan new.json expects `registry.example/evil:2.0`
    plan-outdated clusters/prod/web.yaml:11: spec.template.spec.containers[name=app].image of Deployment/web would become `registry.example/web:2.1` now, and the plan version.json expects `registry.example/web:2.0`
    plan-outdated clusters/prod/web.yaml:11: spec.replicas of Deployment/web would stay as it is, and the plan more.json expects `registry.example/web:2.0`
    plan-outdated `web 2.0: Deployment/web to 2.0 (production)` would be pushed now, and the plan fewer.json expects no such commit
    usage elsewhere.json: is a plan for repository `https://git.example/other`, and this is `GIT`
    usage older.json: `schema_version` is 0, expected 1
    usage early.json: missing field `repository`; a plan of this version of shipgate was expected
    usage check.json: is the report of "check", expected one of `plan`
    usage none.json: there is no plan: it ended with 0, "3 steps are planned; dry run: nothing was pushed"
    usage cut.json:1:200: it ends too early, expected a whole report of `plan`
    usage web.json: is a plan for environment `production`, expected `staging`
    usage twice.json: there is a plan of `web` in web.json already
    unknown-name shipgate.yaml: unknown service `web=6.6`; did you mean `web`?
    usage missing.json: cannot be read: No such file or directory (os error 2)
    plan-outdated clusters/prod/web.yaml:11: spec.template.spec.containers[name=app].image of Deployment/web is `registry.example/web:1.5` now, and the plan web.json expects `registry.example/web:1.0`
    usage elsewhere.json: is a plan for repository `https://git.example/other`, and this is `GIT`
    freeze frozen by policies/FREEZE: audit (contact: ops)
    "#);
    assert_eq!(stage.versions(), ["1.5", "1.0", "1.0"]);
}
