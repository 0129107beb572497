//! `shipgate init` on repositories as people have them: with files that cannot be read, folders that are ignored,
//! odd names, and what is there already.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use crate::init::{bare, fixtures, run};

/// The text of one Deployment with its Service.
fn manifest() -> String {
    fs::read_to_string(fixtures().join("plain/shop.yaml")).unwrap()
}

pub fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The notes of `init` on a folder, which must end well.
pub fn notes(folder: &Path) -> String {
    let (code, out, told) = run(folder, &["init", "--output", "json"]);
    assert_eq!(code, 0, "{out}{told}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let notes = report["notes"].as_array().unwrap().iter();
    let notes: Vec<&str> = notes.map(|note| note.as_str().unwrap()).collect();
    notes.join("\n")
}

#[test]
fn what_cannot_be_read_is_noted_and_the_rest_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "prod/shop.yaml", manifest());
    let text = manifest();
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes);
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(wide).collect();
    write(at, "prod/wide.yaml", wide);
    write(at, "prod/binary.yaml", b"\x00\x01\x02");
    write(at, "prod/broken.yaml", "kind: Deployment\nspec: [\n");
    write(
        at,
        "prod/package.json",
        "{\"name\": \"shop\", // no manifest\n",
    );
    symlink("nowhere", at.join("prod/link.yaml")).unwrap();
    let json = r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "json"},
        "spec": {"template": {"spec": {"containers": [{"name": "json", "image": "registry.example/json:1"}]}}}}"#;
    write(at, "prod/json.json", json);
    insta::assert_snapshot!(notes(at), @r"
    found the environment production in prod
    found json: Deployment/json is alone, so rolling
    found shop: Deployment/shop is alone, so rolling
    prod/binary.yaml: is no UTF-8 text; it is left out
    prod/link.yaml: is a symbolic link; it is left out
    prod/wide.yaml: is UTF-16 text, expected UTF-8; it is left out
    prod/broken.yaml:2: is not readable as YAML: unclosed bracket '['; what is there is left out
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    ");
    let (code, out, _) = run(at, &["validate"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn what_is_ignored_hidden_or_copied_is_no_environment() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for path in [
        "prod",
        "build/staging",
        ".cache/dev",
        "vendor/kit/qa",
        "node_modules/kit/uat",
        "charts/shop/charts/kit/test",
        "testdata/stage",
        "kept/live",
    ] {
        write(at, &format!("{path}/shop.yaml"), manifest());
    }
    write(
        at,
        "charts/shop/Chart.yaml",
        "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    );
    write(at, ".gitignore", "/build/\n/kept/\n");
    let git = |arguments: &[&str]| {
        let ran = Command::new("git").args(arguments).current_dir(at).output();
        assert!(ran.unwrap().status.success());
    };
    git(&["init", "--quiet"]);
    insta::assert_snapshot!(notes(at), @r"
    found the environment production in prod
    found shop: Deployment/shop is alone, so rolling
    not looked into, as it is hidden, ignored by git or a copy of something: .cache, build, charts/shop/charts, kept, node_modules and 2 more
    charts/shop: the chart `shop` is left out: no values file with `image.tag` is found for it
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and one line of shipgate.yaml that says `guess`
    ");
    // What is committed is there, whatever the rules say of it.
    fs::remove_file(at.join("shipgate.yaml")).unwrap();
    git(&["add", "--force", "kept"]);
    let notes = notes(at);
    assert!(
        notes.contains("found the environment production-kept in kept/live"),
        "{notes}"
    );
}

#[test]
fn folders_may_be_called_anything() {
    for name in ["a[b]{c,d}*", "two words", "ünï'quoted\""] {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for environment in ["prod", "staging"] {
            write(at, &format!("{name}/{environment}/shop.yaml"), manifest());
        }
        let (code, out, told) = run(at, &["init"]);
        assert_eq!(code, 0, "{name}: {out}{told}");
        let (code, out, _) = run(at, &["validate"]);
        assert_eq!(code, 0, "{name}: {out}");
        let repository = bare(at);
        let of_plan = ["plan", "--offline", "--version", "1.1"];
        let to = ["--environment", "staging", "--repository", &repository];
        let (code, out, told) = run(at, &[&of_plan[..], &to].concat());
        assert_eq!(code, 0, "{name}: {out}{told}");
    }
}

#[test]
fn what_this_run_has_written_is_taken_away_where_not_all_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "prod/shop.yaml", manifest());
    write(at, "policies", "a file where a folder should be");
    let (code, out, _) = run(at, &["init", "--ci", "github"]);
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("nothing was left"), "{out}");
    assert!(!at.join("shipgate.yaml").exists());
    assert!(!at.join(".github").exists());
    fs::remove_file(at.join("policies")).unwrap();
    let (code, out, _) = run(at, &["init", "--ci", "github"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn a_policy_that_does_not_pass_is_told_of_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "prod/shop.yaml", manifest());
    write(
        at,
        "policies/production.yaml",
        "version: 1\ntimezone: Mars/Base\n",
    );
    let (code, out, _) = run(at, &["init"]);
    assert_eq!(code, 3, "{out}");
    assert!(!at.join("shipgate.yaml").exists());
    insta::assert_snapshot!(out, @r"
    CONFIG INVALID  policies/production.yaml:1:1: the policy allows everything; write at least one of
                    `allowed_windows`, `blocked_windows`, `blocked_dates`, `traffic_threshold`,
                    `alerts`, `approval_when` or `require` (and 1 more); nothing was written

      exit code   3 config-invalid

    next: the policy is there already and is not valid: mend it, or move it away, and run
          `shipgate init` again
    ");
}

/// The files that `init --ci` writes for a repository with three services in two environments.
fn pipeline(system: &str) -> Vec<(String, String)> {
    let folder = crate::init::tree("apps-folders");
    let (code, out, _) = run(folder.path(), &["init", "--ci", system, "--output", "json"]);
    assert_eq!(code, 0, "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let paths = report["files_changed"].as_array().unwrap().iter();
    let paths = paths.map(|path| path.as_str().unwrap().to_owned());
    paths
        .filter(|path| path != "shipgate.yaml" && !path.starts_with("policies/"))
        .map(|path| {
            let text = fs::read_to_string(folder.path().join(&path)).unwrap();
            (path, text)
        })
        .collect()
}

#[test]
fn a_pipeline_file_has_every_service_and_environment_and_marks_what_it_guesses() {
    let foreign = [
        "registry.example",
        "git.example",
        "gitlab.example",
        "azure.example",
        "OWNER",
        "FULL_COMMIT_SHA",
        "GROUP",
        "gitops-token",
    ];
    for system in ["github", "gitlab", "azure", "circleci", "jenkins"] {
        let files = pipeline(system);
        let (path, first) = &files[0];
        for name in ["cart", "mail", "web", "production", "staging"] {
            assert!(first.contains(name), "{path} has no {name}:\n{first}");
        }
        for (path, text) in &files {
            for not in ["advertisements", "PROMETHEUS", "examples/", "docs/"] {
                assert!(!text.contains(not), "{path} speaks of {not}:\n{text}");
            }
            for line in text.lines() {
                let is_foreign = foreign.iter().any(|word| line.contains(word));
                assert!(!is_foreign || line.contains("guess"), "{path}: {line}");
            }
        }
    }
    let [(_, text)] = &pipeline("github")[..] else {
        panic!("one file");
    };
    insta::assert_snapshot!(text, @r#"
    # Deploys the service that somebody chooses to the environment that they choose. Written by `shipgate init`.
    # `build: true` builds shipgate with cargo, as long as there is no release. What shipgate.yaml names as `token_env`
    # goes into an `env` of the first step.
    name: shipgate
    on:
      workflow_dispatch:
        inputs:
          version: {description: Version to deploy, required: true}
          service: {description: Service to deploy, type: choice, required: true, options: ["cart", "mail", "web", "cart,mail,web"]}
          environment: {description: Where to, type: choice, required: true, options: ["production", "staging"]}
    permissions: {}
    # One deployment at a time; those that come meanwhile wait, and none is cancelled.
    concurrency: {group: "deploy-${{ inputs.environment }}", cancel-in-progress: false}
    jobs:
      deploy:
        name: deploy to ${{ inputs.environment }}
        runs-on: ubuntu-latest
        environment: ${{ inputs.environment }} # may ask somebody; `approvals: {sources: [github_run]}` counts that
        timeout-minutes: 70 # more than shipgate's own limit, so that there is time for the way back
        permissions:
          contents: write # shipgate pushes to this repository
        steps:
          - id: gate
            uses: OWNER/shipgate@FULL_COMMIT_SHA # guess: whose copy of shipgate, and the commit of it that you trust
            with:
              environment: ${{ inputs.environment }}
              service: ${{ inputs.service }}
              version: ${{ inputs.version }}
              timeout: 60m
              build: true
          - if: ${{ !cancelled() && steps.gate.outputs.result == 'blocked' }}
            run: echo "it opens at $NEXT"
            env: {NEXT: "${{ steps.gate.outputs.next-window }}"}
    "#);
    let files = pipeline("gitlab");
    assert_eq!(files[1].0, "templates/shipgate.yml");
    insta::assert_snapshot!(files[0].1, @r#"
    # A job for each service and environment, which somebody starts by hand in a pipeline that has the variable
    # VERSION. Written by `shipgate init`. The jobs need the masked variable SHIPGATE_TOKEN, which may push to this
    # repository, and what shipgate.yaml names as `token_env`.
    stages: [deploy]
    variables:
      VERSION: {value: "", description: Version to deploy}
    include:
      - local: templates/shipgate.yml
        inputs:
          job-name: deploy-cart-production
          image: registry.example/tools/shipgate:0.1.0   # guess: where your image with shipgate is
          environment: production
          service: cart
          version: $VERSION
      - local: templates/shipgate.yml
        inputs:
          job-name: deploy-mail-production
          image: registry.example/tools/shipgate:0.1.0   # guess: where your image with shipgate is
          environment: production
          service: mail
          version: $VERSION
      - local: templates/shipgate.yml
        inputs:
          job-name: deploy-web-production
          image: registry.example/tools/shipgate:0.1.0   # guess: where your image with shipgate is
          environment: production
          service: web
          version: $VERSION
      - local: templates/shipgate.yml
        inputs:
          job-name: deploy-cart-staging
          image: registry.example/tools/shipgate:0.1.0   # guess: where your image with shipgate is
          environment: staging
          service: cart
          version: $VERSION
      - local: templates/shipgate.yml
        inputs:
          job-name: deploy-web-staging
          image: registry.example/tools/shipgate:0.1.0   # guess: where your image with shipgate is
          environment: staging
          service: web
          version: $VERSION
    deploy-cart-production:
      rules: [{if: '$VERSION != ""', when: manual}]
    deploy-mail-production:
      rules: [{if: '$VERSION != ""', when: manual}]
    deploy-web-production:
      rules: [{if: '$VERSION != ""', when: manual}]
    deploy-cart-staging:
      rules: [{if: '$VERSION != ""', when: manual}]
    deploy-web-staging:
      rules: [{if: '$VERSION != ""', when: manual}]
    "#);
}

#[test]
fn values_of_environments_without_a_tag_are_named() {
    let folder = crate::init::tree("helm-beside");
    for environment in ["production", "staging"] {
        let path = folder.path().join("environments").join(environment);
        fs::remove_file(path.join("shop.yaml")).unwrap();
    }
    fs::remove_file(folder.path().join("environments/production/cart.yaml")).unwrap();
    insta::assert_snapshot!(notes(folder.path()), @r"
    found the environment production in charts/shop
    found shop: the chart in `charts/shop` writes it, with the values of charts/shop/values.yaml, so rolling
    environments/production/sizes.yaml, environments/staging/sizes.yaml: each looks like the values of an environment, and there is no `image.tag` in it that could be written; put the one that runs there into it, and run this again
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    ");
}
