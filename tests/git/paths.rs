//! A bare repository on this machine, changed through the `git` program.

use std::path::{Path, PathBuf};

use shipgate::git::{ConnectionOptions, GitError, JournalOutcome, Proof, PushOutcome, Repository};
use tempfile::TempDir;

use super::{
    APP, edit, file, noon, open, options, shown,
    support::git_server::{git, install_hook, others_commit, seed},
};

fn seeded() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("a shop's.git");
    seed(&repository);
    (folder, repository)
}

fn tip(repository: &Path) -> String {
    git(repository, &["rev-parse", "main"])
}

fn at_path(path: &Path) -> Repository {
    open(path.display().to_string())
}

#[tokio::test]
async fn a_path_serves_like_a_server() {
    let (_folder, path) = seeded();
    let address = url::Url::from_file_path(&path).unwrap();
    let repository = open(address);
    others_commit(&path, "main", "a", "a");
    let base = repository.fetch("main").await.unwrap();
    assert_eq!(repository.log(&base, 9).await.unwrap().len(), 1);
    assert_eq!(
        repository.read(&base, APP).await.unwrap().unwrap(),
        b"image: shop:1.0\n"
    );
    assert_eq!(repository.default_branch().await.unwrap(), "main");
    assert_eq!(repository.can_push("main").await, Ok(()));
    let ours = edit(&repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(tip(&path), ours.as_str());
    repository.fetch_history("main").await.unwrap();
    assert_eq!(repository.log(&ours, 9).await.unwrap().len(), 3);
    let missing = repository.fetch("mian").await.unwrap_err();
    assert!(
        matches!(missing, GitError::BranchMissing { .. }),
        "{missing}"
    );
    let tip = repository.remote_tip("refs/heads/main").await.unwrap();
    assert_eq!(tip, Some(ours));
    git(&path, &["fsck", "--strict"]);
}

#[tokio::test]
async fn races_are_lost_and_told() {
    let (_folder, path) = seeded();
    let repository = at_path(&path);
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let theirs = others_commit(&path, "main", "theirs", "theirs");
    let lost = PushOutcome::Lost {
        tip: theirs.parse().unwrap(),
    };
    assert_eq!(repository.push("main", &base, &ours).await.unwrap(), lost);

    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let theirs = others_commit(&path, "main", "theirs", "again");
    git(&path, &["update-ref", "refs/heads/main", base.as_str()]);
    let script = format!(
        "cat > /dev/null\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {theirs}\nrm hooks/pre-receive"
    );
    install_hook(&path, "pre-receive", &script);
    let lost = PushOutcome::Lost {
        tip: theirs.parse().unwrap(),
    };
    assert_eq!(repository.push("main", &base, &ours).await.unwrap(), lost);
    assert_eq!(tip(&path), theirs);
}

#[tokio::test]
async fn hooks_of_the_repository_count() {
    let (_folder, path) = seeded();
    let repository = at_path(&path);
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    install_hook(
        &path,
        "pre-receive",
        "echo 'frozen until Monday' >&2\nexit 1",
    );
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    insta::assert_snapshot!(format!("{outcome:?}"), @r#"Denied { reason: "frozen until Monday | pre-receive hook declined" }"#);
    assert_eq!(tip(&path), base.as_str());
}

#[tokio::test]
async fn writers_at_the_same_time_lose_nothing() {
    let (_folder, path) = seeded();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let repository = at_path(&path);
        writers.spawn(async move {
            for number in 0..3 {
                loop {
                    let base = repository.fetch("main").await.unwrap();
                    let name = format!("{writer}-{number}");
                    let files = vec![file(&name, &name)];
                    let commit = repository
                        .commit(&base, files, &name, noon())
                        .await
                        .unwrap();
                    match repository.push("main", &base, &commit).await.unwrap() {
                        PushOutcome::Pushed => break,
                        PushOutcome::Lost { .. } => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    assert_eq!(git(&path, &["rev-list", "--count", "main"]), "13");
    assert_eq!(
        git(&path, &["log", "--format=%s", "main"]).lines().count(),
        13
    );
}

#[tokio::test]
async fn a_journal_works_on_a_path() {
    let (_folder, path) = seeded();
    let (one, two) = (at_path(&path), at_path(&path));
    let message = "started\n\nShipgate-State: started\n";
    let append = |repository, expected| async move {
        let repository: &Repository = repository;
        repository
            .append_journal(
                "production",
                "shop",
                expected,
                message,
                noon(),
                Proof::ReadBack,
            )
            .await
            .unwrap()
    };
    let JournalOutcome::Appended(first) = append(&one, None).await else {
        panic!("not appended");
    };
    let lost = append(&two, None).await;
    assert_eq!(
        lost,
        JournalOutcome::Lost {
            tip: Some(first.clone())
        }
    );
    let journal = two.journal("production", "shop").await.unwrap();
    assert_eq!(journal.tip, Some(first));
    assert_eq!(journal.records[0].trailers.get("State"), Some("started"));
}

#[test]
fn only_bare_repositories_are_changed() {
    let (folder, path) = seeded();
    let checkout = folder.path().join("checkout");
    git(
        folder.path(),
        &["clone", "--quiet", path.to_str().unwrap(), "checkout"],
    );
    let here = folder.path().canonicalize().unwrap().display().to_string();
    let mut messages = Vec::new();
    for wrong in [
        checkout.clone(),
        folder.path().to_owned(),
        folder.path().join("none"),
        checkout.join(".git"),
    ] {
        let error = Repository::open(options(wrong.display().to_string()))
            .err()
            .unwrap();
        messages.push(shown(&error, &here));
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    NotBare: SERVER/checkout is a work tree; changing its branch would leave its files behind
    hint: name a bare repository, or the address that the work tree was cloned from
    NotFound: SERVER is not a git repository
    hint: name the folder of a bare repository
    NotFound: can not read the repository at SERVER/none: No such file or directory (os error 2)
    hint: check the path; an address on a server begins with https:// or ssh://
    NotBare: SERVER/checkout/.git is a work tree; changing its branch would leave its files behind
    hint: name a bare repository, or the address that the work tree was cloned from
    ");
}

#[tokio::test]
async fn without_the_program_the_way_out_is_named() {
    let (folder, path) = seeded();
    let environment = [("PATH".to_owned(), folder.path().display().to_string())].into();
    let connection = ConnectionOptions {
        environment,
        ..ConnectionOptions::default()
    };
    let repository =
        Repository::open_with(options(path.display().to_string()), connection).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    insta::assert_snapshot!(shown(&error, "SERVER"), @"
    Invalid: the git program is not installed, and this address needs it
    hint: install git, or use an https:// address
    ");
}

#[tokio::test]
async fn a_hook_that_never_ends_is_not_waited_for() {
    let (folder, path) = seeded();
    let mut options = options(path.display().to_string());
    options.timeout = std::time::Duration::from_secs(2);
    let repository = Repository::open(options).unwrap();
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let pid = folder.path().join("pid");
    install_hook(
        &path,
        "pre-receive",
        &format!("echo $$ > '{}'\nexec sleep 1000", pid.display()),
    );
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    insta::assert_debug_snapshot!(outcome, @r#"
    NotTaken {
        reason: "git push: no answer within 2 s",
    }
    "#);
    // Nothing that was started for it lives on.
    let pid = std::fs::read_to_string(pid).unwrap();
    let alive = Path::new("/proc").join(pid.trim()).join("cmdline");
    assert!(std::fs::read(alive).unwrap_or_default().is_empty());
}
