//! Paths, refs and git settings that try to lead away from the base branch.

use std::fs;

use super::{
    bare::git,
    repository::{LAX, POLICY, Stage},
    run::{Ran, shipgate},
};

/// A repository with a branch `lax` on which everything is allowed.
fn stage() -> Stage {
    let stage = Stage::new();
    let weak = vec![(POLICY, LAX.into())];
    stage.import(&[("lax".to_owned(), Some("main"), weak)]);
    stage
}

/// Asks whether it may go, with one more argument.
fn asked(stage: &Stage, argument: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let address = stage.address();
    let arguments = ["check", "--repository", &address, argument, "--output=json"];
    let ran = shipgate(folder.path(), &[], &arguments);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{argument}: {left:?}");
    ran
}

/// Tells what came of each argument: none may let through.
fn refused(stage: &Stage, rows: &[String]) -> String {
    let mut table = String::new();
    let before = stage.references();
    for argument in rows {
        let ran = asked(stage, argument);
        let told = match ran.code {
            10 => {
                assert_eq!(ran.policy().unwrap(), stage.policy_on("main"));
                "judged".to_owned()
            }
            code @ (2 | 3) => format!("{code}: {}", ran.reason()),
            _ => panic!("{argument}: {ran:?}"),
        };
        let commit = &stage.tip("main")[..8];
        let told = told
            .replace(commit, "COMMIT")
            .replace(&stage.address(), "REPOSITORY");
        table += &format!("{argument:?}\n  {told}\n");
    }
    assert_eq!(stage.references(), before);
    println!("tricks tried: {}", rows.len());
    table
}

#[test]
fn a_path_stays_inside_the_repository() {
    let paths = [
        "../lax.yaml",
        "policies/../policies/staging.yaml",
        "./policies/staging.yaml",
        "policies//staging.yaml",
        "policies/staging.yaml/",
        "/policies/staging.yaml",
        "policies\\staging.yaml",
        "C:/staging.yaml",
        "policies/staging.yaml\n",
        "policies/Staging.yaml",
        "policies/staging.yaml ",
        "policies",
        ".git/config",
        "main:policies/staging.yaml",
        "file:///dev/stdin",
        "https://example.com/lax.yaml",
        "-",
    ];
    let rows: Vec<_> = paths
        .iter()
        .map(|path| format!("--policy={path}"))
        .collect();
    insta::assert_snapshot!(refused(&stage(), &rows), @r#"
    "--policy=../lax.yaml"
      3: found "../lax.yaml", expected a path that stays inside its folder
    "--policy=policies/../policies/staging.yaml"
      3: found "policies/../policies/staging.yaml", expected a path that stays inside its folder
    "--policy=./policies/staging.yaml"
      3: found "./policies/staging.yaml", expected a path that stays inside its folder
    "--policy=policies//staging.yaml"
      3: found "policies//staging.yaml", expected a path that stays inside its folder
    "--policy=policies/staging.yaml/"
      3: found "policies/staging.yaml/", expected a path that stays inside its folder
    "--policy=/policies/staging.yaml"
      3: found "/policies/staging.yaml", expected a path that stays inside its folder
    "--policy=policies\\staging.yaml"
      3: found "policies\\staging.yaml", expected a path that stays inside its folder
    "--policy=C:/staging.yaml"
      3: found "C:/staging.yaml", expected a path that stays inside its folder
    "--policy=policies/staging.yaml\n"
      3: found "policies/staging.yaml\n", expected a path that stays inside its folder
    "--policy=policies/Staging.yaml"
      3: policies/Staging.yaml: there is "policies/staging.yaml", which differs in upper and lower case only
    "--policy=policies/staging.yaml "
      3: there is no policy `policies/staging.yaml ` on branch `main` (commit COMMIT)
    "--policy=policies"
      3: policies is a folder, expected a file
    "--policy=.git/config"
      3: found ".git/config", expected a path inside the repository
    "--policy=main:policies/staging.yaml"
      3: there is no policy `main:policies/staging.yaml` on branch `main` (commit COMMIT)
    "--policy=file:///dev/stdin"
      3: found "file:///dev/stdin", expected a path that stays inside its folder
    "--policy=https://example.com/lax.yaml"
      3: found "https://example.com/lax.yaml", expected a path that stays inside its folder
    "--policy=-"
      3: there is no policy `-` on branch `main` (commit COMMIT)
    "#);
}

#[test]
fn a_ref_is_a_branch_and_nothing_else() {
    let stage = stage();
    let lax = stage.tip("lax");
    for reference in [
        "refs/pull/1/head",
        "refs/merge-requests/1/head",
        "refs/remotes/origin/lax-there",
        "refs/tags/v1",
    ] {
        git(&stage.bare(), &["update-ref", reference, &lax]);
    }
    let refs = [
        "",
        "--upload-pack=touch touched",
        "-lax",
        "refs/heads/lax",
        "heads/lax",
        "refs/pull/1/head",
        "refs/merge-requests/1/head",
        "pull/1/head",
        "remotes/origin/lax-there",
        "refs/tags/v1",
        "v1",
        "HEAD",
        "FETCH_HEAD",
        "main~1",
        "main^{tree}",
        "@{-1}",
        "main..lax",
        "main:policies",
        "+lax",
        "*",
        "la?",
        "lax\n",
        "main lax",
        "Lax",
        "lax.lock",
        &lax,
    ];
    let rows: Vec<_> = refs
        .iter()
        .map(|reference| format!("--policy-ref={reference}"))
        .collect();
    let table = refused(&stage, &rows).replace(&lax, "ID");
    insta::assert_snapshot!(table, @r#"
    "--policy-ref="
      2: found "", expected the name of a branch
    "--policy-ref=--upload-pack=touch touched"
      2: found "--upload-pack=touch touched", expected the name of a branch
    "--policy-ref=-lax"
      2: found "-lax", expected the name of a branch
    "--policy-ref=refs/heads/lax"
      2: found "refs/heads/lax", expected the name of a branch
    "--policy-ref=heads/lax"
      3: REPOSITORY has no branch "heads/lax"
    "--policy-ref=refs/pull/1/head"
      2: found "refs/pull/1/head", expected the name of a branch
    "--policy-ref=refs/merge-requests/1/head"
      2: found "refs/merge-requests/1/head", expected the name of a branch
    "--policy-ref=pull/1/head"
      3: REPOSITORY has no branch "pull/1/head"
    "--policy-ref=remotes/origin/lax-there"
      3: REPOSITORY has no branch "remotes/origin/lax-there"
    "--policy-ref=refs/tags/v1"
      2: found "refs/tags/v1", expected the name of a branch
    "--policy-ref=v1"
      3: REPOSITORY has no branch "v1"
    "--policy-ref=HEAD"
      2: found "HEAD", expected the name of a branch
    "--policy-ref=FETCH_HEAD"
      3: REPOSITORY has no branch "FETCH_HEAD"
    "--policy-ref=main~1"
      2: found "main~1", expected the name of a branch
    "--policy-ref=main^{tree}"
      2: found "main^{tree}", expected the name of a branch
    "--policy-ref=@{-1}"
      2: found "@{-1}", expected the name of a branch
    "--policy-ref=main..lax"
      2: found "main..lax", expected the name of a branch
    "--policy-ref=main:policies"
      2: found "main:policies", expected the name of a branch
    "--policy-ref=+lax"
      3: REPOSITORY has no branch "+lax"
    "--policy-ref=*"
      2: found "*", expected the name of a branch
    "--policy-ref=la?"
      2: found "la?", expected the name of a branch
    "--policy-ref=lax\n"
      2: found "lax\n", expected the name of a branch
    "--policy-ref=main lax"
      2: found "main lax", expected the name of a branch
    "--policy-ref=Lax"
      3: REPOSITORY has no branch "Lax"
    "--policy-ref=lax.lock"
      2: found "lax.lock", expected the name of a branch
    "--policy-ref=ID"
      3: REPOSITORY has no branch "ID"
    "#);
}

#[test]
fn other_refs_and_objects_of_the_server_do_not_stand_in_for_the_branch() {
    let stage = stage();
    let (main, lax) = (stage.policy_on("main"), stage.tip("lax"));
    let bare = stage.bare();
    let blob = |branch: &str| git(&bare, &["rev-parse", &format!("{branch}:{POLICY}")]);
    let rows: [(&str, Vec<&str>); 7] = [
        ("tag of the same name", vec!["tag", "main", &lax]),
        (
            "branch that looks like a full ref",
            vec!["update-ref", "refs/heads/refs/heads/main", &lax],
        ),
        (
            "ref outside of branches",
            vec!["update-ref", "refs/main", &lax],
        ),
        (
            "branch of a remote",
            vec!["update-ref", "refs/remotes/origin/main", &lax],
        ),
        ("namespace", {
            vec!["update-ref", "refs/namespaces/x/refs/heads/main", &lax]
        }),
        ("commit replaced", vec!["replace", &main[1], &lax]),
        (
            "note on the commit",
            vec!["notes", "add", "-m", LAX, &main[1]],
        ),
    ];
    for (name, command) in rows.iter() {
        git(&bare, command);
        let ran = asked(&stage, "--environment=production");
        assert_eq!(ran.code, 10, "{name}: {ran:?}");
        assert_eq!(ran.policy().unwrap(), main, "{name}");
    }
    let (strict, weak) = (blob("refs/heads/main"), blob("lax"));
    fs::create_dir_all(bare.join("info")).unwrap();
    fs::write(bare.join("info/grafts"), format!("{} {lax}\n", main[1])).unwrap();
    git(
        &bare,
        &["update-ref", &format!("refs/replace/{strict}"), &weak],
    );
    let ran = asked(&stage, "--environment=production");
    assert_eq!(ran.code, 10, "grafts, and a file replaced: {ran:?}");
    assert_eq!(ran.policy().unwrap(), main);
    println!("tricks tried: {}", rows.len() + 2);
}

#[test]
fn a_checkout_and_its_git_settings_do_not_choose_the_repository() {
    let stage = stage();
    let main = stage.policy_on("main");
    let checkout = stage.checkout("lax");
    // A second repository, in which `main` is lax.
    let other = checkout.join("other.git");
    let address = stage.address();
    git(
        &checkout,
        &["clone", "--quiet", "--bare", &address, "other.git"],
    );
    git(
        &other,
        &["update-ref", "refs/heads/main", &stage.tip("lax")],
    );
    let elsewhere = other.to_str().unwrap();
    let instead = format!("url.{elsewhere}.insteadOf");
    for url in [address.clone(), format!("file://{address}")] {
        git(&checkout, &["config", "--add", &instead, &url]);
    }
    let upload = "touch touched; git-upload-pack";
    for (key, value) in [
        ("remote.origin.url", elsewhere),
        ("remote.origin.uploadpack", upload),
        ("uploadpack.packObjectsHook", upload),
        ("core.fsmonitor", upload),
        ("core.hooksPath", "."),
        ("core.alternateRefsCommand", upload),
    ] {
        git(&checkout, &["config", key, value]);
    }
    git(&checkout, &["replace", &main[1], &stage.tip("lax")]);
    let objects = other.join("objects");
    let config = checkout.join(".git/config");
    let steered = [
        ("GIT_DIR", elsewhere),
        ("GIT_COMMON_DIR", elsewhere),
        ("GIT_NAMESPACE", "x"),
        ("GIT_REPLACE_REF_BASE", "refs/heads/"),
        (
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            objects.to_str().unwrap(),
        ),
        ("GIT_CONFIG", config.to_str().unwrap()),
        ("GIT_CONFIG_GLOBAL", config.to_str().unwrap()),
        ("GIT_CONFIG_SYSTEM", config.to_str().unwrap()),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", &instead),
        ("GIT_CONFIG_VALUE_0", &address),
        ("HOME", checkout.to_str().unwrap()),
        ("XDG_CONFIG_HOME", checkout.to_str().unwrap()),
    ];
    fs::copy(&config, checkout.join(".gitconfig")).unwrap();
    let inputs = [
        ("SHIPGATE_COMMAND", "check"),
        ("SHIPGATE_REPOSITORY", address.as_str()),
        ("SHIPGATE_OUTPUT", "json"),
    ];
    // A file on disk is not what a pipeline means, whatever it is called.
    let named = [&inputs[..], &[("SHIPGATE_POLICY", POLICY)]].concat();
    let mut tried = 0;
    for (inputs, more) in [
        (inputs.to_vec(), None),
        (named, None),
        (inputs.to_vec(), Some(steered.to_vec())),
    ] {
        let rows = match more {
            None => vec![Vec::new()],
            // All at once, then each alone.
            Some(steered) => [steered.clone()]
                .into_iter()
                .chain(steered.into_iter().map(|one| vec![one]))
                .collect(),
        };
        for row in rows {
            let environment = [&inputs[..], &row].concat();
            let ran = shipgate(&checkout, &environment, &["ci"]);
            assert_eq!(ran.code, 10, "{row:?}: {ran:?}");
            assert_eq!(ran.policy().unwrap(), main, "{row:?}");
            tried += 1;
        }
    }
    let touched = checkout.join("touched");
    assert!(!touched.exists(), "a program of the checkout was started");
    println!("tricks tried: {tried}");
}
