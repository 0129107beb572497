//! The world's git server as the `git` program sees it.

use std::{fs, path::Path};

use shipgate::sim::{Faults, Scenario};

use crate::{
    clone::{Clone, address, assert_remote_is_sound, assert_success, git, said, with_token},
    stage::Stage,
};

#[test]
fn a_clone_has_the_branch_and_the_files() {
    let stage = Stage::new(Scenario::Healthy);
    let clone = Clone::of(&stage, "clone", &[]);
    assert_eq!(
        clone.run(&["rev-parse", "HEAD"]),
        stage.world.tip().unwrap()
    );
    assert_eq!(clone.run(&["branch", "--show-current"]), "main");
    assert_eq!(clone.run(&["status", "--porcelain"]), "");
    let policy = fs::read(clone.folder.join("policies/production.yaml")).unwrap();
    assert_eq!(
        stage.world.read("policies/production.yaml").unwrap(),
        Some(policy)
    );
    clone.run(&["fsck", "--full", "--strict"]);
}

#[test]
fn pushes_arrive_and_are_fetched_by_others() {
    let stage = Stage::new(Scenario::Healthy);
    let (ours, theirs) = (
        Clone::of(&stage, "ours", &[]),
        Clone::of(&stage, "theirs", &[]),
    );
    for round in 0..5 {
        let pushed = ours.commit(&format!("file-{round}"));
        ours.run(&["push", "--quiet", "origin", "main"]);
        assert_eq!(stage.world.tip().unwrap(), pushed);
        theirs.run(&["pull", "--quiet", "--ff-only"]);
        assert_eq!(theirs.run(&["rev-parse", "HEAD"]), pushed);
    }
    // Nothing new: an empty pack, or none at all.
    theirs.run(&["fetch", "--quiet"]);
    ours.run(&["push", "--quiet", "origin", "main", "HEAD:refs/heads/copy"]);
    assert_remote_is_sound(&stage);
    theirs.run(&["fsck", "--full", "--strict"]);
}

#[test]
fn shallow_clones_deepen_push_and_become_whole() {
    let stage = Stage::new(Scenario::Healthy);
    for round in 0..6 {
        let path = format!("notes/{round}.md");
        stage
            .world
            .write(&path, b"a note\n", "notes: one more")
            .unwrap();
    }
    let clone = Clone::of(&stage, "shallow", &["--depth", "1"]);
    assert!(clone.is_shallow());
    assert_eq!(clone.commits("HEAD"), 1);

    let pushed = clone.commit("from-shallow");
    clone.run(&["push", "--quiet", "origin", "main"]);
    assert_eq!(stage.world.tip().unwrap(), pushed);

    stage
        .world
        .write("notes/7.md", b"a note\n", "notes: another")
        .unwrap();
    clone.run(&["fetch", "--quiet", "origin"]);
    assert_eq!(clone.commits("origin/main"), 3);
    clone.run(&["fetch", "--quiet", "--depth", "5", "origin"]);
    assert_eq!(clone.commits("origin/main"), 5);
    clone.run(&["fetch", "--quiet", "--depth", "1", "origin"]);
    assert_eq!(clone.commits("origin/main"), 1);
    clone.run(&["fetch", "--quiet", "--unshallow", "origin"]);
    assert!(!clone.is_shallow());
    assert_eq!(clone.commits("origin/main"), 9);
    clone.run(&["fsck", "--full", "--strict"]);
    assert_remote_is_sound(&stage);
}

#[test]
fn shallow_clones_are_those_that_git_itself_makes() {
    let stage = Stage::new(Scenario::Healthy);
    let remote = stage.folder.path().join("gitops.git");
    let run = |arguments: &[&str]| {
        let output = git(&remote, arguments.iter().copied());
        assert_success(&output);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // A history with many merges, straight into the repository.
    let tree = run(&["rev-parse", "main^{tree}"]);
    let mut commits = vec![run(&["rev-parse", "main"])];
    for number in 1..30_usize {
        let message = format!("commit {number}");
        let newest = commits[commits.len() - 1].clone();
        let other = commits[number * 7 / 11].clone();
        let further = commits[number * 5 % commits.len()].clone();
        let parents = match number % 3 {
            0 if other != newest => vec!["-p", &newest, "-p", &other],
            1 if further != newest => vec!["-p", &further, "-p", &newest],
            _ => vec!["-p", &newest],
        };
        let mut arguments = vec!["commit-tree", &tree, "-m", &message];
        arguments.extend(parents);
        commits.push(run(&arguments));
    }
    run(&["update-ref", "refs/heads/main", &commits[commits.len() - 1]]);
    let seen = |clone: &Clone| {
        let mut all: Vec<_> = clone
            .run(&["rev-list", "HEAD"])
            .lines()
            .map(str::to_owned)
            .collect();
        all.sort();
        let mut border: Vec<_> = fs::read_to_string(clone.folder.join(".git/shallow"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect();
        border.sort();
        (all, border)
    };
    let by_path = format!("file://{}", remote.display());
    for depth in ["1", "2", "3", "5", "8", "50"] {
        let ours = Clone::of(&stage, &format!("ours-{depth}"), &["--depth", depth]);
        let theirs = Clone::from(
            &stage,
            &by_path,
            &format!("theirs-{depth}"),
            &["--depth", depth],
        );
        assert_eq!(seen(&ours), seen(&theirs), "depth {depth}");
        for deeper in ["4", "2"] {
            for clone in [&ours, &theirs] {
                clone.run(&["fetch", "--quiet", "--depth", deeper]);
            }
            assert_eq!(seen(&ours), seen(&theirs), "depth {depth}, then {deeper}");
        }
        ours.run(&["fsck", "--full", "--strict"]);
    }
}

#[test]
fn long_negotiations_find_what_is_common() {
    let stage = Stage::new(Scenario::Healthy);
    let clone = Clone::of(&stage, "clone", &[]);
    // Enough commits of our own that the client asks in several rounds, packed with gzip.
    for round in 0..120 {
        clone.run(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            &format!("own {round}"),
        ]);
    }
    for round in 0..40 {
        let path = format!("notes/{round}.md");
        stage
            .world
            .write(&path, b"a note\n", "notes: one more")
            .unwrap();
    }
    clone.run(&["fetch", "--quiet"]);
    assert_eq!(
        clone.run(&["rev-parse", "origin/main"]),
        stage.world.tip().unwrap()
    );
    assert_eq!(clone.commits("origin/main"), 41);
    clone.run(&["merge", "--quiet", "-m", "merge", "origin/main"]);
    clone.run(&["push", "--quiet", "origin", "main"]);
    clone.run(&["fsck", "--full", "--strict"]);
    assert_remote_is_sound(&stage);
}

#[test]
fn a_large_push_and_a_large_fetch_are_whole() {
    let stage = Stage::new(Scenario::Healthy);
    let clone = Clone::of(&stage, "clone", &[]);
    // More than git's post buffer of 1 MiB and than any one packet; bytes that do not compress.
    let mut state = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(3 << 20)
    .collect();
    fs::write(clone.folder.join("large"), &bytes).unwrap();
    clone.run(&["add", "large"]);
    clone.run(&["commit", "--quiet", "-m", "large"]);
    clone.run(&["push", "--quiet", "origin", "main"]);
    let other = Clone::of(&stage, "other", &["--depth", "1"]);
    assert!(fs::read(other.folder.join("large")).unwrap() == bytes);
    assert_remote_is_sound(&stage);
}

#[cfg(unix)]
#[test]
fn of_two_pushes_at_once_one_loses_and_is_told() {
    let stage = Stage::new(Scenario::Healthy);
    let (winner, loser) = (
        Clone::of(&stage, "winner", &[]),
        Clone::of(&stage, "loser", &[]),
    );
    let won = winner.commit("winner");
    loser.commit("loser");
    // The hook runs after the loser has read the server's references and before it sends: the
    // winner's push comes in between.
    let hook = loser.folder.join(".git/hooks/pre-push");
    let script = format!(
        "#!/bin/sh\ncat >/dev/null\nenv -u GIT_DIR git -C '{}' push --quiet origin main\n",
        winner.folder.display()
    );
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, script).unwrap();
    make_executable(&hook);
    let output = loser.git(&["push", "origin", "main"]);
    assert!(!output.status.success());
    let text = said(&output);
    assert!(text.contains("failed to update ref"), "{text}");
    assert!(
        text.contains(&format!("is at {won} but expected")),
        "{text}"
    );
    assert_eq!(stage.world.tip().unwrap(), won);

    // A client that knows better says so by itself.
    fs::remove_file(&hook).unwrap();
    let text = said(&loser.git(&["push", "origin", "main"]));
    assert!(text.contains("fetch first"), "{text}");
    loser.run(&["pull", "--quiet", "--rebase"]);
    loser.run(&["push", "--quiet", "origin", "main"]);
    assert_eq!(stage.world.log().unwrap().len(), 3);
    assert_remote_is_sound(&stage);
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn one_push_carries_several_references() {
    let stage = Stage::new(Scenario::Healthy);
    let clone = Clone::of(&stage, "clone", &[]);
    let pushed = clone.commit("file");
    clone.run(&["tag", "-a", "-m", "a tag", "v1"]);
    // A commit without parents and without files, as a journal has them.
    let empty_tree = clone.run(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let record = clone.run(&["commit-tree", "-m", "a record", &empty_tree]);
    let journal = "refs/shipgate/production/advertisements";
    let output = clone.git(&[
        "push",
        "origin",
        "HEAD:refs/heads/main",
        "HEAD:refs/heads/other",
        &format!("{record}:{journal}"),
        "v1",
        "HEAD:refs/pull/1/head",
    ]);
    let text = said(&output);
    assert!(text.contains("deny updating a hidden ref"), "{text}");
    let names: Vec<_> = stage
        .world
        .references()
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "refs/heads/main",
            "refs/heads/other",
            journal,
            "refs/tags/v1"
        ]
    );

    let other = Clone::of(&stage, "other", &[]);
    other.run(&[
        "fetch",
        "--quiet",
        "origin",
        &format!("{journal}:{journal}"),
    ]);
    assert_eq!(other.run(&["rev-parse", journal]), record);
    assert_eq!(other.run(&["rev-parse", "v1^{commit}"]), pushed);
    other.run(&["fetch", "--quiet", "origin", &pushed]);
    other.run(&["fsck", "--full", "--strict"]);

    other.run(&["push", "--quiet", "origin", "--delete", "other", journal]);
    assert_eq!(stage.world.references().unwrap().len(), 2);
    assert_remote_is_sound(&stage);
}

#[test]
fn only_the_token_opens_the_door() {
    let stage = Stage::new(Scenario::Healthy);
    let here = stage.folder.path();
    let wrong = with_token(&stage, "guess");
    let text = said(&git(here, ["clone", "--quiet", &wrong, "wrong"]));
    assert!(text.contains("Authentication failed"), "{text}");
    let text = said(&git(
        here,
        ["clone", "--quiet", &stage.world.git_url(), "none"],
    ));
    assert!(text.contains("could not read Username"), "{text}");
    let missing = address(&stage).replace("gitops.git", "missing.git");
    let text = said(&git(here, ["clone", "--quiet", &missing, "missing"]));
    assert!(text.contains("not found"), "{text}");
}

#[test]
fn faults_are_those_that_servers_have() {
    let stage = Stage::new(Scenario::Healthy);
    let clone = Clone::of(&stage, "clone", &[]);
    let first = stage.world.tip().unwrap();
    let pushed = clone.commit("file");

    stage.world.set_faults(Faults {
        protect_branch: true,
        refuse_journal: true,
        ..Faults::default()
    });
    let text = said(&clone.git(&["push", "origin", "main"]));
    assert!(
        text.contains("remote: error: refs/heads/main is protected"),
        "{text}"
    );
    assert!(text.contains("protected branch hook declined"), "{text}");
    let text = said(&clone.git(&["push", "origin", "HEAD:refs/shipgate/a/b"]));
    assert!(text.contains("pre-receive hook declined"), "{text}");
    assert_eq!(stage.world.tip().unwrap(), first);

    stage.world.set_faults(Faults {
        lost_answers: 1,
        ..Faults::default()
    });
    let output = clone.git(&["push", "origin", "main"]);
    assert!(!output.status.success(), "the answer was lost");
    assert_eq!(stage.world.tip().unwrap(), pushed, "the push was not");
    assert_eq!(stage.world.faults(), Faults::default());

    let second = clone.commit("second");
    stage.world.set_faults(Faults {
        rivals: 1,
        ..Faults::default()
    });
    let text = said(&clone.git(&["push", "origin", "main"]));
    assert!(text.contains("failed to update ref"), "{text}");
    clone.run(&["pull", "--quiet", "--rebase"]);
    clone.run(&["push", "--quiet", "origin", "main"]);
    assert_ne!(stage.world.tip().unwrap(), second);
    assert_eq!(stage.world.log().unwrap().len(), 4);
    assert_remote_is_sound(&stage);
}

#[test]
fn writers_that_race_and_retry_all_land() {
    let stage = Stage::new(Scenario::Healthy);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let stage = &stage;
            scope.spawn(move || {
                let clone = Clone::of(stage, &format!("writer-{writer}"), &[]);
                for round in 0..3 {
                    clone.commit(&format!("file-{writer}-{round}"));
                    let landed = (0..100).any(|_| {
                        clone
                            .git(&["push", "--quiet", "origin", "main"])
                            .status
                            .success()
                            || {
                                clone.run(&["pull", "--quiet", "--rebase"]);
                                false
                            }
                    });
                    assert!(landed, "writer {writer} never got through");
                }
            });
        }
    });
    let log = stage.world.log().unwrap();
    let mut subjects: Vec<_> = log.iter().map(|line| line.subject.as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 13, "{subjects:?}");
    assert_eq!(log.len(), 13);
    assert_remote_is_sound(&stage);
}
