//! One commit for all.

use crate::stage::{SERVICES, Stage};

const ALL: [&str; 5] = ["deploy", "--all", "--version", "2.0", "--one-commit"];

/// Loses the first race for the branch: somebody else is faster by a moment.
pub const RIVAL: &str = r#"
case "$1" in refs/heads/main)
  if [ ! -e "$GIT_DIR/raced" ]; then
    touch "$GIT_DIR/raced"
    export GIT_AUTHOR_NAME=rival GIT_AUTHOR_EMAIL=r@example.com
    export GIT_COMMITTER_NAME=rival GIT_COMMITTER_EMAIL=r@example.com
    git update-ref refs/heads/main "$(git commit-tree -p "$2" -m "somebody else" "$2^{tree}")"
  fi
esac
exit 0"#;

#[test]
fn all_services_go_in_one_commit_and_each_comes_back_alone() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    stage.report(&ALL).expect(0);
    assert_eq!(stage.versions(), ["2.0", "2.0", "2.0"]);
    assert_eq!(
        stage.subjects(&first),
        ["api 2.0, cart 2.0 and 1 more (production)"]
    );
    let message = stage.git.git(&["log", "-1", "--format=%B", "main"]);
    for name in SERVICES {
        assert!(
            message.contains(&format!("Shipgate-Service: {name}\n")),
            "{message}"
        );
    }
    let audit = || {
        let ran = stage.report(&["history", "--audit"]).expect(0);
        ran.json()["reason"].as_str().unwrap().to_owned()
    };
    assert!(
        audit().starts_with("3 changes of managed values are explained, no gap in "),
        "{}",
        audit()
    );
    stage.report(&["rollback", "--service", "cart"]).expect(0);
    assert_eq!(stage.versions(), ["2.0", "1.0", "2.0"]);
    assert!(audit().contains("no gap"), "{}", audit());
    let again = stage.report(&[
        "deploy",
        "--service",
        "web,api",
        "--version",
        "2.0",
        "--one-commit",
    ]);
    assert_eq!(again.expect(0).json()["result"], "no-change");
}

#[test]
fn a_lost_race_is_run_again_by_all_of_them() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    stage.git.hook("update", RIVAL);
    stage.report(&ALL).expect(0);
    assert_eq!(
        stage.subjects(&first),
        ["somebody else", "api 2.0, cart 2.0 and 1 more (production)"]
    );
    assert_eq!(stage.versions(), ["2.0", "2.0", "2.0"]);
}

#[test]
fn one_that_cannot_go_keeps_all_of_them_back() {
    let stage = Stage::start();
    stage.git.others_commit(
        "clusters/prod/cart.yaml",
        "kind: ConfigMap\nmetadata: {name: cart}\n",
    );
    let first = stage.git.tip("main");
    let ran = stage.report(&ALL).expect(30);
    insta::assert_snapshot!(ran.ends(), @r"
    14 not-begun api: nothing was pushed: all services go in one commit, and `cart` ended as 30 edit-refused
    30 edit-refused cart: there is no Deployment/cart in 1 file; found ConfigMap/cart
    14 not-begun web: nothing was pushed: all services go in one commit, and `cart` ended as 30 edit-refused
    ");
    assert_eq!(stage.git.tip("main"), first);
    // Where the others are to go all the same, they go.
    stage
        .report(&[&ALL[..], &["--keep-going"]].concat())
        .expect(30);
    assert_eq!(stage.subjects(&first), ["api 2.0, web 2.0 (production)"]);
}

#[test]
fn a_bad_one_comes_back_and_the_others_stay() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    let ran = stage.report(&[
        "deploy",
        "--service",
        "web=2.0,cart=6.6,api=2.0",
        "--one-commit",
    ]);
    assert_eq!(
        ran.expect(40).json()["services"][1]["result"],
        "rolled-back"
    );
    assert_eq!(stage.versions(), ["2.0", "1.0", "2.0"]);
    assert_eq!(stage.subjects(&first).len(), 2);
}

/// Takes its time for the branch.
const SLOW: &str =
    r#"case "$1" in refs/heads/main) touch "$GIT_DIR/begun"; sleep 1;; esac; exit 0"#;

#[test]
fn a_signal_during_the_push_takes_all_of_them_back() {
    let stage = Stage::start();
    stage.git.hook("update", SLOW);
    let report = stage.terminated(&ALL).expect(51).json();
    assert_eq!(stage.versions(), ["1.0", "1.0", "1.0"]);
    for end in report["services"].as_array().unwrap() {
        assert_eq!(end["exit_code"], 51, "{end:#}");
    }
    stage.git.hook("update", "exit 0");
    let audit = stage.report(&["history", "--audit"]).expect(0);
    assert_eq!(audit.json()["audit"]["gaps"].as_array().unwrap().len(), 0);
}

#[test]
fn a_server_that_takes_no_references_gets_no_common_commit() {
    let stage = Stage::start();
    let first = stage.git.tip("main");
    stage.git.hook(
        "update",
        "case \"$1\" in refs/shipgate/*) echo no; exit 1; esac; exit 0",
    );
    let ran = stage.report(&ALL).expect(32);
    // Whoever comes after one that was refused is not begun.
    let mut refused = 0;
    for (line, name) in ran.ends().lines().zip(["api", "cart", "web"]) {
        let own = format!(
            "32 push-denied {name}: the journal is on the branch, because the git server takes no references under refs/shipgate/; each record moves the branch, so there is no one commit for all"
        );
        let not_begun = format!(
            "14 not-begun {name}: nothing was pushed: all services go in one commit, and `"
        );
        let is_after = line.starts_with(&not_begun) && line.ends_with("` ended as 32 push-denied");
        assert!(line == own || is_after, "{line}");
        refused += usize::from(line == own);
    }
    assert!(refused > 0, "{}", ran.ends());
    assert_eq!(stage.versions(), ["1.0", "1.0", "1.0"]);
    let range = format!("{first}..main");
    let changed = stage.git.git(&["diff", "--name-only", &range]);
    assert_eq!(changed, "", "no file is touched");
}

#[test]
fn many_processes_with_a_commit_each_land_all_of_it() {
    let stage = Stage::start();
    let running: Vec<_> = SERVICES
        .iter()
        .map(|name| {
            let named = format!("{name}=2.0");
            let mut command =
                stage.command(&["deploy", "--service-list", "/dev/stdin", "--one-commit"]);
            let mut child = command
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            use std::io::Write;
            child
                .stdin
                .take()
                .unwrap()
                .write_all(named.as_bytes())
                .unwrap();
            child
        })
        .collect();
    for mut child in running {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert_eq!(stage.versions(), ["2.0", "2.0", "2.0"]);
}
