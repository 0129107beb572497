//! What zizmor, the published JSON schemas and GitHub's own language service say of action, workflows and
//! examples.

use std::{fs, path::Path, process::Command};

use crate::{bare::git, files, root, text};

/// An action as an example pins it, and the same as something that can be looked at here.
const PINNED: &str = "OWNER/shipgate@FULL_COMMIT_SHA";

/// Runs a validator over files of a folder; in a pipeline of our own it must be there.
fn validate(program: &str, folder: &Path, arguments: &[&str]) {
    let ran = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output();
    let Ok(ran) = ran else {
        assert!(
            std::env::var_os("CI").is_none(),
            "`{program}` is missing: .ci/install-tools installs it into target/tools/bin"
        );
        return;
    };
    assert!(
        ran.status.success(),
        "{program} {arguments:?}:\n{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

fn workflows() -> Vec<String> {
    let found = files(".github/workflows").into_iter();
    found.map(|path| path.display().to_string()).collect()
}

#[test]
fn action_and_workflows_are_what_github_takes() {
    let action = "action.yml".to_owned();
    let schema = |name, files: &[String]| {
        let mut arguments = vec!["--builtin-schema", name];
        arguments.extend(files.iter().map(String::as_str));
        validate("check-jsonschema", root(), &arguments);
    };
    schema("vendor.github-actions", std::slice::from_ref(&action));
    schema("vendor.github-workflows", &workflows());
    let mut all = workflows();
    all.push(action);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    validate(
        "github-language-service",
        root(),
        &[&["."], &all[..]].concat(),
    );
    let strict = ["--offline", "--no-progress", "--persona=pedantic"];
    validate("zizmor", root(), &[&strict[..], &all].concat());
}

#[test]
fn the_workflow_of_the_examples_is_one_that_calls_this_action() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir_all(at.join(".github/workflows")).unwrap();
    fs::copy(root().join("action.yml"), at.join("action.yml")).unwrap();
    let workflow = text("examples/github-actions/deploy.yml");
    assert!(workflow.contains(PINNED));
    let path = ".github/workflows/deploy.yml";
    // GitHub's validator knows the inputs of an action that is beside the workflow.
    fs::write(at.join(path), workflow.replace(PINNED, "./")).unwrap();
    validate("github-language-service", at, &[".", path]);
    let commit = "OWNER/shipgate@0123456789abcdef0123456789abcdef01234567";
    fs::write(at.join(path), workflow.replace(PINNED, commit)).unwrap();
    let schema = ["--builtin-schema", "vendor.github-workflows", path];
    validate("check-jsonschema", at, &schema);
    let strict = ["--offline", "--no-progress", "--persona=pedantic", path];
    validate("zizmor", at, &strict);
}

#[test]
fn examples_are_what_their_systems_take() {
    for (schema, path) in [
        (
            "vendor.azure-pipelines",
            "examples/azure-pipelines/azure-pipelines.yml",
        ),
        ("vendor.circle-ci", "examples/circleci/config.yml"),
    ] {
        validate(
            "check-jsonschema",
            root(),
            &["--builtin-schema", schema, path],
        );
    }
    let gitlab = "examples/gitlab-ci/.gitlab-ci.yml";
    let schema = [
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
        gitlab,
    ];
    validate("check-jsonschema", root(), &schema);
}

/// A repository with three services in two environments, with what `init` writes for a system.
fn written(system: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in files("fixtures/init/apps-folders") {
        let at = path.strip_prefix("fixtures/init/apps-folders").unwrap();
        let target = folder.path().join(at);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(root().join(&path), target).unwrap();
    }
    let ran = Command::new(env!("CARGO_BIN_EXE_shipgate"))
        .args(["init", "--ci", system])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    folder
}

#[test]
fn what_init_writes_is_what_the_systems_take() {
    let folder = written("github");
    let at = folder.path();
    let path = ".github/workflows/shipgate.yml";
    let workflow = fs::read_to_string(at.join(path)).unwrap();
    assert!(workflow.contains(PINNED));
    fs::copy(root().join("action.yml"), at.join("action.yml")).unwrap();
    fs::write(at.join(path), workflow.replace(PINNED, "./")).unwrap();
    validate("github-language-service", at, &[".", path]);
    let commit = "OWNER/shipgate@0123456789abcdef0123456789abcdef01234567";
    fs::write(at.join(path), workflow.replace(PINNED, commit)).unwrap();
    let schema = ["--builtin-schema", "vendor.github-workflows", path];
    validate("check-jsonschema", at, &schema);
    let strict = ["--offline", "--no-progress", "--persona=pedantic", path];
    validate("zizmor", at, &strict);
    for (system, schema, path) in [
        ("azure", "vendor.azure-pipelines", "azure-pipelines.yml"),
        ("circleci", "vendor.circle-ci", ".circleci/config.yml"),
    ] {
        let folder = written(system);
        let schema = ["--builtin-schema", schema, path];
        validate("check-jsonschema", folder.path(), &schema);
    }
    let folder = written("gitlab");
    let at = folder.path();
    let schema = [
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
        ".gitlab-ci.yml",
    ];
    validate("check-jsonschema", at, &schema);
    git(at, &["init", "--quiet", "--initial-branch=main"]);
    git(at, &["add", "."]);
    git(at, &["commit", "--quiet", "-m", "first"]);
    git(
        at,
        &[
            "remote",
            "add",
            "origin",
            "https://gitlab.example/shop/gitops.git",
        ],
    );
    // The runner takes the file apart and says which jobs there are.
    validate(
        "gitlab-ci-local",
        at,
        &["--list", "--variable", "VERSION=1.1"],
    );
}

#[test]
fn every_action_in_a_workflow_is_pinned_by_commit() {
    for path in workflows() {
        for line in text(&path).lines() {
            let Some((_, uses)) = line.split_once("uses: ") else {
                continue;
            };
            if uses.starts_with("./") {
                continue;
            }
            let (name, rest) = uses.split_once('@').unwrap();
            let (commit, version) = rest.split_once(" # v").unwrap_or((rest, ""));
            let is_commit = commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{path}: {name}@{rest}");
        }
    }
}
