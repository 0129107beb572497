//! `shipgate validate` in a checkout: what the configuration names and is not there.

use std::{fs, path::Path, process};

use assert_cmd::Command;

const CONFIG: &str = r#"version: 1
environments:
  production:
    root: clusters/prod
    policy: policies/production.yaml
providers: {}
services:
  shop:
    manifests: ["{root}/shop.yaml"]
    image: registry.example/shop
    workloads: {stable: Deployment/shop}
    live: {stable: {kubernetes: {}}}
    strategy: {rolling: {bake_time: 5m}}
    verification: {health: [{http: "https://shop.example/"}]}
"#;

const REGIONS: &str = "    bake_time: 30m
    regions: [{name: eu, root: clusters/prod}, {name: us, root: clusters/us}]
";

fn git(folder: &Path, arguments: &[&str]) {
    let ran = process::Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .output();
    assert!(ran.unwrap().status.success());
}

/// A folder with the configuration, its policy and its manifests.
fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("shipgate.yaml", config);
    let policy =
        "version: 1\ntimezone: UTC\nallowed_windows: [{days: [Mon], hours: \"09:00-16:00\"}]\n";
    write("policies/production.yaml", policy);
    let shop = fs::read_to_string("fixtures/init/plain/shop.yaml").unwrap();
    write("clusters/prod/shop.yaml", &shop);
    folder
}

/// What `validate --strict` finds in a folder: exit code and findings.
fn found(folder: &Path) -> String {
    let output = Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .args(["validate", "shipgate.yaml", "--strict", "--output", "json"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.map(|it| {
        let text = |key: &str| it[key].as_str().unwrap();
        let (severity, code, message) = (text("severity"), text("code"), text("message"));
        format!(
            "\n  {severity} {}:{} {code}: {message}",
            it["line"], it["column"]
        )
    });
    let code = output.status.code().unwrap();
    let folder = folder.canonicalize().unwrap().display().to_string();
    format!("{code}{}", findings.collect::<String>()).replace(&folder, "FOLDER")
}

#[test]
fn what_is_named_and_not_there_is_found() {
    let rows = [
        ("", ""),
        ("root: clusters/prod\n", "root: clusters/prd\n"),
        ("policies/production.yaml", "policies/prod.yaml"),
        ("policies/production.yaml", "rules/production.yaml"),
        ("{root}/shop.yaml", "clusters/{regoin}/shop.yaml"),
        ("{root}/shop.yaml", "{root}/shop*.{yaml,yml}"),
        ("{root}/shop.yaml", "{root}/shopp.yaml"),
        ("{stable: Deployment/shop}", "{stable: Deployment/shopp}"),
        ("registry.example/shop", "registry.example/shopp"),
        ("    root: clusters/prod\n", REGIONS),
        (
            "    root: clusters/prod\n",
            "    root: elsewhere\n    branch: live\n",
        ),
    ];
    let mut told = String::new();
    for (old, new) in rows {
        let folder = folder(&CONFIG.replacen(old, new, 1));
        git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
        told.push_str(&format!("== {}\n{}\n", new.trim(), found(folder.path())));
    }
    insta::assert_snapshot!(told, @r"
    == 
    0
    == root: clusters/prd
    4
      warning 4:11 missing: found `clusters/prd`, and there is no such folder in this checkout; expected the one that has the manifests of production
    == policies/prod.yaml
    4
      warning 5:13 missing: there is no `policies/prod.yaml` in this checkout, and without a policy nothing is let through; found production.yaml
    == rules/production.yaml
    0
      info 5:13 missing: there is no `rules/production.yaml` in this checkout: without a policy nothing is let through, unless --policy-repository names where it is
    == clusters/{regoin}/shop.yaml
    4
      warning 9:17 placeholder: `{regoin}` stands for nothing and means the text `regoin`, expected `{root}`: the folder of the environment
      warning 9:5 refused: a deployment to production would be refused: no file matches `clusters/{regoin}/shop.yaml` in `FOLDER`
    == {root}/shop*.{yaml,yml}
    0
    == {root}/shopp.yaml
    4
      warning 9:5 refused: a deployment to production would be refused: no file matches `clusters/prod/shopp.yaml` in `FOLDER`
    == {stable: Deployment/shopp}
    4
      warning 9:5 refused: a deployment to production would be refused: there is no Deployment/shopp in 1 file; found Deployment/shop; check kind and name, and that the files to edit include the one that holds it
    == registry.example/shopp
    4
      warning 9:5 refused: a deployment to production would be refused: clusters/prod/shop.yaml:1: no container of Deployment/shop runs the image `registry.example/shopp`; found `registry.example/shop:1.0`; name the image as it is written there, without its tag
    == bake_time: 30m
        regions: [{name: eu, root: clusters/prod}, {name: us, root: clusters/us}]
    4
      warning 5:65 missing: found `clusters/us`, and there is no such folder in this checkout; expected the one that has the manifests of production-us
    == root: elsewhere
        branch: live
    0
    ");
}

#[test]
fn without_a_checkout_nobody_can_tell() {
    let folder = folder(&CONFIG.replace("clusters/prod", "elsewhere"));
    assert_eq!(found(folder.path()), "0");
    // Another branch has other files.
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    let of_branch = |branch: &str| {
        let root = format!("root: elsewhere\n    branch: {branch}");
        let config = CONFIG.replace("root: clusters/prod", &root);
        fs::write(folder.path().join("shipgate.yaml"), config).unwrap();
        found(folder.path())
    };
    assert_eq!(of_branch("live"), "0");
    assert!(of_branch("main").starts_with("4\n  warning 4:11 missing: "));
}

#[test]
fn a_service_may_be_in_some_environments_only() {
    let staging =
        "  staging: {root: clusters/staging, policy: policies/production.yaml}\nproviders";
    let folder = folder(&CONFIG.replacen("providers", staging, 1));
    fs::create_dir(folder.path().join("clusters/staging")).unwrap();
    git(folder.path(), &["init", "--quiet"]);
    assert_eq!(found(folder.path()), "0");
}
