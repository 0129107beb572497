//! Which credentials go where, and that nothing planted decides.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use shipgate::{
    git::{ConnectionOptions, Repository, ServerToken},
    secret::Secret,
};

use super::{
    TOKEN, edit, options,
    support::git_server::{GitServer, git},
};

fn users(server: &GitServer) -> Vec<Option<String>> {
    let mut users: Vec<_> = server.log().into_iter().map(|line| line.user).collect();
    users.dedup();
    users
}

/// Lays out a work tree as actions/checkout has done since its sixth version: the header in a file
/// of its own, which `includeIf` adds for the work tree, its linked work trees, and both once more
/// as a container sees them (`src/git-auth-helper.ts`).
fn checkout(folder: &Path, scope: &str, token: &str) -> PathBuf {
    let work = folder.join("work");
    fs::create_dir(&work).unwrap();
    git(&work, &["init", "--quiet", "."]);
    let file = folder.join("git-credentials-6f1c0f7a.config");
    fs::write(&file, format!("[http \"{scope}\"]\n\t{}\n", header(token))).unwrap();
    let folder = work.canonicalize().unwrap();
    for (folder, file) in [
        (folder.to_str().unwrap(), file.to_str().unwrap()),
        (
            "/github/workspace",
            "/github/runner_temp/git-credentials-6f1c0f7a.config",
        ),
    ] {
        for below in ["", "/worktrees/*"] {
            git(
                &work,
                &[
                    "config",
                    &format!("includeIf.gitdir:{folder}/.git{below}.path"),
                    file,
                ],
            );
        }
    }
    work
}

/// The line of a configuration that holds a header.
fn header(token: &str) -> String {
    let pair = BASE64_STANDARD.encode(format!("x-access-token:{token}"));
    format!("extraheader = AUTHORIZATION: basic {pair}")
}

#[tokio::test]
async fn the_header_of_a_checkout_serves_its_own_server() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(server.url());
    options.token = None;
    options.checkout = Some(checkout(
        folder.path(),
        &format!("{}/", server.origin()),
        TOKEN,
    ));
    let repository = Repository::open(options.clone()).unwrap();
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(users(&server), [Some("x-access-token".to_owned())]);
    assert_eq!(server.tip("main"), ours.as_str());

    // A folder inside the work tree finds it too.
    let inside = options.checkout.unwrap().join("inside");
    fs::create_dir(&inside).unwrap();
    options.checkout = Some(inside);
    Repository::open(options)
        .unwrap()
        .fetch("main")
        .await
        .unwrap();
}

#[tokio::test]
async fn every_layout_of_a_checkout_is_read() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let scope = format!("{}/", server.origin());
    let work = checkout(folder.path(), &scope, TOKEN);
    git(
        &work,
        &["commit", "--quiet", "--allow-empty", "-m", "first"],
    );
    // A work tree linked to it, and one reached over a link.
    git(&work, &["worktree", "add", "--quiet", "../linked"]);
    std::os::unix::fs::symlink(&work, folder.path().join("alias")).unwrap();
    // Up to the fifth version: the header in the configuration itself, after an empty one that
    // takes back what came before.
    let older = folder.path().join("older");
    git(folder.path(), &["init", "--quiet", "older"]);
    let text = format!(
        "[http \"{scope}\"]\n\t{}\n\textraheader =\n\t{}\n",
        header("wrong"),
        header(TOKEN)
    );
    fs::write(older.join(".git/more"), text).unwrap();
    git(&older, &["config", "include.path", "more"]);
    // The job is over: the file is gone, and so are the credentials.
    let later = tempfile::tempdir().unwrap();
    let over = checkout(later.path(), &scope, TOKEN);
    fs::remove_file(later.path().join("git-credentials-6f1c0f7a.config")).unwrap();
    let rows = [
        (work, true),
        (folder.path().join("linked"), true),
        (folder.path().join("alias"), true),
        (older, true),
        (over, false),
    ];
    for (checkout, expected) in rows {
        let mut options = options(server.url());
        options.token = None;
        options.checkout = Some(checkout.clone());
        let fetched = Repository::open(options).unwrap().fetch("main").await;
        assert_eq!(fetched.is_ok(), expected, "{}", checkout.display());
    }
}

#[tokio::test]
async fn the_header_of_a_checkout_goes_nowhere_else() {
    let server = GitServer::start(TOKEN);
    for scope in [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "http://localhost/",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(server.url());
        options.token = None;
        options.checkout = Some(checkout(folder.path(), scope, TOKEN));
        let repository = Repository::open(options).unwrap();
        let error = repository.fetch("main").await.unwrap_err();
        assert!(error.message().contains("there are none"), "{error}");
    }
    assert_eq!(users(&server), [None]);
}

#[tokio::test]
async fn a_header_without_a_server_counts_only_for_where_the_checkout_is_from() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "."]);
    let header = BASE64_STANDARD.encode(format!("ci:{TOKEN}"));
    git(
        folder.path(),
        &[
            "config",
            "http.extraheader",
            &format!("Authorization: Basic {header}"),
        ],
    );
    let mut options = options(server.url());
    options.token = None;
    options.checkout = Some(folder.path().to_owned());
    let repository = Repository::open(options.clone()).unwrap();
    assert!(repository.fetch("main").await.is_err());
    git(
        folder.path(),
        &[
            "remote",
            "add",
            "origin",
            &format!("{}/app.git", server.origin()),
        ],
    );
    let repository = Repository::open(options).unwrap();
    repository.fetch("main").await.unwrap();
    assert_eq!(users(&server), [None, Some("ci".to_owned())]);
}

#[tokio::test]
async fn the_token_given_comes_before_all_and_goes_alone() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(server.url().replace("http://", "http://ci:wrong@"));
    options.token_user = Some("oauth2".to_owned());
    options.checkout = Some(checkout(folder.path(), &server.origin(), "wrong"));
    let repository = Repository::open(options).unwrap();
    repository.fetch("main").await.unwrap();
    assert_eq!(users(&server), [Some("oauth2".to_owned())]);
}

#[tokio::test]
async fn credentials_in_the_address_are_used_and_never_shown() {
    let server = GitServer::start(TOKEN);
    let mut options = options(
        server
            .url()
            .replace("http://", &format!("http://ci:{TOKEN}@")),
    );
    options.token = None;
    let repository = Repository::open(options.clone()).unwrap();
    repository.fetch("main").await.unwrap();
    assert_eq!(users(&server), [Some("ci".to_owned())]);
    assert_eq!(repository.display(), server.url());
    options.url = options.url.replace("shop.git", "none.git");
    let repository = Repository::open(options).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains(TOKEN));
}

#[tokio::test]
async fn a_planted_rewrite_sends_nothing_elsewhere() {
    let server = GitServer::start(TOKEN);
    let thief = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let work = checkout(folder.path(), &server.origin(), TOKEN);
    for key in ["insteadOf", "pushInsteadOf"] {
        let key = format!("url.{}/.{key}", thief.origin());
        git(
            &work,
            &["config", "--add", &key, &format!("{}/", server.origin())],
        );
    }
    git(&work, &["config", "http.proxy", &thief.origin()]);
    git(
        &work,
        &[
            "config",
            "credential.helper",
            &format!("!touch {}/started", work.display()),
        ],
    );
    let mut options = options(server.url());
    options.token = None;
    options.checkout = Some(work.clone());
    let repository = Repository::open(options).unwrap();
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(server.tip("main"), ours.as_str());
    assert_eq!(thief.log(), []);
    assert!(!work.join("started").exists());
}

/// The user's own configuration is found through the environment of the process; so this test
/// starts itself again with another home.
#[test]
fn a_planted_rewrite_in_the_home_folder_is_not_obeyed() {
    let server = GitServer::start(TOKEN);
    let thief = GitServer::start(TOKEN);
    let home = tempfile::tempdir().unwrap();
    let rewrite = format!(
        "[url \"{0}/\"]\n\tinsteadOf = {1}/\n\tpushInsteadOf = {1}/\n\tinsteadOf = file://\n[core]\n\thooksPath = {2}\n",
        thief.origin(),
        server.origin(),
        home.path().display()
    );
    fs::write(home.path().join(".gitconfig"), rewrite).unwrap();
    fs::create_dir_all(home.path().join("git")).unwrap();
    fs::copy(
        home.path().join(".gitconfig"),
        home.path().join("git/config"),
    )
    .unwrap();
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "credentials::pushes_where_it_is_told",
            "--nocapture",
        ])
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("GIT_CONFIG_GLOBAL", home.path().join(".gitconfig"))
        .env(
            "SHIPGATE_TEST_URLS",
            format!("{} {}", server.url(), server.repository.display()),
        )
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
    assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"));
    assert_eq!(thief.log(), []);
    assert_eq!(server.git(&["rev-list", "--count", "main"]), "3");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "told by the test that starts it")]
fn pushes_where_it_is_told() {
    // The test above starts this one again, with another home and something to do.
    let Ok(urls) = std::env::var("SHIPGATE_TEST_URLS") else {
        return;
    };
    let connection = ConnectionOptions {
        environment: std::env::vars().collect(),
        ..ConnectionOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for url in urls.split(' ') {
            let repository = Repository::open_with(options(url), connection.clone()).unwrap();
            let base = repository.fetch("main").await.unwrap();
            let ours = edit(&repository, &base, &format!("{url}\n")).await;
            repository.push("main", &base, &ours).await.unwrap();
        }
    });
}

#[tokio::test]
async fn no_error_holds_the_token() {
    let server = GitServer::start("another");
    let encoded = BASE64_STANDARD.encode(format!("x-access-token:{TOKEN}"));
    let mut options = options(server.url());
    options.token = Some(Secret::new(TOKEN));
    let repository = Repository::open(options).unwrap();
    let leak = format!("you sent {TOKEN} as Basic {encoded}");
    for status in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "500 Error",
    ] {
        server.fault(
            "info/refs",
            super::support::git_server::Fault::Answer(
                status.to_owned(),
                vec!["Content-Type: text/plain".to_owned()],
                leak.clone(),
            ),
        );
        let error = repository.fetch("main").await.unwrap_err();
        let text = format!("{error:?} {error} {}", error.hint());
        assert!(text.contains("***"), "{text}");
        assert!(!text.contains(TOKEN) && !text.contains(&encoded), "{text}");
    }
}

#[tokio::test]
async fn the_token_of_a_job_goes_to_its_own_server_only() {
    let server = GitServer::start(TOKEN);
    let origin = server.origin();
    let port = origin.rsplit(':').next().unwrap();
    let rows = [
        (origin.clone(), Some("gitlab-ci-token")),
        (format!("https://127.0.0.1:{port}"), None),
        ("http://127.0.0.1:1".to_owned(), None),
        (format!("http://localhost:{port}"), None),
    ];
    for (address, user) in rows {
        let mut options = options(server.url());
        options.token = None;
        let connection = ConnectionOptions {
            job_token: Some(ServerToken {
                server: address.parse().unwrap(),
                token: Secret::new(TOKEN),
            }),
            ..ConnectionOptions::default()
        };
        let repository = Repository::open_with(options, connection).unwrap();
        let fetched = repository.fetch("main").await;
        let last = server.log().pop().unwrap();
        assert_eq!(last.user.as_deref(), user, "{address}");
        assert_eq!(fetched.is_ok(), user.is_some());
        if let Err(error) = fetched {
            let story = format!("CI_JOB_TOKEN is for {} only", address);
            assert!(error.hint().contains(&story), "{error:?}");
        }
    }
}
