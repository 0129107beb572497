//! Services side by side have a commit each, and share pushes.

use std::{collections::BTreeSet, fs};

use crate::{
    one_commit::RIVAL,
    stage::{Ran, Stage, version},
};

const NAMES: [&str; 10] = [
    "ads", "api", "auth", "cart", "feed", "mail", "pay", "shop", "tax", "web",
];

/// Counts the pushes to each reference.
const COUNT: &str = "echo \"$1\" >>\"$GIT_DIR/pushes\"";

fn stage(hook: &str) -> Stage {
    let stage = Stage::of(&NAMES, false);
    stage
        .git
        .hook("update", &format!("{COUNT}\n{hook}\nexit 0"));
    stage
}

const ALL: [&str; 6] = [
    "deploy",
    "--all",
    "--version",
    "2.0",
    "--max-parallel",
    "10",
];

fn deploy(stage: &Stage, more: &[&str]) -> Ran {
    stage.report(&[&ALL[..], more].concat())
}

/// All ended with 0 but one, whose end is this.
#[track_caller]
fn all_went_well_but(name: &str, end: &str, ran: &Ran) {
    for line in ran.ends().lines() {
        let is_that = line.contains(&format!(" {name}: "));
        assert!(line.starts_with(if is_that { end } else { "0 " }), "{line}");
    }
}

/// How often the branch was pushed to.
fn pushes(stage: &Stage) -> usize {
    let pushes = fs::read_to_string(stage.git.repository.join("pushes")).unwrap();
    let pushes = pushes.lines().filter(|name| *name == "refs/heads/main");
    pushes.count()
}

fn at(stage: &Stage, wanted: &str) -> Vec<&'static str> {
    let mut names = NAMES.to_vec();
    names.retain(|name| version(&stage.git.repository, name).unwrap() == wanted);
    names
}

fn gaps(stage: &Stage) -> usize {
    let audit = stage.report(&["history", "--audit"]).json();
    audit["audit"]["gaps"].as_array().unwrap().len()
}

#[test]
fn each_has_a_commit_of_its_own_and_fewer_pushes_bring_them() {
    let stage = stage("");
    let first = stage.git.tip("main");
    deploy(&stage, &[]).expect(0);
    assert_eq!(at(&stage, "2.0"), NAMES);
    let subjects: BTreeSet<String> = stage.subjects(&first).into_iter().collect();
    let wanted = NAMES.map(|name| format!("{name} 2.0: Deployment/{name} to 2.0 (production)"));
    assert_eq!(subjects, BTreeSet::from(wanted));
    let pushes = pushes(&stage);
    assert!(pushes < NAMES.len(), "{pushes} pushes");
    assert_eq!(gaps(&stage), 0);
    // Each of them goes back alone, to what its own commit stood on.
    stage.report(&["rollback", "--service", "mail"]).expect(0);
    assert_eq!(at(&stage, "1.0"), ["mail"]);
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn a_lost_race_loses_nothing_of_anybody() {
    let stage = stage(RIVAL);
    let first = stage.git.tip("main");
    deploy(&stage, &[]).expect(0);
    assert_eq!(at(&stage, "2.0"), NAMES);
    let subjects = stage.subjects(&first);
    assert_eq!(subjects.len(), NAMES.len() + 1, "{subjects:?}");
    assert!(subjects.contains(&"somebody else".to_owned()));
    // Whoever was in the same round comes again in one.
    let pushes = pushes(&stage);
    assert!(pushes < NAMES.len(), "{pushes} pushes");
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn one_that_the_server_refuses_keeps_nobody_else_from_the_branch() {
    let hook = r#"
case "$1" in refs/heads/main)
  if git diff --name-only "$2" "$3" | grep -q pay; then echo "pay is frozen"; exit 1; fi
esac"#;
    let stage = stage(hook);
    let ran = deploy(&stage, &["--keep-going"]).expect(32);
    all_went_well_but("pay", "32 push-denied", &ran);
    assert_eq!(at(&stage, "1.0"), ["pay"]);
    assert!(ran.ends().contains("pay is frozen"), "{}", ran.ends());
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn one_whose_journal_is_refused_keeps_nobody_else_from_the_branch() {
    let hook = r#"case "$1" in refs/shipgate/*/pay) echo "no"; exit 1; esac"#;
    let stage = stage(hook);
    deploy(&stage, &["--keep-going"]).expect(0);
    assert_eq!(at(&stage, "2.0"), NAMES);
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn without_references_on_the_server_each_goes_alone() {
    let stage = stage(r#"case "$1" in refs/shipgate/*) echo no; exit 1; esac"#);
    deploy(&stage, &[]).expect(0);
    assert_eq!(at(&stage, "2.0"), NAMES);
}

#[test]
fn a_bad_one_goes_back_and_the_others_stay() {
    let stage = stage("");
    let versions =
        NAMES.map(|name| format!("{name}={}", if name == "tax" { "6.6" } else { "2.0" }));
    let list = versions.join(",");
    let ran = stage.report(&[
        "deploy",
        "--service",
        &list,
        "--keep-going",
        "--max-parallel",
        "10",
    ]);
    let ran = ran.expect(40);
    all_went_well_but("tax", "40 rolled-back", &ran);
    assert_eq!(at(&stage, "1.0"), ["tax"]);
    assert_eq!(gaps(&stage), 0);
}

#[test]
fn a_signal_takes_back_whatever_has_landed() {
    let slow = r#"case "$1" in refs/heads/main) touch "$GIT_DIR/begun"; sleep 1;; esac"#;
    let stage = stage(slow);
    let report = stage.terminated(&ALL).expect(51).json();
    assert_eq!(at(&stage, "1.0"), NAMES, "{report:#}");
    stage.git.hook("update", "exit 0");
    assert_eq!(gaps(&stage), 0);
}
